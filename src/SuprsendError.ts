/**
 * Errors of SDK calls, one type per recovery strategy.
 *
 * The tags are specific to this package, so `Effect.catchTag` in a large program does not match
 * other errors. They have the prefix `Suprsend`, except for `InvalidUserEdit` and
 * `InvalidDistinctId`, whose names are specific already. Each error says whether retrying may help (`retryable`) and how many requests were
 * sent (`attempts`). Errors contain no secrets: neither credentials nor tokens of an edit. They are
 * schemas, so you can send them through RPC, queues and logs.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"

/**
 * Identifies the errors of this package, across all copies of it.
 *
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = Symbol.for("effect-suprsend/SuprsendError")

/**
 * The type of {@link TypeId}.
 *
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * A problem with an input: its path, and how to correct it.
 *
 * It never contains the value, which may be a token.
 *
 * @since 0.1.0
 * @category models
 */
export const Issue = Schema.Struct({
  path: Schema.Array(Schema.Union(Schema.String, Schema.Number)),
  message: Schema.String
})

/**
 * The type of {@link Issue}.
 *
 * @since 0.1.0
 * @category models
 */
export type Issue = typeof Issue.Type

const summary = (issues: ReadonlyArray<Issue>): string =>
  issues.map((issue) => at(issue.path) + issue.message).join("; ")

const at = (path: Issue["path"]): string => {
  const text = path.map((key, i) =>
    typeof key === "string" && /^[$\w]+$/.test(key) ? (i === 0 ? key : `.${key}`) : `[${JSON.stringify(key)}]`
  ).join("")
  return text === "" ? "" : `${text} `
}

// Fields that several errors have. They are spread one record at a time: a hover shows the
// documentation of a field only if its record is spread as a whole.

const calls = {
  /** The method that failed, such as `UsersService.get`. */
  call: Schema.String
}

const concernsUser = {
  /** The distinct id that the call was about. */
  distinctId: Schema.String
}

const hasIssues = {
  /** Every problem, with its path. */
  issues: Schema.Array(Issue)
}

const attempted = {
  /** The number of requests that were sent. */
  attempts: Schema.Number
}

const says = {
  /** The error message of the server, if the response had one. */
  serverMessage: Schema.optional(Schema.String)
}

const responded = {
  /** The status of the last response. */
  status: Schema.Number
}

const sentTo = {
  /** The base URL of the client. */
  baseUrl: Schema.optional(Schema.String)
}

const settled = {
  ...calls,
  ...attempted,
  /** "no" if the server certainly applied nothing, "unknown" if it may have applied an attempt. */
  applied: Schema.Literal("no", "unknown"),
  ...says,
  /** The insert id that the edit was sent with. Retrying with this id is safe. */
  insertId: Schema.optional(Schema.String)
}

/**
 * The edit failed validation. No request was sent.
 *
 * Correct the edit: `issues` lists every problem with its path.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { edit, setTimezone } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   yield* users.asyncEdit(setTimezone(edit("user-42"), "Mars/Olympus"))
 * }).pipe(
 *   Effect.catchTag("InvalidUserEdit", (error) => Effect.logWarning(error.message, error.issues))
 * )
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidUserEdit extends Schema.TaggedError<InvalidUserEdit>("effect-suprsend/InvalidUserEdit")(
  "InvalidUserEdit",
  { ...calls, ...concernsUser, ...hasIssues }
) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Retrying fails in the same way.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  /**
   * No request was sent.
   *
   * @since 0.1.0
   */
  readonly attempts = 0
  override get message(): string {
    return `${this.call}: the edit is invalid, so no request was sent: ${summary(this.issues)}`
  }
}

/**
 * The distinct id failed validation. No request was sent.
 *
 * The id is blank, `.` or `..`, too long, or contains half a surrogate pair. Use another id.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidDistinctId extends Schema.TaggedError<InvalidDistinctId>("effect-suprsend/InvalidDistinctId")(
  "InvalidDistinctId",
  { ...calls, ...concernsUser, ...hasIssues }
) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Retrying fails in the same way.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  /**
   * No request was sent.
   *
   * @since 0.1.0
   */
  readonly attempts = 0
  override get message(): string {
    return `${this.call}: the input is invalid, so no request was sent: ${summary(this.issues)}`
  }
}

/**
 * An input other than an edit or a distinct id failed validation. No request was sent.
 *
 * It is, for example, a profile, a preference or a tenant id. Correct it: `issues` lists every
 * problem with its path.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendInvalidInput extends Schema.TaggedError<SuprsendInvalidInput>(
  "effect-suprsend/SuprsendInvalidInput"
)("SuprsendInvalidInput", { ...calls, ...hasIssues }) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Retrying fails in the same way.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  /**
   * No request was sent.
   *
   * @since 0.1.0
   */
  readonly attempts = 0
  override get message(): string {
    return `${this.call}: the input is invalid, so no request was sent: ${summary(this.issues)}`
  }
}

/**
 * The user does not exist (404). Create it with an edit, or check the distinct id.
 *
 * @example
 * ```ts
 * import { Effect, Option } from "effect"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const find = (id: string) =>
 *   Effect.flatMap(UsersService, (users) => users.get(id)).pipe(
 *     Effect.asSome,
 *     Effect.catchTag("SuprsendUserNotFound", () => Effect.succeed(Option.none()))
 *   )
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendUserNotFound extends Schema.TaggedError<SuprsendUserNotFound>(
  "effect-suprsend/SuprsendUserNotFound"
)("SuprsendUserNotFound", { ...calls, ...concernsUser, ...attempted, ...says }) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Retrying fails in the same way.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  override get message(): string {
    return `${this.call}: SuprSend has no such user (404): create it with an edit, or check the distinct id`
  }
}

/**
 * SuprSend refused the credentials (401), or they do not allow this call (403).
 *
 * Check the workspace key and secret or the API key. Also check the clock of this machine, because
 * the date is part of the signature.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendUnauthorized extends Schema.TaggedError<SuprsendUnauthorized>(
  "effect-suprsend/SuprsendUnauthorized"
)("SuprsendUnauthorized", { ...settled, ...responded }) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Retrying fails in the same way.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  override get message(): string {
    return `${this.call}: SuprSend refused the credentials (${
      said(this.status, this.serverMessage)
    }): check the workspace ` +
      `key and secret or the API key, and the clock of this machine, which is part of the signature`
  }
}

/**
 * SuprSend rejected the request: any other 4xx, or a redirect (3xx).
 *
 * Correct the request, or check the base URL. Redirects are not followed, because the signature
 * would not match the new URL.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendRejected extends Schema.TaggedError<SuprsendRejected>("effect-suprsend/SuprsendRejected")(
  "SuprsendRejected",
  { ...settled, ...responded, ...sentTo }
) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Retrying fails in the same way.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  override get message(): string {
    const what = said(this.status, this.serverMessage)
    const base = baseUrl(this.baseUrl)
    if (this.status < 400) return `${this.call}: redirected (${what}), which is not followed: check ${base}`
    if (this.status === 407) {
      return `${this.call}: a proxy requires credentials (${what}): check the proxy's settings, and ${base}`
    }
    if (this.serverMessage === undefined || this.status === 404) {
      return `${this.call}: the request was rejected (${what}): ` +
        `check that ${base} is SuprSend's and that no proxy responds in its place, or correct the request`
    }
    return `${this.call}: SuprSend rejected the request (${what}): correct it before sending it again`
  }
}

/**
 * The call was still rate limited (429) when its attempts or time ran out.
 *
 * Retry after `retryAfter`, or lower the `rateLimit` of the layer.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendRateLimited extends Schema.TaggedError<SuprsendRateLimited>("effect-suprsend/SuprsendRateLimited")(
  "SuprsendRateLimited",
  {
    ...settled,
    /** How long the server asked to wait, if it did. */
    retryAfter: Schema.optional(Schema.DurationFromMillis)
  }
) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * A later retry may succeed. The last attempt was not applied; `applied` covers the earlier ones
   * too.
   *
   * @since 0.1.0
   */
  readonly retryable = true
  override get message(): string {
    const wait = this.retryAfter === undefined ? "later" : `in ${Duration.format(this.retryAfter)}`
    return `${this.call}: rate limited by SuprSend (${said(429, this.serverMessage)}) after ${
      requests(this.attempts)
    }; ` +
      `retry ${wait}, or lower the rateLimit of the layer`
  }
}

/**
 * No response settled the call before its attempts or its time ran out.
 *
 * `reason` says why: a server error (5xx, 408, 425), a connection that failed or was lost, or a
 * timeout. "Interrupted" means that the run or the layer was stopped. "Tls" means that the TLS
 * handshake failed, which is not retried.
 *
 * The server may have applied the request: see `applied`. `retryable` is false if applying the
 * request twice would be wrong and no insert id prevents it, as with a synchronous edit that
 * increments or appends. It is also false for 501 and 505, which a retry cannot fix.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendUnavailable extends Schema.TaggedError<SuprsendUnavailable>("effect-suprsend/SuprsendUnavailable")(
  "SuprsendUnavailable",
  {
    ...settled,
    /** Why no response settled the call. */
    reason: Schema.Literal("ServerError", "Transport", "Timeout", "Interrupted", "Tls"),
    /** Whether retrying is safe and may help. */
    retryable: Schema.Boolean,
    ...sentTo,
    /** The status of the last response, if there was one. */
    status: Schema.optional(Schema.Number),
    /** The error message of the runtime, such as `connect ECONNREFUSED 127.0.0.1:8787`. */
    description: Schema.optional(Schema.String)
  }
) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const what = this.status !== undefined
      ? said(this.status, this.serverMessage)
      : this.description ?? (this.reason === "Timeout" ? "no response in time" : "no connection")
    const fix = this.reason === "Tls"
      ? `nothing reached the server; check ${
        baseUrl(this.baseUrl)
      }, and give Node the certificate authority that a proxy signs with ` +
        "(NODE_EXTRA_CA_CERTS)"
      : this.applied === "no"
      ? this.reason === "Transport"
        ? `nothing reached the server; check ${
          baseUrl(this.baseUrl)
        }, the network, and whether a proxy is needed; or send it again later`
        : "nothing was applied, send it again later"
      : this.retryable
      ? "the server may have applied it; sending it again is safe"
      : this.status === 501 || this.status === 505
      ? `the server cannot do this, so sending it again does not help: check ${baseUrl(this.baseUrl)}`
      : "the server may have applied it: look before sending it again, or use asyncEdit, which carries an insert id"
    return `${this.call}: SuprSend is unavailable (${this.reason}: ${what}), after ${requests(this.attempts)}: ${fix}`
  }
}

/**
 * A 2xx response that does not match SuprSend's documentation, such as an HTML page.
 *
 * The call does not count as successful. Check the base URL, and any proxy between this machine and
 * SuprSend. If the response is from SuprSend itself, the request may have been applied.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendUnexpectedResponse extends Schema.TaggedError<SuprsendUnexpectedResponse>(
  "effect-suprsend/SuprsendUnexpectedResponse"
)("SuprsendUnexpectedResponse", { ...settled, ...responded, ...hasIssues, ...sentTo }) {
  /**
   * Identifies an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Retrying fails in the same way.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  override get message(): string {
    return `${this.call}: the response (${this.status}) is not what SuprSend documents: ${summary(this.issues)}. ` +
      `Check that ${baseUrl(this.baseUrl)} is SuprSend's, and that no login page or proxy responds in its place`
  }
}

const baseUrl = (url: string | undefined): string => url === undefined ? "the base URL" : `the base URL ${url}`

const said = (status: number, message: string | undefined): string =>
  message === undefined || message === "" ? String(status) : `${status}: ${message}`

const requests = (attempts: number): string => attempts === 1 ? "1 request" : `${attempts} requests`

/**
 * Errors that any request can fail with.
 *
 * @since 0.1.0
 * @category models
 */
export type RequestError =
  | SuprsendUnauthorized
  | SuprsendRejected
  | SuprsendRateLimited
  | SuprsendUnavailable
  | SuprsendUnexpectedResponse

/**
 * Copies an error of a batch for one of its edits. The error of a batch has no insert id, because
 * the batch has many.
 *
 * @internal
 */
export const withInsertId = (error: RequestError, insertId: string | undefined): RequestError => {
  switch (error._tag) {
    case "SuprsendUnauthorized":
      return new SuprsendUnauthorized({ ...error, insertId })
    case "SuprsendRejected":
      return new SuprsendRejected({ ...error, insertId })
    case "SuprsendRateLimited":
      return new SuprsendRateLimited({ ...error, insertId })
    case "SuprsendUnavailable":
      return new SuprsendUnavailable({ ...error, insertId })
    case "SuprsendUnexpectedResponse":
      return new SuprsendUnexpectedResponse({ ...error, insertId })
  }
}

/**
 * All errors of SDK calls.
 *
 * @since 0.1.0
 * @category models
 */
export type SuprsendError =
  | InvalidUserEdit
  | InvalidDistinctId
  | SuprsendInvalidInput
  | SuprsendUserNotFound
  | RequestError

/**
 * Checks whether a value is an error of this package, or a rejection with one.
 *
 * `Effect.runPromise` rejects with a `FiberFailure`. The error may come from any copy of the
 * package.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { isSuprsendError } from "effect-suprsend/SuprsendError"
 *
 * const logged = <A, E>(effect: Effect.Effect<A, E>) =>
 *   Effect.runPromise(effect).catch((rejection) => {
 *     if (!isSuprsendError(rejection)) throw rejection
 *     console.error(rejection.message)
 *   })
 * ```
 *
 * @see {@link findSuprsendError} to read its fields.
 *
 * @since 0.1.0
 * @category guards
 */
export const isSuprsendError = (u: unknown): u is SuprsendError | Runtime.FiberFailure =>
  Option.isSome(findSuprsendError(u))

/**
 * Finds the error of this package in a value or in a promise rejection.
 *
 * `Effect.runPromise` and a `ManagedRuntime` reject with a `FiberFailure`. That is an `Error` with
 * the message of the original error, but without its fields. If several errors occurred in
 * parallel, this returns the first one of this package. Failures are preferred to defects
 * (`Effect.orDie`).
 *
 * @example
 * ```ts
 * import { Effect, Option } from "effect"
 * import { findSuprsendError } from "effect-suprsend/SuprsendError"
 *
 * const orLater = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
 *   Effect.retry(effect, { while: (error) => Option.exists(findSuprsendError(error), (error) => error.retryable), times: 1 })
 *
 * const statusFor = (rejection: unknown) =>
 *   Option.match(findSuprsendError(rejection), {
 *     onNone: () => 500,
 *     onSome: (error) => error.retryable ? 503 : 502
 *   })
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const findSuprsendError = (u: unknown): Option.Option<SuprsendError> =>
  isError(u)
    ? Option.some(u)
    : Runtime.isFiberFailure(u)
    ? firstOf(u[Runtime.FiberFailureCauseId])
    : Option.none()

const firstOf = (cause: Cause.Cause<unknown>): Option.Option<SuprsendError> =>
  Option.orElse(
    Chunk.findFirst(Cause.failures(cause), isError),
    () => Chunk.findFirst(Cause.defects(cause), isError)
  )

const isError = (u: unknown): u is SuprsendError => Predicate.hasProperty(u, TypeId)
