import { NodeHttpClient } from "@effect/platform-node"
import * as HttpClient from "@effect/platform/HttpClient"
import { afterAll, beforeAll, describe, expect, it, vi } from "@effect/vitest"
import { Suprsend as Vendor } from "@suprsend/node-sdk"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Suprsend from "effect-suprsend/Suprsend"
import type { Settings } from "effect-suprsend/SuprsendConfig"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Net from "node:net"
import * as Os from "node:os"
import { until } from "../utils/until.js"

const start = (options?: SandboxServer.Options) =>
  Effect.map(Layer.build(SandboxServer.layer(options)), (context) => ({
    server: Context.get(context, SandboxServer.SandboxServer),
    sandbox: Context.get(context, Sandbox.Sandbox)
  })).pipe(Effect.orDie)

const clients = { fetch: Suprsend.layer, undici: SuprsendNode.layer }

const usersOver = (
  server: SandboxServer.SandboxServer.Service,
  settings: Settings = {},
  layer: typeof Suprsend.layer = SuprsendNode.layer
) =>
  Effect.map(
    Layer.build(layer({ ...server.options, ...settings })),
    (context) => Context.get(context, UsersService)
  ).pipe(Effect.orDie)

const json = (method: string, url: string, body?: string, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? undefined : { body })
    })
    return { status: response.status, text: await response.text() }
  })

/** Sends bytes as they are, and gives all that comes back until the connection ends. */
const raw = (url: string, bytes: string | Uint8Array) =>
  Effect.async<string>((resume) => {
    const { hostname, port } = new URL(url)
    let answer = ""
    const socket = Net.connect(Number(port), hostname, () => socket.write(bytes))
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text
    })
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => socket.destroy())
  })

describe("our client over the server", () => {
  for (const [name, layer] of Object.entries(clients)) {
    it.scopedLive(`${name}: finds what it left there, as in the sandbox in memory`, () =>
      Effect.gen(function*() {
        const { sandbox, server } = yield* start()
        const users = yield* usersOver(server, {}, layer)
        const ada = UserEdit.edit("ada/é?").pipe(UserEdit.addEmail("ada@example.com"), UserEdit.set("plan", "pro"))
        yield* users.asyncEdit(ada)
        const report = yield* users.bulkEdit(
          Array.from({ length: 900 }, (_, n) => UserEdit.set(UserEdit.edit(`user-${n}`), "n", n))
        )
        expect(report.success).toBe(900)
        expect((yield* users.get("ada/é?")).channels.$email?.[0]?.value).toBe("ada@example.com")
        expect(yield* Stream.runCount(users.listStream({ limit: 100 }))).toBe(901)
        yield* users.delete("user-7")
        expect((yield* Effect.flip(users.get("user-7")))._tag).toBe("SuprsendUserNotFound")
        expect(Option.isSome(yield* sandbox.user("ada/é?"))).toBe(true)
        expect((yield* sandbox.deliveries).length).toBe(901)
      }))
  }
})

describe("faults on the wire", () => {
  const attempt = (fault: Sandbox.Fault, layer: typeof Suprsend.layer) =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      yield* sandbox.faults.add(Sandbox.failNext(1, fault))
      const users = yield* usersOver(server, { timeout: "300 millis", retry: { attempts: 1 } }, layer)
      yield* users.asyncEdit(UserEdit.set(UserEdit.edit("ada"), "a", 1)).pipe(
        Effect.catchTag("SuprsendUnavailable", () => Effect.void),
        // What is not the service's response proves nothing, though the edit was applied.
        Effect.catchTag("SuprsendUnexpectedResponse", () => Effect.void)
      )
      yield* sandbox.faults.clear
      yield* sandbox.faults.add(Sandbox.failNext(1, fault))
      const read = yield* Effect.either(users.list())
      return { deliveries: (yield* sandbox.deliveries).length, read: Either.isRight(read) ? "fine" : read.left._tag }
    })

  for (const [client, layer] of Object.entries(clients)) {
    for (
      const [name, fault, expected] of [
        ["cut", Sandbox.resetPeer, { deliveries: 0, read: "SuprsendUnavailable" }],
        ["cutAfter", Sandbox.resetPeerApplied, { deliveries: 1, read: "SuprsendUnavailable" }],
        ["cutBody", Sandbox.truncateBody, { deliveries: 1, read: "SuprsendUnavailable" }],
        ["cutAfterBytes", Sandbox.truncateBodyAfter(0), { deliveries: 1, read: "SuprsendUnavailable" }],
        ["stall", Sandbox.stall, { deliveries: 1, read: "SuprsendUnavailable" }],
        ["silence", Sandbox.noResponse(), { deliveries: 0, read: "SuprsendUnavailable" }],
        ["status", Sandbox.status(503), { deliveries: 0, read: "SuprsendUnavailable" }],
        ["garbage", Sandbox.malformedBody(), { deliveries: 1, read: "SuprsendUnexpectedResponse" }],
        ["drip", Sandbox.slowBody({ interval: "1 millis", bytes: 20 }), { deliveries: 1, read: "fine" }]
      ] as const
    ) {
      it.scopedLive(`${client}: ${name}`, () =>
        Effect.map(attempt(fault, layer), (found) => {
          expect(found.read).toBe(expected.read)
          expect(found.deliveries).toBe(expected.deliveries)
        }))
    }
  }

  for (const [client, layer] of Object.entries(clients)) {
    it.scopedLive(`${client}: a stall behind a head without a body holds up no other request`, () =>
      Effect.gen(function*() {
        const { sandbox, server } = yield* start()
        const users = yield* usersOver(server, { timeout: "5 seconds", retry: { attempts: 1 } }, layer)
        yield* users.asyncEdit(UserEdit.edit("ada"))
        yield* sandbox.faults.add(Sandbox.on("DELETE /v1/user/{distinct_id}/", Sandbox.stall))
        yield* users.delete("ada")
        expect((yield* users.list()).items).toEqual([])
      }))
  }

  it.scopedLive("an answer that is cut says how long it would have been, and ends after so many bytes", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      yield* sandbox.faults.add(Sandbox.truncateBodyAfter(7))
      const answer = yield* raw(server.url, "GET /v1/user/ HTTP/1.1\r\nhost: localhost\r\n\r\n")
      const [head, body] = answer.split("\r\n\r\n", 2)
      expect(Number(/content-length: (\d+)/i.exec(head ?? "")?.[1])).toBeGreaterThan(7)
      expect(body?.length).toBe(7)
    }))
})

describe("below /_sandbox/", () => {
  it.scopedLive("faults are set, added to, shown and taken away", () =>
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

  it.scopedLive("faults that make no sense are refused, and the place is named", () =>
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

  it.scopedLive("an endpoint that is not served is refused, with the nearest that is", () =>
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

  it.scopedLive("faults inside of each other cost no more than their length", () =>
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

  it.scopedLive("a script has one fault for each of the next requests", () =>
    Effect.gen(function*() {
      const { server } = yield* start()
      const url = `${server.url}_sandbox/script`
      const script = [{ _tag: "Status", status: 503 }, { _tag: "Status", status: 429, headers: { "retry-after": "1" } }]
      expect((yield* json("POST", url, JSON.stringify(script))).status).toBe(200)
      const statuses = yield* Effect.forEach([1, 2, 3], () => json("GET", `${server.url}v1/user/`))
      expect(statuses.map(({ status }) => status)).toEqual([503, 429, 401])
    }))

  it.scopedLive("a snapshot of any size that is written is read, one at a time", () =>
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

  it.scopedLive("lists of what happened are whole, and JSON", () =>
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

  it.scopedLive("64 pages are open at once, and one more when one of them is closed", () =>
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

  it.scopedLive("unsigned requests are kept within the bound", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start({ keepCharacters: 100_000 })
      for (let n = 0; n < 20; n++) {
        expect((yield* json("POST", `${server.url}event/?${n}`, "x".repeat(20_000))).status).toBe(401)
      }
      const requests = yield* sandbox.requests
      expect(requests.length).toBe(4)
      expect(requests.at(-1)?.uri).toBe("/event/?19")
    }))

  it.scopedLive("the page hears of a snapshot that was put", () =>
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

  it.scopedLive("requests, deliveries and the view show no token", () =>
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

  it.scopedLive("a snapshot goes from one server to another", () =>
    Effect.gen(function*() {
      const first = yield* start()
      const second = yield* start()
      yield* (yield* usersOver(first.server)).asyncEdit(UserEdit.set(UserEdit.edit("ada"), "plan", "pro"))
      const { text } = yield* json("GET", `${first.server.url}_sandbox/snapshot`)
      expect((yield* json("PUT", `${second.server.url}_sandbox/snapshot`, text)).status).toBe(200)
      expect((yield* (yield* usersOver(second.server)).get("ada")).properties.plan).toBe("pro")
      expect((yield* json("PUT", `${second.server.url}_sandbox/snapshot`, "{}")).status).toBe(400)
    }))

  it.scopedLive("nobody writes from a page of another site", () =>
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

  it.scopedLive("what is not there is a 404, and says so", () =>
    Effect.gen(function*() {
      const { server } = yield* start()
      expect((yield* json("GET", `${server.url}_sandbox/nothing`)).status).toBe(404)
      expect((yield* json("DELETE", server.url)).status).toBe(404)
    }))
})

describe("the server", () => {
  it.scopedLive("tells what happens, as it happens", () =>
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

  it.scopedLive("refuses bodies that are too large, without reading them", () =>
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

  it.scopedLive("remembers as many requests as it is told to", () =>
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
    "is out of reach for everybody else, unless told otherwise",
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

  it.live("is gone when its scope closes, whatever connections are open", () =>
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

describe("the vendor's Node SDK", () => {
  beforeAll(() => {
    vi.spyOn(console, "log").mockImplementation(() => {})
  })
  afterAll(() => {
    vi.restoreAllMocks()
  })

  it.scopedLive("has its whole users API work, as its documents say", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const vendor = new Vendor(server.options.workspaceKey, Redacted.value(server.options.workspaceSecret), {
        base_url: server.url
      })
      const { users } = vendor
      const user = (id: string) => Effect.map(sandbox.user(id), Option.getOrThrow)
      const run = <A>(call: () => Promise<A>) => Effect.promise(call)

      const queued = users.get_edit_instance("ada")
      queued.add_email("ada@example.com")
      queued.add_sms("+15555555555")
      queued.set_timezone("Europe/London")
      queued.set({ plan: "free" })
      queued.increment("logins", 2)
      expect(yield* run(() => users.async_edit(queued))).toMatchObject({ success: true })
      expect((yield* user("ada")).channels.$email?.map(({ value }) => value)).toEqual(["ada@example.com"])
      expect((yield* user("ada")).properties).toMatchObject({ plan: "free", logins: 2, $timezone: "Europe/London" })

      const now = users.get_edit_instance("ada")
      now.set("plan", "pro")
      now.remove_sms("+15555555555")
      expect(yield* run(() => users.edit(now))).toMatchObject({ distinct_id: "ada", properties: { plan: "pro" } })
      expect(yield* run(() => users.edit("ada", { operations: [{ $unset: ["logins"] }] }))).toMatchObject({
        distinct_id: "ada"
      })
      expect((yield* user("ada")).channels.$sms ?? []).toEqual([])
      expect((yield* user("ada")).properties).not.toHaveProperty("logins")

      expect(yield* run(() => users.get("ada"))).toMatchObject({ distinct_id: "ada" })
      expect(yield* run(() => users.upsert("grace", { name: "Grace" }))).toMatchObject({ distinct_id: "grace" })

      const bulk = users.get_bulk_edit_instance()
      for (let n = 0; n < 450; n++) {
        const one = users.get_edit_instance(`user-${n}`)
        one.set("n", n)
        bulk.append(one)
      }
      expect(yield* run(() => bulk.save())).toMatchObject({ status: "success", total: 450, success: 450, failure: 0 })
      expect((yield* user("user-449")).properties.n).toBe(449)

      const page = yield* run(() => users.list({ limit: 20 }))
      expect(page).toMatchObject({ results: expect.any(Array), meta: expect.any(Object) })
      const next = yield* run(() => users.list({ limit: 20, after: Reflect.get(page.meta, "after") }))
      expect(next.results[0].distinct_id).not.toBe(page.results[0].distinct_id)

      yield* sandbox.subscribeToObject("ada", { objectType: "departments", objectId: "engineering" })
      yield* sandbox.subscribeToList("ada", { listId: "news" })
      expect((yield* run(() => users.get_objects_subscribed_to("ada"))).results[0].object.id).toBe("engineering")
      expect((yield* run(() => users.get_lists_subscribed_to("ada"))).results[0].list.list_id).toBe("news")

      expect(yield* run(() => users.merge("ada", "grace"))).toMatchObject({ distinct_id: "ada" })
      expect(yield* run(() => users.delete("user-1"))).toMatchObject({ success: true })
      expect(yield* run(() => users.bulk_delete({ distinct_ids: ["user-2", "user-3"] }))).toMatchObject({
        success: true
      })
      for (const gone of ["user-1", "user-2", "user-3"]) expect(Option.isNone(yield* sandbox.user(gone))).toBe(true)
      const missing = yield* Effect.either(Effect.tryPromise(() => users.get("user-1")))
      expect(Either.isLeft(missing)).toBe(true)
    }))

  it.scopedLive("is refused with the wrong secret", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const vendor = new Vendor(server.options.workspaceKey, "another secret", { base_url: server.url })
      const edit = vendor.users.get_edit_instance("ada")
      edit.set("plan", "pro")
      const refused = yield* Effect.flip(Effect.tryPromise(() => vendor.users.async_edit(edit)))
      expect(String(refused.error)).toContain("401: signature mismatch")
      expect(yield* sandbox.users).toEqual([])
    }))
})
