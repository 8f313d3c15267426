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
 * An attempt that did not settle the request, or settled it against the caller: what the retry policy needs to know, and the
 * error that it becomes if it is the last one.
 *
 * @internal
 */
export interface Failed {
  readonly failure: RetryPolicy.Failure
  /** What happened in a few words, for the log; to be cleaned of secrets. */
  readonly summary: string
  readonly error: (request: Context) => RequestError
}

/**
 * What an error says beside how the attempt ended.
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
  /** Takes everything secret out of a text that comes from outside. */
  readonly clean: (text: string) => string
}

/**
 * Whether a request that failed so may have been applied all the same. A server that says 3xx or 4xx did nothing.
 *
 * @internal
 */
export const mayBeApplied = ({ _tag, ...failure }: RetryPolicy.Failure): boolean =>
  _tag === "NoResponse" ||
  ("status" in failure && (failure.status >= 500 || failure.status === 408 || failure.status < 300))

/**
 * Whether the service refused the credentials.
 *
 * @internal
 */
export const isUnauthorized = (failure: RetryPolicy.Failure): boolean =>
  failure._tag === "Status" && failure.status === 401

/**
 * A response of any status but 2xx. The status decides; the body, which may be missing or of any form, only adds words.
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
      // A page is not what the service says about credentials, but what stands before it.
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
 * A response of status 2xx that is not the service's: a login page, a portal, another server. It proves nothing.
 *
 * @internal
 */
export const unexpected = (status: number, body: string, message: string): Failed => ({
  failure: { _tag: "Status", status, retryAfter: Option.none() },
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
 * Whether a text is a page of HTML, or other markup: the service answers with JSON, or a short text.
 *
 * @internal
 */
export const isMarkup = (text: string): boolean => /^[\s\ufeff]*<[!?a-z]/i.test(text)

/**
 * An attempt that failed below HTTP, from the error of the runtime.
 *
 * @param isSent whether the request had left, where the transport knows
 *
 * @internal
 */
export const fromCause = (cause: unknown, isSent: boolean | undefined): Failed => {
  const all = causes(cause)
  if (isProxyChallenge(cause, all)) return fromStatus(407, Option.none(), undefined)
  const coded = all.filter(hasCode)
  const what = describe(all)
  if (coded.some(({ code }) => isSent === true ? isRefusedCertificate(code) : isTlsCode(code))) return tlsFailure(what)
  const hasLeft = isSent ?? !all.some(neverConnected)
  return unavailable("Transport", { _tag: hasLeft ? "NoResponse" : "NotSent" }, what)
}

/**
 * No complete response in time.
 *
 * @internal
 */
export const tooLate = (time: Duration.Duration, isSent: boolean): Failed =>
  unavailable(
    "Timeout",
    { _tag: isSent ? "NoResponse" : "NotSent" },
    isSent ? `no complete response within ${Duration.format(time)}` : `no connection within ${Duration.format(time)}`
  )

/**
 * No slot of the limiter in time.
 *
 * @internal
 */
export const noSlot = (time: Duration.Duration): Failed =>
  unavailable(
    "Timeout",
    { _tag: "NotSent" },
    `no slot of the rate limit was free within ${Duration.format(time)}`
  )

/**
 * The call was aborted, by a bulk that stops or a layer that closes.
 *
 * @internal
 */
export const fromInterruption = (isSent: boolean): Failed =>
  unavailable("Interrupted", { _tag: isSent ? "NoResponse" : "NotSent" }, "aborted before there was a response")

const unavailable = (
  reason: "Transport" | "Timeout" | "Interrupted" | "Tls",
  failure: RetryPolicy.Failure,
  description: string | undefined
): Failed => ({
  failure,
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

const tlsFailure = (description: string | undefined): Failed => unavailable("Tls", { _tag: "TlsFailure" }, description)

// The codes of Node and OpenSSL for a certificate that is not trusted, or a handshake that fails: no byte of the request left.
const isTlsCode = (code: string): boolean =>
  /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CRL_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_)/
    .test(code) || code === "EPROTO"

// A server that wants a certificate of the client says so after the handshake, and reads nothing.
const isRefusedCertificate = (code: string): boolean => /^ERR_SSL_.*ALERT_.*CERTIFICATE/.test(code)

// The codes with which Node and undici say that no connection was made.
const unreachable: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT"
])

/** The causes of an error, outermost first, and those of each address that was tried. */
const causes = (cause: unknown): ReadonlyArray<unknown> => {
  const found: Array<unknown> = []
  const queue: Array<unknown> = [cause]
  while (queue.length > 0 && found.length < 16) {
    const next = queue.shift()
    if (next === undefined || next === null || found.includes(next)) continue
    found.push(next)
    if (Predicate.hasProperty(next, "cause")) queue.push(next.cause)
    // Where a name has several addresses, each has an error of its own.
    if (Predicate.hasProperty(next, "errors") && Array.isArray(next.errors)) queue.push(...next.errors.slice(0, 8))
  }
  return found
}

const hasCode = (u: unknown): u is { readonly code: string; readonly syscall?: unknown } =>
  Predicate.hasProperty(u, "code") && Predicate.isString(u.code)

// On a connection that was made, reading and writing fail with some of the same codes.
const neverConnected = (u: unknown): boolean =>
  hasCode(u)
    ? u.syscall === "connect" || u.syscall === "getaddrinfo" || (unreachable.has(u.code) && u.syscall === undefined)
    : u instanceof Error && /before secure TLS connection was established|^bad port$/.test(u.message)

// `fetch` makes a network error of a 407, and newer runtimes say so.
const isProxyChallenge = (cause: unknown, all: ReadonlyArray<unknown>): boolean => {
  const last = all.at(-1)
  return cause instanceof TypeError && cause.message === "fetch failed" && last !== cause && last instanceof Error &&
    !hasCode(last) && (last.message === "" || last.message === "proxy authentication required")
}

// The innermost cause is the operating system's; the errors above it only say "fetch failed", and the platform's own says the URL,
// which holds the id of a user.
const describe = (all: ReadonlyArray<unknown>): string | undefined => {
  const messages = all.flatMap((e) => e instanceof Error && e.message.trim() !== "" ? [e.message.trim()] : [])
  const message = messages.at(-1)
  const code = all.filter(hasCode).at(-1)?.code
  if (message === undefined || code === undefined) return message ?? code
  return message.includes(code) ? message : `${message} (${code})`
}

/**
 * What the server said, in whichever of its documented forms (vendor's page on errors): `message`, `detail` as a text or an
 * object, `error.message`, or a plain text. A page of HTML says nothing to a developer.
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

// What is nested too deep to be written was not meant to be read.
const wording = (u: unknown): string =>
  Predicate.isString(u) ? u : Option.getOrElse(Option.liftThrowable(JSON.stringify)(u), () => "")
