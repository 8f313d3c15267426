/**
 * The front door over undici, for Node: the same as `Suprsend`, without what `fetch` and a client over it cost per request.
 *
 * Needs the optional peer `@effect/platform-node`, and is therefore reached by its own path only, `effect-suprsend/SuprsendNode`.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
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
export const layer = (
  options: SuprsendConfig.Options
): Layer.Layer<Suprsend.Suprsend, ConfigError.ConfigError> =>
  Layer.provide(Suprsend.layerWithoutHttpClient(options), layerUndici)

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
  config: Config.Config<SuprsendConfig.Options> = SuprsendConfig.config
): Layer.Layer<Suprsend.Suprsend, ConfigError.ConfigError> => Layer.unwrapEffect(Effect.map(config, layer))
