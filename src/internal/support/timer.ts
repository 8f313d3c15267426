import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { identity } from "effect/Function"
import * as Runtime from "effect/Runtime"

/**
 * Runs an effect in a fiber of its own.
 *
 * @internal
 */
export type Fork = (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

/**
 * Makes a `Fork` for a timer. A layer may be built in an uninterruptible region, which the timer must not inherit.
 *
 * @internal
 */
export const fork: Effect.Effect<Fork> = Effect.map(
  Effect.runtime<never>(),
  (runtime) => (effect) => Runtime.runFork(runtime, Effect.interruptible(effect), { immediate: false })
)

/**
 * Milliseconds, fractions included, by a clock that cannot be set. One that is put right must not end a wait, or prolong it.
 *
 * @internal
 */
export const monotonic = (clock: Clock.Clock): () => number => {
  // Nanoseconds since 1970 do not fit a float, those since now do.
  const origin = clock.unsafeCurrentTimeNanos()
  // In whole microseconds: nanoseconds since 1970 that went through a float are only good to 256 of them.
  return () => Math.round(Number(clock.unsafeCurrentTimeNanos() - origin) / 1_000) / 1_000
}

/**
 * The longest that a JavaScript timer can sleep, in milliseconds: 24 days.
 *
 * @internal
 */
export const maximumSleep = 2 ** 31 - 1

/**
 * Sleeps for any duration. `Effect.sleep` never ends where it is longer than a JavaScript timer can sleep.
 *
 * @internal
 */
export const sleep = (duration: Duration.Duration): Effect.Effect<void> => {
  const milliseconds = Duration.toMillis(duration)
  return milliseconds <= maximumSleep
    ? Effect.sleep(duration)
    : Effect.zipRight(
      Effect.sleep(maximumSleep),
      Effect.suspend(() => sleep(Duration.millis(milliseconds - maximumSleep)))
    )
}

/**
 * One fiber that sleeps until the next instant at which something is due, for all that wait for such an instant.
 *
 * A fiber each was measured to cost more than the rest of a request.
 *
 * @internal
 */
export class Timer {
  private fiber: Fiber.RuntimeFiber<void> | undefined
  private at = Infinity

  /**
   * @param now the time by the same clock, in milliseconds, fractions included
   * @param wake does what is due, and tells when there will be more; infinity if that is not known
   * @param round how long to sleep where so many milliseconds are left; it may be longer, as `wake` looks at the clock
   */
  constructor(
    private readonly clock: Clock.Clock,
    private readonly now: () => number,
    private readonly fork: Fork,
    private readonly wake: () => number,
    private readonly round: (milliseconds: number) => number = identity
  ) {}

  /** Wakes at that instant, or before if something else is due before. */
  wakeBy(at: number): void {
    if (at >= this.at) return
    this.stop()
    this.at = at
    this.fiber = this.fork(this.sleep)
  }

  stop(): void {
    this.fiber?.unsafeInterruptAsFork(FiberId.none)
    this.fiber = undefined
    this.at = Infinity
  }

  private readonly sleep: Effect.Effect<void> = Effect.suspend(() =>
    Effect.flatMap(this.clock.sleep(Duration.millis(Math.min(this.round(this.at - this.now()), maximumSleep))), () => {
      this.at = this.wake()
      if (this.at < Infinity) return this.sleep
      this.fiber = undefined
      return Effect.void
    })
  )
}
