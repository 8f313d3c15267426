import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Bulk from "../Bulk.js"
import {
  InvalidUserEdit,
  SuprsendRateLimited,
  SuprsendRejected,
  SuprsendUnauthorized,
  SuprsendUnavailable,
  SuprsendUnexpectedResponse
} from "../SuprsendError.js"
import { count } from "./words.js"

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

/**
 * A report as a value.
 *
 * @internal
 */
export class Report extends Inspectable.Class implements Bulk.BulkReport {
  get [TypeId](): typeof TypeId {
    return TypeId
  }

  readonly status: Bulk.BulkReport["status"]
  readonly total: number
  readonly failure: number

  constructor(readonly success: number, readonly failedRecords: ReadonlyArray<Bulk.FailedRecord>) {
    super()
    const { failure, status, total } = totals(success, failedRecords.length)
    this.status = status
    this.total = total
    this.failure = failure
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return isReport(that) && this.success === that.success && this.failure === that.failure &&
      this.failedRecords.every((record, i) => {
        const other = that.failedRecords[i]
        return other !== undefined && record.outcome === other.outcome && Equal.equals(record.edit, other.edit) &&
          (record.error === other.error || printed(record.error) === printed(other.error))
      })
  }

  [Hash.symbol](): number {
    return Hash.combine(Hash.number(this.success))(Hash.number(this.failure))
  }

  toJSON(): unknown {
    const { failedRecords, failure, status, success, total } = this
    return { _id: "effect-suprsend/BulkReport", status, total, success, failure, failedRecords }
  }

  override toString(): string {
    const of = (outcome: Bulk.FailedRecord["outcome"]): ReadonlyArray<string> => {
      const records = this.failedRecords.filter((record) => record.outcome === outcome)
      return records.length === 0 ? [] : [`${count(records.length)} ${outcome}`]
    }
    return `${count(this.total, "record")}: ${
      [`${count(this.success)} accepted`, ...of("rejected"), ...of("unknown"), ...of("unsent")].join(", ")
    }`
  }
}

const printed = Schema.encodeSync(Schema.parseJson(RecordError))

/** @internal */
export const isReport = (u: unknown): u is Bulk.BulkReport => Predicate.hasProperty(u, TypeId)

/** @internal */
export const totals = (success: number, failure: number): Omit<Bulk.BulkIdReport, "failedRecords"> => ({
  status: failure === 0 ? "success" : success === 0 ? "fail" : "partial",
  total: success + failure,
  success,
  failure
})

/** @internal */
export const empty: Bulk.BulkReport = new Report(0, [])

/**
 * Counts outcomes as they come and forgets what was accepted: what a report of a million records needs is what failed.
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
