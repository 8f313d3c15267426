// The table of docs/reliability.md over sockets: a sandbox server, and each transport. Every cell keeps the promises of
// `sandbox/faultMatrix.test.ts`, and has the outcome in the table.
import type * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type { Settings } from "effect-suprsend/SuprsendConfig"
import * as UsersService from "effect-suprsend/UsersService"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type { FaultJson } from "../../src/internal/sandbox/faults/faultJson.js"
import { read, tables } from "../utils/docs.js"
import { idsOf, type Row, rowsOver, type World } from "../utils/faultRows.js"
import { closedPort } from "../utils/loopback.js"
import { transports } from "../utils/transports.js"

// Five requests of a bulk, of which three may fail.
const ids = idsOf(1_700)
const rows = rowsOver(ids)

const patient: Settings = { timeout: "20 seconds", retry: { attempts: 4, initialDelay: 1, maximumDelay: 2 } }

// For faults without a response. A busy machine needs much of this time for a response that does arrive.
const hasty: Settings = { ...patient, timeout: "1 second" }

// More attempts than faults, because an attempt may time out on a busy machine.
const inManyAttempts = (settings: Settings): Settings => ({ ...settings, retry: { ...settings.retry, attempts: 8 } })

const inTwoAttempts = (settings: Settings): Settings => ({
  ...settings,
  retry: { ...settings.retry, attempts: 2 }
})

const usersOf = (baseUrl: string, transport: Layer.Layer<HttpClient.HttpClient>, settings: Settings) =>
  Effect.map(
    Layer.build(UsersService.layer.pipe(
      Layer.provide(SuprsendClient.layerWithoutRateLimiter({ ...Sandbox.credentials, ...settings, baseUrl })),
      Layer.provide(
        settings.rateLimit === undefined ? RateLimiter.layerNoop : RateLimiter.layerMemory(settings.rateLimit)
      ),
      Layer.provide(transport)
    )),
    (context) => Context.get(context, UsersService.UsersService)
  ).pipe(Effect.orDie)

/** A server, its users without faults, and a function that sets its faults over HTTP. */
const open = (transport: Layer.Layer<HttpClient.HttpClient>) =>
  Effect.gen(function*() {
    const context = yield* Effect.orDie(Layer.build(SandboxServer.layer()))
    const { url } = Context.get(context, SandboxServer.SandboxServer)
    const world: World = {
      users: yield* usersOf(url, transport, patient),
      sandbox: Context.get(context, Sandbox.Sandbox)
    }
    const put = (faults: ReadonlyArray<FaultJson>) =>
      Effect.promise(async () => {
        const response = await fetch(`${url}_sandbox/faults`, {
          method: "PUT",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(faults)
        })
        expect([response.status, await response.text()]).toEqual([200, expect.any(String)])
      })
    return { put, url, world }
  })

interface Column {
  readonly fault: FaultJson
  /** How the client waits and retries. */
  readonly settings: Settings
}

const html = "<html><body><h1>429 Too Many Requests</h1></body></html>"

/** The faults, by the names of the table. */
const columns: Record<string, Column> = {
  "reset before it is applied": { fault: { _tag: "ResetPeer" }, settings: patient },
  "reset before the headers": { fault: { _tag: "ResetPeer", applied: true }, settings: patient },
  "reset in the body": { fault: { _tag: "TruncateBody" }, settings: patient },
  stall: { fault: { _tag: "TruncateBody", then: "stall" }, settings: hasty },
  "no response at all": { fault: { _tag: "NoResponse", applied: true }, settings: hasty },
  "later than the timeout": { fault: { _tag: "Delay", duration: "1 minute" }, settings: hasty },
  "status 500": { fault: { _tag: "Status", status: 500, applied: true }, settings: patient },
  "status 503": {
    fault: { _tag: "Delay", duration: 1, then: { _tag: "Status", status: 503, headers: { "retry-after": "0" } } },
    settings: patient
  },
  "429 storm": { fault: { _tag: "Status", status: 429 }, settings: patient },
  "429 with an HTML body": {
    fault: { _tag: "Status", status: 429, headers: { "content-type": "text/html" }, body: html },
    settings: patient
  },
  "2xx with garbage": { fault: { _tag: "MalformedBody" }, settings: patient },
  "slow drip": { fault: { _tag: "SlowBody", bytes: 100, interval: 50 }, settings: hasty }
}

/** Runs a call under faults, and checks its promises once they are removed. */
const play = (
  settings: Settings,
  given: ReadonlyArray<FaultJson>,
  row: Row,
  transport: Layer.Layer<HttpClient.HttpClient>
) =>
  Effect.scoped(Effect.gen(function*() {
    const { put, url, world } = yield* open(transport)
    yield* row.prepare(world)
    const users = yield* usersOf(url, transport, settings)
    yield* put(given)
    const run = yield* row.start({ ...world, users })
    yield* run.call
    yield* put([])
    return yield* run.check(world, false)
  }))

const table = tables(read("reliability.md"))[0] ?? []

/** The outcomes in a cell of the table: under a passing fault, then under a lasting one. */
const cell = (column: string, row: string): ReadonlyArray<string> => {
  const [head, ...lines] = table
  const at = head?.indexOf(row) ?? -1
  const line = lines.find(([name]) => name === `**${column}**`)
  return (line?.[at] ?? "").split("<br>")
}

const unreachable: Record<string, Effect.Effect<string>> = {
  "DNS failure": Effect.succeed("http://no-such-name.invalid/"),
  "refused connection": closedPort
}

/** Combinators of faults, each applied so that the first three requests fail. */
const around: Record<string, (fault: FaultJson) => ReadonlyArray<FaultJson>> = {
  On: (fault) => [{ _tag: "On", endpoint: "*", fault: { _tag: "Next", times: 3, fault } }],
  Lasting: (fault) => [{ _tag: "Next", times: 3, fault: { _tag: "Lasting", duration: "1 minute", fault } }],
  Sometimes: (fault) => [{ _tag: "Next", times: 3, fault: { _tag: "Sometimes", probability: 1, fault } }],
  InOrder: (fault) => [{ _tag: "InOrder", faults: [1, 2, 3].map(() => ({ _tag: "Next", times: 1, fault })) }],
  Together: (
    fault
  ) => [{ _tag: "Together", faults: [{ _tag: "Delay", duration: 1 }, { _tag: "Next", times: 3, fault }] }]
}

describe.concurrent.each(Object.entries(transports))("over %s", (_, transport) => {
  for (const [name, wrap] of Object.entries(around)) {
    it.live(`${name} around a fault`, () =>
      Effect.gen(function*() {
        const column = columns["reset before the headers"]
        if (column === undefined) return yield* Effect.dieMessage("no such column")
        const found = yield* play(column.settings, wrap(column.fault), rows["single edit"], transport)
        expect(`passing: ${found}`).toBe(cell("reset before the headers", "single edit")[0])
      }), 60_000)
  }

  for (const [rowName, row] of Object.entries(rows)) {
    for (const [name, { fault, settings }] of Object.entries(columns)) {
      it.live(`${name}: ${rowName}`, () =>
        Effect.gen(function*() {
          const passing = yield* play(inManyAttempts(settings), [{ _tag: "Next", times: 3, fault }], row, transport)
          const lasting = yield* play(inTwoAttempts(settings), [fault], row, transport)
          expect([`passing: ${passing}`, `lasting: ${lasting}`]).toEqual(cell(name, rowName))
        }), 60_000)
    }

    for (const [name, url] of Object.entries(unreachable)) {
      it.scopedLive(`${name}: ${rowName}`, () =>
        Effect.gen(function*() {
          const { world } = yield* open(transport)
          yield* row.prepare(world)
          const users = yield* usersOf(yield* url, transport, patient)
          const run = yield* row.start({ ...world, users })
          yield* run.call
          expect([yield* run.check(world, false)]).toEqual(cell(name, rowName))
        }), 60_000)
    }

    it.scopedLive(`interruption at a random point: ${rowName}`, () =>
      Effect.gen(function*() {
        for (let moment = 0; moment < 5; moment++) {
          const { put, world } = yield* open(transport)
          yield* row.prepare(world)
          yield* put([{ _tag: "Delay", duration: 10 }])
          const run = yield* row.start(world)
          const fiber = yield* Effect.fork(run.call)
          yield* Effect.sleep(moment * 7)
          const exit = yield* Fiber.interrupt(fiber)
          yield* put([])
          const words = yield* run.check(world, Exit.isFailure(exit))
          // Which of them depends on the machine.
          expect(words).toMatch(
            /^(?:interrupted|all users|deleted|(?:accepted|unknown|unsent)(?:, (?:unknown|unsent))*)$/
          )
        }
      }), 60_000)

    it.scopedLive(`limiter under contention: ${rowName}`, () =>
      Effect.gen(function*() {
        const rateLimit = { limit: 20, window: 200 }
        const { put, url, world } = yield* open(transport)
        yield* row.prepare(world)
        const users = yield* usersOf(url, transport, { ...patient, rateLimit })
        yield* put([{ _tag: "RateLimit", ...rateLimit }])
        const run = yield* row.start({ ...world, users })
        const others = Effect.forEach(ids.slice(0, 40), (id) => Effect.either(users.get(id)), {
          concurrency: "unbounded",
          discard: true
        })
        yield* Effect.all([others, run.call], { concurrency: "unbounded", discard: true })
        const refused = (yield* world.sandbox.requests).filter(({ status }) => status === 429)
        expect(refused).toEqual([])
        yield* put([])
        expect([`${yield* run.check(world, false)}, none refused`]).toEqual(cell("limiter under contention", rowName))
      }), 60_000)
  }
})

it("plays every fault that the server takes", () => {
  const documented = tables(read("guides/sandbox.md")).flatMap((table) =>
    table[0]?.[0] === "`_tag`" ? table.slice(1).map(([tag = ""]) => tag.replaceAll("`", "")) : []
  )
  const leaves = Object.values(columns).map(({ fault }) => fault._tag)
  expect(new Set([...leaves, ...Object.keys(around), "Next", "RateLimit"])).toEqual(new Set(documented))
})

it("plays every column of the table", () => {
  const others = [...Object.keys(unreachable), "interruption at a random point", "limiter under contention"]
  expect([...Object.keys(columns), ...others].sort()).toEqual(
    table.slice(1).map(([name = ""]) => name.replaceAll("**", "")).sort()
  )
})
