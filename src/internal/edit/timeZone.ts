import { remembered } from "../support/memoize.js"
import { trim } from "../support/trim.js"

// The runtime knows more names than IANA's database has: abbreviations of Java 1.1 (`BST` is Dhaka, `IST` Kolkata), zones of System V, and
// every name in any case. So a name must look like one of the database before the runtime is asked whether there is such a zone.

// The folders of the database, those of `backward` included.
const area =
  "(?:Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Europe|Indian|Mexico|Pacific|US)"

// `Kolkata`, `McMurdo`, `Port-au-Prince`, `Dar_es_Salaam`, `Isle_of_Man`, `Knox_IN`, and the states of Australia.
const word = "(?:[A-Z][a-z]*(?:[A-Z][a-z]+)*|DumontDUrville|ACT|NSW|LHI|IN|au|es|of)"

const place = `${word}(?:[_-]${word})*`

const located = new RegExp(`^${area}(?:/${place}){1,2}$`)

// Links to `Etc` and to countries, without a folder. The abbreviations of the database (`EST`, `CET`, `EST5EDT`) are not among them: they
// are kept there for programs of System V, they name no place, and the service refuses them.
const alone = new Set(
  ("UTC UCT GMT GMT0 GMT+0 GMT-0 Greenwich Universal Zulu Cuba Egypt Eire GB GB-Eire Hongkong Iceland Iran Israel Jamaica Japan Kwajalein " +
    "Libya NZ NZ-CHAT Navajo PRC Poland Portugal ROC ROK Singapore Turkey W-SU").split(" ")
)

const etc = /^Etc\/(?:UTC|UCT|GMT(?:0|[+-]\d{1,2})?|Greenwich|Universal|Zulu)$/

// The runtime still knows them, the database does not.
const withdrawn: ReadonlySet<string> = new Set(["US/Pacific-New", "Canada/East-Saskatchewan"])

/**
 * The longest name has 32 characters. What is longer is looked at by nothing.
 *
 * @internal
 */
export const maximumLength = 64

/** The name of the zone as the runtime has it; undefined if it knows none. */
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
  // A name that differs in nothing but the case of its letters is another one to the service.
  return zone !== undefined && (zone === name || zone.toLowerCase() !== name.toLowerCase())
}

/** What an IANA name that is written a little wrong was meant to be: `europe/london`, `America/New York`. */
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
  const meant = suggestion(text)
  if (meant !== undefined) return `${wanted}: did you mean "${meant}"?`
  return abbreviation.test(text) ? `${wanted}, not an abbreviation, which can mean several zones` : wanted
})

const abbreviation = /^[A-Z]{2,4}(?:\d[A-Z]{2,4})?$/i

/**
 * Says what is wrong with a time zone; undefined if it is a name of IANA's database that the runtime knows.
 *
 * @internal
 */
export const timeZoneIssue = (zone: unknown): string | undefined =>
  typeof zone !== "string" || zone.length > maximumLength ? wanted : problem(zone)
