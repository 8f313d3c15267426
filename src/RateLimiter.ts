/**
 * A rate limiter that bounds the requests which the server counts in any window.
 *
 * A request reaches the server at an unknown time between its start and its response. An attempt
 * therefore holds its slot from its start until one window after its response. Wherever the
 * server's window starts, and however the network delays requests, the server never counts more
 * than `limit` of them.
 *
 * An attempt without a response (a timeout, an interruption, a lost connection) holds its slot for
 * `lateArrival` longer, because its request may still arrive. In addition, starts are paced: a new
 * limiter does not send the requests of a whole window at once.
 *
 * @since 0.1.0
 */
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as internal from "./internal/limiter/queue.js"
import * as SlidingWindow from "./internal/limiter/slidingWindow.js"
import type { Signal } from "./internal/support/signal.js"
import * as timer from "./internal/support/timer.js"
import { ofLimiter } from "./internal/telemetry/meters.js"

/**
 * The rate limiter for all requests of the SDK, both single calls and bulk.
 *
 * It is a service, so you can replace the in-process `layerMemory` with a limiter that all your
 * processes share.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 *
 * const program = Effect.gen(function*() {
 *   const limiter = yield* RateLimiter.RateLimiter
 *   yield* Effect.forEach([1, 2, 3], (n) => limiter.limit(Effect.log(`request ${n}`)), { concurrency: "unbounded" })
 * }).pipe(Effect.provide(RateLimiter.layerMemory()))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class RateLimiter extends Context.Tag("effect-suprsend/RateLimiter")<RateLimiter, RateLimiter.Service>() {}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace RateLimiter {
  /**
   * Runs attempts within the limit.
   *
   * A limiter wraps the attempt instead of issuing permits, because it must know when and how the
   * attempt ended.
   *
   * @example
   * ```ts
   * import { Effect, Ref } from "effect"
   * import type { RateLimiter } from "effect-suprsend/RateLimiter"
   *
   * // A limiter that lets everything pass and counts it.
   * const counting = (attempts: Ref.Ref<number>): RateLimiter.Service => ({
   *   limit: (attempt) => Effect.zipRight(Ref.update(attempts, (n) => n + 1), attempt),
   *   limitCost: (attempt, cost) => Effect.zipRight(Ref.update(attempts, (n) => n + cost), attempt),
   *   pause: () => Effect.void
   * })
   * ```
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Runs the attempt as soon as a slot is free, first come, first served.
     *
     * The slot becomes free one window after the attempt ended, or {@link Options.lateArrival}
     * later if there was no response. If the attempt is interrupted while it waits, it leaves the
     * queue and nothing is sent. If the limiter closes, waiting attempts are interrupted.
     */
    readonly limit: <A, E, R>(
      attempt: Effect.Effect<A, E, R>,
      options?: AttemptOptions<A, E>
    ) => Effect.Effect<A, E, R>
    /**
     * Runs an attempt that the server counts as `cost` requests.
     *
     * It waits in the same queue as `limit`, and attempts behind it wait for it. A cost that is
     * above the limit, or not a positive integer, fails with `RateLimitCostExceeded` immediately.
     */
    readonly limitCost: <A, E, R>(
      attempt: Effect.Effect<A, E, R>,
      cost: number,
      options?: AttemptOptions<A, E>
    ) => Effect.Effect<A, E | RateLimitCostExceeded, R>
    /**
     * Prevents attempts from starting until the duration has passed, including those already
     * waiting.
     *
     * Running attempts continue. A pause can only be extended: a shorter one within a longer one
     * has no effect.
     *
     * No attempt starts in the first minute. In a longer pause, one probe may start after each full
     * minute: the newest waiting attempt, because it has the most time left. If the outcome of the
     * probe is `"response"`, the pause ends. After any other outcome, or a further `pause`, the
     * next probe waits for another full minute. Attempts that started before the pause do not end
     * it.
     */
    readonly pause: (duration: Duration.DurationInput) => Effect.Effect<void>
    /**
     * Runs an attempt like `limit`, with a timeout for its wait.
     *
     * Interrupting the attempt also ends its wait, but needs a fiber; a limiter that knows the
     * timeout does not. `outcome` is called when the attempt has ended, even if it was interrupted.
     *
     * @internal
     */
    readonly limitWithin?: <A, E, R>(
      attempt: Effect.Effect<A, E, R>,
      options: WaitOptions<A, E, R>
    ) => Effect.Effect<A, E, R>
  }

  /**
   * The outcome of an attempt, as far as a limiter needs to know.
   *
   * - `"response"`: the server responded and accepts requests. A probe with this outcome ends the
   *   pause.
   * - `"refusal"`: the request can no longer arrive, but the server may not accept others. It
   *   responded with 429 or 5xx, the connection failed, or a proxy responded instead.
   * - `"noResponse"`: the request may still arrive. The attempt timed out, was interrupted, or lost
   *   its connection after sending.
   *
   * @example
   * ```ts
   * import type { RateLimiter } from "effect-suprsend/RateLimiter"
   *
   * const ofStatus = (status: number): RateLimiter.Outcome => status === 429 || status >= 500 ? "refusal" : "response"
   * ```
   *
   * @since 0.1.0
   * @category models
   */
  export type Outcome = "response" | "refusal" | "noResponse"

  /**
   * Options for one attempt.
   *
   * @example
   * ```ts
   * import { Effect, Exit } from "effect"
   * import * as RateLimiter from "effect-suprsend/RateLimiter"
   *
   * declare const send: Effect.Effect<string, { readonly status: number | undefined }>
   *
   * const limited = Effect.flatMap(RateLimiter.RateLimiter, (limiter) =>
   *   limiter.limit(send, {
   *     outcome: Exit.match({
   *       onSuccess: () => "response",
   *       onFailure: (cause) => cause._tag === "Fail" && cause.error.status !== undefined ? "refusal" : "noResponse"
   *     })
   *   }))
   * ```
   *
   * @since 0.1.0
   * @category models
   */
  export interface AttemptOptions<in A, in E> {
    /**
     * Classifies how the attempt ended.
     *
     * By default a success is `"response"`. An interruption, a defect, a `TimeoutException` or
     * `UnknownException` of Effect, and a transport error of the platform's `HttpClient` are
     * `"noResponse"`. Any other error counts as a response, and is a `"refusal"`.
     */
    readonly outcome?: ((exit: Exit.Exit<A, E>) => Outcome) | undefined
  }

  /**
   * The timeout of an attempt's wait for a slot, and what runs when it ends.
   *
   * @internal
   */
  export interface WaitOptions<A, E = never, R = never> extends AttemptOptions<A, E> {
    /** The timeout of the wait, in milliseconds. */
    readonly waitTimeout: number
    /** Ends the wait when it is aborted. */
    readonly signal?: Signal | undefined
    /** Runs instead of the attempt when the wait times out or is aborted. */
    readonly otherwise: Effect.Effect<A, E, R>
    /**
     * Runs instead of `otherwise` if the limiter cannot reach its store, such as Redis. By default,
     * `otherwise` runs.
     */
    readonly unavailable?: Effect.Effect<A, E, R> | undefined
    /**
     * Runs instead of the attempt if the limiter is closed. By default the attempt is interrupted.
     */
    readonly closed?: Effect.Effect<A, E, R> | undefined
  }

  /**
   * Options of a rate limiter.
   *
   * @example
   * ```ts
   * import type { RateLimiter } from "effect-suprsend/RateLimiter"
   *
   * // At most 100 requests in any 10 seconds, and at most 5 of them at once.
   * const options: RateLimiter.Options = { limit: 100, window: "10 seconds", burst: 5 }
   * ```
   *
   * @since 0.1.0
   * @category models
   */
  export interface Options {
    /** The number of requests that may arrive in any one window: a positive integer. */
    readonly limit: number
    /** The length of a window: finite and greater than zero. */
    readonly window: Duration.DurationInput
    /**
     * The number of requests that may start at once after an idle time.
     *
     * It is a positive integer. Further requests start at intervals of `window / limit`. The
     * default is a hundredth of the limit, but at least 10. A burst as large as the limit disables
     * pacing, so a limit of up to 10 is not paced by default.
     */
    readonly burst?: number | undefined
    /**
     * How long after an attempt ended without a response its request may still arrive.
     *
     * It must be finite, and may be zero. The limit holds even if the server stalls or is slow to
     * accept requests for up to this long.
     *
     * Each attempt without a response holds its slot for this long plus one window. If many
     * attempts time out or are interrupted, a higher value lets fewer attempts start.
     *
     * @default "10 seconds"
     */
    readonly lateArrival?: Duration.DurationInput | undefined
  }
}

/**
 * The default limit, which is SuprSend's: 1000 requests per second.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaultOptions: RateLimiter.Options = { limit: 1000, window: "1 second" }

/**
 * The cost of an attempt is above the limit, or not a positive integer. The attempt did not run.
 *
 * Split the attempt, or raise the limit.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 *
 * const program = Effect.gen(function*() {
 *   const limiter = yield* RateLimiter.make({ limit: 5, window: "1 minute" })
 *   return yield* limiter.limitCost(Effect.succeed("sent"), 6)
 * }).pipe(
 *   Effect.scoped,
 *   Effect.catchTag("RateLimitCostExceeded", (error) => Effect.succeed(`${error.cost} is above ${error.limit}`))
 * )
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimitCostExceeded extends Schema.TaggedError<RateLimitCostExceeded>(
  "effect-suprsend/RateLimitCostExceeded"
)("RateLimitCostExceeded", {
  /** The cost of the attempt, in requests. */
  cost: Schema.Number,
  /** The highest cost that an attempt may have, in requests. */
  limit: Schema.Number
}) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return this.cost > this.limit
      ? `A cost of ${this.cost} can never pass a limit of ${this.limit} per window: split it or raise the limit.`
      : `A cost must be a positive integer of at most ${this.limit} requests, got ${this.cost}.`
  }
}

const isPositiveInteger = (n: number): boolean => Number.isSafeInteger(n) && n > 0

/**
 * Validates the options, and makes the initial state of a limiter with them.
 *
 * @internal
 */
export const check = (options: RateLimiter.Options): Effect.Effect<SlidingWindow.State, ConfigError.ConfigError> => {
  const { burst, limit } = options
  const fail = (field: keyof RateLimiter.Options, expected: string) =>
    Effect.fail(ConfigError.InvalidData(
      ["rateLimit", field],
      `rateLimit.${field} must be ${expected}, got ${String(options[field])}`
    ))
  if (!isPositiveInteger(limit)) {
    return fail("limit", "a positive integer (requests per window, such as 1000)")
  }
  const window = Option.getOrElse(Duration.decodeUnknown(options.window), () => Duration.zero)
  if (!Duration.isFinite(window) || Duration.toMillis(window) === 0) {
    return fail("window", "a finite duration above zero (such as \"1 second\")")
  }
  if (burst !== undefined && !isPositiveInteger(burst)) {
    return fail("burst", "a positive integer (requests that may start at once, such as 10)")
  }
  const { lateArrival } = options
  const late = Option.getOrUndefined(Duration.decodeUnknown(lateArrival ?? "10 seconds"))
  // `Duration` decodes negative numbers and NaN as zero.
  if (late === undefined || !Duration.isFinite(late) || (typeof lateArrival === "number" && !(lateArrival >= 0))) {
    return fail("lateArrival", "a finite duration (such as \"10 seconds\")")
  }
  return Effect.succeed(
    SlidingWindow.make({ limit, window: Duration.toMillis(window), burst, lateArrival: Duration.toMillis(late) })
  )
}

/**
 * Makes a rate limiter for one process.
 *
 * When its scope closes, waiting and later attempts are interrupted; running attempts continue. It
 * uses the `Clock` that it was made with. Waiting attempts share one timer.
 *
 * Invalid options fail with a `ConfigError` that names the field, such as `rateLimit.limit`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 *
 * const program = Effect.scoped(
 *   Effect.gen(function*() {
 *     const limiter = yield* RateLimiter.make({ limit: 5, window: "1 minute" })
 *     yield* limiter.limit(Effect.log("at once"))
 *     yield* limiter.pause("10 seconds")
 *     yield* limiter.limit(Effect.log("ten seconds later"))
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: RateLimiter.Options
): Effect.Effect<RateLimiter.Service, ConfigError.ConfigError, Scope.Scope> =>
  Effect.gen(function*() {
    const initial = yield* check(options)
    const clock = yield* Effect.clock
    const fork = yield* timer.fork
    const meters = yield* ofLimiter
    const queue = yield* Effect.acquireRelease(
      Effect.sync(() => internal.unsafeMake(initial, clock, fork, meters)),
      (queue) => Effect.sync(queue.close)
    )
    const { limit } = options
    return {
      limit: (attempt, options) => queue.limit(attempt, 1, options),
      limitCost: (attempt, cost, options) =>
        SlidingWindow.canPass(initial.rule, cost)
          ? queue.limit(attempt, cost, options)
          : Effect.fail(new RateLimitCostExceeded({ cost, limit })),
      pause: queue.pause,
      limitWithin: (attempt, options) => queue.limit(attempt, 1, options, options)
    }
  })

/**
 * Provides one in-process limiter to everything that shares the layer.
 *
 * The default is SuprSend's limit of 1000 requests per second. Keep the layer in a constant: each
 * call of this function makes an independent limiter.
 *
 * Invalid options fail with a `ConfigError` that names the field, such as `rateLimit.limit`.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 *
 * // A quarter of the limit, because four processes share the workspace.
 * const Limiter: Layer.Layer<RateLimiter.RateLimiter> = RateLimiter.layerMemory({ limit: 250 }).pipe(Layer.orDie)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory = (
  options?: { readonly [K in keyof RateLimiter.Options]?: RateLimiter.Options[K] | undefined }
): Layer.Layer<RateLimiter, ConfigError.ConfigError> =>
  Layer.scoped(
    RateLimiter,
    make({
      limit: options?.limit ?? defaultOptions.limit,
      window: options?.window ?? defaultOptions.window,
      burst: options?.burst,
      lateArrival: options?.lateArrival
    })
  )

/**
 * Provides a limiter without a limit: attempts run immediately, and pauses have no effect.
 *
 * Use it in tests, and with a server that needs no protection.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 *
 * const program = Effect.gen(function*() {
 *   const limiter = yield* RateLimiter.RateLimiter
 *   return yield* limiter.limit(Effect.succeed("at once"))
 * }).pipe(Effect.provide(RateLimiter.layerNoop))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNoop: Layer.Layer<RateLimiter> = Layer.succeed(RateLimiter, {
  limit: identity,
  limitCost: identity,
  limitWithin: (attempt, { outcome }) =>
    outcome === undefined ? attempt : Effect.onExit(attempt, (exit) => Effect.sync(() => outcome(exit))),
  pause: () => Effect.void
})
