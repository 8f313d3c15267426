/**
 * Another timeout, retry policy, header or query for one call, or for one region of a program.
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
 * What can differ from one call to the next. What is left out is that of the region around it, or of the layer.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How long one attempt may take, reading the answer included. */
  readonly timeout?: Duration.DurationInput | undefined
  /** What differs in the retry policy. */
  readonly retry?: RetryPolicy.Options | undefined
  /** Further headers, by name. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Further members of the query, by name, such as those that the vendor's Python SDK takes as `options` of a call. What the call itself
   * says in its query stays.
   */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  /**
   * What is wrong with the headers of a region, for the call to say: merging them hides some of it.
   *
   * @internal
   */
  readonly invalidHeaders?: string | undefined
}

/**
 * The options of the region of code in which a call is made.
 *
 * @since 0.1.0
 * @category references
 */
export class RequestOptions extends Context.Reference<RequestOptions>()("effect-suprsend/RequestOptions", {
  defaultValue: (): Options => ({})
}) {}

/**
 * Runs an effect whose calls to SuprSend have other options. Regions nest: the inner one wins, member by member.
 *
 * Options that the layer would refuse, such as no attempts at all, are a defect of the call.
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
  // The names of headers are one in any case.
  headers: isPlainRecord(inner.headers)
    ? Headers.merge(Headers.fromInput(outer.headers), Headers.fromInput(inner.headers))
    : outer.headers,
  query: isPlainRecord(inner.query) && isPlainRecord(outer.query)
    ? { ...outer.query, ...inner.query }
    : inner.query ?? outer.query,
  invalidHeaders: outer.invalidHeaders ?? (inner.headers === undefined ? undefined : headers.problem(inner.headers))
})

const mergeRetry = (outer: RetryPolicy.Options, inner: RetryPolicy.Options): RetryPolicy.Options => {
  // What is not a record stays as it is, for the call to name.
  const unusable = [outer, inner].find((options) => !isPlainRecord(options))
  return unusable ?? {
    attempts: inner.attempts ?? outer.attempts,
    elapsed: inner.elapsed ?? outer.elapsed,
    initialDelay: inner.initialDelay ?? outer.initialDelay,
    maximumDelay: inner.maximumDelay ?? outer.maximumDelay
  }
}
