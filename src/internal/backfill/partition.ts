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
 * What ends the work on a partition from outside.
 *
 * @internal
 */
export interface Stop {
  /** Stops it gracefully: requests in flight have the grace to end, and what they did is saved. */
  readonly stopped: Deferred.Deferred<void>
  /** The process is about to end: it must not wait long for the ledger. */
  readonly interrupted: Deferred.Deferred<void>
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
 * How long a run that is interrupted waits for the ledger, if that does not respond.
 *
 * @internal
 */
export const longestWait = Duration.seconds(10)

/** How many batches are sent again at once. While that many fail, no others are sent. */
const maximumResends = 4

/**
 * Sends the records of a claimed partition from its cursor on, and saves how far it has come.
 *
 * @internal
 */
export const run = <E, R>(
  job: Backfill<E, R>,
  claim: Claim,
  { ledger, users }: Services,
  settings: Settings,
  { interrupted, stopped }: Stop
): Effect.Effect<Ended, E | RunError, R> =>
  Effect.scoped(Effect.gen(function*() {
    const { claimTimeout, concurrency, grace } = settings
    const window = new Window()
    const ending = new Ending(yield* Deferred.make<void>())
    const outcomes = new Outcomes(window, ending)
    const { maySave, saveIfDue, saveLast, whenRoom } = yield* checkpoints.make(claim, ledger, window, ending, settings)
    const sendAgain = resend.make(claim, users, outcomes, ending, settings)

    const fork = (effect: Effect.Effect<unknown>) => Effect.forkScoped(Effect.interruptible(effect))

    yield* fork(Effect.zipRight(Deferred.await(stopped), ending.stop))

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
        fork(Effect.zipRight(
          Effect.ensuring(ending.orStop(sendAgain(failed)), resends.release(1)),
          // A stopped run saves its last checkpoint, and waits for no other.
          Effect.suspend(() => ending.isStopping ? Effect.void : ending.orStop(saveIfDue))
        ))
      )

    /** Gives up a save after an interruption: a process that was told to end is soon killed. */
    const inTime = (saving: Effect.Effect<void, SuprsendLedgerError>) =>
      Effect.raceFirst(
        saving,
        Deferred.await(interrupted).pipe(
          Effect.zipRight(Effect.sleep(longestWait)),
          Effect.zipRight(
            new SuprsendLedgerError({
              operation: "save the last checkpoint",
              description: `No response within ${Duration.format(longestWait)}`
            })
          ),
          Effect.tapError((error) =>
            Effect.logWarning(
              `backfill: partition ${claim.partition} of ${job.name}: ${error.message}. The next run may send the ` +
                "records since the checkpoint before again, with the same insert ids"
            )
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
    yield* inTime(saveLast(isComplete))
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
