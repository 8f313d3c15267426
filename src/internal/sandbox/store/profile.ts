import * as Arr from "effect/Array"
import { type ChannelKey, channelKeys, isChannelKey } from "../../../Channel.js"
import type { ProfileChannel } from "../../../User.js"
import * as json from "../../support/json.js"
import type { Settings } from "./settings.js"

/**
 * The stored data of a user.
 *
 * Identities are stored by channel. Everything else is a property.
 *
 * @internal
 */
export interface Profile {
  readonly distinctId: string
  readonly properties: Properties
  readonly channels: { readonly [Key in ProfileChannel]?: ReadonlyArray<Identity> }
  /** The properties that `$set_once` no longer sets. */
  readonly closed: ReadonlyArray<string>
  /** When it was created, in milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
}

/** @internal */
export interface Properties {
  readonly [key: string]: unknown
}

/** @internal */
export interface Identity {
  readonly value: unknown
  readonly provider: unknown
  /** Whether it was removed, if removed addresses are kept. */
  readonly inactive?: true | undefined
}

/**
 * A change that the service refuses, with its message.
 *
 * @internal
 */
export interface Refused {
  readonly refused: string
  /** The status of the response. The default is 400. */
  readonly status?: number | undefined
}

/** @internal */
export const isRefused = (u: Profile | Refused): u is Refused => "refused" in u

/** @internal */
export const empty = (distinctId: string, now: number): Profile => ({
  distinctId,
  properties: {},
  channels: {},
  closed: [],
  createdAt: now,
  updatedAt: now
})

/**
 * Applies operations in order.
 *
 * The documentation of `Sandbox` lists the behaviour that the vendor does not document.
 *
 * @internal
 */
export const apply = (profile: Profile, operations: unknown, moment: Moment): Profile | Refused => {
  if (!Array.isArray(operations)) return malformed
  let current: Profile = { ...profile, updatedAt: moment.now }
  for (const operation of operations) {
    if (!json.isPlainRecord(operation)) return malformed
    for (const [operator, payload] of Object.entries(operation)) {
      const next = applyOne(current, operator, payload, moment.settings)
      if (isRefused(next)) return next
      current = next
    }
  }
  return current
}

interface Moment {
  readonly now: number
  readonly settings: Settings
}

const malformed: Refused = {
  refused: "Request body contains an invalid value for the \"Subscriber_EditOperationSet.operations\" field"
}

const applyOne = (
  profile: Profile,
  operator: string,
  payload: unknown,
  settings: Settings
): Profile | Refused => {
  if (operator === "$unset") {
    return Array.isArray(payload) && payload.every((key) => typeof key === "string")
      ? payload.reduce<Profile>((profile, key) => unset(profile, key, settings), profile)
      : { refused: "$unset: value must be of list type" }
  }
  if (!json.isPlainRecord(payload)) return { refused: `decoding failed: '${operator}' expected type 'map'` }
  switch (operator) {
    case "$set":
      return withProperties(profile, { ...profile.properties, ...payload })
    case "$set_once":
      return withProperties(profile, { ...without(payload, profile.closed), ...profile.properties })
    case "$add":
    case "$increment":
      return fold(profile, payload, add)
    case "$append":
      return fold(
        profile,
        payload,
        (profile, key, value) => append(profile, key, value, payload.$id_provider, settings)
      )
    case "$remove":
      return fold(profile, payload, (profile, key, value) => remove(profile, key, value, settings))
    default:
      return { refused: `unknown operator: ${operator}` }
  }
}

const fold = (
  profile: Profile,
  payload: Properties,
  step: (profile: Profile, key: string, value: unknown) => Profile | Refused
): Profile | Refused => {
  const hasToken = pushChannels.some((key) => Object.hasOwn(payload, key))
  let current = profile
  for (const [key, value] of Object.entries(payload)) {
    // These members describe the push token beside them, and are not properties.
    if (hasToken && (key === "$id_provider" || key === "$bundle_id")) continue
    const next = step(current, key, value)
    if (isRefused(next)) return next
    current = next
  }
  return current
}

/** @internal */
export const profileChannels: ReadonlyArray<ProfileChannel> = [...channelKeys, "$inbox"]

const pushChannels = ["$androidpush", "$iospush", "$webpush"]

const withProperties = (profile: Profile, properties: Properties): Profile => ({ ...profile, properties })

/**
 * Applies an upsert: adds the identities of its body, and sets the other members.
 *
 * @internal
 */
export const upsert = (profile: Profile, body: Properties, now: number): Profile | Refused => {
  let current: Profile = { ...profile, updatedAt: now }
  for (const [key, value] of Object.entries(body)) {
    if (!isChannelKey(key) && key !== "$inbox") {
      current = withProperties(current, { ...current.properties, [key]: value })
      continue
    }
    if (!Array.isArray(value)) return { refused: `${key}: value must be of list type` }
    for (const identity of value) {
      const next = identify(current, key, identity, key === "$inbox" ? "suprsend" : undefined)
      if (isRefused(next)) return next
      current = next
    }
  }
  return current
}

/**
 * Merges the profile of a secondary user into that of the primary user.
 *
 * @internal
 */
export const merge = (primary: Profile, secondary: Profile, now: number): Profile => ({
  ...primary,
  updatedAt: now,
  properties: { ...secondary.properties, ...primary.properties },
  channels: joinChannels(primary.channels, secondary.channels)
})

const joinChannels = (a: Profile["channels"], b: Profile["channels"]): Profile["channels"] => {
  const joined: { [Key in ProfileChannel]?: ReadonlyArray<Identity> } = { ...a }
  for (const key of profileChannels) {
    const more = b[key]
    if (more === undefined) continue
    const present = a[key] ?? []
    joined[key] = [...present, ...more.filter(({ value }) => !present.some((one) => json.equals(one.value, value)))]
  }
  return joined
}

/**
 * Merges a tenant profile over the profile of its user, key by key.
 *
 * @internal
 */
export const overlay = (user: Profile, tenant: Profile): Profile => ({
  ...user,
  properties: { ...user.properties, ...tenant.properties },
  channels: { ...user.channels, ...tenant.channels }
})

const add = (profile: Profile, key: string, amount: unknown): Profile | Refused => {
  const by = Number(amount)
  if (!Number.isFinite(by)) return { refused: `${key}: value must be of number type` }
  const before = profile.properties[key]
  return withProperties(profile, { ...profile.properties, [key]: (typeof before === "number" ? before : 0) + by })
}

const append = (
  profile: Profile,
  key: string,
  value: unknown,
  provider: unknown,
  { appendKeepsDuplicates }: Settings
): Profile | Refused => {
  if (isChannelKey(key)) return identify(profile, key, value, provider)
  const before = Object.hasOwn(profile.properties, key) ? profile.properties[key] : []
  const items: ReadonlyArray<unknown> = Array.isArray(before) ? before : [before]
  const isThere = !appendKeepsDuplicates && items.some((item) => json.equals(item, value))
  return withProperties(profile, { ...profile.properties, [key]: isThere ? items : [...items, value] })
}

const identify = (profile: Profile, key: ProfileChannel, value: unknown, provider: unknown): Profile | Refused => {
  const isObject = key === "$slack" || key === "$ms_teams" || key === "$webpush"
  if (isObject ? !json.isPlainRecord(value) : typeof value !== "string") {
    return { refused: `${key}: value must be of ${isObject ? "dict/map" : "string"} type` }
  }
  const present = profile.channels[key] ?? []
  const added = { value, provider }
  const at = present.findIndex((identity) => json.equals(identity.value, value))
  // An identity that is sent again keeps its position, so that retries are idempotent.
  const identities = at === -1 ? [...present, added] : Arr.replace(present, at, added)
  return { ...profile, channels: { ...profile.channels, [key]: identities } }
}

const remove = (profile: Profile, key: string, value: unknown, settings: Settings): Profile => {
  if (isChannelKey(key)) {
    return withoutAddresses(profile, key, (identity) => json.equals(identity.value, value), settings)
  }
  const before = profile.properties[key]
  return Array.isArray(before)
    ? withProperties(profile, { ...profile.properties, [key]: before.filter((item) => !json.equals(item, value)) })
    : profile
}

const unset = (profile: Profile, key: string, settings: Settings): Profile => {
  if (isChannelKey(key)) return withoutAddresses(profile, key, () => true, settings)
  if (!Object.hasOwn(profile.properties, key)) return profile
  const { [key]: _, ...properties } = profile.properties
  return {
    ...withProperties(profile, properties),
    closed: settings.unsetReopensSetOnce || profile.closed.includes(key) ? profile.closed : [...profile.closed, key]
  }
}

/** Removes addresses from a channel, or marks them as inactive. */
const withoutAddresses = (
  profile: Profile,
  key: ChannelKey,
  isRemoved: (identity: Identity) => boolean,
  { removedAddresses }: Settings
): Profile => {
  const { [key]: before = [], ...others } = profile.channels
  const left = removedAddresses === "delete"
    ? before.filter((identity) => !isRemoved(identity))
    : before.map((identity): Identity => isRemoved(identity) ? { ...identity, inactive: true } : identity)
  return { ...profile, channels: left.length === 0 ? others : { ...profile.channels, [key]: left } }
}

const without = (properties: Properties, keys: ReadonlyArray<string>): Properties =>
  keys.length === 0
    ? properties
    : Object.fromEntries(Object.entries(properties).filter(([key]) => !keys.includes(key)))

/**
 * Returns a user in the form of the vendor's documentation.
 *
 * @internal
 */
export const toJson = (profile: Profile): { readonly distinct_id: string; readonly [key: string]: unknown } => ({
  distinct_id: profile.distinctId,
  properties: profile.properties,
  created_at: timestamp(profile.createdAt),
  updated_at: timestamp(profile.updatedAt),
  ...Object.fromEntries(
    Object.entries(profile.channels).map(([key, identities]) => [
      key,
      identities.map(({ inactive, provider, value }) => ({
        value,
        status: inactive === true ? "inactive" : "active",
        perma_status: "active",
        ...(typeof provider === "string" ? { id_provider: provider } : undefined)
      }))
    ])
  )
})

/**
 * Formats a time like the vendor, with microseconds and an offset.
 *
 * @internal
 */
export const timestamp = (millis: number): string => new Date(millis).toISOString().replace("Z", "000+00:00")
