import * as Headers from "@effect/platform/Headers"
import * as Clock from "effect/Clock"
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
import type { Cut, Head, Outgoing, Progress, Send } from "./sender.js"
import * as uri from "./uri.js"

const contentType = "application/json; charset=utf-8"

/**
 * A request that is ready but for what each attempt does afresh: its date and its signature.
 *
 * @internal
 */
export const prepare = (
  config: SuprsendConfig.Resolved,
  request: SuprsendClient.Request,
  headers: Readonly<Record<string, string>>
): Outgoing => ({
  method: request.method,
  origin: config.origin,
  target: config.basePath + uri.path(request.template.replace(/^\//, ""), request.params) + uri.query(request.query),
  headers,
  body: typeof request.body === "string" ? encode(request.body) : request.body
})

/**
 * The headers that all attempts have in common.
 *
 * @internal
 */
export const staticHeaders = (
  config: SuprsendConfig.Resolved,
  headers: Readonly<Record<string, string>>
): Readonly<Record<string, string>> =>
  // Names are one in any case.
  Headers.setAll(Headers.remove(Headers.fromInput(headers), signing(config.credentials)), {
    "content-type": contentType,
    "user-agent": config.userAgent.header,
    "x-suprsend-client-user-agent": config.userAgent.json
  })

/** What each attempt says for itself. */
const signing = ({ apiKey }: SuprsendConfig.Credentials): ReadonlyArray<string> =>
  apiKey === undefined ? ["authorization", "date"] : ["authorization"]

const authorize = (credentials: SuprsendConfig.Credentials, request: Outgoing, now: number): Outgoing => {
  const { body, headers, method, origin, target } = request
  if (credentials.apiKey !== undefined) {
    const authorization = `Bearer ${Redacted.value(credentials.apiKey)}`
    return { method, origin, target, headers: Object.assign({ authorization }, headers), body }
  }
  const date = httpDate(now)
  const authorization = Signature.authorization({ method, body, contentType, date, uri: target }, credentials)
  // To spread the headers and add two was measured to cost as much as the signature.
  return { method, origin, target, headers: Object.assign({ date, authorization }, headers), body }
}

let second = 0
let dateOfSecond = new Date(0).toUTCString()

/** The same for all requests of a second. */
const httpDate = (now: number): string => {
  const current = Math.floor(now / 1000)
  if (current !== second) {
    second = current
    dateOfSecond = new Date(now).toUTCString()
  }
  return dateOfSecond
}

/**
 * One request, from its signature to the end of its answer.
 *
 * @internal
 */
export const attempt = (
  send: Send,
  credentials: SuprsendConfig.Credentials,
  request: Outgoing,
  options: { readonly clock: Clock.Clock; readonly discard: boolean }
) =>
(progress: Progress, cut: Cut): Effect.Effect<Answered, answer.Failed> =>
  Effect.matchEffect(send(authorize(credentials, request, options.clock.unsafeCurrentTimeMillis()), progress, cut), {
    onSuccess: (body) =>
      progress.head === undefined
        ? Effect.dieMessage("an answer without a head")
        : settle(progress.head, Either.right(body), options.discard),
    onFailure: (failed) => cutOff(progress, failed, options.discard)
  })

/**
 * The whole answer of an attempt.
 *
 * @internal
 */
export interface Answered {
  readonly head: Head
  readonly body: string
}

/**
 * An answer as a value. Printed, it shows tokens masked; the body has them.
 *
 * @internal
 */
export class Response extends Inspectable.Class implements SuprsendClient.Response {
  constructor(private readonly head: Head, readonly body: string, readonly attempts: number) {
    super()
  }

  get status(): number {
    return this.head.status
  }

  get headers(): Headers.Headers {
    return this.head.headers
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
  head: Head,
  body: Either.Either<string, answer.Failed>,
  discard: boolean
): Effect.Effect<Answered, answer.Failed> => {
  const { status } = head
  if (status < 200 || status >= 300) {
    return Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.fail(
        answer.fromStatus(
          status,
          RetryPolicy.parseRetryAfter(head.headers["retry-after"], now),
          Option.getOrUndefined(Either.getRight(body))
        )
      ))
  }
  // Where nobody reads the body, a cut or endless one must not turn what was accepted into something to send again.
  if (discard) return Effect.succeed({ head, body: Either.getOrElse(body, () => "") })
  return Either.map(body, (text) => ({ head, body: text }))
}
