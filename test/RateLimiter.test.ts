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
import { Signal } from "../src/internal/signal.js"

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
  patience: RateLimiter.RateLimiter.Patience<void>
): Effect.Effect<void> =>
  limiter.limitWithin?.(attempt, patience) ?? Effect.dieMessage("it should know how long one waits")

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
    const patience = { milliseconds: 60_000, signal, otherwise: note("first left") }
    const first = yield* Effect.fork(waitingWithin(limiter, note("first"), patience))
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
    it.scoped("runs at once while a slot is free, and gives back what the attempt gives", () =>
      Effect.gen(function*() {
        const limiter = yield* RateLimiter.make({ limit: 3, window: "1 second" })
        expect(yield* limiter.limit(Effect.succeed(1))).toBe(1)
        expect(yield* Effect.flip(limiter.limit(Effect.fail("no")))).toBe("no")
        expect(yield* Effect.exit(limiter.limit(Effect.die("defect")))).toEqual(Exit.die("defect"))
      }))

    it.scoped("whoever does not wait for ever does something else when the time is up, and takes no slot", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 1, window: "1 second" })
        const within = (name: string, milliseconds: number) =>
          waitingWithin(limiter, note(name), { milliseconds, otherwise: note(`${name} left`) })
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

    it.effect("whoever has a slot already when the wait is to end keeps it", () =>
      Effect.gen(function*() {
        const { entries } = yield* admittedNotRunning(({ signal }) => Effect.sync(() => signal.give()))
        expect(entries).toEqual(["first@0"])
      }))

    it.effect("unless a pause takes it back", () =>
      Effect.gen(function*() {
        const { entries, next } = yield* admittedNotRunning(({ limiter, signal }) =>
          Effect.zipRight(Effect.sync(() => signal.give()), limiter.pause("10 seconds"))
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
          waitingWithin(limiter, note(name), { milliseconds: 10_000, signal, otherwise: note(`${name} left`) })
        yield* within("first")
        yield* Effect.fork(within("second"))
        yield* Effect.fork(within("third"))
        yield* Effect.fork(limiter.limit(note("fourth")))
        yield* TestClock.adjust(100)
        signal.give()
        yield* settle
        yield* within("fifth")
        yield* TestClock.adjust("5 seconds")
        expect(entries).toEqual(["first@0", "second left@100", "third left@100", "fifth left@100", "fourth@1000"])
      }))

    it.scoped("the slot comes back one window after the answer, not after the start", () =>
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

    it.scoped("a failed attempt and an interrupted one keep their slot for one window from their end", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        yield* Effect.fork(limiter.limit(Effect.delay(Effect.fail("no"), 100)))
        const running = yield* Effect.fork(limiter.limit(Effect.never))
        yield* TestClock.adjust(200)
        yield* Fiber.interrupt(running)
        yield* Effect.fork(limiter.limit(note("a")))
        yield* Effect.fork(limiter.limit(note("b")))
        yield* TestClock.adjust("2 seconds")
        expect(entries).toEqual(["a@1100", "b@1200"])
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
    it.effect("a timer that fires early starts nobody early", () =>
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

    it.scoped("refuses at once what can never pass", () =>
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
    it.scoped("nobody starts before it is over, those who waited with a start time included", () =>
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

    it.scoped("leaves alone what runs: it keeps its slot, also if it had to wait for it", () =>
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

    it.scoped("longer than a JavaScript timer can sleep", () =>
      Effect.gen(function*() {
        const { entries, note } = journal()
        const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
        yield* limiter.pause("60 days")
        yield* Effect.fork(limiter.limit(note("a")))
        yield* settle
        expect(Chunk.toReadonlyArray(yield* TestClock.sleeps())).toEqual([2 ** 31 - 1])
        yield* TestClock.adjust("60 days")
        expect(entries).toEqual([`a@${Duration.toMillis("60 days")}`])
      }))
  })

  describe("scope", () => {
    it.effect("its end interrupts who waits and who comes later, and leaves alone what runs", () =>
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

    it.effect("its end between admission and start: nobody runs, nobody hangs", () =>
      Effect.gen(function*() {
        const { entries, first, next } = yield* admittedNotRunning(({ scope }) => Scope.close(scope, Exit.void))
        expect(Exit.isInterrupted(yield* Fiber.await(first))).toBe(true)
        expect(Exit.isInterrupted(yield* Fiber.await(next))).toBe(true)
        expect(entries).toEqual([])
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
      ["burst", { limit: 1, window: "1 second", burst: 2.5 }]
    ]
    for (const [field, options] of bad) {
      it.scoped(`${field}: ${String(options[field === "window" ? "window" : "limit"])}, burst ${options.burst}`, () =>
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
      expect(many.reads).toBeLessThan(6)
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
          const limiter = yield* RateLimiter.make({ limit, window, burst })
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
                  yield* Effect.sleep(out)
                  arrivals.push({ at: virtual.now(), cost })
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
          yield* Effect.sleep(window + 40)
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
