import type * as Operation from "../../Operation.js"
import type { UserEdit } from "../../UserEdit.js"
import { copy, isPlainRecord } from "../support/json.js"
import * as operations from "./operation.js"
import { add, isUserEdit } from "./userEdit.js"

// Verbs do not use `Function.dual`, because it makes a closure over `arguments` (`npm run bench --
// --only building` measures verbs). They recognize their form by the edit, not by the number of
// arguments, so an extra argument is ignored (`addresses.map(addEmail)`).
//
// A verb copies its arguments when it is called, so changing them later changes neither an edit nor
// the function that the verb returned.

interface Members<V> {
  readonly [key: string]: V
}

type Piped = (self: UserEdit) => UserEdit

type First<Args extends ReadonlyArray<unknown>> = readonly [self: UserEdit, ...args: Args]

type Last<Args extends ReadonlyArray<unknown>> = readonly [...args: Args, ...more: ReadonlyArray<unknown>]

const isFirst = <Args extends ReadonlyArray<unknown>>(args: First<Args> | Last<Args>): args is First<Args> =>
  isUserEdit(args[0])

type Pair<V> = readonly [key: string, value: V]

type Single<V> = readonly [members: Members<V>]

// In JavaScript the key may be any value. One that is not a string is treated as the record, and
// `validate` reports it.
const isPair = <V>(args: Last<Pair<V>> | Last<Single<V>>): args is Last<Pair<V>> => typeof args[0] === "string"

const isFirstPair = <V>(args: First<Pair<V>> | First<Single<V>>): args is First<Pair<V>> => typeof args[1] === "string"

/**
 * The signatures of a verb for properties.
 *
 * Values are unknown here, because the public signatures restrict them generically.
 *
 * @internal
 */
export interface RecordVerb {
  (key: string, value: unknown): Piped
  (members: unknown): Piped
  (self: UserEdit, key: string, value: unknown): UserEdit
  (self: UserEdit, members: unknown): UserEdit
}

/**
 * Makes a verb that takes a key and a value, or a record.
 *
 * An empty record adds no operation.
 *
 * @param one makes the operation for a key and a copied value
 * @param many makes the operation for a copied record with trimmed keys
 * @internal
 */
export function record<V>(
  one: (key: string, value: V) => Operation.Operation,
  many: (members: Members<V>) => Operation.Operation
): RecordVerb
export function record<V>(
  one: (key: string, value: V) => Operation.Operation,
  many: (members: Members<V>) => Operation.Operation
) {
  const ofPair = (key: string, value: V) => one(key, copy(value))
  const ofRecord = (members: Members<V>): Operation.Operation | undefined => {
    const copied = operations.properties(members)
    return isPlainRecord(copied) && isEmpty(copied) ? undefined : many(copied)
  }
  const addAll = (self: UserEdit, operation: Operation.Operation | undefined) =>
    operation === undefined ? self : add(self, operation)

  function verb(key: string, value: V): Piped
  function verb(members: Members<V>): Piped
  function verb(self: UserEdit, key: string, value: V): UserEdit
  function verb(self: UserEdit, members: Members<V>): UserEdit
  function verb(
    ...args: First<Pair<V>> | First<Single<V>> | Last<Pair<V>> | Last<Single<V>>
  ): UserEdit | Piped {
    if (isFirst<Pair<V> | Single<V>>(args)) {
      return isFirstPair<V>(args) ? add(args[0], ofPair(args[1], args[2])) : addAll(args[0], ofRecord(args[1]))
    }
    if (isPair<V>(args)) {
      const operation = ofPair(args[0], args[1])
      return (self) => add(self, operation)
    }
    const operation = ofRecord(args[0])
    return (self) => addAll(self, operation)
  }
  return verb
}

const isEmpty = (members: Readonly<Record<string, unknown>>): boolean => {
  for (const key in members) {
    if (Object.hasOwn(members, key)) return false
  }
  return true
}

/**
 * Makes a verb that applies a function to the edit and a copied value.
 *
 * @internal
 */
export const transform = <V>(change: (self: UserEdit, value: V) => UserEdit) => {
  function verb(value: V): Piped
  function verb(self: UserEdit, value: V): UserEdit
  function verb(...args: First<readonly [value: V]> | Last<readonly [value: V]>): UserEdit | Piped {
    if (isFirst<readonly [value: V]>(args)) return change(args[0], copy(args[1]))
    const value = copy(args[0])
    return (self) => change(self, value)
  }
  return verb
}

/**
 * Makes a verb that adds an operation made from a copied value.
 *
 * @internal
 */
export const value = <V>(make: (value: V) => Operation.Operation) => {
  function verb(value: V): Piped
  function verb(self: UserEdit, value: V): UserEdit
  function verb(...args: First<readonly [value: V]> | Last<readonly [value: V]>): UserEdit | Piped {
    if (isFirst<readonly [value: V]>(args)) return add(args[0], make(copy(args[1])))
    const operation = make(copy(args[0]))
    return (self) => add(self, operation)
  }
  return verb
}

/**
 * Makes a verb that adds an operation made from a copied value and optional options.
 *
 * @internal
 */
export const valueWith = <V, O>(make: (value: V, options: O | undefined) => Operation.Operation) => {
  type Args = readonly [value: V, options?: O | undefined]
  function verb(value: V, options?: O): Piped
  function verb(self: UserEdit, value: V, options?: O): UserEdit
  function verb(...args: First<Args> | Last<Args>): UserEdit | Piped {
    if (isFirst<Args>(args)) return add(args[0], make(copy(args[1]), args[2]))
    const operation = make(copy(args[0]), args[1])
    return (self) => add(self, operation)
  }
  return verb
}

/** @internal */
export const unset = transform<string | ReadonlyArray<string>>((self, keys) => {
  const list = typeof keys === "string" ? [keys] : keys
  return Array.isArray(list) && list.length === 0 ? self : add(self, { $unset: operations.keys(list) })
})
