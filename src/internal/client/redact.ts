import { unescape } from "./unescape.js"

/** @internal */
export const maximumLength = 500

/**
 * Whatever comes, no more than this is looked at: a page of megabytes would hold up everybody else for a second.
 *
 * @internal
 */
export const maximumRead = 65_536

const withheld = "<withheld, because it repeats a secret>"

const redacted = "<redacted>"

// Shorter than this nothing is a secret, and taking it out would leave no message to read.
const minimumLength = 4

// The 32 bytes of an HMAC in Base64.
const signature = /[A-Za-z0-9+/]{43}=/g

// So many letters and digits of a secret in a row are a part of it, and no accident; with a digit among them, fewer.
const partLength = 12
const tellingPartLength = 8

/**
 * Takes everything secret out of a text that comes from outside, then cuts it to a readable length: half a secret is a secret
 * too.
 *
 * Servers repeat what they were sent as it is, or cut off, or escaped for JSON, a URL, HTML or a log, one inside the other, letters and
 * digits too. So the text is compared without its escapes, and what is only a part of a secret is taken out as well. Where a shorter part
 * that tells something is left, the text is withheld whole. It never throws, and takes time in proportion to the text and the
 * secrets.
 *
 * @internal
 */
export const make = (secrets: () => ReadonlyArray<string>) => (text: string): string => {
  // Most of what is said is "OK".
  if (text.length < minimumLength) return text
  try {
    return clean(secrets().filter((secret) => secret.length >= minimumLength), text)
  } catch {
    return withheld
  }
}

/** A part of a text, from one position to another. */
interface Range {
  readonly start: number
  readonly end: number
}

const clean = (secrets: ReadonlyArray<string>, whole: string): string => {
  const text = whole.slice(0, maximumRead)
  const plain = unescape(text)
  const plainSecrets = secrets.map((secret) => unescape(secret).text)
  const inText = ({ end, start }: Range): Range => ({ start: plain.start(start), end: plain.end(end) })
  const left = without(text, [
    ...secrets.flatMap((secret) => occurrences(text, secret)),
    ...plainSecrets.flatMap((secret) => [
      ...occurrences(plain.text, secret),
      // In a form a plus stands for a space.
      ...(secret.includes(" ") ? occurrences(plain.text, secret.replaceAll(" ", "+")) : [])
    ]).map(inText),
    ...Array.from(plain.text.matchAll(signature), ({ 0: { length }, index }) => ({ start: index, end: index + length }))
      .map(inText),
    ...parts(plain.text, plainSecrets, partLength, () => true).map(inText),
    ...parts(plain.text, plainSecrets, tellingPartLength, (part) => /\d/.test(part)).map(inText)
  ])
  // At its end half a secret may stand, which nobody knows any more. That is far from what is shown, unless all was secrets.
  if (whole.length > maximumRead && left.length < maximumRead / 2) return withheld
  const shown = left.slice(0, 2 * maximumLength)
  const plainly = unescape(shown).text
  if (secrets.some((secret) => tellingRuns(secret).some((run) => shown.includes(run) || plainly.includes(run)))) {
    return withheld
  }
  return left.length > maximumLength ? `${left.slice(0, maximumLength)}…` : left
}

const occurrences = (text: string, part: string): ReadonlyArray<Range> => {
  const found: Array<Range> = []
  if (part.length < minimumLength) return found
  for (let start = text.indexOf(part); start >= 0; start = text.indexOf(part, start + part.length)) {
    found.push({ start, end: start + part.length })
  }
  return found
}

const without = (text: string, ranges: ReadonlyArray<Range>): string => {
  let left = ""
  let position = 0
  for (const { end, start } of [...ranges].sort((a, b) => a.start - b.start)) {
    // What overlaps with the one before, or touches it, is taken out with it.
    if (start > position || left === "" && position === 0) left += text.slice(position, start) + redacted
    position = Math.max(position, end)
  }
  return left + text.slice(position)
}

/**
 * Finds the parts of secrets in a text, by their letters and digits alone: what stands between them may be written in many ways.
 *
 * The parts of the text are kept, which is short, and not those of the secrets, which may be many: so it is one walk over each.
 */
const parts = (
  text: string,
  secrets: ReadonlyArray<string>,
  length: number,
  tells: (part: string) => boolean
): ReadonlyArray<Range> => {
  const letters = lettersOf(text)
  const places = new Map<string, Array<number>>()
  for (let i = 0; i + length <= letters.text.length; i++) {
    const part = letters.text.slice(i, i + length)
    if (!tells(part)) continue
    const before = places.get(part)
    if (before === undefined) places.set(part, [i])
    else before.push(i)
  }
  const found: Array<Range> = []
  if (places.size === 0) return found
  for (const secret of secrets) {
    const { text } = lettersOf(secret)
    for (let i = 0; i + length <= text.length; i++) {
      const part = text.slice(i, i + length)
      for (const place of places.get(part) ?? []) {
        found.push({ start: letters.places[place] ?? 0, end: (letters.places[place + length - 1] ?? 0) + 1 })
      }
      // Each is found once, whatever a secret repeats.
      places.delete(part)
    }
  }
  return found
}

interface Letters {
  readonly text: string
  /** Where in the whole text each of them stands. */
  readonly places: ReadonlyArray<number>
}

const lettersOf = (whole: string): Letters => {
  const places: Array<number> = []
  const text = Array.from(whole.matchAll(/[A-Za-z0-9]+/g), ({ 0: run, index }) => {
    for (let i = 0; i < run.length; i++) places.push(index + i)
    return run
  }).join("")
  return { text, places }
}

// With a digit, or so long that it is no word: "webhook" and "services" of an address tell nothing.
const tellingRuns = (secret: string): ReadonlyArray<string> =>
  (secret.match(/[A-Za-z0-9]{6,}/g) ?? [])
    // Behind a "%", the first letters of a secret may pass for an escape, of five letters at most.
    .flatMap((run) => run.length < 11 ? [run] : [run, run.slice(5)])
    .filter((run) => /\d/.test(run) || run.length >= 16)
