/**
 * Remembers what a check said of the last thousand texts: what is checked, a bulk has again and again.
 *
 * @internal
 */
export const remembered = (check: (text: string) => string | undefined): (text: string) => string | undefined => {
  const known = new Map<string, string | undefined>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined || known.has(text)) return before
    const now = check(text)
    // All of them at once, which costs nothing: no program has so many zones or languages.
    if (known.size >= maximum) known.clear()
    // A text of its own: a part of a file that was read would keep the whole file in memory.
    const own: string = JSON.parse(JSON.stringify(text))
    known.set(own, now)
    return now
  }
}

/** @internal */
export const maximum = 1_000
