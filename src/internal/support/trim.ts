// The white space that the vendor's Python SDK strips from keys and ids (`str.strip`). JavaScript's own `trim` differs at
// both ends of the table: it strips U+FEFF, and it leaves U+001C-001F and U+0085 alone.
const space = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

const isSpaceAt = (text: string, i: number): boolean => {
  const code = text.charCodeAt(i)
  return code <= 0x20 || code > 0x7e ? space.test(text.charAt(i)) : false
}

/**
 * Looks at the ends only: a pattern for the end of a text (`[...]+$`) would begin anew at each space inside, and take
 * quadratic time on an id that somebody filled with spaces.
 *
 * @internal
 */
export const trim = (text: string): string => {
  let start = 0
  let end = text.length
  while (start < end && isSpaceAt(text, start)) start++
  while (end > start && isSpaceAt(text, end - 1)) end--
  return text.slice(start, end)
}

// What nobody sees, and what is copied along from a document: the mark at the beginning of a file, marks of the direction of writing.
const unseen = /[\p{White_Space}\p{Cc}\p{Cf}]/u

const isUnseenAt = (text: string, i: number): boolean => {
  const code = text.charCodeAt(i)
  return code <= 0x20 || code > 0x7e ? unseen.test(text.charAt(i)) : false
}

/**
 * Tells whether a text begins or ends with white space, or with another character that nobody sees.
 *
 * @internal
 */
export const hasSpaceAtEnd = (text: string): boolean =>
  text.length > 0 && (isUnseenAt(text, 0) || isUnseenAt(text, text.length - 1))
