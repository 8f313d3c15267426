import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"

/**
 * Waits until the other fibers only wait for time, I/O or an interruption.
 *
 * Turns alternate between the timer and the I/O phase of the event loop, because both Effect's
 * scheduler and the streams of the runtime use both.
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

/** Advances the clock to the next time that a fiber sleeps until. */
const skip = (longest: number): Effect.Effect<void> =>
  Effect.flatMap(Effect.zip(Clock.currentTimeMillis, TestClock.sleeps()), ([now, sleeps]) => {
    const next = Chunk.reduce(sleeps, Infinity, (a, b) => b > now ? Math.min(a, b) : a)
    return next < Infinity && next - now <= longest ? TestClock.setTime(next) : Effect.void
  })
