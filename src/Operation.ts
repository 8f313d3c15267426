/**
 * The operations of which an edit consists, as data, exactly as they travel.
 *
 * An operation is an object with one member, named after what it does: `{ $set: { plan: "pro" } }`. The server replays the
 * operations of an edit in their order (vendor's page on editing users). Application code builds them with the verbs of
 * `UserEdit`; this module is for code that looks at operations or makes them from other data.
 *
 * @since 0.1.0
 */
import { dual } from "effect/Function"
import * as internal from "./internal/edit/operation.js"
import { copy } from "./internal/support/json.js"

/**
 * What JSON can carry, and so what a property of a user can be. A `Date`, a `Map`, a `bigint` or `undefined` does not
 * compile; convert it to what the server should hold.
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
 * What a value has to be for JSON to carry it: the type itself where JSON does, a {@link JsonValue} where it does not.
 *
 * An interface has no index signature and so does not fit {@link JsonValue}, whatever its members are. The verbs check it by this
 * type, member by member. An object with a method (a `Date`, a `Map`, most class instances) does not fit.
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
  // Shown as the error of the compiler.
  : A extends globalThis.Date ? "JSON carries no Date: pass date.toISOString()"
  : A extends Callable ? JsonValue
  : A extends ReadonlyArray<unknown> ? MembersOf<A>
  : A extends object ? (Extract<A[keyof A], Callable> extends never ? MembersOf<A> : JsonValue)
  : JsonValue

/**
 * What a record has to be for JSON to carry each of its members: for rows that are typed as interfaces.
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
 * What a record has to be for each of its members to be an amount: for rows that are typed as interfaces.
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
 * Sets properties, over whatever was there (Seed).
 *
 * @since 0.1.0
 * @category models
 */
export interface Set {
  readonly $set: Properties
}

/**
 * Sets properties that the user does not have yet (Seed).
 *
 * @since 0.1.0
 * @category models
 */
export interface SetOnce {
  readonly $set_once: Properties
}

/**
 * Adds to numbers, a missing one counting as 0 (Seed). The vendor's SDKs all send `$add`, whatever its OpenAPI says.
 *
 * @since 0.1.0
 * @category models
 */
export interface Increment {
  readonly $add: Amounts
}

/**
 * Appends a value to a list, or an identity to a channel (Seed).
 *
 * @since 0.1.0
 * @category models
 */
export interface Append {
  readonly $append: Properties
}

/**
 * Removes a value from a list, or an identity from a channel (Seed).
 *
 * @since 0.1.0
 * @category models
 */
export interface Remove {
  readonly $remove: Properties
}

/**
 * Removes properties, or all identities of channels (Seed).
 *
 * @since 0.1.0
 * @category models
 */
export interface Unset {
  readonly $unset: ReadonlyArray<string>
}

/**
 * An operation that this version does not know: `appendOperation` sends it as it is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Other {
  readonly [operator: string]: JsonValue
}

/**
 * One step of an edit.
 *
 * @since 0.1.0
 * @category models
 */
export type Operation = Set | SetOnce | Increment | Append | Remove | Unset | Other

/**
 * Sets properties. Keys are trimmed, as the vendor does; where two keys are the same then, the last one wins.
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
 * Sets properties that the user does not have yet.
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
 * Adds to numbers; a negative amount subtracts.
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
 * Appends to lists and channels.
 *
 * A push token without `$id_provider` gets `$id_provider: null`, which leaves the choice to the vendor (Python SDK).
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
 * Removes from lists and channels. Push tokens get a provider as in {@link append}.
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
 * Removes properties, or all identities of channels. Keys are trimmed.
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
 * What to do with each kind of operation.
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
  /** Whatever is not exactly one of the six. */
  readonly onOther: (operation: Other) => A
}

/**
 * Folds over an operation.
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
