import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import * as Bulk from "effect-suprsend/Bulk"
import { InsertId } from "effect-suprsend/InsertId"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { SuprsendClient } from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import { layer as usersLayer, layerBatched, UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { eventsOf } from "../utils/requests.js"
import { testOver } from "../utils/sandbox.js"
import { settle } from "../utils/time.js"

const test = testOver(Suprsend.layerTest)

const signUp = (n: number) => UserEdit.set(UserEdit.edit(`user-${n}`), "n", n)

const sizes = (sandbox: Sandbox.Sandbox.Service) =>
  Effect.map(sandbox.requests, (requests) => requests.map((request) => eventsOf(request).length))

const outcomesOf = (report: Bulk.BulkReport) => report.failedRecords.map((record) => record.outcome)

describe("requests made in a row", () => {
  it.effect("are sent one by one: earlier requests proceed before the next one is made", () =>
    Effect.gen(function*() {
      const log: Array<string> = []
      function* edits() {
        for (let n = 0; n < 1_200; n++) {
          if (n % 400 === 0) log.push(`request ${n / 400 + 1} is made`)
          yield signUp(n)
        }
      }
      const client: SuprsendClient.Service = {
        workspace: undefined,
        userAgent: "",
        concurrency: 3,
        execute: () =>
          Effect.zipRight(
            Effect.yieldNow(),
            Effect.succeed({ status: 202, headers: Headers.empty, body: "OK", attempts: 1 })
          ),
        yieldToEventLoop: Effect.sync(() => log.push("yields"))
      }
      yield* Effect.flatMap(UsersService, (users) => users.bulkEdit(edits())).pipe(
        Effect.provide(Layer.provide(usersLayer, Layer.succeed(SuprsendClient, client)))
      )
      expect(log.slice(0, 6)).toEqual([
        "yields",
        "request 1 is made",
        "yields",
        "request 2 is made",
        "yields",
        "request 3 is made"
      ])
    }))
})

describe("sources", () => {
  async function* rows(count: number, log: Array<string> = []) {
    try {
      for (let n = 0; n < count; n++) yield signUp(n)
    } finally {
      log.push("closed")
    }
  }

  test("may be async iterables", (users, sandbox) =>
    Effect.gen(function*() {
      const log: Array<string> = []
      expect(yield* users.bulkEdit(rows(450, log))).toMatchObject({ status: "success", total: 450 })
      expect(yield* sizes(sandbox)).toEqual([400, 50])
      expect(log).toEqual(["closed"])
    }))

  test(
    "an async iterable that throws fails the run after what it gave was sent",
    (users, sandbox) =>
      Effect.gen(function*() {
        async function* broken() {
          yield signUp(1)
          throw new Error("no more rows")
        }
        const error = yield* Effect.flip(users.bulkEdit(broken()))
        expect(error).toBeInstanceOf(Cause.UnknownException)
        expect(error.error).toMatchObject({ message: "no more rows" })
        expect(yield* sandbox.users).toHaveLength(1)
      })
  )

  test("an iterable that throws is a defect, after its edits were sent", (users, sandbox) =>
    Effect.gen(function*() {
      function* broken() {
        yield signUp(1)
        throw new Error("no more rows")
      }
      const exit = yield* Effect.exit(users.bulkEdit(broken()))
      expect(Exit.isFailure(exit) && Cause.isDie(exit.cause)).toBe(true)
      expect(yield* sandbox.users).toHaveLength(1)
    }))

  test("endless iterables of both kinds start at once, and are closed when their outcomes have no reader any more", (users) =>
    Effect.gen(function*() {
      const log: Array<string> = []
      function* endless() {
        try {
          for (let n = 0;; n++) yield signUp(n)
        } finally {
          log.push("closed")
        }
      }
      yield* users.bulkEditStream(endless()).pipe(Stream.take(3), Stream.runDrain)
      yield* users.bulkEditStream(rows(Infinity, log)).pipe(Stream.take(1), Stream.runDrain)
      yield* settle
      expect(log).toEqual(["closed", "closed"])
    }))

  test("that are slow have their edits sent after the time to linger", (users, sandbox) =>
    Effect.gen(function*() {
      const queue = yield* Queue.unbounded<UserEdit.UserEdit>()
      const fiber = yield* Effect.fork(users.bulkEdit(Stream.fromQueue(queue), { linger: "1 second" }))
      yield* Queue.offer(queue, signUp(1))
      yield* TestClock.adjust("900 millis")
      yield* Queue.offer(queue, signUp(2))
      yield* settle
      expect(yield* sizes(sandbox)).toEqual([])
      yield* TestClock.adjust("100 millis")
      yield* settle
      expect(yield* sizes(sandbox)).toEqual([2])
      yield* Queue.offer(queue, signUp(3))
      yield* settle
      yield* Queue.shutdown(queue)
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      expect(yield* sizes(sandbox)).toEqual([2, 1])
      yield* Fiber.interrupt(fiber)
    }))

  test("are pulled only as far as requests can take it", (users, sandbox) =>
    Effect.gen(function*() {
      let pulled = 0
      const endless = (filler: string) =>
        (async function*() {
          for (;;) yield UserEdit.set(signUp(pulled++), "filler", filler)
        })()
      const pulledBy = (edits: AsyncIterable<UserEdit.UserEdit>) =>
        Effect.gen(function*() {
          pulled = 0
          yield* sandbox.script([Sandbox.stall, Sandbox.stall])
          const fiber = yield* Effect.fork(users.bulkEdit(edits, { concurrency: 2 }))
          yield* settle
          yield* Fiber.interrupt(fiber)
          return pulled
        })
      expect(yield* pulledBy(endless(""))).toBe(800)
      // 90 of these fill a request, and one too many shows that it is full.
      expect(yield* pulledBy(endless("x".repeat(9_000)))).toBeLessThan(2 * 95)
    }))

  const byHand = (next: () => Promise<IteratorResult<UserEdit.UserEdit>>): AsyncIterable<UserEdit.UserEdit> => ({
    [Symbol.asyncIterator]: () => ({ next })
  })

  test("that throw instead of giving a promise fail the run too", (users) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(users.bulkEdit(byHand(() => {
        throw new Error("not open")
      })))
      expect(error).toBeInstanceOf(Cause.UnknownException)
      expect(error.error).toMatchObject({ message: "not open" })
    }))

  for (
    const [what, close] of Object.entries({
      throws: (): Promise<never> => {
        throw new Error("not open")
      },
      "fails later": () => Promise.reject(new Error("not open"))
    })
  ) {
    test(`whose return ${what} lose no outcome, and are called only if the source was left before its end`, (users) =>
      Effect.gen(function*() {
        let closed = 0
        const upTo = (count: number): AsyncIterable<UserEdit.UserEdit> => {
          let n = 0
          const next = (): Promise<IteratorResult<UserEdit.UserEdit>> =>
            Promise.resolve(n < count ? { done: false, value: signUp(n++) } : { done: true, value: undefined })
          return {
            [Symbol.asyncIterator]: () => ({
              next,
              return: () => {
                closed++
                return close()
              }
            })
          }
        }
        expect((yield* users.bulkEdit(upTo(3))).success).toBe(3)
        expect(closed).toBe(0)
        const stopped = yield* users.bulkEdit(upTo(Infinity), { stopWhen: Effect.void })
        expect(stopped.success).toBe(0)
        expect(closed).toBe(1)
      }))
  }

  /** Returns the given number at once, and the others when they are provided. */
  const stuckAfter = (count: number) => {
    const waiting: Array<(result: IteratorResult<UserEdit.UserEdit>) => void> = []
    const counter = { pulled: 0 }
    const edits = byHand(() => {
      const value = signUp(counter.pulled++)
      return counter.pulled <= count
        ? Promise.resolve({ done: false, value })
        : new Promise((resolve) => waiting.push(resolve))
    })
    return { counter, edits, goOn: () => waiting.forEach((give, n) => give({ done: false, value: signUp(count + n) })) }
  }

  test("are not pulled any more once a run is stopped", (users, sandbox) =>
    Effect.gen(function*() {
      const stop = yield* Deferred.make<void>()
      const { counter, edits, goOn } = stuckAfter(410)
      yield* sandbox.script([Sandbox.delay("10 seconds")])
      const fiber = yield* Effect.fork(
        users.bulkEdit(edits, { concurrency: 2, grace: "1 minute", linger: "1 hour", stopWhen: Deferred.await(stop) })
      )
      yield* settle
      yield* Deferred.succeed(stop, undefined)
      yield* settle
      goOn()
      yield* settle
      expect(counter.pulled).toBe(411)
      yield* TestClock.adjust("10 seconds")
      const report = yield* Fiber.join(fiber)
      expect([report.success, ...new Set(outcomesOf(report)), report.failure]).toEqual([400, "unsent", 11])
    }))

  test("are not pulled any more once their outcomes have no reader", (users) =>
    Effect.gen(function*() {
      const { counter, edits, goOn } = stuckAfter(410)
      const fiber = yield* Effect.fork(Stream.runDrain(users.bulkEditStream(edits, { linger: "1 hour" })))
      yield* settle
      yield* Fiber.interrupt(fiber)
      goOn()
      yield* settle
      expect(counter.pulled).toBe(411)
    }))
})

describe("options that are of no use", () => {
  const defectOf = (exit: Exit.Exit<unknown, unknown>) => Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined

  // As from a file that was not checked.
  const read = (json: string): Duration.DurationInput => JSON.parse(json)

  const wrong: ReadonlyArray<readonly [keyof Bulk.StreamOptions, Bulk.StreamOptions]> = [
    ["concurrency", { concurrency: 0 }],
    ["concurrency", { concurrency: 1.5 }],
    ["concurrency", { concurrency: NaN }],
    ["concurrency", { concurrency: Infinity }],
    ["linger", { linger: read("\"soon\"") }],
    ["grace", { grace: read("{}") }]
  ]
  for (const [field, options] of wrong) {
    test(
      `are a defect that names them, and nothing is sent: ${field} ${options[field]}`,
      (users, sandbox) =>
        Effect.gen(function*() {
          const calls = [
            users.bulkEdit([signUp(1)], options),
            Stream.runDrain(users.bulkEditStream([signUp(1)], options)),
            ...(field !== "linger" ? [users.bulkDelete(["user-1"], options)] : [])
          ]
          for (const call of calls) {
            expect(defectOf(yield* Effect.exit(call))).toMatchObject({ path: [field], message: expect.any(String) })
          }
          expect(yield* sandbox.requests).toEqual([])
        })
    )
  }

  test("are a defect of the layer that batches, and not of those who wait for it", () =>
    Effect.gen(function*() {
      const layer = Layer.provide(layerBatched({ linger: read("\"soon\"") }), Suprsend.layerTest)
      expect(defectOf(yield* Effect.exit(Effect.scoped(Layer.build(layer))))).toMatchObject({ path: ["linger"] })
    }))

  test("are not those that mean for ever", (users) =>
    Effect.gen(function*() {
      const report = yield* users.bulkEdit([signUp(1)], { linger: Infinity, grace: Infinity })
      expect(report.success).toBe(1)
    }))
})

describe("whatever is among the edits", () => {
  const poison = (n: number) =>
    UserEdit.set(UserEdit.edit(`user-${n}`), "plan", {
      get name(): string {
        throw new Error("gone")
      }
    })
  const revoked = (n: number) => {
    const { proxy, revoke } = Proxy.revocable({ name: "pro" }, {})
    revoke()
    return UserEdit.set(UserEdit.edit(`user-${n}`), "plan", proxy)
  }

  test("an edit that cannot be read is rejected by itself", (users) =>
    Effect.gen(function*() {
      const report = yield* users.bulkEdit([signUp(1), poison(2), revoked(3), signUp(4)])
      expect(report).toMatchObject({ success: 2, failure: 2 })
      expect(report.failedRecords.map(({ edit, error, outcome }) => [edit.distinctId, outcome, error._tag])).toEqual([
        ["user-2", "invalid", "InvalidUserEdit"],
        ["user-3", "invalid", "InvalidUserEdit"]
      ])
      expect(report.failedRecords[0]?.error.message).toContain("cannot be read: gone")
    }))

  const holes: ReadonlyArray<UserEdit.UserEdit> = JSON.parse("[null]")
  const given = [signUp(1), ...holes, signUp(2)]
  const sources: Record<string, (close: () => void) => Bulk.Source> = {
    "an iterable": (close) =>
      (function*() {
        try {
          yield* given
        } finally {
          close()
        }
      })(),
    "a stream": (close) => Stream.ensuring(Stream.fromIterable(given), Effect.sync(close)),
    "an async iterable": (close) =>
      (async function*() {
        try {
          yield* given
        } finally {
          close()
        }
      })()
  }
  for (const [what, source] of Object.entries(sources)) {
    test(
      `nothing, in ${what}, is a defect, after what came before it was sent, and closes it`,
      (users, sandbox) =>
        Effect.gen(function*() {
          let closed = 0
          const exit = yield* Effect.exit(users.bulkEdit(source(() => closed++)))
          yield* settle
          expect(closed).toBe(1)
          expect(Exit.isFailure(exit) && String(Cause.squash(exit.cause))).toContain(
            "null or undefined instead of an edit"
          )
          expect((yield* sandbox.users).map((user) => user.distinctId)).toEqual(["user-1"])
        })
    )
  }

  test("an async iterable that gives no result fails the run", (users) =>
    Effect.gen(function*() {
      const edits: AsyncIterable<UserEdit.UserEdit> = {
        [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve(JSON.parse("null")) })
      }
      expect(yield* Effect.flip(users.bulkEdit(edits))).toBeInstanceOf(Cause.UnknownException)
    }))
})

describe("the time of an event", () => {
  test("is when its edit came, not when the edit was first awaited", (users, sandbox) =>
    Effect.gen(function*() {
      const queue = yield* Queue.unbounded<UserEdit.UserEdit>()
      const fiber = yield* Effect.fork(users.bulkEdit(Stream.fromQueue(queue), { linger: "1 second" }))
      yield* TestClock.adjust("1 hour")
      yield* Queue.offer(queue, signUp(1))
      yield* settle
      yield* TestClock.adjust("1 second")
      yield* settle
      const [request] = yield* sandbox.requests
      expect(request && eventsOf(request)[0]?.$time).toBe(3_600_000)
      yield* Fiber.interrupt(fiber)
    }))
})

describe("custom insert ids", () => {
  test("are made one for each edit", (users) =>
    Effect.gen(function*() {
      let made = 0
      const InsertIds = Effect.sync(() => `id-${++made}`)
      const report = yield* Effect.provideService(users.bulkEdit(Arr.makeBy(450, signUp)), InsertId, InsertIds)
      expect(report.success).toBe(450)
      expect(made).toBe(450)
    }))

  test("that never come do not keep a run from being stopped", (users) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.provideService(users.bulkEdit([signUp(1)]), InsertId, Effect.never))
      yield* settle
      const interrupting = yield* Effect.forkDaemon(Fiber.interrupt(fiber))
      yield* settle
      expect(Option.isSome(yield* Fiber.poll(interrupting))).toBe(true)
    }))

  test("that are slow do not turn the order round when the run is stopped", (users) =>
    Effect.gen(function*() {
      const log = (n: number) => UserEdit.append(UserEdit.edit("ada"), "log", n)
      const first = UserEdit.withInsertId(log(1), "one")
      const fiber = yield* Effect.fork(
        users.bulkEdit([first, log(2), log(3)], { stopWhen: Effect.sleep(500) }).pipe(
          Effect.provideService(InsertId, Effect.delay(Effect.succeed("two"), "1 second"))
        )
      )
      yield* TestClock.adjust("3 seconds")
      const report = yield* Fiber.join(fiber)
      expect(report.failedRecords.map(({ edit }) => edit.operations)).toEqual(
        [log(1), log(2)].map((edit) => edit.operations)
      )
    }))
})

describe("refused credentials", () => {
  test("end a source that may have no end, and pull no more of it", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.faults.add(Sandbox.status(401))
      let pulled = 0
      function* endless() {
        for (;;) yield signUp(pulled++)
      }
      const report = yield* users.bulkEdit(endless(), { concurrency: 2 })
      expect(report).toMatchObject({ success: 0, failure: pulled })
      expect(pulled).toBeLessThanOrEqual(400 * 3)
      expect(new Set(report.failedRecords.map(({ error }) => error._tag))).toEqual(new Set(["SuprsendUnauthorized"]))
      const stream = users.bulkEditStream(Stream.map(Stream.iterate(0, (n) => n + 1), signUp), { concurrency: 1 })
      yield* Stream.runDrain(stream)
    }))
})

describe("what is to stop a run", () => {
  test("stops it also when it dies", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.noResponse()])
      const broken = Effect.delay(Effect.die("broken"), "1 second")
      const fiber = yield* Effect.fork(users.bulkEdit([signUp(1)], { stopWhen: broken }))
      yield* TestClock.adjust("1 second")
      expect((yield* Fiber.join(fiber)).failure).toBe(1)
    }))
})

describe("a busy user", () => {
  test("does not delay other edits", (users, sandbox) =>
    Effect.gen(function*() {
      const visit = (id: string, n: number) => UserEdit.append(UserEdit.edit(id), "log", n)
      // One user has an edit in each 400; the request that holds its first one is slow.
      const edits = Arr.makeBy(4000, (n) => visit(n % 400 === 0 ? "busy" : `user-${n}`, n))
      yield* sandbox.script([Sandbox.delay("10 seconds")])
      const fiber = yield* Effect.fork(users.bulkEdit(edits, { concurrency: 2 }))
      yield* TestClock.adjust("9 seconds")
      expect(yield* sandbox.users).toHaveLength(4000 - 400 - 9)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toMatchObject({ status: "success", total: 4000 })
      const busy = Option.getOrThrow(yield* sandbox.user("busy"))
      expect(busy.properties.log).toEqual(Arr.makeBy(10, (n) => n * 400))
    }))

  test("does not fill the memory, even if the source is endless", (users, sandbox) =>
    Effect.gen(function*() {
      const pulled = yield* Ref.make(0)
      const endless = Stream.iterate(0, (n) => n + 1).pipe(
        Stream.rechunk(100),
        Stream.tap(() => Ref.update(pulled, (n) => n + 1)),
        Stream.map(() => signUp(0))
      )
      yield* sandbox.script([Sandbox.delay("10 seconds")])
      const fiber = yield* Effect.fork(Stream.runDrain(users.bulkEditStream(endless, { concurrency: 4 })))
      yield* TestClock.adjust("9 seconds")
      yield* settle
      expect(yield* Ref.get(pulled)).toBeLessThanOrEqual(400 * 6)
      yield* Fiber.interrupt(fiber)
    }))
})

describe("a run that is stopped", () => {
  test("gives every record an outcome: accepted, unknown, unsent", (users, sandbox) =>
    Effect.gen(function*() {
      const stop = yield* Deferred.make<void>()
      yield* sandbox.script([Sandbox.delay("2 seconds"), Sandbox.delay("1 minute")])
      const fiber = yield* users.bulkEdit(Stream.fromIterable(Arr.makeBy(2000, signUp)), {
        concurrency: 2,
        stopWhen: Deferred.await(stop),
        grace: "5 seconds"
      }).pipe(Effect.fork)
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(stop, undefined)
      yield* TestClock.adjust("4 seconds")
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      yield* TestClock.adjust("1 second")
      const report = yield* Fiber.join(fiber)
      expect(report).toMatchObject({ status: "partial", total: 2000, success: 400, failure: 1600 })
      expect(outcomesOf(report).filter((outcome) => outcome === "unknown")).toHaveLength(400)
      expect(outcomesOf(report).filter((outcome) => outcome === "unsent")).toHaveLength(1200)
      expect(report.failedRecords[0]?.error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Interrupted" })
      expect(report.failedRecords[0]?.error.message).toContain("aborted")
    }))

  test(
    "pins the insert id of what was only pulled too, so that sending it twice applies it once",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.noResponse({ applied: true })])
        const visit = (n: number) => UserEdit.increment(UserEdit.edit(`user-${n % 900}`), "visits", 1)
        const report = yield* users.bulkEdit(Stream.fromIterable(Arr.makeBy(1000, visit)), {
          concurrency: 1,
          stopWhen: settle
        })
        expect(new Set(outcomesOf(report))).toEqual(new Set(["unknown", "unsent"]))
        const edits = report.failedRecords.map((record) => record.edit)
        expect(new Set(edits.flatMap((edit) => edit.insertId ?? [])).size).toBe(1000)
        expect(yield* users.bulkEdit(edits)).toMatchObject({ success: 1000 })
        expect(yield* users.bulkEdit(edits)).toMatchObject({ success: 1000 })
        const visits = (yield* sandbox.users).reduce((sum, user) => sum + Number(user.properties.visits), 0)
        expect(visits).toBe(1000)
      })
  )

  test(
    "waits for nothing without a grace period, and an endless source ends",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.delay("1 minute")])
        const endless = Stream.map(Stream.iterate(0, (n) => n + 1), signUp)
        const fiber = yield* users.bulkEditStream(endless, { concurrency: 1, stopWhen: Effect.sleep("1 second") }).pipe(
          Stream.runCollect,
          Effect.fork
        )
        yield* TestClock.adjust("1 second")
        const outcomes = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
        expect(outcomes.flatMap((outcome) => outcome.accepted)).toEqual([])
        expect(outcomes[0]?.failedRecords.map((record) => record.outcome)).toEqual(Arr.makeBy(400, () => "unknown"))
      })
  )
})

describe("an interruption", () => {
  test(
    "reports the outcomes so far, after the requests in flight have ended",
    (users, sandbox) =>
      Effect.gen(function*() {
        const known = yield* Deferred.make<Bulk.BulkReport>()
        yield* sandbox.script([Sandbox.delay("2 seconds")])
        const fiber = yield* users.bulkEdit(Arr.makeBy(1000, signUp), {
          concurrency: 1,
          grace: "5 seconds",
          onError: (report) => Deferred.succeed(known, report)
        }).pipe(Effect.fork)
        yield* TestClock.adjust("1 second")
        const ended = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* TestClock.adjust("1 second")
        expect(Exit.isInterrupted(yield* Fiber.join(ended))).toBe(true)
        const report = yield* Deferred.await(known)
        expect(report.success).toBe(400)
        expect(yield* sandbox.users).toHaveLength(400)
      })
  )

  test("aborts at once otherwise", (users, sandbox) =>
    Effect.gen(function*() {
      const known = yield* Deferred.make<Bulk.BulkReport>()
      yield* sandbox.script([Sandbox.delay("2 seconds")])
      const fiber = yield* users.bulkEdit(Arr.makeBy(10, signUp), {
        onError: (report) => Deferred.succeed(known, report)
      }).pipe(Effect.fork)
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      expect(outcomesOf(yield* Deferred.await(known))).toEqual(Arr.makeBy(10, () => "unknown"))
    }))
})

describe("a source that fails", () => {
  const broken = Stream.concat(Stream.fromIterable(Arr.makeBy(500, signUp)), Stream.fail("no more rows" as const))

  test("reports the outcomes so far, and the cause", (users, sandbox) =>
    Effect.gen(function*() {
      const known = yield* Deferred.make<readonly [Bulk.BulkReport, Cause.Cause<unknown>]>()
      yield* sandbox.script([Sandbox.status(501)])
      const error = yield* Effect.flip(users.bulkEdit(broken, {
        concurrency: 1,
        onError: (report, cause) => Deferred.succeed(known, [report, cause])
      }))
      expect(error).toBe("no more rows")
      const [report, cause] = yield* Deferred.await(known)
      expect(report).toMatchObject({ total: 500, success: 100, failure: 400 })
      expect(Cause.failureOption(cause)).toEqual(Option.some("no more rows"))
    }))

  test("emits all outcomes of a stream before its failure", (users) =>
    Effect.gen(function*() {
      const seen: Array<number> = []
      const watched = users.bulkEditStream(broken).pipe(
        Stream.tap(({ success }) => Effect.sync(() => seen.push(success)))
      )
      expect(yield* Effect.flip(Stream.runDrain(watched))).toBe("no more rows")
      expect(seen).toEqual([400, 100])
    }))
})

describe("whatever happens", () => {
  const fault = FastCheck.constantFrom(
    Sandbox.status(400),
    Sandbox.status(429),
    Sandbox.status(503),
    Sandbox.resetPeer,
    Sandbox.resetPeerApplied,
    Sandbox.truncateBody,
    Sandbox.delay(50)
  )

  it.effect.prop(
    "each record has one outcome, order and limits hold, and sending the failed ones again applies each edit once",
    {
      whose: FastCheck.array(FastCheck.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 60 }),
      filler: FastCheck.constantFrom(0, 9_000),
      concurrency: FastCheck.integer({ min: 1, max: 6 }),
      faults: FastCheck.array(fault, { maxLength: 10 }),
      invalid: FastCheck.array(FastCheck.nat(1_200), { maxLength: 3 }),
      stopAfter: FastCheck.option(FastCheck.integer({ min: 0, max: 100 })),
      how: FastCheck.constantFrom("stopWhen", "interruption"),
      kind: FastCheck.constantFrom("iterable", "async", "stream", "single"),
      grace: FastCheck.integer({ min: 0, max: 60 })
    },
    ({ concurrency, faults, filler, grace, how, invalid, kind, stopAfter, whose }) =>
      Effect.gen(function*() {
        const users = yield* UsersService
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(faults)
        const edits = whose.flatMap((user, block) =>
          Arr.makeBy(20, (n) =>
            UserEdit.edit(`user-${user}`).pipe(
              UserEdit.append("log", block * 20 + n),
              UserEdit.set(invalid.includes(block * 20 + n) ? "" : "filler", "é".repeat(filler / 2))
            ))
        )
        const sourceOf = (): Bulk.Source => {
          switch (kind) {
            case "async":
              return (async function*() {
                yield* edits
              })()
            case "stream":
              return Stream.fromIterable(edits)
            case "single":
              return Stream.rechunk(Stream.fromIterable(edits), 1)
            default:
              return edits
          }
        }
        const run = (edits: Bulk.Source, options?: Bulk.EditOptions, interruptedAfter?: number) =>
          Effect.gen(function*() {
            const known = yield* Ref.make(Option.none<Bulk.BulkReport>())
            const onError = (report: Bulk.BulkReport) => Ref.set(known, Option.some(report))
            const fiber = yield* Effect.fork(users.bulkEdit(edits, { concurrency, onError, ...options }))
            if (interruptedAfter !== undefined) {
              yield* Effect.fork(Effect.delay(Fiber.interrupt(fiber), interruptedAfter))
            }
            while (Option.isNone(yield* Fiber.poll(fiber))) {
              yield* TestClock.adjust("10 millis")
              yield* Effect.yieldNow()
              if (kind === "async") yield* settle
            }
            return yield* Effect.orElse(Effect.flatten(Ref.get(known)), () => Fiber.join(fiber))
          })
        const isStopped = stopAfter !== null && how === "stopWhen"
        const first = yield* run(
          sourceOf(),
          { grace, ...(isStopped ? { stopWhen: Effect.sleep(stopAfter) } : undefined) },
          stopAfter === null || isStopped ? undefined : stopAfter
        )
        const key = (edit: UserEdit.UserEdit) => JSON.stringify(edit.operations[0])
        if (stopAfter === null) expect(first.total).toBe(edits.length)
        expect(new Set(first.failedRecords.map((record) => key(record.edit))).size).toBe(first.failure)
        for (const { edit, index, outcome } of first.failedRecords) {
          const original = edits[index]
          expect(original && key(original)).toBe(key(edit))
          expect(outcome === "invalid").toBe(invalid.includes(index))
        }
        const valid = first.total - first.failedRecords.filter(({ outcome }) => outcome === "invalid").length
        const insertIds = first.failedRecords.flatMap((record) => record.edit.insertId ?? [])
        expect(new Set(insertIds).size).toBe(first.failure)

        // The first second try is sent twice, as from a file that was sent before.
        yield* run(Bulk.editsToRetry(first))
        let again = first
        while (Bulk.editsToRetry(again).length > 0) again = yield* run(Bulk.editsToRetry(again))
        const logs = (yield* sandbox.users).flatMap((user) => [user.properties.log].flat())
        expect(logs).toHaveLength(valid)
        expect(new Set(logs).size).toBe(valid)
        for (const request of yield* sandbox.requests) {
          expect(Buffer.byteLength(request.body)).toBeLessThanOrEqual(819_200)
          expect(eventsOf(request).length).toBeLessThanOrEqual(400)
        }
        // Where nothing failed, the server saw the edits of each user in order.
        if (first.failure === 0) {
          for (const user of yield* sandbox.users) {
            const log = [user.properties.log].flat().map(Number)
            expect(log).toEqual([...log].sort((a, b) => a - b))
          }
        }
      }).pipe(Effect.provide(Suprsend.layerTest)),
    { fastCheck: { numRuns: 60 }, timeout: 120_000 }
  )
})
