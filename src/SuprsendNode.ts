/**
 * Layers that send requests with undici, for Node.
 *
 * They provide the same services as `Suprsend`, with less overhead per request than `fetch`. They
 * need the optional peer dependency `@effect/platform-node`. Import this module by its own path,
 * `effect-suprsend/SuprsendNode`, because the index does not export it.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as transport from "./internal/transport/transport.js"
import * as undici from "./internal/transport/undici.js"
import * as Suprsend from "./Suprsend.js"
import * as SuprsendConfig from "./SuprsendConfig.js"

/**
 * Provides an `HttpClient` that uses an undici dispatcher of your own.
 *
 * Use it for a proxy, client certificates or a limit on connections.
 *
 * @example
 * ```ts
 * import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
 * import * as Undici from "@effect/platform-node/Undici"
 * import { Layer, Redacted } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import * as SuprsendNode from "effect-suprsend/SuprsendNode"
 *
 * const proxy = new Undici.ProxyAgent("http://proxy.example.com:3128")
 *
 * const SuprsendLive = Suprsend.layerWithoutHttpClient({
 *   workspaceKey: "workspace-key",
 *   workspaceSecret: Redacted.make("workspace-secret")
 * }).pipe(
 *   Layer.provide(SuprsendNode.layerUndiciWithoutDispatcher),
 *   Layer.provide(Layer.succeed(NodeHttpClient.Dispatcher, proxy))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUndiciWithoutDispatcher: Layer.Layer<HttpClient.HttpClient, never, NodeHttpClient.Dispatcher> = Layer
  .fresh(Layer.effect(
    HttpClient.HttpClient,
    Effect.map(NodeHttpClient.Dispatcher, (dispatcher) =>
      // Registered, so that requests bypass this client while it is not wrapped.
      transport.register(NodeHttpClient.makeUndici(dispatcher), undici.make(dispatcher)))
  ))

/**
 * Provides an `HttpClient` that uses its own undici dispatcher.
 *
 * Use it with layers that you compose yourself.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
 * import * as SuprsendNode from "effect-suprsend/SuprsendNode"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * // One of two processes, each with half of what SuprSend allows.
 * const UsersLive = UsersService.layer.pipe(
 *   Layer.provide(Layer.unwrapEffect(Effect.map(SuprsendConfig.config, SuprsendClient.layerWithoutRateLimiter))),
 *   Layer.provide(RateLimiter.layerMemory({ limit: 500, window: "1 second" })),
 *   Layer.provide(SuprsendNode.layerUndici)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUndici: Layer.Layer<HttpClient.HttpClient> = Layer.provide(
  layerUndiciWithoutDispatcher,
  NodeHttpClient.dispatcherLayer
)

const proxyVariable = (name: string): Config.Config<string> =>
  Config.all([Config.option(Config.string(name.toLowerCase())), Config.option(Config.string(name))]).pipe(
    Config.mapOrFail(([lower, upper]) => {
      const url = Option.getOrElse(Option.orElse(lower, () => upper), () => "").trim()
      // The message must not contain the value, which may include a password.
      return url === "" || isProxyUrl(url)
        ? Either.right(url)
        : Either.left(ConfigError.InvalidData([name], `${name} must be a URL, as "http://proxy.example.com:3128" is`))
    })
  )

const isProxyUrl = (text: string): boolean =>
  /^https?:\/\//i.test(text) && Option.isSome(Option.liftThrowable((url: string) => new URL(url))(text))

const noProxyVariable: Config.Config<string> = Config.all([
  Config.option(Config.string("no_proxy")),
  Config.option(Config.string("NO_PROXY"))
]).pipe(Config.map(([lower, upper]) => Option.getOrElse(Option.orElse(lower, () => upper), () => "")))

/**
 * Provides an `HttpClient` that uses the proxy in the environment, if there is one.
 *
 * - `HTTPS_PROXY` is the proxy for `https://` base URLs.
 * - `HTTP_PROXY` is the proxy for other URLs, and for all URLs if `HTTPS_PROXY` is not set.
 * - `NO_PROXY` lists the hosts that are reached without a proxy.
 *
 * A lower-case variable takes precedence over the upper-case one, as in `curl`. The variables are
 * read with `Config` when the layer is built. It fails with a `ConfigError` that names a variable
 * which is not a URL.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import * as SuprsendNode from "effect-suprsend/SuprsendNode"
 *
 * const SuprsendLive = Suprsend.layerWithoutHttpClient({
 *   workspaceKey: "workspace-key",
 *   workspaceSecret: Redacted.make("workspace-secret")
 * }).pipe(Layer.provide(SuprsendNode.layerUndiciProxy))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerUndiciProxy: Layer.Layer<HttpClient.HttpClient, ConfigError.ConfigError> = Layer.provide(
  layerUndiciWithoutDispatcher,
  Layer.scoped(
    NodeHttpClient.Dispatcher,
    Effect.flatMap(
      Config.all({
        httpsProxy: proxyVariable("HTTPS_PROXY"),
        httpProxy: proxyVariable("HTTP_PROXY"),
        noProxy: noProxyVariable
      }),
      (proxies) =>
        Effect.acquireRelease(
          Effect.sync(() =>
            new Undici.EnvHttpProxyAgent({ ...proxies, httpsProxy: proxies.httpsProxy || proxies.httpProxy })
          ),
          (agent) => Effect.promise(() => agent.destroy())
        )
    )
  )
)

/**
 * Options of the layers in this module.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = SuprsendConfig.Options & {
  /**
   * Whether to use the proxy in `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
   *
   * @see {@link layerUndiciProxy}
   *
   * @default false
   */
  readonly proxyFromEnvironment?: boolean | undefined
}

/**
 * Provides all services over undici, from options.
 *
 * It fails with a `ConfigError` that names the invalid option.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import * as SuprsendNode from "effect-suprsend/SuprsendNode"
 *
 * const SuprsendLive = SuprsendNode.layer({
 *   workspaceKey: "workspace-key",
 *   workspaceSecret: Redacted.make("workspace-secret")
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: Options): Layer.Layer<Suprsend.Suprsend, ConfigError.ConfigError> => {
  const { proxyFromEnvironment = false, ...rest } = options
  return Layer.provide(Suprsend.layerWithoutHttpClient(rest), proxyFromEnvironment ? layerUndiciProxy : layerUndici)
}

/**
 * Provides all services over undici, from a `Config`.
 *
 * By default it reads the same environment variables as `Suprsend.layerConfig`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as SuprsendNode from "effect-suprsend/SuprsendNode"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.flatMap(UsersService, (users) => users.get("user-42")).pipe(
 *   Effect.provide(SuprsendNode.layerConfig())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config<Options> = SuprsendConfig.config
): Layer.Layer<Suprsend.Suprsend, ConfigError.ConfigError> => Layer.unwrapEffect(Effect.map(config, layer))
