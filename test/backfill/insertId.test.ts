import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Hash from "effect/Hash"
import * as Schema from "effect/Schema"
import * as Crypto from "node:crypto"
import * as insertId from "../../src/internal/backfill/insertId.js"
import type { LazyInsertId } from "../../src/internal/edit/lazyInsertId.js"
import * as internal from "../../src/internal/edit/userEdit.js"
import { Encoder } from "../../src/internal/event/encoder.js"
import * as uuid from "../../src/internal/event/uuid.js"

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
    expect(["user-1", "user-2", "ü"].map((key) => idOf(key).toString())).toMatchInlineSnapshot(`
      [
        "b79025c7-0741-5662-829d-98b1e0a47252",
        "cbf073ef-3cff-5dcf-b83a-cbe7f8d1a140",
        "7a4d56a2-68e4-5077-8579-de027c53faec",
      ]
    `)
  })

  it.prop("is a UUID of version 5 of the job and the key, and nothing else", [text, text], ([job, key]) => {
    const id = insertId.derive(job)(key)
    const expected = uuid5(Buffer.from(namespaceOf(job)), key)
    expect(id.toString()).toBe(expected)
    expect(insertId.derive(job)(key).toString()).toBe(expected)
    const bytes = Buffer.from(`(${uuid.template})`)
    id.write(bytes, 1)
    expect(bytes.toString()).toBe(`(${expected})`)
  })

  it.prop("is made only when it is used, and is the same as a text", [Arbitraries.userEdit, text], ([edit, key]) => {
    const id = insertId.derive("plans-2026")(key)
    const lazy = internal.withInsertId(edit, id)
    const pinned = UserEdit.withInsertId(edit, id.toString())
    expect(lazy.insertId).toBe(pinned.insertId)
    expect(Equal.equals(lazy, pinned)).toBe(true)
    expect(Hash.hash(lazy)).toBe(Hash.hash(pinned))
    expect(lazy.toJSON()).toEqual(pinned.toJSON())
    expect(UserEdit.set(lazy, "a", 1).insertId).toBe(pinned.insertId)
    expect(UserEdit.concat(lazy, edit).insertId).toBe(pinned.insertId)
    expect(UserEdit.withInsertId(lazy, "another").insertId).toBe("another")
    expect(Schema.encodeSync(UserEdit.UserEditSchema)(lazy)).toEqual(Schema.encodeSync(UserEdit.UserEditSchema)(pinned))
  })

  it.prop("is written into a request like a text", [Arbitraries.userEdit, text], ([edit, key]) => {
    const id = insertId.derive("plans-2026")(key)
    const write = (insertId: string | LazyInsertId) => {
      const encoder = new Encoder({ workspace: "workspace", userAgent: "me" }, 1_000)
      return { issues: encoder.event(edit, insertId, 1), text: encoder.copy(0, encoder.position).toString() }
    }
    expect(write(id)).toEqual(write(id.toString()))
  })

  it.prop(
    "differs for another key or another job",
    [FastCheck.uniqueArray(text, { minLength: 2, maxLength: 2 }), text],
    ([[a = "", b = ""], other]) => {
      const idOf = (job: string, key: string) => insertId.derive(job)(key).toString()
      expect(idOf(other, a)).not.toBe(idOf(other, b))
      expect(idOf(a, other)).not.toBe(idOf(b, other))
    }
  )
})
