/**
 * Requests and their outcomes as values.
 *
 * `respond` of `Sandbox.make` returns an exchange. The client in memory and the server carry it
 * out.
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { encode } from "../../support/bytes.js"

/**
 * A request, as the sandbox receives it.
 */
export interface Incoming {
  readonly method: string
  /** The path and query of the request line. */
  readonly uri: string
  /** The headers, with their names in lower case. */
  readonly headers: { readonly [name: string]: string }
  /** The body as text, or "" if there is none. */
  readonly body: string
}

interface Content {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  /** The body, or "" for a status without a body. */
  readonly body: string
}

/**
 * What happens on the connection.
 */
export type Exchange = Data.TaggedEnum<{
  /** A complete response. */
  Response: Content
  /** A connection that is closed without a response. */
  ResetPeer: object
  /** A response that ends after `bytes` of its body: the connection is closed, or stalls. */
  Partial: Content & { readonly bytes: number; readonly then: "reset" | "stall" }
  /** A response whose body arrives slowly: `bytes` after each interval. */
  SlowBody: Content & { readonly interval: Duration.Duration; readonly bytes: number }
  /** A connection that stays open without a response. */
  NoResponse: object
}>

/** @internal */
export const Exchange = Data.taggedEnum<Exchange>()

/**
 * Splits a body into pieces of `bytes`; the last one may be shorter.
 *
 * A piece may end within a character.
 *
 * @internal
 */
export const pieces = (body: string, bytes: number): Stream.Stream<Uint8Array> => {
  const all = encode(body)
  const size = Math.max(1, Math.floor(bytes))
  return Stream.unfold(
    0,
    (from) => from < all.length ? Option.some([all.subarray(from, from + size), from + size]) : Option.none()
  )
}
