/**
 * What is tried again, when, how often, and for how long.
 *
 * The decision is a pure function of what happened so far, {@link decide}; the client carries it out. There is one loop and
 * one counter for all kinds of failure, bounded by attempts and by elapsed time.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/**
 * A policy, with every member decided.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryPolicy {
  /** How many requests one call may send, the first one included. */
  readonly attempts: number
  /** How long one call may take, waiting and retries included: its deadline. */
  readonly elapsed: Duration.Duration
  /** The most that the first wait may be; each further one may be twice as long. */
  readonly initialDelay: Duration.Duration
  /** The most that any wait may be, unless the server asks for a longer one. */
  readonly maximumDelay: Duration.Duration
}

/**
 * A policy as one writes it down: what is left out is that of {@link defaultPolicy}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly attempts?: number | undefined
  readonly elapsed?: Duration.DurationInput | undefined
  readonly initialDelay?: Duration.DurationInput | undefined
  readonly maximumDelay?: Duration.DurationInput | undefined
}

/**
 * Four attempts within a minute, waiting up to 250 ms, 500 ms and 1 s between them.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaultPolicy: RetryPolicy = {
  attempts: 4,
  elapsed: Duration.minutes(1),
  initialDelay: Duration.millis(250),
  maximumDelay: Duration.seconds(10)
}

/**
 * A policy from the members that differ from another one, which is the default one unless given.
 *
 * @example
 * ```ts
 * import * as RetryPolicy from "effect-suprsend/RetryPolicy"
 *
 * const patient = RetryPolicy.make({ attempts: 8, elapsed: "5 minutes" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options, base: RetryPolicy = defaultPolicy): RetryPolicy => ({
  attempts: options.attempts ?? base.attempts,
  elapsed: options.elapsed === undefined ? base.elapsed : Duration.decode(options.elapsed),
  initialDelay: options.initialDelay === undefined ? base.initialDelay : Duration.decode(options.initialDelay),
  maximumDelay: options.maximumDelay === undefined ? base.maximumDelay : Duration.decode(options.maximumDelay)
})

/**
 * One attempt and no more; the deadline of {@link defaultPolicy} holds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const once: RetryPolicy = make({ attempts: 1 })

/**
 * How an attempt ended that did not settle the request.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure =
  /** The server answered with this status. */
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter: Option.Option<Duration.Duration> }
  /** No whole answer came, but the request may have arrived. */
  | { readonly _tag: "NoResponse" }
  /** The request never left: the connection was refused, or the name has no address. */
  | { readonly _tag: "NotSent" }
  /** The request never left: the certificate is not trusted, or TLS could not be negotiated. */
  | { readonly _tag: "TlsFailure" }

/**
 * Whether a failure may pass by itself.
 *
 * - 408, 425, 429 and 5xx, save 501 and 505, which no repetition mends.
 * - Every failure of the connection, and every timeout. A certificate that is not trusted stays so.
 *
 * A request that must not happen twice (`idempotent` is false) is only sent again where the failure says that it did not
 * happen: 429, or a request that never left. (A 503 may come from a proxy that lost the server after it had sent the request.)
 *
 * @example
 * ```ts
 * import * as RetryPolicy from "effect-suprsend/RetryPolicy"
 *
 * console.log(RetryPolicy.isTransient({ _tag: "NoResponse" }, true)) // true
 * console.log(RetryPolicy.isTransient({ _tag: "NoResponse" }, false)) // false
 * ```
 *
 * @since 0.1.0
 * @category deciding
 */
export const isTransient = (failure: Failure, idempotent: boolean): boolean => {
  switch (failure._tag) {
    case "NotSent":
      return true
    case "TlsFailure":
      return false
    case "NoResponse":
      return idempotent
    case "Status":
      return idempotent ? isTransientStatus(failure.status) : failure.status === 429
  }
}

const isTransientStatus = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505)

/**
 * How long to wait before the next attempt; none to give up.
 *
 * The server's `Retry-After` wins over the backoff. Without it the wait is drawn evenly from nothing up to the backoff ("full
 * jitter"), by a `random` in [0, 1), in whole milliseconds. A wait that would end at or after the deadline is not begun.
 *
 * @example
 * ```ts
 * import { Option } from "effect"
 * import * as RetryPolicy from "effect-suprsend/RetryPolicy"
 *
 * const wait = RetryPolicy.decide(RetryPolicy.defaultPolicy, {
 *   attempts: 1,
 *   elapsed: 40,
 *   failure: { _tag: "Status", status: 503, retryAfter: Option.none() },
 *   idempotent: true,
 *   random: 0.5
 * }) // Some(125 ms)
 * ```
 *
 * @since 0.1.0
 * @category deciding
 */
export const decide = (policy: RetryPolicy, state: {
  /** How many requests were sent. */
  readonly attempts: number
  /** Milliseconds since the call began. */
  readonly elapsed: number
  readonly failure: Failure
  readonly idempotent: boolean
  readonly random: number
}): Option.Option<Duration.Duration> => {
  if (state.attempts >= policy.attempts || !isTransient(state.failure, state.idempotent)) return Option.none()
  const wait = state.failure._tag === "Status" && Option.isSome(state.failure.retryAfter)
    ? state.failure.retryAfter.value
    // In whole milliseconds, as timers know no others.
    : Duration.millis(Math.floor(backoff(policy, state.attempts) * state.random))
  return state.elapsed + Duration.toMillis(wait) < Duration.toMillis(policy.elapsed) ? Option.some(wait) : Option.none()
}

const backoff = (policy: RetryPolicy, attempts: number): number =>
  Math.min(Duration.toMillis(policy.maximumDelay), Duration.toMillis(policy.initialDelay) * 2 ** (attempts - 1))

/**
 * Reads how long a response asks to wait, from its `Retry-After` header: seconds, or an HTTP date.
 *
 * A date counts from the `Date` of the same response, which is by the same clock; from `now` (milliseconds since the epoch)
 * if the response has none that can be read. Of several values, as a repeated header gives, the longest one counts. What
 * cannot be read is left out.
 *
 * @param headers those of the response, their names in lower case
 *
 * @example
 * ```ts
 * import * as RetryPolicy from "effect-suprsend/RetryPolicy"
 *
 * RetryPolicy.parseRetryAfter({ "retry-after": "120" }, 0) // Some(2 minutes)
 * RetryPolicy.parseRetryAfter({ "retry-after": "Thu, 01 Jan 1970 00:00:30 GMT" }, 0) // Some(30 seconds)
 * RetryPolicy.parseRetryAfter({ "retry-after": "soon, 5" }, 0) // Some(5 seconds)
 * RetryPolicy.parseRetryAfter({ "retry-after": "soon" }, 0) // None
 * ```
 *
 * @since 0.1.0
 * @category deciding
 */
export const parseRetryAfter = (
  headers: Readonly<Record<string, string | undefined>>,
  now: number
): Option.Option<Duration.Duration> => {
  const { dates, seconds } = readValues(headers["retry-after"] ?? "")
  const waits = seconds.map((seconds) => seconds * 1_000)
  if (dates.length > 0) {
    const [origin = now] = readValues(headers.date ?? "").dates
    for (const date of dates) waits.push(Math.max(0, date - origin))
  }
  return waits.length === 0
    ? Option.none()
    : Option.some(Duration.millis(waits.reduce((longest, wait) => Math.max(longest, wait))))
}

// The furthest from 1970 that a date can be, in milliseconds. So many seconds are no wait that was meant, and cannot be printed.
const furthest = 8.64e15

/** Reads the values of a header, which are separated by commas. A date has a comma of its own, behind the name of its day. */
const readValues = (header: string): { readonly seconds: Array<number>; readonly dates: Array<number> } => {
  const seconds: Array<number> = []
  const dates: Array<number> = []
  const parts = header.split(",").map((part) => part.trim())
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? ""
    const date = dayName.test(part) ? readDate(`${part}, ${parts[i + 1] ?? ""}`) : readDate(part)
    if (date !== undefined) {
      dates.push(date)
      if (dayName.test(part)) i++
    } else if (/^\d+(\.\d+)?$/.test(part) && Number(part) * 1_000 <= furthest) {
      seconds.push(Number(part))
    }
  }
  return { seconds, dates }
}

const dayName = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*$/

// `Date.parse` reads nearly anything as a date; the forms that HTTP allows all have the name of a day and a time of day.
const readDate = (text: string): number | undefined => {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d/.test(text)) return undefined
  const instant = Date.parse(/ GMT$/.test(text) ? text : `${text} GMT`)
  return Number.isNaN(instant) ? undefined : instant
}
