import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { AnySignal, Signal } from "../support/signal.js"

/**
 * The calls in flight of a client. They end when its scope closes.
 *
 * @internal
 */
export interface Calls {
  /**
   * Runs a call with two signals: one aborts it, the other only ends its waiting.
   *
   * Both are derived from those of the caller, and are also aborted when the scope closes. Aborting
   * the call ends its waiting too.
   */
  readonly run: <A, E>(
    abort: Signal | undefined,
    abortWaiting: Signal | undefined,
    call: (abort: Signal, abortWaiting: Signal) => Effect.Effect<A, E>
  ) => Effect.Effect<A, E>
}

/** @internal */
export const make: Effect.Effect<Calls, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() => new Signal()),
    (closing) => Effect.sync(() => closing.abort())
  ),
  (closing) => ({
    run: (abort, abortWaiting, call) => {
      if (abort === undefined && abortWaiting === undefined) return call(closing, closing)
      return Effect.suspend(() => {
        const ofCall = abort === undefined ? undefined : new AnySignal(closing, abort)
        const ofWaiting = abortWaiting === undefined ? undefined : new AnySignal(ofCall ?? closing, abortWaiting)
        const signal = ofCall ?? closing
        return Effect.ensuring(
          call(signal, ofWaiting ?? signal),
          Effect.sync(() => {
            ofCall?.leave()
            ofWaiting?.leave()
          })
        )
      })
    }
  })
)
