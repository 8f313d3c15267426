import { remembered } from "../support/memoize.js"
import { trim } from "../support/trim.js"

// Language, script and region, which is what people write. The vendor's own examples have `en_GB` as well as `en-GB`.
const usual = /^[a-z]{2,3}(?:[-_][a-z]{4})?(?:[-_](?:[a-z]{2}|\d{3}))?$/i

// BCP 47 reserves longer ones for languages that may be registered one day: `english` and `french` are well-formed there, and nothing.
const code = /^[a-z]{2,3}(?:[-_]|$)/i

/**
 * RFC 5646 lets 35 be enough. What is longer is looked at by nothing.
 *
 * @internal
 */
export const maximumLength = 100

// Variants and extensions (`ca-valencia`, `de-1996`, `ar-u-nu-latn`) the runtime has to judge.
const isUnusualTag = (tag: string): boolean => {
  try {
    return code.test(tag) && Intl.getCanonicalLocales(tag.replaceAll("_", "-")).length === 1
  } catch {
    return false
  }
}

/** Languages that people name otherwise than the runtime, or that have no code of two letters. */
const otherNames: ReadonlyArray<readonly [name: string, code: string]> = [
  ["mandarin", "zh"],
  ["cantonese", "yue"],
  ["farsi", "fa"],
  ["filipino", "fil"],
  ["tagalog", "fil"],
  ["castilian", "es"],
  ["flemish", "nl"]
]

/** Without case and accents: who writes "Espanol" means the same. */
const folded = (name: string): string => name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase()

/** The codes of languages by their names, in English and in the language itself; made when a first name is looked for. */
let codes: ReadonlyMap<string, string> | undefined

const codeOf = (name: string): string | undefined => {
  codes ??= allCodes()
  return codes.get(folded(name))
}

const letters = [..."abcdefghijklmnopqrstuvwxyz"]

const allCodes = (): ReadonlyMap<string, string> => {
  const codes = new Map(otherNames)
  // Small builds of the runtime do without.
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

/** What a name (`English`, `Español`) or the tag of another system (`en_US.UTF-8`, `pt (BR)`) was meant to be. */
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
  const meant = suggestion(text)
  return meant === undefined ? "" : `: did you mean "${meant}"?`
})

/**
 * Says what is wrong with a language or a locale; undefined if it is well-formed after BCP 47, be it with underscores.
 *
 * @param examples tags as they are wanted
 * @internal
 */
export const languageIssue = (tag: unknown, examples: string): string | undefined => {
  const wanted = `must be a language tag such as ${examples}`
  if (typeof tag !== "string" || tag.length > maximumLength) return wanted
  if (usual.test(tag)) return undefined
  const found = problem(tag)
  return found === undefined ? undefined : wanted + found
}
