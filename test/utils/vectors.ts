import * as UserEdit from "effect-suprsend/UserEdit"
import * as Equal from "effect/Equal"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { readFileSync } from "node:fs"
import { dataFirst, dataLast, untyped } from "./untyped.js"

/** Reads one of the golden vectors in test/fixtures (what its members mean stands in their README). */
export const vectors = <A, I>(file: string, testCase: Schema.Schema<A, I>): ReadonlyArray<A> =>
  Schema.decodeUnknownSync(Schema.parseJson(Schema.Struct({ cases: Schema.Array(testCase) })))(
    readFileSync(new URL(`../fixtures/${file}`, import.meta.url), "utf8")
  ).cases

/** The workspace of the recordings. */
export const credentials = {
  workspaceKey: "wire_test_workspace_key",
  workspaceSecret: Redacted.make("wire_test_workspace_secret")
}

/** A call as the vendor's Python SDK has it: the name of the method, then its arguments. */
export const Call = Schema.Tuple([Schema.String], Schema.Unknown)
export type Call = typeof Call.Type

const verbs: Readonly<Record<string, (...args: never) => unknown>> = {
  set: UserEdit.set,
  set_once: UserEdit.setOnce,
  increment: UserEdit.increment,
  append: UserEdit.append,
  remove: UserEdit.remove,
  unset: UserEdit.unset,
  set_preferred_language: UserEdit.setPreferredLanguage,
  set_locale: UserEdit.setLocale,
  set_timezone: UserEdit.setTimezone,
  add_email: UserEdit.addEmail,
  add_sms: UserEdit.addSms,
  add_whatsapp: UserEdit.addWhatsapp,
  add_androidpush: UserEdit.addAndroidPush,
  add_iospush: UserEdit.addIosPush,
  add_webpush: UserEdit.addWebPush,
  add_slack: UserEdit.addSlack,
  add_ms_teams: UserEdit.addMsTeams,
  remove_email: UserEdit.removeEmail,
  remove_sms: UserEdit.removeSms,
  remove_whatsapp: UserEdit.removeWhatsapp,
  remove_androidpush: UserEdit.removeAndroidPush,
  remove_iospush: UserEdit.removeIosPush,
  remove_webpush: UserEdit.removeWebPush,
  remove_slack: UserEdit.removeSlack,
  remove_ms_teams: UserEdit.removeMsTeams
}

// Python has the provider and the bundle id of a push token in their places, we have them by name.
const ourArguments = (name: string, args: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const [token, provider, bundleId] = args
  return name.endsWith("push") && args.length > 1 ? [token, { provider, bundleId }] : args
}

/** Makes a call with the verb of ours that corresponds to it, in both of its forms. */
export const perform = (edit: UserEdit.UserEdit, [name, ...args]: Call): UserEdit.UserEdit => {
  const verb = verbs[name]
  if (verb === undefined) throw new Error(`There is no verb for ${name}`)
  const first = dataFirst(verb, edit, ourArguments(name, args))
  const last = dataLast(verb, edit, ourArguments(name, args))
  if (!Equal.equals(first, last)) throw new Error(`${name}: the two forms disagree`)
  return first
}

const decodeCalls = Schema.decodeUnknownSync(Schema.Array(Call))

/** The edit that the vendor's SDK builds of calls: `[id, calls, tenant?]`. */
export const editOf = (distinctId: unknown, calls: unknown, tenantId?: unknown): UserEdit.UserEdit =>
  decodeCalls(calls).reduce(
    perform,
    untyped(UserEdit.edit)(distinctId, tenantId === undefined ? undefined : { tenantId })
  )

const decodePayload = Schema.decodeUnknownSync(
  Schema.Struct({ operations: Schema.optionalWith(Schema.Array(Schema.Unknown), { default: () => [] }) })
)

/** The edit that holds the operations of a payload as they are: `[id, { operations }, tenant?]`. */
export const rawEditOf = (distinctId: unknown, payload: unknown, tenantId?: unknown): UserEdit.UserEdit =>
  decodePayload(payload ?? {}).operations.reduce<UserEdit.UserEdit>(
    (edit, operation) => dataFirst(UserEdit.appendOperation, edit, [operation]),
    editOf(distinctId, [], tenantId)
  )
