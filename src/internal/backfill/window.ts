import type { FailureRow } from "./ledger/ledger.js"

/**
 * The records of a partition that were read and not yet saved, in their order.
 *
 * Requests end in any order, but only the records up to the first one without an outcome can be
 * saved, because the cursor says that all before it are done.
 *
 * @internal
 */
export class Window {
  private readonly keys: Array<string> = []
  private readonly cursors: Array<string> = []
  private readonly isDone: Array<boolean> = []
  private readonly failures = new Map<number, FailureRow>()
  /** The position in the partition's run of the first record here. */
  private first = 0
  private prefix = 0

  /** The number of records that were read and not yet saved. */
  get size(): number {
    return this.keys.length
  }

  /** The number of records that can be saved. */
  get ready(): number {
    while (this.isDone[this.prefix] === true) this.prefix++
    return this.prefix
  }

  add(key: string, cursor: string): void {
    this.keys.push(key)
    this.cursors.push(cursor)
    this.isDone.push(false)
  }

  keyAt(index: number): string {
    return this.keys[index - this.first] ?? ""
  }

  accepted(index: number): void {
    this.isDone[index - this.first] = true
  }

  failed(index: number, failure: FailureRow): void {
    this.failures.set(index, failure)
    this.isDone[index - this.first] = true
  }

  /** Removes the records that can be saved. */
  take(): { readonly cursor: string | undefined; readonly records: number; readonly failures: Array<FailureRow> } {
    const records = this.ready
    const cursor = this.cursors[records - 1]
    const failures: Array<FailureRow> = []
    for (const [index, failure] of this.failures) {
      if (index >= this.first + records) continue
      failures.push(failure)
      this.failures.delete(index)
    }
    this.keys.splice(0, records)
    this.cursors.splice(0, records)
    this.isDone.splice(0, records)
    this.first += records
    this.prefix = 0
    return { cursor, records, failures }
  }
}
