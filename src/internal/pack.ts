import type { Operation } from "../Operation.js"
import type { UserEdit } from "../UserEdit.js"
import { written } from "./userEdit.js"

/**
 * What keeps the users of a request to it for as long as it is under way. It outlives the request by a while, and so does not hold
 * its body.
 *
 * @internal
 */
export class Hold {
  /** Later edits of these users, in order: they go when the request has ended. */
  readonly later: Array<UserEdit> = []
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
export class Pack {
  /** Where in the body each of them ends. */
  readonly ends: Array<number> = []
  readonly hold = new Hold()
  body: Uint8Array = nothing

  /**
   * @param kept the edits, where somebody waits for the very values that were handed over
   */
  constructor(readonly kept: Array<UserEdit> | undefined) {}

  get count(): number {
    return this.ends.length
  }

  /** The edits of a part of it, with their insert ids. */
  edits(from: number, to: number): ReadonlyArray<UserEdit> {
    if (this.kept !== undefined) return from === 0 && to === this.count ? this.kept : this.kept.slice(from, to)
    return from === to ? [] : read(decoder.decode(this.slice(from, to)))
  }

  /** The body of a part of it. */
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
}

/**
 * The same without the edits that nobody wants any more.
 *
 * @internal
 */
export const keep = (pack: Pack, isWanted: (edit: UserEdit) => boolean): void => {
  const edits = pack.kept ?? []
  if (edits.every(isWanted)) return
  const kept = edits.flatMap((edit, i) => isWanted(edit) ? [{ edit, json: pack.slice(i, i + 1).subarray(1, -1) }] : [])
  const body = new Uint8Array(kept.reduce((bytes, { json }) => bytes + json.length + 1, 1))
  let position = 0
  edits.length = 0
  pack.ends.length = 0
  for (const { edit, json } of kept) {
    body[position] = position === 0 ? openBracket : comma
    body.set(json, position + 1)
    position += 1 + json.length
    edits.push(edit)
    pack.ends.push(position)
  }
  body[position] = closeBracket
  pack.body = body
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
