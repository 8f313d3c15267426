import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"

/**
 * Lets everybody else run until nobody can go on without time, an answer, or an interruption. Turns go through the queue of timers and
 * that of I/O: the scheduler of Effect, and the streams of the runtime, hand work over through both.
 *
 * @internal
 */
export const settle: Effect.Effect<void> = Effect.repeatN(
  Effect.async<void>((resume) => {
    let turns = 5
    const turn = () => {
      if (turns-- === 0) resume(Effect.void)
      else setImmediate(turn)
    }
    setTimeout(turn, 0)
  }),
  2
)

/** @internal */
export const runToCompletion = <A, E, R>(effect: Effect.Effect<A, E, R>, longest: number): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.fork(restore(effect)), (fiber) => {
      const loop: Effect.Effect<A, E> = Effect.flatMap(
        Effect.zipRight(settle, Fiber.poll(fiber)),
        Option.match({
          onSome: (exit) => exit,
          onNone: () => Effect.zipRight(skip(longest), Effect.suspend(() => loop))
        })
      )
      return Effect.onInterrupt(restore(loop), () => Fiber.interrupt(fiber))
    })
  )

/** To the next moment for which somebody waits. */
const skip = (longest: number): Effect.Effect<void> =>
  Effect.flatMap(Effect.zip(Clock.currentTimeMillis, TestClock.sleeps()), ([now, sleeps]) => {
    const next = Chunk.reduce(sleeps, Infinity, (a, b) => b > now ? Math.min(a, b) : a)
    return next < Infinity && next - now <= longest ? TestClock.setTime(next) : Effect.void
  })
