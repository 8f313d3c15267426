import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import type * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Runtime from "effect/Runtime"
import * as Stream from "effect/Stream"
import type * as Zlib from "node:zlib"
import { maximumBodyBytes } from "./bodyLimits.js"
import { decodedAll } from "./decode.js"
import { requestInit, withoutRedirects } from "./fetch.js"
import { modules } from "./node.js"
import type { Listener, Request, Transport } from "./transport.js"

/**
 * Makes a transport over any `HttpClient`.
 *
 * @param made the context in which the client was made
 *
 * @internal
 */
export const make = (client: HttpClient.HttpClient, made: Context.Context<never>): Transport => {
  const hardened = harden(client, made)
  return {
    start: (request, listener, fiber) => {
      const sending = hardened.execute(platformRequest(request)).pipe(
        // A custom client may fail on a status, such as one with `HttpClient.filterStatusOk`.
        Effect.catchTag(
          "ResponseError",
          (error) => error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)
        ),
        Effect.flatMap((response) => {
          listener.onHead(response)
          return read(response, listener)
        }),
        Effect.catchAll((error) =>
          Effect.sync(() => listener.onFailure(error.cause ?? new Error(error.description ?? error.reason), undefined))
        ),
        Effect.catchAllCause((cause) => Effect.sync(() => listener.onDefect(cause)))
      )
      // Runs in its own fiber, so that it can be aborted even if the call is uninterruptible, as in
      // a finalizer.
      const runtime = Runtime.make({
        context: fiber.currentContext,
        fiberRefs: fiber.getFiberRefs(),
        runtimeFlags: Runtime.defaultRuntimeFlags
      })
      const running = Runtime.runFork(runtime, sending, { immediate: true })
      return {
        isSent: () => true,
        abort: () => {
          running.unsafeInterruptAsFork(FiberId.none)
          return Effect.asVoid(Fiber.await(running))
        }
      }
    },
    yieldToEventLoop: Effect.void,
    isTraced: true,
    endsAtOnce: false
  }
}

/**
 * Disables redirects and the platform's span.
 *
 * A redirect would be followed with the signature of another path, and the span contains the full
 * URL with the user id. `fetch` options of a call replace those of its layer, so the options that
 * the client was made with are merged in.
 */
const harden = (client: HttpClient.HttpClient, made: Context.Context<never>): HttpClient.HttpClient =>
  client.pipe(
    HttpClient.withTracerDisabledWhen(() => true),
    HttpClient.transformResponse((effect) =>
      Effect.mapInputContext(effect, (context: Context.Context<never>) => {
        const init = requestInit(made, context)
        return Context.add(
          context,
          FetchHttpClient.RequestInit,
          Object.keys(init).length === 0 ? withoutRedirects : { ...init, ...withoutRedirects }
        )
      })
    )
  )

const platformRequest = ({ body, headers, method, origin, target }: Request): HttpClientRequest.HttpClientRequest => {
  const empty = HttpClientRequest.make(method)(origin + target, { headers })
  return body === undefined
    ? empty
    : HttpClientRequest.setBody(empty, HttpBody.uint8Array(body, headers["content-type"]))
}

// A body of known length is read at once; any other is read in chunks, so that reading can stop at
// a limit.
const shortBody = 65_536

const read = (
  response: HttpClientResponse.HttpClientResponse,
  listener: Listener
): Effect.Effect<void, HttpClientError.ResponseError> => {
  const { "content-encoding": encoding, "content-length": length } = response.headers
  const zlib = modules()?.zlib
  if (encoding !== undefined && zlib !== undefined) return readEncoded(zlib, response, listener)
  return length !== undefined && Number(length) <= shortBody && encoding === undefined
    ? Effect.map(response.text, (text) => listener.onEnd(text))
    : Stream.runForEachChunk(
      response.stream,
      (chunk) => Effect.sync(() => Chunk.forEach(chunk, (part) => listener.onData(part)))
    ).pipe(
      Effect.catchIf((error) => error.reason === "EmptyBody", () => Effect.void),
      Effect.map(() => listener.onEnd())
    )
}

// Some clients, such as `fetch`, decode the content encoding but keep the header. Others, such as
// Node's `http`, do not decode it.
const readEncoded = (
  zlib: typeof Zlib,
  response: HttpClientResponse.HttpClientResponse,
  listener: Listener
): Effect.Effect<void, HttpClientError.ResponseError> => {
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  return Stream.runForEachWhile(response.stream, (chunk) =>
    Effect.sync(() => {
      chunks.push(chunk)
      bytes += chunk.length
      return bytes <= maximumBodyBytes
    })).pipe(
      Effect.catchIf((error) => error.reason === "EmptyBody", () => Effect.void),
      Effect.map(() => {
        listener.onData(decodedAll(zlib, response, Buffer.concat(chunks), maximumBodyBytes))
        listener.onEnd()
      })
    )
}
