import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as answer from "./answer.js"
import * as cut from "./cut.js"
import type { Outgoing, Send } from "./sender.js"

/**
 * Sends over any `HttpClient`.
 *
 * @internal
 */
export const make = (client: HttpClient.HttpClient, made: Option.Option<RequestInit>): Send => {
  const hardened = harden(client, made)
  return (request, progress, { after, signal, timeout }) => {
    const tooLate = Effect.as(Effect.sleep(after), Effect.fail(answer.tooLate(timeout)))
    return cut.by(
      hardened.execute(platformRequest(request)).pipe(
        // The caller's own hand on the client may fail on a status, `HttpClient.filterStatusOk` for one.
        Effect.catchTag(
          "ResponseError",
          (error) => error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)
        ),
        Effect.flatMap((response) => {
          progress.head = response
          return response.text
        }),
        Effect.mapError(answer.fromTransport)
      ),
      signal === undefined ? [tooLate] : [tooLate, Effect.as(signal.heard, Effect.fail(answer.fromInterruption(true)))]
    )
  }
}

/**
 * The client that sends, without what would be wrong here: redirects, which would be followed with a signature of another
 * path, and the platform's own span, which holds the full URL and so the id of a user.
 *
 * What is said to `fetch` for a call hides what was said to its layer, so the options that the client was made with come too.
 */
const harden = (client: HttpClient.HttpClient, made: Option.Option<RequestInit>): HttpClient.HttpClient =>
  client.pipe(
    HttpClient.withTracerDisabledWhen(() => true),
    HttpClient.transformResponse((effect) =>
      Effect.contextWithEffect((context: Context.Context<never>) =>
        Effect.provideService(effect, FetchHttpClient.RequestInit, {
          ...Option.getOrUndefined(made),
          ...Option.getOrUndefined(Context.getOption(context, FetchHttpClient.RequestInit)),
          redirect: "manual"
        })
      )
    )
  )

const platformRequest = ({ body, headers, method, origin, target }: Outgoing): HttpClientRequest.HttpClientRequest => {
  const empty = HttpClientRequest.make(method)(origin + target, { headers })
  return body === undefined
    ? empty
    : HttpClientRequest.setBody(empty, HttpBody.uint8Array(body, headers["content-type"]))
}
