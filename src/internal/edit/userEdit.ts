import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import { pipeArguments } from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import type { Operation } from "../../Operation.js"
import type * as UserEdit from "../../UserEdit.js"
import * as json from "../support/json.js"
import { mask } from "../support/mask.js"
import { trim } from "../support/trim.js"
import { LazyInsertId } from "./lazyInsertId.js"

/** @internal */
export const TypeId: UserEdit.TypeId = Symbol.for("effect-suprsend/UserEdit") as UserEdit.TypeId

/**
 * A cell of a linked list: the edit that it was made from, and the added operation.
 *
 * So a verb takes constant time (`npm run bench -- --only building` compares long edits), and edits
 * made from the same edit share its operations.
 */
class UserEditImpl implements UserEdit.UserEdit {
  // A private field, because neither a proxy nor an object that inherits from an edit has it. Their
  // members may change with each access.
  readonly #isOwn = true

  static isOwn(u: unknown): u is UserEditImpl {
    return typeof u === "object" && u !== null && #isOwn in u
  }

  get [TypeId](): UserEdit.TypeId {
    return TypeId
  }

  constructor(
    readonly distinctId: string,
    readonly tenantId: string | undefined,
    readonly id: string | LazyInsertId | undefined,
    /** The ids of other users whose edits were concatenated with this one. */
    readonly mismatchedIds: ReadonlyArray<string>,
    public previous: UserEditImpl | undefined,
    readonly last: Operation,
    /** All operations, once they have been read. */
    public written: ReadonlyArray<Operation> | undefined
  ) {}

  get insertId(): string | undefined {
    return this.id instanceof LazyInsertId ? this.id.toString() : this.id
  }

  get operations(): ReadonlyArray<Operation> {
    // Operations are copies that are exposed only here, so they are frozen here.
    return json.freeze(this.written ?? write(this))
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return isUserEdit(that) && this.distinctId === that.distinctId && this.tenantId === that.tenantId &&
      this.insertId === that.insertId && json.equals(this.mismatchedIds, own(that).mismatchedIds) &&
      json.equals(this.operations, that.operations)
  }

  [Hash.symbol](): number {
    const hash = Hash.combine(json.hash(this.operations))(
      json.hash([this.distinctId, this.tenantId ?? null, this.insertId ?? null, this.mismatchedIds])
    )
    return Object.isExtensible(this) ? Hash.cached(this, hash) : hash
  }

  pipe() {
    return pipeArguments(this, arguments)
  }

  toJSON(): unknown {
    return {
      _id: "effect-suprsend/UserEdit",
      distinctId: mask(this.distinctId),
      ...(this.tenantId === undefined ? undefined : { tenantId: mask(this.tenantId) }),
      ...(this.insertId === undefined ? undefined : { insertId: mask(this.insertId) }),
      operations: mask(this.operations)
    }
  }

  toString(): string {
    return Inspectable.format(this.toJSON())
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

const none: ReadonlyArray<Operation> = Object.freeze([])

const noIds: ReadonlyArray<string> = Object.freeze([])

// A placeholder for the last operation of an edit that has all its operations in `written`.
const placeholder: Operation = Object.freeze({})

/**
 * Writes the operations of an edit into a list, and returns their number.
 *
 * The edit does not cache them, which suits callers that read each edit once. The list never
 * shrinks, so that it can be reused.
 *
 * @internal
 */
export const collectOperations = (self: UserEdit.UserEdit, into: Array<unknown>): number => {
  let cell: UserEditImpl | undefined = own(self)
  let added = 0
  for (let root: UserEditImpl | undefined = cell; root !== undefined; root = root.previous) {
    if (root.written !== undefined) {
      for (let i = 0; i < root.written.length; i++) into[i] = root.written[i]
      added += root.written.length
      break
    }
    added++
  }
  for (let i = added; cell !== undefined && cell.written === undefined; cell = cell.previous) into[--i] = cell.last
  return added
}

const write = (edit: UserEditImpl): ReadonlyArray<Operation> => {
  const reversed: Array<Operation> = []
  let cell: UserEditImpl | undefined = edit
  while (cell !== undefined && cell.written === undefined) {
    reversed.push(cell.last)
    cell = cell.previous
  }
  const written = [...(cell?.written ?? none), ...reversed.reverse()]
  // A frozen edit cannot cache them.
  if (Object.isExtensible(edit)) {
    edit.written = written
    // Releases the cells, which the array replaces.
    edit.previous = undefined
  }
  return written
}

/** @internal */
export const isUserEdit = (u: unknown): u is UserEdit.UserEdit => {
  if (UserEditImpl.isOwn(u)) return true
  try {
    return Predicate.hasProperty(u, TypeId) && u[TypeId] === TypeId
  } catch {
    // A proxy.
    return false
  }
}

/**
 * Returns an edit of this class: the same edit, or a snapshot of a foreign one.
 *
 * A foreign edit comes from another copy of this package, such as the CommonJS build, or imitates
 * an edit. It never throws.
 *
 * @internal
 */
export const own = (self: UserEdit.UserEdit): UserEditImpl => UserEditImpl.isOwn(self) ? self : snapshot(self)

/**
 * Copies an edit, reading each member once.
 *
 * Later changes of the edit do not affect the copy. It never throws: the copy marks the values that
 * cannot be read, and `validate` reports them.
 *
 * @internal
 */
export const snapshot = (self: UserEdit.UserEdit): UserEditImpl => {
  const mismatchedIds = json.member(self, "mismatchedIds")
  return new UserEditImpl(
    json.member(self, "distinctId"),
    json.member(self, "tenantId"),
    json.member(self, "insertId"),
    Array.isArray(mismatchedIds) ? mismatchedIds.filter(Predicate.isString) : noIds,
    undefined,
    placeholder,
    copyOperations(self)
  )
}

/** @internal */
export const make = (distinctId: string, options?: UserEdit.Options): UserEdit.UserEdit =>
  new UserEditImpl(
    trimmed(distinctId),
    options === undefined ? undefined : trimmed(json.member(options, "tenantId")),
    options === undefined ? undefined : json.member(options, "insertId"),
    noIds,
    undefined,
    placeholder,
    none
  )

// In JavaScript an id may be any value. `validate` reports it.
const trimmed = <A>(id: A | string): A | string => typeof id === "string" ? trim(id) : json.copy(id)

/**
 * Makes an edit from the members of an event.
 *
 * @internal
 */
export const written = (
  distinctId: string,
  tenantId: string | undefined,
  insertId: string,
  operations: ReadonlyArray<Operation>
): UserEdit.UserEdit => new UserEditImpl(distinctId, tenantId, insertId, noIds, undefined, placeholder, operations)

/** @internal */
export const add = (self: UserEdit.UserEdit, operation: Operation): UserEdit.UserEdit => {
  const edit = own(self)
  return new UserEditImpl(
    edit.distinctId,
    edit.tenantId,
    edit.id,
    edit.mismatchedIds,
    edit,
    operation,
    undefined
  )
}

/**
 * Returns the insert id of an edit, without making one that is made only when it is used.
 *
 * @internal
 */
export const insertIdOf = (self: UserEdit.UserEdit): string | LazyInsertId | undefined =>
  UserEditImpl.isOwn(self) && self.id instanceof LazyInsertId ? self.id : self.insertId

/** @internal */
export const withInsertId = (self: UserEdit.UserEdit, insertId: string | LazyInsertId): UserEdit.UserEdit => {
  const edit = own(self)
  return new UserEditImpl(
    edit.distinctId,
    edit.tenantId,
    insertId,
    edit.mismatchedIds,
    edit.previous,
    edit.last,
    edit.written
  )
}

/** @internal */
export const concat = (self: UserEdit.UserEdit, that: UserEdit.UserEdit): UserEdit.UserEdit => {
  const edit = own(self)
  // In JavaScript it may be any value, which is then treated as an edit of another user.
  const other = own(isUserEdit(that) ? that : make(`<${json.describe(that)}>`))
  const joined = new UserEditImpl(
    edit.distinctId,
    edit.tenantId,
    edit.id ?? other.id,
    joinedIds(edit, other),
    edit.previous,
    edit.last,
    edit.written
  )
  // Extends the first edit instead of copying it, so that concatenating many takes linear time.
  return other.operations.reduce<UserEdit.UserEdit>(add, joined)
}

/**
 * The maximum number of mismatched ids that an edit lists.
 *
 * @internal
 */
export const maximumMismatchedIds = 100

const joinedIds = (edit: UserEditImpl, other: UserEditImpl): ReadonlyArray<string> => {
  const mismatchedIds = new Set([...edit.mismatchedIds, quotedId(other), ...other.mismatchedIds])
  mismatchedIds.delete(quotedId(edit))
  return [...mismatchedIds].slice(0, maximumMismatchedIds)
}

/**
 * Returns the ids of other users whose edits were concatenated with this one.
 *
 * @internal
 */
export const mismatchedIds = (self: UserEdit.UserEdit): ReadonlyArray<string> => own(self).mismatchedIds

const quotedId = ({ distinctId, tenantId }: UserEdit.UserEdit): string =>
  tenantId === undefined ? quote(distinctId) : `${quote(distinctId)} of tenant ${quote(tenantId)}`

const quote = (id: unknown): string => typeof id === "string" ? JSON.stringify(id) : `<${json.describe(id)}>`

/**
 * Checks whether an edit has no operations.
 *
 * @internal
 */
export const isEmpty = (self: UserEdit.UserEdit): boolean => {
  const { written } = own(self)
  return written !== undefined && written.length === 0
}

/**
 * Encodes an edit as JSON.
 *
 * A value that JSON cannot represent becomes null and is listed in `defects`. An id that is not a
 * string becomes blank. The decoded edit is as invalid as the original.
 *
 * @internal
 */
export const encode = (self: UserEdit.UserEdit): UserEdit.UserEditEncoded => {
  const { distinctId, insertId, operations, mismatchedIds, tenantId } = own(self)
  const defects: Array<json.Issue> = []
  return {
    distinctId: text(distinctId),
    ...(tenantId === undefined ? undefined : { tenantId: text(tenantId) }),
    ...(insertId === undefined ? undefined : { insertId: text(insertId) }),
    operations: operations.map((operation, i) => json.toJson(operation, [i], defects)),
    ...(defects.length === 0 ? undefined : { defects }),
    ...(mismatchedIds.length === 0 ? undefined : { mismatchedIds })
  }
}

// In JavaScript an id may be any value.
const text = (id: unknown): string => typeof id === "string" ? id : ""

/** @internal */
export const decode = (encoded: UserEdit.UserEditEncoded): UserEdit.UserEdit => {
  const { defects = [], distinctId, insertId, mismatchedIds, tenantId } = encoded
  const operations = copyOperations(encoded)
  for (const { message, path } of defects) json.replace(operations, path, new json.NotJson("not JSON", message))
  return new UserEditImpl(distinctId, tenantId, insertId, mismatchedIds ?? noIds, undefined, placeholder, operations)
}

// The operations may be any values. `validate` reports those that are not operations.
function copyOperations(encoded: { readonly operations: ReadonlyArray<unknown> }): Array<Operation>
function copyOperations(encoded: { readonly operations: ReadonlyArray<unknown> }): Array<unknown> {
  try {
    return json.copyItems(encoded.operations, json.ofOperation)
  } catch (error) {
    return [json.unreadable(undefined, error)]
  }
}
