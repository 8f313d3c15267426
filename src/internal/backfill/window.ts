import type { FailureRow } from "./ledger/ledger.js"

// Once this many records have an outcome and are half of the lists, they are dropped. So each record
// is moved at most once on average.
const worthDropping = 1_024

/**
 * The records of a partition that were read and not yet saved, in their order.
 *
 * Requests end in any order, but only the records up to the first one without an outcome can be
 * saved, because the cursor says that all before it are done. Of these, only the last cursor and the
 * failures are kept.
 *
 * @internal
 */
export class Window {
  // Of the records from `first` on.
  private keys: Array<string> = []
  private cursors: Array<string> = []
  private isDone: Array<boolean> = []
  private readonly failures = new Map<number, FailureRow>()
  /** The position in the partition's run of the first record in the lists. */
  private first = 0
  /** The position of the first record that was not saved. */
  private unsaved = 0
  /** The position of the first record without an outcome. */
  private open = 0
  /** The cursor of the record before that. */
  private cursor: string | undefined

  /** The number of records that were read and not yet saved. */
  get size(): number {
    return this.first + this.keys.length - this.unsaved
  }

  /** The number of records that can be saved. */
  get ready(): number {
    this.advance()
    return this.open - this.unsaved
  }

  private advance(): void {
    const { first, isDone } = this
    let head = this.open - first
    if (isDone[head] !== true) return
    while (isDone[head] === true) head++
    this.open = first + head
    this.cursor = this.cursors[head - 1]
    if (head < worthDropping || 2 * head < isDone.length) return
    this.keys = this.keys.slice(head)
    this.cursors = this.cursors.slice(head)
    this.isDone = this.isDone.slice(head)
    this.first = this.open
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
    const failures: Array<FailureRow> = []
    for (const [index, failure] of this.failures) {
      if (index >= this.open) continue
      failures.push(failure)
      this.failures.delete(index)
    }
    this.unsaved = this.open
    return { cursor: records === 0 ? undefined : this.cursor, records, failures }
  }
}
