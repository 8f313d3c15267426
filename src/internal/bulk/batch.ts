import type { Operation } from "../../Operation.js"
import type { UserEdit } from "../../UserEdit.js"
import { written } from "../edit/userEdit.js"

/**
 * An edit with its position in the source.
 *
 * @internal
 */
export interface Placed {
  readonly edit: UserEdit
  readonly index: number
}

/**
 * The lock that a batch holds on its users while it is in flight.
 *
 * It is separate from the batch, because it may be referenced longer and must not keep the body
 * alive.
 *
 * @internal
 */
export class KeyLock {
  /** Later edits of these users, in order. They become ready when the request has ended. */
  readonly later: Array<Placed> = []
  ended = false
}

/**
 * The edits of one request, stored as its encoded body.
 *
 * The edits are not kept after encoding, but decoded from the body on demand. Keeping them alive
 * for as long as their request takes would promote them to the old generation, at the cost of the
 * garbage collector (`npm run bench -- --only scale`).
 *
 * @internal
 */
export class Batch {
  /** The end of each edit in the body. */
  private readonly ends: Array<number> = []
  /**
   * The positions in the source, as runs of consecutive ones: where each run starts, and its
   * offset.
   */
  private readonly runs: Array<number> = []
  private offset = 0
  readonly hold = new KeyLock()
  body: Uint8Array = nothing

  /** @param kept the edits themselves, if the caller needs the original values */
  constructor(readonly kept: Array<UserEdit> | undefined) {}

  get count(): number {
    return this.ends.length
  }

  /** Adds an edit that ends at this position of the body. */
  add(end: number, index: number, edit?: UserEdit): void {
    const offset = index - this.ends.length
    if (this.runs.length === 0 || offset !== this.offset) {
      this.runs.push(this.ends.length, offset)
      this.offset = offset
    }
    this.ends.push(end)
    if (edit !== undefined) this.kept?.push(edit)
  }

  /** Returns the edits of a range, with their insert ids. */
  edits(from: number, to: number): ReadonlyArray<UserEdit> {
    if (this.kept !== undefined) return from === 0 && to === this.count ? this.kept : this.kept.slice(from, to)
    return from === to ? [] : read(decoder.decode(this.slice(from, to)))
  }

  /** Returns the edits of a range, with their positions in the source. */
  placed(from: number, to: number): ReadonlyArray<Placed> {
    return this.edits(from, to).map((edit, i) => ({ edit, index: this.indexOf(from + i) }))
  }

  /** Returns the positions in the source of the edits of a range. */
  indexes(from: number, to: number): ReadonlyArray<number> {
    const indexes: Array<number> = []
    for (let position = from; position < to; position++) indexes.push(this.indexOf(position))
    return indexes
  }

  private indexOf(position: number): number {
    const { runs } = this
    let run = 0
    while (run + 2 < runs.length && (runs[run + 2] ?? 0) <= position) run += 2
    return position + (runs[run + 1] ?? 0)
  }

  /** Returns the body for a range. */
  slice(from: number, to: number): Uint8Array {
    if (from === 0 && to === this.count) return this.body
    const start = from === 0 ? 1 : (this.ends[from - 1] ?? 0) + 1
    const end = this.ends[to - 1] ?? start
    const part = new Uint8Array(end - start + 2)
    part[0] = openBracket
    part.set(this.body.subarray(start, end), 1)
    part[part.length - 1] = closeBracket
    return part
  }

  /** Returns a batch of those edits in a range that are still wanted. */
  only(from: number, to: number, isWanted: (edit: UserEdit) => boolean): Batch {
    const edits = this.edits(from, to)
    if (from === 0 && to === this.count && edits.every(isWanted)) return this
    const kept = edits.flatMap((edit, i) =>
      isWanted(edit) ? [{ edit, position: from + i, json: this.slice(from + i, from + i + 1).subarray(1, -1) }] : []
    )
    const pack = new Batch(this.kept === undefined ? undefined : [])
    const body = new Uint8Array(kept.reduce((bytes, { json }) => bytes + json.length + 1, kept.length === 0 ? 2 : 1))
    body[0] = openBracket
    let end = 0
    for (const { edit, json, position } of kept) {
      if (end > 0) body[end] = comma
      body.set(json, end + 1)
      end += 1 + json.length
      pack.add(end, this.indexOf(position), edit)
    }
    body[body.length - 1] = closeBracket
    pack.body = body
    return pack
  }
}

const nothing = new Uint8Array(0)

const decoder = new TextDecoder()

interface Event {
  readonly $insert_id: string
  readonly distinct_id: string
  readonly $user_operations: ReadonlyArray<Operation>
  readonly tenant_id?: string
}

// The encoder wrote this body from edits that passed `validate`, so it needs no further validation.
const read = (body: string): ReadonlyArray<UserEdit> => {
  const events: ReadonlyArray<Event> = JSON.parse(body)
  return events.map((event) => written(event.distinct_id, event.tenant_id, event.$insert_id, event.$user_operations))
}

/** @internal */
export const openBracket = 0x5b

/** @internal */
export const comma = 0x2c

/** @internal */
export const closeBracket = 0x5d
