import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Crypto from "node:crypto"
import * as insertId from "../../src/internal/backfill/insertId.js"

const text = FastCheck.string({ unit: "grapheme" })

/** UUIDv5 as RFC 9562 describes it: of a namespace of 16 bytes and the bytes of a name. */
const uuid5 = (namespace: Buffer, name: string) => {
  const bytes = Crypto.createHash("sha1").update(namespace).update(name, "utf8").digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x50
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")
}

const namespaceOf = (job: string) =>
  Crypto.createHash("sha1").update("effect-suprsend/Backfill\0").update(job, "utf8").digest().subarray(0, 16).map((
    byte
  ) => byte & 0x7f)

describe("an insert id", () => {
  it("never changes, because records that were sent must keep theirs", () => {
    const idOf = insertId.derive("plans-2026")
    expect(["user-1", "user-2", "ü"].map(idOf)).toMatchInlineSnapshot(`
      [
        "b79025c7-0741-5662-829d-98b1e0a47252",
        "cbf073ef-3cff-5dcf-b83a-cbe7f8d1a140",
        "7a4d56a2-68e4-5077-8579-de027c53faec",
      ]
    `)
  })

  it.prop("is a UUID of version 5 of the job and the key, and nothing else", [text, text], ([job, key]) => {
    const id = insertId.derive(job)(key)
    expect(id).toBe(uuid5(Buffer.from(namespaceOf(job)), key))
    expect(id).toBe(insertId.derive(job)(key))
  })

  it.prop(
    "differs for another key or another job",
    [FastCheck.uniqueArray(text, { minLength: 2, maxLength: 2 }), text],
    ([[a = "", b = ""], other]) => {
      expect(insertId.derive(other)(a)).not.toBe(insertId.derive(other)(b))
      expect(insertId.derive(a)(other)).not.toBe(insertId.derive(b)(other))
    }
  )
})
