import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Backfill } from "../../Backfill.js"
import { type RunError, SuprsendBackfillHalted, type SuprsendLedgerError } from "../../BackfillError.js"
import type * as Bulk from "../../Bulk.js"
import type { RequestError } from "../../SuprsendError.js"
import { UserEditSchema } from "../../UserEdit.js"
import type { UsersService } from "../../UsersService.js"
import { mayBlameOne } from "../bulk/bisect.js"
import { count } from "../support/format.js"
import * as spans from "../telemetry/span.js"
import type { Claim, FailureRow, Ledger, WantedState } from "./ledger/ledger.js"
import { Window } from "./window.js"

/** @internal */
export interface Settings {
  readonly checkpointInterval: Duration.Duration
  readonly claimTimeout: Duration.Duration
  readonly grace: Duration.Duration
  readonly concurrency: number | undefined
  readonly retry: Schedule.Schedule<unknown>
}

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

/** The records that are read ahead of the last checkpoint, so that memory stays flat. */
const maximumWindow = 300_000

/** How often a claim is extended, what can be saved is saved, and a pause is noticed. */
const longestBeat = Duration.seconds(2)

/** How many batches are sent again at once. While that many fail, no others are sent. */
const maximumResends = 4

/** The records that make a checkpoint before its interval is over. */
const checkpointRecords = 100_000

/**
 * What to do with a failed record:
 *
 * - `record` it, because it fails for a reason of its own;
 * - `retry` it, because the service was unavailable;
 * - `halt`, because all other records would fail in the same way;
 * - `leave` it, because the run was stopped. The next run reads it again.
 */
type Decision =
  | { readonly _tag: "record" }
  | { readonly _tag: "retry" }
  | { readonly _tag: "halt" | "leave"; readonly error: RequestError }

/** @internal */
export const decide = ({ error, outcome }: Bulk.FailedRecord): Decision => {
  switch (error._tag) {
    case "InvalidUserEdit":
      return { _tag: "record" }
    case "SuprsendRejected":
      return mayBlameOne(error) ? { _tag: "record" } : { _tag: "halt", error }
    case "SuprsendRateLimited":
      return { _tag: "retry" }
    case "SuprsendUnavailable":
      if (error.reason === "Interrupted") return { _tag: "leave", error }
      if (error.retryable) return { _tag: "retry" }
      return outcome === "unknown" ? { _tag: "record" } : { _tag: "halt", error }
    case "SuprsendUnauthorized":
    case "SuprsendUnexpectedResponse":
      return { _tag: "halt", error }
  }
}

/** Whether SuprSend, or something in between, responded with an error of the server. */
const hasStatus = ({ error }: Bulk.FailedRecord): boolean =>
  error._tag === "SuprsendUnavailable" && error.status !== undefined

/**
 * Describes a failure for an operator. It never throws.
 *
 * @internal
 */
export const problemOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  const text = error instanceof Error ? error.message || error.name : Inspectable.toStringUnknown(error, 0)
  return text.slice(0, maximumProblem)
}

const maximumProblem = 2_000

const encodeEdit = Schema.encodeSync(Schema.parseJson(UserEditSchema))

/**
 * Returns the row of a failure.
 *
 * @internal
 */
export const failureRow = (key: string, { edit, error, outcome }: Bulk.FailedRecord): FailureRow => ({
  key,
  insertId: edit.insertId ?? "",
  outcome,
  type: error._tag,
  message: error.message,
  edit: encodeEdit(edit)
})

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
  services: Services,
  settings: Settings,
  stop: Deferred.Deferred<void>
): Effect.Effect<Ended, E | RunError, R> =>
  Effect.scoped(Effect.gen(function*() {
    const { ledger, users } = services
    const { claimTimeout, concurrency, grace } = settings
    const window = new Window()
    const clock = yield* Effect.clock
    /** Runs an effect in the background. */
    const fork = <R>(effect: Effect.Effect<unknown, never, R>) => Effect.forkScoped(Effect.interruptible(effect))
    // Of this partition alone, because a lost claim does not end the others.
    const stopped = yield* Deferred.make<void>()
    let isStopping = false
    const stopNow = Effect.suspend(() => {
      isStopping = true
      return Deferred.succeed(stopped, undefined)
    })
    yield* fork(Effect.zipRight(Deferred.await(stop), stopNow))

    let isLost = false
    // Whether a checkpoint could not be saved, after which no later one can be.
    let isUnsaved = false
    let haveRowsEnded = false
    // Whether all rows were read and have an edit. Not if one is invalid.
    let isComplete = false
    let halted: RequestError | undefined
    let problem: string | undefined
    let broken: Cause.Cause<SuprsendLedgerError> | undefined
    // Tells a record that cannot be sent from an outage, where nothing can.
    let acceptances = 0

    const heed = (state: Option.Option<WantedState>) => {
      if (Option.isNone(state)) isLost = true
      return Option.contains(state, "running") ? Effect.void : stopNow
    }

    const room = yield* Effect.makeLatch(true)
    const saving = yield* Effect.makeSemaphore(1)
    let number = claim.checkpoints
    let savedAt = clock.unsafeCurrentTimeMillis()

    let isSaving = false
    // Whether the last checkpoint was saved, which ends the claim.
    let hasReleased = false

    const isDue = () =>
      window.ready >= checkpointRecords ||
      (window.ready > 0 && clock.unsafeCurrentTimeMillis() - savedAt >= Duration.toMillis(settings.checkpointInterval))

    const save = (ends: boolean) =>
      saving.withPermits(1)(Effect.suspend(() => {
        // It may have waited for another one, after which there is little to save.
        if (isLost || isUnsaved || hasReleased || !(ends || isDue())) return Effect.void
        const { cursor, failures, records } = window.take()
        savedAt = clock.unsafeCurrentTimeMillis()
        isSaving = true
        hasReleased = ends
        return ledger.save(claim, {
          number: number++,
          cursor,
          records,
          accepted: records - failures.length,
          failures,
          done: ends && isComplete && window.size === 0,
          releases: ends,
          problem,
          duration: claimTimeout
        }).pipe(
          Effect.tapErrorCause((cause) =>
            Effect.sync(() => {
              isUnsaved = true
              broken ??= cause
            })
          ),
          Effect.ensuring(Effect.sync(() => {
            isSaving = false
          })),
          Effect.flatMap(heed),
          Effect.zipRight(room.open)
        )
      }))

    // Does not wait for one that is being saved: the claim must be extended meanwhile.
    const maySave = () => !isSaving && isDue()
    const saveIfDue = Effect.suspend(() => maySave() ? save(false) : Effect.void)

    /** Stops the run if an effect fails. */
    const orStop = <R>(effect: Effect.Effect<unknown, SuprsendLedgerError, R>) =>
      Effect.catchAllCause(effect, (cause) => {
        broken ??= cause
        return stopNow
      })

    // Requests go on while a checkpoint is saved.
    const saveMeanwhile = () => maySave() ? fork(orStop(save(false))) : Effect.void

    const extend = Effect.suspend(() => Effect.flatMap(ledger.extend(claim, claimTimeout, problem), heed))

    yield* Effect.zipRight(saveIfDue, extend).pipe(
      Effect.schedule(Schedule.spaced(Duration.min(Duration.times(claimTimeout, 1 / 3), longestBeat))),
      orStop,
      fork
    )

    // While one checkpoint is saved, the next one must not become much larger.
    const hasRoom = () => window.size < maximumWindow && !(isSaving && window.ready >= checkpointRecords)
    const whenRoom: Effect.Effect<void> = Effect.suspend(() => {
      if (hasRoom()) return Effect.void
      room.unsafeClose()
      return Effect.zipRight(room.await, whenRoom)
    })
    const edits = job.source.read(claim.range, claim.cursor, {
      through: (rows) =>
        Stream.mapChunksEffect(rows, (chunk) => Effect.as(whenRoom, chunk)).pipe(
          Stream.concat(Stream.execute(Effect.sync(() => {
            haveRowsEnded = true
          })))
        ),
      add: (key, cursor) => window.add(key, cursor)
    })

    /** Takes note of an outcome, and returns the records to send again. */
    const settle = (
      { acceptedIndexes, failedRecords }: Bulk.BulkOutcome,
      indexOf: (index: number) => number
    ): ReadonlyArray<Bulk.FailedRecord> => {
      for (const index of acceptedIndexes) window.accepted(indexOf(index))
      acceptances += acceptedIndexes.length
      const again: Array<Bulk.FailedRecord> = []
      for (const failed of failedRecords) {
        const index = indexOf(failed.index)
        const decision = decide(failed)
        if (decision._tag === "record") window.failed(index, failureRow(window.keyAt(index), failed))
        else if (decision._tag === "retry") again.push({ ...failed, index })
        // If nothing stops the run, then the client was closed.
        else if (decision._tag === "halt" || !isStopping) halted ??= decision.error
      }
      return again
    }

    /** Sends records again, and returns those that the service was unavailable for. */
    const send = (records: ReadonlyArray<Bulk.FailedRecord>) => {
      const again: Array<Bulk.FailedRecord> = []
      return users.bulkEditStream(records.map(({ edit }) => edit), { concurrency }).pipe(
        Stream.runForEach((outcome) =>
          Effect.sync(() => {
            for (const failed of settle(outcome, (i) => records[i]?.index ?? 0)) again.push(failed)
          })
        ),
        Effect.as<ReadonlyArray<Bulk.FailedRecord>>(again)
      )
    }

    /**
     * Sends each half alone, and so on with those that fail. Returns what fails, which is everything
     * if the service is unavailable. Then only the first half is halved further.
     */
    const isolate = (records: ReadonlyArray<Bulk.FailedRecord>): Effect.Effect<ReadonlyArray<Bulk.FailedRecord>> =>
      Effect.gen(function*() {
        if (records.length < 2) return records
        const middle = Math.ceil(records.length / 2)
        const first = yield* send(records.slice(0, middle))
        const second = yield* send(records.slice(middle))
        if (halted !== undefined) return [...first, ...second]
        const failing = yield* isolate(first)
        const isAvailable = first.length + second.length < records.length || failing.length < first.length
        return [...failing, ...isAvailable ? yield* isolate(second) : second]
      })

    const sendAgain = (first: ReadonlyArray<Bulk.FailedRecord>) =>
      Effect.gen(function*() {
        let left = first
        let before = acceptances
        const attempt = Effect.gen(function*() {
          if (isStopping) return true
          // Only what is accepted after the last attempt tells this from an outage.
          before = acceptances
          problem = left[0]?.error.message
          yield* Effect.logWarning(
            `backfill: partition ${claim.partition} of ${job.name} sends ${
              count(left.length, "record")
            } again: ${problem}`
          )
          left = yield* send(left)
          return left.length === 0 || halted !== undefined
        })
        yield* attempt.pipe(
          Effect.filterOrFail((isSettled) => isSettled, () => "unavailable"),
          Effect.retry(settings.retry),
          Effect.catchAll(() =>
            Effect.map(isolate(left), (failing) => {
              left = failing
            })
          ),
          Effect.raceFirst(Deferred.await(stopped))
        )
        problem = undefined
        if (isStopping) return
        // The service responds to others, or responds to this one alone with an error.
        const isAvailable = acceptances > before || (left.length === 1 && left.every(hasStatus))
        for (const failed of halted === undefined ? left : []) {
          if (isAvailable) window.failed(failed.index, failureRow(window.keyAt(failed.index), failed))
          else if (failed.error._tag !== "InvalidUserEdit") halted ??= failed.error
        }
        yield* halted === undefined ? saveIfDue : stopNow
      })

    // A batch that alone fails must not keep the others waiting, whose acceptances tell it from an
    // outage.
    const resends = yield* Effect.makeSemaphore(maximumResends)
    const sendAgainMeanwhile = (failed: ReadonlyArray<Bulk.FailedRecord>) =>
      Effect.zipRight(
        resends.take(1),
        fork(Effect.ensuring(orStop(sendAgain(failed)), resends.release(1)))
      )

    const sent = yield* users.bulkEditStream(edits, { concurrency, grace, stopWhen: Deferred.await(stopped) }).pipe(
      Stream.runForEach((outcome) =>
        Effect.suspend(() => {
          const again = settle(outcome, (index) => index)
          if (halted !== undefined) return stopNow
          return again.length === 0
            ? saveMeanwhile()
            : Effect.zipRight(sendAgainMeanwhile(again), Effect.suspend(saveMeanwhile))
        })
      ),
      Effect.exit
    )
    if (Exit.isFailure(sent)) yield* stopNow
    isComplete = haveRowsEnded && Exit.isSuccess(sent)
    yield* resends.take(maximumResends)
    const failure = Exit.isFailure(sent) ? sent.cause : broken
    problem = halted?.message ?? (failure === undefined ? undefined : problemOf(failure))
    if (!isUnsaved && (Exit.isSuccess(sent) || !Cause.isInterruptedOnly(sent.cause))) yield* save(true)
    yield* sent
    if (broken !== undefined) return yield* Effect.failCause(broken)
    if (isLost) return "lost"
    if (halted !== undefined) {
      return yield* new SuprsendBackfillHalted({ backfill: job.name, partition: claim.partition, error: halted })
    }
    return isComplete && window.size === 0 ? "done" : "stopped"
  })).pipe(
    spans.around("Backfill.partition", {
      "suprsend.backfill.name": job.name,
      "suprsend.backfill.partition": claim.partition
    })
  )
