// More of a text than this does not help to tell what was meant, and the time grows with its square.
const longest = 100

/**
 * The one of some texts that takes the fewest edits to reach. Names in braces are as good as a star.
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

/** The number of characters to insert, remove or replace (Levenshtein). */
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
