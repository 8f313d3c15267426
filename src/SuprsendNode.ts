/**
 * The front door over undici, for Node: the same as `Suprsend`, at a fraction of what `fetch` costs per request.
 *
 * Needs the optional peer `@effect/platform-node`, and is therefore reached by its own path only, `effect-suprsend/SuprsendNode`.
 *
 * @since 0.1.0
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Sender } from "./internal/sender.js"
import * as undiciSender from "./internal/undiciSender.js"
import * as Suprsend from "./Suprsend.js"
import * as SuprsendConfig from "./SuprsendConfig.js"

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
  Suprsend.layerWithoutHttpClient(options).pipe(
    Layer.provide(Layer.merge(NodeHttpClient.layerUndiciWithoutDispatcher, SenderLive)),
    Layer.provide(NodeHttpClient.dispatcherLayer)
  )

const SenderLive = Layer.scoped(Sender, Effect.flatMap(NodeHttpClient.Dispatcher, undiciSender.make))

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
