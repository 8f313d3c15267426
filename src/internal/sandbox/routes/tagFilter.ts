import * as Option from "effect/Option"
import type { TagFilter } from "../../../TagFilter.js"
import { parseJson } from "../../support/json.js"
import { isPlainRecord } from "../../support/json.js"

/**
 * Parses the `tags` parameter: a filter as JSON, or a single tag.
 *
 * @internal
 */
export const parse = (text: string): Option.Option<TagFilter> => {
  const json = Option.getOrElse(parseJson(text), () => text)
  // A tag may look like another kind of JSON, such as the number `2024`.
  if (typeof json === "object" && json !== null) return fromJson(json)
  return /^\s*[{[]/.test(text) ? Option.none() : Option.some(typeof json === "string" ? json : text)
}

const fromJson = (u: unknown): Option.Option<TagFilter> => {
  if (typeof u === "string") return Option.some(u)
  if (!isPlainRecord(u) || Object.keys(u).length !== 1) return Option.none()
  if (Array.isArray(u.and)) return Option.map(Option.all(u.and.map(fromJson)), (and) => ({ and }))
  if (Array.isArray(u.or)) return Option.map(Option.all(u.or.map(fromJson)), (or) => ({ or }))
  if ("not" in u) return Option.map(fromJson(u.not), (not) => ({ not }))
  return typeof u.exists === "boolean" ? Option.some({ exists: u.exists }) : Option.none()
}

/**
 * Whether a filter matches an item with these tags.
 *
 * @internal
 */
export const matches = (filter: TagFilter, tags: ReadonlyArray<string>): boolean => {
  if (typeof filter === "string") return tags.includes(filter)
  if ("and" in filter) return filter.and.every((one) => matches(one, tags))
  if ("or" in filter) return filter.or.some((one) => matches(one, tags))
  if ("not" in filter) return !matches(filter.not, tags)
  return filter.exists === tags.length > 0
}
