import type * as Undici from "@effect/platform-node/Undici"
import type * as Headers from "@effect/platform/Headers"
import * as Zlib from "node:zlib"
import { yieldToEventLoop } from "../support/eventLoop.js"
import { decoded } from "./decode.js"
import { RawHead } from "./rawHead.js"
import type { Exchange, Listener, Request, Transport } from "./transport.js"

/**
 * Makes a transport over an undici dispatcher.
 *
 * It avoids the URL, controller, stream and promises that the platform's client over the same
 * dispatcher makes for each request (`npm run bench -- --only single` compares both).
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
  // Attempts have their own timeout.
  headersTimeout: 0,
  bodyTimeout: 0
})

/** A request in flight and its response, as an undici handler. */
class UndiciExchange implements Undici.Dispatcher.DispatchHandler, Exchange {
  private controller: Undici.Dispatcher.DispatchController | undefined
  private aborted = false

  constructor(private listener: Listener) {}

  /**
   * Returns whether undici has started to send. A request that waits for a connection has not been
   * sent.
   */
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
    // It was aborted while it waited for a connection.
    if (this.aborted) controller.abort(new Error("aborted"))
  }

  onResponseStart(_: unknown, status: number, headers: Headers.Input & RawHeaders): void {
    // 1xx responses are informational: the final response follows.
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
