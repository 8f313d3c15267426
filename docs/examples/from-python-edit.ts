import { Effect, pipe } from "effect"
import { edit, increment, setTimezone } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

export const loggedIn = Effect.gen(function*() {
  const users = yield* UsersService
  return yield* users.asyncEdit(pipe(edit("user-42"), setTimezone("Europe/London"), increment("login_count", 1)))
})
