import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Signal } from "../signal.js"

/**
 * The calls under way over a client, which end when its scope closes.
 *
 * @internal
 */
export interface Calls {
  /**
   * Runs a call with the signal that aborts it, and the one that ends its waiting alone. Both are given when the scope closes, and the
   * second one with the first.
   */
  readonly run: <A, E>(
    { abort, abortWaiting }: Aborts,
    call: (abort: Signal, abortWaiting: Signal) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
}

/**
 * The signals of a caller.
 *
 * @internal
 */
export interface Aborts {
  readonly abort: Signal | undefined
  readonly abortWaiting: Signal | undefined
}

/** @internal */
export const make: Effect.Effect<Calls, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new Signal()),
    (closing) => Effect.sync(() => closing.give())
  ),
  (closing) => ({
    run: ({ abort, abortWaiting }, call) =>
      Effect.suspend(() => {
        if (abort === undefined && abortWaiting === undefined) return call(closing, closing)
        const ofCall = abort === undefined ? undefined : new Either([closing, abort])
        const ofWaiting = abortWaiting === undefined ? undefined : new Either([ofCall?.signal ?? closing, abortWaiting])
        const signal = ofCall?.signal ?? closing
        return Effect.ensuring(
          call(signal, ofWaiting?.signal ?? signal),
          Effect.sync(() => {
            ofCall?.forget()
            ofWaiting?.forget()
          })
        )
      })
  })
)

/** A signal that is given with the first of others. */
class Either {
  readonly signal = new Signal()

  constructor(private readonly signals: ReadonlyArray<Signal>) {
    for (const signal of signals) {
      if (signal.isGiven) this.give()
      else signal.listen(this.give)
    }
  }

  private readonly give = (): void => this.signal.give()

  forget(): void {
    for (const signal of this.signals) signal.forget(this.give)
  }
}
