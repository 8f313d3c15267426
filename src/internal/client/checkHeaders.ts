import * as Headers from "@effect/platform/Headers"
import * as Predicate from "effect/Predicate"
import { describe, isPlainRecord } from "../support/json.js"

// The transport sets these from the body and the connection. Setting one by hand breaks every
// request of some transport.
const ofTransport: ReadonlySet<string> = new Set([
  "connection",
  "content-encoding",
  "content-length",
  "expect",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade"
])

const token = /^[\w!#$%&'*+.^`|~-]+/

// The platform's `Headers` are records with a prototype of their own. `Headers` of `fetch` and maps
// have no own properties, so no header of theirs would be sent.
const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  isPlainRecord(u) || (Predicate.isRecord(u) && Headers.isHeaders(u))

/**
 * Returns why these headers cannot be sent, or undefined if they can. It never contains a value.
 *
 * @internal
 */
export const problem = (headers: unknown): string | undefined => {
  if (!isRecord(headers)) return `must be a plain record of names and values, got ${describe(headers)}`
  const names = new Set<string>()
  for (const [name, value] of Object.entries(headers)) {
    const found = ofName(name) ?? ofValue(name, value)
    if (found !== undefined) return found
    if (names.has(name.toLowerCase())) {
      return `must have each name once, but has "${name.toLowerCase()}" twice: names ignore case`
    }
    names.add(name.toLowerCase())
  }
  return undefined
}

const ofName = (name: string): string | undefined => {
  const [valid] = token.exec(name) ?? [""]
  // The rest may be a value, if a whole header line was pasted.
  if (valid !== name || name === "") {
    return `must have valid HTTP names, but the one that begins with "${valid}" is not valid`
  }
  return ofTransport.has(name.toLowerCase()) ? `must not have "${name}": leave it to the transport` : undefined
}

// Stricter than `new Headers`, which trims a trailing line break that undici then refuses on each
// request.
const ofValue = (name: string, value: unknown): string | undefined => {
  if (typeof value !== "string") return `must have strings as values, but "${name}" has ${describe(value)}`
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    ? undefined
    : `must have valid HTTP values, but "${name}" has a line break or another invalid character`
}
