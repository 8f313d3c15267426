// A run that ends early: by `stopWhen`, by an interruption, because the credentials are refused, because the client closes, because
// something dies. However it ends, each edit that the source gave has one outcome.
import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import * as Bulk from "effect-suprsend/Bulk"
import { InsertId } from "effect-suprsend/InsertId"
import { layer as preferencesLayer, PreferencesService } from "effect-suprsend/PreferencesService"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import { type SuprsendInvalidInput, SuprsendUnavailable } from "effect-suprsend/SuprsendError"
import * as UserEdit from "effect-suprsend/UserEdit"
import { layer as usersLayer, layerBatched, UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Record from "effect/Record"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { fromCrypto } from "../../src/internal/event/insertId.js"
import { sandboxed, testOver } from "../utils/sandbox.js"
import { ended, settle } from "../utils/time.js"

const test = testOver(Suprsend.layerTest)

const signUp = (n: number) => UserEdit.set(UserEdit.edit(`user-${n}`), "n", n)

const outcomesOf = (records: ReadonlyArray<{ readonly outcome: Bulk.FailedOutcome }>) =>
  Record.map(Arr.groupBy(records, ({ outcome }) => outcome), (records) => records.length)

const placesOf = (report: Bulk.BulkReport) => report.failedRecords.map((record) => record.index)

/** How a run is ended early: the report is the one that it gives, or the one that `onError` is called with. */
const endings = {
  "stopWhen": (users: UsersService.Service, edits: Bulk.Source, options?: Bulk.EditOptions) =>
    Effect.gen(function*() {
      const stop = yield* Deferred.make<void>()
      const fiber = yield* Effect.fork(users.bulkEdit(edits, { ...options, stopWhen: Deferred.await(stop) }))
      return { end: Effect.asVoid(Deferred.succeed(stop, undefined)), report: Effect.orDie(ended(fiber)) }
    }),
  "an interruption": (users: UsersService.Service, edits: Bulk.Source, options?: Bulk.EditOptions) =>
    Effect.gen(function*() {
      const known = yield* Ref.make(Option.none<Bulk.BulkReport>())
      const fiber = yield* Effect.fork(
        users.bulkEdit(edits, { ...options, onError: (report) => Ref.set(known, Option.some(report)) })
      )
      // It may have come to its end before.
      const report = Effect.orDie(Effect.orElse(Effect.flatten(Ref.get(known)), () => ended(fiber)))
      return { end: Effect.asVoid(Effect.forkDaemon(Fiber.interrupt(fiber))), report }
    })
}

for (const [how, start] of Object.entries(endings)) {
  it.effect(`${how} sends no request that waits for its first slot, and retries those in flight within the grace`, () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      const sandbox = yield* Sandbox.Sandbox
      // The first request fails, and waits for its retry when the run is ended.
      yield* sandbox.script([Sandbox.status(503)])
      const run = yield* start(users, Arr.makeBy(2_000, signUp), { concurrency: 5, grace: "1 hour" })
      yield* settle
      yield* run.end
      yield* TestClock.adjust("30 minutes")
      const report = yield* run.report
      expect([report.success, outcomesOf(report.failedRecords)]).toEqual([400, { unsent: 1_600 }])
      for (const { error } of report.failedRecords) {
        expect(error.message).toContain("the run was stopped before this was sent")
      }
      expect(yield* sandbox.requests).toHaveLength(2)
    }).pipe(Effect.provide(sandboxed({ rateLimit: { limit: 1, window: "1 minute" }, retry: { elapsed: "1 hour" } }))))

  it.effect(`${how} bisects a request in flight that is refused within the grace`, () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      const sandbox = yield* Sandbox.Sandbox
      const refused = Sandbox.when(({ body }) => body.includes("\"user-7\""), Sandbox.status(400))
      yield* sandbox.faults.add(Sandbox.delay("1 second", refused))
      const run = yield* start(users, Arr.makeBy(800, signUp), { concurrency: 1, grace: "1 hour" })
      yield* settle
      yield* run.end
      yield* TestClock.adjust("30 minutes")
      const report = yield* run.report
      expect([report.success, outcomesOf(report.failedRecords)]).toEqual([399, { rejected: 1 }])
    }).pipe(Effect.provide(sandboxed())))

  describe(`${how}, while a pull is outstanding`, () => {
    type Edits = Stream.Stream<UserEdit.UserEdit>
    const ways: Record<string, (edits: Edits) => Edits> = {
      "": (edits) => edits,
      " by way of buffers": (edits) =>
        Arr.makeBy(4, () => Stream.buffer({ capacity: 16 })).reduce((edits, buffer) => buffer(edits), edits),
      " by way of effects": Stream.mapEffect((edit) => Effect.as(Effect.yieldNow(), edit)),
      " by way of another queue": (edits) =>
        Stream.flattenTake(Stream.unwrapScoped(Effect.map(Stream.toQueue(edits), (queue) => Stream.fromQueue(queue))))
    }
    for (const [way, through] of Object.entries(ways)) {
      test(
        `leaves in a queue what is offered after it, and accounts for what was offered before${way}`,
        (users, sandbox) =>
          Effect.gen(function*() {
            yield* sandbox.script([Sandbox.stall, Sandbox.stall])
            const queue = yield* Queue.unbounded<UserEdit.UserEdit>()
            const run = yield* start(users, through(Stream.fromQueue(queue)), { linger: "1 hour" })
            yield* Queue.offerAll(queue, Arr.makeBy(800, signUp))
            yield* settle
            // On its way when the run is ended.
            yield* Queue.offer(queue, signUp(800))
            yield* run.end
            yield* settle
            yield* Queue.offer(queue, signUp(801))
            yield* settle
            const report = yield* run.report
            expect(report.total).toBe(801)
            expect(placesOf(report).at(-1)).toBe(800)
            expect(yield* Queue.size(queue)).toBe(1)
          })
      )
    }

    const late = (edits: (next: Promise<UserEdit.UserEdit>) => Bulk.Source) =>
      Effect.gen(function*() {
        let give = (_: UserEdit.UserEdit) => {}
        const next = new Promise<UserEdit.UserEdit>((resolve) => {
          give = resolve
        })
        return { edits: edits(next), give: Effect.sync(() => give(signUp(1))) }
      })

    const iterables: Record<string, (next: Promise<UserEdit.UserEdit>) => Bulk.Source> = {
      "an async generator": async function*(next) {
        yield signUp(0)
        yield await next
        yield signUp(2)
      },
      "an async iterable without a return": (next) => {
        let n = 0
        return {
          [Symbol.asyncIterator]: () => ({
            next: async () => ({ done: false, value: n++ === 0 ? signUp(0) : await next })
          })
        }
      },
      "an async iterable whose return ends at once": (next) => {
        let n = 0
        return {
          [Symbol.asyncIterator]: () => ({
            next: async () => ({ done: false, value: n++ === 0 ? signUp(0) : await next }),
            return: async () => ({ done: true, value: undefined })
          })
        }
      }
    }
    for (const [what, edits] of Object.entries(iterables)) {
      test(`accounts for the edits that ${what} returns within a second`, (users) =>
        Effect.gen(function*() {
          const source = yield* late(edits)
          const run = yield* start(users, source.edits, { linger: "1 hour" })
          yield* settle
          yield* run.end
          yield* TestClock.adjust("900 millis")
          yield* source.give
          yield* settle
          const report = yield* run.report
          expect(placesOf(report)).toEqual([0, 1])
          expect(report.failedRecords.map(({ edit, outcome }) => [edit.distinctId, outcome])).toEqual([
            ["user-0", "unsent"],
            ["user-1", "unsent"]
          ])
        }))

      test(`waits no longer than a second for ${what}`, (users) =>
        Effect.gen(function*() {
          const source = yield* late(edits)
          const run = yield* start(users, source.edits, { linger: "1 hour" })
          yield* settle
          yield* run.end
          yield* TestClock.adjust("1 second")
          yield* settle
          expect(placesOf(yield* run.report)).toEqual([0])
        }))
    }

    test("waits for it while requests have their time of grace", (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.delay("10 seconds")])
        const source = yield* late((next) =>
          (async function*() {
            yield* Arr.makeBy(400, signUp)
            yield await next
          })()
        )
        const run = yield* start(users, source.edits, { linger: "1 hour", grace: "1 minute" })
        yield* settle
        yield* run.end
        yield* TestClock.adjust("5 seconds")
        yield* source.give
        yield* settle
        yield* TestClock.adjust("5 seconds")
        yield* settle
        const report = yield* run.report
        expect([report.success, placesOf(report)]).toEqual([400, [400]])
      }))
  })
}

describe("whatever the source and whenever the end", () => {
  /** Sources that count what they gave. */
  const sources: Record<
    string,
    (
      count: number,
      size: number
    ) => Effect.Effect<{ readonly edits: Bulk.Source; readonly given: Effect.Effect<number> }>
  > = {
    "an iterable": (count) =>
      Effect.sync(() => {
        let given = 0
        const edits = (function*() {
          while (given < count) yield signUp(given++)
        })()
        return { edits, given: Effect.sync(() => given) }
      }),
    "an async generator": (count, size) =>
      Effect.sync(() => {
        let given = 0
        const edits = (async function*() {
          while (given < count) {
            if (given % size === 0) await new Promise((resolve) => setImmediate(resolve))
            yield signUp(given++)
          }
        })()
        return { edits, given: Effect.sync(() => given) }
      }),
    "a stream in chunks": (count, size) =>
      counted(Stream.rechunk(Stream.map(Stream.range(0, count - 1), signUp), size)),
    "a stream with effects": (count, size) =>
      counted(
        Stream.range(0, count - 1).pipe(
          Stream.mapEffect((n) => Effect.as(n % size === 0 ? Effect.sleep(3) : Effect.yieldNow(), signUp(n)))
        )
      ),
    "a stream with a buffer": (count, size) =>
      counted(Stream.buffer(Stream.map(Stream.range(0, count - 1), signUp), { capacity: size })),
    "a stream of an async iterable": (count) =>
      counted(
        Stream.fromAsyncIterable(
          (async function*() {
            for (let n = 0; n < count; n++) yield signUp(n)
          })(),
          (error) => error
        ).pipe(Stream.orDie)
      ),
    "a queue": (count, size) =>
      Effect.gen(function*() {
        const queue = yield* Queue.unbounded<UserEdit.UserEdit>()
        let offered = 0
        const offer = Effect.suspend(() => {
          const edits = Arr.makeBy(Math.min(size, count - offered), (n) => signUp(offered + n))
          offered += edits.length
          return Queue.offerAll(queue, edits)
        })
        yield* Effect.forkDaemon(Effect.repeat(Effect.delay(offer, 5), { until: () => offered === count }))
        return {
          edits: Stream.fromQueue(queue),
          given: Effect.map(Queue.size(queue), (left) => offered - Math.max(0, left))
        }
      })
  }
  const counted = (edits: Stream.Stream<UserEdit.UserEdit>) =>
    Effect.sync(() => {
      let given = 0
      const count = (chunk: Chunk.Chunk<UserEdit.UserEdit>) => {
        given += chunk.length
        return chunk
      }
      return { edits: Stream.mapChunks(edits, count), given: Effect.sync(() => given) }
    })

  const fault = FastCheck.constantFrom(
    Sandbox.status(400),
    Sandbox.status(401),
    Sandbox.status(429),
    Sandbox.status(503),
    Sandbox.resetPeerApplied,
    Sandbox.stall,
    Sandbox.delay(30)
  )

  for (const [what, source] of Object.entries(sources)) {
    it.effect.prop(
      `each edit that ${what} gave has one outcome, and its place`,
      {
        count: FastCheck.integer({ min: 1, max: 1_500 }),
        size: FastCheck.integer({ min: 1, max: 500 }),
        concurrency: FastCheck.integer({ min: 1, max: 5 }),
        faults: FastCheck.array(fault, { maxLength: 6 }),
        how: FastCheck.constantFrom(...Object.values(endings)),
        moment: FastCheck.integer({ min: 0, max: 60 }),
        grace: FastCheck.constantFrom(0, 20)
      },
      ({ concurrency, count, faults, grace, how, moment, size }) =>
        Effect.gen(function*() {
          const users = yield* UsersService
          const sandbox = yield* Sandbox.Sandbox
          yield* sandbox.script(faults)
          const { edits, given } = yield* source(count, size)
          const run = yield* how(users, edits, { concurrency, grace })
          yield* settle
          yield* TestClock.adjust(moment)
          yield* run.end
          yield* settle
          for (let waited = 0; waited < 2_000 && Exit.isFailure(yield* Effect.exit(run.report)); waited += 50) {
            yield* TestClock.adjust(50)
            yield* settle
          }
          const report = yield* run.report
          expect(report.total).toBe(yield* given)
          const places = placesOf(report)
          expect(new Set(places).size).toBe(places.length)
          for (const { edit, index } of report.failedRecords) expect(edit.distinctId).toBe(`user-${index}`)
          expect((yield* sandbox.users).length).toBeGreaterThanOrEqual(report.success)
        }).pipe(Effect.provide(Suprsend.layerTest)),
      { fastCheck: { numRuns: 15 }, timeout: 120_000 }
    )
  }
})

describe("refused credentials", () => {
  const limited = testOver(sandboxed({ rateLimit: { limit: 5, window: "500 millis" } }))
  const edits = Arr.makeBy(8_000, signUp)
  const sources: Record<string, Bulk.Source> = {
    "an array": edits,
    "a generator": { [Symbol.iterator]: () => edits[Symbol.iterator]() },
    "a stream": Stream.fromIterable(edits)
  }
  for (const [what, source] of Object.entries(sources)) {
    limited(`end what waits for a slot at once: ${what}`, (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.faults.add(Sandbox.together(Sandbox.latency("100 millis"), Sandbox.status(401)))
        const fiber = yield* Effect.fork(users.bulkEdit(source, { concurrency: 16 }))
        yield* TestClock.adjust("100 millis")
        yield* settle
        const report = yield* ended(fiber)
        // Five had left before it was known.
        expect(yield* sandbox.requests).toHaveLength(5)
        expect(outcomesOf(report.failedRecords)).toEqual({ rejected: 2_000, unsent: report.total - 2_000 })
        expect(new Set(report.failedRecords.map(({ error }) => error._tag))).toEqual(new Set(["SuprsendUnauthorized"]))
        expect(placesOf(report).sort((a, b) => a - b)).toEqual(Arr.range(0, report.total - 1))
        // Nothing of it is left in the queue of the limiter.
        yield* TestClock.adjust("1 hour")
        expect(yield* sandbox.requests).toHaveLength(5)
      }))
  }

  limited(
    "end what waits for its next attempt, which may have been applied",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([
          Sandbox.resetPeerApplied,
          Sandbox.status(429, { retryAfter: "5" }),
          Sandbox.delay("100 millis", Sandbox.status(401))
        ])
        const fiber = yield* Effect.fork(users.bulkEdit(Arr.makeBy(1_200, signUp), { concurrency: 3 }))
        yield* TestClock.adjust("100 millis")
        yield* settle
        const report = yield* ended(fiber)
        expect(outcomesOf(report.failedRecords)).toEqual({ unknown: 400, unsent: 400, rejected: 400 })
        yield* TestClock.adjust("1 hour")
        expect(yield* sandbox.requests).toHaveLength(3)
      })
  )

  limited("leave requests in flight alone", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.delay("10 seconds"), Sandbox.status(401)])
      const fiber = yield* Effect.fork(users.bulkEdit(Arr.makeBy(4_000, signUp), { concurrency: 2 }))
      yield* TestClock.adjust("10 seconds")
      yield* settle
      const report = yield* ended(fiber)
      expect(report.success).toBe(400)
      expect(outcomesOf(report.failedRecords)).toEqual({ rejected: 400, unsent: 3_200 })
    }))

  const foreign: RateLimiter.RateLimiter.Service = {
    limit: (attempt) => Effect.delay(attempt, "1 second"),
    limitCost: (attempt) => attempt,
    pause: () => Effect.void
  }
  testOver(
    usersLayer.pipe(
      Layer.provideMerge(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
      Layer.provide(Layer.succeed(RateLimiter.RateLimiter, foreign)),
      Layer.provideMerge(Sandbox.layer)
    )
  )(
    "leave requests in flight alone, and end what waits, whatever the limiter",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([
          Sandbox.delay("10 seconds"),
          Sandbox.status(503),
          Sandbox.delay("200 millis", Sandbox.status(401))
        ])
        const fiber = yield* Effect.fork(users.bulkEdit(Arr.makeBy(1_200, signUp), { concurrency: 3 }))
        yield* TestClock.adjust("1 second")
        yield* settle
        yield* TestClock.adjust("11 seconds")
        yield* settle
        const report = yield* ended(fiber)
        expect(report.success).toBe(400)
        expect(outcomesOf(report.failedRecords)).toEqual({ unknown: 400, rejected: 400 })
        expect(yield* sandbox.requests).toHaveLength(3)
      })
  )

  const ids = Arr.makeBy(2_000, (n) => `user-${n}`)
  const calls: Record<
    string,
    Effect.Effect<Bulk.BulkIdReport, SuprsendInvalidInput, UsersService | PreferencesService>
  > = {
    "bulkDelete": Effect.flatMap(UsersService, (users) => users.bulkDelete(ids)),
    "bulkUpdate of preferences": Effect.flatMap(PreferencesService, (preferences) => preferences.bulkUpdate(ids, {})),
    "bulkReset of preferences": Effect.flatMap(PreferencesService, (preferences) => preferences.bulkReset(ids))
  }
  for (const [what, call] of Object.entries(calls)) {
    it.effect(`end what waits in a ${what}`, () =>
      Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.together(Sandbox.latency("100 millis"), Sandbox.status(401)))
        const fiber = yield* Effect.fork(call)
        yield* TestClock.adjust("100 millis")
        yield* settle
        const report = yield* ended(fiber)
        expect(outcomesOf(report.failedRecords)).toEqual({ rejected: 500, unsent: 1_500 })
        for (const { distinctId, index } of report.failedRecords) expect(distinctId).toBe(`user-${index}`)
        yield* TestClock.adjust("1 hour")
        expect(yield* sandbox.requests).toHaveLength(5)
      }).pipe(Effect.provide(
        Layer.provideMerge(preferencesLayer, sandboxed({ rateLimit: { limit: 5, window: "500 millis" } }))
      )))
  }
})

describe("a client that closes while a bulk runs", () => {
  /** A source without end, which counts what it gave. */
  const endless = () => {
    const counter = { given: 0 }
    const edits = (function*() {
      for (;;) yield signUp(counter.given++)
    })()
    return { counter, edits }
  }
  const oneAnHour = sandboxed({ rateLimit: { limit: 1, window: "1 hour" }, timeout: "1 minute" })

  const accounted = (report: Bulk.BulkReport, given: number, success: number) => {
    expect(report).toMatchObject({ total: given, success })
    for (const { error, outcome } of report.failedRecords) {
      expect(["unknown", "unsent"]).toContain(outcome)
      expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Interrupted" })
      expect("applied" in error && error.applied).toBe(outcome === "unknown" ? "unknown" : "no")
    }
    expect(new Set(report.failedRecords.map(({ edit }) => edit.insertId)).size).toBe(report.failure)
  }

  it("ends the run with a report: a runtime that is disposed of", async () => {
    const runtime = ManagedRuntime.make(oneAnHour)
    const { counter, edits } = endless()
    const first = Effect.runSync(Deferred.make<void>())
    const running = runtime.runPromise(
      Effect.flatMap(
        UsersService,
        (users) =>
          users.bulkEdit(edits, { concurrency: 16, onOutcome: () => Effect.asVoid(Deferred.succeed(first, undefined)) })
      )
    )
    await Effect.runPromise(Deferred.await(first))
    await runtime.dispose()
    accounted(await running, counter.given, 400)
    expect(counter.given).toBeLessThanOrEqual(18 * 400)
  })

  /** Runs in a daemon while the scope of the client closes. */
  const inScope = <A, E>(
    run: (users: UsersService.Service) => Effect.Effect<A, E>,
    faults: ReadonlyArray<Sandbox.Fault> = []
  ) =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(oneAnHour, scope)
      const sandbox = Context.get(context, Sandbox.Sandbox)
      yield* sandbox.script(faults)
      const fiber = yield* Effect.forkDaemon(run(Context.get(context, UsersService)))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* settle
      expect(yield* sandbox.requests).toHaveLength(1)
      return yield* ended(fiber)
    })

  it.effect("ends the run with a report: a scope that is closed under a daemon", () =>
    Effect.gen(function*() {
      const { counter, edits } = endless()
      accounted(yield* inScope((users) => users.bulkEdit(edits, { concurrency: 16 })), counter.given, 400)
    }))

  for (const applied of [true, false]) {
    it.effect(`makes records in flight unknown, and waiting ones unsent, ${applied ? "" : "not "}applied`, () =>
      Effect.gen(function*() {
        const { counter, edits } = endless()
        const report = yield* inScope((users) => users.bulkEdit(edits, { concurrency: 16, grace: "1 hour" }), [
          Sandbox.noResponse({ applied })
        ])
        accounted(report, counter.given, 0)
        expect(Arr.groupBy(report.failedRecords, ({ outcome }) => outcome)).toMatchObject({
          unknown: { length: 400 },
          unsent: { length: counter.given - 400 }
        })
      }))
  }

  it.effect("ends a stream of outcomes", () =>
    Effect.gen(function*() {
      const { counter, edits } = endless()
      const outcomes = yield* inScope((users) => Stream.runCollect(users.bulkEditStream(edits, { concurrency: 16 })))
      accounted(Bulk.report(outcomes), counter.given, 400)
    }))

  it.effect("ends a bulkDelete", () =>
    Effect.gen(function*() {
      const ids = Arr.makeBy(1_000, (n) => `user-${n}`)
      const report = yield* inScope((users) => users.bulkDelete(ids), [Sandbox.noResponse()])
      expect(`${report}`).toBe("1,000 records: 0 done, 100 unknown, 900 unsent")
    }))

  it.effect("ends callers whose edits share a request, with an error of their own", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(oneAnHour, scope)
      const batched = Layer.succeedContext(context).pipe((client) => Layer.provide(layerBatched(), client))
      const users = yield* Effect.map(Layer.build(batched), (context) => Context.get(context, UsersService))
      yield* Context.get(context, Sandbox.Sandbox).script([Sandbox.noResponse()])
      const handOver = (n: number) =>
        Effect.gen(function*() {
          const fiber = yield* Effect.fork(Effect.flip(users.asyncEdit(signUp(n))))
          yield* TestClock.adjust("5 millis")
          yield* settle
          return fiber
        })
      const fibers = yield* Effect.forEach([1, 2], handOver)
      yield* Scope.close(scope, Exit.void)
      yield* settle
      const errors = yield* Effect.forEach(fibers, ended)
      expect(errors).toMatchObject([
        { _tag: "SuprsendUnavailable", reason: "Interrupted", applied: "unknown", insertId: expect.any(String) },
        { _tag: "SuprsendUnavailable", reason: "Interrupted", applied: "no", insertId: expect.any(String) }
      ])
    }).pipe(Effect.scoped))

  it.effect("leaves nothing to hope for the requests that follow, whichever client says so", () =>
    Effect.gen(function*() {
      let requests = 0
      const closed = new SuprsendUnavailable({
        call: "UsersService.bulkEdit",
        reason: "Interrupted",
        attempts: 1,
        applied: "unknown",
        retryable: true
      })
      const client: SuprsendClient.SuprsendClient.Service = {
        workspace: undefined,
        userAgent: "",
        concurrency: 1,
        execute: () =>
          Effect.suspend(() => {
            requests++
            return Effect.fail(closed)
          })
      }
      const users = Layer.provide(usersLayer, Layer.succeed(SuprsendClient.SuprsendClient, client))
      const report = yield* Effect.provide(
        Effect.flatMap(UsersService, (users) => users.bulkEdit(Arr.makeBy(1_000, signUp))),
        users
      )
      expect(requests).toBe(1)
      expect(Arr.groupBy(report.failedRecords, ({ outcome }) => outcome)).toMatchObject({
        unknown: { length: 400 },
        unsent: { length: 600 }
      })
      accounted(report, 1_000, 0)
    }))
})

describe("a defect", () => {
  let calls = 0
  const broken: RateLimiter.RateLimiter.Service = {
    limit: (attempt) => Effect.suspend(() => ++calls === 3 ? Effect.die("no limiter") : attempt),
    limitCost: (attempt) => attempt,
    pause: () => Effect.void
  }
  const users = usersLayer.pipe(
    Layer.provideMerge(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
    Layer.provide(Layer.succeed(RateLimiter.RateLimiter, broken)),
    Layer.provideMerge(Sandbox.layer)
  )
  const reported = (
    users: UsersService.Service,
    source: Bulk.Source,
    options: Bulk.EditOptions,
    provided: Effect.Effect<string> = fromCrypto
  ) =>
    Effect.gen(function*() {
      const known = yield* Deferred.make<Bulk.BulkReport>()
      const exit = yield* users.bulkEdit(source, {
        ...options,
        onError: (report) => Effect.asVoid(Deferred.succeed(known, report))
      }).pipe(Effect.exit, Effect.provideService(InsertId, provided))
      return [yield* Deferred.await(known), Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined] as const
    })
  const edits = Arr.makeBy(2_000, signUp)

  testOver(users)(
    "of a request ends the run with an outcome for each record, and then fails it",
    (users, sandbox) =>
      Effect.gen(function*() {
        calls = 0
        yield* sandbox.script([Sandbox.delay(0), Sandbox.noResponse()])
        const fiber = yield* Effect.fork(reported(users, edits, { concurrency: 3 }))
        yield* settle
        const [report, defect] = yield* ended(fiber)
        expect(defect).toBe("no limiter")
        expect(report).toMatchObject({ success: 400, failure: 800 })
        expect(new Set(report.failedRecords.map(({ outcome }) => outcome))).toEqual(new Set(["unknown"]))
      })
  )

  test("of `onOutcome` loses no outcome", (users) =>
    Effect.gen(function*() {
      const [report, defect] = yield* reported(users, edits, { concurrency: 1, onOutcome: () => Effect.die("no log") })
      expect(defect).toBe("no log")
      expect(report).toMatchObject({ success: 400, failure: 0 })
    }))

  test("of custom insert ids loses none of the edits that were pulled", (users) =>
    Effect.gen(function*() {
      let made = 0
      const makeId = Effect.suspend(() => ++made === 500 ? Effect.die("no id") : Effect.succeed(`id-${made}`))
      const [report, defect] = yield* reported(users, edits, { concurrency: 1 }, makeId)
      expect(defect).toBe("no id")
      expect(report).toMatchObject({ success: 400, failure: 100 })
      expect(placesOf(report)).toEqual(Arr.range(400, 499))
      expect(new Set(report.failedRecords.map(({ edit }) => edit.insertId)).size).toBe(100)
    }))

  test("of a value that is not an edit affects this record alone", (users) =>
    Effect.gen(function*() {
      const { proxy, revoke } = Proxy.revocable(signUp(1), {})
      revoke()
      const thrower = new Proxy(signUp(2), {
        get: () => {
          throw proxy
        }
      })
      const report = yield* users.bulkEdit([signUp(0), proxy, thrower, signUp(3)])
      expect(report).toMatchObject({ success: 2, failure: 2 })
      expect(report.failedRecords.map(({ index, outcome }) => [index, outcome])).toEqual([[1, "invalid"], [
        2,
        "invalid"
      ]])
    }))
})

describe("a call for many users by their ids that is interrupted", () => {
  const ids = [...Arr.makeBy(1_000, (n) => `user-${n}`), ".."]

  const over = Layer.provideMerge(preferencesLayer, sandboxed({ timeout: "1 minute", retry: { attempts: 1 } }))

  type Call = (
    options: Bulk.IdOptions
  ) => Effect.Effect<Bulk.BulkIdReport, SuprsendInvalidInput, UsersService | PreferencesService>

  const calls: Record<string, Call> = {
    bulkDelete: (options) => Effect.flatMap(UsersService, (users) => users.bulkDelete(ids, options)),
    bulkUpdate: (options) =>
      Effect.flatMap(PreferencesService, (preferences) => preferences.bulkUpdate(ids, {}, options)),
    bulkReset: (options) => Effect.flatMap(PreferencesService, (preferences) => preferences.bulkReset(ids, options))
  }

  /** Interrupts a call whose first four requests are in flight, and gives its report. */
  const interrupted = (call: Call, options: Bulk.IdOptions) =>
    Effect.gen(function*() {
      const known = yield* Deferred.make<readonly [Bulk.BulkIdReport, Cause.Cause<unknown>]>()
      yield* (yield* Sandbox.Sandbox).faults.add(Sandbox.latency("2 seconds"))
      const onError = (report: Bulk.BulkIdReport, cause: Cause.Cause<unknown>) =>
        Effect.asVoid(Deferred.succeed(known, [report, cause]))
      const fiber = yield* Effect.fork(call({ concurrency: 4, onError, ...options }))
      yield* TestClock.adjust("1 second")
      const ending = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* settle
      yield* TestClock.adjust("1 second")
      expect(Exit.isInterrupted(yield* ended(ending))).toBe(true)
      const [report, cause] = yield* ended(yield* Effect.zipLeft(Effect.fork(Deferred.await(known)), settle))
      expect(Cause.isInterruptedOnly(cause)).toBe(true)
      // Each id has one outcome.
      expect(report.total).toBe(ids.length)
      expect(new Set(report.failedRecords.map(({ index }) => index)).size).toBe(report.failure)
      return outcomesOf(report.failedRecords)
    })

  for (const [name, call] of Object.entries(calls)) {
    it.effect(`${name} reports the outcomes so far: records in flight are unknown, the rest unsent`, () =>
      Effect.gen(function*() {
        expect(yield* interrupted(call, {})).toEqual({ invalid: 1, unknown: 400, unsent: 600 })
        expect(yield* (yield* Sandbox.Sandbox).requests).toHaveLength(4)
      }).pipe(Effect.provide(over)))

    it.effect(`${name} lets requests in flight end within its grace`, () =>
      Effect.gen(function*() {
        const { unknown, unsent } = yield* interrupted(call, { grace: "5 seconds" })
        expect([unknown, unsent]).toEqual([undefined, 600])
        expect(yield* (yield* Sandbox.Sandbox).requests).toHaveLength(4)
      }).pipe(Effect.provide(over)))

    it.effect(`${name} retries requests in flight within its grace, and starts no other`, () =>
      Effect.gen(function*() {
        const known = yield* Deferred.make<Bulk.BulkIdReport>()
        const sandbox = yield* Sandbox.Sandbox
        // The first request fails, and waits for its retry when the call is interrupted.
        yield* sandbox.faults.replace([Sandbox.status(503)])
        const onError = (report: Bulk.BulkIdReport) => Effect.asVoid(Deferred.succeed(known, report))
        const fiber = yield* Effect.fork(call({ concurrency: 3, grace: "1 hour", onError }))
        yield* settle
        yield* sandbox.faults.clear
        const ending = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* TestClock.adjust("30 minutes")
        expect(Exit.isInterrupted(yield* ended(ending))).toBe(true)
        const { failedRecords } = yield* Deferred.await(known)
        const bodies = (yield* sandbox.requests).map(({ body }) => body)
        expect([bodies.length, new Set(bodies).size]).toEqual([2, 1])
        const unsent = failedRecords.filter(({ outcome }) => outcome === "unsent")
        expect(unsent).toHaveLength(900)
        expect(unsent.every(({ error }) => error.message.includes("the call was interrupted before this was sent")))
          .toBe(true)
      }).pipe(Effect.provide(Layer.provideMerge(
        preferencesLayer,
        sandboxed({ rateLimit: { limit: 1, window: "1 minute" }, retry: { elapsed: "1 hour" } })
      ))))
  }

  it.effect("is logged in one line without `onError`", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => lines.push(String(message)))
      const users = yield* UsersService
      yield* (yield* Sandbox.Sandbox).faults.add(Sandbox.noResponse())
      const call = users.bulkDelete(ids, { concurrency: 1 })
      const fiber = yield* Effect.fork(Effect.provide(call, Logger.replace(Logger.defaultLogger, logger)))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      expect(lines).toEqual([
        "UsersService.bulkDelete was interrupted after 1,001 records: 0 done, 1 invalid, 100 unknown, 900 unsent"
      ])
    }).pipe(Effect.provide(over)))

  it.effect("ends in order where a request dies too", () =>
    Effect.gen(function*() {
      const known = yield* Deferred.make<Bulk.BulkIdReport>()
      let requests = 0
      const client: SuprsendClient.SuprsendClient.Service = {
        workspace: undefined,
        userAgent: "",
        concurrency: 1,
        execute: () =>
          ++requests === 2
            ? Effect.dieMessage("broken")
            : Effect.succeed({ status: 200, headers: Headers.empty, body: "", attempts: 1 })
      }
      const onError = (report: Bulk.BulkIdReport) => Effect.asVoid(Deferred.succeed(known, report))
      const exit = yield* Effect.exit(
        Effect.flatMap(UsersService, (users) => users.bulkDelete(ids, { onError })).pipe(
          Effect.provide(Layer.provide(usersLayer, Layer.succeed(SuprsendClient.SuprsendClient, client)))
        )
      )
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      const report = yield* Deferred.await(known)
      expect(report.success).toBe(100)
      expect(outcomesOf(report.failedRecords)).toEqual({ invalid: 1, unknown: 100, unsent: 800 })
    }))
})
