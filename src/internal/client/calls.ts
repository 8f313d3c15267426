import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Signal } from "../signal.js"

/**
 * The calls under way over a client, which end when its scope closes.
 *
 * @internal
 */
export interface Calls {
  /** Runs a call with the signal that aborts it: when the scope closes, or when the caller's own is given. */
  readonly run: <A, E>(
    abort: Signal | undefined,
    call: (abort: Signal) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
}

/** @internal */
export const make: Effect.Effect<Calls, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new Signal()),
    (closing) => Effect.sync(() => closing.give())
  ),
  (closing) => ({
    run: (abort, call) =>
      Effect.suspend(() => {
        if (abort === undefined) return call(closing)
        const either = new Signal()
        const give = () => either.give()
        if (closing.isGiven || abort.isGiven) give()
        closing.listen(give)
        abort.listen(give)
        return Effect.ensuring(
          call(either),
          Effect.sync(() => {
            closing.forget(give)
            abort.forget(give)
          })
        )
      })
  })
)
