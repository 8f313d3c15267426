import { describe, isPlainRecord, walkDepth } from "./json.js"

const masked = "<redacted>"

// Tokens that let whoever holds them reach the user or act as the application: they must travel, and must not be printed.
const secretKeys: ReadonlySet<string> = new Set([
  "$androidpush",
  "$iospush",
  "$webpush",
  "access_token",
  "incoming_webhook"
])

/**
 * A copy of some operations that is safe to print: tokens masked, and whatever JSON cannot carry named instead.
 *
 * @internal
 */
export const mask = (value: unknown, ancestors: ReadonlyArray<unknown> = []): unknown => {
  if (value === null || typeof value === "string" || typeof value === "boolean" || Number.isFinite(value)) return value
  if (ancestors.includes(value)) return "<cycle>"
  if (ancestors.length >= walkDepth) return "<too deep>"
  const inside = [...ancestors, value]
  if (Array.isArray(value)) return value.map((item) => mask(item, inside))
  if (!isPlainRecord(value)) return `<${describe(value)}>`
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, secretKeys.has(key) ? masked : mask(member, inside)])
  )
}

/**
 * Every token in some operations, so that what the server echoes can be cleaned of them.
 *
 * @internal
 */
export const tokens = (
  value: unknown,
  secret = false,
  ancestors: ReadonlyArray<unknown> = []
): ReadonlyArray<string> => {
  if (typeof value === "string") return secret && value !== "" ? [value] : []
  if (typeof value !== "object" || value === null || ancestors.includes(value)) return []
  const inside = [...ancestors, value]
  return Array.isArray(value)
    ? value.flatMap((item) => tokens(item, secret, inside))
    : Object.entries(value).flatMap(([key, member]) => tokens(member, secret || secretKeys.has(key), inside))
}
