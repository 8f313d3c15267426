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
 * `users.bulkEdit(report.failedRecords.map((record) => record.edit))` is a safe second try.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { InvalidDistinctId, InvalidUserEdit, RequestError } from "./SuprsendError.js"
import type { UserEdit } from "./UserEdit.js"

/**
 * How a bulk is sent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many requests are under way at once. Default: that of the layer, 16. */
  readonly concurrency?: number | undefined
}

/**
 * Where edits come from: any iterable, any async iterable, such as a cursor of a database, or a stream.
 *
 * @since 0.1.0
 * @category models
 */
export type Source<E = never, R = never> =
  | Iterable<UserEdit>
  | AsyncIterable<UserEdit>
  | Stream.Stream<UserEdit, E, R>

/**
 * How edits are sent in bulk.
 *
 * @since 0.1.0
 * @category models
 */
export interface StreamOptions extends Options {
  /**
   * How long a request that is not full waits for the next edit of a source that is slower than the requests. Default 100
   * milliseconds.
   */
  readonly linger?: Duration.DurationInput | undefined
  /**
   * Ends the run early when it succeeds: nothing more is pulled or begun, and what was pulled and not sent ends as `unsent`. All
   * outcomes are there as ever.
   */
  readonly stopWhen?: Effect.Effect<unknown> | undefined
  /**
   * How long requests that are under way may still take once the run is stopped or interrupted. What has no answer by then is given
   * up, and ends as `unknown`. Default: no time.
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
  /** Is given the report of what was known if the run is interrupted, before the interruption goes on. */
  readonly onInterrupt?: ((report: BulkReport) => Effect.Effect<void>) | undefined
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
  readonly edit: UserEdit
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
  readonly accepted: ReadonlyArray<UserEdit>
  readonly failedRecords: ReadonlyArray<FailedRecord>
  /** The bytes of the body; 0 if nothing was sent. */
  readonly bytes: number
  /** How many requests were sent for it, retries included. */
  readonly attempts: number
  /** How long it took, waiting for the rate limit and retries included. */
  readonly elapsed: Duration.Duration
}

/**
 * What came of all of them, in the vendor's words (Seed).
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
export interface BulkReport {
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
  const tally = new Tally()
  for (const outcome of outcomes) tally.add(outcome)
  return tally.report()
}

/**
 * Counts outcomes as they come and forgets what was accepted: what a report of a million records needs is what failed.
 *
 * @internal
 */
export class Tally {
  private success = 0
  private readonly failedRecords: Array<FailedRecord> = []

  add(outcome: BulkOutcome): void {
    this.success += outcome.success
    for (const record of outcome.failedRecords) this.failedRecords.push(record)
  }

  report(): BulkReport {
    const { success } = this
    const failure = this.failedRecords.length
    return { ...totals(success, failure), failedRecords: [...this.failedRecords] }
  }
}

/** @internal */
export const totals = (success: number, failure: number): Omit<BulkReport, "failedRecords"> => ({
  status: failure === 0 ? "success" : success === 0 ? "fail" : "partial",
  total: success + failure,
  success,
  failure
})
