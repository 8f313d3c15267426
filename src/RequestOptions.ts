/**
 * Another timeout, retry policy or header for one call, or for one region of a program.
 *
 * @since 0.1.0
 */
import * as Headers from "@effect/platform/Headers"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { dual } from "effect/Function"
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
  retry: {
    attempts: inner.retry?.attempts ?? outer.retry?.attempts,
    elapsed: inner.retry?.elapsed ?? outer.retry?.elapsed,
    initialDelay: inner.retry?.initialDelay ?? outer.retry?.initialDelay,
    maximumDelay: inner.retry?.maximumDelay ?? outer.retry?.maximumDelay
  },
  // The names of headers are one in any case.
  headers: Headers.merge(Headers.fromInput(outer.headers), Headers.fromInput(inner.headers))
})
