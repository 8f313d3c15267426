import type * as Headers from "@effect/platform/Headers"
import type * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpMethod from "@effect/platform/HttpMethod"
import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { globalValue } from "effect/GlobalValue"

/**
 * A request as it is sent.
 *
 * @internal
 */
export interface Request {
  readonly method: HttpMethod.HttpMethod
  readonly origin: string
  /** The path and query, exactly as signed. */
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
  /** The `Content-Type` header, if it is available without parsing all headers. */
  readonly contentType?: string | undefined
}

/**
 * The events of one request, in order. The last one is `onEnd`, `onFailure` or `onDefect`.
 *
 * @internal
 */
export interface Listener {
  readonly onHead: (head: Head) => void
  /** Called with a chunk of the body, after content decoding. */
  readonly onData: (chunk: Uint8Array) => void
  /**
   * Called when the body is complete. `text` is the whole body if the transport read it at once.
   */
  readonly onEnd: (text?: string) => void
  /** Called with the runtime's error, and whether a byte was sent, if the transport knows. */
  readonly onFailure: (cause: unknown, isSent: boolean | undefined) => void
  /** Called if the transport dies or interrupts itself. */
  readonly onDefect: (cause: Cause.Cause<never>) => void
}

/**
 * A request in flight.
 *
 * @internal
 */
export interface Exchange {
  /** Returns whether a byte of the request may have been sent so far. */
  readonly isSent: () => boolean
  /**
   * Aborts the request immediately. The returned effect, if any, waits until its resources are
   * released.
   */
  readonly abort: () => Effect.Effect<void> | void
}

/**
 * Sends one request, once, without following redirects. It never throws.
 *
 * @internal
 */
export interface Transport {
  readonly start: (request: Request, listener: Listener, fiber: Fiber.RuntimeFiber<unknown, unknown>) => Exchange
  /** Lets started requests reach their sockets before the next one is prepared. */
  readonly yieldToEventLoop: Effect.Effect<void>
  /** Whether requests pass through an `HttpClient` that may trace them. */
  readonly isTraced: boolean
  /** Whether an abort is complete immediately, with no resources to wait for. */
  readonly endsAtOnce: boolean
}

// Shared by all copies of this package in a process, so that each recognises the clients of the
// others.
const transports = globalValue("effect-suprsend/Transport", () => new WeakMap<HttpClient.HttpClient, Transport>())

/**
 * Returns the transport registered for this client.
 *
 * A wrapped client is a different client and has none, so its wrapper sees every request.
 *
 * @internal
 */
export const of = (client: HttpClient.HttpClient): Transport | undefined => transports.get(client)

/**
 * Registers the transport that sends the same requests as a client.
 *
 * @internal
 */
export const register = (client: HttpClient.HttpClient, transport: Transport): HttpClient.HttpClient => {
  transports.set(client, transport)
  return client
}
