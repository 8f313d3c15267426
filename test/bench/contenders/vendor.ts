// The vendor's Node SDK, used as its documentation says.
import { Suprsend } from "@suprsend/node-sdk"
import {
  emailOf,
  type Form,
  formsOf,
  idOf,
  languageOf,
  phoneOf,
  propertiesOf,
  slackOf,
  teamsOf,
  workspace,
  zoneOf
} from "../record.js"
import { type Builder, callers, type Session } from "./contender.js"

const make = (url: string) => new Suprsend(workspace.key, workspace.secret, { base_url: url })

type Edit = ReturnType<ReturnType<typeof make>["users"]["get_edit_instance"]>

const apply: Record<Form, (edit: Edit, i: number) => void> = {
  addEmail: (edit, i) => edit.add_email(emailOf(i)),
  set: (edit, i) => edit.set("name", `Ada ${i}`),
  setRecord: (edit, i) => edit.set(propertiesOf(i)),
  setTimezone: (edit, i) => edit.set_timezone(zoneOf(i)),
  setPreferredLanguage: (edit, i) => edit.set_preferred_language(languageOf(i)),
  increment: (edit) => edit.increment("logins", 1),
  incrementRecord: (edit) => edit.increment({ logins: 1, orders: -1 }),
  addSms: (edit, i) => edit.add_sms(phoneOf(i)),
  addWhatsapp: (edit, i) => edit.add_whatsapp(phoneOf(i)),
  addSlack: (edit, i) => edit.add_slack(slackOf(i)),
  addMsTeams: (edit, i) => edit.add_ms_teams(teamsOf(i)),
  removeEmail: (edit, i) => edit.remove_email(emailOf(i)),
  removeSms: (edit, i) => edit.remove_sms(phoneOf(i)),
  removeSlack: (edit, i) => edit.remove_slack(slackOf(i)),
  setOnce: (edit) => edit.set_once("first_login", "2021-11-02"),
  setOnceRecord: (edit) => edit.set_once({ first_login: "2021-11-02", signup_date: "2021-11-02" }),
  unset: (edit) => edit.unset("name"),
  unsetList: (edit) => edit.unset(["$email", "$sms", "$whatsapp"]),
  append: (edit, i) => edit.append("played_games", `game_${i % 50}`),
  appendRecord: (edit, i) => edit.append({ played_games: `game_${i % 50}`, liked_games: "game_2" }),
  remove: (edit, i) => edit.remove("played_games", `game_${i % 50}`)
}

export const open = (url: string): Session => {
  const { users } = make(url)
  const editOf = (i: number) => {
    const edit = users.get_edit_instance(idOf(i))
    for (const form of formsOf(i)) apply[form](edit, i)
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
