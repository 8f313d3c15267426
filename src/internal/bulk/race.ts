import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"

/**
 * An event that may happen while an effect runs, and the effect that then replaces it.
 *
 * @internal
 */
export type Bell<A, E> = Effect.Effect<Effect.Effect<A, E>>

/**
 * Runs an effect that is interrupted when the first of some events happens.
 *
 * If the effect completes nevertheless, its result counts. Events interrupt the effect even in an
 * uninterruptible region, such as a finalizer, where `Effect.raceFirst` and `Effect.timeoutTo`
 * would wait for it.
 *
 * @internal
 */
export const by = <A, E>(self: Effect.Effect<A, E>, bells: ReadonlyArray<Bell<A, E>>): Effect.Effect<A, E> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.fork(Effect.interruptible(self)), (work) => {
      let instead: Effect.Effect<A, E> | undefined
      const ringing = (bell: Bell<A, E>) =>
        Effect.fork(Effect.flatMap(Effect.interruptible(bell), (effect) =>
          Effect.sync(() => {
            instead ??= effect
            work.unsafeInterruptAsFork(FiberId.none)
          })))
      const ended = (fibers: ReadonlyArray<Fiber.RuntimeFiber<void>>) =>
        Effect.matchCauseEffect(restore(Fiber.await(work)), {
          onFailure: (cause: Cause.Cause<never>) => {
            silence(fibers)
            return Effect.zipRight(Fiber.interrupt(work), Effect.failCause(cause))
          },
          onSuccess: (exit) => {
            silence(fibers)
            return instead !== undefined && Exit.isInterrupted(exit) ? restore(instead) : exit
          }
        })
      const [first, second] = bells
      if (first === undefined) return ended([])
      if (second === undefined) return Effect.flatMap(ringing(first), (fiber) => ended([fiber]))
      return Effect.flatMap(Effect.forEach(bells, ringing), ended)
    })
  )

const silence = (fibers: ReadonlyArray<Fiber.RuntimeFiber<void>>): void => {
  for (const fiber of fibers) fiber.unsafeInterruptAsFork(FiberId.none)
}
