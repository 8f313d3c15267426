import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { identity } from "effect/Function"
import * as Runtime from "effect/Runtime"

/**
 * A function that runs an effect in its own fiber.
 *
 * @internal
 */
export type Fork = (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>

/**
 * Makes a `Fork` whose fibers are interruptible.
 *
 * A layer may be built in an uninterruptible region, which its timers must not inherit.
 *
 * @internal
 */
export const fork: Effect.Effect<Fork> = Effect.map(
  Effect.runtime<never>(),
  (runtime) => (effect) => Runtime.runFork(runtime, Effect.interruptible(effect), { immediate: false })
)

/**
 * Returns the time in milliseconds, with fractions, of a monotonic clock.
 *
 * So adjusting the system's clock neither ends a wait nor prolongs it.
 *
 * @internal
 */
export const monotonic = (clock: Clock.Clock): () => number => {
  // Nanoseconds since 1970 exceed the precision of a number. Those since now do not.
  const origin = clock.unsafeCurrentTimeNanos()
  // Rounds to microseconds, because a clock may compute its nanoseconds with numbers, which are
  // then multiples of 256.
  return () => Math.round(Number(clock.unsafeCurrentTimeNanos() - origin) / 1_000) / 1_000
}

/**
 * The maximum delay of a JavaScript timer in milliseconds: 24 days.
 *
 * @internal
 */
export const maximumSleep = 2 ** 31 - 1

/**
 * Sleeps for any duration. `Effect.sleep` never ends if it exceeds the maximum delay of a timer.
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
 * A fiber that sleeps until the next of many instants.
 *
 * @internal
 */
export class Timer {
  private fiber: Fiber.RuntimeFiber<void> | undefined
  private at = Infinity

  /**
   * @param now the time of the same clock in milliseconds, with fractions
   * @param wake runs the callbacks that are due, and returns the next instant, or infinity
   * @param round returns how long to sleep for a remaining time in milliseconds, which may be
   *   longer
   */
  constructor(
    private readonly clock: Clock.Clock,
    private readonly now: () => number,
    private readonly fork: Fork,
    private readonly wake: () => number,
    private readonly round: (milliseconds: number) => number = identity
  ) {}

  /** Wakes at an instant, or at an earlier one that was requested before. */
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
