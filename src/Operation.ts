/**
 * Operations of an edit, as data, exactly as they are sent.
 *
 * An operation is an object with one member, named after what it does: `{ $set: { plan: "pro" } }`.
 * The server applies the operations of an edit in order. Use the verbs of `UserEdit` to build
 * edits. This module is for code that inspects operations, or creates them from other data.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as internal from "./internal/edit/operation.js"
import { copy } from "./internal/support/json.js"

/**
 * A value of a property: any value that JSON can represent.
 *
 * A `Date`, `Map`, `bigint` or `undefined` does not compile: convert it to the value that the
 * server should store.
 *
 * @since 0.1.0
 * @category models
 */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | ReadonlyArray<JsonValue>
  | { readonly [key: string]: JsonValue }

/**
 * Properties of a user by key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Properties {
  readonly [key: string]: JsonValue
}

/**
 * The type that a value must have to be represented in JSON.
 *
 * It is the type itself if JSON can represent it, and a {@link JsonValue} otherwise. An interface
 * has no index signature, so it is never assignable to {@link JsonValue}. The verbs use this type
 * to check interfaces member by member. An object with a method (a `Date`, a `Map`, most class
 * instances) does not fit.
 *
 * @example
 * ```ts
 * import type { JsonOf } from "effect-suprsend/Operation"
 *
 * interface Address {
 *   readonly city: string
 * }
 *
 * const address: Address & JsonOf<Address> = { city: "London" }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type JsonOf<A> = 0 extends 1 & A ? A
  : A extends JsonValue ? A
  // The compiler shows these texts in its error.
  : A extends globalThis.Date ? "JSON carries no Date: pass date.toISOString()"
  : A extends Callable ? JsonValue
  : A extends ReadonlyArray<unknown> ? MembersOf<A>
  : A extends object ? (Extract<A[keyof A], Callable> extends never ? MembersOf<A> : JsonValue)
  : JsonValue

/**
 * The type that a record must have so that JSON can represent each member.
 *
 * It allows rows that are typed as interfaces.
 *
 * @example
 * ```ts
 * import { edit, set } from "effect-suprsend/UserEdit"
 *
 * interface Row {
 *   readonly name: string
 *   readonly seats: number
 * }
 *
 * const fromRow = (id: string, row: Row) => set(edit(id), row)
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type PropertiesOf<A> = A extends Callable | ReadonlyArray<unknown> ? never
  : A extends object ? MembersOf<A>
  : never

/**
 * Amounts by key.
 *
 * @since 0.1.0
 * @category models
 */
export interface Amounts {
  readonly [key: string]: number
}

/**
 * The type that a record must have so that each member is an amount.
 *
 * It allows rows that are typed as interfaces.
 *
 * @since 0.1.0
 * @category models
 */
export type AmountsOf<A> = A extends Callable | ReadonlyArray<unknown> ? never
  : A extends object ? { readonly [K in keyof A]: number }
  : never

type MembersOf<A> = { readonly [K in keyof A]: JsonOf<A[K]> }

type Callable = (...args: never) => unknown

/**
 * Sets properties, replacing existing values.
 *
 * @since 0.1.0
 * @category models
 */
export interface Set {
  readonly $set: Properties
}

/**
 * Sets properties that the user does not have yet.
 *
 * @since 0.1.0
 * @category models
 */
export interface SetOnce {
  readonly $set_once: Properties
}

/**
 * Adds to numeric properties; a missing property counts as 0.
 *
 * It is sent as `$add`, as in the vendor's SDKs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Increment {
  readonly $add: Amounts
}

/**
 * Appends a value to a list, or an identity to a channel.
 *
 * @since 0.1.0
 * @category models
 */
export interface Append {
  readonly $append: Properties
}

/**
 * Removes a value from a list, or an identity from a channel.
 *
 * @since 0.1.0
 * @category models
 */
export interface Remove {
  readonly $remove: Properties
}

/**
 * Removes properties, or all identities of channels.
 *
 * @since 0.1.0
 * @category models
 */
export interface Unset {
  readonly $unset: ReadonlyArray<string>
}

/**
 * An operation that this version does not know. `appendOperation` sends it unchanged.
 *
 * @since 0.1.0
 * @category models
 */
export interface Other {
  readonly [operator: string]: JsonValue
}

/**
 * One operation of an edit.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation = Set | SetOnce | Increment | Append | Remove | Unset | Other

/**
 * Makes an operation that sets properties.
 *
 * Keys are trimmed, as in the vendor's SDKs. If two keys are then equal, the last one wins.
 *
 * @example
 * ```ts
 * import * as Operation from "effect-suprsend/Operation"
 *
 * console.log(Operation.set({ plan: "pro" })) // { $set: { plan: "pro" } }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export function set<A>(properties: Properties | (A & PropertiesOf<A>)): Set
export function set(properties: Properties): Set {
  return { $set: internal.properties(properties) }
}

/**
 * Makes an operation that sets properties which the user does not have yet.
 *
 * @example
 * ```ts
 * import * as Operation from "effect-suprsend/Operation"
 *
 * console.log(Operation.setOnce({ first_login: "2021-11-02" })) // { $set_once: { first_login: "2021-11-02" } }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export function setOnce<A>(properties: Properties | (A & PropertiesOf<A>)): SetOnce
export function setOnce(properties: Properties): SetOnce {
  return { $set_once: internal.properties(properties) }
}

/**
 * Makes an operation that adds to numbers. A negative amount subtracts.
 *
 * @example
 * ```ts
 * import * as Operation from "effect-suprsend/Operation"
 *
 * console.log(Operation.increment({ login_count: 1 })) // { $add: { login_count: 1 } }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export function increment<A>(amounts: Amounts | (A & AmountsOf<A>)): Increment
export function increment(amounts: Amounts): Increment {
  return { $add: internal.properties(amounts) }
}

/**
 * Makes an operation that appends to lists and channels.
 *
 * A push token without `$id_provider` gets `$id_provider: null`, so that SuprSend chooses the
 * provider.
 *
 * @example
 * ```ts
 * import * as Operation from "effect-suprsend/Operation"
 *
 * console.log(Operation.append({ played_games: "game_1" })) // { $append: { played_games: "game_1" } }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export function append<A>(properties: Properties | (A & PropertiesOf<A>)): Append
export function append(properties: Properties): Append {
  return { $append: internal.identities(internal.properties(properties)) }
}

/**
 * Makes an operation that removes from lists and channels.
 *
 * Push tokens get a provider as in {@link append}.
 *
 * @example
 * ```ts
 * import * as Operation from "effect-suprsend/Operation"
 *
 * console.log(Operation.remove({ $email: "old@example.com" })) // { $remove: { $email: "old@example.com" } }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export function remove<A>(properties: Properties | (A & PropertiesOf<A>)): Remove
export function remove(properties: Properties): Remove {
  return { $remove: internal.identities(internal.properties(properties)) }
}

/**
 * Makes an operation that removes properties, or all identities of channels.
 *
 * Keys are trimmed.
 *
 * @example
 * ```ts
 * import * as Operation from "effect-suprsend/Operation"
 *
 * console.log(Operation.unset(["nickname", "$slack"])) // { $unset: ["nickname", "$slack"] }
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const unset = (keys: ReadonlyArray<string>): Unset => ({ $unset: internal.keys(copy(keys)) })

/**
 * One function for each kind of operation, for {@link match}.
 *
 * @since 0.1.0
 * @category folding
 */
export interface Cases<out A> {
  readonly onSet: (properties: Properties) => A
  readonly onSetOnce: (properties: Properties) => A
  readonly onIncrement: (amounts: Amounts) => A
  readonly onAppend: (properties: Properties) => A
  readonly onRemove: (properties: Properties) => A
  readonly onUnset: (keys: ReadonlyArray<string>) => A
  /** Called for any operation that is not exactly one of the six kinds. */
  readonly onOther: (operation: Other) => A
}

/**
 * Calls the function for the kind of an operation, and returns its result.
 *
 * @example
 * ```ts
 * import * as Operation from "effect-suprsend/Operation"
 *
 * const keysOf = Operation.match({
 *   onSet: Object.keys,
 *   onSetOnce: Object.keys,
 *   onIncrement: Object.keys,
 *   onAppend: Object.keys,
 *   onRemove: Object.keys,
 *   onUnset: (keys) => [...keys],
 *   onOther: () => []
 * })
 *
 * console.log(keysOf(Operation.set({ plan: "pro" }))) // ["plan"]
 * ```
 *
 * @since 0.1.0
 * @category folding
 */
export const match: {
  <A>(cases: Cases<A>): (self: Operation) => A
  <A>(self: Operation, cases: Cases<A>): A
} = dual(2, internal.match)
