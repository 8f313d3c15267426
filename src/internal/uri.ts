// Python's `quote(safe="")`: unlike `encodeURIComponent` it encodes !'()* too. Both are valid; what counts is that the text
// that is signed is the text that is sent, and these characters are the ones that URL parsers treat differently.
const percent = (character: string): string => `%${character.charCodeAt(0).toString(16).toUpperCase()}`

/** @internal */
export const segment = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, percent)

/**
 * Fills `{name}` in a template with encoded segments.
 *
 * @internal
 */
export const path = (template: string, params: Readonly<Record<string, string>> = {}): string =>
  template.replace(/\{(\w+)\}/g, (placeholder, name: string) => {
    const value = params[name]
    return value === undefined ? placeholder : segment(value)
  })

/** @internal */
export type QueryValue = string | number | boolean | undefined

/**
 * A query in the order in which it is written, form-encoded as Python's `urlencode` does; undefined members are left out, and
 * so is the question mark where nothing is left.
 *
 * @internal
 */
export const query = (params: Readonly<Record<string, QueryValue>> = {}): string => {
  const pairs = Object.entries(params).flatMap(([key, value]) =>
    value === undefined ? [] : [`${formEncode(key)}=${formEncode(String(value))}`]
  )
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`
}

const formEncode = (text: string): string => segment(text).replaceAll("%20", "+")
