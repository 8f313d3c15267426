import type * as Headers from "@effect/platform/Headers"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as RetryPolicy from "../../RetryPolicy.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import {
  type InvalidDistinctId,
  type RequestError,
  type SuprsendRejected,
  SuprsendUnexpectedResponse,
  SuprsendUserNotFound
} from "../../SuprsendError.js"
import * as validate from "../edit/validate.js"
import { type Decode, issue } from "../model/model.js"
import { parseJson } from "../support/json.js"
import { mask } from "../support/mask.js"
import * as failure from "../transport/failure.js"
import type { Head } from "../transport/transport.js"
import { Answered, type Outcome } from "./attempt.js"

/**
 * A response as a value. Printing it masks tokens; the body contains them in clear.
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
      body: Option.match(parseJson(body), { onNone: () => body, onSome: mask }),
      attempts
    }
  }
}

/**
 * Decides whether an attempt settled its request.
 *
 * Only this function and `failure.fromStatus`, which makes errors, interpret a status.
 *
 * @internal
 */
export const settle = (
  request: SuprsendClient.Request,
  outcome: Outcome,
  attempts: number,
  now: number
): Either.Either<Response, failure.Failed> => {
  if (!(outcome instanceof Answered)) return Either.left(outcome)
  const { body, head, incomplete } = outcome
  const { status } = head
  if (status < 200 || status >= 300) {
    const retryAfter = RetryPolicy.parseRetryAfter(head.headers, now)
    return Either.left(failure.fromStatus(status, retryAfter, body))
  }
  if (isPage(outcome)) {
    return Either.left(failure.unexpected(status, body, "it is an HTML page"))
  }
  const { expected, ignoreBody = false } = request
  const isDocumented = hasDocumentedStatus(request, outcome)
  // If only the status counts, a truncated or endless body must not cause a retry of an accepted
  // request.
  if (incomplete !== undefined && !(ignoreBody && isDocumented)) return Either.left(incomplete)
  if (isDocumented || expected?.body?.(body) === true) {
    return Either.right(new Response(head, incomplete === undefined ? body : "", attempts))
  }
  return Either.left(failure.unexpected(status, body, `the documented status is ${expected?.status}`))
}

/**
 * Checks whether something other than SuprSend responded: a login page, a proxy, another server.
 *
 * @internal
 */
export const isForeign = (request: SuprsendClient.Request, answered: Answered): boolean => {
  const { body, head: { status } } = answered
  return isPage(answered) || (status >= 200 && status < 300 && !hasDocumentedStatus(request, answered) &&
    request.expected?.body?.(body) !== true)
}

const hasDocumentedStatus = ({ expected }: SuprsendClient.Request, { head }: Answered): boolean =>
  expected === undefined || expected.status === head.status

const isPage = ({ body, head }: Answered): boolean =>
  /^\s*(text\/html|application\/xhtml\+xml)\b/i.test(head.contentType ?? head.headers["content-type"] ?? "") ||
  failure.isMarkup(body)

/**
 * Sends a request about one user: validates the id first, and interprets its 404.
 *
 * @internal
 */
export const ofUser = <A>(
  call: string,
  distinctId: string,
  execute: (id: string) => Effect.Effect<A, RequestError>
): Effect.Effect<A, InvalidDistinctId | SuprsendUserNotFound | RequestError> =>
  Effect.flatMap(validate.distinctId(call, distinctId), (id) => notFound(call, id)(execute(id)))

/**
 * Converts a 404 for a missing user to its own error.
 *
 * @internal
 */
export const notFound =
  (call: string, distinctId: string, isUser: (error: SuprsendRejected) => boolean = isUserNotFound) =>
  <A>(effect: Effect.Effect<A, RequestError>): Effect.Effect<A, SuprsendUserNotFound | RequestError> =>
    Effect.catchTag(effect, "SuprsendRejected", (error) =>
      Effect.fail(
        isUser(error)
          ? new SuprsendUserNotFound({ call, distinctId, attempts: error.attempts, serverMessage: error.serverMessage })
          : error
      ))

/**
 * Checks whether SuprSend reports that a user does not exist.
 *
 * It matches the documented message, because a 404 of a proxy, or for a tenant or category, says
 * nothing about a user.
 *
 * @internal
 */
export const isUserNotFound = ({ serverMessage = "", status }: SuprsendRejected): boolean =>
  status === 404 && namesUser.test(serverMessage) && saysMissing.test(serverMessage) &&
  !/^\W*(tenant|category)\b/i.test(serverMessage)

// Matches a word, not a part of the path that a proxy echoes.
const namesUser = /(?:^|[^/\w-])(?:user|distinct_id|from_user_id)\b(?![/-])/i

const saysMissing = /\b(?:not found|no such|not exist)\b/i

/**
 * Checks whether SuprSend reports that a user does not exist, or does not belong to the tenant.
 *
 * For a deletion, both mean that it is done.
 *
 * @internal
 */
export const isGone = (error: SuprsendRejected): boolean =>
  isUserNotFound(error) || (error.status === 404 && /^\W*tenant\b.*\bnot found\b/i.test(error.serverMessage ?? ""))

/**
 * The documented response of `POST /event/`: 202, or the text "OK".
 *
 * @internal
 */
export const eventAccepted: SuprsendClient.Expected = { status: 202, body: (body) => /^\s*"?OK"?\s*$/.test(body) }

/**
 * Decodes the response of a request.
 *
 * @internal
 */
export const read =
  <A>(call: string, decode: Decode<A>) =>
  <E, R>(effect: Effect.Effect<SuprsendClient.Response, E, R>): Effect.Effect<A, E | SuprsendUnexpectedResponse, R> =>
    Effect.flatMap(effect, ({ attempts, body, status }): Either.Either<A, SuprsendUnexpectedResponse> => {
      const json = parseJson(body)
      const decoded = Option.isSome(json) ? decode(json.value) : Either.left(issue([], "must be JSON"))
      return Either.mapLeft(
        decoded,
        (issue) => new SuprsendUnexpectedResponse({ call, status, attempts, applied: "unknown", issues: [issue] })
      )
    })
