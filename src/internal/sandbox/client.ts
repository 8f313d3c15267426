import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Effect from "effect/Effect"
import { toResponse } from "./protocol/auth.js"
import type { Exchange, Incoming } from "./protocol/exchange.js"

// As Node's `http` reports it.
const hangUp = () => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })

/**
 * Makes a client that sends its requests to a sandbox in memory.
 *
 * @internal
 */
export const make = (respond: (incoming: Incoming) => Effect.Effect<Exchange>): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) =>
    Effect.flatMap(
      respond({
        method: request.method,
        uri: url.pathname + url.search,
        headers: request.headers,
        body: request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
      }),
      (exchange) => {
        switch (exchange._tag) {
          case "ResetPeer":
            return Effect.fail(
              new HttpClientError.RequestError({ request, reason: "Transport", cause: hangUp() })
            )
          case "NoResponse":
            return Effect.never
          default:
            return Effect.map(toResponse(exchange, signal), (response) => HttpClientResponse.fromWeb(request, response))
        }
      }
    )
  )
