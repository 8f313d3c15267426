import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Bulk from "../../Bulk.js"
import type { UsersService } from "../../UsersService.js"
import { count } from "../support/format.js"
import type { Ending } from "./ending.js"
import type { Claim } from "./ledger/ledger.js"
import type { Outcomes } from "./outcomes.js"

/** @internal */
export interface Settings {
  readonly concurrency: number | undefined
  readonly grace: Duration.Duration
  readonly retry: Schedule.Schedule<unknown>
}

type Records = ReadonlyArray<Bulk.FailedRecord>

/** Whether SuprSend, or something in between, responded with an error of the server. */
const hasStatus = ({ error }: Bulk.FailedRecord): boolean =>
  error._tag === "SuprsendUnavailable" && error.status !== undefined

/**
 * Returns a function that sends records again, for which the service was unavailable, until it
 * accepts them or the retries end. It never fails.
 *
 * If the service accepts others meanwhile, then the records that still fail are stored as failed.
 * Otherwise all records would fail, and the work ends.
 *
 * @internal
 */
export const make = (
  claim: Claim,
  users: UsersService.Service,
  outcomes: Outcomes,
  ending: Ending,
  { concurrency, grace, retry }: Settings
) => {
  const stopWhen = Deferred.await(ending.stopped)

  /**
   * Sends records once, and returns those that the service was unavailable for. A stop lets requests
   * in flight end within the grace.
   */
  const send = (records: Records) => {
    const again: Array<Bulk.FailedRecord> = []
    return users.bulkEditStream(records.map(({ edit }) => edit), { concurrency, grace, stopWhen }).pipe(
      Stream.runForEach((outcome) =>
        Effect.sync(() => {
          for (const failed of outcomes.settle(outcome, (i) => records[i]?.index ?? 0)) again.push(failed)
        })
      ),
      Effect.as<Records>(again),
      Effect.uninterruptible
    )
  }

  /**
   * Sends each half alone, and so on with those that fail. Returns what fails, which is everything
   * if the service is unavailable. Then only the first half is halved further.
   */
  const isolate = (records: Records): Effect.Effect<Records> =>
    Effect.gen(function*() {
      if (records.length < 2) return records
      const middle = Math.ceil(records.length / 2)
      const first = yield* send(records.slice(0, middle))
      const second = yield* send(records.slice(middle))
      if (ending.halted !== undefined) return [...first, ...second]
      const failing = yield* isolate(first)
      const isAvailable = first.length + second.length < records.length || failing.length < first.length
      return [...failing, ...isAvailable ? yield* isolate(second) : second]
    })

  return (records: Records): Effect.Effect<void> =>
    Effect.gen(function*() {
      let left = records
      let before = outcomes.accepted
      const attempt = Effect.gen(function*() {
        if (ending.isStopping) return true
        // Only what is accepted after the last attempt tells this from an outage.
        before = outcomes.accepted
        ending.problem = left[0]?.error.message
        yield* Effect.logWarning(
          `backfill: partition ${claim.partition} of ${claim.job} sends ${
            count(left.length, "record")
          } again: ${ending.problem}`
        )
        left = yield* send(left)
        return left.length === 0 || ending.halted !== undefined
      })
      yield* attempt.pipe(
        Effect.filterOrFail((isSettled) => isSettled, () => "unavailable"),
        Effect.retry(retry),
        Effect.catchAll(() =>
          Effect.map(isolate(left), (failing) => {
            left = failing
          })
        ),
        Effect.raceFirst(stopWhen)
      )
      ending.problem = undefined
      if (ending.isStopping) return
      // The service responds to others, or responds to this one alone with an error.
      const isAvailable = outcomes.accepted > before || (left.length === 1 && left.every(hasStatus))
      for (const failed of ending.halted === undefined ? left : []) {
        if (isAvailable) outcomes.failed(failed)
        else if (failed.error._tag !== "InvalidUserEdit") ending.halted ??= failed.error
      }
      if (ending.halted !== undefined) yield* ending.stop
    })
}
