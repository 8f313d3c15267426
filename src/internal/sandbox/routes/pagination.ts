import * as Option from "effect/Option"
import * as RedBlackTree from "effect/RedBlackTree"
import { refuse, type Reply, reply, type Request } from "../protocol/reply.js"
import * as state from "../store/state.js"

/**
 * Returns a page of all users, or of those of a tenant.
 *
 * It does not read the users of other pages. A cursor is the position of a user among all users
 * ever created, so it stays valid when other users are deleted.
 *
 * @internal
 */
export const userPage = (
  world: state.State,
  tenantId: string | undefined,
  toJson: (account: state.Account) => unknown,
  request: Request
): Reply => {
  const asked = cursorsOf(request)
  if ("status" in asked) return asked
  const { after, before, limit } = asked
  const members = state.members(world, tenantId)
  const entries = before === undefined
    ? take(after === undefined ? members : RedBlackTree.greaterThan(members, after), limit)
    : take(RedBlackTree.lessThanReversed(members, before), limit).reverse()
  const first = entries.at(0)?.[0] ?? before ?? (after === undefined ? 0 : after + 1)
  const last = entries.at(-1)?.[0]
  return page({
    count: RedBlackTree.size(members),
    limit,
    before: take(RedBlackTree.lessThanReversed(members, first), 1).length > 0 ? first : undefined,
    after: last,
    hasNext: take(RedBlackTree.greaterThan(members, last ?? first - 1), 1).length > 0,
    results: entries.flatMap(([, distinctId]) =>
      Option.match(state.account(world, distinctId), { onNone: () => [], onSome: (account) => [toJson(account)] })
    )
  })
}

const take = <A>(items: Iterable<A>, limit: number): Array<A> => {
  const taken: Array<A> = []
  for (const item of items) {
    if (taken.length >= limit) break
    taken.push(item)
  }
  return taken
}

/**
 * Returns a page of a list whose cursors are positions.
 *
 * @internal
 */
export const cursorPage = <A>(
  all: ReadonlyArray<A>,
  toJson: (item: A) => unknown,
  request: Request
): Reply => {
  const asked = cursorsOf(request)
  if ("status" in asked) return asked
  const { after, before, limit } = asked
  const from = before === undefined ? (after === undefined ? 0 : after + 1) : Math.max(0, before - limit)
  const to = before === undefined ? from + limit : before
  const items = all.slice(from, to)
  return page({
    count: all.length,
    limit,
    before: from > 0 ? from : undefined,
    after: items.length > 0 ? from + items.length - 1 : undefined,
    hasNext: from + items.length < all.length,
    results: items.map(toJson)
  })
}

const page = ({ after, before, count, hasNext, limit, results }: {
  readonly count: number
  readonly limit: number
  readonly before: number | undefined
  readonly after: number | undefined
  readonly hasNext: boolean
  readonly results: ReadonlyArray<unknown>
}): Reply =>
  reply(200, {
    meta: {
      count,
      limit,
      has_prev: before !== undefined,
      before: before === undefined ? null : cursorAt(before),
      has_next: hasNext,
      after: after === undefined ? null : cursorAt(after)
    },
    results
  })

/**
 * Returns a page of a list by `limit` and `offset`.
 *
 * @internal
 */
export const offsetPage = (all: ReadonlyArray<unknown>, { query, settings }: Request): Reply => {
  const limit = count(query, "limit", settings.pageSize, 1)
  const offset = count(query, "offset", 0, 0)
  if (limit === undefined) return badLimit
  if (offset === undefined) return refuse(400, "offset: must be an integer that is not negative")
  return reply(200, { meta: { count: all.length, limit, offset }, results: all.slice(offset, offset + limit) })
}

const badLimit = refuse(400, "limit: must be a positive integer")

const cursorsOf = ({ query, settings }: Request): {
  readonly limit: number
  readonly after: number | undefined
  readonly before: number | undefined
} | Reply => {
  const limit = count(query, "limit", settings.pageSize, 1)
  if (limit === undefined) return badLimit
  const [after, before] = [cursor(query.get("after")), cursor(query.get("before"))]
  return Number.isNaN(after) || Number.isNaN(before)
    ? refuse(400, "must be a cursor of this list")
    : { limit, after, before }
}

const count = (query: URLSearchParams, name: string, initial: number, least: number): number | undefined => {
  const value = Number(query.get(name) ?? initial)
  return Number.isInteger(value) && value >= least ? value : undefined
}

// The vendor's cursors are opaque, so clients must not depend on this form.
const cursorAt = (position: number): string => `01SANDBOX${String(position).padStart(17, "0")}`

const cursor = (text: string | null): number | undefined =>
  text === null ? undefined : /^01SANDBOX\d{17}$/.test(text) ? Number(text.slice("01SANDBOX".length)) : NaN
