import * as Hash from "effect/Hash"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/** @internal */
export interface Issue {
  readonly path: ReadonlyArray<string | number>
  readonly message: string
}

/**
 * A record as an object literal or `Object.create(null)` makes it, of whatever realm.
 *
 * @internal
 */
export const isPlainRecord = (u: unknown): u is Readonly<Record<string, unknown>> => {
  if (!Predicate.isRecord(u)) return false
  const prototype: unknown = Object.getPrototypeOf(u)
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * What a value is, in words that never contain the value: it may be a token.
 *
 * @internal
 */
export const describe = (u: unknown): string => {
  if (u === null) return "null"
  if (Array.isArray(u)) return "an array"
  switch (typeof u) {
    case "undefined":
      return "undefined"
    case "number":
      return Number.isFinite(u) ? "a number" : String(u)
    case "object": {
      const prototype: unknown = Object.getPrototypeOf(u)
      const name = isPlainRecord(u) || !Predicate.hasProperty(prototype, "constructor") ? "" : prototype.constructor
      return typeof name === "function" && name.name !== "" ? `an instance of ${name.name}` : "an object"
    }
    default:
      return `a ${typeof u}`
  }
}

// Every level of nesting costs two bytes, and a record may have 10,240: deeper data could not be sent anyway, and a bound
// keeps the walk off the end of the stack.
const maximumDepth = 2_000

/**
 * Where walks over whole edits stop, which hold values a few levels down: beyond it there is nothing that `validate` would
 * let through.
 *
 * @internal
 */
export const walkDepth = maximumDepth + 10

/**
 * Appends to `issues` where and why `value` would not survive `JSON.parse(JSON.stringify(value))`.
 *
 * @internal
 */
export const collectIssues = (
  value: unknown,
  path: ReadonlyArray<string | number>,
  issues: Array<Issue>,
  ancestors: ReadonlyArray<object> = []
): void => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return
    case "number":
      if (!Number.isFinite(value)) {
        issues.push({ path, message: `JSON has no ${value}: send a finite number, or null` })
      }
      return
    case "object": {
      if (value === null) return
      if (ancestors.includes(value)) {
        issues.push({ path, message: "refers back to a value that contains it: JSON has no cycles" })
        return
      }
      if (ancestors.length >= maximumDepth) {
        issues.push({ path, message: `is nested more than ${maximumDepth} levels deep` })
        return
      }
      const inside = [...ancestors, value]
      if (Array.isArray(value)) {
        // By index, so that the holes of a sparse array are seen too.
        for (let i = 0; i < value.length; i++) {
          collectIssues(value[i], [...path, i], issues, inside)
        }
        return
      }
      if (isPlainRecord(value)) {
        for (const key of Object.keys(value)) {
          collectIssues(value[key], [...path, key], issues, inside)
        }
        return
      }
    }
  }
  issues.push({
    path,
    message: `JSON cannot carry ${describe(value)}: convert it to a string, a number or a plain record`
  })
}

/**
 * Equality by content. Members compare without regard to their order, as in JSON. A cycle compares by identity, and so does
 * what is too deep to be sent.
 *
 * @internal
 */
export const equals = (a: unknown, b: unknown, ancestors: ReadonlyArray<unknown> = []): boolean => {
  if (Object.is(a, b) || a === b) return true
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false
  if (ancestors.length >= walkDepth || ancestors.includes(a)) return false
  const inside = [...ancestors, a]
  if (Array.isArray(a)) {
    // Spread, so that the holes of a sparse array are seen too.
    return Array.isArray(b) && a.length === b.length && [...a].every((item, i) => equals(item, b[i], inside))
  }
  if (!isPlainRecord(a) || !isPlainRecord(b)) return false
  const keys = Object.keys(a)
  return keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equals(a[key], b[key], inside))
}

/**
 * Alike for all that `equals` calls equal.
 *
 * @internal
 */
export const hash = (value: unknown, ancestors: ReadonlyArray<unknown> = []): number => {
  if (typeof value !== "object" || value === null) return Hash.hash(value)
  if (ancestors.length >= walkDepth || ancestors.includes(value)) return 0
  const inside = [...ancestors, value]
  if (Array.isArray(value)) {
    return [...value].reduce<number>((sum, item) => Hash.combine(hash(item, inside))(sum), 6151)
  }
  if (!isPlainRecord(value)) return Hash.hash(value)
  return Object.keys(value).reduce((sum, key) => sum ^ Hash.combine(hash(value[key], inside))(Hash.string(key)), 12289)
}

/**
 * The value that a text is in JSON, if it is JSON.
 *
 * @internal
 */
export const parseJson: (text: string) => Option.Option<unknown> = Option.liftThrowable((text): unknown =>
  JSON.parse(text)
)
