import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import { createHash, createHmac } from "node:crypto"
import * as transports from "../../src/internal/transport/transport.js"
import { type Answer, closedPort, inOrder, json, serve, text, type WireRequest } from "../utils/loopback.js"
import { once } from "../utils/requests.js"
import { ended, settle, skippingDelays } from "../utils/time.js"
import { ours } from "../utils/transports.js"

const secret = "wire-workspace-secret"

const signed: SuprsendConfig.WorkspaceCredentials = {
  workspaceKey: "wire-workspace-key",
  workspaceSecret: Redacted.make(secret)
}

/** What `Authorization` must be for a request as it stood on the wire: the five fields, with nothing of our own code. */
const authorizationOf = ({ body, headers, method, uri }: WireRequest): string => {
  const md5 = body === "" ? "" : createHash("md5").update(body).digest("hex")
  const signature = createHmac("sha256", secret)
    .update([method, md5, headers["content-type"], headers.date, uri].join("\n"))
    .digest("base64")
  return `${signed.workspaceKey}:${signature}`
}

const isSigned = (request: WireRequest) => expect(request.headers.authorization).toBe(authorizationOf(request))

const ada = UserEdit.set(UserEdit.edit("ada"), "plan", "pro")
const visit = UserEdit.increment(UserEdit.edit("ada"), "visits", 1)

const user = json(200, { distinct_id: "ada" })

/** Never responds. */
const silence: Answer = () => {}

/** Sends the head of a response, and a part of its body. */
const head = (status: number): Answer => (_request, response) => {
  response.writeHead(status, { "content-type": "application/json" })
  response.write("{\"distinct_id\":")
}

const cutBefore: Answer = (_request, response) => {
  response.socket?.destroy()
}

const cutWithinStatus = (status: number): Answer => (_request, response) => {
  response.writeHead(status, { "content-type": "application/json", "content-length": "1000" })
  response.write("{\"distinct_id\":", () => response.socket?.destroy())
}

const cutWithin = cutWithinStatus(200)

const httpClients = {
  ...ours,
  "the platform's fetch": FetchHttpClient.layer,
  "the platform's undici": NodeHttpClient.layerUndici
}

const suprsend = (
  http: Layer.Layer<HttpClient.HttpClient>,
  baseUrl: string,
  { credentials = signed, ...settings }: SuprsendConfig.Settings & {
    readonly credentials?: SuprsendConfig.Credentials
  } = {}
) =>
  UsersService.layer.pipe(
    Layer.provideMerge(SuprsendClient.layerWithoutRateLimiter({ baseUrl, ...credentials, ...settings })),
    Layer.provide(RateLimiter.layerNoop),
    Layer.provide(http)
  )

for (const [name, http] of Object.entries(httpClients)) {
  /** Runs calls against a server; retry delays take no time. */
  const calls = <A, E>(
    baseUrl: string,
    run: (users: UsersService.UsersService.Service) => Effect.Effect<A, E>,
    settings?: Parameters<typeof suprsend>[2]
  ) =>
    Effect.provide(
      Effect.flatMap(UsersService.UsersService, (users) => skippingDelays(run(users))),
      suprsend(http, baseUrl, settings)
    )

  describe(`over ${name}`, () => {
    describe("a request without a body", () => {
      for (const method of ["GET", "POST", "PATCH", "DELETE"] as const) {
        it.scoped(`of ${method} has a length of 0, and no chunked encoding`, () =>
          Effect.gen(function*() {
            const server = yield* serve(json(200, {}))
            const client = Effect.flatMap(SuprsendClient.SuprsendClient, (client) =>
              client.execute({ call: "test", method, template: "/v1/anything/" }))
            yield* Effect.provide(Effect.zipRight(client, client), suprsend(http, server.url))
            expect(server.requests).toHaveLength(2)
            for (const { body, headers } of server.requests) {
              expect([headers["transfer-encoding"], headers["content-length"] ?? "0", body]).toEqual([
                undefined,
                "0",
                ""
              ])
            }
          }))
      }
    })

    describe("attempts", () => {
      it.scoped("are signed afresh, each with its own date, and carry one event", () =>
        Effect.gen(function*() {
          const busy = text(503, "busy", { "retry-after": "2" })
          const server = yield* serve(inOrder(busy, busy, text(202, "OK")))
          yield* TestClock.setTime(Date.UTC(2024, 10, 23, 8, 5, 9))
          const accepted = yield* calls(server.url, (users) => users.asyncEdit(ada))

          expect(accepted).toMatchObject({ status: 202, message: "OK" })
          expect(server.requests).toHaveLength(3)
          server.requests.forEach(isSigned)
          expect(server.requests.map(({ headers }) => headers.date)).toEqual([
            "Sat, 23 Nov 2024 08:05:09 GMT",
            "Sat, 23 Nov 2024 08:05:11 GMT",
            "Sat, 23 Nov 2024 08:05:13 GMT"
          ])
          expect(new Set(server.requests.map(({ headers }) => headers.authorization)).size).toBe(3)
          expect(new Set(server.requests.map(({ body }) => body)).size).toBe(1)
          const event: Record<string, unknown> = JSON.parse(server.requests[0]?.body ?? "")
          expect(event).toMatchObject({ $insert_id: accepted.insertId, $time: Date.UTC(2024, 10, 23, 8, 5, 9) })
        }))

      it.scoped("follow a connection that was cut before the response, and one that was cut within it", () =>
        Effect.gen(function*() {
          const server = yield* serve(inOrder(cutBefore, cutWithin, user))
          const got = yield* calls(server.url, (users) => users.get("ada"))
          expect(got.distinctId).toBe("ada")
          expect(server.requests).toHaveLength(3)
          server.requests.forEach(isSigned)
        }))

      it.scoped("do not follow a request that may have been applied and is not idempotent", () =>
        Effect.gen(function*() {
          for (const answer of [cutBefore, cutWithin, text(500, ""), text(503, "", { "retry-after": "1" })]) {
            const server = yield* serve(inOrder(answer, user))
            const error = yield* calls(server.url, (users) => Effect.flip(users.edit(visit)))
            expect(error).toMatchObject({ applied: "unknown", attempts: 1, retryable: false })
            expect(server.requests).toHaveLength(1)
          }
        }))
    })

    describe("an id is one segment of the path", () => {
      const echo: Answer = (request, response, position) => {
        const id = decodeURIComponent(request.uri.split("/")[3] ?? "")
        const answer = request.method === "DELETE" ? text(204, "") : json(200, { distinct_id: id })
        answer(request, response, position)
      }

      const arrives = (id: string) =>
        Effect.gen(function*() {
          const server = yield* serve(echo)
          const edit = UserEdit.set(UserEdit.edit(id), "plan", "pro")
          yield* calls(server.url, (users) =>
            Effect.gen(function*() {
              expect((yield* users.get(id)).distinctId).toBe(edit.distinctId)
              expect((yield* users.edit(edit)).distinctId).toBe(edit.distinctId)
              yield* users.delete(id)
            }))
          expect(server.requests.map(({ method }) => method)).toEqual(["GET", "PATCH", "DELETE"])
          for (const request of server.requests) {
            expect(request.uri).toMatch(/^\/v1\/user\/[A-Za-z0-9_.~%-]+\/$/)
            isSigned(request)
          }
        })

      for (
        const id of [
          "user-42",
          "a b",
          " padded ",
          "ada@example.com",
          "a/b",
          "/",
          "../admin",
          "a/../b",
          "...",
          "a\\b",
          "..\\b",
          "%",
          "%2F",
          "%2e%2e",
          "100% sure",
          "a?b=c",
          "?",
          "a#b",
          "#",
          "a+b",
          "a&b=c",
          "a;b",
          "a:b",
          "a,b",
          "$a=b@c",
          "it's",
          "!'()*",
          "\"quoted\"",
          "`tick`",
          "<b>",
          "{distinct_id}",
          "[1]|^",
          "a\tb",
          "a\nb",
          "a\0b",
          "a\u007fb",
          "naïve",
          "用户",
          "مستخدم",
          "🦊👩‍👩‍👧‍👦",
          "\ufeffbom",
          "zero\u200bwidth",
          "~_.-",
          "x".repeat(255)
        ]
      ) it.scoped(JSON.stringify(id.slice(0, 40)), () => arrives(id))

      const character = FastCheck.oneof(
        FastCheck.constantFrom(..." /\\?#%+&=;:@$,.!'()*\"<>{}[]|^`~\t\n\r\0\u007f\u00a0\u2028"),
        FastCheck.string({ minLength: 1, maxLength: 1, unit: "binary" }),
        FastCheck.string({ minLength: 1, maxLength: 1, unit: "grapheme" })
      )

      it.scoped.prop(
        "for any valid id",
        {
          id: FastCheck.string({ unit: character, minLength: 1, maxLength: 40 }).filter((id) =>
            Either.isRight(UserEdit.validate(UserEdit.edit(id)))
          )
        },
        ({ id }) => arrives(id),
        { fastCheck: { numRuns: 35 } }
      )

      for (const id of [".", "..", " .. ", "", " ", "\t\n", "\ud800", "x".repeat(256)]) {
        it.scoped(`${JSON.stringify(id.slice(0, 10))} is not a valid id, and nothing is sent`, () =>
          Effect.gen(function*() {
            const server = yield* serve(user)
            const errors = yield* calls(server.url, (users) =>
              Effect.all([
                Effect.flip(users.get(id)),
                Effect.flip(users.delete(id)),
                Effect.flip(users.getObjectsSubscribedTo(id)),
                Effect.flip(users.edit(UserEdit.edit(id)))
              ]))
            expect(errors.map(({ _tag, attempts }) => [_tag, attempts])).toEqual([
              ["InvalidDistinctId", 0],
              ["InvalidDistinctId", 0],
              ["InvalidDistinctId", 0],
              ["InvalidUserEdit", 0]
            ])
            expect(server.requests).toEqual([])
          }))
      }
    })

    describe("the request line", () => {
      it.scoped("begins with the path of the base URL, which is signed", () =>
        Effect.gen(function*() {
          const server = yield* serve(user)
          for (const prefix of ["hub/v2", "hub/v2/", "a b/é/"]) {
            yield* calls(`${server.url}${prefix}`, (users) => users.get("ada lovelace"))
          }
          expect(server.requests.map(({ uri }) => uri)).toEqual([
            "/hub/v2/v1/user/ada%20lovelace/",
            "/hub/v2/v1/user/ada%20lovelace/",
            "/a%20b/%C3%A9/v1/user/ada%20lovelace/"
          ])
          server.requests.forEach(isSigned)
        }))

      it.scoped.prop(
        "holds the query as it is signed",
        { after: FastCheck.string({ unit: "binary", maxLength: 30 }), limit: FastCheck.integer({ min: 1, max: 99 }) },
        ({ after, limit }) =>
          Effect.gen(function*() {
            const server = yield* serve(json(200, { meta: {}, results: [] }))
            yield* calls(server.url, (users) => users.list({ limit, after }))
            const [request] = server.requests
            const query = new URL(request?.uri ?? "", server.url).searchParams
            expect(Object.fromEntries(query)).toEqual({ limit: `${limit}`, after })
            server.requests.forEach(isSigned)
          }),
        { fastCheck: { numRuns: 15 } }
      )

      it.scoped("has no question mark if there is no query", () =>
        Effect.gen(function*() {
          const server = yield* serve(json(200, { meta: {}, results: [] }))
          yield* calls(server.url, (users) => users.list())
          expect(server.requests[0]?.uri).toBe("/v1/user/")
        }))
    })

    describe("a redirect", () => {
      for (const status of [301, 302, 303, 307, 308]) {
        it.scoped(`of ${status} is not followed`, () =>
          Effect.gen(function*() {
            const server = yield* serve(inOrder(text(status, "", { location: "/v1/user/eve/" }), user))
            const error = yield* calls(server.url, (users) => Effect.flip(users.edit(ada)))
            expect(error).toMatchObject({ _tag: "SuprsendRejected", status, applied: "no", attempts: 1 })
            expect(server.requests).toHaveLength(1)
          }))
      }
    })

    describe("interruption", () => {
      it.scoped("while the request is sent closes the connection", () =>
        Effect.gen(function*() {
          const server = yield* serve(silence)
          yield* Effect.gen(function*() {
            const users = yield* UsersService.UsersService
            const fiber = yield* Effect.fork(users.get("ada"))
            yield* server.arrived(1)
            yield* Fiber.interrupt(fiber)
            yield* server.connectionClosed
            expect(server.requests).toHaveLength(1)
          }).pipe(Effect.provide(suprsend(http, server.url)))
        }))

      it.scoped("while the body is read closes the connection", () =>
        Effect.gen(function*() {
          const server = yield* serve(head(200))
          const headIsThere = yield* Deferred.make<void>()
          yield* Effect.gen(function*() {
            const users = yield* UsersService.UsersService
            const fiber = yield* Effect.fork(users.get("ada"))
            yield* Deferred.await(headIsThere)
            yield* settle
            yield* Fiber.interrupt(fiber)
            yield* server.connectionClosed
            expect(server.requests).toHaveLength(1)
          }).pipe(
            Effect.provide(suprsend(http, server.url, {
              transformClient: HttpClient.tap(() => Deferred.succeed(headIsThere, undefined))
            }))
          )
        }))

      it.scoped("by the timeout of an attempt closes the connection too, and an accepted event stays accepted", () =>
        Effect.gen(function*() {
          const server = yield* serve(head(202))
          const headIsThere = yield* Deferred.make<void>()
          yield* Effect.gen(function*() {
            const users = yield* UsersService.UsersService
            const fiber = yield* Effect.fork(users.asyncEdit(ada))
            yield* Deferred.await(headIsThere)
            yield* settle
            yield* TestClock.adjust("30 seconds")
            yield* server.connectionClosed
            yield* settle
            expect(yield* ended(fiber)).toMatchObject({ status: 202, message: "" })
            expect(server.requests).toHaveLength(1)
          }).pipe(
            Effect.provide(suprsend(http, server.url, {
              transformClient: HttpClient.tap(() => Deferred.succeed(headIsThere, undefined))
            }))
          )
        }))
    })

    describe("no connection", () => {
      it.effect("is refused: the call is retried, and nothing was applied", () =>
        Effect.gen(function*() {
          const url = yield* closedPort
          const error = yield* calls(url, (users) => Effect.flip(users.edit(visit)))
          expect(error).toMatchObject({
            _tag: "SuprsendUnavailable",
            reason: "Transport",
            applied: "no",
            attempts: 4,
            retryable: true
          })
          expect(error.message).toContain("connect ECONNREFUSED 127.0.0.1:")
        }))

      it.effect("is refused under a name that has several addresses", () =>
        Effect.gen(function*() {
          const url = (yield* closedPort).replace("127.0.0.1", "localhost")
          const error = yield* calls(url, (users) => Effect.flip(once(users.get("ada"))))
          expect(error).toMatchObject({ reason: "Transport", applied: "no", attempts: 1 })
          expect(error).toHaveProperty("description", expect.stringContaining("ECONNREFUSED"))
        }))
    })

    describe("a connection that is cut", () => {
      it.scoped("before the response", () =>
        Effect.gen(function*() {
          const server = yield* serve(cutBefore)
          const error = yield* calls(server.url, (users) => Effect.flip(users.get("ada")))
          expect(error).toMatchObject({
            _tag: "SuprsendUnavailable",
            reason: "Transport",
            applied: "unknown",
            attempts: 4,
            retryable: true
          })
          expect(error).toHaveProperty("description", expect.stringMatching(/./))
          expect(error.message).not.toContain("/v1/user")
          expect(server.requests).toHaveLength(4)
        }))

      it.scoped("within the response", () =>
        Effect.gen(function*() {
          const server = yield* serve(cutWithin)
          const error = yield* calls(server.url, (users) => Effect.flip(once(users.get("ada"))))
          expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Transport", applied: "unknown" })
          expect(error).toHaveProperty("description", expect.stringMatching(/./))
        }))

      it.scoped("within the response to an event, which its status has settled", () =>
        Effect.gen(function*() {
          const server = yield* serve(cutWithinStatus(202))
          expect(yield* calls(server.url, (users) => users.asyncEdit(ada))).toMatchObject({ status: 202 })
          expect(server.requests).toHaveLength(1)
        }))

      it.scoped("within a response of another status to an event, which is retried", () =>
        Effect.gen(function*() {
          const server = yield* serve(inOrder(cutWithin, text(202, "OK")))
          expect(yield* calls(server.url, (users) => users.asyncEdit(ada))).toMatchObject({ status: 202 })
          expect(server.requests).toHaveLength(2)
        }))

      it.scoped("within a 429, which stays one", () =>
        Effect.gen(function*() {
          const server = yield* serve((_request, response) => {
            response.writeHead(429, { "retry-after": "7", "content-length": "1000" })
            response.write("<html>", () => response.socket?.destroy())
          })
          const error = yield* calls(server.url, (users) => Effect.flip(once(users.get("ada"))))
          expect(error).toMatchObject({ _tag: "SuprsendRateLimited", retryAfter: Duration.seconds(7), applied: "no" })
        }))
    })

    describe("headers", () => {
      it.scoped("are those of the vendor's SDKs", () =>
        Effect.gen(function*() {
          const server = yield* serve(user)
          yield* calls(server.url, (users) => users.get("ada"))
          const headers = server.requests[0]?.headers
          expect(headers).toMatchObject({
            "content-type": "application/json; charset=utf-8",
            date: "Thu, 01 Jan 1970 00:00:00 GMT",
            "user-agent": expect.stringMatching(/^effect-suprsend\/\d+\.\d+\.\d+ \(node\/[\d.]+; \w+\)$/)
          })
          const about: unknown = JSON.parse(String(headers?.["x-suprsend-client-user-agent"]))
          expect(about).toMatchObject({ sdk: "effect-suprsend", lang: "node", platform: "server", app_info: null })
          // No span of the platform is propagated, and no body is announced that there is none of.
          expect(headers).not.toHaveProperty("traceparent")
          expect(headers).not.toHaveProperty("b3")
          expect(headers?.["content-length"] ?? "0").toBe("0")
        }))

      it.scoped("say the length of the body in bytes", () =>
        Effect.gen(function*() {
          const server = yield* serve(text(202, "OK"))
          yield* calls(server.url, (users) => users.asyncEdit(UserEdit.set(ada, "name", "Ada ✨ Łovelace")))
          const [request] = server.requests
          expect(request?.headers["content-length"]).toBe(String(Buffer.byteLength(request?.body ?? "")))
          expect(request?.headers).not.toHaveProperty("transfer-encoding")
          server.requests.forEach(isSigned)
        }))

      it.scoped("can be added, for the layer and for a region, the inner one winning", () =>
        Effect.gen(function*() {
          const server = yield* serve(user)
          const region = withRequestOptions({ headers: { "X-Region": "région", "X-Both": "region" } })
          yield* calls(server.url, (users) => region(users.get("ada")), {
            headers: { "X-Layer": "layer", "X-Both": "layer" }
          })
          const headers = server.requests[0]?.headers
          expect(headers).toMatchObject({ "x-layer": "layer", "x-both": "region" })
          expect(Buffer.from(String(headers?.["x-region"]), "latin1").toString("latin1")).toBe("région")
          server.requests.forEach(isSigned)
        }))

      it.scoped("that are signed, or name the SDK, cannot be replaced", () =>
        Effect.gen(function*() {
          const server = yield* serve(user)
          const mine = {
            Authorization: "Bearer mine",
            "Content-Type": "text/plain",
            Date: "yesterday",
            "User-Agent": "mine",
            "X-Suprsend-Client-User-Agent": "mine"
          }
          yield* calls(server.url, (users) => users.get("ada").pipe(withRequestOptions({ headers: mine })), {
            headers: mine
          })
          const [request] = server.requests
          expect(request?.headers).toMatchObject({
            "content-type": "application/json; charset=utf-8",
            date: "Thu, 01 Jan 1970 00:00:00 GMT",
            "user-agent": expect.stringContaining("effect-suprsend/"),
            "x-suprsend-client-user-agent": expect.stringContaining("effect-suprsend")
          })
          server.requests.forEach(isSigned)
        }))

      it.scoped("name the application, without what a header cannot hold", () =>
        Effect.gen(function*() {
          const server = yield* serve(text(202, "OK"))
          const appInfo = { name: "Büro\r\nX-Evil: 1\0", version: "1.0 🔑\n" }
          yield* calls(server.url, (users) => users.asyncEdit(ada), { appInfo })
          const { body = "", headers } = server.requests[0] ?? {}
          expect(headers?.["user-agent"]).toMatch(/^effect-suprsend\/\S+ \(node\/\S+; \w+\) \(BroX-Evil: 1\/1\.0\)$/)
          expect(headers).not.toHaveProperty("x-evil")
          expect(JSON.parse(String(headers?.["x-suprsend-client-user-agent"]))).toHaveProperty("app_info.name")
          expect(JSON.parse(body)).toHaveProperty("properties.$ss_sdk_version", headers?.["user-agent"])
          server.requests.forEach(isSigned)
        }))
    })

    describe("an API key", () => {
      const credentials = { apiKey: Redacted.make("wire-api-key"), workspaceUid: "wire-workspace-uid" }

      it.scoped("is sent as it is, with no date, and events name the workspace by its UID", () =>
        Effect.gen(function*() {
          const server = yield* serve(inOrder(text(202, "OK"), user))
          yield* calls(server.url, (users) => Effect.zipRight(users.asyncEdit(ada), users.get("ada")), { credentials })
          expect(server.requests).toHaveLength(2)
          for (const { headers } of server.requests) {
            expect(headers.authorization).toBe("Bearer wire-api-key")
            expect(headers["content-type"]).toBe("application/json; charset=utf-8")
            expect(headers).not.toHaveProperty("date")
          }
          expect(JSON.parse(server.requests[0]?.body ?? "")).toHaveProperty("env", "wire-workspace-uid")
        }))

      it.scoped("cannot be replaced by headers", () =>
        Effect.gen(function*() {
          const server = yield* serve(user)
          yield* calls(server.url, (users) => users.get("ada"), { credentials, headers: { authorization: "mine" } })
          expect(server.requests[0]?.headers.authorization).toBe("Bearer wire-api-key")
        }))
    })
  })
}

describe("undici without the platform's client", () => {
  /** Runs with a dispatcher that signals when the head of a response has arrived. */
  const withHead = <A, E>(
    baseUrl: string,
    run: (headIsThere: Effect.Effect<void>) => Effect.Effect<A, E, UsersService.UsersService>
  ) =>
    Effect.gen(function*() {
      const headIsThere = yield* Deferred.make<void>()
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new Undici.Agent()),
        (agent) => Effect.promise(() => agent.destroy())
      )
      const telling = agent.compose((dispatch) => (options, handler) =>
        dispatch(options, {
          onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
          onResponseStart: (controller, status, headers, message) => {
            handler.onResponseStart?.(controller, status, headers, message)
            Deferred.unsafeDone(headIsThere, Exit.void)
          },
          onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
          onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
          onResponseError: (controller, error) => handler.onResponseError?.(controller, error)
        })
      )
      const client = Layer.provide(
        SuprsendNode.layerUndiciWithoutDispatcher,
        Layer.succeed(NodeHttpClient.Dispatcher, telling)
      )
      return yield* Effect.provide(run(Deferred.await(headIsThere)), suprsend(client, baseUrl))
    })

  it.scoped("an interruption while the body is read closes the connection", () =>
    Effect.gen(function*() {
      const server = yield* serve(head(200))
      yield* withHead(server.url, (headIsThere) =>
        Effect.gen(function*() {
          const users = yield* UsersService.UsersService
          const fiber = yield* Effect.fork(users.get("ada"))
          yield* headIsThere
          yield* Fiber.interrupt(fiber)
          yield* server.connectionClosed
          expect(server.requests).toHaveLength(1)
        }))
    }))

  it.scoped("the timeout closes the connection too, and what was accepted stays accepted", () =>
    Effect.gen(function*() {
      const server = yield* serve(head(202))
      yield* withHead(server.url, (headIsThere) =>
        Effect.gen(function*() {
          const users = yield* UsersService.UsersService
          const fiber = yield* Effect.fork(users.asyncEdit(ada))
          yield* headIsThere
          yield* TestClock.adjust("30 seconds")
          yield* server.connectionClosed
          yield* settle
          expect(yield* ended(fiber)).toMatchObject({ status: 202, message: "" })
          expect(server.requests).toHaveLength(1)
        }))
    }))

  it.scoped("many timeouts share one timer, each ends at its own instant, and no timer remains once all have ended", () =>
    Effect.gen(function*() {
      const server = yield* serve(silence)
      yield* Effect.gen(function*() {
        const users = yield* UsersService.UsersService
        const late: Array<string> = []
        const call = (seconds: number) =>
          users.get("ada").pipe(
            withRequestOptions({ timeout: Duration.seconds(seconds), retry: { attempts: 1 } }),
            Effect.catchTag("SuprsendUnavailable", ({ description }) =>
              Effect.map(Clock.currentTimeMillis, (now) => late.push(`${description} @${now}`))),
            Effect.fork
          )
        const fibers = yield* Effect.forEach([3, 1, 2, 1], call)
        yield* server.arrived(4)
        expect(yield* TestClock.sleeps()).toHaveLength(1)
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.joinAll(fibers)
        expect(late).toEqual([
          "no complete response within 1s @1000",
          "no complete response within 1s @1000",
          "no complete response within 2s @2000",
          "no complete response within 3s @3000"
        ])
        expect(yield* TestClock.sleeps()).toHaveLength(0)
      }).pipe(Effect.provide(suprsend(SuprsendNode.layerUndici, server.url)))
    }))

  it.scoped("a bulk yields to the event loop before each request", () =>
    Effect.gen(function*() {
      const client = yield* Effect.provide(HttpClient.HttpClient, SuprsendNode.layerUndici)
      const yieldToEventLoop = transports.of(client)?.yieldToEventLoop ?? Effect.void
      let turned = false
      setImmediate(() => {
        turned = true
      })
      yield* Effect.repeatN(Effect.yieldNow(), 20)
      expect(turned).toBe(false)
      yield* yieldToEventLoop
      expect(turned).toBe(true)
    }))

  /** A client whose connections are never made, or fail with an error. */
  const connecting = (connect: (fail: (error: Error) => void) => void) =>
    Layer.provide(
      SuprsendNode.layerUndiciWithoutDispatcher,
      Layer.scoped(
        NodeHttpClient.Dispatcher,
        Effect.acquireRelease(
          Effect.sync(() => new Undici.Agent({ connect: (_, done) => connect((error) => done(error, null)) })),
          (agent) => Effect.promise(() => agent.destroy())
        )
      )
    )

  it.scoped("a request that still waits for a connection at its timeout was certainly not applied", () =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const fiber = yield* Effect.fork(Effect.flip(once(users.edit(visit))))
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      expect(yield* ended(fiber)).toMatchObject({
        reason: "Timeout",
        applied: "no",
        description: "no connection within 1s"
      })
    }).pipe(Effect.provide(suprsend(connecting(() => {}), "http://127.0.0.1:1", { timeout: "1 second" }))))

  it.scoped("a request without a connection was not applied, for any reason", () =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const error = yield* Effect.flip(once(users.edit(visit)))
      expect(error).toMatchObject({
        reason: "Tls",
        applied: "no",
        retryable: false,
        description: "certificate has expired (CERT_HAS_EXPIRED)"
      })
    }).pipe(
      Effect.provide(
        suprsend(
          connecting((fail) => fail(Object.assign(new Error("certificate has expired"), { code: "CERT_HAS_EXPIRED" }))),
          "http://127.0.0.1:1"
        )
      )
    ))

  it.scoped("a timeout ends an attempt if the clock is at a real date", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1_700_000_000_000)
      const server = yield* serve(silence)
      yield* Effect.gen(function*() {
        const users = yield* UsersService.UsersService
        for (const n of [1, 2, 3]) {
          yield* TestClock.adjust(n)
          const fiber = yield* Effect.fork(Effect.flip(once(users.get("ada"))))
          yield* server.arrived(n)
          yield* TestClock.adjust("1001 millis")
          yield* settle
          expect(yield* ended(fiber)).toMatchObject({ reason: "Timeout" })
        }
      }).pipe(Effect.provide(suprsend(SuprsendNode.layerUndici, server.url, { timeout: "1001 millis" })))
    }))

  it.scoped("half a second after the last response, no timer keeps the process alive", () =>
    Effect.gen(function*() {
      const server = yield* serve(text(202, "OK"))
      yield* Effect.gen(function*() {
        const users = yield* UsersService.UsersService
        yield* users.asyncEdit(ada)
        yield* users.asyncEdit(ada)
        expect(yield* TestClock.sleeps()).toHaveLength(1)
        yield* TestClock.adjust("500 millis")
        expect(yield* TestClock.sleeps()).toHaveLength(0)
      }).pipe(Effect.provide(suprsend(SuprsendNode.layerUndici, server.url)))
    }))
})

describe("the layers for a whole program", () => {
  for (const [name, layer] of Object.entries({ Suprsend: Suprsend.layer, SuprsendNode: SuprsendNode.layer })) {
    it.scopedLive(`${name}.layer sends, limited, signed and retried`, () =>
      Effect.gen(function*() {
        const server = yield* serve(inOrder(text(503, "busy", { "retry-after": "0" }), text(202, "OK")))
        yield* Effect.flatMap(UsersService.UsersService, (users) => users.asyncEdit(ada)).pipe(
          Effect.provide(layer({ baseUrl: server.url, ...signed }))
        )
        expect(server.requests).toHaveLength(2)
        server.requests.forEach(isSigned)
      }))
  }

  it.scopedLive("SuprsendNode sends over a given dispatcher, which the layer leaves open", () =>
    Effect.gen(function*() {
      const server = yield* serve(text(202, "OK"))
      const agent = yield* Effect.acquireRelease(
        Effect.sync(() => new Undici.Agent()),
        (agent) => Effect.promise(() => agent.close())
      )
      const paths: Array<string> = []
      const proxy = agent.compose((dispatch) => (options, handler) => {
        paths.push(options.path)
        return dispatch(options, handler)
      })
      for (const _ of [1, 2]) {
        yield* Effect.flatMap(UsersService.UsersService, (users) => users.asyncEdit(ada)).pipe(
          Effect.provide(Suprsend.layerWithoutHttpClient({ baseUrl: server.url, ...signed })),
          Effect.provide(SuprsendNode.layerUndiciWithoutDispatcher),
          Effect.provideService(NodeHttpClient.Dispatcher, proxy)
        )
      }
      expect(server.requests).toHaveLength(2)
      expect(paths).toEqual(["/event/", "/event/"])
    }))
})
