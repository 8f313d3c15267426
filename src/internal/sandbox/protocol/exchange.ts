/**
 * What the sandbox does with one request, as a value: `Sandbox.make(options?)` gives `respond`, and whoever carries the
 * bytes (the client in memory, or a real server) plays what it says.
 *
 * Faults travel as JSON by the schema `Faults` of `faultJson.ts`, and are set by `sandbox.faults.replace`.
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { encode } from "../../support/bytes.js"

/**
 * A request as it arrives.
 */
export interface Incoming {
  readonly method: string
  /** Path and query as on the request line. */
  readonly uri: string
  /** By their names in lower case. */
  readonly headers: { readonly [name: string]: string }
  /** The body as text; empty for none. */
  readonly body: string
}

interface Content {
  readonly status: number
  readonly headers: { readonly [name: string]: string }
  /** Empty where the status has none. */
  readonly body: string
}

/**
 * What happens on the connection.
 */
export type Exchange = Data.TaggedEnum<{
  /** A whole answer. */
  Answer: Content
  /** The connection is closed without an answer. */
  ResetPeer: object
  /** The head and the first bytes of the body; then the connection is closed, or nothing more comes for ever. */
  Partial: Content & { readonly bytes: number; readonly then: "reset" | "stall" }
  /** The head, then so many bytes of the body after each interval. */
  SlowBody: Content & { readonly interval: Duration.Duration; readonly bytes: number }
  /** Nothing is ever answered, and the connection stays open. */
  NoResponse: object
}>

/** @internal */
export const Exchange = Data.taggedEnum<Exchange>()

/**
 * Cuts a body in pieces of so many bytes, the last one shorter, one after another as they are asked for. A piece may end inside of
 * a character.
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
