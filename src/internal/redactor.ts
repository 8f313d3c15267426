import * as Option from "effect/Option"

const maximumLength = 500

/**
 * Takes everything secret out of a text that comes from outside, in whichever way it was escaped there, and cuts it to a
 * readable length, in this order: half a secret is a secret too.
 *
 * @internal
 */
export const make = (secrets: ReadonlyArray<string>) => (text: string): string => {
  // What begins within the length ends within this, however much longer escapes make it.
  const near = text.slice(0, maximumLength + 32 * secrets.reduce((n, { length }) => Math.max(n, length), 44))
  const read = decode(near)
  const found = [...signatures(read.text), ...secrets.flatMap((secret) => occurrences(read.text, secret))]
    .map(({ end, start }) => ({ start: read.from[start] ?? 0, end: read.to[end - 1] ?? 0 }))
    .sort((a, b) => a.start - b.start)
  let clean = ""
  let at = 0
  for (const { end, start } of found) {
    if (start >= maximumLength) break
    if (start >= at) clean += `${text.slice(at, start)}<redacted>`
    at = Math.max(at, end)
  }
  return clean + text.slice(at, maximumLength) + (text.length > Math.max(at, maximumLength) ? "…" : "")
}

interface Range {
  readonly start: number
  readonly end: number
}

// The 32 bytes of an HMAC in Base64, which servers like to repeat when they do not fit.
const signatures = (text: string): ReadonlyArray<Range> =>
  Array.from(
    text.matchAll(/[A-Za-z0-9+/]{43}=/g),
    ({ 0: { length }, index }) => ({ start: index, end: index + length })
  )

const occurrences = (text: string, secret: string): ReadonlyArray<Range> => {
  const ranges: Array<Range> = []
  // A backslash at the end escapes whatever follows.
  const read = decode(secret).text.replace(/\\+$/, "")
  // Forms write a blank as a plus.
  for (const form of new Set([read, read.replaceAll(" ", "+")])) {
    if (form === "") continue
    for (let start = text.indexOf(form); start >= 0; start = text.indexOf(form, start + 1)) {
      ranges.push({ start, end: start + form.length })
    }
  }
  return ranges
}

/** A text without its escapes, and from where to where each of its characters stood. */
interface Decoded {
  readonly text: string
  readonly from: ReadonlyArray<number>
  readonly to: ReadonlyArray<number>
}

const maximumLayers = 8

/** Undoes the escapes of JSON, URLs and HTML, layer by layer: one often holds another. */
const decode = (text: string): Decoded => {
  const positions = Array.from({ length: text.length }, (_, i) => i)
  let decoded: Decoded = { text, from: positions, to: positions.map((i) => i + 1) }
  for (let i = 0; i < maximumLayers; i++) {
    const next = decodeLayer(decoded)
    if (next.text === decoded.text) break
    decoded = next
  }
  return decoded
}

const escapes =
  /\\u(?<unit>[0-9a-f]{4})|\\(?<letter>.)|(?<percent>(?:%[0-9a-f]{2})+)|&(?:#x(?<hex>[0-9a-f]{1,6})|#(?<decimal>\d{1,7})|(?<name>amp|lt|gt|quot|apos));/gis

const decodeLayer = (coded: Decoded): Decoded => {
  let text = ""
  const from: Array<number> = []
  const to: Array<number> = []
  const add = (plain: string, start: number, end: number): void => {
    text += plain
    for (let i = 0; i < plain.length; i++) {
      from.push(coded.from[start] ?? 0)
      to.push(coded.to[end - 1] ?? 0)
    }
  }
  let at = 0
  for (const match of coded.text.matchAll(escapes)) {
    for (; at < match.index; at++) add(coded.text.charAt(at), at, at + 1)
    at += match[0].length
    add(unescape(match.groups ?? {}), match.index, at)
  }
  for (; at < coded.text.length; at++) add(coded.text.charAt(at), at, at + 1)
  return { text, from, to }
}

const unescape = (
  { decimal, hex, letter, name, percent, unit }: { readonly [group: string]: string | undefined }
): string => {
  if (unit !== undefined) return String.fromCharCode(parseInt(unit, 16))
  if (letter !== undefined) return letters[letter] ?? letter
  if (percent !== undefined) return Option.getOrElse(decodeUtf8(percent), () => decodeLatin1(percent))
  if (name !== undefined) return names[name.toLowerCase()] ?? ""
  const codePoint = hex === undefined ? Number(decimal) : parseInt(hex, 16)
  return codePoint <= 0x10ffff ? String.fromCodePoint(codePoint) : ""
}

const letters: { readonly [letter: string]: string | undefined } = { n: "\n", r: "\r", t: "\t" }

const names: { readonly [name: string]: string | undefined } = { amp: "&", lt: "<", gt: ">", quot: "\"", apos: "'" }

const decodeUtf8 = Option.liftThrowable(decodeURIComponent)

const decodeLatin1 = (percent: string): string =>
  percent.replace(/%(..)/g, (_, byte: string) => String.fromCharCode(parseInt(byte, 16)))
