import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import { isWellFormed } from "./wellFormed.js"

/** @internal */
export interface Issue {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

/**
 * Checks whether a value is an object literal or made by `Object.create(null)`, in any realm.
 *
 * @internal
 */
export const isPlainRecord = (u: unknown): u is Readonly<Record<string, unknown>> => {
  if (typeof u !== "object" || u === null) return false
  try {
    const prototype: unknown = Object.getPrototypeOf(u)
    return !Array.isArray(u) && (prototype === Object.prototype || prototype === null || isObjectPrototype(prototype))
  } catch {
    // A proxy may throw.
    return false
  }
}

// Matches the `Object.prototype` of another realm. An object that inherits from a record without a
// prototype is not plain, because JSON would lose its inherited members.
const isObjectPrototype = (u: unknown): boolean =>
  typeof u === "object" && u !== null && Object.getPrototypeOf(u) === null && Object.hasOwn(u, "isPrototypeOf")

/**
 * A placeholder in a copy for a value that JSON cannot represent, with the reason.
 *
 * @internal
 */
export class NotJson {
  /** The original value. It is compared, but never read, which could run its getters. */
  readonly #original: object | undefined

  /**
   * @param what the kind of the value, without its content
   * @param problem the problem and what to do
   * @param at the path of the problem in the value
   */
  constructor(readonly what: string, readonly problem: string, original?: object, readonly at: Issue["path"] = []) {
    this.#original = original
  }

  /** Checks whether both replace the same value for the same reason. */
  equals(that: NotJson): boolean {
    return this.#original === that.#original && this.what === that.what && this.problem === that.problem
  }

  toJSON(): string {
    return `<${this.what}>`
  }
}

/**
 * Describes the kind of a value, without its content, which may be a token.
 *
 * @internal
 */
export const describe = (u: unknown): string => {
  if (u === null) return "null"
  if (typeof u === "number") return Number.isFinite(u) ? "a number" : String(u)
  if (typeof u === "undefined") return "undefined"
  if (typeof u !== "object") return `a ${typeof u}`
  try {
    if (u instanceof NotJson) return u.what
    if (Array.isArray(u)) return "an array"
    if (isPlainRecord(u)) return "an object"
    const prototype: unknown = Object.getPrototypeOf(u)
    const constructor: unknown = typeof prototype === "object" && prototype !== null && "constructor" in prototype
      ? prototype.constructor
      : undefined
    const name: unknown = typeof constructor === "function" ? constructor.name : undefined
    return typeof name === "string" && name !== "" ? `an instance of ${shortened(name)}` : "an object"
  } catch {
    return "an object that cannot be read"
  }
}

const advice: Readonly<Record<string, string>> = {
  "a bigint": "convert it to a string or a number",
  "a function": "leave it out",
  "a symbol": "leave it out",
  "an instance of Date": "send its toISOString(), or its milliseconds",
  "an instance of Map": "send Object.fromEntries(map)",
  "an instance of Set": "send [...set]"
}

const problemOf = (u: unknown): string => {
  if (u === undefined) return "is undefined: leave it out, or unset the property"
  if (typeof u === "number") return `JSON has no ${u}: send a finite number, or null`
  const what = describe(u)
  return `JSON cannot carry ${what}: ${advice[what] ?? "convert it to a string, a number or a plain record"}`
}

/**
 * Limits on the size of a value.
 *
 * @internal
 */
export interface Bounds {
  /** The maximum number of nested lists and records. */
  readonly levels: number
  /** The maximum number of values. */
  readonly values: number
}

/**
 * The bounds of one value.
 *
 * The depth keeps recursion far from the end of the stack. The number of values bounds memory:
 * proxies, and values that contain the same value many times, can be arbitrarily large.
 *
 * @internal
 */
export const ofValue: Bounds = { levels: 1_000, values: 1_000_000 }

/**
 * The bounds of an operation, which contains values a few levels down.
 *
 * @internal
 */
export const ofOperation: Bounds = { levels: ofValue.levels + 10, values: ofValue.values + 10 }

// Up to this depth, ancestors are compared one by one. Below, they are also kept in a set.
const fewAncestors = 16

/** The state while a value is copied. */
class Copying {
  left: number
  private readonly ancestors: Array<object> = []
  private known: Set<object> | undefined

  constructor(private readonly bounds: Bounds) {
    this.left = bounds.values
  }

  isTooDeep(): boolean {
    return this.ancestors.length >= this.bounds.levels
  }

  isAncestor(u: object): boolean {
    return this.known === undefined ? this.ancestors.includes(u) : this.known.has(u)
  }

  enter(u: object): void {
    this.ancestors.push(u)
    if (this.known !== undefined) this.known.add(u)
    else if (this.ancestors.length > fewAncestors) this.known = new Set(this.ancestors)
  }

  leave(u: object): void {
    this.ancestors.pop()
    if (this.ancestors.length <= fewAncestors) this.known = undefined
    else this.known?.delete(u)
  }
}

/**
 * Copies a value as plain data, reading each member once.
 *
 * Later changes of the original do not affect the copy, and reading the copy runs no getter, proxy
 * or `toJSON`. A value that JSON cannot represent is replaced by a `NotJson`, which `collectIssues`
 * reports. It never throws, and takes time proportional to the size of the value.
 *
 * @internal
 */
export function copy<A>(value: A, bounds?: Bounds): A
export function copy(value: unknown, bounds = ofValue): unknown {
  if (!canRunCode(value)) return value
  if (!isPlainRecord(value)) return copyObject(value, new Copying(bounds))
  try {
    return copyRecord(value, undefined, bounds)
  } catch (error) {
    return unreadable(value, error)
  }
}

/**
 * Copies a member of a value. It never throws.
 *
 * @internal
 */
export function member<O, K extends keyof O>(of: O, name: K): O[K]
export function member(of: object, name: string): unknown
export function member(of: unknown, name: string): unknown {
  if (of === undefined || of === null) return undefined
  try {
    return copy(Reflect.get(Object(of), name))
  } catch (error) {
    return unreadable(undefined, error)
  }
}

// Includes functions, because a proxy may be one.
const canRunCode = (u: unknown): u is object => typeof u === "object" ? u !== null : typeof u === "function"

/**
 * Copies the items of a list, each within the bounds. Any other value is treated as the only item.
 *
 * @internal
 */
export const copyItems = (list: unknown, bounds: Bounds): Array<unknown> => {
  try {
    if (!Array.isArray(list)) return [copy(list, bounds)]
    const { length }: { readonly length: unknown } = list
    if (!isLength(length)) return [unreadable(list, undefined)]
    if (length > ofValue.values) return [tooMany(list)]
    const copied: Array<unknown> = []
    for (let i = 0; i < length; i++) {
      const item: unknown = list[i]
      if (item === undefined && isHole(list, i)) return [sparse(list, i)]
      copied.push(copy(item, bounds))
    }
    return copied
  } catch (error) {
    return [unreadable(undefined, error)]
  }
}

// The length of a proxy may be any value.
const isLength = (u: unknown): u is number => Number.isSafeInteger(u) && Number(u) >= 0

const copyObject = (value: object, copying: Copying): unknown => {
  if (copying.isTooDeep()) return new NotJson("too deep", `is nested more than ${ofValue.levels} levels deep`, value)
  if (copying.isAncestor(value)) {
    return new NotJson("cycle", "refers back to a value that contains it: JSON has no cycles", value)
  }
  copying.enter(value)
  try {
    if (Array.isArray(value)) return copyArray(value, copying)
    if (isPlainRecord(value)) return copyRecord(value, copying, ofValue)
    return value instanceof NotJson ? value : new NotJson(describe(value), problemOf(value), value)
  } catch (error) {
    return unreadable(value, error)
  } finally {
    copying.leave(value)
  }
}

const copyArray = (array: ReadonlyArray<unknown>, copying: Copying): unknown => {
  const { length }: { readonly length: unknown } = array
  if (!isLength(length)) return unreadable(array, undefined)
  if (typeof Reflect.get(array, "toJSON") === "function") return writesItself(array)
  const copied: Array<unknown> = []
  for (let i = 0; i < length; i++) {
    if (length - i > copying.left--) return isHole(array, i) ? sparse(array, i) : tooMany(array)
    const item = array[i]
    if (item === undefined && isHole(array, i)) return sparse(array, i)
    copied.push(canRunCode(item) ? copyObject(item, copying) : item)
  }
  return copied
}

const isHole = (array: ReadonlyArray<unknown>, i: number): boolean => !(i in array)

/** Copies a record. The state is only made for nested members, as most records are flat. */
const copyRecord = (
  record: Readonly<Record<string, unknown>>,
  copying: Copying | undefined,
  bounds: Bounds
): unknown => {
  // Spread defines `__proto__` as an own property, while an assignment would set the prototype.
  const copied: Record<string, unknown> = { ...record }
  if (typeof record.toJSON === "function" && !hasOwn.call(copied, "toJSON")) return writesItself(record)
  for (const key in copied) {
    // Skips members that a program added to `Object.prototype`.
    if (!hasOwn.call(copied, key)) continue
    if (copying !== undefined && copying.left-- <= 0) return tooMany(record)
    const value = copied[key]
    if (!canRunCode(value)) continue
    if (copying === undefined) {
      copying = new Copying(bounds)
      copying.enter(record)
    }
    copied[key] = copyObject(value, copying)
  }
  return copied
}

const hasOwn = Object.prototype.hasOwnProperty

// A value with a `toJSON`, own or inherited, would be sent as another value.
const writesItself = (value: object): NotJson =>
  new NotJson(
    "an object with a toJSON",
    "has a toJSON method, and would not be sent as it is: send the result of that method",
    value
  )

const tooMany = (value: object): NotJson =>
  new NotJson("too many values", `holds more than ${ofValue.values} values: send less`, value)

const sparse = (array: ReadonlyArray<unknown>, first: number): NotJson => {
  // Iterates over keys, because a sparse array may have far more indices.
  const there = Object.keys(array).reduce((there, key) => /^(?:0|[1-9]\d*)$/.test(key) ? there + 1 : there, 0)
  const holes = array.length - there
  const count = holes > 1 ? `, the first of ${holes}` : ""
  return new NotJson("an array with holes", `is a hole in the list${count}: leave it out, or send null`, array, [first])
}

/**
 * Makes the placeholder of a value that throws when it is read.
 *
 * @internal
 */
export const unreadable = (value: object | undefined, error: unknown): NotJson => {
  return new NotJson(
    "an object that cannot be read",
    `cannot be read: ${reasonOf(error) ?? "something in it throws"}; send plain data`,
    value
  )
}

/**
 * Returns the message of an error, or undefined. It never throws, even if the error does.
 *
 * @internal
 */
export const reasonOf = (error: unknown): string | undefined => {
  try {
    if (!(error instanceof Error)) return undefined
    const message: unknown = error.message
    return typeof message === "string" && message !== "" ? shortened(message) : undefined
  } catch {
    return undefined
  }
}

/** @internal */
export const maximumWord = 100

const shortened = (text: string): string => text.length > maximumWord ? `${text.slice(0, maximumWord)}…` : text

/**
 * The maximum number of issues that are listed.
 *
 * @internal
 */
export const maximumIssues = 100

/**
 * The maximum length of a path. A longer one is shortened to its first and last steps.
 *
 * @internal
 */
export const maximumPath = 16
const firstSteps = 12
const lastSteps = 3

/**
 * A collection of issues. Beyond the first hundred, only their number is kept.
 *
 * @internal
 */
export class Issues {
  private readonly found: Array<Issue> = []
  private more = 0

  get isEmpty(): boolean {
    return this.found.length === 0
  }

  add(path: Issue["path"], message: string): void {
    if (this.found.length < maximumIssues) this.found.push({ path: readable(path), message })
    else this.more++
  }

  all(): ReadonlyArray<Issue> {
    return this.more === 0 ? this.found : [...this.found, { path: [], message: `and ${this.more} more` }]
  }
}

const readable = (path: Issue["path"]): Issue["path"] =>
  (path.length <= maximumPath ? path : [...path.slice(0, firstSteps), "…", ...path.slice(-lastSteps)])
    .map((step) => typeof step === "string" ? shortened(step) : step)

/**
 * Collects the values in a copy that JSON cannot represent.
 *
 * @param value a value that `copy` returned
 * @param path the path of the value, which is changed during the call and restored
 * @internal
 */
export const collectIssues = (value: unknown, path: Array<string | number>, issues: Issues): void => {
  switch (typeof value) {
    case "boolean":
      return
    case "string":
      if (!isWellFormed(value)) issues.add(path, halfPair)
      return
    case "number":
      if (Number.isFinite(value)) return
      break
    case "object":
      if (value === null) return
      if (value instanceof NotJson) return issues.add([...path, ...value.at], value.problem)
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) {
          path.push(i)
          collectIssues(value[i], path, issues)
          path.pop()
        }
        return
      }
      if (isPlainRecord(value)) {
        for (const key of Object.keys(value)) {
          path.push(key)
          if (!isWellFormed(key)) issues.add(path, halfPairInKey)
          collectIssues(value[key], path, issues)
          path.pop()
        }
        return
      }
  }
  issues.add(path, problemOf(value))
}

/** @internal */
export const halfPair = "must be well-formed Unicode: it holds half of a surrogate pair"

/** @internal */
export const halfPairInKey = "has a key that must be well-formed Unicode: it holds half of a surrogate pair"

/**
 * Converts plain data to JSON, with null for each value that JSON cannot represent.
 *
 * @param path the path of the value, which is changed during the call and restored
 * @param defects receives the path of each such value, and the problem
 * @internal
 */
export const toJson = (value: unknown, path: Array<string | number>, defects: Array<Issue>): unknown => {
  if (typeof value === "string" || typeof value === "boolean" || value === null || Number.isFinite(value)) return value
  const inside = (step: string | number, member: unknown): unknown => {
    path.push(step)
    const json = toJson(member, path, defects)
    path.pop()
    return json
  }
  if (Array.isArray(value)) return value.map((item, i) => inside(i, item))
  if (isPlainRecord(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, inside(key, member)]))
  }
  defects.push({ path: [...path], message: value instanceof NotJson ? value.problem : problemOf(value) })
  return null
}

/**
 * Replaces the value at a path of plain data. If the path does not exist, the value is appended.
 *
 * @internal
 */
export const replace = (data: Array<unknown>, path: Issue["path"], value: unknown): void => {
  const last = path.at(-1)
  const around = path.slice(0, -1).reduce<unknown>((around, step) => own(around, step), data)
  if (last !== undefined && typeof around === "object" && around !== null && Object.hasOwn(around, last)) {
    Reflect.set(around, last, value)
  } else {
    data.push(value)
  }
}

const own = (u: unknown, step: string | number): unknown =>
  typeof u === "object" && u !== null && Object.hasOwn(u, step) ? Reflect.get(u, step) : undefined

// The maximum number of comparisons. It suffices for a list of a million values.
const comparisons = 4 * ofValue.values

/** The number of comparisons left. */
interface Budget {
  left: number
}

/**
 * Compares two values by content.
 *
 * The order of members does not matter, as in JSON. Values that are too deep or too large to be
 * sent compare by identity, and so do cycles.
 *
 * @internal
 */
export const equals = (a: unknown, b: unknown): boolean => equalsWithin(a, b, 0, { left: comparisons })

const equalsWithin = (a: unknown, b: unknown, depth: number, budget: Budget): boolean => {
  if (Object.is(a, b) || a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (depth >= ofOperation.levels || budget.left-- <= 0) return false
  if (a instanceof NotJson) return b instanceof NotJson && a.equals(b)
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false
    // By index, because `every` skips the holes of a sparse array.
    for (let i = 0; i < a.length; i++) {
      if (budget.left-- <= 0 || !equalsWithin(a[i], b[i], depth + 1, budget)) return false
    }
    return true
  }
  if (!isPlainRecord(a) || !isPlainRecord(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equalsWithin(a[key], b[key], depth + 1, budget))
}

/**
 * Hashes a value. Values that `equals` considers equal have the same hash.
 *
 * @internal
 */
export const hash = (value: unknown): number => hashWithin(value, 0, { left: comparisons })

const hashWithin = (value: unknown, depth: number, budget: Budget): number => {
  if (typeof value !== "object" || value === null) return Hash.hash(value)
  if (depth >= ofOperation.levels || budget.left-- <= 0 || value instanceof NotJson) return 0
  if (Array.isArray(value)) {
    let sum = 6151
    for (let i = 0; i < value.length && budget.left-- > 0; i++) {
      sum = Hash.combine(hashWithin(value[i], depth + 1, budget))(sum)
    }
    return sum
  }
  if (!isPlainRecord(value)) return Hash.hash(value)
  return Object.keys(value).reduce(
    (sum, key) => sum ^ Hash.combine(hashWithin(value[key], depth + 1, budget))(Hash.string(key)),
    12289
  )
}

/**
 * Freezes plain data deeply.
 *
 * @internal
 */
export const freeze = <A extends object>(data: A): A => {
  const pending: Array<object> = [data]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    // Frozen data was frozen here, so its members are frozen too.
    if (Object.isFrozen(next)) continue
    for (const value of Object.values(Object.freeze(next))) {
      if (typeof value === "object" && value !== null) pending.push(value)
    }
  }
  return data
}

/**
 * Parses JSON, or returns none if the text is not JSON.
 *
 * @internal
 */
export const parseJson: (text: string) => Option.Option<unknown> = Option.liftThrowable((text): unknown =>
  JSON.parse(text)
)
