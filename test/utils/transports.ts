import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as HttpClient from "@effect/platform/HttpClient"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import * as Transport from "effect-suprsend/Transport"
import type * as Layer from "effect/Layer"

type Transports = Readonly<Record<string, Layer.Layer<HttpClient.HttpClient>>>

/** The clients of this package. */
export const ours: Transports = {
  "the default": Transport.layer,
  fetch: Transport.layerFetch,
  undici: SuprsendNode.layerUndici
}

/** The clients of this package, and two of the platform. */
export const transports: Transports = {
  ...ours,
  "the platform's fetch": FetchHttpClient.layer,
  "the platform's http": NodeHttpClient.layer
}
