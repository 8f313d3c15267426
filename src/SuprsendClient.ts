/**
 * The HTTP client of this package: rate-limited, signing, retrying, and traced without anybody's name.
 *
 * An attempt takes a slot from the limiter, for which it waits as long as the deadline of the call allows. Then, under the timeout of
 * the attempt, it stamps the date and signs the exact bytes, sends, and reads the answer. A retry repeats the whole attempt, so that
 * every request has a slot and a fresh signature of its own, while the body, its `$insert_id` and its `$time` stay what they were.
 * One loop and one counter, bounded by the attempts and the elapsed time of the retry policy.
 *
 * Services such as `UsersService` are built on it. Use it directly for an endpoint that has no method here.
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
import { CurrentCredentials } from "./internal/client/currentCredentials.js"
import * as inFlight from "./internal/client/inFlight.js"
import * as manyClients from "./internal/client/manyClients.js"
import * as requests from "./internal/client/request.js"
import { RetryLoop } from "./internal/client/retryLoop.js"
import * as sharedLayer from "./internal/client/sharedLayer.js"
import * as timeouts from "./internal/client/timeouts.js"
import type { Signal } from "./internal/support/signal.js"
import * as httpClient from "./internal/transport/httpClient.js"
import * as transports from "./internal/transport/transport.js"
import * as RateLimiter from "./RateLimiter.js"
import * as RequestOptions from "./RequestOptions.js"
import * as SuprsendConfig from "./SuprsendConfig.js"
import type { RequestError } from "./SuprsendError.js"

/**
 * The client as a service.
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
   * What a client does.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Sends a request, as often as the retry policy allows, and gives the first answer of status 2xx. */
    readonly execute: (request: Request) => Effect.Effect<Response, RequestError>
    /** What asynchronous events call their workspace: the workspace key, or the workspace UID that came with an API key. */
    readonly workspace: string | undefined
    /** The user agent, which every asynchronous event repeats. */
    readonly userAgent: string
    /** How many requests of one bulk call are under way at once. */
    readonly concurrency: number
    /**
     * Lets what was handed over leave, before more is made.
     *
     * @internal
     */
    readonly yieldToEventLoop?: Effect.Effect<void>
  }

  /**
   * A request, without what the client adds: base URL, credentials, headers.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Request {
    /** The name of the call, in spans and in errors. */
    readonly call: string
    readonly method: "GET" | "POST" | "PATCH" | "DELETE"
    /** The path below the base URL, with `{name}` where a parameter goes. Spans hold this, and not the parameters. */
    readonly template: string
    /** The parameters of the path, each of which becomes one segment, percent-encoded. */
    readonly params?: Readonly<Record<string, string>> | undefined
    /** The query in this order; undefined members are left out. */
    readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
    /** The body, serialised once: these bytes are signed and sent. */
    readonly body?: string | Uint8Array | undefined
    /** False if doing it twice is wrong and nothing guards against it. Default true. */
    readonly idempotent?: boolean | undefined
    /** True to let the status settle the request, even if the body of the response is cut or never ends. */
    readonly ignoreBody?: boolean | undefined
    /**
     * The status that the endpoint documents, and how else to know its response. A 2xx of another status, whose body is not of the
     * endpoint either, fails with `SuprsendUnexpectedResponse`. By default any 2xx succeeds that is not a page of HTML.
     */
    readonly expected?: Expected | undefined
    /**
     * When this is given, the call ends as one does whose time is up.
     *
     * @internal
     */
    readonly abort?: Signal | undefined
    /**
     * When this is given, no further attempt starts: what waits for a slot or for its next attempt ends, and an attempt in flight goes
     * on. Without it, `abort` ends the waiting too.
     *
     * @internal
     */
    readonly abortWaiting?: Signal | undefined
    /**
     * The body as it is when the first attempt has its slot, in place of `body`: what is not wanted any more by then is not in it. It is
     * asked for once, before the body is signed, and all attempts send what it was then.
     *
     * @internal
     */
    readonly bodyAtStart?: (() => Uint8Array) | undefined
    /** The insert id in the body, for the errors. */
    readonly insertId?: string | undefined
    /** What must not appear in an error, should the server echo it. */
    readonly secrets?: (() => ReadonlyArray<string>) | undefined
  }

  /**
   * What an endpoint documents of a success.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Expected {
    readonly status: number
    /** Whether a body is one of this endpoint, whatever the status of its 2xx. */
    readonly body?: ((body: string) => boolean) | undefined
  }

  /**
   * A response of status 2xx. Printed, it shows push tokens, access tokens and webhook addresses masked; `body` has them.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Response {
    readonly status: number
    readonly headers: Headers.Headers
    /** The body as text; empty if the request ignores it, and it was cut or never came. */
    readonly body: string
    /** How many requests were sent. */
    readonly attempts: number
  }
}

/**
 * The service over an `HttpClient` and a `RateLimiter`. Fails if an option is not usable, and says which.
 *
 * It lives as long as its scope: when that closes, calls that are under way fail with `SuprsendUnavailable` ("Interrupted"), and so do
 * those that come later.
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
    const usualHeaders = requests.staticHeaders(config, config.headers)

    const shared = {
      credentials: new CurrentCredentials(config.credentials, options.credentials, yield* Effect.makeSemaphore(1)),
      tracePropagation: config.tracePropagation,
      baseUrl: config.origin + config.basePath,
      limiter,
      transport,
      timeouts: yield* timeouts.make
    }
    // Closed before the timeouts, so that no call is left without an end.
    const underWay = yield* inFlight.make

    const call = (
      request: SuprsendClient.Request,
      options: RequestOptions.Options,
      clock: Clock.Clock,
      span: Tracer.Span,
      abort: Signal,
      abortWaiting: Signal
    ): Effect.Effect<SuprsendClient.Response, RequestError> => {
      const scoped = SuprsendConfig.scoped(config, options)
      // Options that are of no use are a mistake in a program, and have no place among the errors of each call.
      if (Either.isLeft(scoped)) return Effect.die(scoped.left)
      const { headers, query, retry, timeout } = scoped.right
      const all = headers === config.headers ? usualHeaders : requests.staticHeaders(config, headers)
      const prepared = requests.prepare(config, request, all, query)
      return new RetryLoop(shared, request, prepared, retry, timeout, clock, abort, abortWaiting, span).run()
    }

    return {
      // What a region of code says is asked for once, and not by an effect each: this is the path of every request.
      execute: (request) =>
        Effect.withFiberRuntime<SuprsendClient.Response, RequestError>((fiber) => {
          const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
          const options = Context.get(fiber.currentContext, RequestOptions.RequestOptions)
          const attributes = {
            "http.request.method": request.method,
            "url.template": request.template,
            "server.address": config.host
          }
          const response = Effect.useSpan(
            request.call,
            { kind: "client", captureStackTrace: false, attributes },
            (span) => {
              const response = underWay.run(
                request.abort,
                request.abortWaiting,
                (abort, abortWaiting) => call(request, options, clock, span, abort, abortWaiting)
              )
              return transport.isTraced ? Effect.withParentSpan(response, span) : response
            }
          )
          return Option.match(Context.get(fiber.currentContext, Answers), {
            onNone: () => response,
            onSome: (answers) => Effect.tap(response, (response) => Ref.set(answers, Option.some(response)))
          })
        }),
      workspace: config.env,
      userAgent: config.userAgent.header,
      concurrency: config.concurrency,
      yieldToEventLoop: transport.yieldToEventLoop
    }
  })

/**
 * Where the answers of a region of code are kept, if anybody wants them.
 */
class Answers extends Context.Reference<Answers>()("effect-suprsend/SuprsendClient/Answers", {
  defaultValue: () => Option.none<Ref.Ref<Option.Option<SuprsendClient.Response>>>()
}) {}

/**
 * The value of an effect, with the answer from which it was read: status, headers, body, attempts. Of several calls in the
 * effect it is the last one's; of none it is none.
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
 * The client over the `HttpClient` of the context, with a rate limiter of its own in memory.
 *
 * The limiter belongs to the layer value: wherever that is provided at the same time, over whichever `HttpClient`, it is one. Keep the
 * layer in a constant, as each call of this function makes another.
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
 * The client with its options from a `Config`, by default from the environment (see `SuprsendConfig.config`).
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
  // Fresh, because Effect would memoize it by its reference, whichever `HttpClient` it is provided with.
  return Layer.fresh(Layer.scoped(SuprsendClient, sharedLayer.shared(sharedLayer.ofClient, client)))
}

/**
 * The client with the `RateLimiter` left open: for a limiter that several clients share, or a fleet, or none at all.
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
