import { unescape } from "./unescape.js"

/** @internal */
export const maximumLength = 500

/**
 * The maximum number of characters of a text that are read.
 *
 * Reading a page of megabytes would block all other fibers for a second.
 *
 * @internal
 */
export const maximumRead = 65_536

const withheld = "<withheld, because it repeats a secret>"

const redacted = "<redacted>"

// A shorter text is not a secret; removing it would leave an unreadable message.
const minimumLength = 4

// The 32 bytes of an HMAC in Base64.
const signature = /[A-Za-z0-9+/]{43}=/g

// A run of this many letters and digits of a secret is part of it, not a coincidence. With a digit
// in it, a shorter run is enough.
const partLength = 12
const tellingPartLength = 8

/**
 * Removes all secrets from an external text, and then truncates it to a readable length.
 *
 * The order matters, because half a secret is still a secret.
 *
 * Servers echo what they received: unchanged, truncated, or escaped for JSON, URLs, HTML or logs,
 * even several times. The text is therefore compared without its escapes, and parts of secrets are
 * removed too. If a shorter but telling part remains, the whole text is withheld. It never throws,
 * and takes time proportional to the lengths of the text and the secrets.
 *
 * @internal
 */
export const make = (secrets: () => ReadonlyArray<string>) => (text: string): string => {
  // Most server messages are just "OK".
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
      // In form encoding, a plus stands for a space.
      ...(secret.includes(" ") ? occurrences(plain.text, secret.replaceAll(" ", "+")) : [])
    ]).map(inText),
    ...Array.from(plain.text.matchAll(signature), ({ 0: { length }, index }) => ({ start: index, end: index + length }))
      .map(inText),
    ...parts(plain.text, plainSecrets, partLength, () => true).map(inText),
    ...parts(plain.text, plainSecrets, tellingPartLength, (part) => /\d/.test(part)).map(inText)
  ])
  // The end may contain half a secret, which cannot be recognised. It is far beyond what is shown,
  // unless nearly all of the text was secrets.
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
    // Ranges that overlap or touch are removed together.
    if (start > position || left === "" && position === 0) left += text.slice(position, start) + redacted
    position = Math.max(position, end)
  }
  return left + text.slice(position)
}

/**
 * Finds parts of secrets in a text by their letters and digits alone.
 *
 * The characters between them may be written in many ways. It indexes the parts of the text, which
 * is short, instead of those of the secrets, which may be many: one pass over each is enough.
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
      // Each part is found once, even if a secret repeats it.
      places.delete(part)
    }
  }
  return found
}

interface Letters {
  readonly text: string
  /** The position of each character in the whole text. */
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

// Runs with a digit, or too long for a word: "webhook" and "services" of an address reveal nothing.
const tellingRuns = (secret: string): ReadonlyArray<string> =>
  (secret.match(/[A-Za-z0-9]{6,}/g) ?? [])
    // After a "%", the first letters of a secret may look like an escape of up to five letters.
    .flatMap((run) => run.length < 11 ? [run] : [run, run.slice(5)])
    .filter((run) => /\d/.test(run) || run.length >= 16)
