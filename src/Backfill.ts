/**
 * Backfills: edits for every row of a source, which survive crashes, deployments and outages.
 *
 * A backfill is a value: a name, a source of rows in an order, and a function from a row to an
 * edit. `run` sends the edits, and keeps in a ledger how far it has come. When it is run again, it
 * goes on where it stopped. Each record has an insert id that is derived from the name and the
 * record's key, so SuprSend applies it once, however often it is sent.
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import * as Backfill from "effect-suprsend/Backfill"
 * import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { edit, set } from "effect-suprsend/UserEdit"
 *
 * const users = Array.from({ length: 10_000 }, (_, n) => ({ id: `user-${String(n).padStart(5, "0")}`, plan: "pro" }))
 *
 * const plans = Backfill.make({
 *   name: "plans-2026",
 *   rows: (after) => Stream.fromIterable(users.filter(({ id }) => after === undefined || id > after)),
 *   key: (user) => user.id,
 *   edit: (user) => set(edit(user.id), "plan", user.plan)
 * })
 *
 * const program = Backfill.run(plans).pipe(
 *   Effect.tap((status) => Effect.log(status)),
 *   Effect.provide(Suprsend.layerConfig()),
 *   Effect.provide(BackfillLedgerPGlite.layer({ directory: "./backfill" }))
 * )
 * ```
 *
 * Backfills need optional peer dependencies: see `BackfillLedgerPGlite`, which keeps the ledger in
 * a directory, `BackfillLedger`, which keeps it in your PostgreSQL, and `BackfillWorkflow`, which
 * places the partitions on a cluster.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Inspectable from "effect/Inspectable"
import type * as Option from "effect/Option"
import type { Pipeable } from "effect/Pipeable"
import type * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Stream from "effect/Stream"
import type { RunError, SuprsendBackfillNotFound, SuprsendBackfillState, SuprsendLedgerError } from "./BackfillError.js"
import type { BackfillLedger } from "./BackfillLedger.js"
import type * as Bulk from "./Bulk.js"
import * as control from "./internal/backfill/control.js"
import * as failures from "./internal/backfill/failures.js"
import * as internal from "./internal/backfill/job.js"
import * as runs from "./internal/backfill/run.js"
import * as statuses from "./internal/backfill/status.js"
import type { UserEdit } from "./UserEdit.js"
import type { UsersService } from "./UsersService.js"

/**
 * Identifies a backfill, across all copies of this package.
 *
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = internal.TypeId

/**
 * The type of {@link TypeId}.
 *
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * The definition of a backfill. `E` and `R` are the errors and requirements of its source.
 *
 * @since 0.1.0
 * @category models
 */
export interface Backfill<out E = never, out R = never> extends Pipeable, Inspectable.Inspectable {
  readonly [TypeId]: {
    readonly _E: (_: never) => E
    readonly _R: (_: never) => R
  }
  readonly name: string
  readonly version: string
  /** @internal */
  readonly source: internal.Source<E, R>
}

/**
 * How rows become edits.
 *
 * @since 0.1.0
 * @category models
 */
export interface Records<Row> {
  /**
   * Returns the key of a row, such as its primary key. It must differ for each row of the backfill,
   * and have at most 1,024 bytes.
   *
   * The insert id of the row's edit is derived from it. The ledger stores it for failed records,
   * and as the cursor.
   */
  readonly key: (row: Row) => string
  /**
   * Returns the cursor of a row, if it is not the key.
   *
   * It is what `rows` needs to go on after this row, such as an offset in a file.
   */
  readonly cursor?: ((row: Row) => string) | undefined
  /**
   * Returns the edit for a row.
   *
   * If the edit has an insert id of its own, that is used. If this function throws, the run dies.
   * The next run begins after the last checkpoint, which is before this row.
   */
  readonly edit: (row: Row) => UserEdit
}

interface Named {
  /**
   * The name of the backfill in the ledger, of at most 200 characters.
   *
   * A second run of the same name goes on where the first stopped. To send everything again, use
   * another name.
   */
  readonly name: string
  /**
   * The version of the definition.
   *
   * A backfill whose version changed is refused. So change it together with what `key`, `edit` or
   * `rows` mean, because functions cannot be compared.
   *
   * @default "1"
   */
  readonly version?: string | undefined
}

/**
 * Options of a backfill whose source is one sequence.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options<Row, E, R> extends Named, Records<Row> {
  /**
   * Streams the rows after a cursor, or all rows if it is undefined.
   *
   * The order must be the same each time. For a database, use {@link pages}.
   */
  readonly rows: (after: string | undefined) => Stream.Stream<Row, E, R>
  /** Counts the rows, so that the status shows the time left. */
  readonly total?: Effect.Effect<number, E, R> | undefined
}

/**
 * Options of a backfill whose source has many ranges, which are worked on at the same time.
 *
 * @since 0.1.0
 * @category models
 */
export interface PartitionedOptions<Range, I, Row, E, R> extends Named, Records<Row> {
  /** The schema of a range. Its JSON form is stored in the ledger. */
  readonly range: Schema.Schema<Range, I>
  /**
   * The ranges: a fixed list, or an effect that is run once, when the backfill is started.
   *
   * A fixed list that changed is refused. What an effect returned is stored, and used by all later
   * runs.
   */
  readonly partitions: ReadonlyArray<Range> | Effect.Effect<ReadonlyArray<Range>, E, R>
  /** Streams the rows of a range after a cursor, or all of them if it is undefined. */
  readonly rows: (range: Range, after: string | undefined) => Stream.Stream<Row, E, R>
  /** Counts the rows of a range, so that the status shows the time left. */
  readonly total?: ((range: Range) => Effect.Effect<number, E, R>) | undefined
}

/**
 * How to read pages of rows.
 *
 * @since 0.1.0
 * @category models
 */
export interface Pages<Row, E, R> {
  /** Returns the rows that follow a cursor, in their order. An empty page is the end. */
  readonly page: (after: string | undefined) => Effect.Effect<ReadonlyArray<Row>, E, R>
  /** Returns the cursor of a row: what `page` needs to go on after it. */
  readonly cursor: (row: Row) => string
}

/**
 * Options of a run. Durations are at most a day, and numbers at most 10,000.
 *
 * @since 0.1.0
 * @category models
 */
export interface RunOptions {
  /**
   * How many partitions this process works on at once.
   *
   * @default 4
   */
  readonly partitions?: number | undefined
  /**
   * How many requests each partition may have in flight.
   *
   * @default that of the layer, 128
   */
  readonly concurrency?: number | undefined
  /**
   * How often progress is saved.
   *
   * After a crash, the records since the last checkpoint are sent again, with the same insert ids.
   *
   * @default "1 second"
   */
  readonly checkpointInterval?: Duration.DurationInput | undefined
  /**
   * How long requests in flight may continue when the run is paused or interrupted.
   *
   * Requests that still wait for their first slot of the rate limit are not sent.
   *
   * @default "10 seconds"
   */
  readonly grace?: Duration.DurationInput | undefined
  /**
   * After how long another run takes over a partition whose runner no longer answers.
   *
   * @default "6 seconds"
   */
  readonly claimTimeout?: Duration.DurationInput | undefined
  /**
   * How to send records again while SuprSend is unavailable, after the retries of the client.
   *
   * When it ends and nothing was accepted since the last try, the run fails with
   * `SuprsendBackfillHalted`. Otherwise the records that still fail are stored as failed.
   *
   * @default from 1 to 30 seconds, for 10 minutes
   */
  readonly retry?: Schedule.Schedule<unknown> | undefined
}

/**
 * The state of a backfill.
 *
 * "running" means that it is neither paused, cancelled nor completed. Whether a process works on it
 * is shown by the runners of its partitions.
 *
 * @since 0.1.0
 * @category models
 */
export type State = "running" | "paused" | "cancelled" | "completed"

/**
 * How far a backfill has come. It prints as one line.
 *
 * @since 0.1.0
 * @category models
 */
export interface Status extends Inspectable.Inspectable {
  readonly name: string
  readonly version: string
  readonly state: State
  readonly partitions: ReadonlyArray<PartitionStatus>
  /** The number of records that have an outcome. */
  readonly records: number
  readonly accepted: number
  /** The number of failed records, which `failed` streams. */
  readonly failed: number
  /** The number of all records, if the definition counts them. */
  readonly total: Option.Option<number>
  /** Records a second, over the last minute or since it was claimed; 0 without a runner. */
  readonly rate: number
  /** The time left at this rate, if the total is known and something is sent. */
  readonly timeLeft: Option.Option<Duration.Duration>
  readonly createdAt: Date
}

/**
 * How far a partition has come.
 *
 * @since 0.1.0
 * @category models
 */
export interface PartitionStatus {
  /** Its number, counted from 0. */
  readonly partition: number
  /** Its range as JSON. */
  readonly range: string
  /** The cursor of the last saved record. */
  readonly cursor: Option.Option<string>
  readonly done: boolean
  readonly records: number
  readonly accepted: number
  readonly failed: number
  readonly total: Option.Option<number>
  /** Records a second, over the last minute or since it was claimed; 0 without a runner. */
  readonly rate: number
  /** The process that works on it. */
  readonly runner: Option.Option<string>
  /** Why it waits or was stopped. It is none once a runner makes progress. */
  readonly problem: Option.Option<string>
}

/**
 * A failed record in the ledger.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailedRecord {
  readonly key: string
  readonly partition: number
  readonly outcome: Bulk.FailedOutcome
  readonly insertId: string
  /** The edit, with its insert id. */
  readonly edit: UserEdit
  readonly error: {
    /** The tag of the error, such as `SuprsendRejected`. */
    readonly type: string
    readonly message: string
  }
  readonly failedAt: Date
}

/**
 * Defines a backfill over one sequence of rows.
 *
 * @example
 * ```ts
 * import { SqlClient } from "@effect/sql"
 * import { Effect, Stream } from "effect"
 * import * as Backfill from "effect-suprsend/Backfill"
 * import { edit, set } from "effect-suprsend/UserEdit"
 *
 * const plans = Backfill.make({
 *   name: "plans-2026",
 *   rows: (after) =>
 *     Stream.unwrap(Effect.map(SqlClient.SqlClient, (sql) =>
 *       Backfill.pages(after, {
 *         page: (after) =>
 *           sql<{ id: string; plan: string }>`
 *             SELECT id, plan FROM users WHERE id > ${after ?? ""} ORDER BY id LIMIT 5000`,
 *         cursor: (user) => user.id
 *       }))),
 *   key: (user) => user.id,
 *   edit: (user) => set(edit(user.id), "plan", user.plan)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make: <Row, E = never, R = never>(options: Options<Row, E, R>) => Backfill<E, R> = internal.make

/**
 * Defines a backfill over ranges, which several processes can work on.
 *
 * @example
 * ```ts
 * import { Effect, Schema, Stream } from "effect"
 * import * as Backfill from "effect-suprsend/Backfill"
 * import { edit, set } from "effect-suprsend/UserEdit"
 *
 * declare const read: (file: string, after: string | undefined) => Stream.Stream<{ id: string; plan: string }>
 *
 * const plans = Backfill.makePartitioned({
 *   name: "plans-2026",
 *   range: Schema.String,
 *   partitions: ["users-1.ndjson", "users-2.ndjson"],
 *   rows: (file, after) => read(file, after),
 *   key: (user) => user.id,
 *   edit: (user) => set(edit(user.id), "plan", user.plan)
 * })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const makePartitioned: <Range, I, Row, E = never, R = never>(
  options: PartitionedOptions<Range, I, Row, E, R>
) => Backfill<E, R> = internal.makePartitioned

/**
 * Streams the rows of pages, each of which begins after the cursor of the last row.
 *
 * The next page is read while the rows of this one are sent.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Backfill from "effect-suprsend/Backfill"
 *
 * declare const page: (after: string | undefined) => Effect.Effect<ReadonlyArray<{ id: string }>>
 *
 * const rows = (after: string | undefined) => Backfill.pages(after, { page, cursor: (row) => row.id })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const pages: <Row, E, R>(
  after: string | undefined,
  options: Pages<Row, E, R>
) => Stream.Stream<Row, E, R> = internal.pages

/**
 * Checks whether a value is a backfill.
 *
 * @since 0.1.0
 * @category guards
 */
export const isBackfill: (u: unknown) => u is Backfill<unknown, unknown> = internal.isBackfill

/**
 * Runs a backfill: starts it, or goes on where it stopped, and returns its status at the end.
 *
 * It returns when no partition is left, or when the backfill is paused or cancelled. Several
 * processes may run the same backfill over one ledger: each partition is worked on by one of them.
 * If a process ends, others take over its partitions after the `claimTimeout`.
 *
 * If it is interrupted, it stops gracefully within the `grace`, and saves what it did. If the ledger
 * does not respond, the run waits for it ten seconds longer, and logs a warning.
 *
 * A record that SuprSend refuses is stored in the ledger as a failed one. If SuprSend refuses
 * everything, as with wrong credentials, or is unavailable for too long, the run fails, and nothing
 * is stored as failed.
 *
 * @since 0.1.0
 * @category running
 */
export const run: <E, R>(
  backfill: Backfill<E, R>,
  options?: RunOptions
) => Effect.Effect<Status, E | RunError, R | UsersService | BackfillLedger> = runs.run

/**
 * Starts a backfill without running it, for runners elsewhere, and returns its status.
 *
 * It evaluates the partitions and stores them in the ledger. If the backfill was started before,
 * nothing changes. A cluster of `BackfillWorkflow` takes it up within seconds.
 *
 * @since 0.1.0
 * @category running
 */
export const start: <E, R>(
  backfill: Backfill<E, R>
) => Effect.Effect<Status, E | RunError, R | UsersService | BackfillLedger> = runs.start

/**
 * Returns the status of a backfill.
 *
 * @since 0.1.0
 * @category observing
 */
export const status: (
  name: string
) => Effect.Effect<Status, SuprsendBackfillNotFound | SuprsendLedgerError, BackfillLedger> = statuses.status

/**
 * Lists all backfills of the ledger, the oldest first.
 *
 * @since 0.1.0
 * @category observing
 */
export const list: Effect.Effect<ReadonlyArray<Status>, SuprsendLedgerError, BackfillLedger> = statuses.list

/**
 * Streams the status of a backfill at an interval, by default every second.
 *
 * It ends with the status that is no longer "running".
 *
 * @example
 * ```ts
 * import { Console, Effect, Stream } from "effect"
 * import * as Backfill from "effect-suprsend/Backfill"
 *
 * // Until it is started, the ledger does not know it.
 * const watched = <E, R>(backfill: Backfill.Backfill<E, R>) =>
 *   Effect.zipRight(
 *     Backfill.start(backfill),
 *     Effect.zipLeft(
 *       Backfill.run(backfill),
 *       Stream.runForEach(Backfill.progress(backfill.name), Console.log),
 *       { concurrent: true }
 *     )
 *   )
 * ```
 *
 * @since 0.1.0
 * @category observing
 */
export const progress: (
  name: string,
  interval?: Duration.DurationInput
) => Stream.Stream<Status, SuprsendBackfillNotFound | SuprsendLedgerError, BackfillLedger> = statuses.progress

/**
 * Pauses a backfill. Its runners stop within a few seconds, and save what they did.
 *
 * @since 0.1.0
 * @category controlling
 */
export const pause: (name: string) => Effect.Effect<void, ControlError, BackfillLedger> = control.pause

/**
 * Resumes a paused backfill.
 *
 * Runs of it have ended, so run it again. A cluster of `BackfillWorkflow` does so by itself.
 *
 * @since 0.1.0
 * @category controlling
 */
export const resume: (name: string) => Effect.Effect<void, ControlError, BackfillLedger> = control.resume

/**
 * Cancels a backfill for good. Its runners stop within a few seconds.
 *
 * What was accepted stays accepted.
 *
 * @since 0.1.0
 * @category controlling
 */
export const cancel: (name: string) => Effect.Effect<void, ControlError, BackfillLedger> = control.cancel

/**
 * Removes a backfill and its failed records from the ledger.
 *
 * It must be completed, cancelled or paused, and no runner may work on it.
 *
 * @since 0.1.0
 * @category controlling
 */
export const remove: (name: string) => Effect.Effect<void, ControlError, BackfillLedger> = control.remove

/**
 * Errors of the functions that control a backfill.
 *
 * @since 0.1.0
 * @category models
 */
export type ControlError = SuprsendBackfillNotFound | SuprsendBackfillState | SuprsendLedgerError

/**
 * Streams the failed records of a backfill, with their reasons and insert ids, ordered by key.
 *
 * @since 0.1.0
 * @category failed records
 */
export const failed: (
  name: string
) => Stream.Stream<FailedRecord, SuprsendBackfillNotFound | SuprsendLedgerError, BackfillLedger> = failures.failed

/**
 * Sends the failed records of a backfill again, except for invalid ones, and reports the outcomes.
 *
 * They keep their insert ids, so that nothing is applied twice. Those that are accepted now leave
 * the failed records of the ledger; the others are updated.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Backfill from "effect-suprsend/Backfill"
 *
 * const again = Effect.flatMap(Backfill.retryFailed("plans-2026"), (report) => Effect.log(report))
 * ```
 *
 * @since 0.1.0
 * @category failed records
 */
export const retryFailed: (
  name: string
) => Effect.Effect<
  Bulk.BulkReport,
  SuprsendBackfillNotFound | SuprsendLedgerError,
  UsersService | BackfillLedger
> = failures.retry
