/**
 * Errors of backfills, one type per recovery strategy.
 *
 * Like the errors of single calls, they have the prefix `Suprsend`, contain no secrets, and are
 * schemas.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { RecordError } from "./internal/bulk/report.js"
import type { SuprsendInvalidInput } from "./SuprsendError.js"

// Not `name`, which is the name of the class in every error.
const ofJob = {
  /** The name of the backfill. */
  backfill: Schema.String
}

/**
 * The backfill was started with another definition under the same name. Nothing was sent.
 *
 * Give the new definition a name of its own. Removing the old one does not help: records that
 * SuprSend already applied have the same insert ids, and are ignored.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendBackfillChanged extends Schema.TaggedError<SuprsendBackfillChanged>(
  "effect-suprsend/SuprsendBackfillChanged"
)("SuprsendBackfillChanged", {
  ...ofJob,
  /** Each difference as a sentence, such as `version was "1" and is "2"`. */
  changes: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `the backfill ${JSON.stringify(this.backfill)} was started with another definition: ${
      this.changes.join("; ")
    }. ` +
      "Give the new definition another name. Removing the old one does not help: records that SuprSend already applied " +
      "have the same insert ids, and are ignored"
  }
}

/**
 * The ledger has no backfill of this name. Check the name, or start the backfill.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendBackfillNotFound extends Schema.TaggedError<SuprsendBackfillNotFound>(
  "effect-suprsend/SuprsendBackfillNotFound"
)("SuprsendBackfillNotFound", ofJob) {
  override get message(): string {
    return `the ledger has no backfill ${
      JSON.stringify(this.backfill)
    }: check the name (Backfill.list, or effect-suprsend backfill list), or start it`
  }
}

/**
 * The state of the backfill does not allow this.
 *
 * A cancelled backfill cannot be resumed, a running one cannot be removed, and a completed one can
 * only be removed.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendBackfillState extends Schema.TaggedError<SuprsendBackfillState>(
  "effect-suprsend/SuprsendBackfillState"
)("SuprsendBackfillState", {
  ...ofJob,
  state: Schema.Literal("running", "paused", "cancelled", "completed"),
  /** What was asked for. */
  action: Schema.Literal("pause", "resume", "cancel", "remove")
}) {
  override get message(): string {
    const fix = this.action === "remove"
      ? `${this.state === "running" ? "cancel it first, and " : ""}wait until no runner works on it`
      : this.action === "resume"
      ? "start a backfill with another name"
      : "nothing is left to do"
    return `cannot ${this.action} the backfill ${JSON.stringify(this.backfill)}, because it is ${this.state}: ${fix}`
  }
}

/**
 * A row of the source has no valid key or cursor, so the run stopped before it.
 *
 * The rows before it are sent. Correct the row, or let `rows` skip it, and run the backfill again:
 * the next run begins after the last checkpoint, before this row.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendBackfillInvalidRow extends Schema.TaggedError<SuprsendBackfillInvalidRow>(
  "effect-suprsend/SuprsendBackfillInvalidRow"
)("SuprsendBackfillInvalidRow", {
  ...ofJob,
  /** The range of its partition as JSON, if the backfill has several. */
  range: Schema.optional(Schema.String),
  /** The number of the row among those of this run and partition, counted from 1. */
  row: Schema.Number,
  /** The cursor of the row before it, unless it is the first one. */
  after: Schema.optional(Schema.String),
  /** What is wrong, such as `key must not be empty`. */
  description: Schema.String
}) {
  override get message(): string {
    return `the backfill ${JSON.stringify(this.backfill)} stopped before row ${this.row} of this run${
      this.range === undefined ? "" : ` in the range ${this.range}`
    }${
      this.after === undefined ? "" : `, the one after the cursor ${JSON.stringify(this.after)}`
    }: ${this.description}. Correct the row or skip it, and run the backfill again`
  }
}

/**
 * SuprSend refused everything, or was unavailable for too long, so the run stopped.
 *
 * The backfill is still where it stopped: correct what `error` says, and run it again. Nothing is
 * lost and nothing is applied twice.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendBackfillHalted extends Schema.TaggedError<SuprsendBackfillHalted>(
  "effect-suprsend/SuprsendBackfillHalted"
)("SuprsendBackfillHalted", {
  ...ofJob,
  /** The number of the partition, counted from 0. */
  partition: Schema.Number,
  /** The error of the request. */
  error: RecordError
}) {
  override get message(): string {
    return `the backfill ${
      JSON.stringify(this.backfill)
    } stopped in partition ${this.partition}, and goes on from there ` +
      `when it is run again: ${this.error.message}`
  }
}

/**
 * The database of the ledger failed, and retries did not help or could not.
 *
 * Check the database, and run the backfill again: it goes on where it stopped.
 *
 * @since 0.1.0
 * @category errors
 */
export class SuprsendLedgerError extends Schema.TaggedError<SuprsendLedgerError>("effect-suprsend/SuprsendLedgerError")(
  "SuprsendLedgerError",
  {
    /** The operation on the ledger, such as `save a checkpoint`. */
    operation: Schema.String,
    /** The message of the database, without the parameters of the statement. */
    description: Schema.String
  }
) {
  override get message(): string {
    return `the ledger of backfills failed to ${this.operation}: ${this.description}`
  }
}

/**
 * Errors that a run can end with, besides those of its source.
 *
 * `SuprsendInvalidInput` says that the definition, a total or an option is invalid; nothing was sent.
 *
 * @since 0.1.0
 * @category models
 */
export type RunError =
  | SuprsendBackfillChanged
  | SuprsendBackfillHalted
  | SuprsendBackfillInvalidRow
  | SuprsendInvalidInput
  | SuprsendLedgerError
