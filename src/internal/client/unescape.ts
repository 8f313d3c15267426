/**
 * A text without its escapes, and the position of each character in the original.
 *
 * @internal
 */
export interface Unescaped {
  readonly text: string
  /** Returns where the character at a position starts in the original. */
  readonly start: (position: number) => number
  /** Returns where the character before a position ends in the original. */
  readonly end: (position: number) => number
}

/**
 * Removes all escapes from a text, including nested ones.
 *
 * It handles escapes of JSON and logs (`\n`, `\/`, `\u003d`, `\u{3d}`, `\x3d`), of URLs (`%3D`,
 * `%253D`) and of HTML (`&equals;`, `&#61;`, `&#x3d;`). Characters outside ASCII are removed in
 * every spelling: the result is for comparison, not for display.
 *
 * @internal
 */
export const unescape = (original: string): Unescaped => {
  const codes = new Uint8Array(original.length)
  const starts = new Int32Array(original.length)
  const ends = new Int32Array(original.length)
  let length = 0
  for (let i = 0; i < original.length; i++) {
    const code = original.charCodeAt(i)
    if (code >= 0x80) continue
    codes[length] = code
    starts[length] = i
    ends[length++] = i + 1
  }
  for (let pass = 0; pass < maximumPasses; pass++) {
    let left = 0
    for (let i = 0; i < length;) {
      const escape = escapeAt(codes, i, length)
      const code = escape?.code ?? codes[i] ?? 0
      const after = i + (escape?.length ?? 1)
      if (code < 0x80) {
        codes[left] = code
        starts[left] = starts[i] ?? 0
        ends[left++] = ends[after - 1] ?? 0
      }
      i = after
    }
    if (left === length) break
    length = left
  }
  return {
    text: Array.from(
      { length: Math.ceil(length / chunk) },
      (_, i) => String.fromCharCode(...codes.subarray(i * chunk, Math.min(length, (i + 1) * chunk)))
    ).join(""),
    start: (position) => starts[position] ?? original.length,
    end: (position) => ends[position - 1] ?? 0
  }
}

// Bounds the number of passes over the text. Deeper nesting does not occur in practice.
const maximumPasses = 8

// More arguments than this may overflow the stack.
const chunk = 4_096

/** An escape in a sequence of codes: its length, and the code of its character. */
interface Escape {
  readonly length: number
  readonly code: number
}

const escapeAt = (codes: Uint8Array, start: number, length: number): Escape | undefined => {
  switch (codes[start]) {
    case backslash: {
      const next = codes[start + 1] ?? 0
      if (next === letterX) return hex(codes, start, 2, 2, length)
      if (next === letterU) return braced(codes, start, length) ?? hex(codes, start, 2, 4, length)
      const code = start + 1 < length ? behindBackslash.get(next) : undefined
      return code === undefined ? undefined : { length: 2, code }
    }
    case percent:
      return codes[start + 1] === letterU ? hex(codes, start, 2, 4, length) : hex(codes, start, 1, 2, length)
    case ampersand:
      return entity(codes, start, length)
    default:
      return undefined
  }
}

/**
 * Reads `%3D`, `\x3d`, `\u003d` or `%u003d`: a number of digits after a number of other characters.
 */
const hex = (codes: Uint8Array, start: number, before: number, digits: number, length: number): Escape | undefined => {
  const end = start + before + digits
  const code = end > length ? undefined : number(codes, start + before, end, 16)
  return code === undefined ? undefined : { length: before + digits, code }
}

/** Reads `\u{3d}`. */
const braced = (codes: Uint8Array, start: number, length: number): Escape | undefined => {
  if (codes[start + 2] !== openBrace) return undefined
  const end = indexOf(codes, closeBrace, start, Math.min(length, start + longestBraced))
  const code = end === undefined ? undefined : number(codes, start + 3, end, 16)
  return end === undefined || code === undefined ? undefined : { length: end + 1 - start, code }
}

/** Reads `&#61;`, `&#x3d;` or `&equals;`. */
const entity = (codes: Uint8Array, start: number, length: number): Escape | undefined => {
  const end = indexOf(codes, semicolon, start, Math.min(length, start + longestEntity))
  if (end === undefined) return undefined
  const code = codes[start + 1] !== numberSign
    ? entities.get(String.fromCharCode(...codes.subarray(start + 1, end)))
    : lowerCase(codes[start + 2] ?? 0) === letterX
    ? number(codes, start + 3, end, 16)
    : number(codes, start + 2, end, 10)
  return code === undefined ? undefined : { length: end + 1 - start, code }
}

const indexOf = (codes: Uint8Array, code: number, from: number, to: number): number | undefined => {
  for (let i = from; i < to; i++) {
    if (codes[i] === code) return i
  }
  return undefined
}

const number = (codes: Uint8Array, from: number, to: number, radix: 10 | 16): number | undefined => {
  if (from >= to || to - from > longestNumber) return undefined
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = digitOf(codes[i] ?? 0)
    if (digit >= radix) return undefined
    value = value * radix + digit
  }
  return value
}

const lowerCase = (code: number): number => code | 0x20

const digitOf = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = lowerCase(code)
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Infinity
}

const percent = 0x25
const ampersand = 0x26
const numberSign = 0x23
const semicolon = 0x3b
const backslash = 0x5c
const letterU = 0x75
const letterX = 0x78
const openBrace = 0x7b
const closeBrace = 0x7d

// Allows for leading zeros.
const longestNumber = 12

const longestBraced = 16

const longestEntity = 28

const behindBackslash: ReadonlyMap<number, number> = new Map(
  Object.entries({
    n: "\n",
    t: "\t",
    r: "\r",
    b: "\b",
    f: "\f",
    v: "\v",
    0: "\0",
    "\\": "\\",
    "/": "/",
    "\"": "\"",
    "'": "'",
    "`": "`"
  }).map(([behind, character]) => [behind.charCodeAt(0), character.charCodeAt(0)])
)

// The HTML names of ASCII characters.
const entities: ReadonlyMap<string, number> = new Map(
  Object.entries({
    "\t": "Tab",
    "\n": "NewLine",
    " ": "nbsp",
    "!": "excl",
    "\"": "quot QUOT",
    "#": "num",
    "$": "dollar",
    "%": "percnt",
    "&": "amp AMP",
    "'": "apos",
    "(": "lpar",
    ")": "rpar",
    "*": "ast midast",
    "+": "plus",
    ",": "comma",
    "-": "hyphen dash",
    ".": "period",
    "/": "sol",
    ":": "colon",
    ";": "semi",
    "<": "lt LT",
    "=": "equals",
    ">": "gt GT",
    "?": "quest",
    "@": "commat",
    "[": "lsqb lbrack",
    "\\": "bsol",
    "]": "rsqb rbrack",
    "^": "Hat",
    "_": "lowbar UnderBar",
    "`": "grave DiacriticalGrave",
    "{": "lcub lbrace",
    "|": "verbar vert VerticalLine",
    "}": "rcub rbrace"
  }).flatMap(([character, names]) => names.split(" ").map((name) => [name, character.charCodeAt(0)] as const))
)
