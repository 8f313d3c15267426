import { describe, expect, it } from "@effect/vitest"
import type * as Bulk from "effect-suprsend/Bulk"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/TestClock"
import { canonical } from "../utils/json.js"
import { type Answer, inOrder, serve, text } from "../utils/loopback.js"
import { settle } from "../utils/time.js"
import { Call, credentials, vectors } from "../utils/vectors.js"
import { vendorCalls } from "../utils/vendorCalls.js"

const ServerResponse = Schema.Struct({
  status: Schema.optional(Schema.Number),
  headers: Schema.optional(Schema.Record({ key: Schema.String, value: Schema.String })),
  body: Schema.optional(Schema.String),
  drop: Schema.optional(Schema.Boolean)
})

const cases = vectors(
  "responses.json",
  Schema.Struct({
    case: Schema.String,
    call: Call,
    server_responses: Schema.Array(ServerResponse),
    python: Schema.Struct({ requests_made: Schema.Number })
  })
)

interface Expected {
  /** How many requests are made; by default as many as the Python SDK makes. */
  readonly requests?: number
  /** Why there are more or fewer requests than the Python SDK makes. */
  readonly because?: string
  readonly gives: unknown
}

const unavailable = { _tag: "SuprsendUnavailable", attempts: 1, applied: "unknown", retryable: true }
const rejected = { _tag: "SuprsendRejected", attempts: 1, applied: "no", retryable: false }
const notFound = { _tag: "SuprsendUserNotFound", attempts: 1, retryable: false }
const unexpected = { _tag: "SuprsendUnexpectedResponse", attempts: 1, applied: "unknown", retryable: false }

const all = (count: number, outcome: string, error: string) =>
  Array.from({ length: count }, (_, i) => `u${i} ${outcome}: ${error}`)

const accepted = (total: number) => ({ status: "success", total, success: total, failure: 0, failedRecords: [] })

/** The result of each case: the value or the error of the call. One attempt only. */
const outcomes: Readonly<Record<string, Expected>> = {
  // An event counts as accepted with any 2xx, whatever the body.
  "async 202 text OK": { gives: { status: 202, message: "OK" } },
  "async 200 JSON string": { gives: { status: 200, message: "\"OK\"" } },
  "async 202 empty body": { gives: { status: 202, message: "" } },

  // The status decides, and the body adds words in any form.
  "async 400 JSON message": { gives: { ...rejected, status: 400, serverMessage: "bad thing" } },
  "async 400 JSON nested error": { gives: { ...rejected, status: 400, serverMessage: "nested" } },
  "async 401 text": {
    gives: { ...rejected, _tag: "SuprsendUnauthorized", status: 401, serverMessage: "unauthorized" }
  },
  "async 502 empty body": { gives: { ...unavailable, reason: "ServerError", status: 502 } },
  "async connection dropped": { gives: { ...unavailable, reason: "Transport" } },
  // Not the words of the service about a user.
  "get 404 JSON array body": { gives: { ...rejected, status: 404, serverMessage: "[1]" } },
  "get 404 JSON null body": { gives: { ...rejected, status: 404, serverMessage: "null" } },
  "get 429 with Retry-After": {
    gives: {
      ...rejected,
      _tag: "SuprsendRateLimited",
      retryable: true,
      retryAfter: Duration.seconds(1),
      serverMessage: "slow down"
    }
  },
  "delete 404": { gives: { ...notFound, serverMessage: "user [distinct_id: 'u'] not found" } },
  "merge 404": { gives: { ...notFound, serverMessage: "from_user_id: [distinct_id: 's'] not found" } },

  // Redirects are not followed: the signature would not match (D21).
  "async 302 without location": { gives: { ...rejected, status: 302, serverMessage: "moved" } },
  "get 301 to /elsewhere": {
    requests: 1,
    because: "the vendor's SDKs follow it",
    gives: { ...rejected, status: 301 }
  },
  "edit 308 to /elsewhere": {
    requests: 1,
    because: "the vendor's SDKs follow it",
    gives: { ...rejected, status: 308 }
  },

  // A 2xx that is not what is documented.
  "get 200 not JSON": { gives: { ...unexpected, status: 200, paths: [[]] } },
  "get 200 empty": { gives: { ...unexpected, status: 200, paths: [[]] } },
  "get 200 JSON with big integer": { gives: { ...unexpected, status: 200, paths: [["distinct_id"]] } },
  "get 200 JSON with __proto__ key": { gives: { ...unexpected, status: 200, paths: [["distinct_id"]] } },
  "upsert 204": { gives: { ...unexpected, status: 204, paths: [[]] } },

  "upsert 201": { gives: { distinctId: "u" } },
  "merge 201": { gives: { distinctId: "p" } },
  "delete 200 with body": { gives: { ...unexpected, status: 200, serverMessage: "{\"x\": 1}", paths: [[]] } },

  "edit 400": {
    requests: 0,
    because: "an operation that is none is named before anything is sent",
    gives: { _tag: "InvalidUserEdit", attempts: 0, retryable: false, paths: [["operations", 0]] }
  },
  "bulk delete 400": { requests: 0, because: "an empty bulkDelete sends nothing", gives: accepted(0) },

  "bulk: all chunks succeed (3 chunks)": { gives: accepted(170) },
  "bulk: all chunks fail": {
    gives: {
      status: "fail",
      total: 170,
      success: 0,
      failure: 170,
      failedRecords: all(170, "unknown", "SuprsendUnavailable").sort()
    }
  },
  "bulk: 401 for the only chunk": {
    gives: {
      status: "fail",
      total: 2,
      success: 0,
      failure: 2,
      failedRecords: all(2, "rejected", "SuprsendUnauthorized")
    }
  },
  // The vendor's SDKs count it as accepted (D20).
  "bulk: 207 multi-status body is not parsed": {
    gives: {
      status: "fail",
      total: 2,
      success: 0,
      failure: 2,
      failedRecords: all(2, "unknown", "SuprsendUnexpectedResponse")
    }
  },
  "bulk: one invalid, one good": {
    gives: { status: "partial", total: 2, success: 1, failure: 1, failedRecords: all(1, "invalid", "InvalidUserEdit") }
  },
  "bulk: all invalid": {
    gives: { status: "fail", total: 2, success: 0, failure: 2, failedRecords: all(2, "invalid", "InvalidUserEdit") }
  },
  "bulk: empty": { gives: accepted(0) },
  // The vendor drops the calls it does not understand, and reports success with warnings.
  "bulk: warnings are collected": {
    gives: { status: "partial", total: 2, success: 1, failure: 1, failedRecords: all(1, "invalid", "InvalidUserEdit") }
  }
}

/** Cases whose call we do not have. */
const notYet: ReadonlyArray<string> = []

/** The records of which some recordings only tell the number: of what size each must be to end as recorded. */
const recordSizes: Readonly<Record<string, ReadonlyArray<number>>> = {
  "bulk: all chunks succeed (3 chunks)": Array.from({ length: 170 }, () => 9_500),
  "bulk: all chunks fail": Array.from({ length: 170 }, () => 9_500),
  "bulk: one invalid, one good": [11_000, 10],
  "bulk: all invalid": [11_000, 11_000]
}

const answerOf = ({ body, drop, headers, status }: typeof ServerResponse.Type): Answer =>
  drop === true
    ? (_request, response) => response.socket?.destroy()
    : text(status ?? 200, body ?? "", headers)

const layerOf = (baseUrl: string, attempts: number) => Suprsend.layer({ ...credentials, baseUrl, retry: { attempts } })

const members = ["_tag", "status", "serverMessage", "reason", "applied", "attempts", "retryable", "retryAfter"]

const isReport = (u: object): u is Bulk.BulkReport => "failedRecords" in u

/** What matters of a result or an error, in a form that compares. */
const summary = (u: unknown): unknown => {
  if (typeof u !== "object" || u === null) return u
  if ("_tag" in u) {
    const said = Object.entries(u).filter(([name, value]) => members.includes(name) && value !== undefined)
    const paths = "issues" in u && Array.isArray(u.issues) ? { paths: u.issues.map(({ path }) => path) } : undefined
    return { ...Object.fromEntries(said), ...paths }
  }
  if (isReport(u)) {
    const failedRecords = u.failedRecords.map(({ edit, error, outcome }) =>
      `${edit.distinctId} ${outcome}: ${error._tag}`
    )
    return { ...u, failedRecords: failedRecords.sort() }
  }
  if ("status" in u && "message" in u) return { status: u.status, message: u.message }
  return "distinctId" in u ? { distinctId: u.distinctId } : u
}

describe("responses.json", () => {
  for (
    const { call, case: name, python, server_responses } of cases.filter(({ case: name }) => !notYet.includes(name))
  ) {
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const server = yield* serve(inOrder(...server_responses.map(answerOf), text(202, "OK")))
        const [method, ...args] = call
        const sizes = recordSizes[name]
        const outcome = yield* Effect.flatMap(vendorCalls, (calls) => {
          const given = sizes === undefined
            ? args
            : [sizes.map((size, i) => [`u${i}`, [["set", "p", "x".repeat(size)]]])]
          return calls[method]?.(...given) ?? Effect.die(method)
        }).pipe(Effect.provide(layerOf(server.url, 1)), Effect.either)
        const expected = outcomes[name]
        expect(summary(Either.merge(outcome))).toEqual(expected?.gives)
        expect(server.requests.length).toBe(expected?.requests ?? python.requests_made)
        for (const { body } of server.requests) expect(Buffer.byteLength(body)).toBeLessThanOrEqual(819_200)
      }))
  }

  it("each of the 34 cases has an outcome or is not yet due", () => {
    const names = cases.map((testCase) => testCase.case)
    expect([...Object.keys(outcomes), ...notYet].sort()).toEqual(names.sort())
    expect(names.length).toBe(34)
    for (const { case: name, python } of cases) {
      const { because, requests } = outcomes[name] ?? {}
      expect(requests === undefined || requests === python.requests_made, name).toBe(because === undefined)
    }
  })

  const testCase = (name: string) => cases.find(({ case: other }) => other === name)?.server_responses ?? []

  // The waits are those of the test clock; only the requests are real.
  it.scoped("get 429 with Retry-After, with retries: the second answer, no sooner than the server asked", () =>
    Effect.gen(function*() {
      const [tooMany] = testCase("get 429 with Retry-After")
      const server = yield* serve(
        inOrder(answerOf(tooMany ?? {}), text(200, "{\"distinct_id\":\"u\"}", { "content-type": "application/json" }))
      )
      const call = yield* Effect.fork(
        Effect.flatMap(UsersService, (users) => users.get("u")).pipe(Effect.provide(layerOf(server.url, 2)))
      )
      while (server.responses() < 1) yield* settle
      yield* Effect.repeatN(settle, 20)
      yield* TestClock.adjust("999 millis")
      yield* Effect.repeatN(settle, 20)
      expect(server.requests.length).toBe(1)
      yield* TestClock.adjust("1 millis")
      expect((yield* Fiber.join(call)).distinctId).toBe("u")
      expect(server.requests.length).toBe(2)
    }))

  it.scopedLive("async connection dropped, with retries: the second attempt has the same body", () =>
    Effect.gen(function*() {
      const server = yield* serve(inOrder(...testCase("async connection dropped").map(answerOf), text(202, "OK")))
      const { status } = yield* Effect.flatMap(
        UsersService,
        (users) => users.asyncEdit(set(edit("u"), "a", 1))
      )
        .pipe(
          Effect.provide(Suprsend.layer({ ...credentials, baseUrl: server.url, retry: { initialDelay: 0 } }))
        )
      expect(status).toBe(202)
      expect(server.requests.length).toBe(2)
      expect(server.requests[1]?.body).toBe(server.requests[0]?.body)
    }))
})

describe("error bodies that the recordings do not have", () => {
  const bodies: Readonly<Record<string, readonly [status: number, body: string, serverMessage: string | undefined]>> = {
    "detail as a text": [403, "{\"detail\":\"workspace key inactive\"}", "workspace key inactive"],
    "detail as an object": [400, "{\"code\":400,\"detail\":{\"a.b\":\"must be x\"}}", "{\"a.b\":\"must be x\"}"],
    "message before detail": [400, "{\"message\":\"short\",\"detail\":{\"long\":1}}", "short"],
    "error as a text": [400, "{\"error\":\"no\"}", "no"],
    "a message that is not a string": [400, "{\"message\":5}", "{\"message\":5}"],
    "a page of HTML": [502, "<!doctype html><h1>Bad Gateway</h1>", undefined],
    "HTML under a 429": [429, "<h1>Too many</h1>", undefined],
    "an empty object": [404, "{}", "{}"],
    "JSON that is cut": [500, "{\"message\":\"half", "{\"message\":\"half"],
    "nothing": [401, "", undefined],
    "blanks": [422, " \n ", undefined]
  }

  const tags: Readonly<Record<number, string>> = {
    400: "SuprsendRejected",
    401: "SuprsendUnauthorized",
    403: "SuprsendUnauthorized",
    404: "SuprsendRejected",
    422: "SuprsendRejected",
    429: "SuprsendRateLimited",
    500: "SuprsendUnavailable",
    502: "SuprsendUnavailable"
  }

  for (const [name, [status, body, serverMessage]] of Object.entries(bodies)) {
    it.scopedLive(`${status}, ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* serve(text(status, body))
        const error = yield* Effect.flatMap(UsersService, (users) => users.edit(set(edit("u"), "a", 1))).pipe(
          Effect.provide(layerOf(server.url, 1)),
          Effect.flip
        )
        expect(error._tag).toBe(tags[status])
        expect("serverMessage" in error ? error.serverMessage : undefined).toBe(serverMessage)
        expect(server.requests.length).toBe(1)
      }))
  }

  it.scopedLive("a user with members called __proto__ keeps them, as own members", () =>
    Effect.gen(function*() {
      const body = "{\"distinct_id\":\"u\",\"__proto__\":{\"x\":1},\"properties\":{\"__proto__\":{\"y\":2}}}"
      const server = yield* serve(text(200, body))
      const user = yield* Effect.flatMap(UsersService, (users) => users.get("u")).pipe(
        Effect.provide(layerOf(server.url, 1))
      )
      expect(canonical(user.raw)).toBe(canonical(JSON.parse(body)))
      expect(Object.hasOwn(user.properties, "__proto__")).toBe(true)
      expect(Object.getPrototypeOf({})).not.toHaveProperty("x")
    }))
})
