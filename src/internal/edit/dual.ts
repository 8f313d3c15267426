import type * as Operation from "../../Operation.js"
import type { UserEdit } from "../../UserEdit.js"
import { copy, isPlainRecord } from "../support/json.js"
import * as operations from "./operation.js"
import { add, isUserEdit } from "./userEdit.js"

// The verbs are the hot path of whoever builds a million edits. So their two forms are told apart by hand: a closure over
// `arguments`, as `Function.dual` has it, costs more than the rest of a verb. They are told apart by the edit, and not by the
// number of arguments, so that one too many (`addresses.map(addEmail)`) does no harm.
//
// What a verb is given is copied when it is given, so that nothing that happens to it later changes an edit, nor what a step does.

interface Members<V> {
  readonly [key: string]: V
}

type Step = (self: UserEdit) => UserEdit

type First<Args extends ReadonlyArray<unknown>> = readonly [self: UserEdit, ...args: Args]

type Last<Args extends ReadonlyArray<unknown>> = readonly [...args: Args, ...more: ReadonlyArray<unknown>]

const isFirst = <Args extends ReadonlyArray<unknown>>(args: First<Args> | Last<Args>): args is First<Args> =>
  isUserEdit(args[0])

type Pair<V> = readonly [key: string, value: V]

type Single<V> = readonly [members: Members<V>]

// From JavaScript the key may be anything: what is no text is taken for the record, for `validate` to name.
const isPair = <V>(args: Last<Pair<V>> | Last<Single<V>>): args is Last<Pair<V>> => typeof args[0] === "string"

const isFirstPair = <V>(args: First<Pair<V>> | First<Single<V>>): args is First<Pair<V>> => typeof args[1] === "string"

/**
 * A verb for properties, whose public signatures say what may be a value: they are generic, for rows typed as interfaces.
 *
 * @internal
 */
export interface RecordVerb {
  (key: string, value: unknown): Step
  (members: unknown): Step
  (self: UserEdit, key: string, value: unknown): UserEdit
  (self: UserEdit, members: unknown): UserEdit
}

/**
 * Makes a verb that takes `(key, value)` or a record. A record without members says nothing, and adds nothing.
 *
 * @param one what it adds for a key and a value, which is copied
 * @param many what it adds for a record, which is copied and has trimmed keys
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

  function verb(key: string, value: V): Step
  function verb(members: Members<V>): Step
  function verb(self: UserEdit, key: string, value: V): UserEdit
  function verb(self: UserEdit, members: Members<V>): UserEdit
  function verb(
    ...args: First<Pair<V>> | First<Single<V>> | Last<Pair<V>> | Last<Single<V>>
  ): UserEdit | Step {
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
 * Makes a verb that takes one value, given what it does with a copy of it.
 *
 * @internal
 */
export const step = <V>(apply: (self: UserEdit, value: V) => UserEdit) => {
  function verb(value: V): Step
  function verb(self: UserEdit, value: V): UserEdit
  function verb(...args: First<readonly [value: V]> | Last<readonly [value: V]>): UserEdit | Step {
    if (isFirst<readonly [value: V]>(args)) return apply(args[0], copy(args[1]))
    const value = copy(args[0])
    return (self) => apply(self, value)
  }
  return verb
}

/**
 * Makes a verb that takes one value, given the operation that it adds for a copy of it.
 *
 * @internal
 */
export const value = <V>(make: (value: V) => Operation.Operation) => {
  function verb(value: V): Step
  function verb(self: UserEdit, value: V): UserEdit
  function verb(...args: First<readonly [value: V]> | Last<readonly [value: V]>): UserEdit | Step {
    if (isFirst<readonly [value: V]>(args)) return add(args[0], make(copy(args[1])))
    const operation = make(copy(args[0]))
    return (self) => add(self, operation)
  }
  return verb
}

/**
 * Makes a verb that takes one value, and perhaps options.
 *
 * @internal
 */
export const valueWith = <V, O>(make: (value: V, options: O | undefined) => Operation.Operation) => {
  type Args = readonly [value: V, options?: O | undefined]
  function verb(value: V, options?: O): Step
  function verb(self: UserEdit, value: V, options?: O): UserEdit
  function verb(...args: First<Args> | Last<Args>): UserEdit | Step {
    if (isFirst<Args>(args)) return add(args[0], make(copy(args[1]), args[2]))
    const operation = make(copy(args[0]), args[1])
    return (self) => add(self, operation)
  }
  return verb
}

/** @internal */
export const unset = step<string | ReadonlyArray<string>>((self, keys) => {
  const list = typeof keys === "string" ? [keys] : keys
  return Array.isArray(list) && list.length === 0 ? self : add(self, { $unset: operations.keys(list) })
})
