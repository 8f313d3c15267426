/**
 * The `HttpClient`s of this package, each of which sends a request at little more than the price of the runtime's own.
 *
 * `Suprsend.layer` sends over {@link layer}. Take one of these to wrap it, or for layers that are put together by hand. Any other
 * `HttpClient` does as well, at the price of that client. What wraps a client sees every request, also where that client is one of
 * these.
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
 * The quickest client that needs no further package: Node's own `http` and `https` on Node from 20.16 on, `fetch` elsewhere.
 *
 * Connections are kept alive until the scope of the layer closes. Where `FetchHttpClient.Fetch` or `FetchHttpClient.RequestInit` is in
 * the context of a call or of the layer, it is `fetch` that sends, so that a mock is asked.
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
 * The client over `fetch`: that of the context (`FetchHttpClient.Fetch`), or the runtime's own.
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
