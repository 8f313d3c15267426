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

/** @internal */
export const TypeId: UserEdit.TypeId = Symbol.for("effect-suprsend/UserEdit") as UserEdit.TypeId

/**
 * An edit is a cell of a list that grows at its end: the edit that it was made from, and the operation that was added. So a
 * verb costs the same however long the edit is, and edits made from one another share what they have in common.
 */
class UserEditImpl implements UserEdit.UserEdit {
  // A proxy, and what only inherits from an edit, have none: their members may be other ones each time.
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
    readonly insertId: string | undefined,
    /** Users other than this one whose edits were joined to it by mistake. */
    readonly mismatchedIds: ReadonlyArray<string>,
    public previous: UserEditImpl | undefined,
    readonly last: Operation,
    /** All operations, once they were asked for. */
    public written: ReadonlyArray<Operation> | undefined
  ) {}

  get operations(): ReadonlyArray<Operation> {
    // What a verb was given is a copy, which is handed out nowhere else: so it need not be frozen before.
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

// The last operation of an edit whose operations are written, where it says nothing.
const nothing: Operation = Object.freeze({})

/**
 * Puts the operations of an edit at the beginning of a list, and says how many there are, without having the edit remember them: for
 * whoever looks at each edit once. The list never shrinks, which would cost more than all the rest.
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
  // A frozen edit can remember nothing.
  if (Object.isExtensible(edit)) {
    edit.written = written
    // From here on the array says it all: let go of the cells that led to it.
    edit.previous = undefined
  }
  return written
}

/** @internal */
export const isUserEdit = (u: unknown): u is UserEdit.UserEdit => {
  try {
    return Predicate.hasProperty(u, TypeId) && u[TypeId] === TypeId
  } catch {
    // A proxy.
    return false
  }
}

/**
 * Takes an edit for one of our own. It may come from another copy of this package, the CommonJS one for instance, which has a class of
 * its own, or from anywhere, and is then read once. It never throws.
 *
 * @internal
 */
export const own = (self: UserEdit.UserEdit): UserEditImpl => UserEditImpl.isOwn(self) ? self : snapshot(self)

/**
 * Reads an edit, once: what is done to it later, and what it does when it is read again, changes nothing. It never throws; what cannot be
 * read stands there for `validate` to name.
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
    nothing,
    asGiven(self)
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
    nothing,
    none
  )

// From JavaScript an id may be anything, for `validate` to name.
const trimmed = <A>(id: A | string): A | string => typeof id === "string" ? trim(id) : json.copy(id)

/**
 * Makes an edit of what was written into an event.
 *
 * @internal
 */
export const written = (
  distinctId: string,
  tenantId: string | undefined,
  insertId: string,
  operations: ReadonlyArray<Operation>
): UserEdit.UserEdit => new UserEditImpl(distinctId, tenantId, insertId, noIds, undefined, nothing, operations)

/** @internal */
export const add = (self: UserEdit.UserEdit, operation: Operation): UserEdit.UserEdit => {
  const edit = own(self)
  return new UserEditImpl(
    edit.distinctId,
    edit.tenantId,
    edit.insertId,
    edit.mismatchedIds,
    edit,
    operation,
    undefined
  )
}

/** @internal */
export const withInsertId = (self: UserEdit.UserEdit, insertId: string): UserEdit.UserEdit => {
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
  // From JavaScript it may be anything, which is then somebody whose edit this is not.
  const other = own(isUserEdit(that) ? that : make(`<${json.describe(that)}>`))
  const joined = new UserEditImpl(
    edit.distinctId,
    edit.tenantId,
    edit.insertId ?? other.insertId,
    joinedIds(edit, other),
    edit.previous,
    edit.last,
    edit.written
  )
  // Onto the first one, and not both into a new list: joining many takes no longer than they are.
  return other.operations.reduce<UserEdit.UserEdit>(add, joined)
}

/**
 * As many as are told one by one.
 *
 * @internal
 */
export const maximumMismatchedIds = 100

const joinedIds = (edit: UserEditImpl, other: UserEditImpl): ReadonlyArray<string> => {
  const mismatchedIds = new Set([...edit.mismatchedIds, whom(other), ...other.mismatchedIds])
  mismatchedIds.delete(whom(edit))
  return [...mismatchedIds].slice(0, maximumMismatchedIds)
}

/**
 * Lists users other than the edit's own whose edits were joined to it.
 *
 * @internal
 */
export const mismatchedIds = (self: UserEdit.UserEdit): ReadonlyArray<string> => own(self).mismatchedIds

const whom = ({ distinctId, tenantId }: UserEdit.UserEdit): string =>
  tenantId === undefined ? quote(distinctId) : `${quote(distinctId)} of tenant ${quote(tenantId)}`

const quote = (id: unknown): string => typeof id === "string" ? JSON.stringify(id) : `<${json.describe(id)}>`

/**
 * Tells whether there is nothing that the edit does.
 *
 * @internal
 */
export const isEmpty = (self: UserEdit.UserEdit): boolean => {
  const { written } = own(self)
  return written !== undefined && written.length === 0
}

/**
 * Writes an edit as JSON. Where JSON cannot carry what is there it has null, and `defects` says what was wrong; and what is no id makes a
 * blank one: both are refused when they are sent, as the edit was.
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

// From JavaScript an id may be anything.
const text = (id: unknown): string => typeof id === "string" ? id : ""

/** @internal */
export const decode = (encoded: UserEdit.UserEditEncoded): UserEdit.UserEdit => {
  const { defects = [], distinctId, insertId, mismatchedIds, tenantId } = encoded
  const operations = asGiven(encoded)
  for (const { message, path } of defects) json.replace(operations, path, new json.NotJson("not JSON", message))
  return new UserEditImpl(distinctId, tenantId, insertId, mismatchedIds ?? noIds, undefined, nothing, operations)
}

// Whatever they are: what is no operation is for `validate` to name.
function asGiven(encoded: { readonly operations: ReadonlyArray<unknown> }): Array<Operation>
function asGiven(encoded: { readonly operations: ReadonlyArray<unknown> }): Array<unknown> {
  try {
    return json.copyItems(encoded.operations, json.ofOperation)
  } catch (error) {
    return [json.unreadable(undefined, error)]
  }
}
