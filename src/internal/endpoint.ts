import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import type { SuprsendClient } from "../SuprsendClient.js"
import {
  type InvalidDistinctId,
  type RequestError,
  type SuprsendRejected,
  SuprsendUnexpectedResponse,
  SuprsendUserNotFound
} from "../SuprsendError.js"
import { parseJson } from "./answer.js"
import { type Decode, issue } from "./model.js"
import * as validate from "./validate.js"

/**
 * A request about one user: its id is checked before anything is sent, and its 404 says that there is no such user.
 *
 * @internal
 */
export const ofUser = <A>(
  call: string,
  distinctId: string,
  execute: (id: string) => Effect.Effect<A, RequestError>
): Effect.Effect<A, InvalidDistinctId | SuprsendUserNotFound | RequestError> =>
  Effect.flatMap(validate.distinctId(call, distinctId), (id) => notFound(call, id)(execute(id)))

/** @internal */
export const notFound =
  (call: string, distinctId: string, isUser: (error: SuprsendRejected) => boolean = () => true) =>
  <A>(effect: Effect.Effect<A, RequestError>): Effect.Effect<A, SuprsendUserNotFound | RequestError> =>
    Effect.catchTag(effect, "SuprsendRejected", (error) =>
      Effect.fail(
        error.status === 404 && isUser(error)
          ? new SuprsendUserNotFound({ call, distinctId, attempts: error.attempts, serverMessage: error.serverMessage })
          : error
      ))

/**
 * Whether a 404 means the user, and not the category or the tenant beside it: the vendor documents the words of each.
 *
 * @internal
 */
export const meansUser = (error: SuprsendRejected): boolean => !/^(category|tenant) /.test(error.serverMessage ?? "")

/**
 * Reads what a request answered with.
 *
 * @internal
 */
export const read =
  <A>(call: string, decode: Decode<A>) =>
  <E, R>(effect: Effect.Effect<SuprsendClient.Response, E, R>): Effect.Effect<A, E | SuprsendUnexpectedResponse, R> =>
    Effect.flatMap(effect, ({ attempts, body, status }): Either.Either<A, SuprsendUnexpectedResponse> => {
      const json = parseJson(body)
      const decoded = Option.isSome(json) ? decode(json.value) : Either.left(issue([], "it must be JSON"))
      return Either.mapLeft(
        decoded,
        (issue) => new SuprsendUnexpectedResponse({ call, status, attempts, issues: [issue] })
      )
    })
