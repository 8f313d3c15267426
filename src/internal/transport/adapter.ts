import type * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { encode } from "../support/bytes.js"
import type { Exchange, Head, Listener, Request, Transport } from "./transport.js"
import { register } from "./transport.js"

/**
 * Makes an `HttpClient` from a transport, for programs that wrap it.
 *
 * If it is not wrapped, SDK calls bypass it and use the transport directly.
 *
 * @internal
 */
export const toHttpClient = (transport: Transport): HttpClient.HttpClient =>
  register(
    HttpClient.make((request, url, _signal, fiber) =>
      Effect.flatMap(bytesOf(request), (body) =>
        Effect.mapBoth(
          exchange(transport, {
            method: request.method,
            origin: url.origin,
            target: url.pathname + url.search,
            headers: request.headers,
            body
          }, fiber),
          {
            onFailure: (cause) => new HttpClientError.RequestError({ request, reason: "Transport", cause }),
            onSuccess: (response) => HttpClientResponse.fromWeb(request, response)
          }
        ))
    ),
    transport
  )

const bytesOf = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<Uint8Array | undefined, HttpClientError.RequestError> => {
  const body: HttpBody.HttpBody = request.body
  const fail = (cause: unknown) =>
    new HttpClientError.RequestError({
      request,
      reason: "Encode",
      cause,
      description: "this client only sends text, bytes and streams"
    })
  switch (body._tag) {
    case "Empty":
      return Effect.succeed(undefined)
    case "Uint8Array":
      return Effect.succeed(body.body)
    case "Stream":
      return Effect.mapError(Stream.runFold(body.stream, new Uint8Array(0), concat), fail)
    case "Raw":
      return typeof body.body === "string" ? Effect.succeed(encode(body.body)) : Effect.fail(fail(undefined))
    case "FormData":
      return Effect.fail(fail(undefined))
  }
}

const concat = (a: Uint8Array, b: Uint8Array): Uint8Array => {
  const bytes = new Uint8Array(a.length + b.length)
  bytes.set(a)
  bytes.set(b, a.length)
  return bytes
}

/** Returns the response as soon as its head has arrived, before its body. */
const exchange = (
  transport: Transport,
  request: Request,
  fiber: Fiber.RuntimeFiber<unknown, unknown>
): Effect.Effect<Response, unknown> =>
  Effect.async((resume) => {
    const response = new StreamedResponse((result) => resume(result), () => current.abort())
    const current = transport.start(request, response, fiber)
    return Effect.suspend(() => current.abort() ?? Effect.void)
  })

/** A response whose body is streamed. */
class StreamedResponse implements Listener {
  private controller: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(
    private readonly resume: (result: Effect.Effect<Response, unknown>) => void,
    private readonly abort: Exchange["abort"]
  ) {}

  readonly onHead = ({ headers, status }: Head): void => {
    const isEmpty = status === 204 || status === 205 || status === 304
    const body = isEmpty ? null : new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.controller = controller
      },
      cancel: () => {
        this.controller = undefined
        this.abort()
      }
    })
    this.resume(Effect.sync(() => new Response(body, { status, headers })))
  }

  readonly onData = (chunk: Uint8Array): void => this.controller?.enqueue(chunk)

  readonly onEnd = (text?: string): void => {
    if (text !== undefined && text !== "") this.controller?.enqueue(encode(text))
    this.controller?.close()
    this.controller = undefined
  }

  readonly onFailure = (cause: unknown): void => {
    this.controller?.error(cause)
    this.controller = undefined
    this.resume(Effect.fail(cause))
  }

  readonly onDefect = (cause: Cause.Cause<never>): void => this.resume(Effect.failCause(cause))
}
