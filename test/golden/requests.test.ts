import { describe, expect, it } from "@effect/vitest"
import * as Signature from "effect-suprsend/Signature"
import * as Suprsend from "effect-suprsend/Suprsend"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { canonical } from "../utils/json.js"
import { type Answer, json, serve, text, type WireRequest } from "../utils/loopback.js"
import { Call, credentials, vectors } from "../utils/vectors.js"
import { vendorCalls } from "../utils/vendorCalls.js"

const Request = Schema.Struct({
  method: Schema.String,
  path: Schema.String,
  headers: Schema.Array(Schema.Tuple(Schema.String, Schema.String)),
  body: Schema.String
})

const cases = vectors(
  "requests.json",
  Schema.Struct({
    case: Schema.String,
    call: Call,
    base_url: Schema.optional(Schema.String),
    python: Schema.Struct({ requests: Schema.Array(Request) }),
    node: Schema.NullOr(Schema.Struct({ requests: Schema.Array(Request) }))
  })
)

/** What is sent, as far as it can be compared: method, raw path and query, and the masked body as JSON. */
interface Sent {
  readonly method: string
  readonly path: string
  readonly body: unknown
}

interface Deviation {
  readonly sent: ReadonlyArray<Sent>
  /** The tag of the error, if it is not applied. */
  readonly error?: string
}

/** What we send where the Python SDK sends something else, by the reason. */
const deviations: Readonly<Record<string, Readonly<Record<string, Deviation>>>> = {
  "a URL takes . and .. for steps between folders: nothing is sent, where the vendor reaches another endpoint": {
    "get: single dot": { sent: [], error: "InvalidDistinctId" },
    "get: double dot": { sent: [], error: "InvalidDistinctId" },
    "delete: double dot": { sent: [], error: "InvalidDistinctId" }
  },
  "a list has the options limit, before, after and tenantId, and no others": {
    "list: boolean option": { sent: [{ method: "GET", path: "/v1/user/", body: undefined }] },
    "list: array option": { sent: [{ method: "GET", path: "/v1/user/", body: undefined }] },
    "list: sub-delims in value": { sent: [{ method: "GET", path: "/v1/user/", body: undefined }] }
  },
  "the members of a query have an order of their own": {
    "objects: before": {
      sent: [{
        method: "GET",
        path: "/v1/user/user_1/subscribed_to/object/?limit=20&before=01JJW6HXXXXPB59ARDW85G0KN",
        body: undefined
      }]
    },
    "lists: before": {
      sent: [{
        method: "GET",
        path: "/v1/user/user_1/subscribed_to/list/?limit=20&before=01JJW6HXXXXPB59ARDW85G0KN",
        body: undefined
      }]
    }
  },
  "an edit always says its operations": {
    "edit: raw without payload": {
      sent: [{ method: "PATCH", path: "/v1/user/user_1/", body: { operations: [] } }]
    }
  },
  "upsert has no options: the profile for a tenant has an endpoint of its own, upsertForTenant": {
    "upsert: with options": { sent: [{ method: "POST", path: "/v1/user/user_1/", body: { a: 1 } }] }
  },
  "the id of the user that is merged is trimmed, as every id": {
    "merge: from id is not trimmed": {
      sent: [{ method: "POST", path: "/v1/user/primary/merge/", body: { from_user_id: "secondary" } }]
    }
  },
  "an empty bulkDelete sends nothing": {
    "bulk_delete: empty payload": { sent: [] },
    "bulk_delete: empty list": { sent: [] }
  }
}

/** The errors of the calls that neither SDK sends. */
const refusals: Readonly<Record<string, string>> = {
  "get: empty id": "InvalidDistinctId",
  "get: blank id": "InvalidDistinctId",
  "get: null id": "InvalidDistinctId",
  "get: number id": "InvalidDistinctId",
  "get: lone surrogate id": "InvalidDistinctId",
  "get_edit_instance: blank id": "InvalidUserEdit",
  "get_edit_instance: null id": "InvalidUserEdit",
  "get_edit_instance: number id": "InvalidUserEdit",
  // Node sends this one.
  "get_edit_instance: lone surrogate id": "InvalidUserEdit",
  "tenant: blank tenant id": "SuprsendInvalidInput"
}

/** Cases whose call we do not have. */
const notYet: ReadonlyArray<string> = []

const deviationOf = new Map(Object.values(deviations).flatMap(Object.entries))

const uuid4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Masks in a body what the recordings mask, if it is what it should be. */
const masked = (body: string, userAgent: string): string =>
  JSON.stringify(
    JSON.parse(body === "" ? "null" : body, (key, value: unknown) => {
      if (key === "$insert_id" && typeof value === "string" && uuid4.test(value)) return "<uuid4>"
      if (key === "$time" && typeof value === "number" && Number.isInteger(value)) return 0
      if (key === "$ss_sdk_version" && value === userAgent) return "<user_agent>"
      return value
    })
  )

const sentOf = ({ body, headers, method, uri }: WireRequest): Sent => ({
  method,
  path: uri,
  body: canonical(JSON.parse(masked(body, headers["user-agent"] ?? "")))
})

const expected = ({ body, method, path }: Sent): Sent => ({ method, path, body: canonical(body ?? null) })

const recorded = ({ body, method, path }: typeof Request.Type): Sent =>
  expected({ method, path, body: body === "" ? null : JSON.parse(body) })

const httpDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/

const checkHeaders = ({ body, headers, method, uri }: WireRequest): void => {
  const { authorization = "", "content-type": contentType = "", date = "" } = headers
  expect(contentType).toBe("application/json; charset=utf-8")
  expect(date).toMatch(httpDate)
  expect(Signature.verify({ method, body, contentType, date, uri }, credentials, authorization)).toBe(true)
  expect(headers["content-length"] ?? "0").toBe(String(Buffer.byteLength(body)))
}

// Something that every call can read.
const everything: Answer = (request, response, position) => {
  const answer = request.method === "DELETE"
    ? text(204, "")
    : request.uri.endsWith("/event/")
    ? text(202, "OK")
    : json(200, {
      distinct_id: "user_1",
      results: [],
      meta: { has_next: false },
      sections: [],
      channel_preferences: [],
      name: "Newsletter",
      category: "newsletter",
      preference: "opt_in",
      channels: []
    })
  answer(request, response, position)
}

const run = ({ base_url, call: [name, ...args] }: Pick<typeof cases[number], "base_url" | "call">) =>
  Effect.gen(function*() {
    const server = yield* serve(everything)
    const baseUrl = (base_url ?? "http://HOST/").replace("HOST", new URL(server.url).host)
    const outcome = yield* Effect.flatMap(vendorCalls, (calls) => calls[name]?.(...args) ?? Effect.die(name)).pipe(
      Effect.provide(Suprsend.layer({ ...credentials, baseUrl, retry: { attempts: 1 } })),
      Effect.either
    )
    return { outcome, requests: server.requests }
  })

const tagOf = (u: unknown): unknown => typeof u === "object" && u !== null && "_tag" in u ? u._tag : u

describe("requests.json", () => {
  for (const testCase of cases.filter(({ case: name }) => !notYet.includes(name))) {
    const { case: name, node, python } = testCase
    it.scopedLive(name, () =>
      Effect.gen(function*() {
        const { outcome, requests } = yield* run(testCase)
        const sent = requests.map(sentOf)
        const deviation = deviationOf.get(name)
        if (deviation === undefined) {
          expect(sent).toEqual(python.requests.map(recorded))
        } else {
          expect(sent).toEqual(deviation.sent.map(expected))
          expect(sent, "this no longer deviates").not.toEqual(python.requests.map(recorded))
        }
        expect(Either.match(outcome, { onLeft: tagOf, onRight: () => undefined })).toBe(
          deviation?.error ?? refusals[name]
        )
        requests.forEach(checkHeaders)
        // The Node SDK serialises as we do: where it sends the same, it sends the same text.
        requests.forEach(({ body, headers }, i) => {
          const theirs = node?.requests[i]?.body
          if (theirs !== undefined && theirs !== "" && canonical(JSON.parse(theirs)) === sent[i]?.body) {
            expect(masked(body, headers["user-agent"] ?? "")).toBe(theirs)
          }
        })
      }))
  }

  it("each of the 92 cases has a test or is not yet due, and each listed case exists and is listed once", () => {
    const names = cases.map((testCase) => testCase.case)
    const listed = [...deviationOf.keys(), ...Object.keys(refusals), ...notYet]
    expect(new Set(names).size).toBe(92)
    expect(listed.filter((name) => !names.includes(name))).toEqual([])
    expect(new Set(listed).size).toBe(listed.length)
    const nowhere = cases.filter(({ case: name, python }) =>
      python.requests.length === 0 && !deviationOf.has(name) && !(name in refusals)
    )
    expect(nowhere).toEqual([])
  })

  it.scopedLive("the client says about itself what the Python SDK says, member by member", () =>
    Effect.gen(function*() {
      const { requests } = yield* run({ call: ["get", "user_1"] })
      const header = "x-suprsend-client-user-agent"
      const theirs = cases[0]?.python.requests[0]?.headers.find(([name]) => name.toLowerCase() === header)?.[1] ?? ""
      expect(Object.keys(JSON.parse(String(requests[0]?.headers[header])))).toEqual(Object.keys(JSON.parse(theirs)))
    }))
})

describe("queries", () => {
  const queryOf = (options: Readonly<Record<string, unknown>>) =>
    Effect.map(run({ call: ["list", options] }), ({ requests: [request] }) => {
      if (request !== undefined) checkHeaders(request)
      return request?.uri
    })

  it.scopedLive("encode what the Python SDK encodes", () =>
    Effect.gen(function*() {
      expect(yield* queryOf({ after: "!'()*~-._" })).toBe("/v1/user/?after=%21%27%28%29%2A~-._")
      expect(yield* queryOf({ after: "a b+c&d=e/f?g#h%é😀\u0000" })).toBe(
        "/v1/user/?after=a+b%2Bc%26d%3De%2Ff%3Fg%23h%25%C3%A9%F0%9F%98%80%00"
      )
    }))

  it.scopedLive("leave out what is null or undefined; the Node SDK sends the words", () =>
    Effect.gen(function*() {
      expect(yield* queryOf({ limit: null, before: undefined, after: null })).toBe("/v1/user/")
      expect(yield* queryOf({ limit: 0, after: "" })).toBe("/v1/user/?limit=0&after=")
    }))

  it.scopedLive("take half of a surrogate pair for U+FFFD, as URLs do", () =>
    Effect.gen(function*() {
      expect(yield* queryOf({ after: "a\ud800b\udc00\ud83d\ude00" })).toBe(
        "/v1/user/?after=a%EF%BF%BDb%EF%BF%BD%F0%9F%98%80"
      )
    }))
})

describe("base URLs", () => {
  it.scopedLive("a path is part of what is signed, with and without a slash at its end", () =>
    Effect.gen(function*() {
      for (const base_url of ["http://HOST/proxy/hub", "http://HOST/proxy/hub/", "\thttp://HOST/proxy/hub \n"]) {
        const { requests } = yield* run({ base_url, call: ["get_lists_subscribed_to", "a b", { limit: 2 }] })
        expect(requests.map(({ uri }) => uri)).toEqual(["/proxy/hub/v1/user/a%20b/subscribed_to/list/?limit=2"])
        requests.forEach(checkHeaders)
      }
    }))

  it.scopedLive("a wrong secret gives a signature that does not verify", () =>
    Effect.gen(function*() {
      const server = yield* serve(everything)
      yield* Effect.flatMap(UsersService, (users) => users.get("user_1")).pipe(
        Effect.provide(Suprsend.layer({
          workspaceKey: credentials.workspaceKey,
          workspaceSecret: Redacted.make("another secret"),
          baseUrl: server.url
        }))
      )
      const [request] = server.requests
      expect(() => request !== undefined && checkHeaders(request)).toThrow()
    }))
})
