const encoder = new TextEncoder()

/** @internal */
export const encode = (text: string): Uint8Array => encoder.encode(text)

/** @internal */
export const byteLength = (text: string): number => encoder.encode(text).length
