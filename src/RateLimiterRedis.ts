/**
 * A rate limiter that all processes share, over Redis.
 *
 * It has the guarantee of the limiter in memory, for all processes together: the server never
 * counts more than `limit` requests in any window. Each process leases slots from Redis, and uses
 * them again and again without asking. So a call costs no round trip, and an outage of Redis does
 * not stop the processes. A 429 of one process pauses all of them.
 *
 * This module needs the optional peer dependency `ioredis`. Import it by its own path,
 * `effect-suprsend/RateLimiterRedis`, because the index does not export it.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as IORedis from "ioredis"
import * as Crypto from "node:crypto"
import * as connection from "./internal/limiter/redis/connection.js"
import * as Core from "./internal/limiter/redis/core.js"
import * as exchanger from "./internal/limiter/redis/exchanger.js"
import * as SlidingWindow from "./internal/limiter/slidingWindow.js"
import * as timer from "./internal/support/timer.js"
import { ofLimiter } from "./internal/telemetry/meters.js"
import * as RateLimiter from "./RateLimiter.js"

/**
 * The client of ioredis that the limiter uses.
 *
 * It is a service, so you can share a client that your program already has. A `Cluster` and a
 * client that asks sentinels work too.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
 * import { Cluster } from "ioredis"
 *
 * // The program closes this client by itself.
 * const cluster = new Cluster([{ host: "redis-1.internal", port: 6379 }], { lazyConnect: true })
 *
 * const Limiter = RateLimiterRedis.layer({ key: "{suprsend}:production", limit: 1000, window: "1 second" }).pipe(
 *   Layer.provide(Layer.succeed(RateLimiterRedis.Redis, cluster))
 * )
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class Redis
  extends Context.Tag("effect-suprsend/RateLimiterRedis/Redis")<Redis, IORedis.Redis | IORedis.Cluster>()
{}

/**
 * Options of a client of ioredis.
 *
 * @since 0.1.0
 * @category models
 */
export interface RedisOptions {
  /** The URL, such as `redis://user:password@redis.internal:6379/0`; `rediss://` uses TLS. */
  readonly url: Redacted.Redacted
  /**
   * Options of ioredis that take precedence over those in the URL.
   *
   * By default, a lost connection is made anew after 50 to 500 milliseconds, and also if the server
   * has become a replica.
   */
  readonly options?: IORedis.RedisOptions | undefined
}

const isDecodable = Option.liftThrowable(decodeURIComponent)

/** Whether ioredis understands a URL: with anything else, it throws later, or ends the process. */
const isRedisUrl = (text: string): boolean =>
  /^rediss?:\/\//i.test(text) && Option.exists(
    Option.liftThrowable((url: string) => new URL(url))(text),
    ({ hash, hostname, password, pathname, search, username }) =>
      // In a password, # and ? would end the host, and the rest would be elsewhere.
      hash === "" && !search.includes("@") && hostname !== "" && /^\/?\d*$/.test(pathname) &&
      Option.isSome(isDecodable(username)) && Option.isSome(isDecodable(password))
  )

/**
 * Provides a client of ioredis, and closes it with the scope.
 *
 * A URL that is not one of Redis fails with a `ConfigError`, which does not contain it. The layer
 * does not wait for the connection. If Redis has no database with that number, the connection is
 * closed, and the limiter logs why.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
 *
 * const Limiter = RateLimiterRedis.layer({ key: "{suprsend}:production", limit: 1000, window: "1 second" }).pipe(
 *   Layer.provide(RateLimiterRedis.layerRedis({ url: Redacted.make("redis://127.0.0.1:6379") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRedis = (options: RedisOptions): Layer.Layer<Redis, ConfigError.ConfigError> =>
  Layer.scoped(
    Redis,
    Effect.acquireRelease(
      Effect.suspend(() => {
        const url = Redacted.value(options.url).trim()
        return isRedisUrl(url)
          ? Effect.sync(() => connect(url, options.options))
          : Effect.fail(ConfigError.InvalidData(["redis", "url"], urlRule))
      }),
      (client) => Effect.sync(() => client.disconnect())
    )
  )

const urlRule =
  "redis.url must be a URL such as redis://user:password@host:6379/0: a host, and at most the number of a " +
  "database behind it. In the password, write % as %25, # as %23, and ? as %3F"

const connect = (url: string, options: IORedis.RedisOptions = {}): IORedis.Redis => {
  const client = new IORedis.Redis(url, {
    connectTimeout: 2_000,
    retryStrategy: (times) => Math.min(times * 50, 500),
    reconnectOnError: (error) => error.message.startsWith("READONLY"),
    ...options
  })
  // Without a listener, ioredis prints errors, with whatever their messages contain. The limiter
  // reports an outage itself.
  client.on("error", (error: unknown) => {
    // The connection would use database 0 instead.
    if (error instanceof Error && error.message === exchanger.noSuchDatabase) client.disconnect()
  })
  return client
}

/**
 * Provides a client of ioredis from a `Config`.
 *
 * By default it reads the URL from `REDIS_URL`.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
 *
 * const Limiter = RateLimiterRedis.layer({ key: "{suprsend}:production", limit: 1000, window: "1 second" }).pipe(
 *   Layer.provide(RateLimiterRedis.layerRedisConfig())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerRedisConfig = (
  config: Config.Config<RedisOptions> = Config.map(Config.redacted("REDIS_URL"), (url) => ({ url }))
): Layer.Layer<Redis, ConfigError.ConfigError> => Layer.unwrapEffect(Effect.map(config, layerRedis))

/**
 * What a limiter does while Redis does not reply.
 *
 * - `"share"`: attempts go on with the slots that the process has. After `deadAfter`, each process
 *   uses an equal share of the limit, by the number of processes that Redis counted last.
 * - `"wait"`: attempts wait, until their own deadlines.
 * - `"fail"`: attempts fail at once with {@link RateLimiterUnavailable}, as a defect. A call of the
 *   SDK fails with `SuprsendUnavailable`, which says that the rate limiter is unavailable.
 *
 * @since 0.1.0
 * @category models
 */
export type WhenUnavailable = "share" | "wait" | "fail"

/**
 * Options of a limiter that all processes share.
 *
 * All processes with the same `key` must have the same options.
 *
 * @example
 * ```ts
 * import type * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
 *
 * const options: RateLimiterRedis.Options = {
 *   key: "{suprsend}:production",
 *   limit: 1000,
 *   window: "1 second",
 *   whenUnavailable: "wait"
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends RateLimiter.RateLimiter.Options {
  /**
   * The key in Redis: one for each workspace.
   *
   * The limiter stores one hash there, so a cluster needs only one hash slot. It expires a day
   * after its last use.
   */
  readonly key: string
  /**
   * The number of slots that a process takes in one round trip, and keeps while it is idle for a
   * moment: a positive integer.
   *
   * A process with more attempts that wait takes more at once.
   *
   * @default 16
   */
  readonly lease?: number | undefined
  /**
   * How long after Redis last heard of a process its requests may still arrive.
   *
   * The slots of a process that died are free after this time and one window. It must be finite,
   * and at least `lateArrival`. Choose at least one and a half times the timeout of an attempt plus
   * `lateArrival`: after a third of the time, a process without Redis no longer relies on slots
   * above its equal share.
   *
   * @default "1 minute"
   */
  readonly deadAfter?: Duration.DurationInput | undefined
  /**
   * What attempts do while Redis does not reply.
   *
   * @default "share"
   */
  readonly whenUnavailable?: WhenUnavailable | undefined
}

/**
 * The limiter has no reply from Redis, and was made with `whenUnavailable: "fail"`. The attempt did
 * not run.
 *
 * It is a defect, because a limiter does not change the errors of an attempt.
 *
 * @example
 * ```ts
 * import { Effect, Option } from "effect"
 * import type { RateLimiter } from "effect-suprsend/RateLimiter"
 * import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
 *
 * declare const limiter: RateLimiter.Service
 *
 * const program = limiter.limit(Effect.succeed("sent")).pipe(
 *   Effect.catchSomeDefect((defect) =>
 *     defect instanceof RateLimiterRedis.RateLimiterUnavailable
 *       ? Option.some(Effect.succeed("not sent"))
 *       : Option.none()
 *   )
 * )
 * ```
 *
 * @since 0.1.0
 * @category errors
 */
export class RateLimiterUnavailable extends Schema.TaggedError<RateLimiterUnavailable>(
  "effect-suprsend/RateLimiterUnavailable"
)("RateLimiterUnavailable", {
  /** The key of the limiter. */
  key: Schema.String
}) {
  /**
   * @since 0.1.0
   */
  override get message(): string {
    return `Redis is unavailable to the rate limiter "${this.key}": no attempt was made; retry once it is available.`
  }
}

const invalid = (field: keyof Options, expected: string, given: unknown) =>
  ConfigError.InvalidData(["rateLimit", field], `rateLimit.${field} must be ${expected}, got ${String(given)}`)

interface Checked {
  readonly window: SlidingWindow.State
  readonly slots: number
  readonly deadAfter: number
  readonly whenUnavailable: WhenUnavailable
}

const check = (options: Options): Effect.Effect<Checked, ConfigError.ConfigError> =>
  Effect.gen(function*() {
    const window = yield* RateLimiter.check(options)
    const { deadAfter = "1 minute", key, lease = 16, whenUnavailable = "share" } = options
    if (typeof key !== "string" || key.trim() === "") {
      return yield* Effect.fail(invalid("key", "a key (such as \"{suprsend}:production\")", key))
    }
    if (!Number.isSafeInteger(lease) || lease <= 0) {
      return yield* Effect.fail(invalid("lease", "a positive integer (slots, such as 16)", lease))
    }
    const dead = Option.getOrElse(Duration.decodeUnknown(deadAfter), () => Duration.zero)
    const { lateArrival } = window.rule
    if (!Duration.isFinite(dead) || Duration.toMillis(dead) < lateArrival || Duration.toMillis(dead) === 0) {
      return yield* Effect.fail(
        invalid("deadAfter", `a finite duration of at least lateArrival (${lateArrival} ms)`, deadAfter)
      )
    }
    if (!["share", "wait", "fail"].includes(whenUnavailable)) {
      return yield* Effect.fail(invalid("whenUnavailable", "\"share\", \"wait\" or \"fail\"", whenUnavailable))
    }
    return { window, slots: Math.min(lease, options.limit), deadAfter: Duration.toMillis(dead), whenUnavailable }
  })

/**
 * Makes a limiter that shares its limit with all processes that use the same key.
 *
 * When its scope closes, waiting and later attempts are interrupted, and the slots are returned;
 * running attempts continue, and their slots are free after `deadAfter`.
 *
 * The first limiter with a new key waits for two seconds before it starts an attempt, so that other
 * processes can state what they hold if Redis has lost its data.
 *
 * @example
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
 *
 * const program = Effect.gen(function*() {
 *   const limiter = yield* RateLimiterRedis.make({ key: "{reports}:api", limit: 5, window: "1 minute" })
 *   yield* limiter.limit(Effect.log("at most five in any minute, from all processes"))
 * }).pipe(
 *   Effect.scoped,
 *   Effect.provide(RateLimiterRedis.layerRedis({ url: Redacted.make("redis://127.0.0.1:6379") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: Options
): Effect.Effect<RateLimiter.RateLimiter.Service, ConfigError.ConfigError, Redis | Scope.Scope> =>
  Effect.gen(function*() {
    const { deadAfter, slots, whenUnavailable, window } = yield* check(options)
    const { burst, limit, probeInterval, window: length } = window.rule
    const client = yield* Redis
    const clock = yield* Effect.clock
    const fork = yield* timer.fork
    const meters = yield* ofLimiter
    const rule = Core.makeRule({ limit, window: length, burst, deadAfter, probeInterval })
    const way = yield* connection.make(client, options.key, rule)
    const { isUnavailable, pause, queue } = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const made = exchanger.unsafeMake(
          { process: Crypto.randomUUID(), limit, window: length, slots, deadAfter, probeInterval, whenUnavailable },
          window,
          clock,
          fork,
          meters,
          way
        )
        client.on("ready", made.wake)
        return made
      }),
      ({ close, wake }) => Effect.zipRight(Effect.sync(() => client.off("ready", wake)), close)
    )
    const unavailable = Effect.suspend(() => Effect.die(new RateLimiterUnavailable({ key: options.key })))
    const isFailing = () => whenUnavailable === "fail" && isUnavailable()

    const run = <A, E, R>(
      attempt: Effect.Effect<A, E, R>,
      cost: number,
      attemptOptions: RateLimiter.RateLimiter.AttemptOptions<A, E> | undefined
    ): Effect.Effect<A, E, R> =>
      whenUnavailable !== "fail"
        ? queue.limit(attempt, cost, attemptOptions)
        : Effect.suspend(() =>
          isFailing()
            ? unavailable
            : queue.limit(attempt, cost, attemptOptions, { waitTimeout: Infinity, otherwise: unavailable })
        )

    return {
      limit: (attempt, attemptOptions) => run(attempt, 1, attemptOptions),
      limitCost: (attempt, cost, attemptOptions) =>
        SlidingWindow.canPass(window.rule, cost)
          ? run(attempt, cost, attemptOptions)
          : Effect.fail(new RateLimiter.RateLimitCostExceeded({ cost, limit })),
      pause,
      limitWithin: (attempt, wait) => {
        const otherwise = Effect.suspend(() => isUnavailable() ? wait.unavailable ?? wait.otherwise : wait.otherwise)
        const { closed, signal, waitTimeout } = wait
        const limited = queue.limit(attempt, 1, wait, { closed, signal, waitTimeout, otherwise })
        return whenUnavailable === "fail" ? Effect.suspend(() => isFailing() ? otherwise : limited) : limited
      }
    }
  })

/**
 * Provides a limiter that shares its limit with all processes that use the same key.
 *
 * Provide it in the place of the one in memory, to `SuprsendClient.layerWithoutRateLimiter`. Keep
 * the layer in a constant, as each limiter counts as a process of its own.
 *
 * Invalid options fail with a `ConfigError` that names the field, such as `rateLimit.deadAfter`.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as Transport from "effect-suprsend/Transport"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * const UsersLive = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layerWithoutRateLimiter({
 *     workspaceKey: "workspace-key",
 *     workspaceSecret: Redacted.make("workspace-secret")
 *   })),
 *   Layer.provide(RateLimiterRedis.layer({ key: "{suprsend}:production", limit: 1000, window: "1 second" })),
 *   Layer.provide(RateLimiterRedis.layerRedisConfig()),
 *   Layer.provide(Transport.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<RateLimiter.RateLimiter, ConfigError.ConfigError, Redis> =>
  Layer.fresh(Layer.scoped(RateLimiter.RateLimiter, make(options)))
