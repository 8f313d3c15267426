import { Buffer } from "node:buffer"
import { LazyInsertId } from "../edit/lazyInsertId.js"
import * as uuid from "../event/uuid.js"
import { Sha1 } from "../support/sha1.js"

/**
 * Returns a function that derives the insert id of a record from its key: a UUID of version 5
 * (RFC 9562), whose namespace is derived from the name of the job.
 *
 * The id depends on nothing else. So a job that is run again from scratch, even without its ledger,
 * sends the same ids.
 *
 * @internal
 */
export const derive = (job: string): (key: string) => LazyInsertId => {
  const bytes = new Sha1(Buffer.from("effect-suprsend/Backfill\0")).of(job).subarray(0, 16)
  // Bytes below 0x80, as in the first version: a change would change all ids.
  const sha1 = new Sha1(bytes.map((byte) => byte & 0x7f))
  return (key) => new Derived(sha1, key)
}

class Derived extends LazyInsertId {
  constructor(private readonly sha1: Sha1, private readonly key: string) {
    super()
  }

  write(bytes: Uint8Array, position: number): void {
    const hash = this.sha1.of(this.key)
    hash[6] = 0x50 | ((hash[6] ?? 0) & 0x0f)
    hash[8] = 0x80 | ((hash[8] ?? 0) & 0x3f)
    uuid.writeBytes(hash, 0, bytes, position)
  }

  toString(): string {
    const bytes = Buffer.from(uuid.template)
    this.write(bytes, 0)
    return bytes.toString("latin1")
  }
}
