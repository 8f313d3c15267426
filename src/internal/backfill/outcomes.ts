import * as Schema from "effect/Schema"
import type * as Bulk from "../../Bulk.js"
import { UserEditSchema } from "../../UserEdit.js"
import { decide } from "./decision.js"
import type { Ending } from "./ending.js"
import type { Window } from "./window.js"

const encodeEdit = Schema.encodeSync(Schema.parseJson(UserEditSchema))

/**
 * Takes note of what became of the records of a partition.
 *
 * @internal
 */
export class Outcomes {
  /** The number of accepted records. It tells a record that cannot be sent from an outage. */
  accepted = 0

  constructor(private readonly window: Window, private readonly ending: Ending) {}

  /**
   * Takes note of the outcome of a request, and returns the records to send again.
   *
   * `positionOf` says where a record of the request is in the window.
   */
  settle(
    { acceptedIndexes, failedRecords }: Bulk.BulkOutcome,
    positionOf: (index: number) => number
  ): ReadonlyArray<Bulk.FailedRecord> {
    for (const index of acceptedIndexes) this.window.accepted(positionOf(index))
    this.accepted += acceptedIndexes.length
    const again: Array<Bulk.FailedRecord> = []
    for (const failed of failedRecords) {
      const record = { ...failed, index: positionOf(failed.index) }
      const decision = decide(failed)
      if (decision._tag === "record") this.failed(record)
      else if (decision._tag === "retry") again.push(record)
      // If nothing stops the run, then the client was closed.
      else if (decision._tag === "halt" || !this.ending.isStopping) this.ending.halted ??= decision.error
    }
    return again
  }

  /** Keeps a record as failed. Its index is the position in the window. */
  failed({ edit, error, index, outcome }: Bulk.FailedRecord): void {
    const key = this.window.keyAt(index)
    this.window.failed(index, {
      key,
      insertId: edit.insertId ?? "",
      outcome,
      type: error._tag,
      message: error.message,
      edit: encodeEdit(edit)
    })
  }
}
