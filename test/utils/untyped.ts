import { isUserEdit, type UserEdit } from "effect-suprsend/UserEdit"

/** A function as JavaScript sees it: it can be called with anything. */
export const untyped = <A>(f: (...args: never) => A) => (...args: ReadonlyArray<unknown>): A =>
  Reflect.apply(f, undefined, args)

export const asEdit = (u: unknown): UserEdit => {
  if (!isUserEdit(u)) throw new Error("This is not a UserEdit")
  return u
}

/** A verb called with the edit first, without regard to its types. */
export const dataFirst = (verb: (...args: never) => unknown, edit: UserEdit, args: ReadonlyArray<unknown>): UserEdit =>
  asEdit(untyped(verb)(edit, ...args))

/** A verb called as in a pipe, without regard to its types. */
export const dataLast = (verb: (...args: never) => unknown, edit: UserEdit, args: ReadonlyArray<unknown>): UserEdit => {
  const step = untyped(verb)(...args)
  if (typeof step !== "function") throw new Error("This is not a step of a pipe")
  return asEdit(Reflect.apply(step, undefined, [edit]))
}
