import type * as Undici from "@effect/platform-node/Undici"
import type * as Headers from "@effect/platform/Headers"
import * as Zlib from "node:zlib"
import { decoded } from "./decode.js"
import { RawHead } from "./rawHead.js"
import { type Exchange, type Listener, type Request, type Transport, yieldToEventLoop } from "./transport.js"

/**
 * Sends straight over a dispatcher of undici.
 *
 * The platform's client over the same dispatcher makes a URL, a controller, a readable stream and a promise or two for each request.
 * `npm run bench -- --only single` shows both.
 *
 * @internal
 */
export const make = (dispatcher: Undici.Dispatcher): Transport => ({
  start: (request, listener) => {
    const exchange = new UndiciExchange(listener)
    exchange.begin(dispatcher, request)
    return exchange
  },
  yieldToEventLoop,
  isTraced: false,
  endsAtOnce: true
})

const options = ({ body, headers, method, origin, target }: Request): Undici.Dispatcher.DispatchOptions => ({
  origin,
  path: target,
  method,
  headers,
  body: body ?? null,
  // The attempt has a deadline of its own.
  headersTimeout: 0,
  bodyTimeout: 0
})

/** One request and its response, as undici tells about it. */
class UndiciExchange implements Undici.Dispatcher.DispatchHandler, Exchange {
  private controller: Undici.Dispatcher.DispatchController | undefined
  private aborted = false

  constructor(private listener: Listener) {}

  /** Undici says so before the first byte: a request that waits for a connection has not been sent. */
  isSent(): boolean {
    return this.controller !== undefined
  }

  begin(dispatcher: Undici.Dispatcher, request: Request): void {
    try {
      dispatcher.dispatch(options(request), this)
    } catch (error) {
      this.listener.onFailure(error, this.isSent())
    }
  }

  abort(): void {
    this.aborted = true
    this.controller?.abort(new Error("aborted"))
  }

  onRequestStart(controller: Undici.Dispatcher.DispatchController): void {
    this.controller = controller
    // It waited for a connection when it was aborted.
    if (this.aborted) controller.abort(new Error("aborted"))
  }

  onResponseStart(_: unknown, status: number, headers: Headers.Input & RawHeaders): void {
    // 1xx only announces the response.
    if (status < 200) return
    const type = headers["content-type"]
    const head = new RawHead(status, () => headers, typeof type === "string" ? type : type?.join(", ") ?? "")
    if (headers["content-encoding"] !== undefined) this.listener = decoded(Zlib, head, this.listener)
    this.listener.onHead(head)
  }

  onResponseData(_: unknown, chunk: Uint8Array): void {
    this.listener.onData(chunk)
  }

  onResponseEnd(): void {
    this.listener.onEnd()
  }

  onResponseError(_: unknown, error: Error): void {
    this.listener.onFailure(error, this.isSent())
  }
}

type RawHeaders = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
