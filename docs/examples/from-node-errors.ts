import { Effect } from "effect"
import { UsersService } from "effect-suprsend/UsersService"

export const planOf = (id: string) =>
  Effect.flatMap(UsersService, (users) => users.get(id)).pipe(
    Effect.map((user) => user.properties.plan),
    Effect.catchTag("SuprsendUserNotFound", () => Effect.succeed(undefined))
  )
