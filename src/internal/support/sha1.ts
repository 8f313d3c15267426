import { Buffer } from "node:buffer"

/**
 * Computes the SHA-1 (FIPS 180-4) of texts with a common prefix.
 *
 * `node:crypto` makes objects and strings for each hash, which cost more than the hash of a short
 * text (`npm run bench -- --only backfill`).
 *
 * @internal
 */
export class Sha1 {
  private message = Buffer.alloc(0)
  private view = new DataView(this.message.buffer)
  private readonly hash = Buffer.alloc(20)
  private readonly result = new DataView(this.hash.buffer, this.hash.byteOffset)

  constructor(private readonly prefix: Uint8Array) {}

  /** Returns the hash of the prefix and a text. The next call overwrites it. */
  of(text: string): Buffer {
    const end = this.write(text)
    const { hash, result, view } = this
    let h0 = 0x67452301
    let h1 = 0xefcdab89 | 0
    let h2 = 0x98badcfe | 0
    let h3 = 0x10325476
    let h4 = 0xc3d2e1f0 | 0
    for (let block = 0; block < end; block += 64) {
      // The 80 steps of the standard are written out, with the words in variables: loops over an array
      // of words are slower (`npm run bench -- --only backfill`).
      let w0 = view.getInt32(block)
      let w1 = view.getInt32(block + 4)
      let w2 = view.getInt32(block + 8)
      let w3 = view.getInt32(block + 12)
      let w4 = view.getInt32(block + 16)
      let w5 = view.getInt32(block + 20)
      let w6 = view.getInt32(block + 24)
      let w7 = view.getInt32(block + 28)
      let w8 = view.getInt32(block + 32)
      let w9 = view.getInt32(block + 36)
      let w10 = view.getInt32(block + 40)
      let w11 = view.getInt32(block + 44)
      let w12 = view.getInt32(block + 48)
      let w13 = view.getInt32(block + 52)
      let w14 = view.getInt32(block + 56)
      let w15 = view.getInt32(block + 60)
      let a = h0
      let b = h1
      let c = h2
      let d = h3
      let e = h4

      e = (e + 0x5a827999 + w0 + (d ^ (b & (c ^ d))) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      d = (d + 0x5a827999 + w1 + (c ^ (a & (b ^ c))) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      c = (c + 0x5a827999 + w2 + (b ^ (e & (a ^ b))) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      b = (b + 0x5a827999 + w3 + (a ^ (d & (e ^ a))) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      a = (a + 0x5a827999 + w4 + (e ^ (c & (d ^ e))) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      e = (e + 0x5a827999 + w5 + (d ^ (b & (c ^ d))) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      d = (d + 0x5a827999 + w6 + (c ^ (a & (b ^ c))) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      c = (c + 0x5a827999 + w7 + (b ^ (e & (a ^ b))) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      b = (b + 0x5a827999 + w8 + (a ^ (d & (e ^ a))) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      a = (a + 0x5a827999 + w9 + (e ^ (c & (d ^ e))) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      e = (e + 0x5a827999 + w10 + (d ^ (b & (c ^ d))) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      d = (d + 0x5a827999 + w11 + (c ^ (a & (b ^ c))) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      c = (c + 0x5a827999 + w12 + (b ^ (e & (a ^ b))) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      b = (b + 0x5a827999 + w13 + (a ^ (d & (e ^ a))) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      a = (a + 0x5a827999 + w14 + (e ^ (c & (d ^ e))) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      e = (e + 0x5a827999 + w15 + (d ^ (b & (c ^ d))) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w0 ^= w13 ^ w8 ^ w2
      w0 = (w0 << 1) | (w0 >>> 31)
      d = (d + 0x5a827999 + w0 + (c ^ (a & (b ^ c))) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w1 ^= w14 ^ w9 ^ w3
      w1 = (w1 << 1) | (w1 >>> 31)
      c = (c + 0x5a827999 + w1 + (b ^ (e & (a ^ b))) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w2 ^= w15 ^ w10 ^ w4
      w2 = (w2 << 1) | (w2 >>> 31)
      b = (b + 0x5a827999 + w2 + (a ^ (d & (e ^ a))) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w3 ^= w0 ^ w11 ^ w5
      w3 = (w3 << 1) | (w3 >>> 31)
      a = (a + 0x5a827999 + w3 + (e ^ (c & (d ^ e))) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w4 ^= w1 ^ w12 ^ w6
      w4 = (w4 << 1) | (w4 >>> 31)

      e = (e + 0x6ed9eba1 + w4 + (b ^ c ^ d) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w5 ^= w2 ^ w13 ^ w7
      w5 = (w5 << 1) | (w5 >>> 31)
      d = (d + 0x6ed9eba1 + w5 + (a ^ b ^ c) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w6 ^= w3 ^ w14 ^ w8
      w6 = (w6 << 1) | (w6 >>> 31)
      c = (c + 0x6ed9eba1 + w6 + (e ^ a ^ b) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w7 ^= w4 ^ w15 ^ w9
      w7 = (w7 << 1) | (w7 >>> 31)
      b = (b + 0x6ed9eba1 + w7 + (d ^ e ^ a) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w8 ^= w5 ^ w0 ^ w10
      w8 = (w8 << 1) | (w8 >>> 31)
      a = (a + 0x6ed9eba1 + w8 + (c ^ d ^ e) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w9 ^= w6 ^ w1 ^ w11
      w9 = (w9 << 1) | (w9 >>> 31)
      e = (e + 0x6ed9eba1 + w9 + (b ^ c ^ d) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w10 ^= w7 ^ w2 ^ w12
      w10 = (w10 << 1) | (w10 >>> 31)
      d = (d + 0x6ed9eba1 + w10 + (a ^ b ^ c) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w11 ^= w8 ^ w3 ^ w13
      w11 = (w11 << 1) | (w11 >>> 31)
      c = (c + 0x6ed9eba1 + w11 + (e ^ a ^ b) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w12 ^= w9 ^ w4 ^ w14
      w12 = (w12 << 1) | (w12 >>> 31)
      b = (b + 0x6ed9eba1 + w12 + (d ^ e ^ a) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w13 ^= w10 ^ w5 ^ w15
      w13 = (w13 << 1) | (w13 >>> 31)
      a = (a + 0x6ed9eba1 + w13 + (c ^ d ^ e) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w14 ^= w11 ^ w6 ^ w0
      w14 = (w14 << 1) | (w14 >>> 31)
      e = (e + 0x6ed9eba1 + w14 + (b ^ c ^ d) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w15 ^= w12 ^ w7 ^ w1
      w15 = (w15 << 1) | (w15 >>> 31)
      d = (d + 0x6ed9eba1 + w15 + (a ^ b ^ c) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w0 ^= w13 ^ w8 ^ w2
      w0 = (w0 << 1) | (w0 >>> 31)
      c = (c + 0x6ed9eba1 + w0 + (e ^ a ^ b) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w1 ^= w14 ^ w9 ^ w3
      w1 = (w1 << 1) | (w1 >>> 31)
      b = (b + 0x6ed9eba1 + w1 + (d ^ e ^ a) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w2 ^= w15 ^ w10 ^ w4
      w2 = (w2 << 1) | (w2 >>> 31)
      a = (a + 0x6ed9eba1 + w2 + (c ^ d ^ e) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w3 ^= w0 ^ w11 ^ w5
      w3 = (w3 << 1) | (w3 >>> 31)
      e = (e + 0x6ed9eba1 + w3 + (b ^ c ^ d) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w4 ^= w1 ^ w12 ^ w6
      w4 = (w4 << 1) | (w4 >>> 31)
      d = (d + 0x6ed9eba1 + w4 + (a ^ b ^ c) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w5 ^= w2 ^ w13 ^ w7
      w5 = (w5 << 1) | (w5 >>> 31)
      c = (c + 0x6ed9eba1 + w5 + (e ^ a ^ b) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w6 ^= w3 ^ w14 ^ w8
      w6 = (w6 << 1) | (w6 >>> 31)
      b = (b + 0x6ed9eba1 + w6 + (d ^ e ^ a) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w7 ^= w4 ^ w15 ^ w9
      w7 = (w7 << 1) | (w7 >>> 31)
      a = (a + 0x6ed9eba1 + w7 + (c ^ d ^ e) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w8 ^= w5 ^ w0 ^ w10
      w8 = (w8 << 1) | (w8 >>> 31)

      e = (e + 0x8f1bbcdc + w8 + ((b & c) | (d & (b | c))) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w9 ^= w6 ^ w1 ^ w11
      w9 = (w9 << 1) | (w9 >>> 31)
      d = (d + 0x8f1bbcdc + w9 + ((a & b) | (c & (a | b))) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w10 ^= w7 ^ w2 ^ w12
      w10 = (w10 << 1) | (w10 >>> 31)
      c = (c + 0x8f1bbcdc + w10 + ((e & a) | (b & (e | a))) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w11 ^= w8 ^ w3 ^ w13
      w11 = (w11 << 1) | (w11 >>> 31)
      b = (b + 0x8f1bbcdc + w11 + ((d & e) | (a & (d | e))) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w12 ^= w9 ^ w4 ^ w14
      w12 = (w12 << 1) | (w12 >>> 31)
      a = (a + 0x8f1bbcdc + w12 + ((c & d) | (e & (c | d))) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w13 ^= w10 ^ w5 ^ w15
      w13 = (w13 << 1) | (w13 >>> 31)
      e = (e + 0x8f1bbcdc + w13 + ((b & c) | (d & (b | c))) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w14 ^= w11 ^ w6 ^ w0
      w14 = (w14 << 1) | (w14 >>> 31)
      d = (d + 0x8f1bbcdc + w14 + ((a & b) | (c & (a | b))) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w15 ^= w12 ^ w7 ^ w1
      w15 = (w15 << 1) | (w15 >>> 31)
      c = (c + 0x8f1bbcdc + w15 + ((e & a) | (b & (e | a))) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w0 ^= w13 ^ w8 ^ w2
      w0 = (w0 << 1) | (w0 >>> 31)
      b = (b + 0x8f1bbcdc + w0 + ((d & e) | (a & (d | e))) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w1 ^= w14 ^ w9 ^ w3
      w1 = (w1 << 1) | (w1 >>> 31)
      a = (a + 0x8f1bbcdc + w1 + ((c & d) | (e & (c | d))) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w2 ^= w15 ^ w10 ^ w4
      w2 = (w2 << 1) | (w2 >>> 31)
      e = (e + 0x8f1bbcdc + w2 + ((b & c) | (d & (b | c))) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w3 ^= w0 ^ w11 ^ w5
      w3 = (w3 << 1) | (w3 >>> 31)
      d = (d + 0x8f1bbcdc + w3 + ((a & b) | (c & (a | b))) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w4 ^= w1 ^ w12 ^ w6
      w4 = (w4 << 1) | (w4 >>> 31)
      c = (c + 0x8f1bbcdc + w4 + ((e & a) | (b & (e | a))) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w5 ^= w2 ^ w13 ^ w7
      w5 = (w5 << 1) | (w5 >>> 31)
      b = (b + 0x8f1bbcdc + w5 + ((d & e) | (a & (d | e))) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w6 ^= w3 ^ w14 ^ w8
      w6 = (w6 << 1) | (w6 >>> 31)
      a = (a + 0x8f1bbcdc + w6 + ((c & d) | (e & (c | d))) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w7 ^= w4 ^ w15 ^ w9
      w7 = (w7 << 1) | (w7 >>> 31)
      e = (e + 0x8f1bbcdc + w7 + ((b & c) | (d & (b | c))) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w8 ^= w5 ^ w0 ^ w10
      w8 = (w8 << 1) | (w8 >>> 31)
      d = (d + 0x8f1bbcdc + w8 + ((a & b) | (c & (a | b))) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w9 ^= w6 ^ w1 ^ w11
      w9 = (w9 << 1) | (w9 >>> 31)
      c = (c + 0x8f1bbcdc + w9 + ((e & a) | (b & (e | a))) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w10 ^= w7 ^ w2 ^ w12
      w10 = (w10 << 1) | (w10 >>> 31)
      b = (b + 0x8f1bbcdc + w10 + ((d & e) | (a & (d | e))) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w11 ^= w8 ^ w3 ^ w13
      w11 = (w11 << 1) | (w11 >>> 31)
      a = (a + 0x8f1bbcdc + w11 + ((c & d) | (e & (c | d))) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w12 ^= w9 ^ w4 ^ w14
      w12 = (w12 << 1) | (w12 >>> 31)

      e = (e + 0xca62c1d6 + w12 + (b ^ c ^ d) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w13 ^= w10 ^ w5 ^ w15
      w13 = (w13 << 1) | (w13 >>> 31)
      d = (d + 0xca62c1d6 + w13 + (a ^ b ^ c) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w14 ^= w11 ^ w6 ^ w0
      w14 = (w14 << 1) | (w14 >>> 31)
      c = (c + 0xca62c1d6 + w14 + (e ^ a ^ b) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w15 ^= w12 ^ w7 ^ w1
      w15 = (w15 << 1) | (w15 >>> 31)
      b = (b + 0xca62c1d6 + w15 + (d ^ e ^ a) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w0 ^= w13 ^ w8 ^ w2
      w0 = (w0 << 1) | (w0 >>> 31)
      a = (a + 0xca62c1d6 + w0 + (c ^ d ^ e) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w1 ^= w14 ^ w9 ^ w3
      w1 = (w1 << 1) | (w1 >>> 31)
      e = (e + 0xca62c1d6 + w1 + (b ^ c ^ d) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w2 ^= w15 ^ w10 ^ w4
      w2 = (w2 << 1) | (w2 >>> 31)
      d = (d + 0xca62c1d6 + w2 + (a ^ b ^ c) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w3 ^= w0 ^ w11 ^ w5
      w3 = (w3 << 1) | (w3 >>> 31)
      c = (c + 0xca62c1d6 + w3 + (e ^ a ^ b) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w4 ^= w1 ^ w12 ^ w6
      w4 = (w4 << 1) | (w4 >>> 31)
      b = (b + 0xca62c1d6 + w4 + (d ^ e ^ a) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w5 ^= w2 ^ w13 ^ w7
      w5 = (w5 << 1) | (w5 >>> 31)
      a = (a + 0xca62c1d6 + w5 + (c ^ d ^ e) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w6 ^= w3 ^ w14 ^ w8
      w6 = (w6 << 1) | (w6 >>> 31)
      e = (e + 0xca62c1d6 + w6 + (b ^ c ^ d) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w7 ^= w4 ^ w15 ^ w9
      w7 = (w7 << 1) | (w7 >>> 31)
      d = (d + 0xca62c1d6 + w7 + (a ^ b ^ c) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w8 ^= w5 ^ w0 ^ w10
      w8 = (w8 << 1) | (w8 >>> 31)
      c = (c + 0xca62c1d6 + w8 + (e ^ a ^ b) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w9 ^= w6 ^ w1 ^ w11
      w9 = (w9 << 1) | (w9 >>> 31)
      b = (b + 0xca62c1d6 + w9 + (d ^ e ^ a) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w10 ^= w7 ^ w2 ^ w12
      w10 = (w10 << 1) | (w10 >>> 31)
      a = (a + 0xca62c1d6 + w10 + (c ^ d ^ e) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)
      w11 ^= w8 ^ w3 ^ w13
      w11 = (w11 << 1) | (w11 >>> 31)
      e = (e + 0xca62c1d6 + w11 + (b ^ c ^ d) + ((a << 5) | (a >>> 27))) | 0
      b = (b << 30) | (b >>> 2)
      w12 ^= w9 ^ w4 ^ w14
      w12 = (w12 << 1) | (w12 >>> 31)
      d = (d + 0xca62c1d6 + w12 + (a ^ b ^ c) + ((e << 5) | (e >>> 27))) | 0
      a = (a << 30) | (a >>> 2)
      w13 ^= w10 ^ w5 ^ w15
      w13 = (w13 << 1) | (w13 >>> 31)
      c = (c + 0xca62c1d6 + w13 + (e ^ a ^ b) + ((d << 5) | (d >>> 27))) | 0
      e = (e << 30) | (e >>> 2)
      w14 ^= w11 ^ w6 ^ w0
      w14 = (w14 << 1) | (w14 >>> 31)
      b = (b + 0xca62c1d6 + w14 + (d ^ e ^ a) + ((c << 5) | (c >>> 27))) | 0
      d = (d << 30) | (d >>> 2)
      w15 ^= w12 ^ w7 ^ w1
      w15 = (w15 << 1) | (w15 >>> 31)
      a = (a + 0xca62c1d6 + w15 + (c ^ d ^ e) + ((b << 5) | (b >>> 27))) | 0
      c = (c << 30) | (c >>> 2)

      h0 = (h0 + a) | 0
      h1 = (h1 + b) | 0
      h2 = (h2 + c) | 0
      h3 = (h3 + d) | 0
      h4 = (h4 + e) | 0
    }
    result.setInt32(0, h0)
    result.setInt32(4, h1)
    result.setInt32(8, h2)
    result.setInt32(12, h3)
    result.setInt32(16, h4)
    return hash
  }

  /** Writes the message, padded to whole blocks, and returns its end. */
  private write(text: string): number {
    const { prefix } = this
    // A character takes at most three bytes in UTF-8, and the padding at most a block and nine bytes.
    this.reserve(prefix.length + 3 * text.length + 73)
    const { message, view } = this
    let end = prefix.length
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code > 0x7f) {
        end = prefix.length + message.write(text, prefix.length, "utf8")
        break
      }
      message[end++] = code
    }
    const bytes = end
    message[end++] = 0x80
    while ((end & 63) !== 56) message[end++] = 0
    view.setUint32(end, Math.floor(bytes / 2 ** 29))
    view.setUint32(end + 4, bytes << 3)
    return end + 8
  }

  private reserve(bytes: number): void {
    if (bytes <= this.message.length) return
    const buffer = new ArrayBuffer(2 * bytes)
    this.message = Buffer.from(buffer)
    this.view = new DataView(buffer)
    this.message.set(this.prefix)
  }
}
