import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Bulk from "../Bulk.js"
import type { SuprsendClient } from "../SuprsendClient.js"
import type { RequestError } from "../SuprsendError.js"
import * as bulk from "./bulk.js"
import { isUserNotFound } from "./client/response.js"
import { IdReport } from "./report.js"
import { Signal } from "./signal.js"
import * as validate from "./validate.js"

// The vendor's words for lists of ids are "must contain at maximum 100 items" (its page on errors).
const maximumIds = 100

/**
 * Does something to any number of users, in requests of at most 100, and accounts for each of them. A request that is refused
 * for one of its users is halved until that one stands alone; when the credentials are refused, nothing more is sent.
 *
 * @internal
 */
export const run = (
  client: SuprsendClient.Service,
  call: string,
  ids: Iterable<string>,
  request: (distinctIds: ReadonlyArray<string>) => Omit<SuprsendClient.Request, "call">,
  options: Bulk.Options & {
    /** True if a user that is not found, after an attempt whose response was lost, is one for whom it was done. */
    readonly goneIsDone?: boolean
  } = {}
): Effect.Effect<Bulk.BulkIdReport> =>
  Effect.flatMap(bulk.settings(client, options), ({ concurrency }) => {
    const failedRecords: Array<Bulk.FailedId> = []
    const valid: Array<Placed> = []
    // Ends the requests that wait for a slot or for their next attempt.
    const abortWaiting = new Signal()
    let success = 0
    let total = 0
    let halted: bulk.Halt | undefined

    for (const id of ids) {
      const index = total++
      Either.match(validate.distinctId(call, id), {
        onLeft: (error) => failedRecords.push({ outcome: "invalid", index, distinctId: id, error }),
        onRight: (distinctId) => valid.push({ distinctId, index })
      })
    }

    const fail = (ids: ReadonlyArray<Placed>, outcome: Bulk.FailedId["outcome"], error: RequestError) => {
      for (const { distinctId, index } of ids) failedRecords.push({ outcome, index, distinctId, error })
      return Effect.void
    }

    const succeed = (ids: ReadonlyArray<Placed>) => {
      success += ids.length
      return Effect.void
    }

    // `uncertain`: whether a request that held these ids, and was halved, may have been applied.
    const send = (ids: ReadonlyArray<Placed>, uncertain: boolean): Effect.Effect<void> =>
      Effect.suspend(() => {
        if (halted !== undefined) {
          return fail(ids, uncertain ? "unknown" : "unsent", halted(uncertain ? "unknown" : "no"))
        }
        const onError = (error: RequestError): Effect.Effect<void> => {
          const reason = bulk.haltedBy(error, call, false)
          if (reason !== undefined && halted === undefined) {
            halted = reason
            abortWaiting.give()
          }
          const lost = uncertain || error.applied === "unknown"
          if (blamesOneId(error) && ids.length > 1) {
            const middle = Math.ceil(ids.length / 2)
            return Effect.zipRight(send(ids.slice(0, middle), lost), send(ids.slice(middle), lost))
          }
          if (options.goneIsDone === true && lost && error._tag === "SuprsendRejected" && isUserNotFound(error)) {
            return succeed(ids)
          }
          const because = halted !== undefined && bulk.isInterruption(error) && !lost ? halted("no") : error
          return fail(ids, lost ? "unknown" : bulk.outcomeOf(error), because)
        }
        return Effect.matchCauseEffect(
          client.execute({ call, ...request(ids.map(({ distinctId }) => distinctId)), giveUpWaiting: abortWaiting }),
          {
            onSuccess: () => succeed(ids),
            onFailure: (cause) =>
              Either.match(Cause.failureOrCause(cause), {
                onLeft: onError,
                onRight: (cause) =>
                  Cause.isInterruptedOnly(cause)
                    ? onError(bulk.interrupted(call, "unknown", "the client was closed"))
                    : Effect.failCause(cause)
              })
          }
        )
      })

    return Effect.forEach(Chunk.chunksOf(Chunk.unsafeFromArray(valid), maximumIds), (ids) => send([...ids], false), {
      concurrency,
      discard: true
    }).pipe(
      Effect.map((): Bulk.BulkIdReport => new IdReport(success, failedRecords))
    )
  })

/** An id and its place among those that were given. */
interface Placed {
  readonly distinctId: string
  readonly index: number
}

const blamesOneId = (error: RequestError): boolean =>
  error._tag === "SuprsendRejected" && (isUserNotFound(error) ||
    ((error.status === 400 || error.status === 413 || error.status === 422) &&
      !meansRest.test(error.serverMessage ?? "")))

// What is asked for, and not for whom: smaller requests would end the same.
const meansRest = /^\W*(category|categories|channel_preferences|tenant)\b|"(categories|channel_preferences)"/
