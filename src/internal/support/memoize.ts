/**
 * Memoizes a check for up to a thousand texts.
 *
 * The edits of a bulk repeat few time zones and languages (`npm run bench -- --only verbs` measures
 * them).
 *
 * @internal
 */
export const remembered = (check: (text: string) => string | undefined): (text: string) => string | undefined => {
  const known = new Map<string, string | undefined>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined || known.has(text)) return before
    const now = check(text)
    // No program has that many zones or languages, so no eviction order is kept.
    if (known.size >= maximum) known.clear()
    // Copies the text, because a substring would keep the whole parent string in memory.
    const own: string = JSON.parse(JSON.stringify(text))
    known.set(own, now)
    return now
  }
}

/** @internal */
export const maximum = 1_000
