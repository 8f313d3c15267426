/**
 * Layers that provide all services of this package.
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
 * The services that the `Suprsend` layers provide.
 *
 * These are the services for users and preferences, and the client for endpoints that have no
 * method.
 *
 * @since 0.1.0
 * @category models
 */
export type Suprsend =
  | UsersService.UsersService
  | PreferencesService.PreferencesService
  | SuprsendClient.SuprsendClient

// Effect memoizes a layer by reference, whichever client it is provided with. `fresh` prevents
// that.
const services = Layer.fresh(Layer.merge(UsersService.layer, PreferencesService.layer))

const withServices = <E, R>(client: Layer.Layer<SuprsendClient.SuprsendClient, E, R>): Layer.Layer<Suprsend, E, R> =>
  Layer.fresh(Layer.provideMerge(services, client))

/**
 * Provides all services, built on an `HttpClient` that you provide.
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
 * Provides all services from options.
 *
 * It sends requests with Node's `http` on Node, and with `fetch` on other runtimes. It fails with a
 * `ConfigError` that names the invalid option.
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
 * Provides all services from a `Config`, by default from the environment.
 *
 * It reads `SUPRSEND_WORKSPACE_KEY` and `SUPRSEND_WORKSPACE_SECRET`, or `SUPRSEND_API_KEY` and
 * `SUPRSEND_WORKSPACE_UID`. `SUPRSEND_BASE_URL` is optional.
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
 * Provides all services backed by an in-memory {@link Sandbox}, for unit tests.
 *
 * It uses neither the network nor a rate limit, so tests do not block under `TestClock`. It also
 * provides the `Sandbox` service, to inspect the sandbox and to make it fail. Each time that you
 * provide this layer to an effect, the sandbox starts empty.
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
  // The sandbox's own credentials are valid, so building the client cannot fail.
  Layer.orDie
)
