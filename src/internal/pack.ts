import type { UserEdit } from "../UserEdit.js"

/**
 * The edits of one request, and the body in which they travel.
 *
 * @internal
 */
export class Pack {
  readonly edits: Array<UserEdit> = []
  /** Where in the body each of them ends. */
  readonly ends: Array<number> = []
  /** Later edits of users whose edits are in here, in order: they go when this one has ended. */
  readonly later: Array<UserEdit> = []
  body: Uint8Array = nothing
  ended = false

  /** The body of a part of it. */
  slice(from: number, to: number): Uint8Array {
    if (from === 0 && to === this.edits.length) return this.body
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
  const kept = pack.edits.flatMap((edit, i) =>
    isWanted(edit) ? [{ edit, json: pack.slice(i, i + 1).subarray(1, -1) }] : []
  )
  if (kept.length === pack.edits.length) return
  const body = new Uint8Array(kept.reduce((bytes, { json }) => bytes + json.length + 1, 1))
  let position = 0
  pack.edits.length = 0
  pack.ends.length = 0
  for (const { edit, json } of kept) {
    body[position] = position === 0 ? openBracket : comma
    body.set(json, position + 1)
    position += 1 + json.length
    pack.edits.push(edit)
    pack.ends.push(position)
  }
  body[position] = closeBracket
  pack.body = body
}

const nothing = new Uint8Array(0)

/** @internal */
export const openBracket = 0x5b

/** @internal */
export const comma = 0x2c

/** @internal */
export const closeBracket = 0x5d
