import * as Predicate from "effect/Predicate"
import type * as Operation from "../../Operation.js"
import { copy, isPlainRecord, member } from "../support/json.js"
import { trim } from "../support/trim.js"

/**
 * Copies properties and trims their keys.
 *
 * Every key stays an own property, including `__proto__`. A value that is not a plain record is
 * returned as it is, and `validate` reports it.
 *
 * @internal
 */
export const properties = <A>(record: { readonly [key: string]: A }): { readonly [key: string]: A } => {
  const copied = copy(record)
  if (!isPlainRecord(copied)) return copied
  for (const key in copied) {
    if (trim(key) !== key) return trimmed(copied)
  }
  return copied
}

const trimmed = <A>(record: { readonly [key: string]: A }): { readonly [key: string]: A } =>
  Object.fromEntries(Object.entries(record).map(([key, value]) => [trim(key), value]))

/**
 * Adds a missing provider to the push token of an `$append` or `$remove`.
 *
 * A null provider leaves the choice to SuprSend. The vendor's Python SDK sends null, while its Node
 * SDK omits the member.
 *
 * @param record a copy, with trimmed keys
 * @internal
 */
export const identities = (record: Operation.Properties): Operation.Properties =>
  isPlainRecord(record) && hasPushToken(record) && !Object.hasOwn(record, "$id_provider")
    ? { ...record, $id_provider: null }
    : record

/**
 * Makes a record with a single property.
 *
 * @internal
 */
export const property = <A>(key: string, value: A): { readonly [key: string]: A } => {
  const trimmed = trim(key)
  // An assignment would set the prototype.
  if (trimmed === "__proto__") return { [trimmed]: value }
  const record: { [key: string]: A } = {}
  record[trimmed] = value
  return record
}

/**
 * Makes the payload of `$append` or `$remove` for a single key.
 *
 * @internal
 */
export const identity = (key: string, value: Operation.JsonValue): Operation.Properties => {
  const record = property(key, value)
  return pushKeys.has(trim(key)) ? { ...record, $id_provider: null } : record
}

/**
 * Makes the payload of `$append` or `$remove` for a push token.
 *
 * A null provider leaves the choice to SuprSend. An empty bundle id is omitted, as in the vendor's
 * SDKs.
 *
 * @internal
 */
export const pushToken = (
  channel: "$androidpush" | "$iospush" | "$webpush",
  token: Operation.JsonValue,
  options: { readonly provider?: string | null | undefined; readonly bundleId?: string | undefined } | undefined
): Operation.Properties => {
  const properties = {
    [channel]: token,
    $id_provider: (options === undefined ? undefined : member(options, "provider")) ?? null
  }
  const bundleId = options === undefined ? undefined : member(options, "bundleId")
  return bundleId ? { ...properties, $bundle_id: bundleId } : properties
}

const pushKeys: ReadonlySet<string> = new Set(["$androidpush", "$iospush", "$webpush"])

const hasPushToken = (record: Operation.Properties): boolean => {
  for (const key of pushKeys) {
    if (Object.hasOwn(record, key)) return true
  }
  return false
}

/**
 * Trims keys.
 *
 * @param keys a copy
 * @internal
 */
export const keys = (keys: ReadonlyArray<string>): ReadonlyArray<string> =>
  Array.isArray(keys) ? keys.map((key: string) => typeof key === "string" ? trim(key) : key) : keys

// A guard checks the payload too, so that a raw operation of another shape is passed to `onOther`.
const has = (self: Operation.Operation, operator: string, payload: Predicate.Predicate<unknown>): boolean => {
  const members: ReadonlyArray<[string, unknown]> = Object.entries(self)
  const only = members[0]
  return members.length === 1 && only !== undefined && only[0] === operator && payload(only[1])
}

const isAmounts = (u: unknown): boolean => isPlainRecord(u) && Object.values(u).every(Predicate.isNumber)
const isKeys = (u: unknown): boolean => Array.isArray(u) && u.every(Predicate.isString)

const isSet = (self: Operation.Operation): self is Operation.Set => has(self, "$set", isPlainRecord)
const isSetOnce = (self: Operation.Operation): self is Operation.SetOnce => has(self, "$set_once", isPlainRecord)
const isIncrement = (self: Operation.Operation): self is Operation.Increment => has(self, "$add", isAmounts)
const isAppend = (self: Operation.Operation): self is Operation.Append => has(self, "$append", isPlainRecord)
const isRemove = (self: Operation.Operation): self is Operation.Remove => has(self, "$remove", isPlainRecord)
const isUnset = (self: Operation.Operation): self is Operation.Unset => has(self, "$unset", isKeys)

/** @internal */
export const match = <A>(self: Operation.Operation, cases: Operation.Cases<A>): A => {
  if (isSet(self)) return cases.onSet(self.$set)
  if (isSetOnce(self)) return cases.onSetOnce(self.$set_once)
  if (isIncrement(self)) return cases.onIncrement(self.$add)
  if (isAppend(self)) return cases.onAppend(self.$append)
  if (isRemove(self)) return cases.onRemove(self.$remove)
  if (isUnset(self)) return cases.onUnset(self.$unset)
  return cases.onOther(self)
}
