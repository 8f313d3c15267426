/**
 * What comes of sending many edits.
 *
 * Every record ends in exactly one of four ways:
 *
 * - `accepted`: the server took it (it applies it later, as with `asyncEdit`);
 * - `rejected`: the server said no to it, or it was invalid and not sent;
 * - `unknown`: it was sent, and no answer came that settles it;
 * - `unsent`: it was not sent, or the server certainly did nothing with it.
 *
 * What failed carries its edit with the insert id under which it was, or would have been, sent. So
 * `users.bulkEdit(report.failedRecords.map((record) => record.edit))` is a safe second try: nothing is applied twice. It comes after
 * edits of the same user that were accepted in between, though, so a `set` may bring back a value that a later one had replaced.
 *
 * @since 0.1.0
 */
import * as Terminal from "@effect/platform/Terminal"
import type * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Equal from "effect/Equal"
import { dual } from "effect/Function"
import type { Inspectable } from "effect/Inspectable"
import * as Schema from "effect/Schema"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import * as internalProgress from "./internal/progress.js"
import * as internal from "./internal/report.js"
import type { InvalidDistinctId, InvalidUserEdit, RequestError } from "./SuprsendError.js"
import * as UserEdit from "./UserEdit.js"

/**
 * How a bulk is sent. Options that are of no use, such as no requests at once, are a defect of the call.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many requests are under way at once, a whole number of at least 1. Default: that of the layer, 16. */
  readonly concurrency?: number | undefined
}

/**
 * Where edits come from: any iterable, any async iterable, such as a cursor of a database, or a stream.
 *
 * An async iterable is best handed over as it is: by way of `Stream.fromAsyncIterable` each edit costs some effects more. What it is
 * still busy with when a run that was stopped ends is not waited for.
 *
 * @since 0.1.0
 * @category models
 */
export type Source<E = never, R = never> =
  | Iterable<UserEdit.UserEdit>
  | AsyncIterable<UserEdit.UserEdit>
  | Stream.Stream<UserEdit.UserEdit, E, R>

/**
 * How edits are sent in bulk.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions extends Options {
  /**
   * How long the first edit of a request that is not full waits for others, where the source is slower than the requests. Default 100
   * milliseconds.
   */
  readonly linger?: Duration.DurationInput | undefined
  /**
   * Ends the run early when it ends: nothing more is pulled or begun, and what was pulled and not sent ends as `unsent`. All
   * outcomes are there as ever.
   */
  readonly stopWhen?: Effect.Effect<unknown> | undefined
  /**
   * How long requests that are under way may still take, their retries included, once the run is stopped, or a `bulkEdit` is
   * interrupted. What has no answer by then is given up, and ends as `unknown`. Default: no time.
   *
   * A stream of outcomes that is interrupted, or not read to its end, is cut at once: nobody would take the outcomes.
   */
  readonly grace?: Duration.DurationInput | undefined
}

/**
 * How edits are sent in bulk, where a report is made of it.
 *
 * @since 0.1.0
 * @category models
 */
export interface EditOptions extends StreamOptions {
  /**
   * Is given the report of what is known where the call gives none, because it is interrupted, or because its source fails, before that
   * goes on.
   */
  readonly onError?: ((report: BulkReport, cause: Cause.Cause<unknown>) => Effect.Effect<void>) | undefined
}

/**
 * A record that was not accepted.
 *
 * @since 0.1.0
 * @category models
 */
export interface FailedRecord {
  readonly outcome: "rejected" | "unknown" | "unsent"
  /** The edit, with the insert id that makes sending it again safe. */
  readonly edit: UserEdit.UserEdit
  readonly error: InvalidUserEdit | RequestError
}

/**
 * What came of one request, or of edits that were never sent.
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
 * What came of all of them, in the vendor's words (Seed). Reports with the same content are `Equal`, and one that is printed is a
 * line: `5,000 records: 4,990 accepted, 7 rejected, 3 unknown`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { edit, set, type UserEdit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   const report = yield* users.bulkEdit([set(edit("user-1"), "plan", "pro"), set(edit("user-2"), "plan", "free")])
 *   yield* Effect.log(`${report.status}: ${report.success} of ${report.total}`)
 *   const secondTry: ReadonlyArray<UserEdit> = report.failedRecords.map((record) => record.edit)
 *   return yield* users.bulkEdit(secondTry)
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
  /** Those that were not, in the order in which their requests ended. */
  readonly failedRecords: ReadonlyArray<FailedRecord>
}

/**
 * What came of something that was done to many users, such as deleting them.
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
  readonly outcome: "rejected" | "unknown" | "unsent"
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
 * The report of nothing, which changes no report that it is combined with.
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
 * How progress is shown.
 *
 * @since 0.1.0
 * @category models
 */
export interface ProgressOptions {
  /** How many edits there are, if that is known: then there is a bar, and a time that is left. */
  readonly total?: number | undefined
  /** Where the output is no terminal: how often there is a line. Default 10 seconds. */
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
    Stream.unwrap(Effect.gen(function*() {
      const terminal = yield* Terminal.Terminal
      const isTerminal = yield* terminal.isTTY
      const started = yield* Clock.currentTimeMillis
      const every = isTerminal ? 100 : Duration.toMillis(options.every ?? "10 seconds")
      let state = internalProgress.start(started, options.total)
      let shown = isTerminal ? -Infinity : started

      const show = (end: string) =>
        Effect.flatMap(Effect.zip(terminal.columns, Clock.currentTimeMillis), ([columns, now]) => {
          shown = now
          return terminal.display(
            isTerminal
              ? `\r${internalProgress.line(state, now, columns > 0 ? columns : 80)}\u001b[K${end}`
              : `${internalProgress.text(state, now)}\n`
          )
        }).pipe(Effect.ignore)

      return outcomes.pipe(
        Stream.tap((outcome) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => {
            state = internalProgress.add(state, outcome)
            return now - shown >= every ? show("") : Effect.void
          })
        ),
        Stream.ensuring(Effect.suspend(() => show("\n")))
      )
    }))

const FailedRecordSchema = Schema.Struct({
  outcome: Schema.Literal("rejected", "unknown", "unsent"),
  edit: UserEdit.UserEdit,
  error: internal.RecordError
})

/**
 * What {@link BulkReport} is as JSON.
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
 * happens twice.
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
 * const ReportJson = Schema.parseJson(Bulk.BulkReport)
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
 *     return yield* users.bulkEdit(report.failedRecords.map((record) => record.edit))
 *   })
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const BulkReport: Schema.Schema<BulkReport, BulkReportEncoded> = Schema.transform(
  Schema.Struct({ success: Schema.NonNegativeInt, failedRecords: Schema.Array(FailedRecordSchema) }),
  Schema.declare(internal.isReport, { identifier: "BulkReport" }),
  {
    strict: true,
    decode: ({ failedRecords, success }): BulkReport => new internal.Report(success, failedRecords),
    encode: ({ failedRecords, success }) => ({ success, failedRecords })
  }
)
