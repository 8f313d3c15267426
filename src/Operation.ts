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
import * as internal from "./internal/operation.js"

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
  readonly $add: { readonly [key: string]: number }
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
export const set = (properties: Properties): Set => ({ $set: internal.properties(properties) })

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
export const setOnce = (properties: Properties): SetOnce => ({ $set_once: internal.properties(properties) })

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
export const increment = (amounts: { readonly [key: string]: number }): Increment => ({
  $add: internal.properties(amounts)
})

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
export const append = (properties: Properties): Append => ({ $append: internal.identities(properties) })

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
export const remove = (properties: Properties): Remove => ({ $remove: internal.identities(properties) })

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
export const unset = (keys: ReadonlyArray<string>): Unset => ({ $unset: internal.keys(keys) })

/**
 * What to do with each kind of operation.
 *
 * @since 0.1.0
 * @category folding
 */
export interface Cases<out A> {
  readonly onSet: (properties: Properties) => A
  readonly onSetOnce: (properties: Properties) => A
  readonly onIncrement: (amounts: { readonly [key: string]: number }) => A
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
