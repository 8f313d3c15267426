import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as RetryPolicy from "../RetryPolicy.js"
import {
  type RequestError,
  SuprsendRateLimited,
  SuprsendRejected,
  SuprsendUnauthorized,
  SuprsendUnavailable
} from "../SuprsendError.js"

/**
 * An attempt that did not settle the request, or settled it against the caller: what the retry policy needs to know, and the
 * error that it becomes if it is the last one.
 *
 * @internal
 */
export interface Failed {
  readonly failure: RetryPolicy.Failure
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
  readonly repeatable: boolean
  readonly applied: "no" | "unknown"
  readonly insertId: string | undefined
  /** Takes everything secret out of a text that comes from outside. */
  readonly clean: (text: string) => string
}

/**
 * Whether a request that failed so may have been carried out all the same. A server that says 4xx did nothing.
 *
 * @internal
 */
export const mayBeApplied = (failure: RetryPolicy.Failure): boolean =>
  failure._tag === "NoAnswer" || (failure._tag === "Status" && (failure.status >= 500 || failure.status === 408))

/**
 * An answer of any status but 2xx. The status decides; the body, which may be missing or of any form, only adds words.
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
    error: ({ applied, attempts, call, clean, insertId, repeatable }) => {
      const message = body === undefined ? undefined : serverMessage(body)
      const said = {
        call,
        attempts,
        applied,
        insertId,
        serverMessage: message === undefined ? undefined : clean(message)
      }
      if (status === 401 || status === 403) return new SuprsendUnauthorized({ ...said, status })
      if (status === 429) return new SuprsendRateLimited({ ...said, retryAfter: Option.getOrUndefined(retryAfter) })
      if (status < 500 && status !== 408 && status !== 425) return new SuprsendRejected({ ...said, status })
      const retryable = RetryPolicy.isTransient(failure, repeatable)
      return new SuprsendUnavailable({ ...said, status, reason: "ServerError", retryable })
    }
  }
}

/**
 * No whole answer.
 *
 * @internal
 */
export const fromTransport = (error: HttpClientError.HttpClientError): Failed =>
  fromCause(error.cause, error.description)

/**
 * The same from the error of the runtime itself.
 *
 * @param mayBeSent false if no byte of the request had left
 *
 * @internal
 */
export const fromCause = (cause: unknown, description?: string, mayBeSent = true): Failed => {
  const system = causes(cause).find(hasCode)
  const isSent = mayBeSent && !(system !== undefined && neverConnected(system))
  return unavailable("Transport", { _tag: isSent ? "NoAnswer" : "NotSent" }, describe(cause, system?.code, description))
}

/** @internal */
export const fromTimeout = (description: string, sent: boolean): Failed =>
  unavailable("Timeout", { _tag: sent ? "NoAnswer" : "NotSent" }, description)

/** @internal */
export const tooLate = (time: Duration.Duration, sent = true): Failed =>
  fromTimeout(
    sent ? `no whole answer within ${Duration.format(time)}` : `no connection within ${Duration.format(time)}`,
    sent
  )

/** @internal */
export const fromInterruption = (sent: boolean): Failed =>
  unavailable("Interrupted", { _tag: sent ? "NoAnswer" : "NotSent" }, "the run was stopped before there was an answer")

const unavailable = (
  reason: "Transport" | "Timeout" | "Interrupted",
  failure: RetryPolicy.Failure,
  description: string | undefined
): Failed => ({
  failure,
  error: ({ applied, attempts, call, clean, insertId, repeatable }) =>
    new SuprsendUnavailable({
      call,
      reason,
      attempts,
      applied,
      insertId,
      retryable: applied === "no" || repeatable,
      description: description === undefined ? undefined : clean(description)
    })
})

// The codes with which Node and undici say that no connection was made, so that no byte of the request left.
const unreachable: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT"
])

const causes = (cause: unknown): ReadonlyArray<unknown> => {
  const chain: Array<unknown> = []
  for (
    let e = cause;
    e !== undefined && e !== null && chain.length < 8;
    e = Predicate.hasProperty(e, "cause") && e.cause
  ) {
    chain.push(e)
  }
  return chain
}

const hasCode = (u: unknown): u is { readonly code: string; readonly syscall?: unknown } =>
  Predicate.hasProperty(u, "code") && Predicate.isString(u.code)

// On a connection that was made, reading and writing fail with the same codes, once the other side cannot be reached any more.
const neverConnected = ({ code, syscall }: { readonly code: string; readonly syscall?: unknown }): boolean =>
  unreachable.has(code) && (syscall === undefined || syscall === "connect" || syscall === "getaddrinfo")

// The innermost cause is the operating system's; the layers above it only say "fetch failed", and the platform's own error
// says the URL, which holds the id of a user.
const describe = (cause: unknown, code: string | undefined, description: string | undefined): string | undefined => {
  const messages = causes(cause).flatMap((e) => e instanceof Error && e.message !== "" ? [e.message] : [])
  const message = messages.at(-1) ?? description
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
    : text.startsWith("<")
    ? ""
    : text
  return said === "" ? undefined : said
}

// What is nested too deep to be written was not meant to be read.
const wording = (u: unknown): string =>
  Predicate.isString(u) ? u : Option.getOrElse(Option.liftThrowable(JSON.stringify)(u), () => "")

/** @internal */
export const parseJson: (text: string) => Option.Option<unknown> = Option.liftThrowable((text): unknown =>
  JSON.parse(text)
)
