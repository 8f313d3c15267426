import * as Chunk from "effect/Chunk"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import { parseJson } from "../../support/json.js"
import * as json from "../../support/json.js"
import * as wire from "../protocol/reply.js"
import * as profiles from "../store/profile.js"
import type { Settings } from "../store/settings.js"
import * as state from "../store/state.js"

type State = state.State

/** @internal */
export const accept = (before: State, request: wire.Request): readonly [wire.Reply, State] => {
  const body = parseJson(request.body)
  if (Option.isNone(body)) return [wire.malformed, before]
  const events = list(body.value)
  if (request.env !== undefined && events.some((event) => isOfAnother(event, request.env))) {
    return [wire.refuse(401, "env: must be the UID of the workspace of this API key"), before]
  }
  let next = before
  for (const event of events) {
    const after = acceptOne(next, event, request)
    if (!("refused" in after)) next = after
    else if (request.settings.malformedEvents === "refuseAll") return [wire.refuse(400, after.refused), before]
  }
  // The recorded response of the service, with its content type.
  return [{ status: 202, contentType: "text/plain;charset=UTF-8", body: "OK" }, next]
}

const isOfAnother = (event: unknown, env: string | undefined): boolean =>
  json.isPlainRecord(event) && typeof event.env === "string" && event.env !== env

const list = (body: unknown): ReadonlyArray<unknown> => Array.isArray(body) ? body : [body]

/**
 * Returns the distinct insert ids in the body of a request.
 *
 * @internal
 */
export const insertIds = (body: unknown): ReadonlySet<string> =>
  new Set(
    list(body).flatMap((event) => {
      const edit = parse(event)
      return "refused" in edit ? [] : [edit.insertId]
    })
  )

const acceptOne = (before: State, event: unknown, request: wire.Request): State | profiles.Refused => {
  const { now, settings } = request
  const edit = parse(event)
  if ("refused" in edit) return edit
  const { distinctId, insertId, operations, tenantId } = edit
  const known = HashMap.get(before.deliveries, insertId)
  if (Option.isSome(known) && now - known.value.takenAt < settings.insertIdLifetime) {
    return withDelivery(before, insertId, { ...known.value, arrivals: withTime(known.value.arrivals, now) })
  }
  // Validity depends only on the operations, so an event that is accepted can be applied later.
  const tried = profiles.apply(profiles.empty(distinctId, now), operations, request)
  if (profiles.isRefused(tried)) return tried
  const accepted = withDelivery(before, insertId, {
    position: Option.match(known, {
      onNone: () => HashMap.size(before.deliveries),
      onSome: ({ position }) => position
    }),
    distinctId,
    tenantId,
    operations,
    arrivals: withTime(Option.match(known, { onNone: () => [], onSome: ({ arrivals }) => arrivals }), now),
    applied: Option.match(known, { onNone: () => [], onSome: ({ applied }) => applied }),
    takenAt: now
  })
  const pending = Chunk.append(accepted.pending, { ...edit, dueAt: now + settings.processingDelay })
  return settle({ ...accepted, pending }, now, settings)
}

/** Parses the members of an event that the sandbox uses. */
const parse = (event: unknown): Omit<state.Pending, "dueAt"> | profiles.Refused => {
  if (!json.isPlainRecord(event)) return { refused: "BAD REQUEST" }
  const { $insert_id: insertId, $user_operations: operations, distinct_id: distinctId, tenant_id: tenantId } = event
  if (typeof distinctId !== "string" || distinctId.trim() === "") {
    return { refused: "error: must pass value for distinct_id" }
  }
  if (typeof insertId !== "string") return { refused: "$insert_id: value must be of string type" }
  // An empty tenant id means no tenant, as in the vendor's SDKs.
  const tenant = typeof tenantId === "string" && tenantId !== "" ? tenantId : undefined
  return { insertId, distinctId, tenantId: tenant, operations }
}

const maximumTimes = 1_000

/** Adds a time. Above the maximum, the first and the latest times are kept. */
const withTime = (times: ReadonlyArray<number>, now: number): ReadonlyArray<number> =>
  times.length < maximumTimes ? [...times, now] : [...times.slice(0, 1), ...times.slice(2), now]

const withDelivery = (before: State, insertId: string, delivery: state.Delivery): State => ({
  ...before,
  deliveries: HashMap.set(before.deliveries, insertId, delivery)
})

/**
 * Applies the pending events that are due.
 *
 * @internal
 */
export const settle = (before: State, now: number, settings: Settings): State => {
  let next = before
  for (
    let first = Chunk.head(next.pending);
    Option.isSome(first) && first.value.dueAt <= now;
    first = Chunk.head(next.pending)
  ) {
    next = apply({ ...next, pending: Chunk.drop(next.pending, 1) }, first.value, settings)
  }
  return next
}

const apply = (before: State, pending: state.Pending, settings: Settings): State => {
  const { distinctId, dueAt, insertId, operations, tenantId } = pending
  const moment = { now: dueAt, settings }
  const changed = state.changeProfile(
    before,
    { distinctId, tenantId, ...moment },
    (profile) => profiles.apply(profile, operations, moment)
  )
  return "refused" in changed ? before : {
    ...changed.state,
    deliveries: HashMap.modify(changed.state.deliveries, insertId, (delivery) => ({
      ...delivery,
      applied: withTime(delivery.applied, dueAt)
    }))
  }
}
