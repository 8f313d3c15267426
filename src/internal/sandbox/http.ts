import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Signature from "../../Signature.js"
import type * as SuprsendConfig from "../../SuprsendConfig.js"
import { encode } from "../bytes.js"
import { type Exchange, type Incoming, pieces } from "./exchange.js"
import { type Answer, malformed, refuse } from "./wire.js"

/**
 * Why a request is turned away before anybody looks at it, if it is.
 *
 * @internal
 */
export const authorize = (
  { body, headers, method, uri }: Incoming,
  credentials: SuprsendConfig.WorkspaceCredentials
): Answer | undefined => {
  const { authorization = "", date = "", "content-type": contentType = "" } = headers
  if (!Signature.verify({ method, uri, body, date, contentType }, credentials, authorization)) {
    return refuse(401, "signature mismatch")
  }
  return /^application\/json(;|$)/.test(contentType) ? undefined : malformed
}

/** @internal */
export const splitUri = (uri: string): readonly [path: string, query: URLSearchParams] => {
  const [path = "", query] = uri.split("?", 2)
  return [path, new URLSearchParams(query)]
}

/**
 * The answer as `fetch` would give it, if there is one.
 *
 * @internal
 */
export const toResponse = (
  exchange: Exclude<Exchange, { readonly _tag: "Cut" | "Silent" }>
): Effect.Effect<Response> => {
  const { headers, status } = exchange
  const respond = (body: BodyInit | null) => new Response(body, { status, headers })
  if (status === 204 || status === 205 || status === 304) return Effect.sync(() => respond(null))
  return exchange._tag === "Answer"
    ? Effect.sync(() => respond(exchange.body))
    : Effect.map(Stream.toReadableStreamEffect(body(exchange)), respond)
}

const body = (exchange: Extract<Exchange, { readonly _tag: "Partial" | "Drip" }>): Stream.Stream<Uint8Array, Error> =>
  exchange._tag === "Partial"
    ? Stream.concat(
      Stream.make(encode(exchange.body).subarray(0, exchange.bytes)),
      exchange.then === "cut" ? Stream.fail(new Error("other side closed")) : Stream.never
    )
    : Stream.mapEffect(
      Stream.fromIterable(pieces(exchange.body, exchange.bytes)),
      (piece) => Effect.delay(Effect.succeed(piece), exchange.interval)
    )
