/**
 * A UUID of version 4 (RFC 9562) with zeros in the place of random digits.
 *
 * @internal
 */
export const template = "00000000-0000-4000-8000-000000000000"

// The random bytes of 256 UUIDs, so that the cryptographic source is called once for all of them.
const pool = new Uint8Array(16 * 256)
let used = pool.length

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))
const high = Uint8Array.from(digits, (pair) => pair.charCodeAt(0))
const low = Uint8Array.from(digits, (pair) => pair.charCodeAt(1))

/** The position of each byte's two digits in the template. */
const places = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34)

const refill = () => {
  globalThis.crypto.getRandomValues(pool)
  for (let i = 0; i < pool.length; i += 16) {
    pool[i + 6] = 0x40 | ((pool[i + 6] ?? 0) & 0x0f)
    pool[i + 8] = 0x80 | ((pool[i + 8] ?? 0) & 0x3f)
  }
  used = 0
}

/**
 * Writes the digits of a UUID over a template in the bytes.
 *
 * @param from where its 16 bytes begin in the source
 * @internal
 */
export const writeBytes = (source: Uint8Array, from: number, bytes: Uint8Array, position: number): void => {
  for (let i = 0; i < 16; i++) {
    const byte = source[from + i] ?? 0
    const place = position + (places[i] ?? 0)
    bytes[place] = high[byte] ?? 0
    bytes[place + 1] = low[byte] ?? 0
  }
}

/**
 * Writes the digits of a random UUID over a template in the bytes.
 *
 * The digits come from the same source as those of `crypto.randomUUID`, without an intermediate
 * string.
 *
 * @internal
 */
export const write = (bytes: Uint8Array, position: number): void => {
  if (used === pool.length) refill()
  writeBytes(pool, used, bytes, position)
  used += 16
}
