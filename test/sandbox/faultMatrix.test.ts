// What becomes of every call under every fault. The table of docs/reliability.md is what this file finds; it is written with
//
//   UPDATE_DOCS=1 npx vitest run test/sandbox/faultMatrix.test.ts
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import type { Settings } from "effect-suprsend/SuprsendConfig"
import { UsersService } from "effect-suprsend/UsersService"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { idsOf, type Row, rowsOver, type World } from "../utils/faultRows.js"
import { closedPort } from "../utils/loopback.js"
import { sandboxed } from "../utils/sandbox.js"
import { inAnHour, skippingDelays } from "../utils/time.js"

const ids = idsOf(5_000)
const rows = rowsOver(ids)

const open = (settings: Settings = {}): Effect.Effect<World, never, Scope.Scope> =>
  Effect.map(Layer.build(sandboxed({ timeout: "2 seconds", ...settings })), (context) => ({
    users: Context.get(context, UsersService),
    sandbox: Context.get(context, Sandbox.Sandbox)
  })).pipe(Effect.orDie)

/** The same sandbox, reached by another way. */
const by = (world: World, users: UsersService.Service): World => ({ ...world, users })

// ---------------------------------------------------------------------------------------------------------------------
// The columns: what goes wrong, for a while and without end.
// ---------------------------------------------------------------------------------------------------------------------

type Column = (row: Row) => Effect.Effect<string, never, Scope.Scope>

/** Once with three requests that fail, and once with a fault that lasts as long as the call. */
const fault = (fault: Sandbox.Fault): Column => (row) =>
  Effect.gen(function*() {
    const words: Array<string> = []
    for (const [name, given] of [["passing", Sandbox.failNext(3, fault)], ["lasting", fault]] as const) {
      const world = yield* open()
      yield* row.prepare(world)
      yield* world.sandbox.faults.add(given)
      const run = yield* row.start(world)
      yield* inAnHour(run.call)
      yield* world.sandbox.faults.clear
      words.push(`${name}: ${yield* inAnHour(run.check(world, false))}`)
    }
    return words.join("; ")
  })

/** A way on which no request leaves the machine. */
const unreachable = (layer: Layer.Layer<UsersService, unknown>): Column => (row) =>
  Effect.gen(function*() {
    const world = yield* open()
    yield* row.prepare(world)
    const broken = Context.get(yield* Effect.orDie(Layer.build(layer)), UsersService)
    const run = yield* row.start(by(world, broken))
    yield* skippingDelays(run.call)
    return yield* inAnHour(run.check(world, false))
  })

// The clock stands still, so a retry has to wait for no time at all.
const atOnce: Settings = { retry: { attempts: 3, initialDelay: 0, maximumDelay: 0 } }

const noSuchName = new Undici.Agent({
  connect: {
    lookup: (hostname, _options, callback) => {
      const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: "ENOTFOUND" })
      callback(error, "", 4)
    }
  }
})

const dnsFailure = Suprsend.layerWithoutHttpClient({
  ...Sandbox.credentials,
  ...atOnce,
  baseUrl: "http://no-such-name.invalid/"
}).pipe(
  Layer.provide(NodeHttpClient.layerUndiciWithoutDispatcher),
  Layer.provide(Layer.succeed(NodeHttpClient.Dispatcher, noSuchName))
)

const refusedConnection = Layer.unwrapEffect(
  Effect.map(closedPort, (baseUrl) => Suprsend.layer({ ...Sandbox.credentials, ...atOnce, baseUrl }))
)

/** At ten moments of a call whose requests take 50 milliseconds each. */
const interruption: Column = (row) =>
  Effect.gen(function*() {
    const words = new Set<string>()
    for (let moment = 0; moment < 10; moment++) {
      const world = yield* open()
      yield* row.prepare(world)
      yield* world.sandbox.faults.add(Sandbox.latency("50 millis"))
      const run = yield* row.start(world)
      const fiber = yield* Effect.fork(run.call)
      yield* TestClock.adjust(moment * 27)
      const exit = yield* Fiber.interrupt(fiber)
      yield* world.sandbox.faults.clear
      words.add(yield* inAnHour(run.check(world, Exit.isFailure(exit))))
    }
    return [...words].sort().join(" or ")
  })

/** Beside 200 other calls, with a server that is strict about the same limit. */
const contention: Column = (row) =>
  Effect.gen(function*() {
    const rateLimit = { limit: 20, window: "1 second" } as const
    const world = yield* open({ rateLimit, retry: { elapsed: "30 minutes" }, timeout: "30 seconds" })
    yield* inAnHour(row.prepare(world))
    yield* world.sandbox.faults.add(Sandbox.rateLimit(rateLimit))
    const before = (yield* world.sandbox.requests).length
    const run = yield* row.start(world)
    const others = Effect.forEach(ids.slice(0, 200), (id) => Effect.either(world.users.get(id)), {
      concurrency: "unbounded",
      discard: true
    })
    yield* inAnHour(Effect.all([others, run.call], { concurrency: "unbounded", discard: true }))
    const refused = (yield* world.sandbox.requests).slice(before).filter(({ status }) => status === 429)
    expect(refused.length).toBe(0)
    yield* world.sandbox.faults.clear
    return `${yield* inAnHour(run.check(world, false))}, none refused`
  })

const html = "<html><body><h1>429 Too Many Requests</h1></body></html>"

const columns: Record<string, Column> = {
  "reset before it is applied": fault(Sandbox.resetPeer),
  "reset before the headers": fault(Sandbox.resetPeerApplied),
  "reset in the body": fault(Sandbox.truncateBody),
  stall: fault(Sandbox.stall),
  "no response at all": fault(Sandbox.noResponse({ applied: true })),
  "later than the timeout": fault(Sandbox.latency("3 seconds")),
  "status 500": fault(Sandbox.status(500, { applied: true })),
  "status 503": fault(Sandbox.maintenance()),
  "429 storm": fault(Sandbox.status(429, { retryAfter: "1" })),
  "429 with an HTML body": fault(Sandbox.status(429, { body: html, contentType: "text/html" })),
  "2xx with garbage": fault(Sandbox.malformedBody()),
  "slow drip": fault(Sandbox.slowBody({ bytes: 100, interval: "1 second" })),
  "DNS failure": unreachable(dnsFailure),
  "refused connection": unreachable(refusedConnection),
  "interruption at a random point": interruption,
  "limiter under contention": contention
}

// ---------------------------------------------------------------------------------------------------------------------

const found = new Map<string, string>()

for (const [column, play] of Object.entries(columns)) {
  describe(column, () => {
    for (const [name, row] of Object.entries(rows)) {
      it.scoped(name, () =>
        Effect.map(play(row), (words) => {
          found.set(`${column} ${name}`, words)
        }), 60_000)
    }
  })
}

const anyFault = FastCheck.constantFrom(
  Sandbox.resetPeer,
  Sandbox.resetPeerApplied,
  Sandbox.truncateBody,
  Sandbox.stall,
  Sandbox.noResponse({ applied: true }),
  Sandbox.status(500, { applied: true }),
  Sandbox.status(429, { retryAfter: "1" }),
  Sandbox.malformedBody()
)

// What the cells do one at a time, all at once.
it.scoped.prop(
  "a bulk amid random faults, interrupted at random, loses nothing",
  [FastCheck.array(anyFault, { maxLength: 5 }), FastCheck.nat(3_000), FastCheck.integer()],
  ([faults, moment, seed]) =>
    Effect.gen(function*() {
      const world = yield* open()
      yield* world.sandbox.faults.add(
        Sandbox.latency("20 millis"),
        ...faults.map((fault) => Sandbox.sometimes(0.3, fault))
      )
      const run = yield* rows["bulk of 5,000"].start(world)
      const fiber = yield* Effect.fork(Effect.withRandom(run.call, Random.make(seed)))
      yield* TestClock.adjust(moment)
      const exit = yield* Fiber.interrupt(fiber)
      yield* world.sandbox.faults.clear
      yield* inAnHour(run.check(world, Exit.isFailure(exit)))
    }),
  { fastCheck: { numRuns: 20 }, timeout: 60_000 }
)

const page = Path.join(import.meta.dirname, "..", "..", "docs", "reliability.md")
const [begin, end] = [
  "<!-- the table: written by test/sandbox/faultMatrix.test.ts -->",
  "<!-- the end of the table -->"
]

const table = (): string => {
  const names = Object.keys(rows)
  return [
    `| | ${names.join(" | ")} |`,
    `|---|${names.map(() => "---").join("|")}|`,
    ...Object.keys(columns).map((column) =>
      `| **${column}** | ${
        names.map((name) => (found.get(`${column} ${name}`) ?? "?").replaceAll("; ", "<br>")).join(" | ")
      } |`
    )
  ].join("\n")
}

const isWhole = () => found.size === Object.keys(rows).length * Object.keys(columns).length

// Only a run of the whole file knows the whole table.
afterAll(({ tasks }) => {
  const isFiltered = tasks.some(({ mode }) => mode === "skip") ||
    tasks.some((task) => task.type === "suite" && task.tasks.some(({ mode }) => mode === "skip"))
  if (isFiltered) return
  expect(isWhole(), "each cell of the table was played").toBe(true)
  const text = Fs.readFileSync(page, "utf8")
  const [head, rest] = text.split(begin)
  const tail = rest?.split(end)[1]
  const expected = `${head}${begin}\n\n${table()}\n\n${end}${tail}`
  if (process.env["UPDATE_DOCS"] === "1") Fs.writeFileSync(page, expected)
  else {expect(text, "UPDATE_DOCS=1 npx vitest run test/sandbox/faultMatrix.test.ts writes the table anew").toBe(
      expected
    )}
})
