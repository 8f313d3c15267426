import * as Predicate from "effect/Predicate"
import type * as Operation from "../../Operation.js"
import { copy, isPlainRecord, member } from "../support/json.js"
import { trim } from "../support/trim.js"

/**
 * Copies properties, with trimmed keys. Every key stays an own property, `__proto__` too. What is not a plain record stays what it is, for
 * `validate` to name.
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
 * Completes the properties of `$append` and `$remove`, in which a push token always travels with a provider: null leaves the choice to the
 * vendor (Python SDK; the Node SDK leaves the member out).
 *
 * @param record a copy, with trimmed keys
 * @internal
 */
export const identities = (record: Operation.Properties): Operation.Properties =>
  isPlainRecord(record) && hasPushToken(record) && !Object.hasOwn(record, "$id_provider")
    ? { ...record, $id_provider: null }
    : record

/**
 * Makes a record of a single property.
 *
 * @internal
 */
export const property = <A>(key: string, value: A): { readonly [key: string]: A } => {
  const trimmed = trim(key)
  // An assignment would set the prototype. For every other key it is much quicker than a literal with a computed key.
  if (trimmed === "__proto__") return { [trimmed]: value }
  const record: { [key: string]: A } = {}
  record[trimmed] = value
  return record
}

/**
 * Makes a single member of `$append` or `$remove`.
 *
 * @internal
 */
export const identity = (key: string, value: Operation.JsonValue): Operation.Properties => {
  const record = property(key, value)
  return pushKeys.has(trim(key)) ? { ...record, $id_provider: null } : record
}

/**
 * Makes the properties by which a push token travels. Without a provider the vendor chooses one, which is said with null (Python
 * SDK); a blank bundle id is left out (Python SDK, Node SDK).
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

// A guard looks at the payload too, so that a raw operation of another shape lands in `onOther` instead of behind a type
// that it does not have.
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
