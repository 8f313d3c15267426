/**
 * The front door over undici, for Node: the same as `Suprsend`, without what `fetch` and a client over it cost per request.
 *
 * Needs the optional peer `@effect/platform-node`, and is therefore reached by its own path only, `effect-suprsend/SuprsendNode`.
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
 * What sends, over a dispatcher of yours: a proxy, client certificates, a cap on connections.
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
      // Unwrapped, it is known, and requests go to the dispatcher itself.
      transport.register(NodeHttpClient.makeUndici(dispatcher), undici.make(dispatcher)))
  ))

/**
 * What sends, over a dispatcher of its own, for layers that are put together by hand.
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
      // What is wrong may have a password in it.
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
 * What sends, through the proxy that the environment names, or straight where it names none: `HTTPS_PROXY` for `https://` base URLs,
 * `HTTP_PROXY` for others and where there is no `HTTPS_PROXY`, and `NO_PROXY` for the hosts that are reached without one. A variable in
 * small letters goes before the one in capitals, as in `curl`.
 *
 * The variables are read by `Config` when the layer is built. Fails with a `ConfigError` that names one that is no URL.
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
 * What the layers of this module take: the options of every layer, and how to reach the network.
 *
 * @since 0.1.0
 * @category models
 */
export type Options = SuprsendConfig.Options & {
  /**
   * Whether requests go through the proxy that `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` name. See {@link layerUndiciProxy}.
   *
   * @default false
   */
  readonly proxyFromEnvironment?: boolean | undefined
}

/**
 * Everything over undici, from options. Fails if one of them is not usable, and says which.
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
 * Everything over undici, from a `Config`, by default from the environment as `Suprsend.layerConfig` reads it.
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
