import { type Answer, refuse, reply, type Request } from "./wire.js"

/**
 * A page of a list that is followed by cursors. A cursor is the position of an item. The vendor's are opaque, and so are these
 * to whoever follows the documentation.
 *
 * @internal
 */
export const cursorPage = <A>(
  all: ReadonlyArray<A>,
  toJson: (item: A) => unknown,
  { query, settings }: Request
): Answer => {
  const limit = count(query, "limit", settings.pageSize, 1)
  if (limit === undefined) return refuse(400, "limit: must be a positive integer")
  const after = cursor(query.get("after"))
  const before = cursor(query.get("before"))
  if (Number.isNaN(after) || Number.isNaN(before)) return refuse(400, "must be a cursor of this list")
  const from = before === undefined ? (after === undefined ? 0 : after + 1) : Math.max(0, before - limit)
  const to = before === undefined ? from + limit : before
  const items = all.slice(from, to)
  return reply(200, {
    meta: {
      count: all.length,
      limit,
      has_prev: from > 0,
      before: from > 0 ? cursorAt(from) : null,
      has_next: from + items.length < all.length,
      after: items.length > 0 ? cursorAt(from + items.length - 1) : null
    },
    results: items.map(toJson)
  })
}

/**
 * A page of a list that is counted.
 *
 * @internal
 */
export const offsetPage = (all: ReadonlyArray<unknown>, { query, settings }: Request): Answer => {
  const limit = count(query, "limit", settings.pageSize, 1)
  const offset = count(query, "offset", 0, 0)
  if (limit === undefined) return refuse(400, "limit: must be a positive integer")
  if (offset === undefined) return refuse(400, "offset: must be an integer that is not negative")
  return reply(200, { meta: { count: all.length, limit, offset }, results: all.slice(offset, offset + limit) })
}

const count = (query: URLSearchParams, name: string, initial: number, least: number): number | undefined => {
  const value = Number(query.get(name) ?? initial)
  return Number.isInteger(value) && value >= least ? value : undefined
}

const cursorAt = (position: number): string => `01SANDBOX${String(position).padStart(17, "0")}`

const cursor = (text: string | null): number | undefined =>
  text === null ? undefined : Number(text.replace("01SANDBOX", ""))
