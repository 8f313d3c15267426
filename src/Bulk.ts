/**
 * Options, outcomes and reports of bulk edits.
 *
 * Every record ends in exactly one of five ways:
 *
 * - `accepted`: the server took it (it applies it later, as with `asyncEdit`);
 * - `invalid`: it failed validation, and was never sent;
 * - `rejected`: the server refused it;
 * - `unknown`: it was sent, and no response settles whether it was applied;
 * - `unsent`: it was not sent, or the server certainly did not apply it.
 *
 * What failed carries its edit with the insert id under which it was, or would have been, sent. So
 * `users.bulkEdit(Bulk.editsToRetry(report))` is a safe second try: nothing is applied twice. It comes after edits of the same user that
 * were accepted in between, though, so a `set` may bring back a value that a later one had replaced.
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
 * Options of every bulk call. An option that makes no sense, such as a concurrency of 0, is a defect of the call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * How many requests may be in flight at once, a whole number of at least 1. More than 1,000 counts as 1,000.
   *
   * A request is only made when the others are in flight, so a high number costs nothing where the server is quick. Each request in
   * flight holds its body in memory, of at most 819,200 bytes.
   *
   * @default that of the layer, 128
   */
  readonly concurrency?: number | undefined
}

/**
 * Options of a call for many users by their ids, such as deleting them.
 *
 * @since 0.1.0
 * @category models
 */
export interface IdOptions extends Options {
  /**
   * How long requests that are in flight may still take, their retries included, once the call is interrupted. What has no response by
   * then is aborted, and ends as `unknown`; what was not sent ends as `unsent`.
   *
   * @default 0
   */
  readonly grace?: Duration.DurationInput | undefined
  /**
   * Called with the report where the call returns none, because it is interrupted or something in it dies. It is called once every id has
   * its outcome, which takes as long as `grace` at most, and before the call ends.
   *
   * Without it the report is logged as a warning, in one line.
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
 * Where edits come from: any iterable, any async iterable, such as a cursor of a database, or a stream.
 *
 * An async iterable is best handed over as it is: by way of `Stream.fromAsyncIterable` each edit costs some effects more.
 *
 * A run that stops early ends the pull that is outstanding, and what that still gives has its outcome. The pull of a stream is
 * interrupted: what stages inside the stream hold by then, such as `Stream.buffer`, stays with the stream. A `next()` cannot be
 * interrupted, so it is awaited for a second at most, and what it gives after that is lost.
 *
 * @since 0.1.0
 * @category models
 */
export type Source<E = never, R = never> =
  | Iterable<UserEdit.UserEdit>
  | AsyncIterable<UserEdit.UserEdit>
  | Stream.Stream<UserEdit.UserEdit, E, R>

// While the compiler still infers it, a source is unknown: so that has to pass here, and is refused by `SourceContext`.
/**
 * What a value has to be to pass for a {@link Source}: its own type where it is one, else a sentence for the compiler to show.
 *
 * @since 0.1.0
 * @category models
 */
export type SourceOf<S> = unknown extends S ? S : [Element<S>] extends [UserEdit.UserEdit] ? S : NotEdits

/**
 * What a {@link Source} can fail with: a stream as it says, an async iterable with an `UnknownException`, an iterable never.
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
 * What a {@link Source} needs.
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
 * Options of a bulk edit whose outcomes are a stream.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions extends Options {
  /**
   * How long the first edit of a request that is not full waits for others, where the source is slower than the requests.
   *
   * @default "100 millis"
   */
  readonly linger?: Duration.DurationInput | undefined
  /**
   * Ends the run early when it ends: nothing more is pulled or begun, and what was pulled and not sent ends as `unsent`. Every record
   * that was pulled has its outcome.
   */
  readonly stopWhen?: Effect.Effect<unknown> | undefined
  /**
   * How long requests that are in flight may still take, their retries included, once the run is stopped, or a `bulkEdit` is
   * interrupted. What has no response by then is aborted, and ends as `unknown`.
   *
   * A stream of outcomes that is interrupted, or not read to its end, is aborted at once, because its outcomes have no reader.
   *
   * @default 0
   */
  readonly grace?: Duration.DurationInput | undefined
}

/**
 * Options of a bulk edit that ends in a report.
 *
 * @since 0.1.0
 * @category models
 */
export interface EditOptions extends StreamOptions {
  /**
   * Called with each outcome as its request ends, for progress ({@link withProgress}) or a log. The next request waits for it where as
   * many as `concurrency` wait already. It is called during `grace` as well.
   */
  readonly onOutcome?: ((outcome: BulkOutcome) => Effect.Effect<void>) | undefined
  /**
   * Called with the report where the call returns none, because it is interrupted, its source fails, or something in it dies. It is called
   * once every record that was pulled has its outcome, which takes as long as `grace` at most, and before the call ends.
   *
   * Without it the report is logged as a warning, in one line.
   */
  readonly onError?: ((report: BulkReport, cause: Cause.Cause<unknown>) => Effect.Effect<void>) | undefined
}

/**
 * How a record ends that was not accepted.
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
  /** The place of the edit in the source, counted from 0. */
  readonly index: number
  /** The edit, with the insert id that makes sending it again safe. */
  readonly edit: UserEdit.UserEdit
  readonly error: InvalidUserEdit | RequestError
}

/**
 * What became of one request, or of edits that were never sent. Printed, it is a line.
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkOutcome {
  /** How many edits the server took. */
  readonly success: number
  /** How many were not accepted. */
  readonly failure: number
  /** The edits that the server took, with their insert ids. */
  readonly accepted: ReadonlyArray<UserEdit.UserEdit>
  readonly failedRecords: ReadonlyArray<FailedRecord>
  /** The bytes of the body; 0 if nothing was sent. */
  readonly bytes: number
  /** How many requests were sent for it, retries included; not those that were halved and came to nothing. */
  readonly attempts: number
  /** How long it took, waiting for the rate limit and retries included. */
  readonly elapsed: Duration.Duration
}

/**
 * What became of all records, in the vendor's words. Reports with the same content are `Equal`.
 *
 * A report is printed as a line by `console.log`, `Effect.log` and `String`: `5,000 records: 4,990 accepted, 7 rejected, 3 unknown`.
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
  /** "success" if no record failed, "fail" if all did, else "partial". */
  readonly status: "success" | "partial" | "fail"
  /** How many records there were. */
  readonly total: number
  /** How many were accepted. */
  readonly success: number
  /** How many were not. */
  readonly failure: number
  /** Those that were not, in the order in which their requests ended. Those of one user are in the order of the source. */
  readonly failedRecords: ReadonlyArray<FailedRecord>
}

/**
 * What became of something that was done to many users, such as deleting them. It is printed as a line, as a {@link BulkReport} is.
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkIdReport {
  /** "success" if no id failed, "fail" if all did, else "partial". */
  readonly status: "success" | "partial" | "fail"
  /** How many ids there were. */
  readonly total: number
  /** For how many it was done. */
  readonly success: number
  /** For how many it was not. */
  readonly failure: number
  /** Those for which it was not. */
  readonly failedRecords: ReadonlyArray<FailedId>
}

/**
 * A user for whom something was not done, in the words of {@link FailedRecord}.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailedId {
  readonly outcome: FailedOutcome
  /** The place of the id among those that were given, counted from 0. */
  readonly index: number
  readonly distinctId: string
  readonly error: InvalidDistinctId | RequestError
}

/**
 * The report of some outcomes.
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
 * The report of a stream of outcomes, which forgets what was accepted as it goes.
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
 * One report of two: counts are added, and failed records follow one another.
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
 * One report of many.
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
 * The edits of a report that a second try sends: of all failed records but the invalid ones, which would end the same.
 *
 * Edits of one user are in the order of the source, and each has the insert id of the first try, so nothing is applied twice.
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
 * Options of {@link progress} and {@link withProgress}.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProgressOptions {
  /** How many edits there are, if that is known: then there is a bar, and a time that is left. */
  readonly total?: number | undefined
  /**
   * How often there is a line where the output is not a terminal.
   *
   * @default "10 seconds"
   */
  readonly every?: Duration.DurationInput | undefined
}

/**
 * Shows how a bulk gets on while its outcomes pass: on a terminal as a bar in one line, elsewhere as a plain line from time to time.
 * At the end, however it comes, there is a last line with all of it.
 *
 * `Terminal` is that of the platform, `NodeTerminal.layer` for instance. One that cannot be written to costs the bulk nothing.
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
 * Shows how a `bulkEdit` gets on, which unlike a stream of outcomes ends in order when it is interrupted.
 *
 * The last line comes when the bulk has ended, its `grace` and `onError` included.
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
 * A {@link BulkReport} as JSON.
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkReportEncoded {
  readonly success: number
  readonly failedRecords: ReadonlyArray<typeof FailedRecordSchema.Encoded>
}

/**
 * A report as JSON and back, to keep what failed in a file and send it tomorrow: each record has its insert id, so that nothing
 * happens twice. A value that JSON cannot carry, such as `NaN`, is null in it, and the `defects` of its edit say where and why.
 *
 * The JSON holds the edits as they have to be sent, push tokens and access tokens included: keep it as you keep those.
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
