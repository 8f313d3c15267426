// The white space that the vendor's Python SDK strips from keys and ids (`str.strip`). JavaScript's
// `trim` also strips U+FEFF, but keeps U+001C to U+001F and U+0085.
const space = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

const isSpaceAt = (text: string, i: number): boolean => {
  const code = text.charCodeAt(i)
  return code <= 0x20 || code > 0x7e ? space.test(text.charAt(i)) : false
}

/**
 * Trims a text as the vendor's Python SDK does, in linear time.
 *
 * A pattern such as `[...]+$` would restart at each space, and take quadratic time for an id full
 * of spaces.
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

// Invisible characters that are easily copied from a document, such as byte order marks and
// directional marks.
const unseen = /[\p{White_Space}\p{Cc}\p{Cf}]/u

const isUnseenAt = (text: string, i: number): boolean => {
  const code = text.charCodeAt(i)
  return code <= 0x20 || code > 0x7e ? unseen.test(text.charAt(i)) : false
}

/**
 * Checks whether a text starts or ends with white space or another invisible character.
 *
 * @internal
 */
export const hasSpaceAtEnd = (text: string): boolean =>
  text.length > 0 && (isUnseenAt(text, 0) || isUnseenAt(text, text.length - 1))
