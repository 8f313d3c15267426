import * as Chunk from "effect/Chunk"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as Order from "effect/Order"
import * as RedBlackTree from "effect/RedBlackTree"
import type { Category, Choices } from "./preferences.js"
import * as profiles from "./profile.js"
import type { Settings } from "./settings.js"

/**
 * The state of the service, as one immutable value.
 *
 * @internal
 */
export interface State {
  readonly accounts: HashMap.HashMap<string, Account>
  /**
   * The users by tenant, and all users under "".
   *
   * With it, a page is read without scanning all users.
   */
  readonly members: HashMap.HashMap<string, Members>
  /** The number of users ever created. */
  readonly sequence: number
  /** The accepted events, by insert id. */
  readonly deliveries: HashMap.HashMap<string, Delivery>
  /** The accepted events that have not been applied, in the order of their due times. */
  readonly pending: Chunk.Chunk<Pending>
  readonly objects: Subscriptions
  readonly lists: Subscriptions
  /** The names of the tenants, by id. */
  readonly tenants: HashMap.HashMap<string, string>
  readonly categories: ReadonlyArray<Category>
}

/**
 * User ids in the order of creation.
 *
 * @internal
 */
export type Members = RedBlackTree.RedBlackTree<number, string>

/** @internal */
export interface Delivery {
  /** The position among all deliveries. */
  readonly position: number
  readonly distinctId: string
  readonly tenantId: string | undefined
  readonly operations: unknown
  /** The times at which it was accepted. */
  readonly arrivals: ReadonlyArray<number>
  /** The times at which it was applied. */
  readonly applied: ReadonlyArray<number>
  /** When it was last accepted as a new event. */
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
 * A user, with its tenant profiles and preferences.
 *
 * @internal
 */
export interface Account {
  readonly sequence: number
  readonly profile: profiles.Profile
  /** The tenant profiles, in the order of linking. */
  readonly tenants: ReadonlyMap<string, profiles.Profile>
  /** The preferences by tenant, and those without a tenant under "". */
  readonly preferences: ReadonlyMap<string, Choices>
}

type Subscriptions = HashMap.HashMap<string, ReadonlyArray<Subscription>>

/** @internal */
export interface Subscription {
  /** A key that identifies the object or list. */
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

/** The key of all users in {@link State.members}. */
const all = ""

const noMembers: Members = RedBlackTree.empty(Order.number)

/**
 * Returns the users of a tenant, or all users.
 *
 * @internal
 */
export const members = (state: State, tenantId: string = all): Members =>
  Option.getOrElse(HashMap.get(state.members, tenantId), () => noMembers)

/**
 * Yields the users in the order of creation, or in reverse.
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
 * Returns the deliveries by insert id, in the order of first acceptance.
 *
 * @internal
 */
export const deliveries = (state: State): ReadonlyArray<readonly [insertId: string, delivery: Delivery]> => {
  const inOrder: Array<readonly [string, Delivery]> = []
  for (const entry of state.deliveries) inOrder[entry[1].position] = entry
  return inOrder
}

/**
 * Adds or replaces a user.
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

/** Returns the keys of a user in `members`. */
const scopes = (account: Account | undefined): ReadonlyArray<string> =>
  account === undefined ? [] : [all, ...account.tenants.keys()]

const change = (
  members: State["members"],
  scope: string,
  step: (members: Members) => Members
): State["members"] => HashMap.set(members, scope, step(Option.getOrElse(HashMap.get(members, scope), () => noMembers)))

/**
 * Deletes a user with its subscriptions.
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
 * Changes the profile of a user, or its profile for a tenant.
 *
 * It creates the user and its link to the tenant if they do not exist.
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
 * Returns the profile of a user with its tenant profile merged over it.
 *
 * @internal
 */
export const effectiveProfile = ({ profile, tenants }: Account, tenantId: string): profiles.Profile => {
  const own = tenants.get(tenantId)
  return own === undefined ? profile : profiles.overlay(profile, own)
}

/**
 * Adds a tenant, or renames it if a name is given.
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
 * Adds a category, or replaces the one with the same slug.
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
