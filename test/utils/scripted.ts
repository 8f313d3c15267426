import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as UsersService from "effect-suprsend/UsersService"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** A request as the client sent it, and the time. */
export interface Sent {
  readonly at: number
  readonly request: HttpClientRequest.HttpClientRequest
  readonly body: string
}

/** A response, or the error that the runtime throws without one. */
export type Answer = (sent: Sent) => Effect.Effect<Response, unknown>

export const answer =
  (status: number, body: BodyInit | null = "{}", headers: Record<string, string> = {}): Answer => () =>
    Effect.sync(() => new Response(body, { status, headers }))

/** The head of a response and a part of its body; then the body stalls, or the connection is cut. */
export const half = (
  status: number,
  end: "stalled" | "cut",
  headers: Record<string, string> = {}
): Answer =>
() =>
  Effect.sync(() => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(new TextEncoder().encode("{\"message\":"))
        if (end === "cut") controller.error(new Error("other side closed"))
      }
    })
    return new Response(body, { status, headers })
  })

/** Fails like a runtime without a connection. */
export const broken = (code: string, message = `connect ${code} 127.0.0.1:1`): Answer => () =>
  Effect.fail(new TypeError("fetch failed", { cause: Object.assign(new Error(message), { code }) }))

export const never: Answer = () => Effect.never

/**
 * A client over an `HttpClient` that returns the given responses in order, and then repeats the last one.
 */
export const scripted = (
  answers: ReadonlyArray<Answer>,
  settings: SuprsendConfig.Settings = {},
  credentials: SuprsendConfig.Options = Sandbox.credentials
) => {
  const sent: Array<Sent> = []
  const client = HttpClient.make((request) =>
    Effect.gen(function*() {
      const arrived: Sent = {
        at: yield* Clock.currentTimeMillis,
        request,
        body: request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
      }
      sent.push(arrived)
      const answer = answers[Math.min(sent.length, answers.length) - 1] ?? never
      return HttpClientResponse.fromWeb(
        request,
        yield* Effect.mapError(
          answer(arrived),
          (cause) => new HttpClientError.RequestError({ request, reason: "Transport", cause })
        )
      )
    })
  )
  const layer = UsersService.layer.pipe(
    Layer.provideMerge(SuprsendClient.layerWithoutRateLimiter({ ...credentials, ...settings })),
    Layer.provideMerge(
      settings.rateLimit === undefined ? RateLimiter.layerNoop : RateLimiter.layerMemory(settings.rateLimit)
    ),
    Layer.provideMerge(Layer.succeed(HttpClient.HttpClient, client))
  )
  return { sent, layer, times: () => sent.map(({ at }) => at) }
}
