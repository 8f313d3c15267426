import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"

/** Runs an effect to its end while an hour of virtual time passes. */
export const inAnHour = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.fork(effect), (fiber) => Effect.zipRight(TestClock.adjust("1 hour"), ended(fiber)))

/** What a fiber ended with; a defect if it still runs. */
export const ended = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(
    Fiber.poll(fiber),
    Option.match({
      onNone: () => Effect.dieMessage("still runs"),
      onSome: (exit) => exit
    })
  )

/**
 * Lets everybody else run until nobody can go on without time, an answer, or an interruption. A turn goes through the queue of
 * timers and that of I/O: the scheduler of Effect, and the streams of the runtime, hand work over through both.
 */
export const settle: Effect.Effect<void> = Effect.repeatN(
  Effect.async<void>((resume) => {
    setTimeout(() => setImmediate(() => resume(Effect.void)), 0)
  }),
  15
)

/**
 * Runs an effect that talks to a real socket under the `TestClock`. Its retry delays, of at most `longest` milliseconds, are
 * skipped as soon as they begin; whatever waits for longer, such as a timeout, is left alone.
 */
export const skippingDelays = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  longest = 10_000
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.fork(effect), (fiber) => {
    const loop: Effect.Effect<A, E> = Effect.flatMap(
      Effect.zipRight(settle, Fiber.poll(fiber)),
      Option.match({
        onSome: (exit) => exit,
        onNone: () =>
          Effect.gen(function*() {
            const now = yield* Clock.currentTimeMillis
            const next = Chunk.reduce(yield* TestClock.sleeps(), Infinity, (a, b) => b > now ? Math.min(a, b) : a)
            if (next - now <= longest) yield* TestClock.setTime(next)
            return yield* loop
          })
      })
    )
    return loop
  })
