/**
 * HTTP clients with little overhead over the runtime's own.
 *
 * `Suprsend.layer` uses {@link layer}. Use one of these clients to wrap it, or with layers that you
 * compose yourself. Any other `HttpClient` works too, with its own overhead. If you wrap a client,
 * your wrapper sees every request.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { toHttpClient } from "./internal/transport/adapter.js"
import * as default_ from "./internal/transport/default.js"
import * as fetch from "./internal/transport/fetch.js"

/**
 * Provides the fastest client without additional dependencies.
 *
 * It uses Node's `http` and `https` on Node 20.16 or later, and `fetch` elsewhere. Connections are
 * kept alive until the scope of the layer closes. If `FetchHttpClient.Fetch` or
 * `FetchHttpClient.RequestInit` is in the context of a call or of the layer, it uses `fetch`, so
 * that mocks work.
 *
 * @example
 * ```ts
 * import { HttpClient } from "@effect/platform"
 * import { Effect, Layer } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
 * import * as Transport from "effect-suprsend/Transport"
 *
 * // Logs each attempt. The body and the headers of a request hold secrets, and are better left alone.
 * const Logged = Layer.effect(
 *   HttpClient.HttpClient,
 *   Effect.map(HttpClient.HttpClient, HttpClient.tapRequest((request) => Effect.logDebug(request.method)))
 * )
 *
 * const SuprsendLive = Layer.unwrapEffect(Effect.map(SuprsendConfig.config, Suprsend.layerWithoutHttpClient)).pipe(
 *   Layer.provide(Logged),
 *   Layer.provide(Transport.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.scoped(
  HttpClient.HttpClient,
  Effect.map(default_.make, toHttpClient)
)

/**
 * Provides a client that uses `fetch`.
 *
 * It takes `fetch` from the context (`FetchHttpClient.Fetch`), or else from the runtime.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as Transport from "effect-suprsend/Transport"
 *
 * const ClientLive = Layer.provide(SuprsendClient.layerConfig(), Transport.layerFetch)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerFetch: Layer.Layer<HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.map(Effect.context<never>(), (context) => toHttpClient(fetch.make(context)))
)
