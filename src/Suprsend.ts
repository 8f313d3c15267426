/**
 * The front door: everything wired.
 *
 * ```ts
 * import { Effect } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.flatMap(UsersService, (users) => users.get("user-42"))
 *
 * const live = Effect.provide(program, Suprsend.layerConfig())
 * const test = Effect.provide(program, Suprsend.layerTest)
 * ```
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"
import * as PreferencesService from "./PreferencesService.js"
import * as RateLimiter from "./RateLimiter.js"
import * as Sandbox from "./Sandbox.js"
import * as SuprsendClient from "./SuprsendClient.js"
import * as SuprsendConfig from "./SuprsendConfig.js"
import * as Transport from "./Transport.js"
import * as UsersService from "./UsersService.js"

/**
 * What the front door opens to: users, preferences, and the client for what has no method.
 *
 * @since 0.1.0
 * @category models
 */
export type Suprsend =
  | UsersService.UsersService
  | PreferencesService.PreferencesService
  | SuprsendClient.SuprsendClient

// Fresh, because Effect would memoize it by its reference, whichever client it is provided with.
const services = Layer.fresh(Layer.merge(UsersService.layer, PreferencesService.layer))

const withServices = <E, R>(client: Layer.Layer<SuprsendClient.SuprsendClient, E, R>): Layer.Layer<Suprsend, E, R> =>
  Layer.fresh(Layer.provideMerge(services, client))

/**
 * Everything but the `HttpClient` that sends: for a client of your own.
 *
 * @example
 * ```ts
 * import { NodeHttpClient } from "@effect/platform-node"
 * import { Layer, Redacted } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 *
 * // The client of Node's own `http` module.
 * const SuprsendLive = Suprsend.layerWithoutHttpClient({
 *   workspaceKey: "workspace-key",
 *   workspaceSecret: Redacted.make("workspace-secret")
 * }).pipe(Layer.provide(NodeHttpClient.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithoutHttpClient = (
  options: SuprsendConfig.Options
): Layer.Layer<Suprsend, ConfigError.ConfigError, HttpClient.HttpClient> => withServices(SuprsendClient.layer(options))

/**
 * Everything, from options: over Node's own `http` on Node, and over `fetch` elsewhere. Fails if an option is not usable, and says
 * which.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 *
 * const SuprsendLive = Suprsend.layer({
 *   workspaceKey: "workspace-key",
 *   workspaceSecret: Redacted.make("workspace-secret"),
 *   rateLimit: { limit: 500, window: "1 second" }
 * })
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (options: SuprsendConfig.Options): Layer.Layer<Suprsend, ConfigError.ConfigError> =>
  Layer.provide(layerWithoutHttpClient(options), Transport.layer)

/**
 * Everything, from a `Config`: by default from `SUPRSEND_WORKSPACE_KEY` and `SUPRSEND_WORKSPACE_SECRET`, or
 * `SUPRSEND_API_KEY` with `SUPRSEND_WORKSPACE_UID`, and `SUPRSEND_BASE_URL`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.flatMap(UsersService, (users) => users.get("user-42")).pipe(
 *   Effect.provide(Suprsend.layerConfig())
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config<SuprsendConfig.Options> = SuprsendConfig.config
): Layer.Layer<Suprsend, ConfigError.ConfigError> =>
  Layer.provide(withServices(SuprsendClient.layerConfig(config)), Transport.layer)

/**
 * Everything over a {@link Sandbox} in memory, for unit tests: no network, and no waiting for a rate limit, so that nothing
 * stands still under `TestClock`. The sandbox comes with it, to look inside and to make it fail.
 *
 * Each time that it is provided to an effect, it begins empty.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { Sandbox } from "effect-suprsend/Sandbox"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { addEmail, edit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const test = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   const sandbox = yield* Sandbox
 *   yield* users.asyncEdit(addEmail(edit("user-42"), "ada@example.com"))
 *   return (yield* sandbox.requests).length // 1
 * }).pipe(Effect.provide(Suprsend.layerTest))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerTest: Layer.Layer<Suprsend | Sandbox.Sandbox> = services.pipe(
  Layer.provideMerge(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
  Layer.provideMerge(Sandbox.layer),
  Layer.provide(RateLimiter.layerNoop),
  // The sandbox's own credentials are in order.
  Layer.orDie
)
