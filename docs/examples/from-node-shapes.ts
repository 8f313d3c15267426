import { Effect } from "effect"
import { UsersService } from "effect-suprsend/UsersService"

export const contact = (id: string) =>
  Effect.gen(function*() {
    const users = yield* UsersService
    const user = yield* users.get(id)
    const page = yield* users.list({ limit: 10 })
    return {
      id: user.distinctId,
      emails: user.channels.$email?.map((email) => email.value),
      timezone: user.properties.$timezone,
      asTheVendorHasIt: user.raw,
      others: page.items.map((other) => other.distinctId),
      next: page.hasMore ? page.after : undefined
    }
  })
