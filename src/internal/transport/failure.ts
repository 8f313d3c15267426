import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as RetryPolicy from "../../RetryPolicy.js"
import {
  type RequestError,
  SuprsendRateLimited,
  SuprsendRejected,
  SuprsendUnauthorized,
  SuprsendUnavailable,
  SuprsendUnexpectedResponse
} from "../../SuprsendError.js"
import { parseJson } from "../support/json.js"

/**
 * The failure of an attempt, for the retry policy, and the error that it becomes after the last
 * attempt.
 *
 * @internal
 */
export interface Failed {
  readonly failure: RetryPolicy.Failure
  /**
   * The failure in one word, for metrics and spans: the status, a code such as `ECONNRESET`,
   * `timeout`, or `unexpected_response`. It is undefined for an interruption, which is not an error.
   */
  readonly type: string | undefined
  /** A short description for the log. Remove secrets from it before use. */
  readonly summary: string
  readonly error: (request: Context) => RequestError
}

/**
 * The details of an error beyond the failure itself.
 *
 * @internal
 */
export interface Context {
  readonly call: string
  readonly attempts: number
  readonly idempotent: boolean
  readonly applied: "no" | "unknown"
  readonly insertId: string | undefined
  readonly baseUrl: string
  /** Removes secrets from an external text. */
  readonly clean: (text: string) => string
}

/**
 * Checks whether the server may have applied a failed request. A 3xx or 4xx shows that it did not.
 *
 * @internal
 */
export const mayBeApplied = ({ _tag, ...failure }: RetryPolicy.Failure): boolean =>
  _tag === "NoResponse" ||
  ("status" in failure && (failure.status >= 500 || failure.status === 408 || failure.status < 300))

/**
 * Checks whether SuprSend refused the credentials.
 *
 * @internal
 */
export const isUnauthorized = (failure: RetryPolicy.Failure): boolean =>
  failure._tag === "Status" && failure.status === 401

/**
 * Makes the failure of a response with a status other than 2xx.
 *
 * The status alone decides; the body, which may be missing or in any format, only adds a message.
 *
 * @internal
 */
export const fromStatus = (
  status: number,
  retryAfter: Option.Option<Duration.Duration>,
  body: string | undefined
): Failed => {
  const failure: RetryPolicy.Failure = { _tag: "Status", status, retryAfter }
  return {
    failure,
    type: String(status),
    summary: `status ${status}`,
    error: ({ applied, attempts, baseUrl, call, clean, insertId, idempotent: idempotent }) => {
      const message = body === undefined ? undefined : serverMessage(body)
      const said = {
        call,
        attempts,
        applied,
        insertId,
        serverMessage: message === undefined ? undefined : clean(message)
      }
      // An HTML page comes from a proxy, and says nothing about the credentials.
      const isPage = body !== undefined && isMarkup(body)
      if ((status === 401 || status === 403) && !isPage) return new SuprsendUnauthorized({ ...said, status })
      if (status === 429) return new SuprsendRateLimited({ ...said, retryAfter: Option.getOrUndefined(retryAfter) })
      if (status < 500 && status !== 408 && status !== 425) return new SuprsendRejected({ ...said, status, baseUrl })
      const retryable = RetryPolicy.isTransient(failure, idempotent)
      return new SuprsendUnavailable({ ...said, status, baseUrl, reason: "ServerError", retryable })
    }
  }
}

/**
 * Makes the failure of a 2xx response that is not from SuprSend: a login page, a portal, another
 * server.
 *
 * It shows nothing about the request.
 *
 * @internal
 */
export const unexpected = (status: number, body: string, message: string): Failed => ({
  failure: { _tag: "Status", status, retryAfter: Option.none() },
  type: "unexpected_response",
  summary: `status ${status}, but ${message}`,
  error: ({ attempts, baseUrl, call, clean, insertId }) => {
    const said = serverMessage(body)
    return new SuprsendUnexpectedResponse({
      call,
      status,
      attempts,
      insertId,
      baseUrl,
      applied: "unknown",
      serverMessage: said === undefined ? undefined : clean(said),
      issues: [{ path: [], message }]
    })
  }
})

/**
 * Checks whether a text is HTML or other markup. SuprSend responds with JSON or a short text.
 *
 * @internal
 */
export const isMarkup = (text: string): boolean => /^[\s\ufeff]*<[!?a-z]/i.test(text)

/**
 * Makes the failure of an attempt that failed below HTTP, from the error of the runtime.
 *
 * @param isSent whether the request was sent, if the transport knows
 *
 * @internal
 */
export const fromCause = (cause: unknown, isSent: boolean | undefined): Failed => {
  const all = causes(cause)
  if (isProxyChallenge(cause, all)) return fromStatus(407, Option.none(), undefined)
  const coded = all.filter(hasCode)
  const what = describe(all)
  const type = typeOf(all)
  if (coded.some(({ code }) => isSent === true ? isRefusedCertificate(code) : isTlsCode(code))) {
    return unavailable("Tls", type, { _tag: "TlsFailure" }, what)
  }
  const hasLeft = isSent ?? !all.some(neverConnected)
  return unavailable("Transport", type, { _tag: hasLeft ? "NoResponse" : "NotSent" }, what)
}

/**
 * Makes the failure of an attempt without a complete response before its timeout.
 *
 * @internal
 */
export const tooLate = (time: Duration.Duration, isSent: boolean): Failed =>
  unavailable(
    "Timeout",
    "timeout",
    { _tag: isSent ? "NoResponse" : "NotSent" },
    isSent ? `no complete response within ${Duration.format(time)}` : `no connection within ${Duration.format(time)}`
  )

/**
 * Makes the failure of a call that got no slot of the limiter in time.
 *
 * @internal
 */
export const noSlot = (time: Duration.Duration): Failed =>
  unavailable(
    "Timeout",
    "timeout",
    { _tag: "NotSent" },
    `no slot of the rate limit was free within ${Duration.format(time)}`
  )

/**
 * Makes the failure of a call that got no slot because the limiter cannot reach its store.
 *
 * @internal
 */
export const limiterUnavailable = (): Failed =>
  unavailable("Timeout", "timeout", { _tag: "NotSent" }, "the rate limiter is unavailable")

/**
 * Makes the failure of a call that was aborted, by a bulk that stops or a layer that closes.
 *
 * @internal
 */
export const fromInterruption = (isSent: boolean): Failed =>
  unavailable(
    "Interrupted",
    undefined,
    { _tag: isSent ? "NoResponse" : "NotSent" },
    "aborted before there was a response"
  )

const unavailable = (
  reason: "Transport" | "Timeout" | "Interrupted" | "Tls",
  type: string | undefined,
  failure: RetryPolicy.Failure,
  description: string | undefined
): Failed => ({
  failure,
  type,
  summary: description === undefined ? reason : `${reason}: ${description}`,
  error: ({ applied, attempts, baseUrl, call, clean, insertId, idempotent: idempotent }) =>
    new SuprsendUnavailable({
      call,
      reason,
      attempts,
      applied,
      insertId,
      baseUrl,
      retryable: reason !== "Tls" && (applied === "no" || idempotent),
      description: description === undefined ? undefined : clean(description)
    })
})

// Codes of Node and OpenSSL for an untrusted certificate or a failed handshake. No byte of the
// request was sent.
const isTlsCode = (code: string): boolean =>
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CRL_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_)/
    .test(code) || code === "EPROTO"

// A server that requires a client certificate reports it after the handshake, without reading the
// request.
const isRefusedCertificate = (code: string): boolean => /^ERR_SSL_.*ALERT_.*CERTIFICATE/.test(code)

// Codes of Node and undici for a connection that could not be established.
const unreachable: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT"
])

/** Returns the causes of an error, outermost first, including one for each address tried. */
const causes = (cause: unknown): ReadonlyArray<unknown> => {
  const found: Array<unknown> = []
  const queue: Array<unknown> = [cause]
  while (queue.length > 0 && found.length < 16) {
    const next = queue.shift()
    if (next === undefined || next === null || found.includes(next)) continue
    found.push(next)
    if (Predicate.hasProperty(next, "cause")) queue.push(next.cause)
    // If a name has several addresses, each has its own error.
    if (Predicate.hasProperty(next, "errors") && Array.isArray(next.errors)) queue.push(...next.errors.slice(0, 8))
  }
  return found
}

const hasCode = (u: unknown): u is { readonly code: string; readonly syscall?: unknown } =>
  Predicate.hasProperty(u, "code") && Predicate.isString(u.code)

// Reads and writes on an established connection fail with some of the same codes.
const neverConnected = (u: unknown): boolean =>
  hasCode(u)
    ? u.syscall === "connect" || u.syscall === "getaddrinfo" || (unreachable.has(u.code) && u.syscall === undefined)
    : u instanceof Error && /before secure TLS connection was established|^bad port$/.test(u.message)

// `fetch` reports a 407 as a network error, with this text in newer runtimes.
const isProxyChallenge = (cause: unknown, all: ReadonlyArray<unknown>): boolean => {
  const last = all.at(-1)
  return cause instanceof TypeError && cause.message === "fetch failed" && last !== cause && last instanceof Error &&
    !hasCode(last) && (last.message === "" || last.message === "proxy authentication required")
}

// The innermost code or class. A code that is not one word may be a message.
const typeOf = (all: ReadonlyArray<unknown>): string =>
  all.filter(hasCode).map(({ code }) => code).filter((code) => /^[A-Z][A-Z0-9_]{1,63}$/.test(code)).at(-1) ??
    all.flatMap((e) => e instanceof Error ? [e.constructor.name] : []).filter((name) => /^\w{1,64}$/.test(name)).at(
      -1
    ) ??
    "Error"

// The innermost cause is that of the operating system. The outer ones only say "fetch failed", and
// that of the platform contains the URL with the user id.
const describe = (all: ReadonlyArray<unknown>): string | undefined => {
  const messages = all.flatMap((e) => e instanceof Error && e.message.trim() !== "" ? [e.message.trim()] : [])
  const message = messages.at(-1)
  const code = all.filter(hasCode).at(-1)?.code
  if (message === undefined || code === undefined) return message ?? code
  return message.includes(code) ? message : `${message} (${code})`
}

/**
 * Reads the server's message from any documented form of error.
 *
 * These are `message`, `detail` (a text or an object), `error.message`, and plain text. HTML pages
 * contain no useful message.
 *
 * @internal
 */
export const serverMessage = (body: string): string | undefined => {
  const text = body.trim()
  const json = Option.getOrUndefined(parseJson(text))
  const said = Predicate.hasProperty(json, "message") && Predicate.isString(json.message)
    ? json.message
    : Predicate.hasProperty(json, "detail")
    ? wording(json.detail)
    : Predicate.hasProperty(json, "error")
    ? Predicate.hasProperty(json.error, "message") ? wording(json.error.message) : wording(json.error)
    : isMarkup(text)
    ? ""
    : text
  return said === "" ? undefined : said
}

// JSON that is too deep to serialise is not a message.
const wording = (u: unknown): string =>
  Predicate.isString(u) ? u : Option.getOrElse(Option.liftThrowable(JSON.stringify)(u), () => "")
