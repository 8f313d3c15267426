import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as LogLevel from "effect/LogLevel"
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
import * as log from "../telemetry/log.js"
import type { Labels, Meters } from "../telemetry/meters.js"
import * as spans from "../telemetry/span.js"
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
  readonly address: string
  readonly port: number
  readonly meters: Meters
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
  /** The span of the attempt in flight. */
  private attemptSpan: Tracer.Span | undefined
  /** When the call began to wait for a slot, and when the attempt got it, in elapsed time. */
  private queuedAt = 0
  private startedAt = 0
  private bodyBytes = 0
  private isDebugging = false
  private settled: Either.Either<response.Response, failure.Failed> | undefined
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
   * @param span the span of the call, the parent of those of its attempts
   * @param caller the labels of metrics around the call
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
    private readonly span: Tracer.Span,
    private readonly caller: Labels
  ) {
    this.elapsed = monotonic(clock)
    this.deadline = Duration.toMillis(policy.elapsed)
  }

  /** Runs the loop. Run it at most once. */
  run(): Effect.Effect<SuprsendClient.Response, RequestError> {
    // The limiter may have closed together with the client.
    if (this.abortWaiting.aborted) return this.giveUp("limiterClosed")
    return Effect.flatMap(this.attemptInSlot(), (outcome) => {
      if (typeof outcome === "string") {
        return Effect.withFiberRuntime((fiber) => {
          this.traceWait(fiber, this.elapsed())
          return Effect.withParentSpan(
            this.giveUp(this.abortWaiting.aborted ? "limiterClosed" : outcome),
            this.span
          )
        })
      }
      const settled = this.settled ?? this.settle(outcome)
      const next = Either.isLeft(settled)
        ? Effect.withParentSpan(this.recover(settled.left), this.span)
        : this.succeed(settled.right)
      return this.isDebugging ? Effect.zipRight(this.logAttempt(outcome, settled), next) : next
    })
  }

  private again(): Effect.Effect<SuprsendClient.Response, RequestError> {
    this.queuedAt = this.elapsed()
    return this.run()
  }

  private succeed(settled: response.Response): Effect.Effect<SuprsendClient.Response> {
    this.span.attribute("suprsend.attempts", this.attempts)
    return Effect.succeed(settled)
  }

  private settle(outcome: Outcome): Either.Either<response.Response, failure.Failed> {
    return response.settle(this.request, outcome, this.attempts, this.clock.unsafeCurrentTimeMillis())
  }

  private get remaining(): number {
    return Math.max(0, this.deadline - this.elapsed())
  }

  /** Runs an attempt in a slot of the limiter, unless no slot is free in time. */
  private attemptInSlot(): Effect.Effect<Outcome | NoAttempt> {
    const { limiter } = this.client
    // A limiter that accepts a wait timeout needs no additional fiber
    // (`npm run bench -- --only single`).
    return limiter.limitWithin === undefined
      ? this.raceForSlot(limiter)
      : limiter.limitWithin<Outcome | NoAttempt, never, never>(
        Effect.withFiberRuntime((fiber) => this.send(fiber, this.client.transport.endsAtOnce)),
        // Before the first attempt no time has passed.
        new Wait(this.attempts === 0 ? this.deadline : this.remaining, this.abortWaiting, this.outcomeOf)
      )
  }

  private raceForSlot(limiter: RateLimiter.Service): Effect.Effect<Outcome | NoAttempt> {
    let hasStarted = false
    // A limiter of yours need not ask for the outcome, and asks when the attempt is already forgotten.
    let known: RateLimiter.Outcome | undefined
    const outcome = (exit: Exit.Exit<Outcome | NoAttempt>) => known ??= this.outcomeOf(exit)
    const started = Effect.withFiberRuntime<Outcome | NoAttempt>((fiber) => {
      hasStarted = true
      known = undefined
      return Effect.onExit(this.send(fiber, false), (exit) => Effect.sync(() => outcome(exit)))
    })
    // An attempt with a slot has a timeout of its own.
    const tooLate = Effect.flatMap(
      sleep(this.client.timeouts, this.remaining, this.abortWaiting),
      () => hasStarted ? Effect.never : noSlotInTime
    )
    return Effect.raceFirst(
      Effect.interruptible(limiter.limit(started, { outcome })),
      Effect.interruptible(tooLate)
    )
  }

  private send(
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    isAbortedOutside: boolean
  ): Effect.Effect<Outcome | NoAttempt> {
    const elapsed = this.elapsed()
    if (elapsed >= this.deadline || this.abortWaiting.aborted) return noSlotInTime
    this.attempts++
    this.settled = undefined
    this.startedAt = elapsed
    this.isDebugging = log.isLogged(fiber, LogLevel.Debug)
    const { tracePropagation, transport } = this.client
    if (!spans.isReceived(fiber) && !transport.isTraced && !tracePropagation) {
      return this.start(undefined, fiber, isAbortedOutside)
    }
    this.traceWait(fiber, elapsed)
    // An interruption that came before the span is known would leave it open.
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        Effect.makeSpan(`${this.request.method} ${this.request.template}`, {
          kind: "client",
          captureStackTrace: false,
          parent: this.span,
          attributes: this.attributes
        }),
        (span) => restore(this.start(span, fiber, isAbortedOutside))
      )
    )
  }

  private start(
    span: Tracer.Span | undefined,
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    isAbortedOutside: boolean
  ): Effect.Effect<Outcome> {
    const { credentials, timeouts, tracePropagation, transport } = this.client
    const remaining = this.deadline - this.startedAt
    const ofAttempt = Duration.toMillis(this.timeout)
    const isWhole = ofAttempt <= remaining
    const attempt = new Attempt(
      transport,
      timeouts,
      isWhole ? ofAttempt : remaining,
      isWhole ? this.timeout : this.policy.elapsed,
      this.abort,
      this.request.ignoreBody ?? false
    )
    this.attempt = attempt
    this.attemptSpan = span
    this.used = credentials.value
    const authorized = requests.authorize(
      this.used,
      this.prepared,
      this.clock.unsafeCurrentTimeMillis(),
      tracePropagation && span !== undefined ? requests.traceparent(span) : undefined
    )
    this.bodyBytes = authorized.body?.length ?? 0
    if (this.bodyBytes > 0) span?.attribute("http.request.body.size", this.bodyBytes)
    // Its client may be wrapped by code that makes spans.
    return transport.isTraced && span !== undefined
      ? Effect.withParentSpan(
        Effect.withFiberRuntime((fiber) => attempt.run(authorized, fiber, isAbortedOutside)),
        span
      )
      : attempt.run(authorized, fiber, isAbortedOutside)
  }

  /** The attributes of an attempt, as the semantic conventions name them. */
  private get attributes(): Record<string, unknown> {
    const { attempts, client, request: { method, template } } = this
    const attributes: Record<string, unknown> = {
      "http.request.method": method,
      "server.address": client.address,
      "server.port": client.port,
      // With the names of parameters in the place of ids, and without the query.
      "url.full": client.baseUrl + template.replace(/^\//, ""),
      "url.template": template
    }
    if (attempts > 1) attributes["http.request.resend_count"] = attempts - 1
    return attributes
  }

  /** Classifies an attempt for the limiter, and ends an interrupted one. */
  private readonly outcomeOf = (exit: Exit.Exit<Outcome | NoAttempt>): RateLimiter.Outcome => {
    const { attempt, attemptSpan } = this
    this.attempt = undefined
    this.attemptSpan = undefined
    if (Exit.isFailure(exit)) {
      const isSent = attempt?.isSent ?? false
      attempt?.interrupt()
      if (attemptSpan !== undefined) spans.end(attemptSpan, this.clock.unsafeCurrentTimeNanos(), exit)
      return isSent ? "noResponse" : "refusal"
    }
    const ended = exit.value
    if (typeof ended === "string") return "refusal"
    const settled = this.settled ??= this.settle(ended)
    if (attempt !== undefined) this.record(attemptSpan, ended, settled)
    if (ended instanceof Answered) {
      const { status } = ended.head
      // A response that is not from SuprSend does not show that SuprSend accepts requests.
      return status === 429 || status >= 500 || response.isForeign(this.request, ended) ? "refusal" : "response"
    }
    return ended.failure._tag === "NoResponse" ? "noResponse" : "refusal"
  }

  /** Ends the span of an attempt that was not interrupted, and counts it. */
  private record(
    span: Tracer.Span | undefined,
    ended: Outcome,
    settled: Either.Either<response.Response, failure.Failed>
  ): void {
    const { caller, client, clock, request: { method, template } } = this
    const status = ended instanceof Answered ? ended.head.status : undefined
    const type = Either.isLeft(settled) ? settled.left.type : undefined
    const isInterrupted = Either.isLeft(settled) && type === undefined
    if (span !== undefined) {
      if (status !== undefined) span.attribute("http.response.status_code", status)
      if (type !== undefined) span.attribute("error.type", type)
      span.end(
        clock.unsafeCurrentTimeNanos(),
        isInterrupted ? interrupted : type === undefined ? Exit.void : Exit.fail(type)
      )
    }
    if (isInterrupted) return
    const seconds = (this.elapsed() - this.startedAt) / 1_000
    client.meters.attempt(caller, client, method, template, seconds, this.bodyBytes, status, type)
  }

  /** Logs an attempt that has ended, for debugging. */
  private logAttempt(
    ended: Outcome,
    settled: Either.Either<response.Response, failure.Failed>
  ): Effect.Effect<void> {
    const status = ended instanceof Answered ? ended.head.status : undefined
    const milliseconds = Math.round(this.elapsed() - this.startedAt)
    const how = Either.isLeft(settled) ? this.reason(settled.left) : `status ${status}`
    return Effect.withParentSpan(
      log.attempt(LogLevel.Debug, `${this.request.call}: attempt ${this.attempts}: ${how} in ${milliseconds}ms`, {
        ...this.annotations,
        "http.response.status_code": status,
        "error.type": Either.isLeft(settled) ? settled.left.type : undefined,
        "suprsend.duration_ms": milliseconds
      }),
      this.span
    )
  }

  private get annotations(): Record<string, string | number> {
    const { attempts, request: { call, method, template } } = this
    return {
      "suprsend.call": call,
      "suprsend.attempt": attempts,
      "http.request.method": method,
      "url.template": template
    }
  }

  /** Describes a failure without secrets, and without the ids of users. */
  private reason(failed: failure.Failed): string {
    const { ids, params, query } = this.request
    // A parameter of the query may be an id too.
    const named = [...Object.values(params ?? {}), ...Object.values(query ?? {}), ...(ids?.() ?? [])]
      .flatMap((value) => typeof value === "string" && value !== "" ? [value] : [])
    const text = this.clean(failed.summary)
    // Removing secrets finds escaped ones, but not those of a few characters.
    return named.some((id) => text.includes(id)) || redact.make(() => named)(text) !== text
      ? failed.type ?? "interrupted"
      : text
  }

  private traceWait(fiber: Fiber.RuntimeFiber<unknown, unknown>, elapsed: number): void {
    const milliseconds = elapsed - this.queuedAt
    if (milliseconds >= 1) spans.waited(fiber, this.span, "suprsend.limiter.wait", milliseconds)
  }

  private recover(failed: failure.Failed): Effect.Effect<SuprsendClient.Response, RequestError> {
    const { client, isRenewed, request, used } = this
    if (!failure.isUnauthorized(failed.failure) || isRenewed || used === undefined) return this.retry(failed)
    this.isRenewed = true
    return Effect.flatMap(
      client.credentials.renew(request.call, used),
      (hasOthers) =>
        hasOthers
          ? Effect.zipRight(this.logRetry(failed, Duration.zero), Effect.suspend(() => this.again()))
          : this.retry(failed)
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
      const wait = abortWaiting.aborted ? Option.none() : RetryPolicy.decide(policy, state)
      return Effect.zipRight(
        pauseOn429(client.limiter, failed.failure, wait),
        Option.match(wait, {
          onNone: () => this.fail(failed),
          onSome: (wait) =>
            this.logRetry(failed, wait).pipe(
              Effect.zipRight(sleep(client.timeouts, Duration.toMillis(wait), abortWaiting)),
              Effect.zipRight(Effect.suspend(() => this.again()))
            )
        })
      )
    })
  }

  private logRetry(failed: failure.Failed, wait: Duration.Duration): Effect.Effect<void> {
    const { attempts, caller, client, request } = this
    const reason = failed.type ?? "interrupted"
    client.meters.retry(caller, reason)
    return log.attempt(
      LogLevel.Warning,
      `${request.call}: attempt ${attempts} failed (${this.reason(failed)}); retry in ${Duration.format(wait)}`,
      { ...this.annotations, "error.type": reason, "suprsend.retry_in_ms": Duration.toMillis(wait) }
    )
  }

  private giveUp(why: NoAttempt): Effect.Effect<never, RequestError> {
    return this.fail(
      this.last ?? (why === "limiterClosed" ? failure.fromInterruption(false) : failure[why](this.policy.elapsed))
    )
  }

  private note(failed: failure.Failed): void {
    this.uncertain = this.uncertain || failure.mayBeApplied(failed.failure)
  }

  private fail(failed: failure.Failed): Effect.Effect<never, RequestError> {
    this.note(failed)
    const { attempts, client, request } = this
    this.span.attribute("suprsend.attempts", attempts)
    const error = failed.error({
      call: request.call,
      attempts,
      idempotent: request.idempotent ?? true,
      applied: this.uncertain ? "unknown" : "no",
      insertId: request.insertId,
      baseUrl: client.baseUrl,
      clean: this.clean
    })
    return Effect.fail(error)
  }

  /** Removes secrets from an external text. */
  private get clean(): (text: string) => string {
    const { client, request } = this
    return redact.make(() => [...client.credentials.secrets, ...(request.secrets?.() ?? [])])
  }
}

const interrupted = Exit.interrupt(FiberId.none)

/** Why there was no attempt: no slot in time, a limiter that cannot reach its store, or one that is closed. */
type NoAttempt = "noSlot" | "limiterUnavailable" | "limiterClosed"

const noSlotInTime: Effect.Effect<NoAttempt> = Effect.succeed("noSlot")

const limiterIsUnavailable: Effect.Effect<NoAttempt> = Effect.succeed("limiterUnavailable")

const limiterIsClosed: Effect.Effect<NoAttempt> = Effect.succeed("limiterClosed")

/** Options for the wait of an attempt. */
class Wait implements RateLimiter.WaitOptions<Outcome | NoAttempt> {
  constructor(
    readonly waitTimeout: number,
    readonly signal: Signal,
    readonly outcome: (exit: Exit.Exit<Outcome | NoAttempt>) => RateLimiter.Outcome
  ) {}

  get otherwise(): Effect.Effect<NoAttempt> {
    return noSlotInTime
  }

  get unavailable(): Effect.Effect<NoAttempt> {
    return limiterIsUnavailable
  }

  get closed(): Effect.Effect<NoAttempt> {
    return limiterIsClosed
  }
}

/** Sleeps until the time has passed, or until it is aborted. */
const sleep = (timeouts: Timeouts, milliseconds: number, abort: Signal): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (abort.aborted) return resume(Effect.void)
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
