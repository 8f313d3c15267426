import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { SuprsendClient } from "effect-suprsend/SuprsendClient"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"

type Method = "GET" | "POST" | "PATCH" | "DELETE"

/** A request by hand: the status of the answer, and what it says. */
const send = (method: Method, path: string, body?: unknown, query?: Record<string, string>) =>
  Effect.gen(function*() {
    const client = yield* SuprsendClient
    return yield* client.execute({
      call: "test",
      method,
      template: path,
      query,
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body)
    }).pipe(
      Effect.map(({ body, status }) => ({ status, said: body })),
      Effect.catchTag(
        "SuprsendRejected",
        ({ serverMessage, status }) => Effect.succeed({ status, said: serverMessage })
      )
    )
  })

const ada = Effect.flatMap(UsersService, (users) => users.upsertForTenant("ada", "acme", {}))

const field = (name: string) => `Request body contains an invalid value for the "${name}" field`

const cases: ReadonlyArray<
  readonly [method: Method, path: string, body: unknown, status: number, said: string | RegExp]
> = [
  ["POST", "/v1/user/ada/", "{", 400, "BAD REQUEST"],
  ["POST", "/v1/user/ada/", "[]", 400, "invalid_request_error"],
  ["POST", "/v1/user/ada/", { $email: "a@b.co" }, 400, "$email: value must be of list type"],
  ["POST", "/v1/user/ada/", { $email: [7] }, 400, "$email: value must be of string type"],
  ["POST", "/v1/user/ada/", { $slack: ["U1"] }, 400, "$slack: value must be of dict/map type"],
  ["POST", "/v1/user/ada/tenant/acme/", { $inbox: [7] }, 400, "$inbox: value must be of string type"],
  ["PATCH", "/v1/user/ada/tenant/acme/", "[]", 400, "BAD REQUEST"],
  ["POST", "/v1/user/ada/merge/", "7", 400, "BAD REQUEST"],
  ["POST", "/v1/user/ada/merge/", {}, 400, `{"from_user_id":"is a required field"}`],
  ["POST", "/v1/user/ada/merge/", { from_user_id: "ada" }, 400, `{"from_user_id":"must be another user"}`],
  ["POST", "/v1/user/ada/merge/", { from_user_id: "eve" }, 404, "from_user_id: [distinct_id: 'eve'] not found"],
  ["POST", "/v1/user/eve/merge/", { from_user_id: "ada" }, 404, "user [distinct_id: 'eve'] not found"],
  ["DELETE", "/v1/bulk/user/", "7", 400, "BAD REQUEST"],
  ["DELETE", "/v1/bulk/user/", {}, 400, `{"distinct_ids":"is a required field"}`],
  ["DELETE", "/v1/bulk/user/", { distinct_ids: [] }, 400, `{"distinct_ids":"must contain at least 1 item"}`],
  [
    "DELETE",
    "/v1/bulk/user/",
    { distinct_ids: Arr.makeBy(101, String) },
    400,
    `{"distinct_ids":"must contain at maximum 100 items"}`
  ],
  ["DELETE", "/v1/bulk/user/", { distinct_ids: "ada" }, 400, field("distinct_ids")],
  ["DELETE", "/v1/bulk/user/", { distinct_ids: ["ada", 7] }, 400, field("distinct_ids")],
  ["DELETE", "/v1/bulk/user/", { distinct_ids: ["ada", "nobody"] }, 204, ""],
  ["DELETE", "/v1/user/eve/tenant/acme/", undefined, 404, "user [distinct_id: 'eve'] not found"],
  ["DELETE", "/v1/user/ada/tenant/umbrella/", undefined, 404, "tenant 'umbrella' not found"],
  ["DELETE", "/v1/user/ada/tenant/acme/", undefined, 204, ""],
  ["GET", "/v1/user/eve/associated_tenant/", undefined, 404, "user [distinct_id: 'eve'] not found"],
  ["GET", "/v1/user/?limit=0", undefined, 400, "limit: must be a positive integer"],
  ["GET", "/v1/user/?after=elsewhere", undefined, 400, "must be a cursor of this list"],
  ["GET", "/v1/user/ada/preference/category/?limit=-1", undefined, 400, "limit: must be a positive integer"],
  ["GET", "/v1/user/ada/preference/category/?offset=1.5", undefined, 400, /^offset: /],
  ["GET", `/v1/user/ada/preference/?tags=${encodeURIComponent("{\"nor\":[]}")}`, undefined, 400, /^tags: /],
  ["GET", `/v1/user/ada/preference/?tags=${encodeURIComponent("{\"and\":[7]}")}`, undefined, 400, /^tags: /],
  ["GET", `/v1/user/ada/preference/?tags=${encodeURIComponent("{broken")}`, undefined, 400, /^tags: /],
  ["GET", "/v1/user/ada/preference/?tags=", undefined, 200, /"newsletter"/],
  ["PATCH", "/v1/user/ada/preference/", "7", 400, "BAD REQUEST"],
  ["PATCH", "/v1/user/ada/preference/", { channel_preferences: {} }, 400, field("channel_preferences")],
  ["PATCH", "/v1/user/ada/preference/", { categories: [7] }, 400, field("categories")],
  ["PATCH", "/v1/user/ada/preference/", { categories: [{}] }, 400, `{"categories[0].category":"is a required field"}`],
  [
    "PATCH",
    "/v1/user/ada/preference/",
    { categories: [{ category: "newsletter", preference: "maybe", opt_in_channels: "email" }] },
    400,
    JSON.stringify({
      "categories[0].preference": "must be one of [\"opt_in\", \"opt_out\"]",
      "categories[0].opt_in_channels": "must be a list of channels"
    })
  ],
  [
    "PATCH",
    "/v1/user/ada/preference/channel_preference/",
    { channel_preferences: [{ channel: "sms", is_restricted: "yes" }] },
    400,
    `{"channel_preferences[0].is_restricted":"must be a boolean"}`
  ],
  ["PATCH", "/v1/user/ada/preference/category/newsletter/", {}, 202, /"preference":"opt_in"/],
  ["PATCH", "/v1/user/ada/preference/category/newsletter/", { preference: 7 }, 400, /^\{"preference":/],
  ["PATCH", "/v1/user/ada/preference/category/nothing/", {}, 404, "category 'nothing' not found"],
  ["PATCH", "/v1/bulk/user/preference/", {}, 400, `{"distinct_ids":"is a required field"}`],
  ["PATCH", "/v1/bulk/user/preference/", { distinct_ids: ["ada", "nobody"] }, 202, `{"success":true}`],
  ["PATCH", "/v1/bulk/user/preference/?tenant_id=x", { distinct_ids: ["ada"] }, 404, "tenant 'x' not found"],
  ["PATCH", "/v1/bulk/user/preference/reset/?tenant_id=x", { distinct_ids: ["ada"] }, 404, "tenant 'x' not found"],
  ["PATCH", "/v1/bulk/user/preference/reset/", { distinct_ids: ["ada"] }, 202, `{"success":true}`],
  ["GET", "/v1/bulk/user/", undefined, 405, "method not allowed"],
  ["POST", "/v1/user/ada/preference/", {}, 405, "method not allowed"],
  ["GET", "/v1/user/ada/nothing/", undefined, 404, "not found"],
  ["GET", "/v1/user//preference/", undefined, 404, "not found"],
  ["GET", "/v1/user/ada/preference", undefined, 404, "not found"]
]

describe("the answer", () => {
  for (const [method, uri, body, status, said] of cases) {
    it.effect(`to ${method} ${uri} ${JSON.stringify(body)?.slice(0, 60) ?? ""} is ${status}`, () =>
      Effect.gen(function*() {
        yield* Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.defineCategory({ category: "newsletter" }))
        yield* ada
        const [path = "", search] = uri.split("?")
        const query = search === undefined ? undefined : Object.fromEntries(new URLSearchParams(search))
        const answer = yield* send(method, path, body, query)
        expect(answer.status).toBe(status)
        if (typeof said === "string") expect(answer.said).toBe(said)
        else expect(answer.said).toMatch(said)
      }).pipe(Effect.provide(Suprsend.layerTest)))
  }
})

describe("the settings", () => {
  it.effect("replace a category, whose place and choices stay", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* ada
      yield* sandbox.defineCategory({ category: "a" })
      yield* sandbox.defineCategory({ category: "b" })
      yield* send("PATCH", "/v1/user/ada/preference/category/a/", { preference: "opt_out" })
      yield* sandbox.defineCategory({ category: "a", name: "A" })
      const { said } = yield* send("GET", "/v1/user/ada/preference/category/")
      expect(JSON.parse(said ?? "")).toMatchObject({
        meta: { count: 2, limit: 10, offset: 0 },
        results: [{ category: "a", name: "A", preference: "opt_out" }, { category: "b" }]
      })
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("name a tenant, before or after it is used", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const users = yield* UsersService
      yield* ada
      yield* sandbox.defineTenant({ tenantId: "acme", name: "Acme Inc." })
      yield* sandbox.defineTenant({ tenantId: "acme" })
      yield* users.upsertForTenant("ada", "umbrella", {})
      expect((yield* users.listAssociatedTenants("ada")).items.map(({ tenantName }) => tenantName)).toEqual([
        "Acme Inc.",
        "umbrella"
      ])
    }).pipe(Effect.provide(Suprsend.layerTest)))
})
