/**
 * Every way in which a call can fail, one error for each thing that a caller would do differently.
 *
 * The tags are prefixed, so that `Effect.catchTag` in a large program hits nothing else. All errors say whether trying again
 * may help (`retryable`) and how many requests were sent (`attempts`), and none holds a secret: not the workspace's, not the
 * tokens of an edit. They are schemas, so they travel through RPC, queues and logs as they are.
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
 * What marks the values of this module, alike in every copy of the package.
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
 * Something that is wrong with an input: where, and what to do about it. Never the value itself: it may be a token.
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

/**
 * An edit that could not arrive as it was meant. Nothing was sent.
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
  { call: Schema.String, distinctId: Schema.String, issues: Schema.Array(Issue) }
) {
  /**
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Sending the same again ends the same.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  /**
   * Nothing was sent.
   *
   * @since 0.1.0
   */
  readonly attempts = 0
  override get message(): string {
    return `${this.call}: the edit is invalid, so no request was sent: ${summary(this.issues)}`
  }
}

/**
 * An id that cannot be addressed: blank, `.` or `..`, too long, or half a surrogate pair. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidDistinctId extends Schema.TaggedError<InvalidDistinctId>("effect-suprsend/InvalidDistinctId")(
  "InvalidDistinctId",
  { call: Schema.String, distinctId: Schema.String, issues: Schema.Array(Issue) }
) {
  /**
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Sending the same again ends the same.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  /**
   * Nothing was sent.
   *
   * @since 0.1.0
   */
  readonly attempts = 0
  override get message(): string {
    return `${this.call}: the input is invalid, so no request was sent: ${summary(this.issues)}`
  }
}

/**
 * Another input that could not arrive as it was meant: a profile, a preference, the id of a tenant. Nothing was sent.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendInvalidInput extends Schema.TaggedError<SuprsendInvalidInput>(
  "effect-suprsend/SuprsendInvalidInput"
)("SuprsendInvalidInput", { call: Schema.String, issues: Schema.Array(Issue) }) {
  /**
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Sending the same again ends the same.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  /**
   * Nothing was sent.
   *
   * @since 0.1.0
   */
  readonly attempts = 0
  override get message(): string {
    return `${this.call}: the input is invalid, so no request was sent: ${summary(this.issues)}`
  }
}

/**
 * There is no user of that id (404).
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
)("SuprsendUserNotFound", {
  call: Schema.String,
  distinctId: Schema.String,
  attempts: Schema.Number,
  /** What the server said, if it said anything. */
  serverMessage: Schema.optional(Schema.String)
}) {
  /**
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Sending the same again ends the same.
   *
   * @since 0.1.0
   */
  readonly retryable = false
  override get message(): string {
    return `${this.call}: SuprSend has no such user (404): create it with an edit, or check the distinct id`
  }
}

const settled = {
  call: Schema.String,
  /** How many requests were sent. */
  attempts: Schema.Number,
  /** "no" if the server certainly did nothing, "unknown" if one of the attempts may have been applied. */
  applied: Schema.Literal("no", "unknown"),
  /** What the server said, if it said anything. */
  serverMessage: Schema.optional(Schema.String),
  /** The id under which an edit travelled: sending it again under this one is safe. */
  insertId: Schema.optional(Schema.String)
}

/**
 * SuprSend does not accept the credentials, or not for this (401, 403).
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendUnauthorized extends Schema.TaggedError<SuprsendUnauthorized>(
  "effect-suprsend/SuprsendUnauthorized"
)("SuprsendUnauthorized", { ...settled, status: Schema.Number }) {
  /**
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Sending the same again ends the same.
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
 * SuprSend refused the request itself: any other 4xx, or a redirect (3xx), which is not followed because the signature would
 * not match. Sending the same again ends the same.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendRejected extends Schema.TaggedError<SuprsendRejected>("effect-suprsend/SuprsendRejected")(
  "SuprsendRejected",
  { ...settled, status: Schema.Number, baseUrl: Schema.optional(Schema.String) }
) {
  /**
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Sending the same again ends the same.
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
 * SuprSend still said "too many requests" (429) when the attempts or the time of the call ran out.
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
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * The last attempt did nothing, and the server would do it later; `applied` tells about those before it too.
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
 * No response settled the request before the attempts or the time of the call ran out: a server error (5xx, 408, 425), no
 * connection, a lost connection, or a timeout. Or the run or layer that it belongs to was stopped ("Interrupted"), or TLS failed
 * ("Tls"), which is not tried again.
 *
 * What was asked for may have happened all the same. `retryable` is false where doing it twice would be wrong and nothing
 * guards against it, as with a synchronous edit that increments or appends; and for 501 and 505, which no repetition mends.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendUnavailable extends Schema.TaggedError<SuprsendUnavailable>("effect-suprsend/SuprsendUnavailable")(
  "SuprsendUnavailable",
  {
    ...settled,
    reason: Schema.Literal("ServerError", "Transport", "Timeout", "Interrupted", "Tls"),
    retryable: Schema.Boolean,
    baseUrl: Schema.optional(Schema.String),
    status: Schema.optional(Schema.Number),
    /** What happened on the wire, in the words of the runtime: `connect ECONNREFUSED 127.0.0.1:8787`. */
    description: Schema.optional(Schema.String)
  }
) {
  /**
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  override get message(): string {
    const what = this.status !== undefined
      ? said(this.status, this.serverMessage)
      : this.description ?? (this.reason === "Timeout" ? "no response in time" : "no connection")
    const fix = this.reason === "Tls"
      ? `no request was sent; check ${
        baseUrl(this.baseUrl)
      }, and give Node the certificate authority that a proxy signs with ` +
        "(NODE_EXTRA_CA_CERTS)"
      : this.applied === "no"
      ? this.reason === "Transport"
        ? `no request was sent; check ${
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
 * A response of status 2xx that is not the one that SuprSend documents: a page of HTML, or what another server says.
 *
 * Nothing counts as done. Look at the base URL, and at what stands between this machine and SuprSend. Where it is SuprSend that
 * answers, the request may have been applied.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendUnexpectedResponse extends Schema.TaggedError<SuprsendUnexpectedResponse>(
  "effect-suprsend/SuprsendUnexpectedResponse"
)("SuprsendUnexpectedResponse", {
  ...settled,
  status: Schema.Number,
  issues: Schema.Array(Issue),
  baseUrl: Schema.optional(Schema.String)
}) {
  /**
   * Marks an error of this package.
   *
   * @since 0.1.0
   */
  readonly [TypeId]: TypeId = TypeId
  /**
   * Sending the same again ends the same.
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
 * What any request can fail with, whatever it asks for.
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
 * Every error of this package.
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
 * Whether a value is an error of this package, or what a promise was rejected with because of one (a `FiberFailure`).
 *
 * Any copy of the package may have made the error. {@link findSuprsendError} gives the error itself, with its fields.
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
 * The error of this package that a value is, or that a rejected promise holds.
 *
 * `Effect.runPromise` and a `ManagedRuntime` reject with a `FiberFailure`: an `Error` with the message of the error inside of it, but
 * not its fields. Where several things failed at the same time, it is the first error of this package, and of a failure and a defect
 * (`Effect.orDie`) the failure.
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
