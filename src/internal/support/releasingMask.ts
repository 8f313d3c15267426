import * as Effect from "effect/Effect"

/** Makes an effect interruptible again, if it was before the mask. Run the effect at most once. */
type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * `Effect.uninterruptibleMask` for code that runs with each request: it forgets the function, and
 * what is restored, when they run.
 *
 * Effect assigns closures to properties here, and V8 allocates such closures in the old generation.
 * There they keep all that they reference until the next major collection. V8 then finds that the
 * objects of requests live long, and allocates these in the old generation too, so that a call
 * needs more CPU (`npm run bench -- --only telemetry --full --before a1d9af8`).
 *
 * @internal
 */
export const releasingMask = <A, E, R>(
  f: (restore: Restore) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => Effect.suspend(() => masked(new Held(f)))

/** A value until it is taken. */
class Held<A> {
  private value: A | undefined

  constructor(value: A) {
    this.value = value
  }

  take(): A {
    const { value } = this
    if (value === undefined) throw new Error("a restored effect can run only once")
    this.value = undefined
    return value
  }
}

// Functions of their own, because a closure keeps all variables of the function around it that any
// closure uses.

const masked = <A, E, R>(held: Held<(restore: Restore) => Effect.Effect<A, E, R>>): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) => held.take()((effect) => restore(takeAndRun(new Held(effect)))))

const takeAndRun = <A, E, R>(held: Held<Effect.Effect<A, E, R>>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => held.take())
