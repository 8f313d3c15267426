import * as Effect from "effect/Effect"
import type * as Http from "node:http"
import { encode } from "../bytes.js"
import { type Exchange, pieces } from "./exchange.js"

/**
 * Plays on a real connection what happens to a request. What is cut is cut, what is never answered is held until the other side gives
 * up.
 *
 * @internal
 */
export const play = (exchange: Exchange, response: Http.ServerResponse): Effect.Effect<void> => {
  switch (exchange._tag) {
    case "Answer":
      return Effect.sync(() => {
        head(exchange, response).end(isBodiless(exchange.status) ? undefined : exchange.body)
      })
    case "Cut":
      return Effect.sync(() => void response.destroy())
    case "Silent":
      return Effect.never
    case "Partial":
      return Effect.async<void>((resume) => {
        const all = encode(exchange.body)
        // Its length is said first, so that whoever reads knows that something is missing.
        response.setHeader("content-length", all.length)
        head(exchange, response).write(all.subarray(0, exchange.bytes), () => {
          if (exchange.then === "cut") resume(Effect.sync(() => void response.destroy()))
        })
        if (all.subarray(0, exchange.bytes).length === 0) {
          response.flushHeaders()
          if (exchange.then === "cut") resume(Effect.sync(() => void response.destroy()))
        }
      })
    case "Drip":
      return Effect.suspend(() => {
        head(exchange, response).flushHeaders()
        return Effect.forEach(
          pieces(exchange.body, exchange.bytes),
          (piece) => Effect.zipRight(Effect.sleep(exchange.interval), Effect.sync(() => void response.write(piece))),
          {
            discard: true
          }
        )
      }).pipe(Effect.zipRight(Effect.sync(() => void response.end())))
  }
}

const isBodiless = (status: number): boolean => status === 204 || status === 205 || status === 304

const head = (
  { headers, status }: { readonly status: number; readonly headers: { readonly [name: string]: string } },
  response: Http.ServerResponse
): Http.ServerResponse => response.writeHead(status, headers)
