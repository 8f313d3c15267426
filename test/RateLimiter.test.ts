import { describe, expect, it } from "@effect/vitest"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { Signal } from "../src/internal/support/signal.js"

const second = 1_000

/** Attempts that note when they ran. */
const journal = () => {
  const entries: Array<string> = []
  const note = (name: string) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      entries.push(`${name}@${now}`)
    })
  return { entries, note }
}

const waitingWithin = (
  limiter: RateLimiter.RateLimiter.Service,
  attempt: Effect.Effect<void>,
  options: RateLimiter.RateLimiter.WaitOptions<void>
): Effect.Effect<void> => limiter.limitWithin?.(attempt, options) ?? Effect.dieMessage("it should take a wait timeout")

const settle = Effect.repeatN(Effect.yieldNow(), 20)

/** Runs in the same turn as the interruption of `fiber`, before any other fiber gets to run. */
const interruptNow = (fiber: Fiber.RuntimeFiber<unknown, unknown>) =>
  Effect.sync(() => fiber.unsafeInterruptAsFork(FiberId.none))

/**
 * A limiter of 2 per second with one slot left, which `blocker`, who needs both, keeps from those who come after. When
 * it is interrupted, the next is admitted, and `race` runs in the same turn: before the admitted fiber does.
 */
const admittedNotRunning = (
  race: (self: {
    readonly limiter: RateLimiter.RateLimiter.Service
    readonly admitted: Fiber.RuntimeFiber<void>
    readonly scope: Scope.CloseableScope
    /** Ends the wait of `admitted`, if it still waits. */
    readonly signal: Signal
  }) => Effect.Effect<void>
) =>
  Effect.gen(function*() {
    const { entries, note } = journal()
    const signal = new Signal()
    const scope = yield* Scope.make()
    const limiter = yield* Scope.extend(RateLimiter.make({ limit: 2, window: "1 second" }), scope)
    yield* limiter.limit(Effect.void)
    const waiting: Array<Fiber.RuntimeFiber<void>> = []
    const blocker = yield* Effect.fork(
      limiter.limitCost(note("blocker"), 2).pipe(
        Effect.onInterrupt(() =>
          Effect.forEach(waiting.slice(0, 1), (admitted) => race({ limiter, admitted, scope, signal }))
        )
      )
    )
    yield* settle
    const wait = { waitTimeout: 60_000, signal, otherwise: note("first left"), closed: note("first closed") }
    const first = yield* Effect.fork(waitingWithin(limiter, note("first"), wait))
    const next = yield* Effect.fork(limiter.limit(note("second")))
    waiting.push(first, next)
    yield* settle
    yield* Fiber.interrupt(blocker)
    yield* settle
    return { entries, first, next }
  })

/**
 * A clock that stands still until it is told to go to the next sleeper. Its timers are as bad as real ones: now and
 * then they fire early or late. It counts what it is asked. Each time it is read, `drift` nanoseconds pass.
 */
const virtualClock = (drift = 0) => {
  let now = 0
  const counts = { sleeps: 0, reads: 0 }
  const sleepers = new Set<{ readonly at: number; readonly wake: () => void }>()
  const clock: Clock.Clock = {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => now / 1_000_000,
    unsafeCurrentTimeNanos: () => {
      counts.reads += 1
      now += drift
      return BigInt(now)
    },
    currentTimeMillis: Effect.sync(() => now / 1_000_000),
    currentTimeNanos: Effect.sync(() => BigInt(now)),
    sleep: (duration) =>
      Effect.async<void>((resume) => {
        counts.sleeps += 1
        const error = counts.sleeps % 7 === 0 ? -700_000 : counts.sleeps % 11 === 0 ? 2_300_000 : 0
        const nanos = Math.round(Duration.toMillis(duration) * 1_000_000)
        const sleeper = {
          at: now + Math.max(nanos + error, Math.min(nanos, 1_000)),
          wake: () => resume(Effect.void)
        }
        sleepers.add(sleeper)
        return Effect.sync(() => sleepers.delete(sleeper))
      })
  }
  const turn = Effect.async<void>((resume) => {
    setImmediate(() => resume(Effect.void))
  })
  const goOn: Effect.Effect<void> = Effect.suspend(() => {
    const [next, ...others] = sleepers
    if (next === undefined) {
      return Effect.void
    }
    const first = others.reduce((first, other) => other.at < first.at ? other : first, next)
    sleepers.delete(first)
    now = Math.max(now, first.at)
    first.wake()
    return Effect.zipRight(turn, goOn)
  })
  /** Runs the effect to its end, and lets time pass whenever everyone sleeps. */
  const run = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.flatMap(
      Effect.fork(Effect.withClock(effect, clock)),
      (fiber) => Effect.zipRight(Effect.zipRight(turn, goOn), Fiber.join(fiber))
    )
  return { run, counts, now: () => now / 1_000_000, sleeping: () => sleepers.size }
}

const worstWindow = (arrivals: ReadonlyArray<{ readonly at: number; readonly cost: number }>, window: number) =>
  arrivals.reduce(
    (worst, first) =>
      Math.max(
        worst,
        arrivals.reduce((sum, { at, cost }) => at >= first.at && at < first.at + window ? sum + cost : sum, 0)
      ),
    0
  )

describe("RateLimiter", () => {
  describe("limit", () => {
    it.scoped("runs at once while a slot is free, and returns the result of the attempt", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make({ limit: 3, window: "1 second" })
        expect(yield* limiter.limit(Effect.succeed(1))).toBe(1)
        expect(yield* Effect.flip(limiter.limit(Effect.fail("no")))).toBe("no")
        expect(yield* Effect.exit(limiter.limit(Effect.die("defect")))).toEqual(Exit.die("defect"))
      }))

    it.scoped("an attempt with a wait timeout does something else when it is over, and takes no slot", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
        const within = (name: string, waitTimeout: number) =>
          waitingWithin(limiter, note(name), { waitTimeout, otherwise: note(`${name} left`) })
        yield* within("first", 0)
        yield* Effect.fork(within("impatient", 400))
        yield* Effect.fork(within("patient", 5_000))
        yield* Effect.fork(within("less patient", 500))
        yield* Effect.fork(within("last", 3_000))
        yield* TestClock.adjust("10 seconds")
        expect(entries).toEqual(["first@0", "impatient left@400", "less patient left@500", "patient@1000", "last@2000"])
        yield* limiter.limit(note("later"))
        expect(entries.at(-1)).toBe("later@10000")
      }))

    it.effect("an attempt that has a slot already when the wait is to end keeps it", () =>
      Effect.gen(function*() {
        const { entries } = yield* admittedNotRunning(({ signal }) => Effect.sync(() => signal.abort()))
        expect(entries).toEqual(["first@0"])
      }))

    it.effect("unless a pause takes it back", () =>
      Effect.gen(function*() {
        const { entries, next } = yield* admittedNotRunning(({ limiter, signal }) =>
          Effect.zipRight(Effect.sync(() => signal.abort()), limiter.pause("10 seconds"))
        )
        expect(entries).toEqual(["first left@0"])
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(next)
        expect(entries).toEqual(["first left@0", "second@10000"])
      }))

    it.scoped("a signal ends the wait of all who listen, and those behind them move up", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
        const signal = new Signal()
        const within = (name: string) =>
          waitingWithin(limiter, note(name), { waitTimeout: 10_000, signal, otherwise: note(`${name} left`) })
        yield* within("first")
        yield* Effect.fork(within("second"))
        yield* Effect.fork(within("third"))
        yield* Effect.fork(limiter.limit(note("fourth")))
        yield* TestClock.adjust(100)
        signal.abort()
        yield* settle
        yield* within("fifth")
        yield* TestClock.adjust("5 seconds")
        expect(entries).toEqual(["first@0", "second left@100", "third left@100", "fifth left@100", "fourth@1000"])
      }))

    it.scoped("the slot is free again one window after the response, not after the start", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
        yield* Effect.fork(limiter.limit(Effect.delay(note("answered"), 300)))
        yield* Effect.fork(limiter.limit(note("next")))
        yield* TestClock.adjust(1_299)
        expect(entries).toEqual(["answered@300"])
        yield* TestClock.adjust(1)
        expect(entries).toEqual(["answered@300", "next@1300"])
      }))

    it.scoped("first come, first served", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        yield* Effect.fork(Effect.forEach(["a", "b", "c", "d", "e"], (name) => limiter.limit(note(name)), {
          concurrency: "unbounded"
        }))
        yield* TestClock.adjust("2 seconds")
        expect(entries).toEqual(["a@0", "b@0", "c@1000", "d@1000", "e@2000"])
      }))

    it.scoped("starts are paced after the burst", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 100, window: "1 second", burst: 2 })
        yield* Effect.fork(Effect.forEach(["a", "b", "c", "d"], (name) => limiter.limit(note(name)), {
          concurrency: "unbounded"
        }))
        yield* TestClock.adjust("1 second")
        expect(entries).toEqual(["a@0", "b@0", "c@10", "d@20"])
      }))

    it.scoped("a failed attempt keeps its slot for one window from its end, an interrupted one for longer", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second", lateArrival: "3 seconds" })
        yield* Effect.fork(limiter.limit(Effect.delay(Effect.fail("no"), 100)))
        const running = yield* Effect.fork(limiter.limit(Effect.never))
        yield* TestClock.adjust(200)
        yield* Fiber.interrupt(running)
        yield* Effect.fork(limiter.limit(note("a")))
        yield* TestClock.adjust("2 seconds")
        yield* Effect.fork(limiter.limit(note("b")))
        yield* Effect.fork(limiter.limit(note("c")))
        yield* Effect.fork(limiter.limit(note("d")))
        yield* TestClock.adjust("5 seconds")
        expect(entries).toEqual(["a@1100", "b@2200", "c@3200", "d@4200"])
      }))

    it.scoped("does not catch the interruption that it lets through", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        const fiber = yield* Effect.fork(limiter.limit(Effect.never))
        yield* settle
        expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
      }))

    it.scoped("an attempt in an uninterruptible region stays so, one in an interruptible region too", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        const interruptible = Effect.checkInterruptible(Effect.succeed)
        expect(yield* limiter.limit(interruptible)).toBe(true)
        expect(yield* Effect.uninterruptible(limiter.limit(interruptible))).toBe(false)
      }))
  })

  describe("time", () => {
    it.effect("a timer that fires early starts no attempt early", () =>
      Effect.gen(function*() {
        const virtual = virtualClock()
        const starts: Array<number> = []
        yield* virtual.run(Effect.scoped(Effect.gen(function*() {
          const limiter = yield* RateLimiter.make({ limit: 1, window: 100.3 })
          const attempt = limiter.limit(Effect.sync(() => starts.push(virtual.now())))
          yield* Effect.forEach(Array.from({ length: 40 }), () => attempt)
        })))
        expect(worstWindow(starts.map((at) => ({ at, cost: 1 })), 100.3)).toBe(1)
      }))

    it.effect("a slot that comes free while its waiter is put into the queue is not missed", () =>
      Effect.gen(function*() {
        const virtual = virtualClock(600_000)
        const served = yield* virtual.run(Effect.scoped(Effect.gen(function*() {
          const limiter = yield* RateLimiter.make({ limit: 1, window: 1 })
          return yield* Effect.forEach(Array.from({ length: 5 }), () => limiter.limit(Effect.succeed(1)))
        })))
        expect(served).toHaveLength(5)
        expect(virtual.counts.sleeps).toBe(0)
      }))
  })

  describe("interruption of those who wait", () => {
    it.scoped("gives the place to the next", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
        yield* limiter.limit(note("a"))
        yield* Effect.fork(limiter.limit(note("b")))
        const c = yield* Effect.fork(limiter.limit(note("c")))
        yield* Effect.fork(limiter.limit(note("d")))
        yield* TestClock.adjust(500)
        expect(Exit.isInterrupted(yield* Fiber.interrupt(c))).toBe(true)
        yield* TestClock.adjust("2 seconds")
        expect(entries).toEqual(["a@0", "b@1000", "d@2000"])
      }))

    it.scoped("at the head of the queue: the timer is set to the earlier time of the next", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        yield* limiter.limit(Effect.void)
        yield* TestClock.adjust(500)
        yield* limiter.limit(Effect.void)
        const large = yield* Effect.fork(limiter.limitCost(note("large"), 2))
        yield* Effect.fork(limiter.limit(note("small")))
        yield* settle
        expect(Chunk.toReadonlyArray(yield* TestClock.sleeps())).toEqual([1_500])
        yield* Fiber.interrupt(large)
        yield* settle
        expect(Chunk.toReadonlyArray(yield* TestClock.sleeps())).toContain(1_000)
        yield* TestClock.adjust(500)
        expect(entries).toEqual(["small@1000"])
      }))

    it.scoped("between admission and start: it does not run, and its slot goes to the next", () =>
      Effect.gen(function*() {
        const { entries, first, next } = yield* admittedNotRunning(({ admitted }) => interruptNow(admitted))
        expect(Exit.isInterrupted(yield* Fiber.await(first))).toBe(true)
        yield* Fiber.join(next)
        expect(entries).toEqual(["second@0"])
      }))

    it.effect("leaves no timer behind", () =>
      Effect.gen(function*() {
        const virtual = virtualClock()
        const sleeping = yield* virtual.run(Effect.scoped(Effect.gen(function*() {
          const limiter = yield* RateLimiter.make({ limit: 1, window: "1 hour" })
          yield* limiter.limit(Effect.void)
          const idle = virtual.sleeping()
          const fiber = yield* Effect.fork(limiter.limit(Effect.void))
          yield* settle
          const waiting = virtual.sleeping()
          yield* Fiber.interrupt(fiber)
          yield* settle
          return [idle, waiting, virtual.sleeping()]
        })))
        expect(sleeping).toEqual([0, 1, 0])
      }))
  })

  describe("limitCost", () => {
    it.scoped("counts as that many, and those behind wait with it", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 3, window: "1 second" })
        yield* limiter.limitCost(note("a"), 2)
        yield* Effect.fork(limiter.limitCost(note("b"), 3))
        yield* Effect.fork(limiter.limit(note("c")))
        yield* TestClock.adjust("2 seconds")
        expect(entries).toEqual(["a@0", "b@1000", "c@2000"])
      }))

    it.scoped("refuses at once an attempt that can never start", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 5, window: "1 second" })
        yield* limiter.pause("1 hour")
        for (const cost of [6, 0, -1, 1.5, NaN, Infinity]) {
          const error = yield* Effect.flip(limiter.limitCost(note("sent"), cost))
          expect(error).toBeInstanceOf(RateLimiter.RateLimitCostExceeded)
          expect(error).toMatchObject({ _tag: "RateLimitCostExceeded", cost, limit: 5 })
        }
        expect(entries).toEqual([])
      }))

    it("says what to do", () => {
      expect(new RateLimiter.RateLimitCostExceeded({ cost: 6, limit: 5 }).message).toBe(
        "A cost of 6 can never pass a limit of 5 per window: split it or raise the limit."
      )
      expect(new RateLimiter.RateLimitCostExceeded({ cost: 0.5, limit: 5 }).message).toBe(
        "A cost must be a positive integer of at most 5 requests, got 0.5."
      )
    })
  })

  describe("pause", () => {
    it.scoped("no attempt starts before it is over, including those that waited with a start time", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        yield* limiter.limitCost(Effect.void, 2)
        yield* Effect.fork(limiter.limit(note("waited")))
        yield* TestClock.adjust(900)
        yield* limiter.pause("5 seconds")
        yield* Effect.fork(limiter.limit(note("came later")))
        yield* TestClock.adjust(4_999)
        expect(entries).toEqual([])
        yield* TestClock.adjust(1)
        expect(entries).toEqual(["waited@5900", "came later@5900"])
      }))

    it.scoped("only ever extends", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        yield* limiter.pause("5 seconds")
        yield* limiter.pause("1 second")
        yield* Effect.fork(limiter.limit(note("a")))
        yield* TestClock.adjust(4_000)
        yield* limiter.pause("2 seconds")
        yield* TestClock.adjust(1_999)
        expect(entries).toEqual([])
        yield* TestClock.adjust(1)
        expect(entries).toEqual(["a@6000"])
      }))

    it.scoped("between admission and start: it holds, and the order stays", () =>
      Effect.gen(function*() {
        const { entries } = yield* admittedNotRunning(({ limiter }) => limiter.pause("10 seconds"))
        yield* TestClock.adjust(9_999)
        expect(entries).toEqual([])
        yield* TestClock.adjust(1)
        expect(entries).toEqual(["first@10000", "second@10000"])
      }))

    it.scoped("does not affect running attempts: they keep their slots, even if they had to wait for them", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
        yield* limiter.limit(Effect.void)
        yield* Effect.fork(limiter.limit(Effect.delay(note("ran"), 5_000)))
        yield* TestClock.adjust("2 seconds")
        yield* limiter.pause("1 second")
        yield* Effect.fork(limiter.limit(note("next")))
        yield* TestClock.adjust("10 seconds")
        expect(entries).toEqual(["ran@6000", "next@7000"])
      }))

    it.scoped("of a minute is obeyed to its end", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 5, window: "1 second" })
        yield* limiter.pause("1 minute")
        yield* Effect.fork(Effect.all([limiter.limit(note("a")), limiter.limit(note("b"))], { concurrency: 2 }))
        yield* TestClock.adjust(59_999)
        expect(entries).toEqual([])
        yield* TestClock.adjust(1)
        expect(entries).toEqual(["a@60000", "b@60000"])
      }))
  })

  describe("a pause of a day", () => {
    const minute = 60_000

    /** A limiter that is paused, and attempts that wait for it. The first in the list is the first in the queue. */
    const paused = (attempts: Record<string, () => Effect.Effect<void, string>>) =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 10, window: "1 second" })
        yield* limiter.pause("1 day")
        for (const [name, attempt] of Object.entries(attempts)) {
          yield* Effect.fork(limiter.limit(Effect.zipRight(note(name), attempt())))
          yield* settle
        }
        return { entries, limiter, note }
      })
    const works = () => Effect.void
    const fails = () => Effect.fail("429")

    it.scoped("is over for all when a probe succeeds, which starts alone after a minute", () =>
      Effect.gen(function*() {
        const { entries } = yield* paused({ a: works, b: works, c: () => Effect.delay(Effect.void, 500) })
        yield* TestClock.adjust(minute - 1)
        expect(entries).toEqual([])
        yield* TestClock.adjust(1)
        expect(entries).toEqual(["c@60000"])
        yield* TestClock.adjust("1 second")
        expect(entries).toEqual(["c@60000", "a@60500", "b@60500"])
      }))

    it.scoped("goes on when a probe fails, and the next one starts a minute later", () =>
      Effect.gen(function*() {
        const { entries } = yield* paused({ a: works, b: works, c: fails, d: () => Effect.delay(fails(), 2_000) })
        yield* TestClock.adjust("10 minutes")
        expect(entries).toEqual(["d@60000", "c@122000", "b@182000", "a@182000"])
      }))

    it.scoped("is renewed by a probe that is told to wait again", () =>
      Effect.gen(function*() {
        const { entries, limiter, note } = yield* paused({})
        yield* TestClock.adjust("2 minutes")
        const refused = limiter.limit(note("refused"), { outcome: () => "refusal" })
        yield* Effect.zipRight(refused, limiter.pause("1 hour"))
        yield* Effect.fork(limiter.limit(note("next")))
        yield* TestClock.adjust("1 hour")
        expect(entries).toEqual(["refused@120000", "next@180000"])
      }))

    it.scoped("an attempt that comes when a probe is due does not wait, the one after it does", () =>
      Effect.gen(function*() {
        const { entries, limiter, note } = yield* paused({})
        yield* TestClock.adjust("5 minutes")
        yield* Effect.fork(limiter.limit(Effect.zipRight(note("first"), Effect.fail("429"))))
        yield* Effect.fork(limiter.limit(note("second")))
        yield* TestClock.adjust("5 minutes")
        expect(entries).toEqual(["first@300000", "second@360000"])
      }))

    it.scoped("is not ended by attempts that ran before it", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 10, window: "1 second" })
        yield* Effect.fork(limiter.limit(Effect.delay(note("ran"), 10_000)))
        yield* Effect.fork(limiter.limit(Effect.delay(note("ran long"), 70_000)))
        yield* settle
        yield* limiter.pause("1 day")
        const never = yield* Effect.fork(limiter.limit(Effect.never))
        yield* Effect.fork(limiter.limit(Effect.zipRight(note("probe"), Effect.never)))
        yield* TestClock.adjust("90 seconds")
        expect(entries).toEqual(["ran@10000", "probe@60000", "ran long@70000"])
        yield* Fiber.interrupt(never)
      }))

    it.scoped("a second pause while it is probed holds for its first minute, whatever the probe gets", () =>
      Effect.gen(function*() {
        const { entries, limiter } = yield* paused({ a: works, b: () => Effect.delay(Effect.void, 2_000) })
        yield* TestClock.adjust("61 seconds")
        yield* limiter.pause("5 minutes")
        yield* TestClock.adjust("5 minutes")
        expect(entries).toEqual(["b@60000", "a@121000"])
      }))

    it.scoped("a probe that hangs does not keep the next one from starting a minute later", () =>
      Effect.gen(function*() {
        const { entries } = yield* paused({ a: works, b: works, c: () => Effect.never })
        yield* TestClock.adjust("10 minutes")
        expect(entries).toEqual(["c@60000", "b@120000", "a@120000"])
      }))

    it.scoped("a probe that is interrupted while it runs counts as failed", () =>
      Effect.gen(function*() {
        const { entries, limiter, note } = yield* paused({ a: works })
        const probe = yield* Effect.fork(limiter.limit(Effect.zipRight(note("probe"), Effect.never)))
        yield* TestClock.adjust("70 seconds")
        yield* Fiber.interrupt(probe)
        yield* TestClock.adjust("10 minutes")
        expect(entries).toEqual(["probe@60000", "a@130000"])
      }))

    /** A probe that is admitted, and `race` runs in the same turn: before the probe does. */
    const probeNotRunning = (
      race: (self: {
        readonly limiter: RateLimiter.RateLimiter.Service
        readonly probe: Fiber.RuntimeFiber<void>
      }) => Effect.Effect<void>
    ) =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        yield* Effect.fork(limiter.limit(Effect.never))
        yield* settle
        yield* limiter.pause("1 day")
        const probes: Array<Fiber.RuntimeFiber<void>> = []
        // It needs the slot of the attempt that runs, and keeps the probe from those behind it.
        const blocker = yield* Effect.fork(
          limiter.limitCost(note("blocker"), 2).pipe(
            Effect.onInterrupt(() => Effect.forEach(probes, (probe) => race({ limiter, probe })))
          )
        )
        yield* settle
        yield* Effect.fork(limiter.limit(note("oldest")))
        yield* settle
        probes.push(yield* Effect.fork(limiter.limit(note("newest"))))
        yield* TestClock.adjust("70 seconds")
        expect(entries).toEqual([])
        yield* Fiber.interrupt(blocker)
        yield* settle
        return { entries }
      })

    it.scoped("a probe that is interrupted between its admission and its start leaves it to the next, at once", () =>
      Effect.gen(function*() {
        const { entries } = yield* probeNotRunning(({ probe }) => interruptNow(probe))
        expect(entries).toEqual(["oldest@70000"])
      }))

    it.scoped("a pause between the admission of a probe and its start holds, and the order stays", () =>
      Effect.gen(function*() {
        const { entries } = yield* probeNotRunning(({ limiter }) => limiter.pause("10 seconds"))
        yield* TestClock.adjust(9_999)
        expect(entries).toEqual([])
        yield* TestClock.adjust(1)
        expect(entries).toEqual(["newest@80000"])
        yield* TestClock.adjust("2 seconds")
        expect(entries).toEqual(["newest@80000", "oldest@81000"])
      }))

    it.scoped("counts the cost of an attempt as well", () =>
      Effect.gen(function*() {
        const { entries, limiter, note } = yield* paused({})
        yield* Effect.fork(limiter.limitCost(note("large"), 10))
        yield* Effect.fork(limiter.limitCost(note("small"), 1))
        yield* TestClock.adjust("10 minutes")
        expect(entries).toEqual(["small@60000", "large@61000"])
      }))

    it.scoped("the attempt with the most time left is the probe, where all run out of it in turn", () =>
      Effect.gen(function*() {
        const { entries, limiter, note } = yield* paused({})
        const call = (name: string) => {
          let left = minute
          return Effect.suspend(() =>
            waitingWithin(limiter, Effect.suspend(() => note(`${name} with ${left} left`)), {
              waitTimeout: minute,
              otherwise: Effect.void
            })
          ).pipe(
            Effect.raceFirst(Effect.forever(Effect.delay(
              Effect.sync(() => {
                left -= 1_000
              }),
              1_000
            )))
          )
        }
        yield* Effect.fork(
          Effect.forEach(Array.from({ length: 10 }, (_, n) => n), (n) => Effect.delay(call(`${n}`), n * 9_000), {
            concurrency: "unbounded"
          })
        )
        yield* TestClock.adjust("63 seconds")
        expect(entries[0]).toMatch(/^6 with 5\d000 left@60000$/)
      }))

    it.scoped("without an end is probed as well", () =>
      Effect.gen(function*() {
        const { entries, limiter, note } = yield* paused({})
        yield* limiter.pause(Duration.infinity)
        yield* Effect.fork(limiter.limit(note("a")))
        yield* TestClock.adjust("1 minute")
        expect(entries).toEqual(["a@60000"])
      }))
  })

  describe("requests without a response", () => {
    const still = 3_000

    /** A server that stands still from 500 ms on for three seconds: all that is sent meanwhile arrives then. */
    const standingStill = () => {
      const arrivals: Array<{ readonly at: number; readonly cost: number }> = []
      const request = Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const arrivesAt = now < 500 ? now : Math.max(now, 500 + still)
        arrivals.push({ at: arrivesAt, cost: 1 })
        return Effect.sleep(arrivesAt + 10 - now)
      })
      return { arrivals, request }
    }
    const ends: Record<string, (request: Effect.Effect<void>) => Effect.Effect<void, unknown>> = {
      "a timeout": Effect.timeout(200),
      "an interruption from within": (request) => Effect.raceFirst(request, Effect.delay(Effect.interrupt, 200)),
      "an error that does not say what happened": (request) =>
        Effect.raceFirst(request, Effect.delay(Effect.fail(new Cause.UnknownException("socket hang up")), 200)),
      "a transport error": (request) =>
        Effect.raceFirst(request, Effect.delay(Effect.fail({ _tag: "RequestError", reason: "Transport" }), 200)),
      "a defect": (request) => Effect.raceFirst(request, Effect.delay(Effect.die("defect"), 200))
    }
    for (const [name, end] of Object.entries(ends)) {
      it.scoped(`a server that stands still never counts more than the limit: ${name}`, () =>
        Effect.gen(function*() {
          const { arrivals, request } = standingStill()
          const limiter = yield* RateLimiter.make({ limit: 10, window: "1 second" })
          const inside = limiter.limit(end(request))
          yield* Effect.fork(Effect.forEach(Array.from({ length: 60 }), () => Effect.exit(inside), { concurrency: 16 }))
          yield* TestClock.adjust("2 minutes")
          expect(arrivals).toHaveLength(60)
          expect(worstWindow(arrivals, second)).toBeLessThanOrEqual(10)
        }))
    }

    it.scoped("interruptions of those that run count as well", () =>
      Effect.gen(function*() {
        const { arrivals, request } = standingStill()
        const limiter = yield* RateLimiter.make({ limit: 10, window: "1 second" })
        const call = Effect.ignore(Effect.timeout(limiter.limit(request), "12 seconds"))
        yield* Effect.fork(Effect.forEach(Array.from({ length: 60 }), () => call, { concurrency: 16 }))
        const burst = yield* Effect.forkAll(Array.from({ length: 40 }, () => limiter.limit(request)))
        yield* TestClock.adjust(700)
        yield* Fiber.interrupt(burst)
        yield* TestClock.adjust("5 minutes")
        expect(arrivals.length).toBeGreaterThan(40)
        expect(worstWindow(arrivals, second)).toBeLessThanOrEqual(10)
      }))

    it.scoped("hold their slot for as long as the options say, ten seconds by default", () =>
      Effect.gen(function*() {
        const slotAfter = (options: Partial<RateLimiter.RateLimiter.Options>) =>
          Effect.gen(function*() {
            const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second", ...options })
            yield* Effect.ignore(Effect.fork(limiter.limit(Effect.timeout(Effect.never, 100))))
            const before = yield* Clock.currentTimeMillis
            const fiber = yield* Effect.fork(limiter.limit(Clock.currentTimeMillis))
            yield* TestClock.adjust("1 minute")
            return (yield* Fiber.join(fiber)) - before
          })
        expect(yield* slotAfter({})).toBe(11_100)
        expect(yield* slotAfter({ lateArrival: undefined })).toBe(11_100)
        expect(yield* slotAfter({ lateArrival: "3 seconds" })).toBe(4_100)
        expect(yield* slotAfter({ lateArrival: 0 })).toBe(1_100)
      }))

    const outcomes: ReadonlyArray<readonly [exit: Exit.Exit<unknown, unknown>, isHeld: boolean]> = [
      [Exit.void, false],
      [Exit.fail("404"), false],
      [Exit.fail({ _tag: "RequestError", reason: "Encode" }), false],
      [Exit.fail({ _tag: "ResponseError", reason: "StatusCode" }), false],
      [Exit.fail({ _tag: "RequestError", reason: "Transport" }), true],
      [Exit.fail(new Cause.TimeoutException()), true],
      [Exit.fail(new Cause.UnknownException("fetch failed")), true],
      [Exit.die("defect"), true],
      [Exit.interrupt(FiberId.none), true],
      [Exit.failCause(Cause.sequential(Cause.fail("404"), Cause.interrupt(FiberId.none))), true]
    ]
    for (const [exit, isHeld] of outcomes) {
      it.scoped(`${String(exit).replaceAll(/\s+/g, " ")}: ${isHeld ? "no response" : "a response"}`, () =>
        Effect.gen(function*() {
          const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
          yield* Effect.exit(limiter.limit(exit))
          const fiber = yield* Effect.fork(limiter.limit(Clock.currentTimeMillis))
          yield* TestClock.adjust("1 minute")
          expect(yield* Fiber.join(fiber)).toBe(isHeld ? 11_000 : 1_000)
        }))
    }

    const ways: Record<
      string,
      (
        limiter: RateLimiter.RateLimiter.Service,
        attempt: Effect.Effect<void, string>,
        outcome: (exit: Exit.Exit<void, string>) => RateLimiter.RateLimiter.Outcome
      ) => Effect.Effect<void, unknown>
    > = {
      limit: (limiter, attempt, outcome) => limiter.limit(attempt, { outcome }),
      limitCost: (limiter, attempt, outcome) => limiter.limitCost(attempt, 1, { outcome }),
      limitWithin: (limiter, attempt, outcome) =>
        limiter.limitWithin?.(attempt, { waitTimeout: second, otherwise: Effect.void, outcome }) ?? Effect.void
    }
    for (const [name, limit] of Object.entries(ways)) {
      it.scoped(`${name}: the caller tells how the attempt ended`, () =>
        Effect.gen(function*() {
          const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
          const exits: Array<Exit.Exit<void, string>> = []
          const attempt = limit(limiter, Effect.fail("lost"), (exit) => {
            exits.push(exit)
            return "noResponse"
          })
          expect(yield* Effect.flip(attempt)).toBe("lost")
          expect(exits).toEqual([Exit.fail("lost")])
          const fiber = yield* Effect.fork(limiter.limit(Clock.currentTimeMillis))
          yield* TestClock.adjust("1 minute")
          expect(yield* Fiber.join(fiber)).toBe(11_000)
        }))
    }

    it.scoped("a caller that throws instead of telling how it ended dies of that, and the slot comes back", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
        const broken = limiter.limit(Effect.void, {
          outcome: () => {
            throw new Error("broken")
          }
        })
        expect(Cause.isDie(yield* Effect.flip(Effect.sandbox(broken)))).toBe(true)
        const fiber = yield* Effect.fork(limiter.limit(Clock.currentTimeMillis))
        yield* TestClock.adjust("1 minute")
        expect(yield* Fiber.join(fiber)).toBe(11_000)
      }))
  })

  it.scoped("waits for longer than a JavaScript timer can sleep", () =>
    Effect.gen(function*() {
      const { entries, note } = journal()
      const limiter = yield* RateLimiter.make({ limit: 1, window: "60 days" })
      yield* limiter.limit(Effect.void)
      yield* Effect.fork(limiter.limit(note("a")))
      yield* settle
      expect(Chunk.toReadonlyArray(yield* TestClock.sleeps())).toEqual([2 ** 31 - 1])
      const days = Duration.toMillis("50 days")
      yield* Effect.fork(waitingWithin(limiter, note("b"), { waitTimeout: days, otherwise: note("b left") }))
      yield* TestClock.adjust("60 days")
      expect(entries).toEqual([`b left@${days}`, `a@${Duration.toMillis("60 days")}`])
    }))

  describe("scope", () => {
    it.effect("its end interrupts those that wait and those that come later, and leaves alone what runs", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const scope = yield* Scope.make()
        const limiter = yield* Scope.extend(RateLimiter.make({ limit: 1, window: "1 second" }), scope)
        const running = yield* Effect.fork(limiter.limit(Effect.delay(note("ran"), 100)))
        const waiting = yield* Effect.forkAll(Array.from({ length: 3 }, () => limiter.limit(note("waited"))))
        yield* settle
        yield* Scope.close(scope, Exit.void)
        expect(Exit.isInterrupted(yield* Fiber.await(waiting))).toBe(true)
        expect(Exit.isInterrupted(yield* Effect.exit(limiter.limit(note("came later"))))).toBe(true)
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.join(running)
        expect(entries).toEqual(["ran@100"])
        expect(yield* TestClock.sleeps()).toEqual(Chunk.empty())
      }))

    it.effect("its end refuses even those who would not have to wait", () =>
      Effect.gen(function*() {
        const limiter = yield* Effect.scoped(RateLimiter.make({ limit: 1, window: "1 second" }))
        expect(Exit.isInterrupted(yield* Effect.exit(limiter.limit(Effect.void)))).toBe(true)
      }))

    it.effect("its end between admission and start: nothing runs, nothing hangs", () =>
      Effect.gen(function*() {
        const { entries, first, next } = yield* admittedNotRunning(({ scope }) => Scope.close(scope, Exit.void))
        expect(yield* Fiber.await(first)).toEqual(Exit.void)
        expect(Exit.isInterrupted(yield* Fiber.await(next))).toBe(true)
        expect(entries).toEqual(["first closed@0"])
      }))

    it.effect("its end gives those that wait what they asked for in its place, and those that come later", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const signal = new Signal()
        const scope = yield* Scope.make()
        const limiter = yield* Scope.extend(RateLimiter.make({ limit: 1, window: "1 second" }), scope)
        const within = (name: string) =>
          waitingWithin(limiter, note(name), {
            waitTimeout: 10_000,
            signal,
            otherwise: note(`${name} left`),
            closed: note(`${name} closed`)
          })
        const running = yield* Effect.fork(within("first").pipe(Effect.zipRight(Effect.sleep(100))))
        const waiting = yield* Effect.forkAll([within("second"), Effect.uninterruptible(within("third"))])
        yield* settle
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.join(waiting)
        yield* within("fourth")
        signal.abort()
        yield* TestClock.adjust("20 seconds")
        yield* Fiber.join(running)
        expect(entries).toEqual(["first@0", "second closed@0", "third closed@0", "fourth closed@0"])
        expect(yield* TestClock.sleeps()).toEqual(Chunk.empty())
      }))

    it.effect("its end during a pause ends the wait as well", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const scope = yield* Scope.make()
        const limiter = yield* Scope.extend(RateLimiter.make({ limit: 1, window: "1 second" }), scope)
        yield* limiter.pause("1 day")
        const waiting = yield* Effect.fork(
          waitingWithin(limiter, note("ran"), { waitTimeout: 10_000, otherwise: note("left"), closed: note("closed") })
        )
        yield* TestClock.adjust(100)
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.join(waiting)
        expect(entries).toEqual(["closed@100"])
      }))

    it.effect("its end ends the timer, even if the limiter was made in an uninterruptible region", () =>
      Effect.gen(function*() {
        const virtual = virtualClock()
        const sleeping = yield* virtual.run(Effect.gen(function*() {
          const scope = yield* Scope.make()
          const limiter = yield* Effect.uninterruptible(
            Scope.extend(RateLimiter.make({ limit: 1, window: "1 hour" }), scope)
          )
          yield* limiter.limit(Effect.void)
          const fiber = yield* Effect.fork(limiter.limit(Effect.void))
          yield* settle
          const before = virtual.sleeping()
          yield* Scope.close(scope, Exit.void)
          expect(Exit.isInterrupted(yield* Fiber.await(fiber))).toBe(true)
          yield* settle
          return [before, virtual.sleeping()]
        }))
        expect(sleeping).toEqual([1, 0])
      }))
  })

  describe("options", () => {
    const bad: ReadonlyArray<[field: string, options: RateLimiter.RateLimiter.Options]> = [
      ["limit", { limit: 0, window: "1 second" }],
      ["limit", { limit: 1.5, window: "1 second" }],
      ["limit", { limit: NaN, window: "1 second" }],
      ["limit", { limit: Infinity, window: "1 second" }],
      ["window", { limit: 1, window: 0 }],
      ["window", { limit: 1, window: -1 }],
      ["window", { limit: 1, window: Infinity }],
      ["window", { limit: 1, window: Duration.infinity }],
      ["burst", { limit: 1, window: "1 second", burst: 0 }],
      ["burst", { limit: 1, window: "1 second", burst: 2.5 }],
      ["lateArrival", { limit: 1, window: "1 second", lateArrival: Infinity }],
      ["lateArrival", { limit: 1, window: "1 second", lateArrival: -1 }],
      ["lateArrival", { limit: 1, window: "1 second", lateArrival: NaN }],
      ["lateArrival", { limit: 1, window: "1 second", lateArrival: Duration.infinity }]
    ]
    for (const [field, options] of bad) {
      it.scoped(`${field}: ${JSON.stringify(options)}, ${String(options.limit)} in ${String(options.window)}`, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(RateLimiter.make(options))
          expect(error).toMatchObject({ _op: "InvalidData", path: ["rateLimit", field] })
          expect(String(error)).toContain(`rateLimit.${field} must be`)
          const exit = yield* Effect.exit(Layer.build(RateLimiter.layerMemory(options)))
          expect(exit).toEqual(Exit.fail(error))
        }))
    }

    it.scoped("a window in nanoseconds, a burst above the limit", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make({ limit: 1, window: 500n, burst: 7 })
        expect(yield* limiter.limit(Effect.succeed("ran"))).toBe("ran")
      }))
  })

  describe("layers", () => {
    it.effect("layerMemory: 1000 per second, ten at once", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.RateLimiter
        yield* Effect.fork(Effect.forEach(Array.from({ length: 12 }), () => limiter.limit(note("")), {
          concurrency: "unbounded"
        }))
        yield* settle
        expect(entries).toHaveLength(10)
        yield* TestClock.adjust(2)
        expect(entries.slice(10)).toEqual(["@1", "@2"])
        expect(yield* Effect.flip(limiter.limitCost(Effect.void, 1_001))).toMatchObject({ limit: 1_000 })
      }).pipe(Effect.provide(RateLimiter.layerMemory())))

    it.effect("layerMemory: one limiter for all it is provided to", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const layer = RateLimiter.layerMemory({ limit: 1, burst: undefined })
        const use = Layer.effectDiscard(
          Effect.flatMap(RateLimiter.RateLimiter, (limiter) => Effect.fork(limiter.limit(note("used"))))
        )
        const again = Layer.effectDiscard(
          Effect.flatMap(RateLimiter.RateLimiter, (limiter) => Effect.fork(limiter.limit(note("used"))))
        )
        yield* Effect.fork(Layer.launch(Layer.mergeAll(Layer.provide(use, layer), Layer.provide(again, layer))))
        yield* TestClock.adjust("1 second")
        expect(entries).toEqual(["used@0", "used@1000"])
      }))

    it.effect("layerNoop: nothing waits, nothing is refused", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.RateLimiter
        yield* limiter.pause("1 hour")
        const results = yield* Effect.forEach(Array.from({ length: 5_000 }), () => limiter.limit(Effect.succeed(1)))
        expect(results).toHaveLength(5_000)
        expect(yield* limiter.limitCost(Effect.succeed("ran"), Infinity)).toBe("ran")
      }).pipe(Effect.provide(RateLimiter.layerNoop)))
  })

  it.effect("10,000 waiters cost as much each as 1,000, and one timer serves them all", () =>
    Effect.gen(function*() {
      const serve = (count: number, limit: number) =>
        Effect.gen(function*() {
          const virtual = virtualClock()
          let served = 0
          yield* virtual.run(Effect.scoped(Effect.gen(function*() {
            const limiter = yield* RateLimiter.make({ limit, window: second })
            const attempt = limiter.limit(Effect.sync(() => {
              served += 1
            }))
            yield* Effect.forEach(Array.from({ length: count }), () => attempt, {
              concurrency: "unbounded",
              discard: true
            })
          })))
          expect(served).toBe(count)
          return { sleeps: virtual.counts.sleeps / count, reads: virtual.counts.reads / count }
        })
      const few = yield* serve(1_000, 1_000)
      const many = yield* serve(10_000, 1_000)
      expect(many.reads).toBeLessThanOrEqual(few.reads + 1)
      expect(many.reads).toBeLessThan(7)
      expect(many.sleeps).toBeLessThanOrEqual(1)
      // Ten may start in each millisecond: they share a wake-up.
      expect((yield* serve(10_000, 10_000)).sleeps).toBeLessThan(0.15)
    }))

  const ends: ReadonlyArray<"succeeds" | "fails" | "dies" | "pauses"> = [
    "succeeds",
    "succeeds",
    "fails",
    "dies",
    "pauses"
  ]

  const Attempts = FastCheck.array(
    FastCheck.record({
      at: FastCheck.integer({ min: 0, max: 200 }),
      cost: FastCheck.oneof(FastCheck.constant(1), FastCheck.integer({ min: 1, max: 4 })),
      out: FastCheck.constantFrom(0, 0.5, 7, 90),
      back: FastCheck.constantFrom(0, 0.5, 7, 90),
      end: FastCheck.constantFrom(...ends),
      interruptAfter: FastCheck.constantFrom(undefined, undefined, undefined, 0, 1, 7, 150)
    }),
    { minLength: 1, maxLength: 40, size: "max" }
  )

  it.effect.prop(
    "whatever happens to attempts, the server never counts more than the limit, and no slot is lost",
    [Attempts, FastCheck.integer({ min: 4, max: 12 }), FastCheck.constantFrom(undefined, 1, 3)],
    ([attempts, limit, burst]) =>
      Effect.gen(function*() {
        const virtual = virtualClock()
        const window = 100
        const arrivals: Array<{ readonly at: number; readonly cost: number }> = []
        const allFree = yield* virtual.run(Effect.scoped(Effect.gen(function*() {
          const limiter = yield* RateLimiter.make({ limit, window, burst, lateArrival: 90 })
          const finish = {
            succeeds: Effect.void,
            fails: Effect.fail("failed"),
            dies: Effect.die("died"),
            pauses: limiter.pause(30)
          }
          yield* Effect.forEach(attempts, ({ at, back, cost, end, interruptAfter, out }) =>
            Effect.gen(function*() {
              yield* Effect.sleep(at)
              const fiber = yield* Effect.fork(limiter.limitCost(
                Effect.gen(function*() {
                  // What is on its way arrives, whatever becomes of the attempt, and never later than
                  // `lateArrival`: unlike timers, the network of this law is not late.
                  const latest = virtual.now() + out
                  const arrival = yield* Effect.forkDaemon(Effect.delay(
                    Effect.sync(() => {
                      arrivals.push({ at: Math.min(virtual.now(), latest), cost })
                    }),
                    out
                  ))
                  yield* Fiber.join(arrival)
                  yield* Effect.sleep(back)
                  yield* finish[end]
                }),
                cost
              ))
              if (interruptAfter !== undefined) {
                yield* Effect.sleep(interruptAfter)
                yield* Fiber.interrupt(fiber)
              }
              const exit = yield* Fiber.await(fiber)
              if (interruptAfter === undefined && end !== "fails" && end !== "dies") {
                expect(exit).toEqual(Exit.void)
              }
            }), { concurrency: "unbounded", discard: true })
          yield* Effect.sleep(90 + window + 40)
          const before = virtual.now()
          yield* limiter.limitCost(Effect.void, limit)
          return virtual.now() === before
        })))
        expect(worstWindow(arrivals, window)).toBeLessThanOrEqual(limit)
        expect(allFree).toBe(true)
      }),
    { fastCheck: { numRuns: 60 } }
  )

  it.scoped("an attempt that is run again waits again", () =>
    Effect.gen(function*() {
      const { entries, note } = journal()
      const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
      const attempt = limiter.limit(Effect.zipRight(note("tried"), Effect.fail("no")))
      const fiber = yield* Effect.fork(Effect.exit(Effect.retry(attempt, { times: 2 })))
      yield* TestClock.adjust("3 seconds")
      expect(Exit.isFailure(yield* Fiber.join(fiber))).toBe(true)
      expect(entries).toEqual(["tried@0", "tried@1000", "tried@2000"])
    }))

  it.scoped("a defect in an attempt keeps its cause", () =>
    Effect.gen(function*() {
      const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
      const cause = yield* Effect.sandbox(limiter.limit(Effect.die("defect"))).pipe(Effect.flip)
      expect(Cause.isDie(cause)).toBe(true)
    }))
})
