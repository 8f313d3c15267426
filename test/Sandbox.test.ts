import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Signature from "effect-suprsend/Signature"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"

const contentType = "application/json; charset=utf-8"
const date = new Date(0).toUTCString()

/** A request by hand, signed unless headers say otherwise. */
const raw = (
  method: "GET" | "POST" | "PATCH" | "DELETE" | "PUT",
  uri: string,
  body?: string,
  headers: Record<string, string> = {}
) =>
  Effect.flatMap(HttpClient.HttpClient, (client) => {
    const request = HttpClientRequest.make(method)(`http://sandbox.localhost${uri}`).pipe(
      body === undefined ? (self) => self : HttpClientRequest.setBody(HttpBody.text(body, contentType)),
      HttpClientRequest.setHeaders({
        "content-type": contentType,
        date,
        authorization: Signature.authorization({ method, uri, body, contentType, date }, Sandbox.credentials),
        ...headers
      })
    )
    return Effect.flatMap(
      client.execute(request),
      (response) => Effect.map(response.text, (text) => ({ status: response.status, text }))
    )
  })

const event = (distinctId: string, operations: unknown, insertId = `insert-${distinctId}`) => ({
  $schema: "2",
  $insert_id: insertId,
  distinct_id: distinctId,
  $user_operations: operations
})

describe("state", () => {
  type Verbs = ReadonlyArray<(edit: UserEdit.UserEdit) => UserEdit.UserEdit>

  const after = (...verbs: Verbs) =>
    Effect.gen(function*() {
      const users = yield* UsersService
      return yield* users.edit(verbs.reduce((edit, verb) => verb(edit), UserEdit.edit("ada")))
    }).pipe(Effect.provide(Suprsend.layerTest))

  const properties = (...verbs: Verbs) => Effect.map(after(...verbs), (user) => user.properties)

  it.effect("replays the operations in their order", () =>
    Effect.gen(function*() {
      expect(yield* properties(UserEdit.set("a", 1), UserEdit.set({ a: 2, b: 3 }))).toEqual({ a: 2, b: 3 })
      expect(yield* properties(UserEdit.setOnce("a", 1), UserEdit.setOnce("a", 2))).toEqual({ a: 1 })
      expect(yield* properties(UserEdit.setOnce("a", 1), UserEdit.unset("a"), UserEdit.setOnce("a", 2))).toEqual({
        a: 2
      })
      expect(yield* properties(UserEdit.increment("a", 5), UserEdit.increment({ a: -2, b: 1 }))).toEqual({ a: 3, b: 1 })
      expect(yield* properties(UserEdit.append("a", 1), UserEdit.append("a", 1))).toEqual({ a: [1, 1] })
      expect(yield* properties(UserEdit.set("a", 1), UserEdit.append("a", 2))).toEqual({ a: [1, 2] })
      expect(yield* properties(UserEdit.set("a", [1, { b: 2 }]), UserEdit.remove("a", { b: 2 }))).toEqual({ a: [1] })
      expect(yield* properties(UserEdit.set({ a: 1, b: 2 }), UserEdit.unset(["a", "c"]))).toEqual({ b: 2 })
      expect(yield* properties(UserEdit.setTimezone("Europe/London"))).toEqual({ $timezone: "Europe/London" })
      expect(Object.entries(yield* properties(UserEdit.set("__proto__", "own")))).toEqual([["__proto__", "own"]])
    }))

  it.effect("keeps identities by channel", () =>
    Effect.gen(function*() {
      const user = yield* after(
        UserEdit.addEmail("a@b.co"),
        UserEdit.addEmail("c@d.co"),
        UserEdit.addEmail("a@b.co"),
        UserEdit.addSms("+15555555555"),
        UserEdit.removeSms("+15555555555"),
        UserEdit.addAndroidPush("token"),
        UserEdit.addAndroidPush("token", { provider: "xiaomi" }),
        UserEdit.addIosPush("token", { bundleId: "com.example.app" }),
        UserEdit.addWhatsapp("+15555555555"),
        UserEdit.unset("$whatsapp"),
        UserEdit.addSlack({ user_id: "U1", access_token: "xoxb" })
      )
      expect(Object.keys(user.channels).sort()).toEqual(["$androidpush", "$email", "$iospush", "$slack"])
      expect(user.channels.$email?.map((email) => email.value)).toEqual(["a@b.co", "c@d.co"])
      expect(user.channels.$androidpush).toMatchObject([{ value: "token", idProvider: "xiaomi" }])
      expect(user.properties).toEqual({})
    }))

  it.effect("tells when a user was made and changed, by the clock of Effect", () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      yield* users.asyncEdit(UserEdit.edit("ada"))
      yield* TestClock.adjust("1 minute")
      const user = yield* users.edit(UserEdit.edit("ada"))
      expect(user.createdAt?.epochMillis).toBe(0)
      expect(user.updatedAt?.epochMillis).toBe(60_000)
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("is empty each time it is provided", () =>
    Effect.gen(function*() {
      const users = Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.users)
      yield* Effect.provide(
        Effect.flatMap(UsersService, (users) => users.edit(UserEdit.edit("ada"))),
        Suprsend.layerTest
      )
      expect(yield* Effect.provide(users, Suprsend.layerTest)).toEqual([])
    }))
})

describe("what it refuses", () => {
  it.effect("requests without a valid signature", () =>
    Effect.gen(function*() {
      expect((yield* raw("GET", "/v1/user/")).status).toBe(200)
      expect((yield* raw("GET", "/v1/user/", undefined, { authorization: "" })).status).toBe(401)
      expect((yield* raw("GET", "/v1/user/", undefined, { date: new Date(1_000).toUTCString() })).status).toBe(401)
      const forged = Signature.authorization({ method: "GET", uri: "/v1/user/", contentType, date }, {
        workspaceKey: Sandbox.credentials.workspaceKey,
        workspaceSecret: Redacted.make("guessed")
      })
      expect((yield* raw("GET", "/v1/user/", undefined, { authorization: forged })).status).toBe(401)
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("a body that is not JSON, or not declared as JSON", () =>
    Effect.gen(function*() {
      expect(yield* raw("POST", "/event/", "{")).toEqual({ status: 400, text: `{"code":400,"message":"BAD REQUEST"}` })
      const uri = "/event/"
      const body = JSON.stringify(event("ada", []))
      const authorization = Signature.authorization(
        { method: "POST", uri, body, contentType: "text/plain", date },
        Sandbox.credentials
      )
      expect((yield* raw("POST", uri, body, { "content-type": "text/plain", authorization })).status).toBe(400)
      expect((yield* raw("POST", uri, body)).status).toBe(202)
    }).pipe(Effect.provide(Sandbox.layer)))

  const malformed: ReadonlyArray<readonly [unknown, string]> = [
    [event("", []), "error: must pass value for distinct_id"],
    [event("ada", "no list"), "Subscriber_EditOperationSet.operations"],
    [event("ada", ["x"]), "Subscriber_EditOperationSet.operations"],
    [event("ada", [{ $append: "x" }]), "$append"],
    [event("ada", [{ $append: { $email: 7 } }]), "$email: value must be of string type"],
    [event("ada", [{ $append: { $slack: "x" } }]), "$slack: value must be of dict/map type"],
    [event("ada", [{ $add: { n: "x" } }]), "n: value must be of number type"],
    [event("ada", [{ $unset: "x" }]), "$unset"],
    [event("ada", [{ $nonsense: {} }]), "unknown operator: $nonsense"],
    [[event("eve", []), 7], "BAD REQUEST"]
  ]
  for (const [body, message] of malformed) {
    it.effect(`${JSON.stringify(body)}, whole, with 400`, () =>
      Effect.gen(function*() {
        const answer = yield* raw("POST", "/event/", JSON.stringify(body))
        expect(answer.status).toBe(400)
        expect(JSON.parse(answer.text).message).toContain(message)
        expect(yield* Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.users)).toEqual([])
      }).pipe(Effect.provide(Sandbox.layer)))
  }

  it.effect("paths and methods that it does not have", () =>
    Effect.gen(function*() {
      expect((yield* raw("GET", "/v1/nothing/")).status).toBe(404)
      expect((yield* raw("GET", "/v1/user/ada")).status).toBe(404)
      expect((yield* raw("PUT", "/v1/user/ada/")).status).toBe(405)
      expect((yield* raw("GET", "/v1/user/%ff/")).status).toBe(400)
      expect((yield* raw("GET", "/v1/user/?limit=none")).status).toBe(400)
    }).pipe(Effect.provide(Sandbox.layer)))
})

describe("faults", () => {
  it.effect("happen in their order, one a request", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script([Sandbox.status(503), Sandbox.status(429, { retryAfter: "2", body: "<html>" })])
      yield* sandbox.script([Sandbox.resetPeer])
      expect(yield* raw("GET", "/v1/user/")).toEqual({ status: 503, text: `{"code":503,"message":"scripted"}` })
      expect(yield* raw("GET", "/v1/user/")).toEqual({ status: 429, text: "<html>" })
      expect(Exit.isFailure(yield* Effect.exit(raw("GET", "/v1/user/")))).toBe(true)
      expect((yield* raw("GET", "/v1/user/")).status).toBe(200)
      expect((yield* sandbox.requests).map((request) => request.status)).toEqual([503, 429, undefined, 200])
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("that delay take the time of the test clock", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script([Sandbox.delay("1 hour", Sandbox.status(500))])
      const fiber = yield* Effect.fork(raw("GET", "/v1/user/"))
      yield* TestClock.adjust("59 minutes")
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      yield* TestClock.adjust("1 minute")
      expect((yield* Fiber.join(fiber)).status).toBe(500)
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("that cut the connection say whether the request was applied", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script([Sandbox.resetPeer, Sandbox.resetPeerApplied, Sandbox.truncateBody])
      for (const id of ["resetPeer", "resetPeerApplied", "truncateBody"]) {
        expect(Exit.isFailure(yield* Effect.exit(raw("POST", "/event/", JSON.stringify(event(id, [])))))).toBe(true)
      }
      expect((yield* sandbox.users).map((user) => user.distinctId)).toEqual(["resetPeerApplied", "truncateBody"])
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("that stall never end, and can be interrupted", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script([Sandbox.stall])
      const fiber = yield* Effect.fork(raw("GET", "/v1/user/"))
      yield* TestClock.adjust("1 hour")
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(Sandbox.layer)))
})

it.effect("the record of requests is printed without credentials and tokens", () =>
  Effect.gen(function*() {
    const users = yield* UsersService
    const sandbox = yield* Sandbox.Sandbox
    yield* users.asyncEdit(
      pipe(UserEdit.edit("ada"), UserEdit.addAndroidPush("push-token"), UserEdit.set("plan", "pro"))
    )
    const [request] = yield* sandbox.requests
    for (const text of [inspect(request, { depth: 9 }), JSON.stringify(request)]) {
      expect(text).toContain("pro")
      expect(text).not.toContain("push-token")
      expect(text).not.toContain(request?.headers.authorization)
    }
    expect(request?.body).toContain("push-token")
  }).pipe(Effect.provide(Suprsend.layerTest)))
