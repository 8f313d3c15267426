import * as HashMap from "effect/HashMap"
import * as HashSet from "effect/HashSet"
import * as Option from "effect/Option"
import { parseJson } from "../answer.js"
import * as json from "../json.js"
import * as profiles from "./profile.js"

/**
 * All that the service knows, as one immutable value.
 *
 * @internal
 */
export interface State {
  /** The profiles in the order in which they were made, by user and tenant. */
  readonly profiles: HashMap.HashMap<string, Entry>
  readonly sequence: number
  /** The insert ids of the events that were applied. */
  readonly insertIds: HashSet.HashSet<string>
  readonly objects: HashMap.HashMap<string, ReadonlyArray<unknown>>
  readonly lists: HashMap.HashMap<string, ReadonlyArray<unknown>>
}

interface Entry {
  readonly sequence: number
  readonly tenantId: string | undefined
  readonly profile: profiles.Profile
}

/** @internal */
export interface Request {
  readonly method: string
  /** The path below the base URL, still encoded: `/v1/user/a%20b/`. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** @internal */
export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** @internal */
export const empty: State = {
  profiles: HashMap.empty(),
  sequence: 0,
  insertIds: HashSet.empty(),
  objects: HashMap.empty(),
  lists: HashMap.empty()
}

type Step = readonly [Answer, State]

const reply = (status: number, body: unknown): Answer => ({
  status,
  contentType: "application/json",
  body: JSON.stringify(body)
})

/** @internal */
export const refuse = (status: number, message: string): Answer => reply(status, { code: status, message })

const key = (distinctId: string, tenantId: string | undefined): string => JSON.stringify([distinctId, tenantId ?? null])

/**
 * One request, answered. The same state and request always give the same answer and state.
 *
 * @internal
 */
export const handle = (state: State, request: Request): Step => {
  const segments = decode(request.path)
  if (segments === undefined) return [refuse(400, "BAD REQUEST"), state]
  const [first, second, distinctId, third, fourth] = segments
  if (request.path === "/event/" && request.method === "POST") return events(state, request)
  if (first !== "v1" || second !== "user" || !request.path.endsWith("/")) return [refuse(404, "not found"), state]
  if (distinctId === undefined) return request.method === "GET" ? listUsers(state, request) : notAllowed(state)
  if (segments.length === 3) return ofUser(state, request, distinctId, undefined)
  if (segments.length === 5 && third === "tenant") return ofUser(state, request, distinctId, fourth)
  if (segments.length === 5 && third === "subscribed_to" && request.method === "GET") {
    if (fourth === "object") return subscribed(state, request, distinctId, state.objects)
    if (fourth === "list") return subscribed(state, request, distinctId, state.lists)
  }
  return [refuse(404, "not found"), state]
}

const decode = (path: string): ReadonlyArray<string> | undefined => {
  try {
    return path.split("/").filter((segment) => segment !== "").map(decodeURIComponent)
  } catch {
    return undefined
  }
}

const notAllowed = (state: State): Step => [refuse(405, "method not allowed"), state]

const ofUser = (state: State, request: Request, distinctId: string, tenantId: string | undefined): Step => {
  const entry = HashMap.get(state.profiles, key(distinctId, tenantId))
  switch (request.method) {
    case "GET":
      return [
        Option.match(entry, {
          onNone: () => userNotFound(distinctId),
          onSome: ({ profile }) => reply(200, profiles.toJson(profile))
        }),
        state
      ]
    case "PATCH": {
      const body = Option.getOrUndefined(parseJson(request.body))
      if (!json.isPlainRecord(body)) return [refuse(400, "BAD REQUEST"), state]
      const next = edit(state, { distinctId, tenantId, operations: body.operations ?? [], now: request.now })
      return "refused" in next
        ? [refuse(400, next.refused), state]
        : [reply(202, profiles.toJson(next.profile)), next.state]
    }
    case "DELETE":
      return Option.isNone(entry)
        ? [userNotFound(distinctId), state]
        : [{ status: 204, contentType: "application/json", body: "" }, forget(state, distinctId, tenantId)]
    default:
      return notAllowed(state)
  }
}

const userNotFound = (distinctId: string): Answer => refuse(404, `user [distinct_id: '${distinctId}'] not found`)

const forget = (state: State, distinctId: string, tenantId: string | undefined): State => ({
  ...state,
  profiles: HashMap.remove(state.profiles, key(distinctId, tenantId)),
  objects: HashMap.remove(state.objects, distinctId),
  lists: HashMap.remove(state.lists, distinctId)
})

interface Edit {
  readonly distinctId: string
  readonly tenantId: string | undefined
  readonly operations: unknown
  readonly now: number
}

const edit = (state: State, { distinctId, now, operations, tenantId }: Edit) => {
  const name = key(distinctId, tenantId)
  const entry = Option.getOrElse(HashMap.get(state.profiles, name), (): Entry => ({
    sequence: state.sequence + 1,
    tenantId,
    profile: profiles.empty(distinctId, now)
  }))
  const profile = profiles.apply(entry.profile, operations, now)
  return profiles.isRefused(profile) ? profile : {
    profile,
    state: {
      ...state,
      sequence: Math.max(state.sequence, entry.sequence),
      profiles: HashMap.set(state.profiles, name, { ...entry, profile })
    }
  }
}

const events = (state: State, request: Request): Step => {
  const body = parseJson(request.body)
  if (Option.isNone(body)) return [refuse(400, "BAD REQUEST"), state]
  let next = state
  for (const event of Array.isArray(body.value) ? body.value : [body.value]) {
    const applied = applyEvent(next, event, request.now)
    if ("refused" in applied) return [refuse(400, applied.refused), state]
    next = applied
  }
  return [{ status: 202, contentType: "text/plain", body: "OK" }, next]
}

const applyEvent = (state: State, event: unknown, now: number): State | profiles.Refused => {
  if (!json.isPlainRecord(event)) return { refused: "BAD REQUEST" }
  const { $insert_id: insertId, $user_operations: operations, distinct_id: distinctId, tenant_id: tenantId } = event
  if (typeof distinctId !== "string" || distinctId.trim() === "") {
    return { refused: "error: must pass value for distinct_id" }
  }
  if (typeof insertId !== "string") return { refused: "$insert_id: value must be of string type" }
  if (HashSet.has(state.insertIds, insertId)) return state
  const next = edit(state, {
    distinctId,
    tenantId: typeof tenantId === "string" ? tenantId : undefined,
    operations,
    now
  })
  return "refused" in next ? next : { ...next.state, insertIds: HashSet.add(next.state.insertIds, insertId) }
}

/**
 * The users in the order in which they were made.
 *
 * @internal
 */
export const users = (state: State): ReadonlyArray<profiles.Profile> =>
  Array.from(HashMap.values(state.profiles))
    .filter((entry) => entry.tenantId === undefined)
    .sort((a, b) => a.sequence - b.sequence)
    .map((entry) => entry.profile)

/** @internal */
export const user = (state: State, distinctId: string): Option.Option<profiles.Profile> =>
  Option.map(HashMap.get(state.profiles, key(distinctId, undefined)), (entry) => entry.profile)

const listUsers = (state: State, request: Request): Step => [page(users(state), profiles.toJson, request), state]

const subscribed = (
  state: State,
  request: Request,
  distinctId: string,
  subscriptions: HashMap.HashMap<string, ReadonlyArray<unknown>>
): Step => [
  HashMap.has(state.profiles, key(distinctId, undefined))
    ? page(Option.getOrElse(HashMap.get(subscriptions, distinctId), () => []), (item) => item, request)
    : userNotFound(distinctId),
  state
]

const defaultLimit = 10

// A cursor is the position of an item. The vendor's are opaque, and so are these to whoever follows the documentation.
const page = <A>(all: ReadonlyArray<A>, toJson: (item: A) => unknown, { query }: Request): Answer => {
  const limit = Number(query.get("limit") ?? defaultLimit)
  if (!Number.isInteger(limit) || limit < 1) return refuse(400, "limit: must be a positive integer")
  const after = cursor(query.get("after"))
  const before = cursor(query.get("before"))
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

const cursorAt = (position: number): string => `01SANDBOX${String(position).padStart(17, "0")}`

const cursor = (text: string | null): number | undefined =>
  text === null ? undefined : Number(text.replace("01SANDBOX", ""))

/** @internal */
export const subscribe = (
  state: State,
  kind: "objects" | "lists",
  distinctId: string,
  subscription: unknown
): State => ({
  ...state,
  [kind]: HashMap.modifyAt(
    state[kind],
    distinctId,
    (items) => Option.some([...Option.getOrElse(items, () => []), subscription])
  )
})
