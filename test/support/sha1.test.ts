import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Crypto from "node:crypto"
import { Sha1 } from "../../src/internal/support/sha1.js"

const expected = (prefix: Uint8Array, text: string) =>
  Crypto.createHash("sha1").update(prefix).update(text, "utf8").digest("hex")

const text = FastCheck.oneof(
  FastCheck.string({ unit: "grapheme", maxLength: 300 }),
  FastCheck.string({ unit: "grapheme-ascii", maxLength: 300 })
)

describe("a SHA-1", () => {
  it.prop("is that of node:crypto, one text after another", [
    FastCheck.uint8Array({ maxLength: 130 }),
    FastCheck.array(text, { minLength: 1 })
  ], ([prefix, texts]) => {
    const sha1 = new Sha1(prefix)
    for (const text of texts) expect(sha1.of(text).toString("hex")).toBe(expected(prefix, text))
  })

  it("is that of node:crypto at each length around a block", () => {
    const sha1 = new Sha1(Buffer.of(1, 2, 3))
    for (let length = 0; length < 200; length++) {
      expect(sha1.of("x".repeat(length)).toString("hex")).toBe(expected(Buffer.of(1, 2, 3), "x".repeat(length)))
    }
  })

  it("is that of node:crypto for a long text", () => {
    const long = "ä".repeat(1_000_000)
    expect(new Sha1(Buffer.alloc(0)).of(long).toString("hex")).toBe(expected(Buffer.alloc(0), long))
  })
})
