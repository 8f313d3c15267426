import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as Headers from "@effect/platform/Headers"
import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as RetryPolicy from "../RetryPolicy.js"
import * as Signature from "../Signature.js"
import type { SuprsendClient } from "../SuprsendClient.js"
import type * as SuprsendConfig from "../SuprsendConfig.js"
import * as answer from "./answer.js"
import { encode } from "./bytes.js"
import { mask } from "./mask.js"
import * as uri from "./uri.js"

/**
 * The client that sends, without what would be wrong here: redirects, which would be followed with a signature of another
 * path, and the platform's own span, which holds the full URL and so the id of a user.
 *
 * What is said to `fetch` for a call hides what was said to its layer, so the options that the client was made with come too.
 *
 * @internal
 */
export const harden = (
  client: HttpClient.HttpClient,
  made: Option.Option<RequestInit>
): HttpClient.HttpClient =>
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

const contentType = "application/json; charset=utf-8"

/**
 * A request that is ready but for what each attempt does afresh: its date and its signature.
 *
 * @internal
 */
export interface Prepared {
  readonly unsigned: HttpClientRequest.HttpClientRequest
  readonly uri: string
  readonly body: Uint8Array | undefined
}

/** @internal */
export const prepare = (
  config: SuprsendConfig.Resolved,
  request: SuprsendClient.Request,
  headers: Readonly<Record<string, string>>
): Prepared => {
  const target = config.basePath + uri.path(request.template.replace(/^\//, ""), request.params) +
    uri.query(request.query)
  const body = typeof request.body === "string" ? encode(request.body) : request.body
  const empty = HttpClientRequest.make(request.method)(config.origin + target, {
    headers: {
      ...headers,
      "content-type": contentType,
      "user-agent": config.userAgent.header,
      "x-suprsend-client-user-agent": config.userAgent.json
    }
  })
  return {
    unsigned: body === undefined ? empty : HttpClientRequest.setBody(empty, HttpBody.uint8Array(body, contentType)),
    uri: target,
    body
  }
}

const authorize = (
  credentials: SuprsendConfig.Credentials,
  { body, unsigned, uri }: Prepared,
  now: number
): HttpClientRequest.HttpClientRequest => {
  if (credentials.apiKey !== undefined) {
    return HttpClientRequest.setHeader(unsigned, "authorization", `Bearer ${Redacted.value(credentials.apiKey)}`)
  }
  const date = new Date(now).toUTCString()
  return HttpClientRequest.setHeaders(unsigned, {
    date,
    authorization: Signature.authorization({ method: unsigned.method, body, contentType, date, uri }, credentials)
  })
}

/**
 * How far an attempt has come: the head of its answer, as soon as it is there.
 *
 * @internal
 */
export interface Progress {
  head: HttpClientResponse.HttpClientResponse | undefined
}

/**
 * One request, from its signature to the end of its answer.
 *
 * @internal
 */
export const attempt = (
  client: HttpClient.HttpClient,
  credentials: SuprsendConfig.Credentials,
  prepared: Prepared,
  options: { readonly timeout: Duration.Duration; readonly discard: boolean }
) =>
(progress: Progress): Effect.Effect<Answered, answer.Failed> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) =>
    client.execute(authorize(credentials, prepared, now)).pipe(
      // The caller's own hand on the client may fail on a status, `HttpClient.filterStatusOk` for one.
      Effect.catchTag(
        "ResponseError",
        (error) => error.reason === "StatusCode" ? Effect.succeed(error.response) : Effect.fail(error)
      ),
      Effect.flatMap((response) => {
        progress.head = response
        return Effect.map(response.text, (body) => ({ response, body }))
      }),
      Effect.mapError(answer.fromTransport),
      Effect.timeoutFail({
        duration: options.timeout,
        onTimeout: () => answer.fromTimeout(`no whole answer within ${Duration.format(options.timeout)}`, true)
      }),
      Effect.matchEffect({
        onSuccess: ({ body, response }) => settle(response, Either.right(body), options.discard),
        onFailure: (failed) => cutOff(progress, failed, options.discard)
      })
    ))

type Answered = Omit<SuprsendClient.Response, "attempts">

/**
 * An answer as a value. Printed, it shows tokens masked; the body has them.
 *
 * @internal
 */
export class Response extends Inspectable.Class implements SuprsendClient.Response {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: string

  constructor({ body, headers, status }: Answered, readonly attempts: number) {
    super()
    this.status = status
    this.headers = headers
    this.body = body
  }

  toJSON(): unknown {
    const { attempts, body, headers, status } = this
    return {
      status,
      headers,
      body: Option.match(answer.parseJson(body), { onNone: () => body, onSome: mask }),
      attempts
    }
  }
}

/**
 * What an attempt comes to whose answer is not there as a whole, and will not be: its status decides, if that is known.
 *
 * @internal
 */
export const cutOff = (
  { head }: Progress,
  failed: answer.Failed,
  discard: boolean
): Effect.Effect<Answered, answer.Failed> =>
  head === undefined ? Effect.fail(failed) : settle(head, Either.left(failed), discard)

const settle = (
  { headers, status }: HttpClientResponse.HttpClientResponse,
  body: Either.Either<string, answer.Failed>,
  discard: boolean
): Effect.Effect<Answered, answer.Failed> => {
  if (status < 200 || status >= 300) {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.fail(
        answer.fromStatus(
          status,
          RetryPolicy.parseRetryAfter(headers["retry-after"], now),
          Option.getOrUndefined(Either.getRight(body))
        )
      ))
  }
  // Where nobody reads the body, a cut or endless one must not turn what was accepted into something to send again.
  if (discard) return Effect.succeed({ status, headers, body: Either.getOrElse(body, () => "") })
  return Either.map(body, (text) => ({ status, headers, body: text }))
}
