import { describe, expect, it } from "@effect/vitest"
import * as Channel from "effect-suprsend/Channel"
import type * as Operation from "effect-suprsend/Operation"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as FastCheck from "effect/FastCheck"
import { issuesOf, issuesOfProfile, messageOf, pathsOf } from "./utils/issues.js"
import { dataFirst, untyped } from "./utils/untyped.js"

const user = UserEdit.edit("user-42")

describe("isChannelKey", () => {
  it("accepts each channel key", () => {
    expect(Channel.channelKeys.filter(Channel.isChannelKey)).toEqual([...Channel.channelKeys])
    expect(new Set(Channel.channelKeys).size).toBe(8)
  })

  it.prop("refuses any other key", [
    FastCheck.oneof(
      FastCheck.string(),
      FastCheck.constantFrom("$inbox", "email", "$EMAIL", " $email", "$email ", "__proto__", "constructor", "toString")
    ).filter((key) =>
      !["email", "whatsapp", "sms", "androidpush", "iospush", "webpush", "slack", "ms_teams"]
        .some((name) => key === `$${name}`)
    )
  ], ([key]) => {
    expect(Channel.isChannelKey(key)).toBe(false)
  })

  it("refuses what is not a string", () => {
    for (const key of [undefined, null, 0, {}, ["$email"]]) expect(untyped(Channel.isChannelKey)(key)).toBe(false)
  })

  it("decides which values are validated as identities", () => {
    for (const key of Channel.channelKeys) expect(issuesOf(UserEdit.append(user, key, ""))).toHaveLength(1)
    for (const key of ["$inbox", "email", "plan"]) expect(issuesOf(UserEdit.append(user, key, ""))).toEqual([])
  })
})

describe("an identity", () => {
  const secret = "token-1"
  const subscription = { endpoint: "https://push.example.com/1", keys: { p256dh: "p", auth: "a" } }

  /** A channel, its verbs, an identity that contains a text, and the path of the text. */
  const places: ReadonlyArray<
    readonly [key: string, verbs: string, identity: (text: string) => Operation.JsonValue, path: ReadonlyArray<string>]
  > = [
    ["$email", "Email", (text) => text, []],
    ["$sms", "Sms", (text) => text, []],
    ["$whatsapp", "Whatsapp", (text) => text, []],
    ["$androidpush", "AndroidPush", (text) => text, []],
    ["$iospush", "IosPush", (text) => text, []],
    ["$webpush", "WebPush", (endpoint) => ({ ...subscription, endpoint }), ["endpoint"]],
    ["$webpush", "WebPush", (auth) => ({ ...subscription, keys: { p256dh: "p", auth } }), ["keys", "auth"]],
    ["$webpush", "WebPush", (p256dh) => ({ ...subscription, keys: { p256dh, auth: "a" } }), ["keys", "p256dh"]],
    ["$slack", "Slack", (email) => ({ email, access_token: secret }), ["email"]],
    ["$slack", "Slack", (user_id) => ({ user_id, access_token: secret }), ["user_id"]],
    ["$slack", "Slack", (channel_id) => ({ channel_id, access_token: secret }), ["channel_id"]],
    ["$slack", "Slack", (access_token) => ({ user_id: "U1", access_token }), ["access_token"]],
    ["$slack", "Slack", (url) => ({ incoming_webhook: { url } }), ["incoming_webhook", "url"]],
    ["$ms_teams", "MsTeams", (id) => ({ tenant_id: id, service_url: "s", user_id: "u" }), ["tenant_id"]],
    ["$ms_teams", "MsTeams", (url) => ({ tenant_id: "t", service_url: url, user_id: "u" }), ["service_url"]],
    ["$ms_teams", "MsTeams", (id) => ({ tenant_id: "t", service_url: "s", conversation_id: id }), ["conversation_id"]],
    ["$ms_teams", "MsTeams", (url) => ({ incoming_webhook: { url } }), ["incoming_webhook", "url"]]
  ]

  const verb = (name: string): (...args: never) => unknown => {
    const verb: unknown = Reflect.get(UserEdit, name)
    if (typeof verb !== "function") throw new Error(`There is no ${name}`)
    return (...args) => Reflect.apply(verb, undefined, args)
  }

  /** Every way to add an identity to an edit. */
  const ways = (key: string, verbs: string, identity: Operation.JsonValue): ReadonlyArray<UserEdit.UserEdit> => [
    dataFirst(verb(`add${verbs}`), user, [identity]),
    dataFirst(verb(`remove${verbs}`), user, [identity]),
    UserEdit.append(user, key, identity),
    UserEdit.append(user, { [` ${key}`]: identity, plan: "pro" }),
    UserEdit.remove(user, key, identity),
    UserEdit.remove(user, { [key]: identity }),
    UserEdit.appendOperation(user, { $append: { [key]: identity } }),
    UserEdit.appendOperation(user, { $remove: { [key]: identity } })
  ]

  const blank = FastCheck.constantFrom(
    " ",
    "\n",
    "\t",
    "\r\n",
    "\u00a0",
    "\u3000",
    "\u0085",
    "\ufeff",
    "\u200b",
    "\u202a",
    "\u0000"
  )

  for (const [key, verbs, identity, path] of places) {
    it.prop(`with leading or trailing white space is invalid, added or removed: ${[key, ...path].join(".")}`, [
      FastCheck.tuple(FastCheck.option(blank, { nil: "" }), FastCheck.option(blank, { nil: "" }))
        .filter(([before, after]) => before + after !== ""),
      FastCheck.constantFrom("ada@example.com", "+15555555555", "a b", "é")
    ], ([[before, after], text]) => {
      for (const edit of ways(key, verbs, identity(text))) expect(pathsOf(edit)).toEqual([])
      expect(issuesOfProfile({ [key]: [identity(text)] })).toEqual([])
      for (const edit of ways(key, verbs, identity(before + text + after))) {
        expect(pathsOf(edit)).toEqual([[
          edit.operations[0]?.hasOwnProperty("$append") ? "$append" : "$remove",
          key,
          ...path
        ]])
        expect(messageOf(edit)).toContain("leading or trailing white space")
      }
      expect(issuesOfProfile({ [key]: [identity(before + text + after)] }).map(({ path }) => path)).toEqual([
        [key, 0, ...path]
      ])
    }, { fastCheck: { numRuns: 20 } })

    it(`that is blank is invalid: ${[key, ...path].join(".")}`, () => {
      for (const text of ["", " ", "\u3000"]) {
        for (const edit of ways(key, verbs, identity(text))) {
          expect(pathsOf(edit).map((path) => path.slice(2))).toEqual([path])
        }
        expect(issuesOfProfile({ [key]: [identity(text)] }).map(({ path }) => path)).toEqual([[key, 0, ...path]])
      }
    })
  }

  it("for web push is invalid without endpoint or keys", () => {
    const { endpoint, keys } = subscription
    const broken: ReadonlyArray<readonly [subscription: unknown, path: ReadonlyArray<string>]> = [
      [{ keys }, ["endpoint"]],
      [{ endpoint: null, keys }, ["endpoint"]],
      [{ endpoint }, ["keys"]],
      [{ endpoint, keys: null }, ["keys"]],
      [{ endpoint, keys: "p a" }, ["keys"]],
      [{ endpoint, keys: {} }, ["keys", "p256dh"]],
      [{ endpoint, keys: { p256dh: "p" } }, ["keys", "auth"]],
      [{ endpoint, keys: { auth: "a", p256dh: 1 } }, ["keys", "p256dh"]],
      [{ token: "t" }, ["endpoint"]]
    ]
    for (const [subscription, path] of broken) {
      for (const name of ["addWebPush", "removeWebPush"]) {
        expect(pathsOf(dataFirst(verb(name), user, [subscription])).map((path) => path.slice(2))).toEqual([path])
      }
      for (const generic of [UserEdit.append, UserEdit.remove]) {
        expect(pathsOf(dataFirst(generic, user, ["$webpush", subscription])).map((path) => path.slice(2))).toEqual([
          path
        ])
      }
      expect(issuesOfProfile({ $webpush: [subscription] }).map(({ path }) => path)).toEqual([["$webpush", 0, ...path]])
    }
  })

  it("is not checked in a property that is not a channel", () => {
    expect(issuesOf(UserEdit.set(user, { name: " Ada ", $email: " as the vendor has it " }))).toEqual([])
    expect(issuesOf(UserEdit.append(user, "nicknames", " Ada "))).toEqual([])
  })
})
