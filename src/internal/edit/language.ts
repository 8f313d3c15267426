import { remembered } from "../support/memoize.js"
import { trim } from "../support/trim.js"

// Tags of language, script and region need no check by the runtime. The vendor's examples contain
// both `en_GB` and `en-GB`.
const usual = /^[a-z]{2,3}(?:[-_][a-z]{4})?(?:[-_](?:[a-z]{2}|\d{3}))?$/i

// BCP 47 reserves longer codes for future languages, so `english` is well-formed there without
// being a language.
const code = /^[a-z]{2,3}(?:[-_]|$)/i

/**
 * The maximum length of a language tag. RFC 5646 recommends that buffers hold at least 35.
 *
 * A longer tag is refused without parsing it.
 *
 * @internal
 */
export const maximumLength = 100

// The runtime checks variants and extensions (`ca-valencia`, `de-1996`, `ar-u-nu-latn`).
const isUnusualTag = (tag: string): boolean => {
  try {
    return code.test(tag) && Intl.getCanonicalLocales(tag.replaceAll("_", "-")).length === 1
  } catch {
    return false
  }
}

/** Names that the runtime does not know, or whose language has no two-letter code. */
const otherNames: ReadonlyArray<readonly [name: string, code: string]> = [
  ["mandarin", "zh"],
  ["cantonese", "yue"],
  ["farsi", "fa"],
  ["filipino", "fil"],
  ["tagalog", "fil"],
  ["castilian", "es"],
  ["flemish", "nl"]
]

/** Removes case and accents, so that "Espanol" matches "Español". */
const folded = (name: string): string => name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase()

/** Language codes by name, in English and in the language itself. Built on first use. */
let codes: ReadonlyMap<string, string> | undefined

const codeOf = (name: string): string | undefined => {
  codes ??= allCodes()
  return codes.get(folded(name))
}

const letters = [..."abcdefghijklmnopqrstuvwxyz"]

const allCodes = (): ReadonlyMap<string, string> => {
  const codes = new Map(otherNames)
  // Runtimes built with small ICU data may not have it.
  if (typeof Intl.DisplayNames !== "function") return codes
  const add = (name: string | undefined, code: string) => {
    if (name !== undefined && !codes.has(folded(name))) codes.set(folded(name), code)
  }
  const english = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" })
  const known = letters.flatMap((first) => letters.map((second) => first + second)).filter((code) => {
    const name = english.of(code)
    add(name, code)
    return name !== undefined
  })
  for (const code of known) add(new Intl.DisplayNames([code], { type: "language", fallback: "none" }).of(code), code)
  return codes
}

/** Suggests a tag for a name (`English`, `Español`) or a foreign tag (`en_US.UTF-8`, `pt (BR)`). */
const suggestion = (text: string): string | undefined => {
  const words = trim(text).replace(/[.@].*$/s, "").split(/[\s_(),/-]+/).filter((word) => word !== "")
  const tag = words.join("-")
  if (usual.test(tag)) return tag
  for (let count = words.length; count > 0; count--) {
    const code = codeOf(words.slice(0, count).join(" "))
    const region = words[count]
    if (code === undefined) continue
    return region !== undefined && /^(?:[a-z]{2}|\d{3})$/i.test(region) ? `${code}-${region.toUpperCase()}` : code
  }
  return undefined
}

const problem = remembered((text) => {
  if (isUnusualTag(text)) return undefined
  const suggested = suggestion(text)
  return suggested === undefined ? "" : `: did you mean "${suggested}"?`
})

/**
 * Returns the problem of a language or locale, or undefined if it is valid.
 *
 * It is valid if it is well-formed by BCP 47, with hyphens or underscores.
 *
 * @param examples valid tags to show in the message
 * @internal
 */
export const languageIssue = (tag: unknown, examples: string): string | undefined => {
  const wanted = `must be a language tag such as ${examples}`
  if (typeof tag !== "string" || tag.length > maximumLength) return wanted
  if (usual.test(tag)) return undefined
  const found = problem(tag)
  return found === undefined ? undefined : wanted + found
}
