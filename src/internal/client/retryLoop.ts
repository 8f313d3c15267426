import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Tracer from "effect/Tracer"
import type { RateLimiter } from "../../RateLimiter.js"
import * as RetryPolicy from "../../RetryPolicy.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import type { Credentials } from "../../SuprsendConfig.js"
import type { RequestError } from "../../SuprsendError.js"
import type { Signal } from "../support/signal.js"
import { monotonic } from "../support/timer.js"
import * as failure from "../transport/failure.js"
import type { Request, Transport } from "../transport/transport.js"
import { Answered, Attempt, type Outcome } from "./attempt.js"
import type { CurrentCredentials } from "./currentCredentials.js"
import * as redact from "./redact.js"
import * as requests from "./request.js"
import * as response from "./response.js"
import type { Timeouts } from "./timeouts.js"

/**
 * State and settings that all calls of a client share.
 *
 * @internal
 */
export interface Client {
  readonly credentials: CurrentCredentials
  readonly tracePropagation: boolean
  readonly baseUrl: string
  readonly limiter: RateLimiter.Service
  readonly transport: Transport
  readonly timeouts: Timeouts
}

/**
 * Sends a request until it is settled, with one counter of attempts and one deadline.
 *
 * It is a class instead of closures, because the memory that each call allocates dominates its cost
 * (`npm run bench -- --only single`).
 *
 * @internal
 */
export class RetryLoop {
  private readonly elapsed: () => number
  private readonly deadline: number
  private attempts = 0
  private attempt: Attempt | undefined
  private used: Credentials | undefined
  private isRenewed = false
  private last: failure.Failed | undefined
  // Whether one of the attempts may have been applied.
  private uncertain = false

  /**
   * @param prepared the request, without what each attempt adds
   * @param timeout the timeout of one attempt
   * @param abort ends the call and the attempt in flight
   * @param abortWaiting ends the call as if its deadline had passed, but lets the attempt in flight
   * finish
   * @param span the span of the call, for events between attempts
   */
  constructor(
    private readonly client: Client,
    private readonly request: SuprsendClient.Request,
    private readonly prepared: Request,
    private readonly policy: RetryPolicy.RetryPolicy,
    private readonly timeout: Duration.Duration,
    private readonly clock: Clock.Clock,
    private readonly abort: Signal,
    private readonly abortWaiting: Signal,
    private readonly span: Tracer.Span
  ) {
    this.elapsed = monotonic(clock)
    this.deadline = Duration.toMillis(policy.elapsed)
  }

  /** Runs the loop. Run it at most once. */
  run(): Effect.Effect<SuprsendClient.Response, RequestError> {
    // The limiter may have closed together with the client.
    if (this.abortWaiting.isGiven) return this.giveUp(true)
    return Effect.flatMap(this.attemptInSlot(), (outcome) => {
      if (outcome === noSlot || outcome === limiterClosed) {
        return this.giveUp(outcome === limiterClosed || this.abortWaiting.isGiven)
      }
      const settled = response.settle(this.request, outcome, this.attempts, this.clock.unsafeCurrentTimeMillis())
      if (Either.isLeft(settled)) return Effect.withParentSpan(this.recover(settled.left), this.span)
      annotate(this.span, this.attempts, settled.right.status)
      return Effect.succeed(settled.right)
    })
  }

  private get remaining(): number {
    return Math.max(0, this.deadline - this.elapsed())
  }

  /** Runs an attempt in a slot of the limiter, unless no slot is free in time. */
  private attemptInSlot(): Effect.Effect<Outcome | NoSlot | LimiterClosed> {
    const { limiter } = this.client
    // A limiter that accepts a wait timeout needs no additional fiber
    // (`npm run bench -- --only single`).
    return limiter.limitWithin === undefined
      ? this.raceForSlot(limiter)
      : limiter.limitWithin<Outcome | NoSlot | LimiterClosed, never, never>(
        Effect.withFiberRuntime((fiber) => this.send(fiber, this.client.transport.endsAtOnce)),
        new Wait(this.remaining, this.abortWaiting, this.outcomeOf)
      )
  }

  private raceForSlot(limiter: RateLimiter.Service): Effect.Effect<Outcome | NoSlot> {
    let hasStarted = false
    const started = Effect.withFiberRuntime<Outcome | NoSlot>((fiber) => {
      hasStarted = true
      return this.send(fiber, false)
    })
    // An attempt with a slot has a timeout of its own.
    const tooLate = Effect.flatMap(
      sleep(this.client.timeouts, this.remaining, this.abortWaiting),
      () => hasStarted ? Effect.never : noSlotInTime
    )
    return Effect.raceFirst(
      Effect.interruptible(limiter.limit(started, { outcome: this.outcomeOf })),
      Effect.interruptible(tooLate)
    )
  }

  private send(
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    isAbortedOutside: boolean
  ): Effect.Effect<Outcome | NoSlot> {
    const { remaining } = this
    if (remaining === 0 || this.abortWaiting.isGiven) return noSlotInTime
    this.attempts++
    const { credentials, timeouts, tracePropagation, transport } = this.client
    const ofAttempt = Duration.toMillis(this.timeout)
    const isWhole = ofAttempt <= remaining
    this.attempt = new Attempt(
      transport,
      timeouts,
      isWhole ? ofAttempt : remaining,
      isWhole ? this.timeout : this.policy.elapsed,
      this.abort,
      this.request.ignoreBody ?? false
    )
    this.used = credentials.value
    const authorized = requests.authorize(
      this.used,
      this.prepared,
      this.clock.unsafeCurrentTimeMillis(),
      tracePropagation ? requests.traceparent(this.span) : undefined
    )
    return this.attempt.run(authorized, fiber, isAbortedOutside)
  }

  /** Classifies an attempt for the limiter, and ends an interrupted one. */
  private readonly outcomeOf = (exit: Exit.Exit<Outcome | NoSlot | LimiterClosed>): RateLimiter.Outcome => {
    const { attempt } = this
    this.attempt = undefined
    if (Exit.isFailure(exit)) {
      const isSent = attempt?.isSent ?? false
      attempt?.interrupt()
      return isSent ? "noResponse" : "refusal"
    }
    const ended = exit.value
    if (ended === noSlot || ended === limiterClosed) return "refusal"
    if (ended instanceof Answered) {
      const { status } = ended.head
      // A response that is not from SuprSend does not show that SuprSend accepts requests.
      return status === 429 || status >= 500 || response.isForeign(this.request, ended) ? "refusal" : "response"
    }
    return ended.failure._tag === "NoResponse" ? "noResponse" : "refusal"
  }

  private recover(failed: failure.Failed): Effect.Effect<SuprsendClient.Response, RequestError> {
    const { client, isRenewed, request, used } = this
    if (!failure.isUnauthorized(failed.failure) || isRenewed || used === undefined) return this.retry(failed)
    this.isRenewed = true
    return Effect.flatMap(
      client.credentials.renew(request.call, used),
      (hasOthers) => hasOthers ? this.run() : this.retry(failed)
    )
  }

  private retry(failed: failure.Failed): Effect.Effect<SuprsendClient.Response, RequestError> {
    return Effect.flatMap(Random.next, (random) => {
      const { abortWaiting, attempts, client, policy, request } = this
      this.last = failed
      this.note(failed)
      const state = {
        attempts,
        elapsed: this.elapsed(),
        failure: failed.failure,
        idempotent: request.idempotent ?? true,
        random
      }
      const wait = abortWaiting.isGiven ? Option.none() : RetryPolicy.decide(policy, state)
      return Effect.zipRight(
        pauseOn429(client.limiter, failed.failure, wait),
        Option.match(wait, {
          onNone: () => this.fail(failed),
          onSome: (wait) =>
            Effect.logDebug(
              `${request.call}: attempt ${attempts} failed (${this.clean(failed.summary)}); retry in ${
                Duration.format(wait)
              }`
            ).pipe(
              Effect.zipRight(sleep(client.timeouts, Duration.toMillis(wait), abortWaiting)),
              Effect.zipRight(Effect.suspend(() => this.run()))
            )
        })
      )
    })
  }

  private giveUp(isStopped: boolean): Effect.Effect<never, RequestError> {
    return this.fail(
      this.last ?? (isStopped ? failure.fromInterruption(false) : failure.noSlot(this.policy.elapsed))
    )
  }

  private note(failed: failure.Failed): void {
    this.uncertain = this.uncertain || failure.mayBeApplied(failed.failure)
  }

  private fail(failed: failure.Failed): Effect.Effect<never, RequestError> {
    this.note(failed)
    const { attempts, client, request, span } = this
    const error = failed.error({
      call: request.call,
      attempts,
      idempotent: request.idempotent ?? true,
      applied: this.uncertain ? "unknown" : "no",
      insertId: request.insertId,
      baseUrl: client.baseUrl,
      clean: this.clean
    })
    annotate(span, attempts, "status" in error ? error.status : undefined)
    return Effect.fail(error)
  }

  /** Removes secrets from an external text. */
  private get clean(): (text: string) => string {
    const { client, request } = this
    return redact.make(() => [...client.credentials.secrets, ...(request.secrets?.() ?? [])])
  }
}

const annotate = (span: Tracer.Span, attempts: number, status: number | undefined): void => {
  span.attribute("suprsend.attempts", attempts)
  if (status !== undefined) span.attribute("http.response.status_code", status)
}

const noSlot = "noSlot" as const

type NoSlot = typeof noSlot

const noSlotInTime: Effect.Effect<NoSlot> = Effect.succeed(noSlot)

const limiterClosed = "limiterClosed" as const

type LimiterClosed = typeof limiterClosed

const limiterIsClosed: Effect.Effect<LimiterClosed> = Effect.succeed(limiterClosed)

/** Options for the wait of an attempt. */
class Wait implements RateLimiter.WaitOptions<Outcome | NoSlot | LimiterClosed> {
  constructor(
    readonly waitTimeout: number,
    readonly signal: Signal,
    readonly outcome: (exit: Exit.Exit<Outcome | NoSlot | LimiterClosed>) => RateLimiter.Outcome
  ) {}

  get otherwise(): Effect.Effect<NoSlot> {
    return noSlotInTime
  }

  get closed(): Effect.Effect<LimiterClosed> {
    return limiterIsClosed
  }
}

/** Sleeps until the time has passed, or until it is aborted. */
const sleep = (timeouts: Timeouts, milliseconds: number, abort: Signal): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (abort.isGiven) return resume(Effect.void)
    const forget = () => {
      timeouts.cancel(deadline)
      abort.forget(listener)
    }
    const wake = () => {
      forget()
      resume(Effect.void)
    }
    const deadline = timeouts.after(milliseconds, wake)
    const listener = abort.listen(wake)
    return Effect.sync(forget)
  })

// A 429 applies to every call that shares the limit, including those already waiting, even if this
// call ends.
const pauseOn429 = (
  limiter: RateLimiter.Service,
  failed: RetryPolicy.Failure,
  wait: Option.Option<Duration.Duration>
): Effect.Effect<void> =>
  failed._tag === "Status" && failed.status === 429
    ? Option.match(Option.orElse(failed.retryAfter, () => wait), { onNone: () => Effect.void, onSome: limiter.pause })
    : Effect.void
