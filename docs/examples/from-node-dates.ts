import { pipe } from "effect"
import { edit, set, setOnce } from "effect-suprsend/UserEdit"

export const loggedIn = (id: string, at: Date) =>
  pipe(edit(id), setOnce("first_login", at.toISOString()), set({ session: { last_login: at.toISOString() } }))
