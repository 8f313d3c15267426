import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import type { UserEdit } from "../../UserEdit.js"

/**
 * How edits are made from the rows of a stream.
 *
 * @internal
 */
export interface Recipe<in out A, out E, out R> {
  readonly rows: Stream.Stream<A, E, R>
  readonly make: (row: A) => UserEdit
  /** Returns how the edits end if `make` throws. */
  readonly onThrow: (thrown: unknown) => Exit.Exit<never, E>
}

/**
 * A stream of edits that a bulk makes one at a time, when it sends them.
 *
 * `Stream.map` makes all edits of a chunk at once, usually 4,096. They stay in memory until they are
 * sent, and V8 then takes edits for long-lived objects, which cost more to allocate and to collect
 * (`npm run bench -- --only sources`).
 *
 * @internal
 */
export interface LazyEdits<out E, out R> extends Stream.Stream<UserEdit, E, R> {
  readonly [TypeId]: <B>(use: <A>(recipe: Recipe<A, E, R>) => B) => B
}

const TypeId: unique symbol = Symbol("effect-suprsend/LazyEdits")

/** @internal */
export const make = <A, E, R>(recipe: Recipe<A, E, R>): LazyEdits<E, R> => {
  const { make, onThrow, rows } = recipe
  // Any other consumer than a bulk gets the same edits as from any stream.
  const edits = Stream.mapEffect(rows, (row) => Effect.catchAllDefect(Effect.sync(() => make(row)), onThrow))
  return Object.assign(edits, { [TypeId]: <B>(use: <A>(recipe: Recipe<A, E, R>) => B) => use(recipe) })
}

/** @internal */
export const isLazyEdits = <E, R>(edits: Stream.Stream<UserEdit, E, R>): edits is LazyEdits<E, R> => TypeId in edits

/**
 * Calls a function with the recipe of the edits.
 *
 * @internal
 */
export const use = <E, R, B>(edits: LazyEdits<E, R>, f: <A>(recipe: Recipe<A, E, R>) => B): B => edits[TypeId](f)
