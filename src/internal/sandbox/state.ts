import * as Chunk from "effect/Chunk"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import type { Category, Choices } from "./preferences.js"
import * as profiles from "./profile.js"

/**
 * All that the service knows, as one immutable value.
 *
 * @internal
 */
export interface State {
  readonly accounts: HashMap.HashMap<string, Account>
  /** How many users and mappings were ever made. */
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

/**
 * The users in the order in which they were made.
 *
 * @internal
 */
export const accounts = (state: State): ReadonlyArray<Account> =>
  Array.from(HashMap.values(state.accounts)).sort((a, b) => a.sequence - b.sequence)

/**
 * What was accepted, by insert id, in the order in which it first was.
 *
 * @internal
 */
export const deliveries = (state: State): ReadonlyArray<readonly [insertId: string, delivery: Delivery]> =>
  HashMap.toEntries(state.deliveries).sort(([, a], [, b]) => a.position - b.position)

/** @internal */
export const put = (state: State, account: Account): State => ({
  ...state,
  accounts: HashMap.set(state.accounts, account.profile.distinctId, account)
})

/**
 * A user is forgotten with all that hangs on it.
 *
 * @internal
 */
export const forget = (state: State, distinctId: string): State => ({
  ...state,
  accounts: HashMap.remove(state.accounts, distinctId),
  objects: HashMap.remove(state.objects, distinctId),
  lists: HashMap.remove(state.lists, distinctId)
})

/** @internal */
export const withEntry = <A>(map: ReadonlyMap<string, A>, key: string, value: A): ReadonlyMap<string, A> =>
  new Map([...map, [key, value]])

/** @internal */
export const withoutEntry = <A>(map: ReadonlyMap<string, A>, key: string): ReadonlyMap<string, A> =>
  new Map([...map].filter(([other]) => other !== key))

/**
 * Changes a profile: that of a user, or that which it has for a tenant. Whoever is missing is made.
 *
 * @internal
 */
export const change = (
  state: State,
  { distinctId, now, tenantId }: {
    readonly distinctId: string
    readonly tenantId: string | undefined
    readonly now: number
  },
  step: (profile: profiles.Profile) => profiles.Profile | profiles.Refused
): { readonly state: State; readonly profile: profiles.Profile } | profiles.Refused => {
  const before = Option.getOrElse(account(state, distinctId), (): Account => ({
    sequence: state.sequence + 1,
    profile: profiles.empty(distinctId, now),
    tenants: new Map(),
    preferences: new Map()
  }))
  const sequence = Math.max(state.sequence, before.sequence)
  if (tenantId === undefined) {
    const profile = step(before.profile)
    return profiles.isRefused(profile)
      ? profile
      : { profile, state: put({ ...state, sequence }, { ...before, profile }) }
  }
  const profile = step(before.tenants.get(tenantId) ?? profiles.empty(distinctId, now))
  return profiles.isRefused(profile) ? profile : {
    profile,
    state: put({ ...define(state, tenantId), sequence }, {
      ...before,
      tenants: withEntry(before.tenants, tenantId, profile)
    })
  }
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
