import { expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import { environment, spawned } from "../../test/utils/spawned.js"
import { until } from "../../test/utils/until.js"

const start = (env: Record<string, string>) =>
  Effect.gen(function*() {
    const program = yield* spawned("server.ts", { PORT: "0", ...env })
    const printed = yield* program.seen("port: ")
    const url = `http://127.0.0.1:${/port: (\d+)/.exec(printed)?.[1]}/`
    const request = (query: string) =>
      Effect.promise(async () => {
        const response = await fetch(`${url}?${query}`, { headers: { connection: "close" } })
        return { status: response.status, text: (await response.text()).trim() }
      })
    return { ...program, request }
  })

it.scopedLive("answers by what became of the edit", () =>
  Effect.gen(function*() {
    const { options } = yield* SandboxServer.SandboxServer
    const sandbox = yield* Sandbox.Sandbox
    const { request } = yield* start(environment(options))

    expect((yield* request("id=ada&email=ada@example.com")).status).toBe(202)
    expect(Option.getOrThrow(yield* sandbox.user("ada")).channels.$email?.length).toBe(1)
    expect(yield* request("id=&email=ada@example.com")).toEqual({
      status: 400,
      text: "distinctId must not be blank: pass the distinct id as your own database has it"
    })
    yield* sandbox.faults.add(Sandbox.status(422))
    expect(yield* request("id=eve&email=eve@example.com")).toEqual({ status: 502, text: "not accepted by SuprSend" })
    yield* sandbox.faults.replace([Sandbox.rateLimit({ limit: 0, window: "1 hour" })])
    expect(yield* request("id=eve&email=eve@example.com")).toEqual({ status: 503, text: "try again later" })
  }).pipe(Effect.provide(SandboxServer.layer())), 60_000)

it.scopedLive("answers what it has begun when it is told to end, and closes the client", () =>
  Effect.gen(function*() {
    const { options } = yield* SandboxServer.SandboxServer
    const sandbox = yield* Sandbox.Sandbox
    const { ended, request, signal } = yield* start(environment(options))
    yield* sandbox.faults.add(Sandbox.latency("300 millis"))
    const response = yield* Effect.fork(request("id=ada&email=ada@example.com"))
    yield* until(sandbox.requests, (requests) => requests.length > 0)
    yield* signal("SIGTERM")
    expect((yield* response).status).toBe(202)
    const { code, printed } = yield* ended
    expect(printed).toMatch(/closed\n$/)
    expect(code).toBe(0)
  }).pipe(Effect.provide(SandboxServer.layer())), 60_000)

it.scopedLive("does not start without credentials", () =>
  Effect.gen(function*() {
    const { code, printed } = yield* Effect.flatMap(spawned("server.ts", {}), ({ ended }) => ended)
    expect(printed).toContain("SuprSend credentials are missing")
    expect(code).toBe(1)
  }), 60_000)
