/**
 * Keeps all requests that share it below the limit of the server: never more than `limit` in any `window`.
 *
 * A request reaches the server some time between its start and its response, and only the response tells that it did. So an
 * attempt holds its slot from its start until one window after its response: however the network bunches requests up, and
 * wherever the server begins to count, it never counts more than the limit. An attempt that ends without a response (a
 * timeout, an interruption, a lost connection) holds its slot for `lateArrival` longer, because its request may still
 * arrive. On top of that starts are paced, so that a fresh limiter does not send the requests of a whole window at once.
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

/**
 * The limiter that all requests of the SDK go through, single calls and bulk alike.
 *
 * It is a service of its own, so that one that counts for a whole fleet can take the place of `layerMemory`, which counts
 * for one process.
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
   * Runs attempts within the limit. It wraps an attempt instead of handing out tickets, because it has to know when the
   * attempt ended, and how.
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
     * Runs the attempt as soon as a slot is free, first come, first served. The slot comes back one window after the
     * attempt ended; if no response came, {@link Options.lateArrival} later. Interrupted while it waits, it leaves the
     * queue and nothing was sent. Once the limiter is closed it is interrupted.
     */
    readonly limit: <A, E, R>(
      attempt: Effect.Effect<A, E, R>,
      options?: AttemptOptions<A, E>
    ) => Effect.Effect<A, E, R>
    /**
     * The same for an attempt that the server counts as `cost` requests. It waits its turn, and those behind it wait
     * with it. A cost that can never pass is refused at once with `RateLimitCostExceeded`: one above the limit, or one
     * that is not a positive integer.
     */
    readonly limitCost: <A, E, R>(
      attempt: Effect.Effect<A, E, R>,
      cost: number,
      options?: AttemptOptions<A, E>
    ) => Effect.Effect<A, E | RateLimitCostExceeded, R>
    /**
     * Lets no attempt start before the duration is over, not even those that waited already when it began. Attempts that
     * run are left alone. Pauses only ever extend: a shorter one within a longer one does not shorten it.
     *
     * The first minute is obeyed exactly. In a longer pause one attempt may start after each full minute, alone, as a
     * probe: the one that came last, as it has the most time left. If its outcome is `"response"`, the pause is over for
     * all. After any other outcome the next probe waits for a full minute again; so it does after a further `pause`, whose
     * first minute is obeyed as well. Attempts that ran before a pause began do not end it.
     */
    readonly pause: (duration: Duration.DurationInput) => Effect.Effect<void>
    /**
     * The same as `limit` for an attempt that waits for a limited time.
     *
     * An interruption ends a wait too, but a limiter that knows the wait timeout does without a fiber for it. It calls `outcome` when
     * the attempt has ended, however that came.
     *
     * @internal
     */
    readonly limitWithin?: <A, E, R>(
      attempt: Effect.Effect<A, E, R>,
      options: WaitOptions<A, E, R>
    ) => Effect.Effect<A, E, R>
  }

  /**
   * How an attempt ended, as far as a limiter needs to know.
   *
   * - `"response"`: a response came, and the server takes requests. A probe that ends so ends its pause.
   * - `"refusal"`: the request arrives no more, but nothing says that the server takes others: it responded 429 or 5xx,
   *   no connection was made, or what responded was not the server but a proxy.
   * - `"noResponse"`: the request may still arrive: a timeout, an interruption, a connection lost after it was sent.
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
   * What a limiter cannot see for itself.
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
     * Tells how the attempt ended.
     *
     * By default a success is `"response"`. An interruption, a defect, Effect's `TimeoutException` and `UnknownException`,
     * and a transport error of the platform's `HttpClient` are `"noResponse"`. All other errors are taken for a response:
     * `"refusal"`.
     */
    readonly outcome?: ((exit: Exit.Exit<A, E>) => Outcome) | undefined
  }

  /**
   * How long an attempt waits for a slot, and what takes its place when it waits no longer.
   *
   * @internal
   */
  export interface WaitOptions<A, E = never, R = never> extends AttemptOptions<A, E> {
    /** How long it waits for a slot, in milliseconds. */
    readonly waitTimeout: number
    /** Ends the wait when it is given. */
    readonly signal?: Signal | undefined
    /** Takes the place of the attempt when the wait timeout is over or the signal is given. */
    readonly otherwise: Effect.Effect<A, E, R>
    /** Takes the place of the attempt when the limiter closes, or is closed already. By default an interruption. */
    readonly closed?: Effect.Effect<A, E, R> | undefined
  }

  /**
   * What the server allows, and how late a request may reach it.
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
    /** How many requests may arrive in any one window: a positive integer. */
    readonly limit: number
    /** How long a window is: finite and greater than zero. */
    readonly window: Duration.DurationInput
    /**
     * How many requests may start at once after a rest; further ones are paced, one each `window / limit`. A positive
     * integer, by default a hundredth of the limit but at least 10. A burst as large as the limit means no pacing, so
     * that a limit of up to 10 is not paced by default.
     */
    readonly burst?: number | undefined
    /**
     * How long after its attempt ended without a response a request may still reach the server: finite, or zero. The limit
     * holds for a server that stands still, or is slow to accept, for up to this long.
     *
     * Each attempt without a response holds its slot for this long and one window, so where many attempts time out or are
     * interrupted, a longer one lets fewer start.
     *
     * @default "10 seconds"
     */
    readonly lateArrival?: Duration.DurationInput | undefined
  }
}

/**
 * What SuprSend allows: 1000 requests per second.
 *
 * @since 0.1.0
 * @category constructors
 */
export const defaultOptions: RateLimiter.Options = { limit: 1000, window: "1 second" }

/**
 * The attempt costs more than the limiter could ever let pass, or its cost is not a positive integer. It was not run.
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
  /** What the attempt asked for, in requests. */
  cost: Schema.Number,
  /** The most that one attempt may ask for, in requests. */
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

const check = (options: RateLimiter.Options): Effect.Effect<SlidingWindow.State, ConfigError.ConfigError> => {
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
  // Durations take what is below zero, or no number, for zero.
  if (late === undefined || !Duration.isFinite(late) || (typeof lateArrival === "number" && !(lateArrival >= 0))) {
    return fail("lateArrival", "a finite duration (such as \"10 seconds\")")
  }
  return Effect.succeed(
    SlidingWindow.make({ limit, window: Duration.toMillis(window), burst, lateArrival: Duration.toMillis(late) })
  )
}

/**
 * Makes a limiter for one process.
 *
 * It lives as long as its scope: when that closes, attempts that still wait are interrupted, and so are all that come
 * later. Attempts that run are left alone.
 *
 * Time is that of the `Clock` it is made with. All that wait share one timer; where nothing waits there is none.
 *
 * Fails with a `ConfigError` that names the field, such as `rateLimit.limit`, for options that are out of range.
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
    const queue = yield* Effect.acquireRelease(
      Effect.sync(() => internal.unsafeMake(initial, clock, fork)),
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
 * Provides one limiter to all that share the layer, in one process. By default 1000 requests per second, SuprSend's limit.
 *
 * Keep the layer in a constant: each call of this function makes a limiter that knows nothing of the others.
 *
 * Fails with a `ConfigError` that names the field, such as `rateLimit.limit`, for options that are out of range.
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
 * Provides a limiter that limits nothing: every attempt runs at once, at any cost, and a pause is not kept.
 *
 * For tests, and for a server that needs no protection.
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
