import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Signature from "../../../Signature.js"
import type * as SuprsendConfig from "../../../SuprsendConfig.js"
import { encode } from "../../support/bytes.js"
import * as timer from "../../support/timer.js"
import { type Exchange, type Incoming, pieces } from "./exchange.js"
import { malformed, refuse, type Reply } from "./reply.js"

/**
 * Authorizes a request, or returns the response that refuses it.
 *
 * `env` is the workspace that the request's events must name, if any.
 *
 * @internal
 */
export const authorize = (
  { body, headers, method, uri }: Incoming,
  accepted: {
    readonly workspace: SuprsendConfig.WorkspaceCredentials
    readonly apiKey: SuprsendConfig.ApiKeyCredentials
  }
): Either.Either<{ readonly env: string | undefined }, Reply> => {
  const { authorization = "", date = "", "content-type": contentType = "" } = headers
  const apiKey = /^Bearer\s+(.*)$/i.exec(authorization)?.[1]
  if (apiKey === undefined) {
    if (!Signature.verify({ method, uri, body, date, contentType }, accepted.workspace, authorization)) {
      return Either.left(refuse(401, "signature mismatch"))
    }
  } else if (apiKey !== Redacted.value(accepted.apiKey.apiKey)) {
    return Either.left(refuse(401, "invalid API key"))
  }
  return /^application\/json(;|$)/.test(contentType)
    ? Either.right({ env: apiKey === undefined ? undefined : accepted.apiKey.workspaceUid })
    : Either.left(malformed)
}

/** @internal */
export const splitUri = (uri: string): readonly [path: string, query: URLSearchParams] => {
  const [path = "", query] = uri.split("?", 2)
  return [path, new URLSearchParams(query)]
}

/**
 * Converts an exchange to a `Response`.
 *
 * The signal ends a body that is still arriving.
 *
 * @internal
 */
export const toResponse = (
  exchange: Exclude<Exchange, { readonly _tag: "ResetPeer" | "NoResponse" }>,
  signal: AbortSignal
): Effect.Effect<Response> => {
  const { headers, status } = exchange
  const respond = (body: BodyInit | null) => new Response(body, { status, headers })
  if (isBodiless(status)) return Effect.sync(() => respond(null))
  return exchange._tag === "Response"
    ? Effect.sync(() => respond(exchange.body))
    : Effect.map(Stream.toReadableStreamEffect(Stream.interruptWhen(body(exchange), aborted(signal))), respond)
}

/**
 * Whether a response of this status has no body.
 *
 * @internal
 */
export const isBodiless = (status: number): boolean => status === 204 || status === 205 || status === 304

const body = (
  exchange: Extract<Exchange, { readonly _tag: "Partial" | "SlowBody" }>
): Stream.Stream<Uint8Array, Error> =>
  exchange._tag === "Partial"
    ? Stream.concat(
      Stream.make(encode(exchange.body).subarray(0, exchange.bytes)),
      exchange.then === "reset" ? Stream.fail(new Error("other side closed")) : Stream.fromEffect(stalled)
    )
    : Stream.tap(pieces(exchange.body, exchange.bytes), () => timer.sleep(exchange.interval))

// `Effect.never` would keep the process alive as long as the body is not read to its end.
const stalled: Effect.Effect<never> = Effect.async<never>(() => {})

const aborted = (signal: AbortSignal): Effect.Effect<never, Error> =>
  Effect.async<never, Error>((resume) => {
    const abort = () => resume(Effect.fail(new Error("This operation was aborted")))
    if (signal.aborted) return abort()
    signal.addEventListener("abort", abort, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", abort))
  })
