import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Hash from "effect/Hash"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Issue } from "../../SuprsendError.js"
import * as json from "../support/json.js"
import { mask } from "../support/mask.js"

// Public classes extend `Model`, so neither it nor `Raw` is marked as internal: the compiler would
// remove them from the declarations.

/** The members of a response. */
export interface Raw {
  readonly [key: string]: unknown
}

/**
 * A decoded value of a response, which keeps all members in `raw`.
 *
 * Members that this version does not know are encoded again. Values are equal by content. Printing
 * masks tokens.
 */
export abstract class Model extends Inspectable.Class implements Equal.Equal {
  constructor(readonly raw: Raw) {
    super()
  }

  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof Model && Object.getPrototypeOf(this) === Object.getPrototypeOf(that) &&
      json.equals(this.raw, that.raw)
  }

  [Hash.symbol](): number {
    return Hash.cached(this, json.hash(this.raw))
  }

  /** Returns the members as in the response, with tokens masked, for `JSON.stringify`. */
  toJSON(): unknown {
    return mask(this.raw)
  }

  /** Returns the decoded members, with tokens masked, for `console.log`. */
  override [Inspectable.NodeInspectSymbol](): unknown {
    return this.shown()
  }

  /** @internal */
  protected shown(): { readonly [member: string]: unknown } {
    const getters = Object.entries(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(this)))
      .flatMap(([name, { get }]) => get === undefined ? [] : [[name, get.call(this)] as const])
    const members = [...Object.entries(this).filter(([name]) => name !== "raw"), ...getters]
    return Object.fromEntries(members.flatMap(([name, value]) => value === undefined ? [] : [[name, readable(value)]]))
  }
}

/**
 * Returns a value with tokens masked. Models and dates are returned unchanged: they print
 * themselves.
 *
 * @internal
 */
export const readable = (value: unknown): unknown =>
  value instanceof Model || DateTime.isDateTime(value) ||
    (Array.isArray(value) && value.some((u) => u instanceof Model))
    ? value
    : mask(value)

/**
 * A function that decodes JSON, or returns its first issue.
 *
 * @internal
 */
export type Decode<A> = (u: unknown) => Either.Either<A, Issue>

/** @internal */
export const issue = (path: Issue["path"], message: string): Issue => ({ path, message })

/** @internal */
export const asRaw = (u: unknown): Either.Either<Raw, Issue> =>
  json.isPlainRecord(u) ? Either.right(u) : Either.left(issue([], `must be a JSON object, got ${json.describe(u)}`))

/** @internal */
export const within = (path: Issue["path"]) => (issue: Issue): Issue => ({ ...issue, path: [...path, ...issue.path] })

/** @internal */
export const all = <A>(items: ReadonlyArray<unknown>, path: Issue["path"], decode: Decode<A>) =>
  Either.all(items.map((item, i) => Either.mapLeft(decode(item), within([...path, i]))))

/**
 * Makes the schema of a model. A decoded value is encoded as exactly the same JSON.
 *
 * @internal
 */
export const schema = <A extends Model>(
  model: abstract new(...args: never) => A,
  decode: Decode<A>
): Schema.Schema<A, Raw> =>
  Schema.transformOrFail(
    // `Schema.Record` would assign to `__proto__` and lose that member.
    Schema.declare(json.isPlainRecord),
    Schema.declare((u): u is A => u instanceof model),
    {
      strict: true,
      decode: (raw, _, ast) => Either.mapLeft(decode(raw), (issue) => new ParseResult.Type(ast, raw, issue.message)),
      encode: (value) => ParseResult.succeed(value.raw)
    }
  )

/** @internal */
export const record = (u: unknown): Raw => json.isPlainRecord(u) ? u : {}

/**
 * Returns the records of a list, and omits its other items.
 *
 * @internal
 */
export const list = (u: unknown): ReadonlyArray<Raw> => Array.isArray(u) ? u.filter(json.isPlainRecord) : []

/** @internal */
export const texts = (u: unknown): ReadonlyArray<string> => Array.isArray(u) ? u.filter(Predicate.isString) : []

/** @internal */
export const text = (u: unknown): string | undefined => Predicate.isString(u) ? u : undefined

/** @internal */
export const number = (u: unknown): number | undefined => Predicate.isNumber(u) ? u : undefined

const offset = /(Z|[+-]\d\d:?\d\d)$/i

/**
 * Parses a timestamp in any documented form, or returns undefined.
 *
 * It may have micro- or milliseconds, a space instead of the `T`, and no offset, which means UTC.
 * An invalid timestamp does not fail the response; it stays in `raw`.
 *
 * @internal
 */
export const timestamp = (u: unknown): DateTime.Utc | undefined => {
  if (!Predicate.isString(u) || !/^\d{4}-\d\d-\d\d/.test(u)) return undefined
  const iso = u.trim().replace(" ", "T")
  return Option.getOrUndefined(
    Option.map(DateTime.make(offset.test(iso) || !iso.includes("T") ? iso : `${iso}Z`), DateTime.toUtc)
  )
}
