import { dual } from "effect/Function"
import type { ChannelKey } from "../Channel.js"
import * as Operation from "../Operation.js"
import type { UserEdit } from "../UserEdit.js"
import { isPlainRecord } from "./json.js"
import { add, isUserEdit } from "./userEdit.js"

interface Members<V> {
  readonly [key: string]: V
}

type Step = (self: UserEdit) => UserEdit

interface RecordLast<V> {
  (key: string, value: V): Step
  (members: Members<V>): Step
}

interface RecordFirst<V> {
  (self: UserEdit, key: string, value: V): UserEdit
  (self: UserEdit, members: Members<V>): UserEdit
}

const isDataFirst = (args: IArguments): boolean => isUserEdit(args[0])

/**
 * A verb that takes `(key, value)` or a record. A record without members says nothing, and adds nothing.
 *
 * @internal
 */
export const record = <V>(make: (members: Members<V>) => Operation.Operation): RecordLast<V> & RecordFirst<V> =>
  dual<RecordLast<V>, RecordFirst<V>>(
    isDataFirst,
    (...args: [self: UserEdit, key: string, value: V] | [self: UserEdit, members: Members<V>]) => {
      const members = args.length === 3 ? { [args[1]]: args[2] } : args[1]
      return isPlainRecord(members) && isEmpty(members) ? args[0] : add(args[0], make(members))
    }
  )

const isEmpty = (members: Readonly<Record<string, unknown>>): boolean => {
  for (const _ in members) return false
  return true
}

/**
 * A verb that takes one value.
 *
 * @internal
 */
export const value = <V>(make: (value: V) => Operation.Operation) =>
  dual<(value: V) => Step, (self: UserEdit, value: V) => UserEdit>(2, (self, value) => add(self, make(value)))

/**
 * A verb that takes a push token and perhaps options.
 *
 * @internal
 */
export const push = <V, O>(make: (token: V, options?: O) => Operation.Operation) =>
  dual<(token: V, options?: O) => Step, (self: UserEdit, token: V, options?: O) => UserEdit>(
    isDataFirst,
    (self, token, options) => add(self, make(token, options))
  )

/**
 * The properties by which a push token travels. Without a provider the vendor chooses one, which is said with null (Python
 * SDK); a blank bundle id is left out (Python SDK, Node SDK).
 *
 * @internal
 */
export const pushToken = (
  channel: ChannelKey & ("$androidpush" | "$iospush" | "$webpush"),
  token: Operation.JsonValue,
  options: { readonly provider?: string | null | undefined; readonly bundleId?: string | undefined } | undefined
): Operation.Properties => {
  const properties = { [channel]: token, $id_provider: options?.provider ?? null }
  return options?.bundleId ? { ...properties, $bundle_id: options.bundleId } : properties
}

/** @internal */
export const unset = dual<
  (keys: string | ReadonlyArray<string>) => Step,
  (self: UserEdit, keys: string | ReadonlyArray<string>) => UserEdit
>(2, (self, keys) => {
  const list = typeof keys === "string" ? [keys] : keys
  return Array.isArray(list) && list.length === 0 ? self : add(self, Operation.unset(list))
})
