import type * as Headers from "@effect/platform/Headers"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as answer from "./answer.js"

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
 * Sends one request and gives the body of its answer, whatever its status, within a time. Nobody follows a redirect.
 *
 * @internal
 */
export type Send = (
  request: Outgoing,
  progress: Progress,
  timeout: Duration.Duration
) => Effect.Effect<string, answer.Failed>

/**
 * A way to send that comes with a layer and is leaner than its `HttpClient`.
 *
 * @internal
 */
export class Sender extends Context.Tag("effect-suprsend/internal/Sender")<Sender, Send>() {}
