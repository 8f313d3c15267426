/**
 * The maximum nesting that the sandbox accepts.
 *
 * An edit of this package may have 2,000 levels. Deeper JSON can be parsed, but serializing it
 * would overflow the stack.
 *
 * @internal
 */
export const maximumDepth = 2_100

/**
 * The maximum nesting that is shown. The time to mask a value grows with its square.
 *
 * @internal
 */
export const shownDepth = 200

/**
 * Whether JSON text is nested too deeply. The time is linear.
 *
 * @internal
 */
export const isTooDeep = (text: string, maximum = maximumDepth): boolean => {
  // Each level needs two brackets.
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
