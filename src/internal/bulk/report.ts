import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Bulk from "../../Bulk.js"
import {
  InvalidUserEdit,
  SuprsendRateLimited,
  SuprsendRejected,
  SuprsendUnauthorized,
  SuprsendUnavailable,
  SuprsendUnexpectedResponse
} from "../../SuprsendError.js"
import { count } from "../support/format.js"

const TypeId = Symbol.for("effect-suprsend/BulkReport")

/** @internal */
export const RecordError = Schema.Union(
  InvalidUserEdit,
  SuprsendUnauthorized,
  SuprsendRejected,
  SuprsendRateLimited,
  SuprsendUnavailable,
  SuprsendUnexpectedResponse
)

type Failed = { readonly outcome: Bulk.FailedRecord["outcome"] }

/**
 * Formats counts as a line: `5,000 records: 4,990 accepted, 7 rejected, 3 unknown`.
 *
 * @internal
 */
export const summary = (
  { failedRecords, success }: { readonly success: number; readonly failedRecords: ReadonlyArray<Failed> },
  accepted = "accepted"
): string => {
  const counts = { invalid: 0, rejected: 0, unknown: 0, unsent: 0 }
  for (const { outcome } of failedRecords) counts[outcome]++
  const of = (outcome: keyof typeof counts) => counts[outcome] === 0 ? [] : [`${count(counts[outcome])} ${outcome}`]
  return `${count(success + failedRecords.length, "record")}: ${
    [`${count(success)} ${accepted}`, ...of("invalid"), ...of("rejected"), ...of("unknown"), ...of("unsent")].join(", ")
  }`
}

/**
 * Returns a value as JSON, or as a line in a log message, where all failed records would be too
 * long.
 *
 * @internal
 */
export const jsonOrLine = (json: object, line: () => string): unknown =>
  Inspectable.redact({ ...json, [Inspectable.symbolRedactable]: line })

/** The counts of a report, and how it prints. */
abstract class Counted<Record extends Failed> {
  readonly status: Bulk.BulkReport["status"]
  readonly total: number
  readonly failure: number

  constructor(readonly success: number, readonly failedRecords: ReadonlyArray<Record>) {
    const failure = failedRecords.length
    this.status = failure === 0 ? "success" : success === 0 ? "fail" : "partial"
    this.total = success + failure
    this.failure = failure
  }

  abstract toString(): string

  protected json(_id: string): unknown {
    const { failedRecords, failure, status, success, total } = this
    return jsonOrLine({ _id, status, total, success, failure, failedRecords }, () => this.toString())
  }

  [Inspectable.NodeInspectSymbol](): string {
    return this.toString()
  }
}

/**
 * The value of a report.
 *
 * @internal
 */
export class Report extends Counted<Bulk.FailedRecord> implements Bulk.BulkReport {
  get [TypeId](): typeof TypeId {
    return TypeId
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return isReport(that) && this.success === that.success && this.failure === that.failure &&
      this.failedRecords.every((record, i) => {
        const other = that.failedRecords[i]
        return other !== undefined && record.outcome === other.outcome && record.index === other.index &&
          Equal.equals(record.edit, other.edit) &&
          (record.error === other.error || printed(record.error) === printed(other.error))
      })
  }

  [Hash.symbol](): number {
    return Hash.combine(Hash.number(this.success))(Hash.number(this.failure))
  }

  toJSON(): unknown {
    return this.json("effect-suprsend/BulkReport")
  }

  toString(): string {
    return summary(this)
  }
}

/**
 * The value of a report on user ids.
 *
 * @internal
 */
export class IdReport extends Counted<Bulk.FailedId> implements Bulk.BulkIdReport {
  toJSON(): unknown {
    return this.json("effect-suprsend/BulkIdReport")
  }

  toString(): string {
    return summary(this, "done")
  }
}

const printed = Schema.encodeSync(Schema.parseJson(RecordError))

/** @internal */
export const isReport = (u: unknown): u is Bulk.BulkReport => Predicate.hasProperty(u, TypeId)

/** @internal */
export const empty: Bulk.BulkReport = new Report(0, [])

/**
 * Counts outcomes without keeping accepted edits, so that memory grows only with failed records.
 *
 * @internal
 */
export class Tally {
  private success = 0
  private readonly failedRecords: Array<Bulk.FailedRecord> = []

  add({ failedRecords, success }: Pick<Bulk.BulkOutcome, "success" | "failedRecords">): void {
    this.success += success
    for (const record of failedRecords) this.failedRecords.push(record)
  }

  report(): Bulk.BulkReport {
    return new Report(this.success, [...this.failedRecords])
  }
}
