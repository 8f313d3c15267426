import { describe, expect, it } from "@effect/vitest"
import { PreferencesService } from "effect-suprsend/PreferencesService"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { byHand, event } from "../utils/byHand.js"

const json = "application/json"

describe("the recorded responses", () => {
  it.effect("to events are 202, a text of OK, with the vendor's content type", () =>
    Effect.gen(function*() {
      for (const body of [event("ada", []), [event("eve", []), event("bob", [])]]) {
        expect(yield* byHand("POST", "/event/", body)).toMatchObject({
          status: 202,
          contentType: "text/plain;charset=UTF-8",
          text: "OK"
        })
      }
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("to deletions are 204 and nothing, not even a content type", () =>
    Effect.gen(function*() {
      yield* byHand("POST", "/v1/user/ada/tenant/acme/", {})
      for (
        const [uri, body] of [
          ["/v1/user/ada/tenant/acme/", undefined],
          ["/v1/user/ada/", undefined],
          ["/v1/bulk/user/", { distinct_ids: ["ada"] }]
        ] as const
      ) {
        expect(yield* byHand("DELETE", uri, body)).toMatchObject({ status: 204, contentType: undefined, text: "" })
      }
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("that a user is missing have the vendor's words", () =>
    Effect.gen(function*() {
      const calls = [
        ["GET", ""],
        ["DELETE", ""],
        ["POST", "merge/"],
        ["GET", "tenant/"],
        ["GET", "associated_tenant/"],
        ["GET", "preference/"],
        ["GET", "subscribed_to/list/"]
      ] as const
      for (const [method, rest] of calls) {
        const body = method === "POST" ? { from_user_id: "ada" } : undefined
        const { contentType, status, text } = yield* byHand(method, `/v1/user/user1/${rest}`, body)
        expect([status, contentType, text]).toEqual([
          404,
          json,
          `{"code":404,"message":"user [distinct_id: 'user1'] not found"}`
        ])
      }
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("about preferences have a preference of null, a section without a name, and no tags where there are none", () =>
    Effect.gen(function*() {
      const { defineCategory } = yield* Sandbox.Sandbox
      yield* byHand("POST", "/v1/user/ada/", {})
      yield* defineCategory({ category: "news", originalPreference: null })
      yield* defineCategory({ category: "offers", tags: [] })
      const { sections } = Object(yield* Effect.map(byHand("GET", "/v1/user/ada/preference/"), (it) => it.json()))
      expect(sections[0]).toMatchObject({ name: null })
      const [news, offers] = sections[0].subcategories
      expect(news).toMatchObject({ original_preference: null, preference: "opt_in", is_editable: true })
      expect(news).not.toHaveProperty("tags")
      expect(news).not.toHaveProperty("effective_tags")
      expect(offers).toMatchObject({ original_preference: "opt_in", tags: [], effective_tags: [] })
      const preferences = yield* PreferencesService
      const read = yield* preferences.get("ada")
      expect(read.sections[0]?.subcategories.map(({ category, tags }) => [category, tags])).toEqual([
        ["news", []],
        ["offers", []]
      ])
      yield* preferences.updateCategory("ada", "news", { preference: "opt_out" })
    }).pipe(Effect.provide(Suprsend.layerTest), Effect.provide(Sandbox.layer)))

  it.effect("of lists have 10 items unless `limit` says otherwise", () =>
    Effect.gen(function*() {
      yield* byHand("POST", "/event/", Arr.makeBy(12, (n) => event(`user-${n}`, [])))
      for (const [query, length] of [["", 10], ["?limit=11", 11], ["?limit=100", 12]] as const) {
        const page = yield* Effect.map(byHand("GET", `/v1/user/${query}`), (it) => Object(it.json()))
        expect(page.results).toHaveLength(length)
        expect(page.meta).toMatchObject({ count: 12, limit: query === "" ? 10 : Number(query.slice(7)) })
      }
    }).pipe(Effect.provide(Sandbox.layer)))
})

describe("an API key", () => {
  const bearer = (key: string) => ({ "content-type": json, authorization: `Bearer ${key}` })
  const { apiKey, workspaceUid } = Sandbox.apiKeyCredentials
  const own = bearer(Redacted.value(apiKey))

  it.effect("is accepted, with neither date nor signature, and another one is not", () =>
    Effect.gen(function*() {
      expect(yield* byHand("GET", "/v1/user/", undefined, own)).toMatchObject({ status: 200 })
      for (const headers of [bearer("another"), bearer(""), { ...own, authorization: Redacted.value(apiKey) }]) {
        expect(yield* byHand("GET", "/v1/user/", undefined, headers)).toMatchObject({ status: 401, contentType: json })
      }
      expect(
        yield* byHand("POST", "/v1/user/ada/", {}, { authorization: own.authorization, "content-type": "text/plain" })
      )
        .toMatchObject({ status: 400 })
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("wants events to name its workspace by the UID, where they name one", () =>
    Effect.gen(function*() {
      const post = (more: { readonly env?: unknown }) => byHand("POST", "/event/", event("ada", [], more), own)
      expect(yield* post({ env: workspaceUid })).toMatchObject({ status: 202 })
      expect(yield* post({})).toMatchObject({ status: 202 })
      expect(yield* post({ env: Sandbox.credentials.workspaceKey })).toMatchObject({ status: 401 })
      const both = [event("bob", [], { env: workspaceUid }), event("eve", [], { env: "another" })]
      expect(yield* byHand("POST", "/event/", both, own)).toMatchObject({ status: 401 })
      expect((yield* (yield* Sandbox.Sandbox).users).map(({ distinctId }) => distinctId)).toEqual(["ada"])
    }).pipe(Effect.provide(Sandbox.layer)))

  const services = UsersService.layer.pipe(
    Layer.provide(SuprsendClient.layer(Sandbox.apiKeyCredentials)),
    Layer.provideMerge(Sandbox.layer)
  )

  it.effect("is all that a client of ours needs, and is not shown", () =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      yield* users.asyncEdit(UserEdit.set(UserEdit.edit("ada"), "plan", "pro"))
      expect((yield* users.bulkEdit([UserEdit.edit("bob"), UserEdit.edit("eve")])).success).toBe(2)
      expect((yield* users.get("ada")).properties).toEqual({ plan: "pro" })
      yield* users.delete("ada")
      const requests = yield* Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.requests)
      expect(requests[0]?.json).toMatchObject({ env: workspaceUid })
      expect(JSON.stringify(requests)).not.toContain(Redacted.value(apiKey))
    }).pipe(Effect.provide(services)))
})

describe("tenants", () => {
  const sandbox = Effect.flatMap(Sandbox.Sandbox, Effect.succeed)
  const both = Effect.gen(function*() {
    yield* byHand("POST", "/v1/user/ada/", {
      plan: "free",
      theme: { dark: true, size: 2 },
      $email: ["ada@example.com"]
    })
    yield* byHand("POST", "/v1/user/ada/tenant/acme/", {
      plan: "pro",
      theme: { dark: false },
      $sms: ["+15555555555"]
    })
  })
  const effective = {
    properties: { plan: "pro", theme: { dark: false } },
    $email: [{ value: "ada@example.com" }],
    $sms: [{ value: "+15555555555" }]
  }

  it.effect("win key by key in the effective profile, and change nothing of the user", () =>
    Effect.gen(function*() {
      yield* both
      const { user } = yield* sandbox
      const forAcme = Option.getOrThrow(yield* user("ada", { tenantId: "acme" }))
      expect(forAcme.raw).toMatchObject(effective)
      expect(Option.getOrThrow(yield* user("ada")).properties).toEqual({ plan: "free", theme: { dark: true, size: 2 } })
      expect(Option.getOrThrow(yield* user("ada", { tenantId: "other" })).properties).toMatchObject({ plan: "free" })
      const { results } = Object(yield* Effect.map(byHand("GET", "/v1/user/?tenant_id=acme"), (it) => it.json()))
      expect(results).toMatchObject([{ ...effective, tenant: { tenant_id: "acme" } }])
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("are listed with their profiles beside the list of tenants", () =>
    Effect.gen(function*() {
      yield* both
      yield* byHand("POST", "/v1/user/ada/tenant/umbrella/", { role: "guest" })
      const read = (uri: string) => Effect.map(byHand("GET", `/v1/user/ada/${uri}`), (it) => Object(it.json()))
      expect(yield* read("tenant/")).toMatchObject({
        meta: { count: 2, limit: 10, has_next: false },
        results: [
          { distinct_id: "ada", properties: { plan: "pro" }, tenant: { tenant_id: "acme", tenant_name: "acme" } },
          { distinct_id: "ada", properties: { role: "guest" }, tenant: { tenant_id: "umbrella" } }
        ]
      })
      const page = yield* read("tenant/?limit=1")
      const next = yield* read(`tenant/?limit=1&after=${page.meta.after}`)
      expect(next.results).toMatchObject([{ tenant: { tenant_id: "umbrella" } }])
      expect((yield* read("associated_tenant/")).results).toEqual([
        { tenant_id: "acme", tenant_name: "acme" },
        { tenant_id: "umbrella", tenant_name: "umbrella" }
      ])
      expect(yield* byHand("POST", "/v1/user/ada/tenant/", {})).toMatchObject({ status: 405 })
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("show the effective profile, or their own if the options say so", () =>
    Effect.gen(function*() {
      const seen = Effect.gen(function*() {
        yield* both
        const edited = yield* byHand("PATCH", "/v1/user/ada/tenant/acme/", { operations: [{ $set: { seats: 3 } }] })
        return [edited.json(), (yield* byHand("GET", "/v1/user/ada/tenant/acme/")).json()]
      })
      for (const one of yield* Effect.provide(seen, Sandbox.layerWith({ tenantProfiles: "own" }))) {
        expect(one).toMatchObject({ properties: { plan: "pro", seats: 3 } })
        expect(one).not.toHaveProperty("$email")
      }
      for (const one of yield* Effect.provide(seen, Sandbox.layer)) {
        expect(one).toMatchObject({ ...effective, properties: { ...effective.properties, seats: 3 } })
      }
    }))

  it.effect("exclude each other where users belong to one alone", () =>
    Effect.gen(function*() {
      const refused = {
        status: 400,
        text: `{"code":400,"message":"user is already associated with a different tenant"}`
      }
      const names = Effect.map(byHand("GET", "/v1/user/ada/associated_tenant/"), (it) => Object(it.json()).meta.count)
      yield* both
      yield* byHand("POST", "/v1/user/ada/tenant/acme/", { plan: "max" })
      expect(yield* byHand("POST", "/v1/user/ada/tenant/umbrella/", {})).toMatchObject(refused)
      expect(yield* byHand("PATCH", "/v1/user/ada/tenant/umbrella/", { operations: [] })).toMatchObject(refused)
      // Events are accepted, and what comes of them is found out later.
      const late = event("ada", [{ $set: { plan: "free" } }], { tenant_id: "umbrella" })
      expect(yield* byHand("POST", "/event/", late)).toMatchObject({ status: 202 })
      expect(yield* (yield* sandbox).deliveries).toEqual([])
      expect(yield* names).toBe(1)
      yield* byHand("POST", "/v1/user/eve/tenant/umbrella/", {})
      expect(yield* byHand("POST", "/v1/user/ada/merge/", { from_user_id: "eve" })).toMatchObject({ status: 201 })
      expect(yield* names).toBe(1)
      yield* byHand("DELETE", "/v1/user/ada/tenant/acme/")
      expect(yield* byHand("POST", "/v1/user/ada/tenant/umbrella/", {})).toMatchObject({ status: 201 })
    }).pipe(Effect.provide(Sandbox.layerWith({ userTenancyMode: "exclusive" }))))

  it.effect("have to exist where only those exist that were defined", () =>
    Effect.gen(function*() {
      const missing = { status: 404, text: `{"code":404,"message":"tenant not found"}` }
      const { defineTenant, deliveries, users } = yield* sandbox
      yield* defineTenant({ tenantId: "acme" })
      expect(yield* byHand("POST", "/v1/user/ada/tenant/umbrella/", {})).toMatchObject(missing)
      expect(yield* byHand("PATCH", "/v1/user/ada/tenant/umbrella/", { operations: [] })).toMatchObject(missing)
      yield* byHand("POST", "/event/", event("ada", [], { tenant_id: "umbrella" }))
      expect([yield* users, yield* deliveries]).toEqual([[], []])
      expect(yield* byHand("POST", "/v1/user/ada/tenant/acme/", {})).toMatchObject({ status: 201 })
    }).pipe(Effect.provide(Sandbox.layerWith({ tenantsMustExist: true }))))

  it.effect("that are empty in an event are none", () =>
    Effect.gen(function*() {
      yield* byHand("POST", "/event/", event("ada", [{ $set: { plan: "pro" } }], { tenant_id: "" }))
      expect((yield* (yield* sandbox).users).map(({ properties }) => properties)).toEqual([{ plan: "pro" }])
    }).pipe(Effect.provide(Sandbox.layer)))
})

describe("addresses that are removed", () => {
  const statuses = (...operations: ReadonlyArray<unknown>) =>
    Effect.gen(function*() {
      yield* byHand("POST", "/v1/user/ada/", { $email: ["a@b.co", "c@d.co"], $sms: ["+15555555555"] })
      const { json } = yield* byHand("PATCH", "/v1/user/ada/", { operations })
      return Object.entries(Object(json())).flatMap(([channel, addresses]) =>
        channel.startsWith("$") && Array.isArray(addresses)
          ? addresses.map(({ status, value }) => [channel, value, status])
          : []
      )
    })
  const operations = [{ $remove: { $email: "a@b.co" } }, { $unset: ["$sms"] }]

  it.effect("are gone", () =>
    Effect.gen(function*() {
      expect(yield* statuses(...operations)).toEqual([["$email", "c@d.co", "active"]])
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("stay as inactive ones if the options say so, until they are added again", () =>
    Effect.gen(function*() {
      expect(yield* statuses(...operations)).toEqual([
        ["$email", "a@b.co", "inactive"],
        ["$email", "c@d.co", "active"],
        ["$sms", "+15555555555", "inactive"]
      ])
      const again = yield* byHand("PATCH", "/v1/user/ada/", { operations: [{ $append: { $email: "a@b.co" } }] })
      expect(Object(again.json()).$email).toMatchObject([{ status: "active" }, { status: "active" }])
      const { restore, snapshot, user } = yield* Sandbox.Sandbox
      const before = yield* user("ada")
      yield* restore(yield* snapshot)
      expect((yield* user("ada")).pipe(Option.map(({ raw }) => raw))).toEqual(Option.map(before, ({ raw }) => raw))
    }).pipe(Effect.provide(Sandbox.layerWith({ removedAddresses: "inactive" }))))
})

describe("garbage that is not applied", () => {
  it.effect("changes nothing, on any endpoint", () =>
    Effect.gen(function*() {
      const { faults, snapshot } = yield* Sandbox.Sandbox
      yield* byHand("POST", "/v1/user/ada/tenant/acme/", { plan: "pro" })
      yield* byHand("POST", "/v1/user/eve/", {})
      const before = yield* snapshot
      yield* faults.add(Sandbox.malformedBody({ applied: false }))
      for (
        const [method, uri, body] of [
          ["POST", "/event/", [event("bob", [])]],
          ["POST", "/v1/user/ada/", { plan: "free" }],
          ["PATCH", "/v1/user/ada/", { operations: [{ $set: { plan: "free" } }] }],
          ["POST", "/v1/user/ada/merge/", { from_user_id: "eve" }],
          ["DELETE", "/v1/user/ada/tenant/acme/", undefined],
          ["DELETE", "/v1/user/ada/", undefined],
          ["DELETE", "/v1/bulk/user/", { distinct_ids: ["ada"] }],
          ["PATCH", "/v1/user/ada/preference/", { channel_preferences: [{ channel: "sms", is_restricted: true }] }]
        ] as const
      ) {
        expect(yield* byHand(method, uri, body)).toMatchObject({ status: 200 })
        expect(yield* snapshot).toBe(before)
      }
    }).pipe(Effect.provide(Sandbox.layer)))
})
