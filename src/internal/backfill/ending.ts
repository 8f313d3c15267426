import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import type { SuprsendLedgerError } from "../../BackfillError.js"
import type { RequestError } from "../../SuprsendError.js"
import type { WantedState } from "./ledger/ledger.js"

/**
 * What ends the work on a partition before its rows do.
 *
 * @internal
 */
export class Ending {
  /** Whether the work stops gracefully. */
  isStopping = false
  /** Whether the claim belongs to another runner, or the backfill was removed. */
  isLost = false
  /** The error that all other records would fail with. */
  halted: RequestError | undefined
  /** The first failure of something in the background. */
  broken: Cause.Cause<SuprsendLedgerError> | undefined
  /** Why records wait, for an operator. */
  problem: string | undefined

  /** `stopped` is of this partition alone, because a lost claim does not end the others. */
  constructor(readonly stopped: Deferred.Deferred<void>) {}

  /** Stops gracefully: requests in flight have the grace to end, and what they did is saved. */
  get stop(): Effect.Effect<unknown> {
    return Effect.suspend(() => {
      this.isStopping = true
      return Deferred.succeed(this.stopped, undefined)
    })
  }

  /** Stops unless an operator wants the backfill to run. Without a state, the claim is lost. */
  heed(state: Option.Option<WantedState>): Effect.Effect<unknown> {
    if (Option.isNone(state)) this.isLost = true
    return Option.contains(state, "running") ? Effect.void : this.stop
  }

  /** Stops if an effect fails. */
  orStop<R>(effect: Effect.Effect<unknown, SuprsendLedgerError, R>): Effect.Effect<unknown, never, R> {
    return Effect.catchAllCause(effect, (cause) => {
      this.broken ??= cause
      return this.stop
    })
  }
}

/**
 * Describes a failure for an operator. It never throws.
 *
 * @internal
 */
export const problemOf = (cause: Cause.Cause<unknown>): string => {
  const text = Option.liftThrowable(textOf)(Cause.squash(cause))
  return Option.getOrElse(text, () => "an error without a text").slice(0, maximumProblem)
}

const maximumProblem = 2_000

const textOf = (error: unknown): string => {
  if (!(error instanceof Error)) return Inspectable.toStringUnknown(error, 0)
  // In JavaScript, it may be anything.
  const message: unknown = error.message
  return typeof message === "string" && message !== "" ? message : Inspectable.toStringUnknown(message || error.name, 0)
}
