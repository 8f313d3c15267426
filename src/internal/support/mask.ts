import { describe, isPlainRecord, NotJson, ofValue } from "./json.js"
import { trim } from "./trim.js"

const masked = "<redacted>"

// Keys of tokens, which suffice to reach the user or to act as the application. They are sent, but
// never printed.
const secretKeys: ReadonlySet<string> = new Set([
  "$androidpush",
  "$iospush",
  "$webpush",
  "access_token",
  "incoming_webhook"
])

const isSecret = (key: string): boolean => secretKeys.has(key) || secretKeys.has(trim(key))

// Keys that describe an address in a response, and contain no part of it.
const openKeys: ReadonlySet<string> = new Set(["status", "perma_status", "permaStatus", "id_provider", "idProvider"])

// Keys that may be printed in a token that is a record. Any other key may be part of the token.
const tokenKeys: ReadonlySet<string> = new Set([
  ...openKeys,
  "value",
  "url",
  "endpoint",
  "expirationTime",
  "keys",
  "p256dh",
  "auth"
])

const mayHold = (value: object): boolean => {
  try {
    return Array.isArray(value) || Object.keys(value).every((key) => tokenKeys.has(key))
  } catch {
    // A proxy may throw.
    return false
  }
}

/**
 * The maximum depth that is printed. Printers such as `util.inspect` recurse.
 *
 * @internal
 */
export const maximumDepth = 200

/** A list or record whose members are not masked yet. */
interface Pending {
  readonly value: object
  readonly copy: Array<unknown> | Record<string, unknown>
  readonly up: Pending | undefined
  readonly depth: number
  /** Whether it is part of a token. */
  readonly isSecret: boolean
}

/**
 * Copies a value for printing, with tokens masked.
 *
 * A value that JSON cannot represent is replaced by a description. Lists and records keep their
 * structure. Within a token, they do so if all their keys are known. It never throws or recurses,
 * and takes time proportional to the size of the value.
 *
 * @internal
 */
export const mask = (value: unknown): unknown => {
  const pending: Array<Pending> = []
  let left = ofValue.values
  const begin = (value: unknown, up: Pending | undefined, isSecret: boolean): unknown => {
    if (value === null || typeof value === "boolean") return value
    if (typeof value === "string" || Number.isFinite(value)) return isSecret ? masked : value
    if (typeof value !== "object") return `<${describe(value)}>`
    if (isSecret && !mayHold(value)) return masked
    const depth = up === undefined ? 0 : up.depth + 1
    if (depth >= maximumDepth) return "<too deep>"
    if (left-- <= 0) return "<too much>"
    for (let ancestor = up; ancestor !== undefined; ancestor = ancestor.up) {
      if (ancestor.value === value) return "<cycle>"
    }
    const copy = begun(value)
    if (copy === undefined) return `<${describe(value)}>`
    pending.push({ value, copy, up, depth, isSecret })
    return copy
  }
  const all = begin(value, undefined, false)
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const [key, member] of membersOf(next.value) ?? [["<unreadable>", "<an object that cannot be read>"]]) {
      define(next.copy, key, begin(member, next, isSecret(key) || (next.isSecret && !openKeys.has(key))))
    }
  }
  return all
}

/** Makes the empty copy of a list or record. Returns undefined for any other value. */
const begun = (value: object): Pending["copy"] | undefined => {
  try {
    return Array.isArray(value) ? [] : isPlainRecord(value) ? {} : undefined
  } catch {
    // A proxy may throw.
    return undefined
  }
}

/** Returns the members without holes of a sparse list, or undefined if reading them throws. */
const membersOf = (value: object): Iterable<readonly [key: string, member: unknown]> | undefined => {
  try {
    return value instanceof NotJson ? [] : Object.entries(value)
  } catch {
    return undefined
  }
}

const define = (copy: Pending["copy"], key: string, value: unknown): void => {
  // An assignment would set the prototype.
  if (key === "__proto__") {
    Object.defineProperty(copy, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    Reflect.set(copy, key, value)
  }
}

// The maximum number of visited values. Only an endless proxy has more.
const maximumSeen = 4 * ofValue.values

/**
 * Returns the distinct tokens in a value.
 *
 * The caller removes them from the server's messages, which may quote the request. It never throws
 * or recurses.
 *
 * @internal
 */
export const tokens = (value: unknown): ReadonlyArray<string> => {
  const found = new Set<string>()
  const seen = { open: new Set<object>(), secret: new Set<object>() }
  const pending: Array<readonly [value: unknown, isSecret: boolean]> = [[value, false]]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [value, secret] = next
    if (secret && typeof value === "string" && value !== "") found.add(value)
    if (typeof value !== "object" || value === null) continue
    const before = secret ? seen.secret : seen.open
    if (before.has(value) || before.size >= maximumSeen) continue
    before.add(value)
    for (const [key, member] of membersOf(value) ?? []) {
      if (typeof member === "string" || typeof member === "object") {
        pending.push([member, secret || isSecret(key)])
      }
    }
  }
  return [...found]
}
