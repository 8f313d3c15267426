/**
 * The maximum size of a bulk request in records and bytes, as in the vendor's SDKs.
 *
 * The vendor's SDKs count only the bytes of the records. Here the brackets and commas count too, so
 * that no body exceeds the maximum.
 *
 * @internal
 */
export const limits = { records: 400, bytes: 819_200 }
