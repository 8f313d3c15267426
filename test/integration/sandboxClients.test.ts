import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as Supervisor from "effect/Supervisor"
import { spawn } from "node:child_process"
import * as Net from "node:net"
import * as Path from "node:path"
import { event, signedHeaders } from "../utils/byHand.js"
import { build } from "../utils/server.js"
import { until } from "../utils/until.js"

/** A client that says something, and waits. */
const connected = (url: string, request: string) =>
  Effect.async<Net.Socket>((resume) => {
    const { hostname, port } = new URL(url)
    const socket = Net.connect(Number(port), hostname, () => {
      socket.write(request)
      resume(Effect.succeed(socket))
    })
    socket.on("error", () => {})
    socket.on("data", () => {})
  })

const list = "GET /v1/user/ HTTP/1.1\r\nhost: localhost\r\n\r\n"

describe("clients that leave", () => {
  const held: ReadonlyArray<readonly [name: string, Option.Option<Sandbox.Fault>, request: string]> = [
    ["are held", Option.some(Sandbox.noResponse()), list],
    ["get their answer late", Option.some(Sandbox.delay("1 hour")), list],
    ["get a part of it", Option.some(Sandbox.stall), list],
    ["get its head", Option.some(Sandbox.together(Sandbox.on("*", Sandbox.truncateBodyAfter(0)), Sandbox.stall)), list],
    ["get it in drops", Option.some(Sandbox.slowBody({ bytes: 1, interval: "1 minute" })), list],
    ["watch the page", Option.none(), "GET /_sandbox/events HTTP/1.1\r\nhost: localhost\r\n\r\n"],
    [
      "have not said all",
      Option.none(),
      "POST /event/ HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n["
    ],
    [
      "ask for another protocol",
      Option.none(),
      "GET /_sandbox/events HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    ]
  ]
  for (const [name, fault, request] of held) {
    it.scopedLive(`while they ${name}, leave nothing behind`, () =>
      Effect.gen(function*() {
        const supervisor = yield* Supervisor.track
        const { sandbox, server } = yield* Effect.supervised(build(SandboxServer.layer()), supervisor)
        const before = (yield* supervisor.value).length
        if (Option.isSome(fault)) yield* sandbox.faults.add(fault.value)
        const sockets = yield* Effect.forEach(Arr.range(1, 20), () => connected(server.url, request))
        yield* until(supervisor.value, (fibers) => fibers.length >= before + (name === "get its head" ? 0 : 20))
        for (const socket of sockets) socket.destroy()
        yield* until(supervisor.value, (fibers) => fibers.length <= before)
      }))
  }

  it.scopedLive("before their request is applied, which is late, have it not applied", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.track
      const { sandbox, server } = yield* Effect.supervised(build(SandboxServer.layer()), supervisor)
      const before = (yield* supervisor.value).length
      yield* sandbox.faults.add(Sandbox.failNext(1, Sandbox.delay("1 hour")))
      const body = JSON.stringify(event("late", []))
      const head = Object.entries({
        host: "localhost",
        "content-length": String(body.length),
        ...signedHeaders("POST", "/event/", body)
      }).map(([name, value]) => `${name}: ${value}\r\n`)
      const socket = yield* connected(server.url, `POST /event/ HTTP/1.1\r\n${head.join("")}\r\n${body}`)
      yield* until(sandbox.requests, (requests) => requests.length === 1)
      socket.destroy()
      yield* until(supervisor.value, (fibers) => fibers.length <= before)
      expect(yield* sandbox.users).toEqual([])
    }))

  it.live("are all gone when the server is", () =>
    Effect.gen(function*() {
      const supervisor = yield* Supervisor.track
      const scope = yield* Scope.make()
      const { sandbox, server } = yield* Effect.supervised(
        Scope.extend(build(SandboxServer.layer()), scope),
        supervisor
      )
      yield* sandbox.faults.add(Sandbox.on("/v1/user/", Sandbox.noResponse()))
      yield* Effect.forEach(Arr.range(1, 5), () => connected(server.url, list))
      yield* until(sandbox.requests, (requests) => requests.length === 5)
      yield* Scope.close(scope, Exit.void)
      yield* until(supervisor.value, (fibers) => fibers.length === 0)
    }))

  // What is left to do for a client that is gone would keep the process alive.
  it.scopedLive("let a script end", () =>
    Effect.gen(function*() {
      const script = `
        import * as Effect from "effect/Effect"
        import * as Layer from "effect/Layer"
        import * as Sandbox from "./src/Sandbox.ts"
        import * as SandboxServer from "./src/SandboxServer.ts"
        import * as HttpClient from "@effect/platform/HttpClient"
        import * as Net from "node:net"
        const inMemory = Effect.gen(function*() {
          const sandbox = yield* Sandbox.Sandbox
          yield* sandbox.faults.add(Sandbox.stall)
          const client = yield* HttpClient.HttpClient
          yield* client.get("http://sandbox.localhost/v1/user/")
          const response = yield* client.get("http://sandbox.localhost/v1/user/")
          yield* Effect.timeoutOption(response.text, "20 millis")
        }).pipe(Effect.provide(Sandbox.layer))
        const overHttp = Effect.gen(function*() {
          const { url } = yield* SandboxServer.SandboxServer
          const sandbox = yield* Sandbox.Sandbox
          yield* sandbox.faults.add(Sandbox.noResponse())
          const socket = Net.connect(Number(new URL(url).port), "127.0.0.1", () => socket.write(${
        JSON.stringify(list)
      }))
          yield* Effect.repeat(Effect.zipRight(Effect.sleep(1), sandbox.requests), { until: (all) => all.length > 0 })
          socket.destroy()
        }).pipe(Effect.provide(SandboxServer.layer()))
        Effect.runPromise(Effect.zipRight(inMemory, overHttp)).then(() => console.log("done"))
      `
      const { code, printed } = yield* Effect.async<{ code: number | null; printed: string }>((resume) => {
        const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
          cwd: Path.join(import.meta.dirname, "../..")
        })
        let printed = ""
        child.stdout.on("data", (chunk) => printed += chunk)
        child.stderr.on("data", (chunk) => printed += chunk)
        child.on("close", (code) => resume(Effect.succeed({ code, printed })))
        return Effect.sync(() => void child.kill("SIGKILL"))
      })
      expect({ code, printed }).toEqual({ code: 0, printed: "done\n" })
    }), 60_000)
})
