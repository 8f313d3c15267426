import * as Headers from "@effect/platform/Headers"
import * as Predicate from "effect/Predicate"
import { describe, isPlainRecord } from "../support/json.js"

// A transport sets these from the body and the connection. Set by hand, each of them breaks every request of some transport.
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

// The platform's `Headers` are records with a prototype of their own. What has members of its own only by methods, such as the
// `Headers` of `fetch` or a `Map`, would be sent as nothing.
const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  isPlainRecord(u) || (Predicate.isRecord(u) && Headers.isHeaders(u))

/**
 * Says why these headers cannot be sent, in words that never contain a value; undefined if they can.
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
  // What follows may be a value, in a line that was copied as a whole.
  if (valid !== name || name === "") {
    return `must have valid HTTP names, but the one that begins with "${valid}" is not valid`
  }
  return ofTransport.has(name.toLowerCase()) ? `must not have "${name}": leave it to the transport` : undefined
}

// Not as `new Headers` has it, which trims a line break at the end of a value that undici then refuses on each request.
const ofValue = (name: string, value: unknown): string | undefined => {
  if (typeof value !== "string") return `must have strings as values, but "${name}" has ${describe(value)}`
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    ? undefined
    : `must have valid HTTP values, but "${name}" has a line break or another invalid character`
}
