/**
 * Options, outcomes and reports for bulk edits.
 *
 * Every record ends in exactly one of five outcomes:
 *
 * - `accepted`: the server accepted it, and applies it later, as with `asyncEdit`;
 * - `invalid`: it failed validation and was not sent;
 * - `rejected`: the server refused it;
 * - `unknown`: it was sent, but no response says whether it was applied;
 * - `unsent`: it was not sent, or the server certainly did not apply it.
 *
 * A failed record holds its edit, with its insert id. Retrying with
 * `users.bulkEdit(Bulk.editsToRetry(report))` is therefore safe: no edit is applied twice. The
 * retry runs after edits of the same user that were accepted in the meantime, so a retried `set`
 * may overwrite a newer value.
 *
 * @since 0.1.0
 */
import type * as Terminal from "@effect/platform/Terminal"
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Equal from "effect/Equal"
import { dual } from "effect/Function"
import type { Inspectable } from "effect/Inspectable"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as internalProgress from "./internal/bulk/progress.js"
import * as internal from "./internal/bulk/report.js"
import type { InvalidDistinctId, InvalidUserEdit, RequestError } from "./SuprsendError.js"
import * as UserEdit from "./UserEdit.js"

/**
 * Options for every bulk call. An invalid option, such as a concurrency of 0, makes the call die.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The number of requests that may be in flight at once.
   *
   * It is an integer of at least 1; values above 1,000 count as 1,000. A further request is only
   * started while all others are in flight, so a high number costs nothing with a fast server. Each
   * request in flight keeps its body in memory, at most 819,200 bytes.
   *
   * @default that of the layer, 128
   */
  readonly concurrency?: number | undefined
}

/**
 * Options for calls on many user ids, such as `bulkDelete`.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdOptions extends Options {
  /**
   * How long requests in flight may continue, retries included, after the call is interrupted.
   *
   * Requests without a response by then are aborted, and their ids end as `unknown`. Ids that were
   * not sent end as `unsent`.
   *
   * @default 0
   */
  readonly grace?: Duration.DurationInput | undefined
  /**
   * Called with the partial report when the call is interrupted or dies.
   *
   * It is called before the call ends, as soon as every id has an outcome, which takes at most
   * `grace`. Without it, the report is logged as a warning in one line.
   *
   * @example
   * ```ts
   * import { Console, Effect } from "effect"
   * import { UsersService } from "effect-suprsend/UsersService"
   *
   * const removeAll = (ids: ReadonlyArray<string>) =>
   *   Effect.flatMap(UsersService, (users) =>
   *     users.bulkDelete(ids, { grace: "10 seconds", onError: (report) => Console.log(`stopped: ${report}`) }))
   * ```
   */
  readonly onError?: ((report: BulkIdReport, cause: Cause.Cause<unknown>) => Effect.Effect<void>) | undefined
}

/**
 * A source of edits: an iterable, an async iterable or a stream.
 *
 * Pass an async iterable, such as a database cursor, directly; `Stream.fromAsyncIterable` adds
 * overhead for each edit.
 *
 * If a run stops early, it ends the pending pull, and edits which that pull still returns get an
 * outcome. The pull of a stream is interrupted: elements buffered inside the stream, by
 * `Stream.buffer` for example, stay there. A pending `next()` cannot be interrupted. It is awaited
 * for at most one second, and a later value is lost.
 *
 * @since 0.1.0
 * @category models
 */
export type Source<E = never, R = never> =
  | Iterable<UserEdit.UserEdit>
  | AsyncIterable<UserEdit.UserEdit>
  | Stream.Stream<UserEdit.UserEdit, E, R>

// While the compiler still infers `S`, it is `unknown`. That must pass here; `SourceContext`
// refuses it.
/**
 * The type that a {@link Source} argument must have.
 *
 * A valid source has its own type. For anything else, the compiler shows a sentence that explains
 * the problem.
 *
 * @since 0.1.0
 * @category models
 */
export type SourceOf<S> = unknown extends S ? S : [Element<S>] extends [UserEdit.UserEdit] ? S : NotEdits

/**
 * The errors that a {@link Source} can fail with.
 *
 * A stream fails with its own errors, an async iterable with an `UnknownException`, and an iterable
 * never fails.
 *
 * @since 0.1.0
 * @category models
 */
export type SourceError<S> = 0 extends 1 & S ? Cause.UnknownException
  : S extends Stream.Stream<infer _A, infer E, infer _R> ? E
  : S extends Iterable<unknown> ? never
  : S extends AsyncIterable<unknown> ? Cause.UnknownException
  : never

/**
 * The services that a {@link Source} requires.
 *
 * @since 0.1.0
 * @category models
 */
export type SourceContext<S> = 0 extends 1 & S ? never
  : unknown extends S ? NotEdits
  : S extends Stream.Stream<infer _A, infer _E, infer R> ? R
  : never

type NotEdits =
  "Pass edits: an iterable, an async iterable or a Stream of values that edit(id) of effect-suprsend/UserEdit makes"

type Element<S> = S extends Stream.Stream<infer A, infer _E, infer _R> ? A
  : S extends Iterable<infer A> | AsyncIterable<infer A> ? A
  : unknown

/**
 * Options for a bulk edit that streams its outcomes.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions extends Options {
  /**
   * How long the first edit of a partial batch waits for more edits.
   *
   * It matters if the source is slower than the requests.
   *
   * @default "100 millis"
   */
  readonly linger?: Duration.DurationInput | undefined
  /**
   * Stops the run early when this effect completes.
   *
   * Then no further edit is pulled and no further request is started. Every record that was pulled
   * gets an outcome: those not yet sent end as `unsent`.
   */
  readonly stopWhen?: Effect.Effect<unknown> | undefined
  /**
   * How long requests in flight may continue, retries included, after the run stops.
   *
   * It applies after `stopWhen`, and when a `bulkEdit` is interrupted. Requests without a response
   * by then are aborted, and their records end as `unknown`. A stream of outcomes that is
   * interrupted or not consumed to its end is aborted at once, because nothing would read its
   * outcomes.
   *
   * @default 0
   */
  readonly grace?: Duration.DurationInput | undefined
}

/**
 * Options for a bulk edit that returns a report.
 *
 * @since 0.1.0
 * @category models
 */
export interface EditOptions extends StreamOptions {
  /**
   * Called with each outcome when its request ends, during `grace` too.
   *
   * Use it for a log or for progress ({@link withProgress}). If `concurrency` calls are pending,
   * the next request waits for one of them to finish.
   */
  readonly onOutcome?: ((outcome: BulkOutcome) => Effect.Effect<void>) | undefined
  /**
   * Called with the partial report when `bulkEdit` is interrupted, dies, or its source fails.
   *
   * It is called before the call ends, as soon as every pulled record has an outcome, which takes
   * at most `grace`. Without it, the report is logged as a warning in one line.
   */
  readonly onError?: ((report: BulkReport, cause: Cause.Cause<unknown>) => Effect.Effect<void>) | undefined
}

/**
 * The outcome of a record that was not accepted.
 *
 * @since 0.1.0
 * @category models
 */
export type FailedOutcome = "invalid" | "rejected" | "unknown" | "unsent"

/**
 * A record that was not accepted.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailedRecord {
  readonly outcome: FailedOutcome
  /** The position of the edit in the source, counted from 0. */
  readonly index: number
  /** The edit, with the insert id that makes retrying it safe. */
  readonly edit: UserEdit.UserEdit
  readonly error: InvalidUserEdit | RequestError
}

/**
 * The outcome of one request, or of edits that were not sent. It prints as one line.
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkOutcome {
  /** The number of edits that the server accepted. */
  readonly success: number
  /** The number of edits that were not accepted. */
  readonly failure: number
  /** The accepted edits, with their insert ids. */
  readonly accepted: ReadonlyArray<UserEdit.UserEdit>
  /** The positions of the accepted edits in the source, counted from 0. */
  readonly acceptedIndexes: ReadonlyArray<number>
  readonly failedRecords: ReadonlyArray<FailedRecord>
  /** The size of the request body in bytes, or 0 if nothing was sent. */
  readonly bytes: number
  /**
   * The number of requests sent for this outcome, retries included.
   *
   * Requests for larger batches that were bisected later do not count.
   */
  readonly attempts: number
  /** How long it took, retries and waiting for the rate limiter included. */
  readonly elapsed: Duration.Duration
}

/**
 * The outcomes of all records, with the field names of the vendor's SDKs.
 *
 * Reports with the same content are `Equal`. `console.log`, `Effect.log` and `String` print a
 * report as one line: `5,000 records: 4,990 accepted, 7 rejected, 3 unknown`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Bulk from "effect-suprsend/Bulk"
 * import { edit, set } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   const report = yield* users.bulkEdit([set(edit("user-1"), "plan", "pro"), set(edit("user-2"), "plan", "free")])
 *   yield* Effect.log(report)
 *   return yield* users.bulkEdit(Bulk.editsToRetry(report))
 * })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkReport extends Equal.Equal, Inspectable {
  /** "success" if no record failed, "fail" if all failed, otherwise "partial". */
  readonly status: "success" | "partial" | "fail"
  /** The number of records. */
  readonly total: number
  /** The number of records that were accepted. */
  readonly success: number
  /** The number of records that were not accepted. */
  readonly failure: number
  /**
   * The failed records, ordered by the end of their requests.
   *
   * Records of the same user are in the order of the source.
   */
  readonly failedRecords: ReadonlyArray<FailedRecord>
}

/**
 * The outcomes of a call on many user ids, such as `bulkDelete`.
 *
 * It prints as one line, like a {@link BulkReport}.
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkIdReport {
  /** "success" if no id failed, "fail" if all failed, otherwise "partial". */
  readonly status: "success" | "partial" | "fail"
  /** The number of ids. */
  readonly total: number
  /** The number of ids for which the call succeeded. */
  readonly success: number
  /** The number of ids for which the call failed. */
  readonly failure: number
  /** The ids for which the call failed. */
  readonly failedRecords: ReadonlyArray<FailedId>
}

/**
 * A user id for which the call failed, with the same fields as {@link FailedRecord}.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailedId {
  readonly outcome: FailedOutcome
  /** The position of the id in the input, counted from 0. */
  readonly index: number
  readonly distinctId: string
  readonly error: InvalidDistinctId | RequestError
}

/**
 * Builds a report from outcomes.
 *
 * @example
 * ```ts
 * import { Chunk, Effect, Stream } from "effect"
 * import * as Bulk from "effect-suprsend/Bulk"
 * import type { UserEdit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const withProgress = (edits: Iterable<UserEdit>) =>
 *   Effect.gen(function*() {
 *     const users = yield* UsersService
 *     const outcomes = yield* users.bulkEditStream(edits).pipe(
 *       Stream.tap((outcome) => Effect.log(`${outcome.success} accepted`)),
 *       Stream.runCollect
 *     )
 *     return Bulk.report(Chunk.toReadonlyArray(outcomes))
 *   })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const report = (outcomes: Iterable<BulkOutcome>): BulkReport => {
  const tally = new internal.Tally()
  for (const outcome of outcomes) tally.add(outcome)
  return tally.report()
}

/**
 * A sink that builds a report from outcomes, without keeping the accepted edits.
 *
 * @example
 * ```ts
 * import { Effect, Stream } from "effect"
 * import * as Bulk from "effect-suprsend/Bulk"
 * import type { UserEdit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const withProgress = (edits: ReadonlyArray<UserEdit>) =>
 *   Effect.flatMap(UsersService, (users) =>
 *     users.bulkEditStream(edits).pipe(
 *       Bulk.progress({ total: edits.length }),
 *       Stream.run(Bulk.sink)
 *     ))
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const sink: Sink.Sink<BulkReport, BulkOutcome> = Sink.suspend(() => {
  const tally = new internal.Tally()
  return Sink.map(
    Sink.forEach((outcome: BulkOutcome) => Effect.sync(() => tally.add(outcome))),
    () => tally.report()
  )
})

/**
 * The empty report: the identity of {@link combine}.
 *
 * @since 0.1.0
 * @category combining
 */
export const empty: BulkReport = internal.empty

/**
 * Combines two reports: counts are added, failed records are concatenated.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Bulk from "effect-suprsend/Bulk"
 * import type { UserEdit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const both = (leads: Iterable<UserEdit>, customers: Iterable<UserEdit>) =>
 *   Effect.flatMap(UsersService, (users) =>
 *     Effect.zipWith(users.bulkEdit(leads), users.bulkEdit(customers), Bulk.combine))
 * ```
 *
 * @since 0.1.0
 * @category combining
 */
export const combine: {
  (that: BulkReport): (self: BulkReport) => BulkReport
  (self: BulkReport, that: BulkReport): BulkReport
} = dual(2, (self: BulkReport, that: BulkReport): BulkReport => combineAll([self, that]))

/**
 * Combines many reports into one.
 *
 * @since 0.1.0
 * @category combining
 */
export const combineAll = (reports: Iterable<BulkReport>): BulkReport => {
  const tally = new internal.Tally()
  for (const report of reports) tally.add(report)
  return tally.report()
}

/**
 * Returns the failed edits of a report that are worth retrying.
 *
 * These are all but the invalid ones. Edits of the same user are in the order of the source. Each
 * keeps its insert id, so no edit is applied twice.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Bulk from "effect-suprsend/Bulk"
 * import type { UserEdit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const inTwoTries = (edits: ReadonlyArray<UserEdit>) =>
 *   Effect.gen(function*() {
 *     const users = yield* UsersService
 *     const first = yield* users.bulkEdit(edits)
 *     return first.failure === 0 ? first : yield* users.bulkEdit(Bulk.editsToRetry(first))
 *   })
 * ```
 *
 * @since 0.1.0
 * @category getters
 */
export const editsToRetry = (report: Pick<BulkReport, "failedRecords">): ReadonlyArray<UserEdit.UserEdit> =>
  report.failedRecords.flatMap(({ edit, outcome }) => outcome === "invalid" ? [] : [edit])

/**
 * Options for {@link progress} and {@link withProgress}.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProgressOptions {
  /** The number of edits, if known. With it, the output has a bar and the remaining time. */
  readonly total?: number | undefined
  /**
   * How often a line is printed when the output is not a terminal.
   *
   * @default "10 seconds"
   */
  readonly every?: Duration.DurationInput | undefined
}

/**
 * Displays the progress of a bulk edit as its outcomes pass through.
 *
 * On a terminal it redraws one line with a bar; elsewhere it prints a line at intervals. A last
 * line with the totals is printed when the stream ends, fails or is interrupted.
 *
 * It uses the platform's `Terminal`, such as `NodeTerminal.layer`. If writing to the terminal
 * fails, the bulk edit continues.
 *
 * @example
 * ```ts
 * import { NodeTerminal } from "@effect/platform-node"
 * import { Effect, Stream } from "effect"
 * import * as Bulk from "effect-suprsend/Bulk"
 * import type { UserEdit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const watched = (edits: ReadonlyArray<UserEdit>) =>
 *   Effect.gen(function*() {
 *     const users = yield* UsersService
 *     return yield* users.bulkEditStream(edits).pipe(
 *       Bulk.progress({ total: edits.length }),
 *       Stream.run(Bulk.sink)
 *     )
 *   }).pipe(Effect.provide(NodeTerminal.layer))
 * ```
 *
 * @since 0.1.0
 * @category progress
 */
export const progress =
  (options: ProgressOptions = {}) =>
  <E, R>(outcomes: Stream.Stream<BulkOutcome, E, R>): Stream.Stream<BulkOutcome, E, R | Terminal.Terminal> =>
    Stream.unwrap(Effect.map(internalProgress.display(options), ({ add, end }) =>
      outcomes.pipe(
        Stream.tap(add),
        Stream.ensuring(end)
      )))

/**
 * Displays the progress of a `bulkEdit`.
 *
 * Unlike a stream of outcomes, a `bulkEdit` that is interrupted still completes its report. The
 * last line is printed after `grace` and `onError`.
 *
 * @example
 * ```ts
 * import { Console, Effect } from "effect"
 * import * as Bulk from "effect-suprsend/Bulk"
 * import type { UserEdit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * // Ctrl-C stops it: requests in flight have ten seconds to end, and then the report is printed.
 * const job = (edits: ReadonlyArray<UserEdit>) =>
 *   Effect.gen(function*() {
 *     const users = yield* UsersService
 *     const report = yield* Bulk.withProgress({ total: edits.length }, (onOutcome) =>
 *       users.bulkEdit(edits, { grace: "10 seconds", onOutcome, onError: (report) => Console.log(report) }))
 *     yield* Console.log(report)
 *   })
 * ```
 *
 * @since 0.1.0
 * @category progress
 */
export const withProgress = <A, E, R>(
  options: ProgressOptions,
  use: (onOutcome: (outcome: BulkOutcome) => Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Terminal.Terminal> =>
  Effect.flatMap(
    internalProgress.display(options),
    ({ add, end }) => Effect.ensuring(Effect.suspend(() => use(add)), end)
  )

const FailedRecordSchema = Schema.Struct({
  outcome: Schema.Literal("invalid", "rejected", "unknown", "unsent"),
  index: Schema.NonNegativeInt,
  edit: UserEdit.UserEditSchema,
  error: internal.RecordError
})

/**
 * The JSON form of a {@link BulkReport}.
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkReportEncoded {
  readonly success: number
  readonly failedRecords: ReadonlyArray<typeof FailedRecordSchema.Encoded>
}

/**
 * Encodes a report as JSON and decodes it, for example to retry failed records later.
 *
 * Each record keeps its insert id, so no edit is applied twice. A value that JSON cannot represent,
 * such as `NaN`, becomes null, and the `defects` of its edit say where and why.
 *
 * The JSON contains push tokens and access tokens in clear: store it as securely as those.
 *
 * @example
 * ```ts
 * import { FileSystem } from "@effect/platform"
 * import { Effect, Schema } from "effect"
 * import * as Bulk from "effect-suprsend/Bulk"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const ReportJson = Schema.parseJson(Bulk.BulkReportSchema)
 *
 * const keep = (file: string, report: Bulk.BulkReport) =>
 *   Effect.gen(function*() {
 *     const files = yield* FileSystem.FileSystem
 *     yield* files.writeFileString(file, yield* Schema.encode(ReportJson)(report))
 *   })
 *
 * const sendAgain = (file: string) =>
 *   Effect.gen(function*() {
 *     const files = yield* FileSystem.FileSystem
 *     const users = yield* UsersService
 *     const report = yield* Schema.decode(ReportJson)(yield* files.readFileString(file))
 *     return yield* users.bulkEdit(Bulk.editsToRetry(report))
 *   })
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const BulkReportSchema: Schema.Schema<BulkReport, BulkReportEncoded> = Schema.transform(
  Schema.Struct({ success: Schema.NonNegativeInt, failedRecords: Schema.Array(FailedRecordSchema) }),
  Schema.declare(internal.isReport, { identifier: "BulkReport" }),
  {
    strict: true,
    decode: ({ failedRecords, success }): BulkReport => new internal.Report(success, failedRecords),
    encode: ({ failedRecords, success }) => ({ success, failedRecords })
  }
)
