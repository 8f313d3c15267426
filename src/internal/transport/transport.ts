import type * as Headers from "@effect/platform/Headers"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpMethod from "@effect/platform/HttpMethod"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { globalValue } from "effect/GlobalValue"

/**
 * A request as it goes over the wire.
 *
 * @internal
 */
export interface Request {
  readonly method: HttpMethod.HttpMethod
  readonly origin: string
  /** Path and query, exactly as they were signed. */
  readonly target: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | undefined
}

/**
 * The head of a response.
 *
 * @internal
 */
export interface Head {
  readonly status: number
  readonly headers: Headers.Headers
  /** The header of that name, where it can be had without reading all of them. */
  readonly contentType?: string | undefined
}

/**
 * The events of one request, in their order. One of `onEnd`, `onFailure` and `onDefect` is the last.
 *
 * @internal
 */
export interface Listener {
  readonly onHead: (head: Head) => void
  /** A piece of the body, its content encoding undone. */
  readonly onData: (chunk: Uint8Array) => void
  /** The body is complete; `text` is all of it where the transport read it in one go. */
  readonly onEnd: (text?: string) => void
  /** The cause as the runtime gives it, and whether a byte of the request may have left, where the transport knows. */
  readonly onFailure: (cause: unknown, isSent: boolean | undefined) => void
  /** What sends has a defect, or interrupts itself. */
  readonly onDefect: (cause: Cause.Cause<never>) => void
}

/**
 * A request in flight.
 *
 * @internal
 */
export interface Exchange {
  /** Whether a byte of the request may have left, by now. */
  readonly isSent: () => boolean
  /** Ends it at once. The effect that it returns, if any, waits until everything that belongs to it has ended. */
  readonly abort: () => Effect.Effect<void> | void
}

/**
 * Sends one request, once, and follows no redirect. Never throws.
 *
 * @internal
 */
export interface Transport {
  readonly start: (request: Request, listener: Listener, fiber: Fiber.RuntimeFiber<unknown, unknown>) => Exchange
  /** Lets requests leave that were started in a row, before the next is prepared. */
  readonly yieldToEventLoop: Effect.Effect<void>
  /** Whether requests pass through an `HttpClient` that may trace them. */
  readonly isTraced: boolean
  /** Whether an abort is over at once, with nothing of the request left to wait for. */
  readonly endsAtOnce: boolean
}

/**
 * Turns to the sockets of the runtime. Fibers hand over to one another without that: of many requests started in a row, the first
 * would leave after the last was prepared.
 *
 * @internal
 */
export const yieldToEventLoop: Effect.Effect<void> = Effect.async((resume) => {
  setImmediate(() => resume(Effect.void))
})

// Copies of this package in one process share it, so that a client of one is quick in the other too.
const transports = globalValue("effect-suprsend/Transport", () => new WeakMap<HttpClient.HttpClient, Transport>())

/**
 * The transport that belongs to this very client. A client that was wrapped is another client, and has none: what wraps it sees
 * every request.
 *
 * @internal
 */
export const of = (client: HttpClient.HttpClient): Transport | undefined => transports.get(client)

/**
 * Says that a client and a transport send alike.
 *
 * @internal
 */
export const register = (client: HttpClient.HttpClient, transport: Transport): HttpClient.HttpClient => {
  transports.set(client, transport)
  return client
}
