import * as Option from "effect/Option"
import { parseJson } from "../../support/json.js"
import * as wire from "../protocol/reply.js"
import * as profiles from "../store/profile.js"
import * as state from "../store/state.js"
import { cursorPage, userPage } from "./pagination.js"

type State = state.State
type Step = readonly [wire.Reply, State]

/** @internal */
export const list = (before: State, request: wire.Request): Step => {
  const tenantId = request.query.get("tenant_id") ?? ""
  return [
    tenantId === ""
      ? userPage(before, undefined, ({ profile }) => profiles.toJson(profile), request)
      : userPage(before, tenantId, (account) => ({
        ...profiles.toJson(state.effectiveProfile(account, tenantId)),
        ...tenantMember(before, tenantId)
      }), request),
    before
  ]
}

/** @internal */
export const get = (before: State, _request: wire.Request, distinctId: string): Step => [
  Option.match(state.account(before, distinctId), {
    onNone: () => wire.userNotFound(distinctId),
    onSome: ({ profile }) => wire.reply(200, profiles.toJson(profile))
  }),
  before
]

/** @internal */
export const getForTenant = (
  before: State,
  request: wire.Request,
  distinctId: string,
  tenantId: string
): Step => [
  Option.match(state.account(before, distinctId), {
    onNone: () => wire.userNotFound(distinctId),
    onSome: (account) =>
      account.tenants.has(tenantId)
        ? wire.reply(200, tenantProfile(before, request, account, tenantId))
        : wire.tenantNotFound(tenantId)
  }),
  before
]

/** @internal */
export const listForTenants = (before: State, request: wire.Request, distinctId: string): Step => [
  Option.match(state.account(before, distinctId), {
    onNone: () => wire.userNotFound(distinctId),
    onSome: (account) =>
      cursorPage([...account.tenants.keys()], (id) => tenantProfile(before, request, account, id), request)
  }),
  before
]

/** Returns the tenant profile of a user, as the tenant endpoints return it. */
const tenantProfile = (
  world: State,
  { settings }: wire.Request,
  account: state.Account,
  tenantId: string
): unknown => {
  const own = account.tenants.get(tenantId)
  return {
    ...profiles.toJson(
      own === undefined || settings.tenantProfiles === "effective" ? state.effectiveProfile(account, tenantId) : own
    ),
    ...tenantMember(world, tenantId)
  }
}

/** @internal */
export const upsert = (before: State, request: wire.Request, distinctId: string, tenantId?: string): Step => {
  if (Option.isNone(parseJson(request.body))) return [wire.malformed, before]
  const body = Option.getOrUndefined(wire.bodyOf(request))
  if (body === undefined) return [wire.refuse(400, "invalid_request_error"), before]
  const { now, settings } = request
  return changed(
    201,
    before,
    state.changeProfile(
      before,
      { distinctId, tenantId, now, settings },
      (profile) => profiles.upsert(profile, body, now)
    ),
    request,
    tenantId
  )
}

/** @internal */
export const edit = (before: State, request: wire.Request, distinctId: string, tenantId?: string): Step => {
  const body = Option.getOrUndefined(wire.bodyOf(request))
  if (body === undefined) return [wire.malformed, before]
  if (!request.settings.editCreatesUser && Option.isNone(state.account(before, distinctId))) {
    return [wire.userNotFound(distinctId), before]
  }
  const { now, settings } = request
  const next = state.changeProfile(
    before,
    { distinctId, tenantId, now, settings },
    (profile) => profiles.apply(profile, body.operations ?? [], request)
  )
  return changed(202, before, next, request, tenantId)
}

const changed = (
  status: number,
  before: State,
  next: ReturnType<typeof state.changeProfile>,
  request: wire.Request,
  tenantId: string | undefined
): Step =>
  "refused" in next
    ? [wire.refuse(next.status ?? 400, next.refused), before]
    : [
      wire.reply(
        status,
        tenantId === undefined
          ? profiles.toJson(next.account.profile)
          : tenantProfile(next.state, request, next.account, tenantId)
      ),
      next.state
    ]

/** @internal */
export const remove = (before: State, _request: wire.Request, distinctId: string): Step =>
  Option.isNone(state.account(before, distinctId))
    ? [wire.userNotFound(distinctId), before]
    : [wire.noContent, state.forget(before, distinctId)]

/** @internal */
export const unlink = (before: State, _request: wire.Request, distinctId: string, tenantId: string): Step =>
  Option.match(state.account(before, distinctId), {
    onNone: () => [wire.userNotFound(distinctId), before],
    onSome: (account) =>
      account.tenants.has(tenantId)
        ? [
          wire.noContent,
          state.put(before, { ...account, tenants: state.withoutEntry(account.tenants, tenantId) })
        ]
        : [wire.tenantNotFound(tenantId), before]
  })

/** @internal */
export const bulkRemove = (before: State, request: wire.Request): Step => {
  const ids = distinctIds(request)
  return wire.isReply(ids) ? [ids, before] : [wire.noContent, ids.reduce(state.forget, before)]
}

const maximumIds = 100

/**
 * Returns the ids in a bulk request, or the response that refuses it.
 *
 * @internal
 */
export const distinctIds = (request: wire.Request): ReadonlyArray<string> | wire.Reply => {
  const body = Option.getOrUndefined(wire.bodyOf(request))
  if (body === undefined) return wire.malformed
  const ids = body.distinct_ids
  if (ids === undefined || ids === null) return wire.refuseMembers({ distinct_ids: "is a required field" })
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === "string")) return wire.invalidField("distinct_ids")
  if (ids.length === 0) return wire.refuseMembers({ distinct_ids: "must contain at least 1 item" })
  return ids.length > maximumIds
    ? wire.refuseMembers({ distinct_ids: `must contain at maximum ${maximumIds} items` })
    : ids
}

/** @internal */
export const merge = (before: State, request: wire.Request, distinctId: string): Step => {
  const body = Option.getOrUndefined(wire.bodyOf(request))
  if (body === undefined) return [wire.malformed, before]
  const from = body.from_user_id
  if (typeof from !== "string") return [wire.refuseMembers({ from_user_id: "is a required field" }), before]
  const primary = Option.getOrUndefined(state.account(before, distinctId))
  if (primary === undefined) return [wire.userNotFound(distinctId), before]
  const secondary = Option.getOrUndefined(state.account(before, from))
  if (secondary === undefined) {
    return [wire.refuse(404, `from_user_id: [distinct_id: '${from}'] not found`), before]
  }
  if (from === distinctId) return [wire.refuseMembers({ from_user_id: "must be another user" }), before]
  const profile = profiles.merge(primary.profile, secondary.profile, request.now)
  const joined = state.put(before, {
    ...primary,
    profile,
    tenants: request.settings.userTenancyMode === "exclusive" && primary.tenants.size > 0 ? primary.tenants : new Map([
      ...[...secondary.tenants].map(([tenantId, profile]) => [tenantId, { ...profile, distinctId }] as const),
      ...primary.tenants
    ]),
    preferences: new Map([...secondary.preferences, ...primary.preferences])
  })
  const subscribed = (["objects", "lists"] as const).reduce<State>((joined, kind) => {
    const present = new Set(state.subscriptions(joined, kind, distinctId).map(({ target }) => target))
    const more = state.subscriptions(joined, kind, from).filter(({ target }) => !present.has(target))
    return state.subscribe(joined, kind, distinctId, more)
  }, joined)
  return [wire.reply(201, profiles.toJson(profile)), state.forget(subscribed, from)]
}

const subscriptions =
  (kind: "objects" | "lists") => (before: State, request: wire.Request, distinctId: string): Step => [
    Option.isSome(state.account(before, distinctId))
      ? cursorPage(state.subscriptions(before, kind, distinctId), ({ json }) => json, request)
      : wire.userNotFound(distinctId),
    before
  ]

/** @internal */
export const objects = subscriptions("objects")

/** @internal */
export const lists = subscriptions("lists")

/** @internal */
export const tenants = (before: State, request: wire.Request, distinctId: string): Step => [
  Option.match(state.account(before, distinctId), {
    onNone: () => wire.userNotFound(distinctId),
    onSome: ({ tenants }) => cursorPage([...tenants.keys()], (tenantId) => state.tenantJson(before, tenantId), request)
  }),
  before
]

const tenantMember = (world: State, tenantId: string) => ({ tenant: state.tenantJson(world, tenantId) })
