import * as Crypto from "node:crypto"

/**
 * Returns a function that derives the insert id of a record from its key: a UUID of version 5
 * (RFC 9562), whose namespace is derived from the name of the job.
 *
 * The id depends on nothing else. So a job that is run again from scratch, even without its ledger,
 * sends the same ids.
 *
 * @internal
 */
export const derive = (job: string): (key: string) => string => {
  // A namespace of characters below 0x80 is the same as bytes and as UTF-8 text, so that namespace
  // and key are hashed as one string.
  const bytes = Crypto.createHash("sha1").update("effect-suprsend/Backfill\0").update(job).digest().subarray(0, 16)
  const namespace = String.fromCharCode(...bytes.map((byte) => byte & 0x7f))
  return (key) => {
    const hex = sha1(namespace + key)
    const variant = variants.charAt(Number.parseInt(hex.charAt(16), 16))
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${
      hex.slice(20, 32)
    }`
  }
}

/** The first digit of the fourth group for each digit of the hash: its two high bits are 10. */
const variants = "89ab89ab89ab89ab"

// `Crypto.hash` makes no object for each key, but exists only since Node 20.12.
const sha1 = (text: string): string =>
  typeof Crypto.hash === "function"
    ? Crypto.hash("sha1", text)
    : Crypto.createHash("sha1").update(text).digest("hex")
