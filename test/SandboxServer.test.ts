import { NodeHttpClient } from "@effect/platform-node"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import * as Os from "node:os"
import { build, json, raw, start, usersOver } from "./utils/server.js"
import { until } from "./utils/until.js"

describe("below /_sandbox/", () => {
  it.scopedLive("sets, adds, shows and removes faults", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const url = `${server.url}_sandbox/faults`
      const put = yield* json("PUT", url, JSON.stringify([{ _tag: "Next", times: 2, fault: { _tag: "ResetPeer" } }]))
      expect(put.status).toBe(200)
      expect(yield* sandbox.faults.all).toEqual([Sandbox.failNext(2, Sandbox.resetPeer)])
      yield* json("POST", url, JSON.stringify([{ _tag: "Delay", duration: "2 millis" }]))
      const shown = yield* json("GET", url)
      expect(JSON.parse(shown.text)).toHaveLength(2)
      yield* json("DELETE", url)
      expect(yield* sandbox.faults.all).toEqual([])
    }))

  it.scopedLive("refuses invalid faults, with the path of the problem", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const url = `${server.url}_sandbox/faults`
      const wrong = yield* json("PUT", url, JSON.stringify([{ _tag: "Next", times: -1, fault: { _tag: "ResetPeer" } }]))
      expect(wrong.status).toBe(400)
      expect(JSON.parse(wrong.text).message).toMatch(/^0\.times: [^;]{1,80}$/)
      expect((yield* json("PUT", url, "{")).status).toBe(400)
      yield* sandbox.faults.add(Sandbox.when(() => true, Sandbox.resetPeer))
      expect((yield* json("GET", url)).status).toBe(409)
    }))

  it.scopedLive("refuses an endpoint that is not served, with the nearest one", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const url = `${server.url}_sandbox/faults`
      const wrong = yield* json(
        "PUT",
        url,
        JSON.stringify([{ _tag: "On", endpoint: "POST /events", fault: { _tag: "ResetPeer" } }])
      )
      expect([wrong.status, JSON.parse(wrong.text).message]).toEqual([
        400,
        "0.endpoint: the sandbox has no endpoint \"POST /events\": did you mean \"POST /event/\"?"
      ])
      expect(yield* sandbox.faults.all).toEqual([])
    }))

  it.scopedLive("decodes nested faults in linear time", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      let nested = "{\"_tag\":\"ResetPeer\"}"
      for (let i = 0; i < 14; i++) nested = `{"_tag":"Next","times":1,"fault":${nested}}`
      const before = process.cpuUsage()
      expect((yield* json("PUT", `${server.url}_sandbox/faults`, `[${nested}]`)).status).toBe(200)
      expect((yield* json("PUT", `${server.url}_sandbox/faults`, `[${nested.replace("ResetPeer", "Cat")}]`)).status)
        .toBe(400)
      const { system, user } = process.cpuUsage(before)
      expect((user + system) / 1_000).toBeLessThan(1_000)
      expect(yield* sandbox.faults.all).toHaveLength(1)
    }))

  it.scopedLive("applies one fault of a script to each of the next requests", () =>
    Effect.gen(function*() {
      const { server } = yield* start()
      const url = `${server.url}_sandbox/script`
      const script = [{ _tag: "Status", status: 503 }, { _tag: "Status", status: 429, headers: { "retry-after": "1" } }]
      expect((yield* json("POST", url, JSON.stringify(script))).status).toBe(200)
      const statuses = yield* Effect.forEach([1, 2, 3], () => json("GET", `${server.url}v1/user/`))
      expect(statuses.map(({ status }) => status)).toEqual([503, 429, 401])
    }))

  it.scopedLive("reads snapshots of any size that it writes, one at a time", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const users = yield* usersOver(server)
      const long = "x".repeat(9_000)
      const report = yield* users.bulkEdit(
        Array.from({ length: 400 }, (_, n) => UserEdit.set(UserEdit.edit(`user-${n}`), "long", long))
      )
      expect(report.success).toBe(400)
      const { text } = yield* json("GET", `${server.url}_sandbox/snapshot`)
      expect(text.length).toBeGreaterThan(3 * 2 ** 20)
      const other = yield* start()
      const put = Effect.map(json("PUT", `${other.server.url}_sandbox/snapshot`, text), ({ status }) => status)
      const slow = yield* Effect.fork(raw(
        other.server.url,
        "PUT /_sandbox/snapshot HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n" +
          `content-length: ${text.length}\r\n\r\n{`
      ))
      yield* until(put, (status) => status === 503)
      yield* Fiber.interrupt(slow)
      yield* until(put, (status) => status === 200)
      expect(yield* other.sandbox.snapshot).toBe(text)
      expect(yield* other.sandbox.users).toHaveLength(400)
      expect(yield* sandbox.snapshot).toBe(text)
    }))

  it.scopedLive("lists all requests and deliveries as JSON", () =>
    Effect.gen(function*() {
      const { server } = yield* start()
      const users = yield* usersOver(server)
      expect(JSON.parse((yield* json("GET", `${server.url}_sandbox/deliveries`)).text)).toEqual([])
      yield* users.bulkEdit(Array.from({ length: 120 }, (_, n) => UserEdit.edit(`user-${n}`)))
      const deliveries = JSON.parse((yield* json("GET", `${server.url}_sandbox/deliveries`)).text)
      expect(deliveries.map(({ distinctId }: { readonly distinctId: string }) => distinctId)).toEqual(
        Array.from({ length: 120 }, (_, n) => `user-${n}`)
      )
      const { status, text } = yield* json("HEAD", `${server.url}_sandbox/requests`)
      expect([status, text]).toEqual([200, ""])
    }))

  it.scopedLive("serves 64 pages at once, and another when one is closed", () =>
    Effect.gen(function*() {
      const { server } = yield* start()
      const watch = Effect.promise(async (signal) => {
        const controller = new AbortController()
        signal.addEventListener("abort", () => controller.abort())
        const { body, status } = await fetch(`${server.url}_sandbox/events`, { signal: controller.signal })
        return { status, close: () => body?.cancel() ?? Promise.resolve() }
      })
      const pages = yield* Effect.forEach(Array.from({ length: 64 }), () => watch, { concurrency: 8 })
      expect(new Set(pages.map(({ status }) => status))).toEqual(new Set([200]))
      expect((yield* watch).status).toBe(503)
      yield* Effect.promise(() => pages[0]?.close() ?? Promise.resolve())
      yield* until(watch, ({ status }) => status === 200)
    }))

  it.scopedLive("limits the memory that requests without credentials take", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start({ keepCharacters: 100_000 })
      for (let n = 0; n < 20; n++) {
        expect((yield* json("POST", `${server.url}event/?${n}`, "x".repeat(20_000))).status).toBe(401)
      }
      const requests = yield* sandbox.requests
      expect(requests.length).toBe(4)
      expect(requests.at(-1)?.uri).toBe("/event/?19")
    }))

  it.scopedLive("notifies the page of a new snapshot", () =>
    Effect.gen(function*() {
      const [first, second] = [yield* start(), yield* start()]
      yield* (yield* usersOver(first.server)).asyncEdit(UserEdit.edit("ada"))
      const seen = yield* Effect.async<string>((resume) => {
        const { hostname, port } = new URL(second.server.url)
        let text = ""
        const socket = Net.connect(Number(port), hostname, () => {
          socket.write("GET /_sandbox/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        })
        socket.setEncoding("utf8").on("data", (chunk: string) => {
          if (text === "") {
            // The first view is here: what comes now is news.
            Effect.runFork(Effect.flatMap(first.sandbox.snapshot, (snapshot) =>
              json("PUT", `${second.server.url}_sandbox/snapshot`, snapshot)))
          }
          text += chunk
          if (text.includes("\"distinctId\":\"ada\"")) {
            resume(Effect.succeed(text))
          }
        })
        return Effect.sync(() =>
          socket.destroy()
        )
      })
      expect(seen).toContain("\"total\":0")
    }))

  it.scopedLive("shows no token in requests, deliveries and the view", () =>
    Effect.gen(function*() {
      const { server } = yield* start()
      const users = yield* usersOver(server)
      yield* users.asyncEdit(
        UserEdit.edit("ada").pipe(UserEdit.addAndroidPush("secret-token"), UserEdit.set("plan", "pro"))
      )
      for (const path of ["requests", "deliveries", "view"]) {
        const { status, text } = yield* json("GET", `${server.url}_sandbox/${path}`)
        expect([status, text.includes("pro"), text.includes("secret-token")]).toEqual([200, true, false])
        expect(text).not.toContain(Redacted.value(server.options.workspaceSecret))
      }
      expect((yield* json("GET", `${server.url}_sandbox/view?filter=PRO`)).text).toContain("\"distinctId\":\"ada\"")
      expect((yield* json("GET", `${server.url}_sandbox/view?filter=free`)).text).not.toContain(
        "\"distinctId\":\"ada\""
      )
    }))

  it.scopedLive("restores a snapshot of another server", () =>
    Effect.gen(function*() {
      const first = yield* start()
      const second = yield* start()
      yield* (yield* usersOver(first.server)).asyncEdit(UserEdit.set(UserEdit.edit("ada"), "plan", "pro"))
      const { text } = yield* json("GET", `${first.server.url}_sandbox/snapshot`)
      expect((yield* json("PUT", `${second.server.url}_sandbox/snapshot`, text)).status).toBe(200)
      expect((yield* (yield* usersOver(second.server)).get("ada")).properties.plan).toBe("pro")
      expect((yield* json("PUT", `${second.server.url}_sandbox/snapshot`, "{}")).status).toBe(400)
    }))

  it.scopedLive("refuses requests from the pages of other sites", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const url = `${server.url}_sandbox/faults`
      expect((yield* json("POST", url, "[{\"_tag\":\"ResetPeer\"}]", { "content-type": "text/plain" })).status).toBe(
        415
      )
      const elsewhere = yield* raw(
        server.url,
        "GET /_sandbox/view HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n"
      )
      expect(elsewhere).toMatch(/^HTTP\/1.1 403 /)
      expect(yield* sandbox.faults.all).toEqual([])
    }))

  it.scopedLive("responds with 404 to other paths and methods", () =>
    Effect.gen(function*() {
      const { server } = yield* start()
      expect((yield* json("GET", `${server.url}_sandbox/nothing`)).status).toBe(404)
      expect((yield* json("DELETE", server.url)).status).toBe(404)
    }))
})

describe("the page", () => {
  it.scopedLive("is served with its files, which load nothing from elsewhere", () =>
    Effect.gen(function*() {
      const { server } = yield* start()
      const { text } = yield* json("GET", server.url)
      const files = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path)
      expect(files).toEqual(["/_sandbox/page.css", "/_sandbox/page.js"])
      for (const path of files) {
        const response = yield* Effect.promise(() => fetch(new URL(path ?? "", server.url)))
        expect(response.status).toBe(200)
        expect(response.headers.get("content-security-policy")).toContain("default-src 'none'")
      }
    }))
})

describe("the server", () => {
  it.scopedLive("emits exchanges as they end", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const users = yield* usersOver(server, { retry: { attempts: 1 } })
      const seen = yield* Effect.fork(Stream.runCollect(Stream.take(server.exchanges, 3)))
      yield* Effect.yieldNow()
      yield* users.bulkEdit([UserEdit.edit("ada"), UserEdit.edit("eve")])
      yield* Effect.either(users.get("nobody"))
      yield* sandbox.faults.add(Sandbox.resetPeer)
      yield* Effect.either(users.get("ada"))
      expect(
        Chunk.toReadonlyArray(yield* Fiber.join(seen)).map((
          { events, method, status, uri }
        ) => [method, uri, status, events])
      ).toEqual([
        ["POST", "/event/", 202, 2],
        ["GET", "/v1/user/nobody/", 404, undefined],
        ["GET", "/v1/user/ada/", undefined, undefined]
      ])
    }))

  it.scopedLive("refuses bodies that are too large, without reading the rest", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start({ maximumBodyBytes: 1_000 })
      expect((yield* json("POST", `${server.url}event/`, "x".repeat(1_001))).status).toBe(413)
      expect((yield* json("POST", `${server.url}event/`, "x".repeat(1_000))).status).toBe(401)
      const endless = yield* raw(
        server.url,
        `POST /event/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n${"x".repeat(5_000)}`
      )
      expect(endless).toMatch(/^HTTP\/1.1 413 /)
      expect((yield* sandbox.requests).length).toBe(1)
    }))

  it.scopedLive("keeps the latest `keepRequests` requests", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start({ keepRequests: 2 })
      const users = yield* usersOver(server)
      for (const id of ["a", "b", "c"]) yield* Effect.either(users.get(id))
      expect((yield* sandbox.requests).map(({ status, uri }) => [uri, status])).toEqual([
        ["/v1/user/b/", 404],
        ["/v1/user/c/", 404]
      ])
    }))

  const external = Object.values(Os.networkInterfaces()).flat().find((one) => one?.family === "IPv4" && !one.internal)

  it.scopedLive.skipIf(external === undefined)(
    "accepts connections only from this machine by default",
    () =>
      Effect.gen(function*() {
        const { server } = yield* start()
        const port = new URL(server.url).port
        const refused = yield* Effect.async<string>((resume) => {
          const socket = Net.connect(Number(port), external?.address ?? "")
          socket.on("connect", () => resume(Effect.succeed("connected")))
          socket.on("error", () => resume(Effect.succeed("refused")))
          return Effect.sync(() => socket.destroy())
        })
        expect([new URL(server.url).hostname, refused]).toEqual(["127.0.0.1", "refused"])
      })
  )

  it.live("stops when its scope closes, even with open connections", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const { sandbox, server } = yield* Scope.extend(start(), scope)
      yield* sandbox.faults.add(Sandbox.on("GET /v1/user/", Sandbox.noResponse()))
      const held = yield* Effect.fork(raw(server.url, "GET /v1/user/ HTTP/1.1\r\nhost: localhost\r\n\r\n"))
      const watched = yield* Effect.fork(raw(server.url, "GET /_sandbox/events HTTP/1.1\r\nhost: localhost\r\n\r\n"))
      yield* until(sandbox.requests, (requests) => requests.length > 0)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Fiber.join(held)).toBe("")
      expect(yield* Fiber.join(watched)).not.toContain("HTTP/1.1 500")
      const again = yield* HttpClient.get(server.url).pipe(Effect.provide(NodeHttpClient.layerUndici), Effect.either)
      expect(Either.isLeft(again)).toBe(true)
    }))
})

describe("a layer that is built twice", () => {
  it.live("starts two independent servers", () =>
    Effect.gen(function*() {
      const layer = SandboxServer.layer()
      const both = yield* Effect.all([Scope.make(), Scope.make()])
      const [first, second] = yield* Effect.forEach(both, (scope) => Scope.extend(build(layer), scope))
      expect(second?.server.url).not.toBe(first?.server.url)
      for (const { sandbox, server } of [first, second].flatMap(Arr.fromNullable)) {
        const edit = Effect.flatMap(UsersService, (users) => users.asyncEdit(UserEdit.edit(server.url))).pipe(
          Effect.provide(Suprsend.layer(server.options))
        )
        yield* edit
        expect((yield* sandbox.users).map(({ distinctId }) => distinctId)).toEqual([server.url])
        expect(yield* sandbox.requests).toHaveLength(1)
      }
      yield* Effect.forEach(both, (scope) => Scope.close(scope, Exit.void))
      // And again, after it was closed.
      yield* Effect.scoped(build(layer))
    }).pipe(Effect.orDie))
})

describe("an invalid port", () => {
  for (const port of [99_999, -1, 1.5, NaN]) {
    it.scopedLive(`${port} fails with a ServeError`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Layer.build(SandboxServer.layer({ port })))
        expect(error._tag).toBe("ServeError")
        expect(String(error.cause)).toContain(`port must be a whole number from 0 to 65535, got ${port}`)
      }))
  }
})
