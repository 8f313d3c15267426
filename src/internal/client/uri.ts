// Python's `quote(safe="")`: unlike `encodeURIComponent` it encodes !'()* too. Both are valid; what counts is that the text
// that is signed is the text that is sent, and these characters are the ones that URL parsers treat differently.
const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

/** @internal */
export const segment = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, percent)

/**
 * Fills `{name}` in a template with encoded segments. Services check their ids before; what comes to here and cannot be a
 * segment is a mistake in a program, and must not become the address of something else.
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
 * A query in the order in which it is written, form-encoded as Python's `urlencode` does; members without a value are left
 * out, and so is the question mark where nothing is left.
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

// Half of a surrogate pair cannot be encoded; URLs take it for U+FFFD.
const formEncode = (text: string): string => segment(text.replace(/\p{Surrogate}/gu, "\ufffd")).replaceAll("%20", "+")
