import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type Listener, Signal } from "../support/signal.js"

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
        const ofCall = abort === undefined ? undefined : new Either(closing, abort)
        const ofWaiting = abortWaiting === undefined ? undefined : new Either(ofCall?.signal ?? closing, abortWaiting)
        const signal = ofCall?.signal ?? closing
        return Effect.ensuring(
          call(signal, ofWaiting?.signal ?? signal),
          Effect.sync(() => {
            ofCall?.forget()
            ofWaiting?.forget()
          })
        )
      })
    }
  })
)

/** A signal that is aborted as soon as one of two others is. */
class Either {
  readonly signal = new Signal()
  private readonly ofOne: Listener
  private readonly ofOther: Listener

  constructor(private readonly one: Signal, private readonly other: Signal) {
    const give = () => this.signal.abort()
    if (one.aborted || other.aborted) give()
    this.ofOne = one.listen(give)
    this.ofOther = other.listen(give)
  }

  forget(): void {
    this.one.forget(this.ofOne)
    this.other.forget(this.ofOther)
  }
}
