import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import { encode } from "../../support/bytes.js"
import * as timer from "../../support/timer.js"
import { isBodiless } from "../protocol/auth.js"
import { type Exchange, pieces } from "../protocol/exchange.js"

/**
 * Carries out an exchange on a connection.
 *
 * Without a response, it waits until the client disconnects, which interrupts it.
 *
 * @internal
 */
export const play = (exchange: Exchange, response: Http.ServerResponse): Effect.Effect<void> => {
  switch (exchange._tag) {
    case "Response":
      return Effect.sync(() => {
        head(exchange, response).end(isBodiless(exchange.status) ? undefined : exchange.body)
      })
    case "ResetPeer":
      return Effect.sync(() => void response.destroy())
    case "NoResponse":
      return Effect.never
    case "Partial":
      return Effect.zipRight(
        Effect.async<void>((resume) => {
          const all = encode(exchange.body)
          const sent = all.subarray(0, exchange.bytes)
          // The full length lets the client notice that the body is truncated.
          response.setHeader("content-length", all.length)
          // The client has its complete response, and would send the next request on this
          // connection.
          if (isBodiless(exchange.status)) response.setHeader("connection", "close")
          head(exchange, response)
          if (sent.length > 0) {
            response.write(sent, () => resume(Effect.void))
          } else {
            response.flushHeaders()
            resume(Effect.void)
          }
        }),
        exchange.then === "reset" ? Effect.sync(() => void response.destroy()) : Effect.never
      )
    case "SlowBody":
      return Effect.suspend(() => {
        head(exchange, response).flushHeaders()
        return Stream.runForEach(
          pieces(exchange.body, exchange.bytes),
          (piece) => Effect.zipRight(timer.sleep(exchange.interval), write(response, piece))
        )
      }).pipe(Effect.zipRight(Effect.sync(() => void response.end())))
  }
}

/** Writes a piece, and waits while the client does not read (back-pressure). */
const write = (response: Http.ServerResponse, piece: Uint8Array): Effect.Effect<void> =>
  Effect.async((resume) => {
    if (response.write(piece)) return resume(Effect.void)
    const drained = () => resume(Effect.void)
    response.once("drain", drained)
    return Effect.sync(() => response.off("drain", drained))
  })

const head = (
  { headers, status }: { readonly status: number; readonly headers: { readonly [name: string]: string } },
  response: Http.ServerResponse
): Http.ServerResponse => response.writeHead(status, headers)
