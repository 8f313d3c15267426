import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { type RequestError, SuprsendUnauthorized, SuprsendUnavailable } from "../../SuprsendError.js"
import { AnySignal, Signal } from "../support/signal.js"
import * as timer from "../support/timer.js"

/**
 * The reason why no further request is sent, as the error of the remaining records.
 *
 * The argument says whether a record may have been applied earlier.
 *
 * @internal
 */
export type Reason = (applied: "no" | "unknown") => RequestError

/**
 * The outcome and the error of a record that failed with its request.
 *
 * @internal
 */
export interface Failure {
  readonly outcome: "rejected" | "unknown" | "unsent"
  readonly error: RequestError
}

/**
 * The descriptions of the errors of records that were not sent.
 *
 * @internal
 */
export interface Descriptions {
  /** Because of a defect. */
  readonly whenBroken: string
  /** Because the bulk was stopped before. */
  readonly whenStopped: string
}

/**
 * Ends a bulk early: sends no further request, and aborts those that wait or are in flight.
 *
 * @internal
 */
export class Halt {
  /** Ends all requests. */
  readonly abort = new Signal()
  /** Ends requests that wait for a slot or a retry, but not attempts in flight. */
  readonly abortWaiting = new Signal()
  /** Ends requests that wait for their first slot. Those in flight go on, retries included. */
  private readonly stopping = new Signal()
  private reason: Reason | undefined
  private firstDefect: Cause.Cause<never> | undefined

  constructor(private readonly call: string, private readonly descriptions: Descriptions) {}

  /** The first defect, with which the bulk fails at its end. */
  get defect(): Cause.Cause<never> | undefined {
    return this.firstDefect
  }

  get isStopping(): boolean {
    return this.stopping.aborted
  }

  /** The failure of records whose request was not started because the bulk was stopped. */
  get notStarted(): Failure {
    return { outcome: "unsent", error: interruption(this.call, this.descriptions.whenStopped)("no") }
  }

  /** Sends no further request. Only the first reason counts. */
  because(reason: Reason): void {
    if (this.reason !== undefined) return
    this.reason = reason
    this.abortWaiting.abort()
  }

  /**
   * Returns a signal that ends the waits of a request for slots: at a halt, or at a stop before
   * `leaveSecond`.
   */
  waits(): AnySignal {
    return new AnySignal(this.abortWaiting, this.stopping)
  }

  abortAll(): void {
    this.abortWaiting.abort()
    this.abort.abort()
  }

  /** Ends the bulk gracefully, so that the outcomes so far are reported before it fails. */
  breakOff(defect: Cause.Cause<never>): void {
    this.firstDefect ??= defect
    this.because(interruption(this.call, this.descriptions.whenBroken))
    this.abortAll()
  }

  /**
   * Waits until the bulk is stopped. Then it starts no further request, runs an effect, and aborts
   * all requests after the grace.
   */
  onStop(
    stopped: Deferred.Deferred<unknown>,
    grace: Duration.Duration,
    effect: Effect.Effect<unknown>
  ): Effect.Effect<unknown, never, Scope.Scope> {
    return Deferred.await(stopped).pipe(
      Effect.zipRight(Effect.sync(() => this.stopping.abort())),
      Effect.zipRight(effect),
      Effect.zipRight(timer.sleep(grace)),
      Effect.zipRight(Effect.sync(() => this.abortAll())),
      // The call itself may be uninterruptible, as in a finalizer.
      Effect.interruptible,
      Effect.forkScoped
    )
  }

  /** Returns why no request can succeed after this error, or undefined if others still may. */
  reasonAfter(error: RequestError): Reason | undefined {
    if (error._tag === "SuprsendUnauthorized") {
      const { attempts, serverMessage, status } = error
      return (applied) => new SuprsendUnauthorized({ call: this.call, attempts, applied, serverMessage, status })
    }
    // Interrupted from outside of this bulk: the client was closed.
    return isInterruption(error) && !this.abort.aborted && !this.neverStarted(error)
      ? interruption(this.call, "the client was closed before this was sent")
      : undefined
  }

  /**
   * Returns the failure of records that are not sent, if the bulk has halted.
   *
   * `uncertain` says whether an earlier request may have applied them.
   */
  unsent(uncertain: boolean): Failure | undefined {
    if (this.reason === undefined) return undefined
    return uncertain
      ? { outcome: "unknown", error: this.reason("unknown") }
      : { outcome: "unsent", error: this.reason("no") }
  }

  /**
   * Converts the error of a request to the failure of each of its records.
   *
   * `uncertain` says whether an earlier request may have applied them.
   */
  failure(error: RequestError, uncertain: boolean): Failure {
    if (uncertain || error.applied === "unknown") return { outcome: "unknown", error }
    if (error._tag === "SuprsendRejected" || error._tag === "SuprsendUnauthorized") {
      return { outcome: "rejected", error }
    }
    if (this.neverStarted(error)) return this.notStarted
    // A request that was waiting when the bulk halted fails with the reason for that.
    return this.reason !== undefined && isInterruption(error)
      ? { outcome: "unsent", error: this.reason("no") }
      : { outcome: "unsent", error }
  }

  /** Checks whether the bulk was stopped before the request got its first slot. */
  private neverStarted(error: RequestError): boolean {
    return this.stopping.aborted && this.reason === undefined && isInterruption(error) && error.attempts === 0
  }

  /** Handles the failed request as an error or as a defect. */
  match<A>(cause: Cause.Cause<RequestError>, { onDefect, onError }: {
    readonly onError: (error: RequestError) => A
    /** Called with the defect, and with the error that its records fail with. */
    readonly onDefect: (defect: Cause.Cause<never>, error: RequestError) => A
  }): A {
    return Either.match(Cause.failureOrCause(cause), {
      onLeft: onError,
      onRight: (cause) =>
        // Something else interrupted the request, such as the closing scope of a limiter. It is
        // unknown whether it was sent.
        Cause.isInterruptedOnly(cause)
          ? onError(interruption(this.call, "the client was closed")("unknown"))
          : onDefect(cause, interruption(this.call, "the request died")("unknown"))
    })
  }
}

/** Makes the error of a request that was interrupted from outside. */
const interruption = (call: string, description: string): Reason => (applied) =>
  new SuprsendUnavailable({ call, reason: "Interrupted", attempts: 0, applied, retryable: true, description })

const isInterruption = (error: RequestError): boolean =>
  error._tag === "SuprsendUnavailable" && error.reason === "Interrupted"
