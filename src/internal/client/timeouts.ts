import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Deadline, Deadlines } from "../support/deadlines.js"
import * as Timer from "../support/timer.js"

/**
 * The timeouts and delays of all calls of a client, on one timer and the clock of the client.
 *
 * @internal
 */
export interface Timeouts {
  /** Calls back after this many milliseconds, unless the returned value is cancelled before. */
  readonly after: (milliseconds: number, due: () => void) => Deadline
  readonly cancel: (deadline: Deadline) => void
}

/**
 * The longest time for which the timer sleeps.
 *
 * A pending timer keeps a process alive, and making a timer for each request costs more than the
 * request. The timer therefore wakes from time to time, and stops if nothing is waiting.
 *
 * @internal
 */
export const longestNap = 500

/** @internal */
export const make: Effect.Effect<Timeouts, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const fork = yield* Timer.fork
  const deadlines = new Deadlines()
  const now = Timer.monotonic(clock)
  const next = (instant: number) => Math.min(deadlines.first, instant + longestNap)
  const timer = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Timer.Timer(clock, now, fork, () => {
        const instant = now()
        deadlines.pass(instant)
        return deadlines.first === Infinity ? Infinity : next(instant)
      })
    ),
    (timer) => Effect.sync(() => timer.stop())
  )
  return {
    after: (milliseconds, due) => {
      const instant = now()
      const deadline = deadlines.add(instant + milliseconds, due)
      timer.wakeBy(next(instant))
      return deadline
    },
    cancel: (deadline) => deadlines.remove(deadline)
  }
})
