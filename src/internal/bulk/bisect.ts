import * as Effect from "effect/Effect"
import type { RequestError } from "../../SuprsendError.js"

/**
 * Checks whether an error may concern a single record, or the size of the request.
 *
 * Bisecting the batch finds out.
 *
 * @internal
 */
export const mayBlameOne = (error: RequestError): boolean =>
  error._tag === "SuprsendRejected" && (error.status === 400 || error.status === 413 || error.status === 422)

/**
 * Sends both halves of a range, one after the other.
 *
 * @internal
 */
export const sendHalves = <E, R>(
  from: number,
  to: number,
  send: (from: number, to: number) => Effect.Effect<void, E, R>
): Effect.Effect<void, E, R> => {
  const middle = from + Math.ceil((to - from) / 2)
  return Effect.zipRight(send(from, middle), Effect.suspend(() => send(middle, to)))
}
