import type * as Headers from "@effect/platform/Headers"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as answer from "./answer.js"
import type { Signal } from "./signal.js"

/**
 * A request as it goes over the wire.
 *
 * @internal
 */
export interface Outgoing {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE"
  readonly origin: string
  /** Path and query, exactly as they were signed. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
}

/**
 * The head of an answer.
 *
 * @internal
 */
export interface Head {
  readonly status: number
  readonly headers: Headers.Headers
}

/**
 * How far an attempt has come: the head of its answer, as soon as it is there.
 *
 * @internal
 */
export interface Progress {
  head: Head | undefined
}

/**
 * What ends an attempt that has no answer yet.
 *
 * @internal
 */
export interface Cut {
  /** Milliseconds from its start. */
  readonly after: number
  /** The time that was not kept then, as it is told. */
  readonly timeout: Duration.Duration
  /** Given when nobody wants the answer any more. */
  readonly signal: Signal | undefined
}

/**
 * Sends one request and gives the body of its answer, whatever its status, unless it is cut. Nobody follows a redirect.
 *
 * @internal
 */
export type Send = (request: Outgoing, progress: Progress, cut: Cut) => Effect.Effect<string, answer.Failed>

/**
 * A way to send that comes with a layer and is leaner than its `HttpClient`.
 *
 * @internal
 */
export class Sender extends Context.Tag("effect-suprsend/internal/Sender")<Sender, {
  readonly send: Send
  /** Lets what was handed over leave, before more is made. */
  readonly breathe: Effect.Effect<void>
}>() {}
