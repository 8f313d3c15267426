/** Something that happens at an instant of a simulation. */
export interface Entry {
  readonly at: number
  readonly run: () => void
}

/**
 * Adds an entry to an agenda, which has the latest first, so that `pop` takes the next one. Of several at one instant, the one
 * that was added first is taken first.
 */
export const insert = (agenda: Array<Entry>, entry: Entry): void => {
  let low = 0
  let high = agenda.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((agenda[middle]?.at ?? 0) > entry.at) low = middle + 1
    else high = middle
  }
  agenda.splice(low, 0, entry)
}
