/**
 * Which preference categories are meant, by the tags that they carry: a value to compose, instead of a string to assemble.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import { parseJson } from "./internal/support/json.js"

/**
 * A filter: a tag, or filters joined by the vendor's four operators (OpenAPI), exactly as they travel.
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
 * Categories for which all of the filters hold.
 *
 * @since 0.1.0
 * @category constructors
 */
export const and = (...filters: ReadonlyArray<TagFilter>): TagFilter => ({ and: filters })

/**
 * Categories for which any of the filters holds.
 *
 * @since 0.1.0
 * @category constructors
 */
export const or = (...filters: ReadonlyArray<TagFilter>): TagFilter => ({ or: filters })

/**
 * Categories for which the filter does not hold.
 *
 * @since 0.1.0
 * @category constructors
 */
export const not = (filter: TagFilter): TagFilter => ({ not: filter })

/**
 * Categories that have any tag at all, or none.
 *
 * @since 0.1.0
 * @category constructors
 */
export const exists = (exists: boolean): TagFilter => ({ exists })

/**
 * The text of the `tags` parameter: a single tag as it is, everything else as JSON.
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
  // A tag that begins like JSON, or is JSON, such as `2024`, would be read as JSON; and an empty one as none.
  typeof filter === "string" && !/^\s*([{["]|$)/.test(filter) && Option.isNone(parseJson(filter))
    ? filter
    : JSON.stringify(typeof filter === "string" ? or(filter) : filter)
