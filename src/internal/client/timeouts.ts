import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Deadline, Deadlines } from "../support/deadlines.js"
import * as Timer from "../support/timer.js"

/**
 * The timeouts and delays of all calls of a client, by the clock with which it was made. One timer serves them all.
 *
 * @internal
 */
export interface Timeouts {
  /** Calls back after so many milliseconds, unless what it returns is cancelled before. */
  readonly after: (milliseconds: number, due: () => void) => Deadline
  readonly cancel: (deadline: Deadline) => void
}

/**
 * An idle timer keeps a process from its end, and making one anew for each request costs more than the request. So it looks up from
 * time to time, and ends when there is nothing to wait for.
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
  const next = () => Math.min(deadlines.first, now() + longestNap)
  const timer = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Timer.Timer(clock, now, fork, () => {
        deadlines.pass(now())
        return deadlines.first === Infinity ? Infinity : next()
      })
    ),
    (timer) => Effect.sync(() => timer.stop())
  )
  return {
    after: (milliseconds, due) => {
      const deadline = deadlines.add(now() + milliseconds, due)
      timer.wakeBy(next())
      return deadline
    },
    cancel: (deadline) => deadlines.remove(deadline)
  }
})
