/**
 * The deepest nesting that is taken. An edit of this package may be nested 2,000 levels deep, and the stack holds several times
 * as many; what is deeper could be read, but never written again.
 *
 * @internal
 */
export const maximumDepth = 2_100

/**
 * The deepest nesting that is shown: masking takes a time that grows with its square.
 *
 * @internal
 */
export const shownDepth = 200

/**
 * Whether a text of JSON is nested too deep. Its time is linear.
 *
 * @internal
 */
export const isTooDeep = (text: string, maximum = maximumDepth): boolean => {
  // What is opened has to be closed.
  if (text.length < 2 * maximum) return false
  let depth = 0
  let isInString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (isInString) {
      if (c === backslash) i++
      else if (c === quote) isInString = false
    } else if (c === quote) {
      isInString = true
    } else if (c === brace || c === bracket) {
      if (++depth > maximum) return true
    } else if (c === closingBrace || c === closingBracket) {
      depth--
    }
  }
  return false
}

const [quote, backslash, bracket, closingBracket, brace, closingBrace] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d]
