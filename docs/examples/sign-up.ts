import { Effect, pipe } from "effect"
import * as Suprsend from "effect-suprsend/Suprsend"
import { addEmail, edit, increment, set, setTimezone } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

export const signUp = (id: string, email: string) =>
  Effect.gen(function*() {
    const users = yield* UsersService
    const { insertId } = yield* users.asyncEdit(
      pipe(edit(id), addEmail(email), setTimezone("Europe/London"), set({ plan: "free" }), increment("logins", 1))
    )
    yield* Effect.log(`accepted as event ${insertId}`)
  }).pipe(
    Effect.catchTag("InvalidUserEdit", (error) => Effect.logWarning("not sent", error.issues))
  )

// Reads SUPRSEND_WORKSPACE_KEY and SUPRSEND_WORKSPACE_SECRET.
export const main = Effect.provide(signUp("user-42", "ada@example.com"), Suprsend.layerConfig())
