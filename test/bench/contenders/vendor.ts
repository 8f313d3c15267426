// The vendor's Node SDK, used as its documentation says.
import { Suprsend } from "@suprsend/node-sdk"
import { emailOf, idOf, propertiesOf, workspace } from "../record.js"
import { type Builder, callers, type Session } from "./contender.js"

const make = (url: string) => new Suprsend(workspace.key, workspace.secret, { base_url: url })

export const open = (url: string): Session => {
  const { users } = make(url)
  const editOf = (i: number) => {
    const edit = users.get_edit_instance(idOf(i))
    edit.add_email(emailOf(i))
    edit.set(propertiesOf(i))
    edit.increment("logins", 1)
    return edit
  }
  return {
    // Its requests go out one after another, whatever one asks for.
    bulk: async (count) => {
      const bulk = users.get_bulk_edit_instance()
      for (let i = 0; i < count; i++) bulk.append(editOf(i))
      const response = await bulk.save()
      if (response.status !== "success") throw new Error(`The vendor's bulk ended with ${response.status}`)
    },
    single: (from, to, concurrency) =>
      callers(from, to, concurrency, async (i) => {
        await users.async_edit(editOf(i))
      }),
    close: () => Promise.resolve()
  }
}

const { users } = make("http://127.0.0.1/")

export const builder: Builder = {
  build: (id) => {
    const edit = users.get_edit_instance(id)
    edit.add_email("ada@example.com")
    edit.set("plan", "pro")
    edit.increment("logins", 1)
    return id.length
  },
  chain: (verbs) => {
    const edit = users.get_edit_instance("user-42")
    for (let i = 0; i < verbs; i++) edit.increment("logins", i)
    return verbs
  }
}
