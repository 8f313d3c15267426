import type { Operation } from "../../Operation.js"
import type { UserEdit } from "../../UserEdit.js"
import { written } from "../edit/userEdit.js"

/**
 * An edit and its place in the source.
 *
 * @internal
 */
export interface Placed {
  readonly edit: UserEdit
  readonly index: number
}

/**
 * What keeps the users of a request to it for as long as it is under way. It outlives the request by a while, and so does not hold
 * its body.
 *
 * @internal
 */
export class KeyLock {
  /** Later edits of these users, in order: they go when the request has ended. */
  readonly later: Array<Placed> = []
  ended = false
}

/**
 * The edits of one request, as the body in which they travel.
 *
 * The edits themselves are let go once they are written, and read from the body again for whoever asks. A million of them, each kept
 * alive for as long as its request takes, were measured to keep the garbage collector busier than all other work.
 *
 * @internal
 */
export class Batch {
  /** Where in the body each of them ends. */
  private readonly ends: Array<number> = []
  /** Their places in the source, as runs of neighbours: where a run begins here, and by how much its places are higher there. */
  private readonly runs: Array<number> = []
  private offset = 0
  readonly hold = new KeyLock()
  body: Uint8Array = nothing

  /**
   * @param kept the edits, where the caller needs the very values that were handed over
   */
  constructor(readonly kept: Array<UserEdit> | undefined) {}

  get count(): number {
    return this.ends.length
  }

  /** Adds an edit that ends there in the body. */
  add(end: number, index: number, edit?: UserEdit): void {
    const offset = index - this.ends.length
    if (this.runs.length === 0 || offset !== this.offset) {
      this.runs.push(this.ends.length, offset)
      this.offset = offset
    }
    this.ends.push(end)
    if (edit !== undefined) this.kept?.push(edit)
  }

  /** Gives the edits of a part of it, with their insert ids. */
  edits(from: number, to: number): ReadonlyArray<UserEdit> {
    if (this.kept !== undefined) return from === 0 && to === this.count ? this.kept : this.kept.slice(from, to)
    return from === to ? [] : read(decoder.decode(this.slice(from, to)))
  }

  /** Gives the same with their places in the source. */
  placed(from: number, to: number): ReadonlyArray<Placed> {
    return this.edits(from, to).map((edit, i) => ({ edit, index: this.indexOf(from + i) }))
  }

  private indexOf(position: number): number {
    const { runs } = this
    let run = 0
    while (run + 2 < runs.length && (runs[run + 2] ?? 0) <= position) run += 2
    return position + (runs[run + 1] ?? 0)
  }

  /** Gives the body of a part of it. */
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

  /** Gives a part of it without the edits that are not wanted. */
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

// What the encoder wrote, from edits that had passed `validate`.
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
