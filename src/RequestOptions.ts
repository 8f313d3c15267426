/**
 * Timeout, retry policy, headers and query for one call or a region of code.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
import * as headers from "./internal/client/checkHeaders.js"
import { isPlainRecord } from "./internal/support/json.js"
import type * as RetryPolicy from "./RetryPolicy.js"

/**
 * Options that a call can override.
 *
 * Omitted members are those of the enclosing region, or of the layer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The timeout of one attempt, including reading the response. */
  readonly timeout?: Duration.DurationInput | undefined
  /** The members of the retry policy that differ. */
  readonly retry?: RetryPolicy.Options | undefined
  /** Additional headers, by name. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Additional query parameters, by name.
   *
   * The vendor's Python SDK takes some of them as `options` of a call. They cannot replace
   * parameters that the call sets itself.
   */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  /**
   * The problem with the headers of a region, which the call reports. Merging would hide it.
   *
   * @internal
   */
  readonly invalidHeaders?: string | undefined
}

/**
 * The request options of the region of code that makes a call.
 *
 * @since 0.1.0
 * @category references
 */
export class RequestOptions extends Context.Reference<RequestOptions>()("effect-suprsend/RequestOptions", {
  defaultValue: (): Options => ({})
}) {}

/**
 * Runs an effect whose SuprSend calls use other options.
 *
 * Regions nest: for each member, the innermost region takes precedence. Options that the layer
 * would refuse, such as zero attempts, make the call die.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { withRequestOptions } from "effect-suprsend/RequestOptions"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const impatient = Effect.flatMap(UsersService, (users) => users.get("user-42")).pipe(
 *   withRequestOptions({ timeout: "2 seconds", retry: { attempts: 1 }, headers: { "x-trace": "1017" } })
 * )
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withRequestOptions: {
  (options: Options): <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  <A, E, R>(effect: Effect.Effect<A, E, R>, options: Options): Effect.Effect<A, E, R>
} = dual(
  2,
  <A, E, R>(effect: Effect.Effect<A, E, R>, options: Options): Effect.Effect<A, E, R> =>
    Effect.flatMap(RequestOptions, (outer) => Effect.provideService(effect, RequestOptions, merge(outer, options)))
)

const merge = (outer: Options, inner: Options): Options => ({
  timeout: inner.timeout ?? outer.timeout,
  retry: mergeRetry(outer.retry ?? {}, inner.retry ?? {}),
  // Header names are case-insensitive.
  headers: isPlainRecord(inner.headers)
    ? Headers.merge(Headers.fromInput(outer.headers), Headers.fromInput(inner.headers))
    : outer.headers,
  query: isPlainRecord(inner.query) && isPlainRecord(outer.query)
    ? { ...outer.query, ...inner.query }
    : inner.query ?? outer.query,
  invalidHeaders: outer.invalidHeaders ?? (inner.headers === undefined ? undefined : headers.problem(inner.headers))
})

const mergeRetry = (outer: RetryPolicy.Options, inner: RetryPolicy.Options): RetryPolicy.Options => {
  // Values that are not records are kept unchanged, so that the call can report them.
  const unusable = [outer, inner].find((options) => !isPlainRecord(options))
  return unusable ?? {
    attempts: inner.attempts ?? outer.attempts,
    elapsed: inner.elapsed ?? outer.elapsed,
    initialDelay: inner.initialDelay ?? outer.initialDelay,
    maximumDelay: inner.maximumDelay ?? outer.maximumDelay
  }
}
