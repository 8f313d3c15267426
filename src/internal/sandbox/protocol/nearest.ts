// The time grows with the square of the length, and 100 characters are enough to recognize a text.
const longest = 100

/**
 * Returns the known text with the smallest edit distance to a text.
 *
 * A name in braces equals `*`.
 *
 * @internal
 */
export const nearest = (text: string, known: ReadonlyArray<string>): string => {
  const given = plain(text.slice(0, longest))
  let best = ""
  let least = Infinity
  for (const one of known) {
    const distance = edits(given, plain(one))
    if (distance < least) {
      least = distance
      best = one
    }
  }
  return best
}

const plain = (text: string): string => text.replace(/\{[^}]*\}/g, "*").toLowerCase()

/** Returns the number of insertions, deletions and replacements (Levenshtein distance). */
const edits = (from: string, to: string): number => {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}
