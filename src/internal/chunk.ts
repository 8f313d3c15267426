/**
 * The most records, and the most bytes of a body, that one bulk request may have (every vendor SDK). The vendor counts only
 * the records; here the brackets and the commas between them count too, so that a body is never over.
 *
 * @internal
 */
export const limits = { records: 400, bytes: 819_200 }

/**
 * The body of a request as far as it is filled.
 *
 * @internal
 */
export interface Fill {
  readonly records: number
  readonly bytes: number
}

/**
 * `[]`
 *
 * @internal
 */
export const empty: Fill = { records: 0, bytes: 2 }

/**
 * The fill with one record more; undefined if there is no room for it.
 *
 * @internal
 */
export const add = (fill: Fill, recordBytes: number): Fill | undefined => {
  const bytes = fill.bytes + recordBytes + (fill.records === 0 ? 0 : 1)
  return fill.records < limits.records && bytes <= limits.bytes ? { records: fill.records + 1, bytes } : undefined
}
