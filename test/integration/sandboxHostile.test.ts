import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Signature from "effect-suprsend/Signature"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Net from "node:net"

// 100,000 by hand: HOSTILE_REQUESTS=100000 npx vitest run test/integration/sandboxHostile.test.ts
const requests = Number(process.env["HOSTILE_REQUESTS"] ?? 5_000)
const atOnce = 50

const date = "Tue, 24 Nov 2026 00:00:00 GMT"
const contentType = "application/json"

const path = FastCheck.oneof(
  FastCheck.constantFrom(
    "/",
    "/event/",
    "/v1/user/",
    "/v1/user/%",
    "/v1/user/%ff/",
    "/v1/user/ada/",
    "/v1/user/ada/merge/",
    "/v1/bulk/user/",
    "/_sandbox/faults",
    "/_sandbox/snapshot",
    "//",
    "/v1/user/ada/tenant/x/"
  ),
  FastCheck.webPath(),
  FastCheck.stringMatching(/^\/[!-~]{0,40}$/)
)

const value = FastCheck.oneof(
  FastCheck.stringMatching(/^[ -~]{0,40}$/),
  FastCheck.constantFrom("[]", "0", "-1", "null")
)

const bytes = FastCheck.oneof(
  FastCheck.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
  FastCheck.json().map((text) => Buffer.from(text)),
  FastCheck.json().map((text) => Buffer.from(`[{"distinct_id":"ada","$insert_id":"1","$user_operations":${text}}]`)),
  FastCheck.json().map((text) => Buffer.from(`{"operations":${text}}`)),
  FastCheck.nat(100).map((depth) => Buffer.from("[".repeat(depth * 50)))
)

/** A request that is signed as it should be with some chance: then its content alone is to blame. */
const request = FastCheck.record({
  method: FastCheck.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"),
  path,
  header: FastCheck.tuple(FastCheck.stringMatching(/^[a-z][a-z-]{0,15}$/), value),
  body: bytes,
  isSigned: FastCheck.boolean()
}).map(({ body, header: [name, value], isSigned, method, path }) => {
  const uri = path === "" ? "/" : path
  const authorization = isSigned
    ? Signature.authorization({ method, uri, body: body.toString("utf8"), date, contentType }, Sandbox.credentials)
    : "key:signature"
  const framing = /^(host|content-length|transfer-encoding|connection|upgrade|expect|te|trailer)$/.test(name)
  const head = [
    `${method} ${uri} HTTP/1.1`,
    "host: localhost",
    "connection: close",
    `content-type: ${contentType}`,
    `date: ${date}`,
    `authorization: ${authorization}`,
    `content-length: ${body.length}`,
    ...(framing ? [] : [`x-${name}: ${value}`])
  ]
  return { isSigned, uri, method, bytes: Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]) }
})

/** Bytes that are hardly a request at all. */
const noise = FastCheck.oneof(
  FastCheck.uint8Array({ minLength: 1, maxLength: 300 }).map((array) => Buffer.from(array)),
  FastCheck.constantFrom(
    "GET / HTTP/9.9\r\n\r\n",
    "POST /event/ HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "POST /event/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    "POST /event/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
    "GET /v1/user/ HTTP/1.1\r\n\r\n",
    "\r\n\r\n\r\n"
  ).map((text) => Buffer.from(text))
).map((bytes) => ({ isSigned: false, uri: "", method: "", bytes }))

const send = (port: number, bytes: Uint8Array) =>
  Effect.async<string>((resume) => {
    const answer: Array<Buffer> = []
    const socket = Net.connect(port, "127.0.0.1", () => socket.end(bytes))
    socket.on("data", (chunk) => answer.push(chunk))
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.sync(() => Buffer.concat(answer).toString("latin1"))))
    return Effect.sync(() => socket.destroy())
  })

describe("hostile input", () => {
  it.live(
    `${requests} requests of any kind leave the server as it was: alive, and fooled by none`,
    () =>
      Effect.gen(function*() {
        const { url } = yield* SandboxServer.SandboxServer
        const sandbox = yield* Sandbox.Sandbox
        const port = Number(new URL(url).port)
        const inputs = FastCheck.sample(
          FastCheck.oneof({ weight: 4, arbitrary: request }, { weight: 1, arbitrary: noise }),
          {
            numRuns: requests,
            seed: Number(process.env["HOSTILE_SEED"] ?? 42)
          }
        )
        const statuses = new Map<number, number>()
        yield* Effect.forEach(inputs, (input) =>
          Effect.map(send(port, input.bytes), (answer) => {
            const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0)
            statuses.set(status, (statuses.get(status) ?? 0) + 1)
            const shown = `${input.method} ${input.uri} ${input.bytes.subarray(0, 2_000).toString("latin1")}\n${answer}`
            // What is thrown out before it is read has no answer, or a 4xx of Node's own.
            expect(status, shown).toBeLessThan(500)
            const isPublic = /^\/(?:[?#]|$|_sandbox\/)/.test(input.uri)
            if (!input.isSigned && !isPublic) expect(status === 0 || status >= 400, shown).toBe(true)
          }), { concurrency: atOnce, discard: true })
        expect([...statuses.keys()].filter((status) => status >= 200 && status < 300).length).toBeGreaterThan(0)

        // It still does its work. What was signed may have left faults and users behind, which is not wrong.
        yield* sandbox.faults.clear
        const users = yield* UsersService
        yield* users.asyncEdit(set(edit("after-all"), "plan", "pro"))
        expect((yield* users.get("after-all")).properties.plan).toBe("pro")
        for (const { body, uri } of (yield* sandbox.requests).slice(-50)) expect(typeof (uri + body)).toBe("string")
      }).pipe(
        Effect.provide(
          Layer.unwrapEffect(Effect.map(SandboxServer.SandboxServer, ({ options }) => Suprsend.layer(options))).pipe(
            Layer.provideMerge(SandboxServer.layer())
          )
        )
      ),
    30_000 + requests * 5
  )

  it.scopedLive("a signed body that is not an event is refused, and changes nothing", () =>
    Effect.gen(function*() {
      const context = yield* Layer.build(SandboxServer.layer())
      const { url } = Context.get(context, SandboxServer.SandboxServer)
      const sandbox = Context.get(context, Sandbox.Sandbox)
      const bodies = ["", "{", "null", "1", "\"x\"", "[1]", "[null]", "{}", "[{}]", "[{\"distinct_id\":1}]", "\u0000"]
      for (const body of bodies) {
        const uri = "/event/"
        const authorization = Signature.authorization(
          { method: "POST", uri, body, date, contentType },
          Sandbox.credentials
        )
        const head =
          `POST ${uri} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: ${contentType}\r\n` +
          `date: ${date}\r\nauthorization: ${authorization}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`
        const answer = yield* send(Number(new URL(url).port), Buffer.from(head + body))
        expect(answer, body).toMatch(/^HTTP\/1\.1 400 /)
      }
      expect(yield* sandbox.users).toEqual([])
    }).pipe(Effect.orDie))
})
