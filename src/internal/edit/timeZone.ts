import { remembered } from "../support/memoize.js"
import { trim } from "../support/trim.js"

// The runtime accepts more names than the IANA database contains: abbreviations of Java 1.1 (`BST`
// for Dhaka, `IST` for Kolkata), zones of System V, and names in any case. So a name must match the
// patterns of the database before the runtime is asked for the zone.

// The areas of the database, including those of its file `backward`.
const area =
  "(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Europe|Indian|Mexico|Pacific|US)"

// `Kolkata`, `McMurdo`, `Port-au-Prince`, `Dar_es_Salaam`, `Isle_of_Man`, `Knox_IN`, and the states
// of Australia.
const word = "(?:[A-Z][a-z]*(?:[A-Z][a-z]+)*|DumontDUrville|ACT|NSW|LHI|IN|au|es|of)"

const place = `${word}(?:[_-]${word})*`

const located = new RegExp(`^${area}(?:/${place}){1,2}$`)

// Links without an area, to `Etc` and to countries. The abbreviations of the database (`EST`,
// `CET`, `EST5EDT`) are excluded: they name no place, and SuprSend refuses them.
const alone = new Set(
  ("UTC UCT GMT GMT0 GMT+0 GMT-0 Greenwich Universal Zulu Cuba Egypt Eire GB GB-Eire Hongkong Iceland Iran Israel Jamaica Japan Kwajalein " +
    "Libya NZ NZ-CHAT Navajo PRC Poland Portugal ROC ROK Singapore Turkey W-SU").split(" ")
)

const etc = /^Etc\/(?:UTC|UCT|GMT(?:0|[+-]\d{1,2})?|Greenwich|Universal|Zulu)$/

// Names that the runtime still accepts, but the database no longer contains.
const withdrawn: ReadonlySet<string> = new Set(["US/Pacific-New", "Canada/East-Saskatchewan"])

/**
 * The maximum length of a time zone name. The longest in the database has 32 characters.
 *
 * A longer name is refused without parsing it.
 *
 * @internal
 */
export const maximumLength = 64

/** Returns the runtime's name of a zone, or undefined if the zone is unknown. */
const resolve = (name: string): string | undefined => {
  try {
    return new Intl.DateTimeFormat("en-US", { timeZone: name }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

const isNamed = (name: string): boolean => {
  if (!located.test(name) && !alone.has(name) && !etc.test(name) || withdrawn.has(name)) return false
  const zone = resolve(name)
  // SuprSend compares names case-sensitively.
  return zone !== undefined && (zone === name || zone.toLowerCase() !== name.toLowerCase())
}

/** Suggests the IANA name for a misspelt one, such as `europe/london` or `America/New York`. */
const suggestion = (text: string): string | undefined => {
  const name = trim(text).replace(/ +/g, "_")
  if (isNamed(name)) return name
  const country = [...alone].find((other) => other.toLowerCase() === name.toLowerCase())
  if (country !== undefined) return country
  const capital = name.toLowerCase().replace(/(?:^|[/_-])[a-z]/g, (start) => start.toUpperCase())
  if (isNamed(capital)) return capital
  const zone = name.includes("/") ? resolve(name) : undefined
  return zone !== undefined && zone.toLowerCase() === name.toLowerCase() && isNamed(zone) ? zone : undefined
}

const wanted = "must be an IANA time zone such as \"Europe/London\""

const problem = remembered((text) => {
  if (isNamed(text)) return undefined
  const suggested = suggestion(text)
  if (suggested !== undefined) return `${wanted}: did you mean "${suggested}"?`
  return abbreviation.test(text) ? `${wanted}, not an abbreviation, which can mean several zones` : wanted
})

const abbreviation = /^[A-Z]{2,4}(?:\d[A-Z]{2,4})?$/i

/**
 * Returns the problem of a time zone, or undefined if it is valid.
 *
 * It is valid if it is a name of the IANA database that the runtime knows.
 *
 * @internal
 */
export const timeZoneIssue = (zone: unknown): string | undefined =>
  typeof zone !== "string" || zone.length > maximumLength ? wanted : problem(zone)
