import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type * as Tracer from "effect/Tracer"
import type { RateLimiter } from "../RateLimiter.js"
import * as RetryPolicy from "../RetryPolicy.js"
import type { SuprsendClient } from "../SuprsendClient.js"
import type { RequestError } from "../SuprsendError.js"
import * as answer from "./answer.js"
import * as cut from "./cut.js"
import * as redactor from "./redactor.js"
import type { Cut, Progress } from "./sender.js"
import type { Signal } from "./signal.js"
import { monotonic } from "./timer.js"
import * as transport from "./transport.js"

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
  readonly secrets: ReadonlyArray<string>
  readonly clock: Clock.Clock
  /** The span of the call, for what happens between attempts. */
  readonly span: Tracer.Span
  readonly attempt: (progress: Progress, cut: Cut) => Effect.Effect<transport.Answered, answer.Failed>
}

/**
 * The loop around the attempts: one counter, one deadline.
 *
 * @internal
 */
export const run = (
  request: SuprsendClient.Request,
  { attempt, clock, limiter, policy, secrets, span, timeout }: Options
): Effect.Effect<SuprsendClient.Response, RequestError> => {
  const { giveUp: signal, repeatable = true } = request
  const elapsed = Duration.toMillis(policy.elapsed)
  const sinceStart = monotonic(clock)
  const left = () => Math.max(0, elapsed - sinceStart())
  let attempts = 0
  let underWay: Progress | undefined
  let last: answer.Failed | undefined
  // Whether one of the attempts may have been carried out.
  let uncertain = false

  const giveUp = (failed: answer.Failed): Effect.Effect<never, RequestError> => {
    uncertain = uncertain || answer.mayBeApplied(failed.failure)
    const error = failed.error({
      call: request.call,
      attempts,
      repeatable,
      applied: uncertain ? "unknown" : "no",
      insertId: request.insertId,
      clean: redactor.make(() => [...secrets, ...(request.secrets?.() ?? [])])
    })
    annotate(span, attempts, "status" in error ? error.status : undefined)
    return Effect.fail(error)
  }

  const done = ({ body, head }: transport.Answered) => {
    annotate(span, attempts, head.status)
    return Effect.succeed(new transport.Response(head, body, attempts))
  }

  const once = Effect.suspend((): Effect.Effect<transport.Answered, answer.Failed | typeof outOfPatience> => {
    const remaining = left()
    if (remaining === 0 || signal?.isGiven === true) return endsWait
    attempts++
    underWay = { head: undefined }
    const cut = Duration.toMillis(timeout) <= remaining
      ? { after: Duration.toMillis(timeout), timeout, signal }
      : { after: remaining, timeout: policy.elapsed, signal }
    return attempt(underWay, cut)
  })

  const again = (failed: answer.Failed): Effect.Effect<SuprsendClient.Response, RequestError> =>
    Effect.flatMap(Random.next, (random) => {
      const { failure } = failed
      last = failed
      underWay = undefined
      uncertain = uncertain || answer.mayBeApplied(failure)
      const wait = signal?.isGiven === true
        ? Option.none()
        : RetryPolicy.decide(policy, { attempts, elapsed: sinceStart(), failure, repeatable, random })
      return Effect.zipRight(
        coolDown(limiter, failure, wait),
        Option.match(wait, {
          onNone: () => giveUp(failed),
          onSome: (wait) =>
            Effect.logDebug(`${request.call}: attempt ${attempts} failed, the next in ${Duration.format(wait)}`).pipe(
              Effect.zipRight(
                signal === undefined
                  ? Effect.sleep(wait)
                  : cut.by(Effect.sleep(wait), [Effect.as(signal.heard, Effect.void)])
              ),
              Effect.zipRight(Effect.suspend(loop))
            )
        })
      )
    })

  // An attempt that is under way then counts by its status, if it has one already, as one that runs into its timeout does.
  const cutOff = (nothingSent: answer.Failed, noAnswer: answer.Failed) =>
    underWay === undefined
      ? giveUp(last ?? nothingSent)
      : Effect.matchEffect(transport.cutOff(underWay, noAnswer, request.discard ?? false), {
        onFailure: (failed) => Effect.zipRight(coolDown(limiter, failed.failure, Option.none()), giveUp(failed)),
        onSuccess: done
      })

  const noLonger = () =>
    signal?.isGiven === true
      ? cutOff(answer.fromInterruption(false), answer.fromInterruption(true))
      : cutOff(nothingSent(policy.elapsed), answer.tooLate(policy.elapsed))

  const loop = () =>
    Effect.matchEffect(within(limiter, once, left(), signal), {
      onFailure: (failed) => failed === outOfPatience ? noLonger() : Effect.withParentSpan(again(failed), span),
      onSuccess: done
    })

  return loop()
}

const annotate = (span: Tracer.Span, attempts: number, status: number | undefined): void => {
  span.attribute("suprsend.attempts", attempts)
  if (status !== undefined) span.attribute("http.response.status_code", status)
}

// A text, because Effect wraps objects that it fails with, and this one has to be known again.
const outOfPatience = "outOfPatience" as const

const endsWait: Effect.Effect<never, typeof outOfPatience> = Effect.fail(outOfPatience)

/** Where the limiter knows how long one waits, nobody has to stand beside it and watch, which costs as much as all the rest. */
const within = (
  limiter: RateLimiter.Service,
  attempt: Effect.Effect<transport.Answered, answer.Failed | typeof outOfPatience>,
  milliseconds: number,
  signal: Signal | undefined
): Effect.Effect<transport.Answered, answer.Failed | typeof outOfPatience> => {
  if (limiter.limitWithin !== undefined) {
    return limiter.limitWithin(attempt, { milliseconds, signal, otherwise: endsWait })
  }
  const late = Effect.as(Effect.sleep(milliseconds), endsWait)
  return cut.by(
    limiter.limit(attempt),
    signal === undefined ? [late] : [late, Effect.as(signal.heard, endsWait)]
  )
}

const nothingSent = (elapsed: Duration.Duration): answer.Failed =>
  answer.fromTimeout(`nothing was sent: the rate limit left no room within ${Duration.format(elapsed)}`, false)

// A 429 concerns everybody who shares the limit, those too who wait already; and it holds whether or not this call goes on.
const coolDown = (
  limiter: RateLimiter.Service,
  failure: RetryPolicy.Failure,
  wait: Option.Option<Duration.Duration>
): Effect.Effect<void> =>
  failure._tag === "Status" && failure.status === 429
    ? Option.match(Option.orElse(failure.retryAfter, () => wait), { onNone: () => Effect.void, onSome: limiter.pause })
    : Effect.void
