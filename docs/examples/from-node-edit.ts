import { Effect, pipe } from "effect"
import { addEmail, edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

export const signUp = Effect.gen(function*() {
  const users = yield* UsersService
  const { insertId } = yield* users.asyncEdit(pipe(edit("user-42"), addEmail("ada@example.com"), set("plan", "pro")))
  return insertId
})
