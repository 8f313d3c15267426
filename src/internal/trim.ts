// The white space that the vendor's Python SDK strips from keys and ids (`str.strip`). JavaScript's own `trim` differs at
// both ends of the table: it strips U+FEFF, and it leaves U+001C-001F and U+0085 alone.
const space = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+"
const edges = new RegExp(`^${space}|${space}$`, "g")

const isPlain = (code: number): boolean => code > 0x20 && code < 0x7f

/** @internal */
export const trim = (text: string): string =>
  text.length > 0 && isPlain(text.charCodeAt(0)) && isPlain(text.charCodeAt(text.length - 1))
    ? text
    : text.replace(edges, "")
