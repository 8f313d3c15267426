import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Bulk from "../Bulk.js"
import type { SuprsendClient } from "../SuprsendClient.js"
import type { RequestError, SuprsendUnauthorized } from "../SuprsendError.js"
import { outcomeOf, settings } from "./bulk.js"
import { isUserNotFound } from "./client/response.js"
import { totals } from "./report.js"
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
    /** True if a user that is not found, after an attempt whose answer was lost, is one for whom it was done. */
    readonly goneIsDone?: boolean
  } = {}
): Effect.Effect<Bulk.BulkIdReport> =>
  Effect.flatMap(settings(client, options), ({ concurrency }) => {
    const failedRecords: Array<Bulk.FailedId> = []
    const valid: Array<string> = []
    let success = 0
    let refused: SuprsendUnauthorized | undefined

    for (const id of ids) {
      Either.match(validate.distinctId(call, id), {
        onLeft: (error) => failedRecords.push({ outcome: "rejected", distinctId: id, error }),
        onRight: (id) => valid.push(id)
      })
    }

    const fail = (ids: ReadonlyArray<string>, outcome: Bulk.FailedId["outcome"], error: RequestError) => {
      for (const distinctId of ids) failedRecords.push({ outcome, distinctId, error })
      return Effect.void
    }

    const succeed = (ids: ReadonlyArray<string>) => {
      success += ids.length
      return Effect.void
    }

    // `uncertain`: whether a request that held these ids, and was halved, may have been carried out.
    const send = (ids: ReadonlyArray<string>, uncertain: boolean): Effect.Effect<void> =>
      Effect.suspend(() =>
        refused !== undefined ? fail(ids, uncertain ? "unknown" : "unsent", refused) : Effect.matchEffect(
          client.execute({ call, ...request(ids) }),
          {
            onSuccess: () => succeed(ids),
            onFailure: (error) => {
              if (error._tag === "SuprsendUnauthorized") refused = error
              const lost = uncertain || error.applied === "unknown"
              if (blamesOneId(error) && ids.length > 1) {
                const middle = Math.ceil(ids.length / 2)
                return Effect.zipRight(send(ids.slice(0, middle), lost), send(ids.slice(middle), lost))
              }
              return options.goneIsDone === true && lost && error._tag === "SuprsendRejected" && isUserNotFound(error)
                ? succeed(ids)
                : fail(ids, lost ? "unknown" : outcomeOf(error), error)
            }
          }
        )
      )

    return Effect.forEach(Chunk.chunksOf(Chunk.unsafeFromArray(valid), maximumIds), (ids) => send([...ids], false), {
      concurrency,
      discard: true
    }).pipe(
      Effect.map((): Bulk.BulkIdReport => ({ ...totals(success, failedRecords.length), failedRecords }))
    )
  })

const blamesOneId = (error: RequestError): boolean =>
  error._tag === "SuprsendRejected" && (isUserNotFound(error) ||
    ((error.status === 400 || error.status === 413 || error.status === 422) &&
      !meansRest.test(error.serverMessage ?? "")))

// What is asked for, and not for whom: smaller requests would end the same.
const meansRest = /^\W*(category|categories|channel_preferences|tenant)\b|"(categories|channel_preferences)"/
