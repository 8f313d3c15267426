// Encodes like Python's `quote(safe="")`, which unlike `encodeURIComponent` encodes !'()* too. Both
// are valid, but URL parsers disagree on these characters, and the signed text must be exactly the
// sent text.
const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

/** @internal */
export const segment = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, percent)

/**
 * Fills each `{name}` in a template with an encoded segment.
 *
 * Services validate ids before. A value that is still not a valid segment is a programming error,
 * and dies so that the request does not reach another path.
 *
 * @internal
 */
export const path = (template: string, params?: Readonly<Record<string, string>>): string =>
  !template.includes("{") ? template : template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = params?.[name]
    if (value === undefined || value === "" || value === "." || value === "..") {
      throw new Error(`params.${name} of ${template} must be given, and must not be empty, "." or ".."`)
    }
    return segment(value)
  })

/** @internal */
export type QueryValue = string | number | boolean | undefined

/**
 * Encodes a query in its given order, as Python's `urlencode` does.
 *
 * Members without a value are omitted, and so is the question mark if none remains.
 *
 * @internal
 */
export const query = (params?: Readonly<Record<string, QueryValue>>): string => {
  if (params === undefined) return ""
  const pairs = Object.entries(params).flatMap(([key, value]) =>
    value === undefined || value === null ? [] : [`${formEncode(key)}=${formEncode(String(value))}`]
  )
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

// Half a surrogate pair cannot be encoded. URLs replace it with U+FFFD.
const formEncode = (text: string): string => segment(text.replace(/\p{Surrogate}/gu, "\ufffd")).replaceAll("%20", "+")
