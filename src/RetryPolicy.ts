/**
 * Retry policies: which failures are retried, when, and how often.
 *
 * {@link decide} makes the decision as a pure function; the client waits and sends. All kinds of
 * failure share one counter of attempts and one deadline.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"

/**
 * A complete retry policy.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryPolicy {
  /** The number of requests that one call may send, including the first. */
  readonly attempts: number
  /** The deadline of a call: how long it may take, including waits and retries. */
  readonly elapsed: Duration.Duration
  /** The maximum of the first wait. It doubles with each further wait. */
  readonly initialDelay: Duration.Duration
  /** The maximum of any wait, unless the server asks for a longer one. */
  readonly maximumDelay: Duration.Duration
}

/**
 * Options of a retry policy. Omitted members are those of {@link defaultPolicy}.
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
 * The default policy: four attempts within a minute.
 *
 * The waits between them are up to 250 ms, 500 ms and 1 s.
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
 * Makes a policy from the members that differ from a base policy.
 *
 * The base is {@link defaultPolicy} unless you pass another one.
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
 * A policy without retries. The deadline is that of {@link defaultPolicy}.
 *
 * @since 0.1.0
 * @category constructors
 */
export const once: RetryPolicy = make({ attempts: 1 })

/**
 * The failure of an attempt that did not settle its call.
 *
 * @since 0.1.0
 * @category models
 */
export type Failure =
  /** The server responded with this status. */
  | { readonly _tag: "Status"; readonly status: number; readonly retryAfter: Option.Option<Duration.Duration> }
  /** No complete response arrived, but the request may have reached the server. */
  | { readonly _tag: "NoResponse" }
  /**
   * The request was not sent, because no connection was made.
   *
   * The connection was refused, or the host name has no address.
   */
  | { readonly _tag: "NotSent" }
  /**
   * The request was not sent, because TLS failed.
   *
   * The certificate is not trusted, or the handshake failed.
   */
  | { readonly _tag: "TlsFailure" }

/**
 * Checks whether a retry may succeed after this failure.
 *
 * - A retry may succeed after 408, 425, 429 and 5xx, except 501 and 505.
 * - It may succeed after a connection failure or a timeout, but not after a TLS failure.
 *
 * If the request is not idempotent, it is retried only if the failure shows that it was not
 * applied: after a 429, or if it was not sent. A 503 does not show that: a proxy may return it when
 * it loses the server after forwarding the request.
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
 * Returns how long to wait before the next attempt, or none for no retry.
 *
 * The server's `Retry-After` takes precedence over the backoff. Otherwise the wait is random,
 * between zero and the backoff ("full jitter"), in whole milliseconds. It is drawn with `random`, a
 * number in [0, 1). A wait that would end at or after the deadline is not started.
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
  /** The number of requests sent so far. */
  readonly attempts: number
  /** The time since the call started, in milliseconds. */
  readonly elapsed: number
  readonly failure: Failure
  readonly idempotent: boolean
  readonly random: number
}): Option.Option<Duration.Duration> => {
  if (state.attempts >= policy.attempts || !isTransient(state.failure, state.idempotent)) return Option.none()
  const wait = state.failure._tag === "Status" && Option.isSome(state.failure.retryAfter)
    ? state.failure.retryAfter.value
    // Timers support only whole milliseconds.
    : Duration.millis(Math.floor(backoff(policy, state.attempts) * state.random))
  return state.elapsed + Duration.toMillis(wait) < Duration.toMillis(policy.elapsed) ? Option.some(wait) : Option.none()
}

const backoff = (policy: RetryPolicy, attempts: number): number =>
  Math.min(Duration.toMillis(policy.maximumDelay), Duration.toMillis(policy.initialDelay) * 2 ** (attempts - 1))

/**
 * Reads the wait that a response asks for in its `Retry-After` header.
 *
 * The header contains seconds or an HTTP date. A date is compared with the `Date` header of the
 * same response, because both come from one clock. If that is missing or invalid, it is compared
 * with `now` (milliseconds since the epoch). If a repeated header has several values, the longest
 * wait counts. Invalid values are ignored.
 *
 * @param headers the headers of the response, with names in lower case
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

// The maximum time value of a Date, in milliseconds. A longer wait is not meant seriously, and
// cannot be formatted.
const furthest = 8.64e15

/** Reads the comma-separated values of a header. A date contains a comma after its day name. */
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

// `Date.parse` accepts almost anything. All HTTP date formats have a day name and a time of day.
const readDate = (text: string): number | undefined => {
  if (!/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? .*\d\d:\d\d:\d\d/.test(text)) return undefined
  const instant = Date.parse(/ GMT$/.test(text) ? text : `${text} GMT`)
  return Number.isNaN(instant) ? undefined : instant
}
