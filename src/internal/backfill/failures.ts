import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Backfill from "../../Backfill.js"
import { SuprsendBackfillNotFound, type SuprsendLedgerError } from "../../BackfillError.js"
import { BackfillLedger } from "../../BackfillLedger.js"
import * as Bulk from "../../Bulk.js"
import { UserEditSchema } from "../../UserEdit.js"
import { UsersService } from "../../UsersService.js"
import * as spans from "../telemetry/span.js"
import { decide } from "./decision.js"
import { isValidName } from "./job.js"
import type { StoredFailure } from "./ledger/ledger.js"

const decodeEdit = Schema.decode(Schema.parseJson(UserEditSchema))

const record = ({ edit, failedAt, insertId, key, message, outcome, partition, type }: StoredFailure) =>
  Effect.map(
    // The ledger encoded it.
    Effect.orDie(decodeEdit(edit)),
    (edit): Backfill.FailedRecord => ({
      key,
      partition,
      outcome,
      insertId,
      edit,
      error: { type, message },
      failedAt
    })
  )

const pageSize = 1_000

const isStopped = (failed: Bulk.FailedRecord): boolean => {
  const { _tag } = decide(failed)
  return _tag === "halt" || _tag === "leave"
}

/** Streams the failures as the ledger stores them, page by page. */
const stored = (name: string) =>
  Stream.unwrap(Effect.gen(function*() {
    const { ledger } = yield* BackfillLedger
    if (!isValidName(name) || Option.isNone(yield* ledger.find(name))) {
      return yield* new SuprsendBackfillNotFound({ backfill: name })
    }
    return Stream.paginateChunkEffect(undefined as string | undefined, (after) =>
      Effect.map(ledger.failures(name, after, pageSize), (rows) => {
        const last = rows[rows.length - 1]
        const next: Option.Option<string | undefined> = last === undefined || rows.length < pageSize
          ? Option.none()
          : Option.some(last.key)
        return [Chunk.unsafeFromArray(rows), next] as const
      }))
  }))

/** @internal */
export const failed = (
  name: string
): Stream.Stream<Backfill.FailedRecord, SuprsendBackfillNotFound | SuprsendLedgerError, BackfillLedger> =>
  Stream.mapEffect(stored(name), record)

/** @internal */
export const retry = (
  name: string
): Effect.Effect<
  Bulk.BulkReport,
  SuprsendBackfillNotFound | SuprsendLedgerError,
  UsersService | BackfillLedger
> =>
  Effect.gen(function*() {
    const { ledger } = yield* BackfillLedger
    const users = yield* UsersService
    return yield* failed(name).pipe(
      Stream.filter(({ outcome }) => outcome !== "invalid"),
      Stream.grouped(pageSize),
      Stream.mapEffect((chunk) => {
        const records = Chunk.toReadonlyArray(chunk)
        return users.bulkEdit(records.map(({ edit }) => edit)).pipe(
          Effect.tap((report) => {
            const failures = new Map(report.failedRecords.map((failed) => [failed.index, failed]))
            return ledger.settle(name, {
              accepted: records.flatMap(({ key }, index) => failures.has(index) ? [] : [key]),
              failed: [...failures].flatMap(([index, failed]) => {
                const record = records[index]
                // What stops all records says nothing about this one.
                if (record === undefined || isStopped(failed)) return []
                const { error, outcome } = failed
                // An earlier attempt may still have been applied.
                const certain = record.outcome === "unknown" ? record.outcome : outcome
                return [{ key: record.key, outcome: certain, type: error._tag, message: error.message }]
              })
            })
          })
        )
      }),
      Stream.takeUntil((report) => report.failedRecords.some(isStopped)),
      Stream.runFold(Bulk.empty, Bulk.combine)
    )
  }).pipe(spans.around("Backfill.retryFailed", { "suprsend.backfill.name": name }))
