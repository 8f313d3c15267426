/**
 * The most records, and the most bytes of a body, that one bulk request may have (every vendor SDK). The vendor counts only
 * the records; here the brackets and the commas between them count too, so that a body is never over.
 *
 * @internal
 */
export const limits = { records: 400, bytes: 819_200 }
