import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as Headers from "@effect/platform/Headers"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { yieldToEventLoop } from "../support/eventLoop.js"
import { RawHead } from "./rawHead.js"
import type { Listener, Request, Transport } from "./transport.js"

type Fetch = typeof globalThis.fetch

/**
 * Makes a transport over `fetch`, from the context (`FetchHttpClient.Fetch`) or the runtime.
 *
 * @param made the context in which the client was made
 *
 * @internal
 */
export const make = (made: Context.Context<never>): Transport => ({
  start: (request, listener, fiber) => {
    const context = Context.merge(made, fiber.currentContext)
    const fetch = Option.getOrElse(Context.getOption(context, FetchHttpClient.Fetch), () => sentOnce)
    const controller = new AbortController()
    void run(fetch, request, requestInit(made, fiber.currentContext), controller.signal, listener)
    return {
      isSent: () => true,
      abort: () => controller.abort()
    }
  },
  yieldToEventLoop: typeof setImmediate === "function" ? yieldToEventLoop : Effect.void,
  isTraced: false,
  endsAtOnce: true
})

/**
 * Returns the `fetch` options of a call, merged over those that the client was made with.
 *
 * @internal
 */
export const requestInit = (made: Context.Context<never>, context: Context.Context<never>): RequestInit => ({
  ...Option.getOrUndefined(Context.getOption(made, FetchHttpClient.RequestInit)),
  ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit))
})

/**
 * The options that the client itself adds for a wrapped `HttpClient`. They customise nothing.
 *
 * @internal
 */
export const withoutRedirects: RequestInit = { redirect: "manual" }

/**
 * Checks whether a context customises `fetch`, with a mock or options.
 *
 * @internal
 */
export const isCustomised = ({ unsafeMap }: Context.Context<never>): boolean => {
  const init = unsafeMap.get(FetchHttpClient.RequestInit.key)
  return unsafeMap.has(FetchHttpClient.Fetch.key) || (init !== undefined && init !== withoutRedirects)
}

const run = async (
  fetch: Fetch,
  { body, headers, method, origin, target }: Request,
  init: RequestInit,
  signal: AbortSignal,
  listener: Listener
): Promise<void> => {
  try {
    const response = await fetch(origin + target, {
      ...init,
      method,
      headers: init.headers === undefined ? headers : { ...headersOf(init.headers), ...headers },
      body: body === undefined ? null : plain(body),
      redirect: "manual",
      signal
    })
    listener.onHead(new RawHead(response.status, () => response.headers, response.headers.get("content-type") ?? ""))
    await read(response, listener)
  } catch (cause) {
    listener.onFailure(cause, undefined)
  }
}

// `fetch` does not accept shared memory.
const plain = (bytes: Uint8Array): Uint8Array<ArrayBuffer> => isPlain(bytes) ? bytes : new Uint8Array(bytes)

const isPlain = (bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> => bytes.buffer instanceof ArrayBuffer

const headersOf = (headers: RequestInit["headers"]): Headers.Headers =>
  Headers.fromInput([...new globalThis.Headers(headers)])

// Reading a short body at once is cheaper than reading its chunks
// (`npm run bench -- --only single`).
const shortBody = 65_536

const read = async (response: Response, listener: Listener): Promise<void> => {
  const length = response.headers.get("content-length")
  const isShort = length !== null && Number(length) <= shortBody && response.headers.get("content-encoding") === null
  if (isShort || response.body === null) return listener.onEnd(await response.text())
  const reader = response.body.getReader()
  while (true) {
    const { done, value } = await reader.read()
    if (done) return listener.onEnd()
    listener.onData(value)
  }
}

/**
 * Calls the runtime's `fetch` such that a request with a body is sent only once.
 *
 * After a 421, the Fetch standard resends a request if it can, without the limiter's knowledge. It
 * cannot resend a stream. Only Node's `fetch` was found to do so.
 */
const sentOnce: Fetch = (input, init) =>
  init?.body instanceof Uint8Array && isNode
    ? globalThis.fetch(input, streaming(init, init.body))
    : globalThis.fetch(input, init)

const isNode = globalThis.process?.versions?.node !== undefined && !("Bun" in globalThis) && !("Deno" in globalThis)

const streaming = (init: RequestInit, bytes: Uint8Array): RequestInit & { readonly duplex: "half" } => ({
  ...init,
  headers: { ...headersOf(init.headers), "content-length": String(bytes.length) },
  body: new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes)
      controller.close()
    }
  }),
  duplex: "half"
})
