import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import type { SuprsendError } from "effect-suprsend/SuprsendError"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Https from "node:https"
import * as Zlib from "node:zlib"
import { certificate, key } from "../fixtures/selfSigned.js"
import { type Answer, inOrder, json, portOf, serve, text } from "../utils/loopback.js"
import { transports } from "../utils/transports.js"

const ada = UserEdit.set(UserEdit.edit("ada"), "plan", "pro")
const grace = UserEdit.set(UserEdit.edit("grace"), "plan", "pro")
const visit = UserEdit.increment(UserEdit.edit("ada"), "visits", 1)

const html = "<!doctype html><title>Sign in</title><p>Please sign in to this network"

/** Successful responses of something other than SuprSend. */
const foreign: Record<string, Answer> = {
  "a login page": text(200, html, { "content-type": "text/html; charset=utf-8" }),
  "a login page that says it is a text": text(200, `\n  ${html}`),
  "a page of status 202": text(202, html, { "content-type": "text/html" }),
  "a page of status 204 in name only": text(203, html, { "content-type": "application/xhtml+xml" }),
  "JSON of another server": json(200, { hello: "world" }),
  "an empty 200": text(200, ""),
  "our own fault": text(200, "\u0000\ufffd{\"gar")
}

for (const [name, transport] of Object.entries(transports)) {
  const over = <A, E>(
    baseUrl: string,
    run: (users: UsersService.Service) => Effect.Effect<A, E>,
    settings: SuprsendConfig.Settings = {}
  ) =>
    Effect.provide(
      Effect.flatMap(UsersService, run),
      Layer.provide(
        Suprsend.layerWithoutHttpClient({
          ...Sandbox.credentials,
          retry: { attempts: 2, initialDelay: "1 milli" },
          ...settings,
          baseUrl
        }),
        transport
      )
    )

  describe(`between this machine and SuprSend, over ${name}`, () => {
    for (const [what, answer] of Object.entries(foreign)) {
      it.scopedLive(`${what} does not count as accepted`, () =>
        Effect.gen(function*() {
          const server = yield* serve(answer)
          yield* over(server.url, (users) =>
            Effect.gen(function*() {
              const edit = yield* Effect.flip(users.asyncEdit(ada))
              expect(edit).toMatchObject({ _tag: "SuprsendUnexpectedResponse", applied: "unknown", attempts: 1 })
              expect(edit).toHaveProperty("insertId", expect.any(String))
              expect(edit.message).toContain(server.url)
              const report = yield* users.bulkEdit([ada, grace])
              expect(report).toMatchObject({ success: 0, failure: 2 })
              expect(report.failedRecords.map(({ outcome }) => outcome)).toEqual(["unknown", "unknown"])
              const deletion = yield* Effect.flip(users.delete("ada"))
              expect(deletion._tag).toBe("SuprsendUnexpectedResponse")
              const calls: ReadonlyArray<Effect.Effect<unknown, SuprsendError>> = [
                users.get("ada"),
                users.edit(ada),
                users.upsert("ada", {}),
                users.merge("ada", "bob")
              ]
              for (const call of calls) expect((yield* Effect.flip(call))._tag).toBe("SuprsendUnexpectedResponse")
            }))
        }))
    }

    it.scopedLive("documented responses count as accepted: 202, OK as text, and 204 for a deletion", () =>
      Effect.gen(function*() {
        const server = yield* serve(inOrder(text(202, ""), text(200, "OK"), json(202, { any: "thing" }), text(204, "")))
        yield* over(server.url, (users) =>
          Effect.gen(function*() {
            expect((yield* users.asyncEdit(ada)).status).toBe(202)
            expect((yield* users.asyncEdit(ada)).status).toBe(200)
            expect((yield* users.bulkEdit([ada])).success).toBe(1)
            yield* users.delete("ada")
          }))
      }))

    it.scopedLive("any 2xx that is not a page counts as success if the vendor documents no status", () =>
      Effect.gen(function*() {
        const page = text(200, html, { "content-type": "text/html" })
        const server = yield* serve(inOrder(text(200, ""), page, json(200, { ok: true }), page))
        yield* over(server.url, (users) =>
          Effect.gen(function*() {
            expect(yield* users.bulkDelete(["ada"])).toMatchObject({ success: 1 })
            const report = yield* users.bulkDelete(["ada"])
            expect(report.failedRecords).toMatchObject([{ outcome: "unknown" }])
            yield* users.unlinkTenant("ada", "acme")
            const unlinked = yield* Effect.flip(users.unlinkTenant("ada", "acme"))
            expect(unlinked._tag).toBe("SuprsendUnexpectedResponse")
          }))
      }))

    for (
      const [what, answer] of Object.entries({
        "a page": text(404, "<html>Not Found</html>", { "content-type": "text/html" }),
        "a text": text(404, "404 page not found"),
        "the JSON of a gateway": json(404, { message: "no Route matched with those values" }),
        "a path that holds the word": json(404, { message: "The requested URL /v1/user/ada/ was not found" }),
        "nothing": text(404, "")
      })
    ) {
      it.scopedLive(`a 404 of a proxy says nothing about a user: ${what}`, () =>
        Effect.gen(function*() {
          const server = yield* serve(answer)
          yield* over(server.url, (users) =>
            Effect.gen(function*() {
              const calls: ReadonlyArray<Effect.Effect<unknown, SuprsendError>> = [
                users.get("ada"),
                users.delete("ada"),
                users.edit(ada),
                users.merge("ada", "bob")
              ]
              for (const call of calls) {
                const error = yield* Effect.flip(call)
                expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 404 })
                expect(error.message).toContain(`the base URL ${server.url}`)
              }
            }))
        }))

      it.scopedLive(`a 404 of a proxy does not complete a deletion whose first response was lost: ${what}`, () =>
        Effect.gen(function*() {
          const server = yield* serve(inOrder(text(500, ""), answer))
          const error = yield* over(server.url, (users) => Effect.flip(users.delete("ada")))
          expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 404, applied: "unknown" })
        }))
    }

    it.scopedLive("SuprSend's own 404 reports a missing user, and completes such a deletion", () =>
      Effect.gen(function*() {
        const own = json(404, { code: 404, message: "user [distinct_id: 'ada'] not found" })
        const server = yield* serve(inOrder(own, text(500, ""), own))
        yield* over(server.url, (users) =>
          Effect.gen(function*() {
            expect((yield* Effect.flip(users.get("ada")))._tag).toBe("SuprsendUserNotFound")
            yield* users.delete("ada")
          }))
      }))

    it.scopedLive("a page with status 403 is not an error of the credentials", () =>
      Effect.gen(function*() {
        const server = yield* serve(text(403, html, { "content-type": "text/html" }))
        const error = yield* over(server.url, (users) => Effect.flip(users.asyncEdit(ada)))
        expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 403, applied: "no" })
        expect(error.message).toContain("proxy")
      }))

    it.scopedLive("a request that a proxy refuses for missing credentials was not applied", () =>
      Effect.gen(function*() {
        const server = yield* serve(text(407, "", { "proxy-authenticate": "Basic" }))
        const error = yield* over(server.url, (users) => Effect.flip(users.edit(visit)))
        expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 407, applied: "no", attempts: 1 })
        expect(error.message).toContain("proxy")
        expect(server.requests).toHaveLength(1)
      }))

    for (
      const [encoding, encode] of Object.entries({
        gzip: Zlib.gzipSync,
        deflate: Zlib.deflateSync,
        br: Zlib.brotliCompressSync
      })
    ) {
      it.scopedLive(`a response in ${encoding} is decoded, although it was not requested`, () =>
        Effect.gen(function*() {
          const body = encode(JSON.stringify({ distinct_id: "ada", properties: { plan: "pro" } }))
          const server = yield* serve((_request, response) => {
            response.writeHead(200, { "content-type": "application/json", "content-encoding": encoding }).end(body)
          })
          expect((yield* over(server.url, (users) => users.get("ada"))).properties).toEqual({ plan: "pro" })
        }))
    }

    it.scopedLive("an endless body is not read to its end if the status settles the call", () =>
      Effect.gen(function*() {
        let written = 0
        const server = yield* serve((_request, response) => {
          response.writeHead(202, { "content-type": "text/plain" })
          const chunk = Buffer.alloc(65_536, "x")
          const more = () => {
            while (!response.destroyed && written < 2 ** 27 && response.write(chunk)) written += chunk.length
          }
          response.on("drain", more)
          more()
        })
        const accepted = yield* over(server.url, (users) => users.asyncEdit(ada))
        expect(accepted.status).toBe(202)
        expect(written).toBeLessThan(2 ** 27)
      }))

    if (name !== "the platform's fetch") {
      it.scopedLive("a 421 is one request", () =>
        Effect.gen(function*() {
          const server = yield* serve(text(421, ""))
          const error = yield* over(server.url, (users) => Effect.flip(users.asyncEdit(ada)))
          expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 421, attempts: 1 })
          expect(server.requests).toHaveLength(1)
        }))
    }
  })

  describe(`no connection, over ${name}`, () => {
    it.scopedLive("to a server with an untrusted certificate: nothing was sent, and the call is not retried", () =>
      Effect.gen(function*() {
        const { handshakes, url } = yield* untrusted
        const error = yield* over(url, (users) => Effect.flip(users.edit(visit)))
        expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Tls", applied: "no", retryable: false })
        expect(error).toMatchObject({ attempts: 1 })
        expect(error.message).toContain(url)
        expect(error.message).toContain("NODE_EXTRA_CA_CERTS")
        expect(handshakes()).toBeLessThanOrEqual(1)
      }))

    it.scopedLive("over TLS to a server without TLS", () =>
      Effect.gen(function*() {
        const server = yield* serve(text(202, "OK"))
        const url = server.url.replace("http:", "https:")
        const error = yield* over(url, (users) => Effect.flip(users.edit(visit)))
        expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Tls", applied: "no", attempts: 1 })
      }))

    for (
      const [what, url] of Object.entries({
        "a port where nothing listens": "http://127.0.0.1:9",
        "a name with two addresses where nothing listens": "http://localhost:9",
        "a name without an address": "http://nowhere.invalid"
      })
    ) {
      it.scopedLive(`to ${what}: the call is retried, since nothing was applied`, () =>
        Effect.gen(function*() {
          const error = yield* over(url, (users) => Effect.flip(users.edit(visit)))
          expect(error).toMatchObject({
            _tag: "SuprsendUnavailable",
            reason: "Transport",
            applied: "no",
            attempts: 2,
            retryable: true
          })
          expect(error.message).toContain(`the base URL ${url}/`)
        }))
    }
  })
}

/** A server whose certificate is signed by itself, and the number of requests that reached it. */
const untrusted = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly handshakes: () => number; readonly server: Https.Server }>((resume) => {
    let count = 0
    const server = Https.createServer({ key, cert: certificate }, (_request, response) => {
      count++
      response.end()
    })
    server.listen(0, "127.0.0.1", () => {
      resume(Effect.succeed({ url: `https://127.0.0.1:${portOf(server)}/`, handshakes: () => count, server }))
    })
  }),
  ({ server }) =>
    Effect.async<void>((resume) => {
      server.closeAllConnections()
      server.close(() => resume(Effect.void))
    })
)
