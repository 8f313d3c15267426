import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Tracer from "effect/Tracer"
import type { RateLimiter } from "../../RateLimiter.js"
import * as RetryPolicy from "../../RetryPolicy.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import type { RequestError } from "../../SuprsendError.js"
import * as redactor from "../redactor.js"
import type { Signal } from "../signal.js"
import * as failure from "../transport/failure.js"
import type * as attempt from "./attempt.js"
import * as response from "./response.js"
import type { Timeouts } from "./timeouts.js"

/**
 * What is needed for a request to be sent until it is settled.
 *
 * @internal
 */
export interface Options {
  readonly limiter: RateLimiter.Service
  readonly policy: RetryPolicy.RetryPolicy
  /** Of one attempt. */
  readonly timeout: Duration.Duration
  readonly baseUrl: string
  readonly secrets: ReadonlyArray<string>
  readonly timeouts: Timeouts
  /** Milliseconds since the call began. */
  readonly elapsed: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Ends the call as one does whose time is up. */
  readonly abort: Signal
  /** The span of the call, for what happens between attempts. */
  readonly span: Tracer.Span
  readonly attempt: (bounds: Pick<attempt.Options, "milliseconds" | "timeout">) => Effect.Effect<attempt.Outcome>
}

/**
 * Sends a request until it is settled: one counter of attempts, one deadline.
 *
 * @internal
 */
export const run = (
  request: SuprsendClient.Request,
  { abort, attempt, baseUrl, elapsed, limiter, now, policy, secrets, span, timeout, timeouts }: Options
): Effect.Effect<SuprsendClient.Response, RequestError> => {
  const { repeatable = true } = request
  const deadline = Duration.toMillis(policy.elapsed)
  const remaining = () => Math.max(0, deadline - elapsed())
  let attempts = 0
  let last: failure.Failed | undefined
  // Whether one of the attempts may have been applied.
  let uncertain = false

  const fail = (failed: failure.Failed): Effect.Effect<never, RequestError> => {
    uncertain = uncertain || failure.mayBeApplied(failed.failure)
    const error = failed.error({
      call: request.call,
      attempts,
      repeatable,
      applied: uncertain ? "unknown" : "no",
      insertId: request.insertId,
      baseUrl,
      clean: redactor.make(() => [...secrets, ...(request.secrets?.() ?? [])])
    })
    annotate(span, attempts, "status" in error ? error.status : undefined)
    return Effect.fail(error)
  }

  const succeed = (settled: response.Response) => {
    annotate(span, attempts, settled.status)
    return Effect.succeed(settled)
  }

  const attemptOnce = Effect.suspend((): Effect.Effect<attempt.Outcome | NoSlot> => {
    const milliseconds = remaining()
    if (milliseconds === 0 || abort.isGiven) return noSlotInTime
    attempts++
    return attempt(
      Duration.toMillis(timeout) <= milliseconds
        ? { milliseconds: Duration.toMillis(timeout), timeout }
        : { milliseconds, timeout: policy.elapsed }
    )
  })

  const retry = (failed: failure.Failed): Effect.Effect<SuprsendClient.Response, RequestError> =>
    Effect.flatMap(Random.next, (random) => {
      last = failed
      uncertain = uncertain || failure.mayBeApplied(failed.failure)
      const state = { attempts, elapsed: elapsed(), failure: failed.failure, repeatable, random }
      const wait = abort.isGiven ? Option.none() : RetryPolicy.decide(policy, state)
      return Effect.zipRight(
        pauseOn429(limiter, failed.failure, wait),
        Option.match(wait, {
          onNone: () => fail(failed),
          onSome: (wait) =>
            Effect.logDebug(`${request.call}: attempt ${attempts} failed, the next in ${Duration.format(wait)}`).pipe(
              Effect.zipRight(sleep(timeouts, Duration.toMillis(wait), abort)),
              Effect.zipRight(Effect.suspend(loop))
            )
        })
      )
    })

  const giveUp = (isStopped: boolean) =>
    fail(last ?? (isStopped ? failure.fromInterruption(false) : failure.noSlot(policy.elapsed)))

  const loop = (): Effect.Effect<SuprsendClient.Response, RequestError> => {
    // The limiter may have closed with the client.
    if (abort.isGiven) return giveUp(true)
    return Effect.flatMap(withSlot(limiter, attemptOnce, remaining(), abort, timeouts), (outcome) => {
      if (outcome === noSlot || outcome === limiterClosed) return giveUp(outcome === limiterClosed || abort.isGiven)
      const settled = response.settle(request, outcome, attempts, now())
      return Either.isRight(settled) ? succeed(settled.right) : Effect.withParentSpan(retry(settled.left), span)
    })
  }

  return loop()
}

const annotate = (span: Tracer.Span, attempts: number, status: number | undefined): void => {
  span.attribute("suprsend.attempts", attempts)
  if (status !== undefined) span.attribute("http.response.status_code", status)
}

const noSlot = "noSlot" as const

type NoSlot = typeof noSlot

const noSlotInTime: Effect.Effect<NoSlot> = Effect.succeed(noSlot)

const limiterClosed = "limiterClosed" as const

const limiterIsClosed: Effect.Effect<typeof limiterClosed> = Effect.succeed(limiterClosed)

/** Tells the limiter how an attempt ended. */
const outcomeOf = (exit: Exit.Exit<attempt.Outcome | NoSlot | typeof limiterClosed>): RateLimiter.Outcome => {
  if (Exit.isFailure(exit)) return "noResponse"
  const ended = exit.value
  if (ended === noSlot || ended === limiterClosed) return "refusal"
  if (ended._tag === "Failure") return ended.failed.failure._tag === "NoAnswer" ? "noResponse" : "refusal"
  return ended.head.status === 429 || ended.head.status >= 500 ? "refusal" : "response"
}

/**
 * Runs an attempt in a slot of the limiter, unless there is none in time.
 *
 * A limiter that takes a wait timeout needs no fiber to watch it: `npm run bench -- --only single` shows what that saves.
 */
const withSlot = (
  limiter: RateLimiter.Service,
  attempt: Effect.Effect<attempt.Outcome | NoSlot>,
  milliseconds: number,
  abort: Signal,
  timeouts: Timeouts
): Effect.Effect<attempt.Outcome | NoSlot | typeof limiterClosed> => {
  if (limiter.limitWithin !== undefined) {
    return limiter.limitWithin<attempt.Outcome | NoSlot | typeof limiterClosed, never, never>(attempt, {
      waitTimeout: milliseconds,
      signal: abort,
      otherwise: noSlotInTime,
      closed: limiterIsClosed,
      outcome: outcomeOf
    })
  }
  let hasStarted = false
  const started = Effect.suspend(() => {
    hasStarted = true
    return attempt
  })
  // An attempt that has its slot has a deadline of its own.
  const tooLate = Effect.flatMap(
    sleep(timeouts, milliseconds, abort),
    () => hasStarted ? Effect.never : noSlotInTime
  )
  return Effect.raceFirst(
    Effect.interruptible(limiter.limit(started, { outcome: outcomeOf })),
    Effect.interruptible(tooLate)
  )
}

/** Waits, but not for longer than until it is aborted. */
const sleep = (timeouts: Timeouts, milliseconds: number, abort: Signal): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (abort.isGiven) return resume(Effect.void)
    const wake = () => {
      cancel()
      abort.forget(wake)
      resume(Effect.void)
    }
    const cancel = timeouts.after(milliseconds, wake)
    abort.listen(wake)
    return Effect.sync(() => {
      cancel()
      abort.forget(wake)
    })
  })

// A 429 concerns everyone who shares the limit, those who wait already too; and it holds whether or not this call goes on.
const pauseOn429 = (
  limiter: RateLimiter.Service,
  failed: RetryPolicy.Failure,
  wait: Option.Option<Duration.Duration>
): Effect.Effect<void> =>
  failed._tag === "Status" && failed.status === 429
    ? Option.match(Option.orElse(failed.retryAfter, () => wait), { onNone: () => Effect.void, onSome: limiter.pause })
    : Effect.void
