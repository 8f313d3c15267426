import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { Backfill } from "../../Backfill.js"
import { type RunError, SuprsendBackfillHalted, SuprsendLedgerError } from "../../BackfillError.js"
import type * as Bulk from "../../Bulk.js"
import type { UsersService } from "../../UsersService.js"
import * as spans from "../telemetry/span.js"
import * as checkpoints from "./checkpoints.js"
import { Ending, problemOf } from "./ending.js"
import { inParts } from "./inParts.js"
import type { Claim, Ledger } from "./ledger/ledger.js"
import { Outcomes } from "./outcomes.js"
import * as resend from "./resend.js"
import { Window } from "./window.js"

/** @internal */
export type Settings = checkpoints.Settings & resend.Settings

/** @internal */
export interface Services {
  readonly users: UsersService.Service
  readonly ledger: Ledger
}

/**
 * The end of work on a partition: it is done, it was stopped, or its claim was lost.
 *
 * @internal
 */
export type Ended = "done" | "stopped" | "lost"

/** How often a claim is extended, what can be saved is saved, and a pause is noticed. */
const longestBeat = Duration.seconds(2)

/**
 * How long a run that is stopped waits for the ledger, if it is unavailable.
 *
 * @internal
 */
export const longestWait = Duration.seconds(5)

/** How many batches are sent again at once. While that many fail, no others are sent. */
const maximumResends = 4

/**
 * Sends the records of a claimed partition from its cursor on, and saves how far it has come.
 *
 * `stop` ends it gracefully: requests in flight have the grace to end, and what they did is saved.
 *
 * @internal
 */
export const run = <E, R>(
  job: Backfill<E, R>,
  claim: Claim,
  { ledger, users }: Services,
  settings: Settings,
  stop: Deferred.Deferred<void>
): Effect.Effect<Ended, E | RunError, R> =>
  Effect.scoped(Effect.gen(function*() {
    const { claimTimeout, concurrency, grace } = settings
    const window = new Window()
    const ending = new Ending(yield* Deferred.make<void>())
    const outcomes = new Outcomes(window, ending)
    const { maySave, saveIfDue, saveLast, whenRoom } = yield* checkpoints.make(claim, ledger, window, ending, settings)
    const sendAgain = resend.make(claim, users, outcomes, ending, settings)

    /** Runs an effect in the background. */
    const fork = (effect: Effect.Effect<unknown>) => Effect.forkScoped(Effect.interruptible(effect))

    yield* fork(Effect.zipRight(Deferred.await(stop), ending.stop))

    const extend = Effect.suspend(() =>
      Effect.flatMap(ledger.extend(claim, claimTimeout, ending.problem), (state) => ending.heed(state))
    )
    const beat = Duration.min(Duration.times(claimTimeout, 1 / 3), longestBeat)
    yield* fork(ending.orStop(Effect.schedule(Effect.zipRight(saveIfDue, extend), Schedule.spaced(beat))))

    // Requests go on while a checkpoint is saved.
    const saveMeanwhile = Effect.suspend(() => maySave() ? fork(ending.orStop(saveIfDue)) : Effect.void)

    // A batch that alone fails must not keep the others waiting, whose acceptances tell it from an
    // outage.
    const resends = yield* Effect.makeSemaphore(maximumResends)
    const sendAgainMeanwhile = (failed: ReadonlyArray<Bulk.FailedRecord>) =>
      Effect.zipRight(
        resends.take(1),
        fork(Effect.ensuring(
          ending.orStop(Effect.zipRight(sendAgain(failed), saveIfDue)),
          resends.release(1)
        ))
      )

    /** Gives up an operation for which a stopped process has no time. */
    const inTime = (saving: Effect.Effect<void, SuprsendLedgerError>) =>
      saving.pipe(
        Effect.timeoutFail({
          duration: longestWait,
          onTimeout: () =>
            new SuprsendLedgerError({
              operation: "save the last checkpoint",
              description: `No response within ${Duration.format(longestWait)}`
            })
        }),
        Effect.tapError((error) =>
          Effect.logWarning(
            `backfill: partition ${claim.partition} of ${job.name}: ${error.message}. The next run sends the records ` +
              "since the checkpoint before again, with the same insert ids"
          )
        )
      )

    let haveRowsEnded = false
    const edits = job.source.read(claim.range, claim.cursor, {
      through: (rows) =>
        Stream.concat(
          inParts(rows, whenRoom),
          Stream.execute(Effect.sync(() => {
            haveRowsEnded = true
          }))
        ),
      add: (key, cursor) => window.add(key, cursor)
    })
    const stopWhen = Deferred.await(ending.stopped)
    const sent = yield* users.bulkEditStream(edits, { concurrency, grace, stopWhen }).pipe(
      Stream.runForEach((outcome) =>
        Effect.suspend(() => {
          const again = outcomes.settle(outcome, (index) => index)
          if (ending.halted !== undefined) return ending.stop
          return again.length === 0 ? saveMeanwhile : Effect.zipRight(sendAgainMeanwhile(again), saveMeanwhile)
        })
      ),
      Effect.exit
    )
    if (Exit.isFailure(sent)) yield* ending.stop
    yield* resends.take(maximumResends)

    // All rows were read and have an edit. Not if one is invalid.
    const isComplete = haveRowsEnded && Exit.isSuccess(sent)
    const failure = Exit.isFailure(sent) ? sent.cause : ending.broken
    ending.problem = ending.halted?.message ?? (failure === undefined ? undefined : problemOf(failure))
    yield* (yield* Deferred.isDone(stop)) ? inTime(saveLast(isComplete)) : saveLast(isComplete)
    yield* sent
    if (ending.broken !== undefined) return yield* Effect.failCause(ending.broken)
    if (ending.isLost) return "lost"
    if (ending.halted !== undefined) {
      const { halted: error } = ending
      return yield* new SuprsendBackfillHalted({ backfill: job.name, partition: claim.partition, error })
    }
    return isComplete && window.size === 0 ? "done" : "stopped"
  })).pipe(
    spans.around("Backfill.partition", {
      "suprsend.backfill.name": job.name,
      "suprsend.backfill.partition": claim.partition
    })
  )
