import * as Chunk from "effect/Chunk"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as RedBlackTree from "effect/RedBlackTree"
import type { Category, Choices } from "./preferences.js"
import * as profiles from "./profile.js"
import type { Settings } from "./settings.js"

/**
 * All that the service knows, as one immutable value.
 *
 * @internal
 */
export interface State {
  readonly accounts: HashMap.HashMap<string, Account>
  /** The users of each tenant, and all under "", so that neither a page nor the latest of them takes a look at all. */
  readonly members: HashMap.HashMap<string, Members>
  /** How many users were ever made. */
  readonly sequence: number
  /** The events that were accepted, by their insert ids. */
  readonly deliveries: HashMap.HashMap<string, Delivery>
  /** The events that were accepted and are not applied yet, in the order in which they are due. */
  readonly pending: Chunk.Chunk<Pending>
  readonly objects: Subscriptions
  readonly lists: Subscriptions
  /** The names of the tenants by their ids. */
  readonly tenants: HashMap.HashMap<string, string>
  readonly categories: ReadonlyArray<Category>
}

/**
 * Ids of users in the order in which they were made.
 *
 * @internal
 */
export type Members = RedBlackTree.RedBlackTree<number, string>

/** @internal */
export interface Delivery {
  /** Where it stands among all. */
  readonly position: number
  readonly distinctId: string
  readonly tenantId: string | undefined
  readonly operations: unknown
  /** When it was accepted, first and again. */
  readonly arrivals: ReadonlyArray<number>
  /** When it was applied. */
  readonly applied: ReadonlyArray<number>
  /** When it was last accepted to be applied. */
  readonly takenAt: number
}

/** @internal */
export interface Pending {
  readonly insertId: string
  readonly distinctId: string
  readonly tenantId: string | undefined
  readonly operations: unknown
  readonly dueAt: number
}

/**
 * A user, with what it is to each of its tenants.
 *
 * @internal
 */
export interface Account {
  readonly sequence: number
  readonly profile: profiles.Profile
  /** In the order in which they were linked. */
  readonly tenants: ReadonlyMap<string, profiles.Profile>
  /** By tenant; those of the user for no tenant stand under "". */
  readonly preferences: ReadonlyMap<string, Choices>
}

type Subscriptions = HashMap.HashMap<string, ReadonlyArray<Subscription>>

/** @internal */
export interface Subscription {
  /** What is subscribed to. */
  readonly target: string
  readonly json: unknown
}

/** @internal */
export const empty: State = {
  accounts: HashMap.empty(),
  members: HashMap.empty(),
  sequence: 0,
  deliveries: HashMap.empty(),
  pending: Chunk.empty(),
  objects: HashMap.empty(),
  lists: HashMap.empty(),
  tenants: HashMap.empty(),
  categories: []
}

/** @internal */
export const account = (state: State, distinctId: string): Option.Option<Account> =>
  HashMap.get(state.accounts, distinctId)

/** All users, in {@link members}. */
const all = ""

const noMembers: Members = RedBlackTree.empty(Order.number)

/**
 * The users of a tenant, or all of them.
 *
 * @internal
 */
export const members = (state: State, tenantId: string = all): Members =>
  Option.getOrElse(HashMap.get(state.members, tenantId), () => noMembers)

/**
 * The users in the order in which they were made, or the other way round, one after another as they are asked for.
 *
 * @internal
 */
export function* accounts(state: State, order: "oldest first" | "latest first" = "oldest first"): Iterable<Account> {
  const inOrder = members(state)
  for (const [, distinctId] of order === "oldest first" ? inOrder : RedBlackTree.reversed(inOrder)) {
    const found = account(state, distinctId)
    if (Option.isSome(found)) yield found.value
  }
}

/**
 * What was accepted, by insert id, in the order in which it first was.
 *
 * @internal
 */
export const deliveries = (state: State): ReadonlyArray<readonly [insertId: string, delivery: Delivery]> => {
  const inOrder: Array<readonly [string, Delivery]> = []
  for (const entry of state.deliveries) inOrder[entry[1].position] = entry
  return inOrder
}

/**
 * Adds an account, or puts it in the place of the one of the same user.
 *
 * @internal
 */
export const put = (state: State, account: Account): State => {
  const { profile: { distinctId }, sequence } = account
  const before = Option.getOrUndefined(HashMap.get(state.accounts, distinctId))
  const accounts = HashMap.set(state.accounts, distinctId, account)
  if (before !== undefined && before.tenants === account.tenants) return { ...state, accounts }
  const [old, now] = [scopes(before), scopes(account)]
  let { members } = state
  for (const scope of now) {
    if (!old.includes(scope)) members = change(members, scope, RedBlackTree.insert(sequence, distinctId))
  }
  for (const scope of old) {
    if (!now.includes(scope)) members = change(members, scope, RedBlackTree.removeFirst(sequence))
  }
  return { ...state, accounts, members }
}

/** Where a user is a member. */
const scopes = (account: Account | undefined): ReadonlyArray<string> =>
  account === undefined ? [] : [all, ...account.tenants.keys()]

const change = (
  members: State["members"],
  scope: string,
  step: (members: Members) => Members
): State["members"] => HashMap.set(members, scope, step(Option.getOrElse(HashMap.get(members, scope), () => noMembers)))

/**
 * Forgets a user with all that hangs on it.
 *
 * @internal
 */
export const forget = (state: State, distinctId: string): State => {
  const found = Option.getOrUndefined(account(state, distinctId))
  return {
    ...state,
    accounts: HashMap.remove(state.accounts, distinctId),
    members: found === undefined ? state.members : scopes(found).reduce(
      (members, scope) => change(members, scope, RedBlackTree.removeFirst(found.sequence)),
      state.members
    ),
    objects: HashMap.remove(state.objects, distinctId),
    lists: HashMap.remove(state.lists, distinctId)
  }
}

/** @internal */
export const withEntry = <A>(map: ReadonlyMap<string, A>, key: string, value: A): ReadonlyMap<string, A> =>
  new Map([...map, [key, value]])

/** @internal */
export const withoutEntry = <A>(map: ReadonlyMap<string, A>, key: string): ReadonlyMap<string, A> =>
  new Map([...map].filter(([other]) => other !== key))

/**
 * Changes a profile: that of a user, or that which it has for a tenant. A user or a link that is missing is made.
 *
 * @internal
 */
export const changeProfile = (
  state: State,
  { distinctId, now, settings, tenantId }: {
    readonly distinctId: string
    readonly tenantId: string | undefined
    readonly now: number
    readonly settings: Settings
  },
  step: (profile: profiles.Profile) => profiles.Profile | profiles.Refused
): { readonly state: State; readonly account: Account } | profiles.Refused => {
  const before = Option.getOrElse(account(state, distinctId), (): Account => ({
    sequence: state.sequence + 1,
    profile: profiles.empty(distinctId, now),
    tenants: new Map(),
    preferences: new Map()
  }))
  const sequence = Math.max(state.sequence, before.sequence)
  if (tenantId === undefined) {
    const profile = step(before.profile)
    if (profiles.isRefused(profile)) return profile
    const after = { ...before, profile }
    return { account: after, state: put({ ...state, sequence }, after) }
  }
  if (settings.tenantsMustExist && !HashMap.has(state.tenants, tenantId)) {
    return { refused: "tenant not found", status: 404 }
  }
  const known = before.tenants.get(tenantId)
  if (known === undefined && before.tenants.size > 0 && settings.userTenancyMode === "exclusive") {
    return { refused: "user is already associated with a different tenant" }
  }
  const profile = step(known ?? profiles.empty(distinctId, now))
  if (profiles.isRefused(profile)) return profile
  const after = { ...before, tenants: withEntry(before.tenants, tenantId, profile) }
  return { account: after, state: put({ ...define(state, tenantId), sequence }, after) }
}

/**
 * What a user is to a tenant: the profile for the tenant laid over its own, where the tenant wins key by key.
 *
 * @internal
 */
export const effectiveProfile = ({ profile, tenants }: Account, tenantId: string): profiles.Profile => {
  const own = tenants.get(tenantId)
  return own === undefined ? profile : profiles.overlay(profile, own)
}

/**
 * Makes a tenant known, or names it.
 *
 * @internal
 */
export const define = (state: State, tenantId: string, name?: string): State =>
  name === undefined && HashMap.has(state.tenants, tenantId)
    ? state
    : { ...state, tenants: HashMap.set(state.tenants, tenantId, name ?? tenantId) }

/** @internal */
export const tenantJson = (state: State, tenantId: string) => ({
  tenant_id: tenantId,
  tenant_name: Option.getOrElse(HashMap.get(state.tenants, tenantId), () => tenantId)
})

/**
 * Adds a category to the workspace, or puts it in the place of the one of the same slug.
 *
 * @internal
 */
export const defineCategory = (state: State, category: Category): State => ({
  ...state,
  categories: state.categories.some((other) => other.slug === category.slug)
    ? state.categories.map((other) => other.slug === category.slug ? category : other)
    : [...state.categories, category]
})

/** @internal */
export const subscriptions = (
  state: State,
  kind: "objects" | "lists",
  distinctId: string
): ReadonlyArray<Subscription> => Option.getOrElse(HashMap.get(state[kind], distinctId), () => [])

/** @internal */
export const subscribe = (
  state: State,
  kind: "objects" | "lists",
  distinctId: string,
  more: ReadonlyArray<Subscription>
): State => ({
  ...state,
  [kind]: HashMap.set(state[kind], distinctId, [...subscriptions(state, kind, distinctId), ...more])
})
