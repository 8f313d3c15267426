const half = (sorted: ReadonlyArray<number>, index: number): number => sorted[index] ?? Number.NaN

/** The middle one; of an even number, the mean of the two in the middle. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return (half(sorted, Math.floor((sorted.length - 1) / 2)) + half(sorted, Math.floor(sorted.length / 2))) / 2
}

/** The median of the differences, round by round. */
export const difference = (values: ReadonlyArray<number>, others: ReadonlyArray<number>): number =>
  median(pairs(values, others).map(([value, other]) => value - other))

/** The median of the ratios, round by round: a machine that is slow for a while is so for both. */
export const ratio = (values: ReadonlyArray<number>, others: ReadonlyArray<number>): number =>
  median(pairs(values, others).map(([value, other]) => value / other))

const pairs = (values: ReadonlyArray<number>, others: ReadonlyArray<number>): Array<readonly [number, number]> =>
  values.flatMap((value, round) => {
    const other = others[round]
    return other === undefined ? [] : [[value, other] as const]
  })
