/**
 * The HTTP client of this package: it rate-limits, signs, retries and traces requests.
 *
 * An attempt first waits for a slot of the rate limiter, at most until the deadline of the call.
 * Then, within the timeout of the attempt, it sets the date, signs the exact bytes, sends them and
 * reads the response. A retry repeats the whole attempt: each request takes its own slot and has a
 * fresh signature, while the body, its `$insert_id` and its `$time` stay the same. The retry policy
 * bounds both the number of attempts and the elapsed time. Spans contain no user ids.
 *
 * Services such as `UsersService` are built on this client. Use it directly for an endpoint that
 * has no method in this package.
 *
 * @since 0.1.0
 */
import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import * as calls from "./internal/client/call.js"
import { CurrentCredentials } from "./internal/client/currentCredentials.js"
import * as inFlight from "./internal/client/inFlight.js"
import * as manyClients from "./internal/client/manyClients.js"
import * as requests from "./internal/client/request.js"
import { RetryLoop } from "./internal/client/retryLoop.js"
import * as sharedLayer from "./internal/client/sharedLayer.js"
import * as timeouts from "./internal/client/timeouts.js"
import type { Signal } from "./internal/support/signal.js"
import { type Labels, labelsOf, Meters } from "./internal/telemetry/meters.js"
import * as httpClient from "./internal/transport/httpClient.js"
import * as transports from "./internal/transport/transport.js"
import * as RateLimiter from "./RateLimiter.js"
import * as RequestOptions from "./RequestOptions.js"
import * as SuprsendConfig from "./SuprsendConfig.js"
import type { RequestError } from "./SuprsendError.js"
import * as Telemetry from "./Telemetry.js"

/**
 * The client service.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { SuprsendClient } from "effect-suprsend/SuprsendClient"
 *
 * const objects = Effect.gen(function*() {
 *   const client = yield* SuprsendClient
 *   return yield* client.execute({
 *     call: "objects.list",
 *     method: "GET",
 *     template: "/v1/object/{object_type}/",
 *     params: { object_type: "departments" },
 *     query: { limit: 10 }
 *   })
 * })
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class SuprsendClient extends Context.Tag("effect-suprsend/SuprsendClient")<
  SuprsendClient,
  SuprsendClient.Service
>() {}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace SuprsendClient {
  /**
   * Operations and settings of a client.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Sends a request, retries it as the policy allows, and returns the first 2xx response. */
    readonly execute: (request: Request) => Effect.Effect<Response, RequestError>
    /**
     * The workspace named in asynchronous events.
     *
     * It is the workspace key, or the workspace UID if an API key is used.
     */
    readonly workspace: string | undefined
    /** The user agent, which every asynchronous event contains too. */
    readonly userAgent: string
    /** The number of requests of one bulk call that may be in flight at once. */
    readonly concurrency: number
    /**
     * Yields to the event loop.
     *
     * Requests already submitted are then written before more are built.
     *
     * @internal
     */
    readonly yieldToEventLoop?: Effect.Effect<void>
    /**
     * Counts calls, attempts and records.
     *
     * @internal
     */
    readonly meters?: Meters | undefined
  }

  /**
   * A request, without the base URL, credentials and headers that the client adds.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Request {
    /** The name of the call in spans and errors. */
    readonly call: string
    readonly method: "GET" | "POST" | "PATCH" | "DELETE"
    /**
     * The path below the base URL, with `{name}` for each parameter.
     *
     * Spans contain this template instead of the parameters.
     */
    readonly template: string
    /** The parameters of the path. Each becomes one percent-encoded segment. */
    readonly params?: Readonly<Record<string, string>> | undefined
    /** The query parameters, in this order. Undefined members are omitted. */
    readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
    /** The body, serialized once. Exactly these bytes are signed and sent. */
    readonly body?: string | Uint8Array | undefined
    /**
     * Whether the request is safe to send twice.
     *
     * If false, it is retried only if the failure shows that it was not applied.
     *
     * @default true
     */
    readonly idempotent?: boolean | undefined
    /**
     * Whether the status alone settles the request.
     *
     * Then a truncated or endless body does not fail the call.
     *
     * @default false
     */
    readonly ignoreBody?: boolean | undefined
    /**
     * The documented status, and a check of the body for any other 2xx.
     *
     * If neither matches, the call fails with `SuprsendUnexpectedResponse`. By default every 2xx
     * succeeds, unless the body is an HTML page.
     */
    readonly expected?: Expected | undefined
    /**
     * Ends the call as if its deadline had passed.
     *
     * @internal
     */
    readonly abort?: Signal | undefined
    /**
     * Prevents further attempts.
     *
     * Waiting for a slot or for a retry ends, while an attempt in flight continues. Without this
     * signal, `abort` ends the waiting too.
     *
     * @internal
     */
    readonly abortWaiting?: Signal | undefined
    /**
     * Computes the body when the first attempt has its slot, and replaces `body`.
     *
     * It lets a batch drop edits that were interrupted while it waited. It is called once, before
     * the body is signed; all attempts send the same body.
     *
     * @internal
     */
    readonly bodyAtStart?: (() => Uint8Array) | undefined
    /** The insert id in the body, which errors include. */
    readonly insertId?: string | undefined
    /** Texts that errors must not contain, even if the server echoes them. */
    readonly secrets?: (() => ReadonlyArray<string>) | undefined
    /**
     * The ids of users and tenants in the body, which logs and spans must not contain.
     *
     * Those of the path and query are known.
     *
     * @internal
     */
    readonly ids?: (() => ReadonlyArray<string>) | undefined
    /**
     * The span of the call that the request belongs to. Without it, the request is a call of its
     * own.
     *
     * @internal
     */
    readonly span?: Tracer.Span | undefined
  }

  /**
   * The documented success response of an endpoint.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Expected {
    readonly status: number
    /** Checks whether a body belongs to this endpoint, when its 2xx status differs. */
    readonly body?: ((body: string) => boolean) | undefined
  }

  /**
   * A 2xx response.
   *
   * Printing it masks push tokens, access tokens and webhook addresses; `body` contains them in
   * clear.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Response {
    readonly status: number
    readonly headers: Headers.Headers
    /** The body as text. It is empty if the request ignores it and it did not arrive in full. */
    readonly body: string
    /** The number of requests that were sent. */
    readonly attempts: number
  }
}

/**
 * Makes a client on an `HttpClient` and a `RateLimiter`.
 *
 * It fails with a `ConfigError` that names the invalid option. When its scope closes, calls in
 * flight and later calls fail with `SuprsendUnavailable` ("Interrupted").
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: SuprsendConfig.Options
): Effect.Effect<
  SuprsendClient.Service,
  ConfigError.ConfigError,
  HttpClient.HttpClient | RateLimiter.RateLimiter | Scope.Scope
> =>
  Effect.gen(function*() {
    const given = yield* SuprsendConfig.current(options)
    const config = yield* SuprsendConfig.resolve(given, options)
    const limiter = yield* RateLimiter.RateLimiter
    const client = config.transformClient(yield* HttpClient.HttpClient)
    const transport = transports.of(client) ?? httpClient.make(client, yield* Effect.context<never>())
    const meters = new Meters(yield* Telemetry.Metrics)
    const usualHeaders = requests.staticHeaders(config, config.headers)

    const shared = {
      credentials: new CurrentCredentials(config.credentials, options.credentials, yield* Effect.makeSemaphore(1)),
      tracePropagation: config.tracePropagation,
      baseUrl: config.origin + config.basePath,
      address: config.host,
      port: config.port,
      limiter,
      transport,
      meters,
      timeouts: yield* timeouts.make
    }
    // The scope closes this before the timeouts, so that every call still ends.
    const underWay = yield* inFlight.make

    const call = (
      request: SuprsendClient.Request,
      options: RequestOptions.Options,
      clock: Clock.Clock,
      span: Tracer.Span,
      caller: Labels,
      abort: Signal,
      abortWaiting: Signal
    ): Effect.Effect<SuprsendClient.Response, RequestError> => {
      const scoped = SuprsendConfig.scoped(config, options)
      // Invalid options are a programming error, so the call dies instead of widening its error
      // type.
      if (Either.isLeft(scoped)) return Effect.die(scoped.left)
      const { headers, query, retry, timeout } = scoped.right
      const all = headers === config.headers ? usualHeaders : requests.staticHeaders(config, headers)
      const prepared = requests.prepare(config, request, all, query)
      return new RetryLoop(shared, request, prepared, retry, timeout, clock, abort, abortWaiting, span, caller)
        .run()
    }

    const inSpan = (request: SuprsendClient.Request, span: Tracer.Span) =>
      // Reads the fiber's context once instead of with one effect per reference: every request
      // takes this path.
      Effect.withFiberRuntime<SuprsendClient.Response, RequestError>((fiber) => {
        const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
        const options = Context.get(fiber.currentContext, RequestOptions.RequestOptions)
        const response = underWay.run(
          request.abort,
          request.abortWaiting,
          (abort, abortWaiting) => call(request, options, clock, span, labelsOf(fiber), abort, abortWaiting)
        )
        return Option.match(Context.get(fiber.currentContext, Answers), {
          onNone: () => response,
          onSome: (answers) => Effect.tap(response, (response) => Ref.set(answers, Option.some(response)))
        })
      })

    return {
      execute: (request) =>
        request.span === undefined
          ? calls.run({ meters }, request.call, (span) => inSpan(request, span))
          : inSpan(request, request.span),
      workspace: config.env,
      userAgent: config.userAgent.header,
      concurrency: config.concurrency,
      yieldToEventLoop: transport.yieldToEventLoop,
      meters
    }
  })

/** Holds the last response of a region of code, for `withResponse`. */
class Answers extends Context.Reference<Answers>()("effect-suprsend/SuprsendClient/Answers", {
  defaultValue: () => Option.none<Ref.Ref<Option.Option<SuprsendClient.Response>>>()
}) {}

/**
 * Returns the value of an effect together with the last response that it received.
 *
 * The response has a status, headers, body and attempts. It is none if the effect made no call.
 *
 * @example
 * ```ts
 * import { Effect, Option } from "effect"
 * import { withResponse } from "effect-suprsend/SuprsendClient"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   const [user, response] = yield* withResponse(users.get("user-42"))
 *   return { user, requestId: Option.map(response, ({ headers }) => headers["x-request-id"]) }
 * })
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withResponse = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<readonly [value: A, response: Option.Option<SuprsendClient.Response>], E, R> =>
  Effect.flatMap(
    Ref.make(Option.none<SuprsendClient.Response>()),
    (answers) => Effect.zip(Effect.provideService(effect, Answers, Option.some(answers)), Ref.get(answers))
  )

/**
 * Provides the client, built on the `HttpClient` in context, with its own in-memory rate limiter.
 *
 * All uses of the same layer value share one limiter while they overlap, whichever `HttpClient`
 * they are provided with. Keep the layer in a constant: each call of this function creates another
 * limiter.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as Transport from "effect-suprsend/Transport"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * const UsersLive = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layer({
 *     workspaceKey: "workspace-key",
 *     workspaceSecret: Redacted.make("workspace-secret")
 *   })),
 *   Layer.provide(Transport.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: SuprsendConfig.Options
): Layer.Layer<SuprsendClient, ConfigError.ConfigError, HttpClient.HttpClient> => limited(Effect.succeed(options))

/**
 * Provides the client with options from a `Config`, by default from the environment.
 *
 * @see `SuprsendConfig.config` for the variables.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as Transport from "effect-suprsend/Transport"
 *
 * const ClientLive = Layer.provide(SuprsendClient.layerConfig(), Transport.layer)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config<SuprsendConfig.Options> = SuprsendConfig.config
): Layer.Layer<SuprsendClient, ConfigError.ConfigError, HttpClient.HttpClient> => limited(config)

const limited = (
  options: Effect.Effect<SuprsendConfig.Options, ConfigError.ConfigError>
): Layer.Layer<SuprsendClient, ConfigError.ConfigError, HttpClient.HttpClient> => {
  const limiter = sharedLayer.shared(
    sharedLayer.ofLimiter,
    Effect.flatMap(
      options,
      ({ rateLimit }) =>
        Effect.map(
          RateLimiter.make(rateLimit ?? RateLimiter.defaultOptions),
          (limiter) => ({ limiter, isNoted: false })
        )
    )
  )
  const client = Effect.gen(function*() {
    const ofLayer = yield* limiter
    const made = yield* Effect.provideService(make(yield* options), RateLimiter.RateLimiter, ofLayer.limiter)
    if (!ofLayer.isNoted && made.workspace !== undefined) {
      ofLayer.isNoted = true
      yield* manyClients.note(made.workspace)
    }
    return made
  })
  // Effect memoizes a layer by reference, whichever `HttpClient` it is provided with. `fresh`
  // prevents that.
  return Layer.fresh(Layer.scoped(SuprsendClient, sharedLayer.shared(sharedLayer.ofClient, client)))
}

/**
 * Provides the client without a `RateLimiter`, which you provide.
 *
 * Use it to share one limiter between clients or processes, or to disable rate limiting.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 *
 * const Unlimited = SuprsendClient.layerWithoutRateLimiter({
 *   workspaceKey: "workspace-key",
 *   workspaceSecret: Redacted.make("workspace-secret")
 * }).pipe(Layer.provide(RateLimiter.layerNoop))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithoutRateLimiter = (
  options: SuprsendConfig.Options
): Layer.Layer<SuprsendClient, ConfigError.ConfigError, HttpClient.HttpClient | RateLimiter.RateLimiter> =>
  Layer.fresh(Layer.scoped(
    SuprsendClient,
    sharedLayer.shared(
      Effect.zipWith(sharedLayer.ofClient, RateLimiter.RateLimiter, (things, limiter) => [...things, limiter]),
      make(options)
    )
  ))
