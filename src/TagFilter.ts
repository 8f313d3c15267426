/**
 * Filters that select preference categories by their tags.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import { parseJson } from "./internal/support/json.js"

/**
 * A filter: a tag, or filters combined with the vendor's operators.
 *
 * It has exactly the form that is sent.
 *
 * @example
 * ```ts
 * import * as TagFilter from "effect-suprsend/TagFilter"
 *
 * // {"and":[{"or":["admin","manager"]},{"not":"trial"}]}
 * const filter: TagFilter.TagFilter = TagFilter.and(TagFilter.or("admin", "manager"), TagFilter.not("trial"))
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type TagFilter =
  | string
  | { readonly and: ReadonlyArray<TagFilter> }
  | { readonly or: ReadonlyArray<TagFilter> }
  | { readonly not: TagFilter }
  | { readonly exists: boolean }

/**
 * Matches categories that match all of the filters.
 *
 * @since 0.1.0
 * @category constructors
 */
export const and = (...filters: ReadonlyArray<TagFilter>): TagFilter => ({ and: filters })

/**
 * Matches categories that match any of the filters.
 *
 * @since 0.1.0
 * @category constructors
 */
export const or = (...filters: ReadonlyArray<TagFilter>): TagFilter => ({ or: filters })

/**
 * Matches categories that do not match the filter.
 *
 * @since 0.1.0
 * @category constructors
 */
export const not = (filter: TagFilter): TagFilter => ({ not: filter })

/**
 * Matches categories that have a tag (true), or no tags (false).
 *
 * @since 0.1.0
 * @category constructors
 */
export const exists = (exists: boolean): TagFilter => ({ exists })

/**
 * Encodes a filter for the `tags` parameter.
 *
 * A single tag is sent as text, anything else as JSON.
 *
 * @example
 * ```ts
 * import * as TagFilter from "effect-suprsend/TagFilter"
 *
 * TagFilter.toQuery("admin") // admin
 * TagFilter.toQuery(TagFilter.not("admin")) // {"not":"admin"}
 * ```
 *
 * @since 0.1.0
 * @category encoding
 */
export const toQuery = (filter: TagFilter): string =>
  // The server would parse a tag such as `2024`, or one that starts like JSON, as JSON, and treat
  // an empty one as missing.
  typeof filter === "string" && !/^\s*([{["]|$)/.test(filter) && Option.isNone(parseJson(filter))
    ? filter
    : JSON.stringify(typeof filter === "string" ? or(filter) : filter)
