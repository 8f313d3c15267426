/**
 * The credentials that every sandbox accepts. Part of `effect-suprsend/Sandbox`.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import type * as SuprsendConfig from "../../../SuprsendConfig.js"

/**
 * The workspace credentials that every sandbox accepts, with its base URL.
 *
 * Use them to configure a client of your own.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * // With a rate limit, unlike `Suprsend.layerTest`. Under `TestClock`, adjust the clock to free slots.
 * const Limited = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layer({
 *     ...Sandbox.credentials,
 *     rateLimit: { limit: 5, window: "1 second" }
 *   })),
 *   Layer.provideMerge(Sandbox.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category credentials
 */
export const credentials: SuprsendConfig.WorkspaceCredentials & { readonly baseUrl: string } = {
  workspaceKey: "sandbox-workspace-key",
  workspaceSecret: Redacted.make("sandbox-workspace-secret"),
  baseUrl: "http://sandbox.localhost/"
}

/**
 * The API key that every sandbox accepts too, with its workspace and base URL.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * const ByApiKey = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layer(Sandbox.apiKeyCredentials)),
 *   Layer.provideMerge(Sandbox.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category credentials
 */
export const apiKeyCredentials: SuprsendConfig.ApiKeyCredentials & {
  readonly workspaceUid: string
  readonly baseUrl: string
} = {
  apiKey: Redacted.make("sandbox-api-key"),
  workspaceUid: "sandbox-workspace-uid",
  baseUrl: credentials.baseUrl
}
