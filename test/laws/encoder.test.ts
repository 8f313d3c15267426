import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as FastCheck from "effect/FastCheck"
import { Encoder } from "../../src/internal/encoder.js"
import * as event from "../../src/internal/event.js"
import * as validate from "../../src/internal/validate.js"
import { asEdit, untyped } from "../utils/untyped.js"

const client = { workspace: "workspace \"key\" é", userAgent: "effect-suprsend/0.1.0 (\\)" }

const often = { fastCheck: { numRuns: 2_000 } }

const written = (
  edit: UserEdit.UserEdit,
  insertId: string,
  time: number,
  of: typeof client | { userAgent: string } = client
) => {
  const encoder = new Encoder({ workspace: undefined, ...of }, 1_000)
  const fits = encoder.edit(edit, insertId, time)
  return { fits, text: new TextDecoder().decode(encoder.copy(0, encoder.position)) }
}

const expected = (edit: UserEdit.UserEdit, insertId: string, time: number) => event.encode(edit, insertId, time, client)

const textOfAnyKind = FastCheck.oneof(
  FastCheck.string({ unit: "binary", maxLength: 60 }),
  FastCheck.string({
    unit: FastCheck.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    maxLength: 60
  }),
  FastCheck.string({ unit: "grapheme-ascii", maxLength: 60 })
)

describe("an event is, byte for byte, what JSON.stringify makes of it", () => {
  it.prop(
    "whatever the edit",
    [Arbitraries.userEdit, Arbitraries.insertId, FastCheck.nat()],
    ([edit, insertId, time]) => {
      expect(written(edit, insertId, time)).toEqual({ fits: true, text: expected(edit, insertId, time) })
    },
    often
  )

  it.prop(
    "whatever the texts: escapes, controls, halves of surrogate pairs",
    [textOfAnyKind, textOfAnyKind],
    ([key, text]) => {
      const edit = UserEdit.appendOperation(UserEdit.edit("user-42"), { [key]: [text, { [text]: text }] })
      expect(written(edit, "id", 0).text).toBe(expected(edit, "id", 0))
    },
    often
  )

  it.prop("whatever the numbers", [FastCheck.double({ noNaN: true, noDefaultInfinity: true })], ([number]) => {
    const edit = UserEdit.set(UserEdit.edit("user-42"), "n", number)
    expect(written(edit, "id", 0).text).toBe(expected(edit, "id", 0))
  }, often)

  it.prop("whatever the keys", [FastCheck.dictionary(textOfAnyKind, Arbitraries.jsonValue)], ([record]) => {
    const edit = UserEdit.appendOperation(
      UserEdit.edit("user-42"),
      { ...record, ["__proto__"]: { constructor: 1, ["__proto__"]: null } }
    )
    expect(written(edit, "id", 0).text).toBe(expected(edit, "id", 0))
  })

  it("without a workspace, with a tenant, in a row, and after what was taken back", () => {
    const edit = UserEdit.set(UserEdit.edit("user-42", { tenantId: "acme" }), "a", true)
    const encoder = new Encoder({ workspace: undefined, userAgent: "me" }, 1_000)
    encoder.edit(edit, "one", 1)
    const first = encoder.position
    encoder.edit(edit, "never", 2)
    encoder.rewind(first)
    encoder.edit(edit, "two", 3)
    const text = (insertId: string, time: number) =>
      event.encode(edit, insertId, time, { workspace: undefined, userAgent: "me" })
    expect(new TextDecoder().decode(encoder.copy(0, first))).toBe(text("one", 1))
    expect(new TextDecoder().decode(encoder.copy(first, encoder.position))).toBe(text("two", 3))
  })

  it("operations that were written out already, in part or as a whole", () => {
    const start = UserEdit.set(UserEdit.edit("user-42"), "a", 1)
    expect(start.operations).toHaveLength(1)
    const longer = UserEdit.unset(UserEdit.increment(start, "b", 2), ["c"])
    expect(written(longer, "id", 0).text).toBe(expected(longer, "id", 0))
    expect(written(longer, "id", 0).text).toContain("$set")
  })
})

describe("the size of an event", () => {
  it.prop("fits up to 10,240 bytes, and not beyond", [
    FastCheck.constantFrom("x", "é", "\u0000", "😀", "\"", "\ud800"),
    FastCheck.integer({ min: 0, max: 12_000 })
  ], ([character, count]) => {
    const edit = UserEdit.set(UserEdit.edit("user-42"), "text", character.repeat(count))
    const text = expected(edit, "id", 0)
    const { fits, text: bytes } = written(edit, "id", 0)
    expect(fits).toBe(Buffer.byteLength(text) <= 10_240)
    if (fits) expect(bytes).toBe(text)
  }, often)

  it("is found out for what is far too large, or has far too many parts", () => {
    for (
      const value of [
        "x".repeat(5_000_000),
        "é".repeat(5_000_000),
        Array.from({ length: 500_000 }, () => []),
        Array.from({ length: 100_000 }, (_, n) => ({ [n]: "é" }))
      ]
    ) {
      expect(written(UserEdit.set(UserEdit.edit("user-42"), "any", value), "id", 0).fits).toBe(false)
    }
  })

  it("is counted from where the event begins", () => {
    const encoder = new Encoder(client, 819_200)
    const large = UserEdit.set(UserEdit.edit("user-42"), "text", "é".repeat(5_000))
    while (encoder.position <= 819_200) expect(encoder.edit(large, "id", 0)).toBe(true)
    expect(encoder.position).toBeLessThan(819_200 + 10_240)
  })
})

describe("the quick look of validate", () => {
  it.prop(
    "finds nothing valid that is not",
    [FastCheck.anything(), FastCheck.anything(), FastCheck.anything()],
    ([id, operation, value]) => {
      const edits = [
        untyped(UserEdit.appendOperation)(untyped(UserEdit.edit)(id), operation),
        untyped(UserEdit.appendOperation)(UserEdit.edit("user-42"), { $set: { a: value } }),
        ...["$set", "$set_once", "$add", "$append", "$remove", "$unset", "$other"].map((operator) =>
          untyped(UserEdit.appendOperation)(UserEdit.edit("user-42"), { [operator]: value })
        ),
        ...["$email", "$slack", "$timezone", "$locale", " ", "\u2028"].map((key) =>
          untyped(UserEdit.append)(UserEdit.edit("user-42"), key, value)
        )
      ]
      for (const edit of edits.map(asEdit)) {
        if (validate.isSurelyValid(edit)) expect(validate.allIssues(edit)).toEqual([])
      }
    },
    often
  )

  it.prop("finds ids and keys as the long look does", [textOfAnyKind, textOfAnyKind], ([id, key]) => {
    for (
      const edit of [
        UserEdit.set(UserEdit.edit(id, { tenantId: key }), "a", 1),
        UserEdit.withInsertId(UserEdit.set(UserEdit.edit("user-42"), key, 1), id),
        UserEdit.unset(UserEdit.edit("user-42"), [key, "a"])
      ]
    ) {
      if (validate.isSurelyValid(edit)) expect(validate.allIssues(edit)).toEqual([])
    }
  }, often)

  it("sees the holes of a sparse array, strangers and cycles", () => {
    const sparse: Array<string> = ["a"]
    sparse[2] = "c"
    const cycle: Array<unknown> = []
    cycle.push(cycle)
    for (
      const edit of [
        UserEdit.unset(UserEdit.edit("user-42"), sparse),
        UserEdit.set(UserEdit.edit("user-42"), "list", sparse),
        UserEdit.concat(UserEdit.edit("user-42"), UserEdit.edit("user-43")),
        asEdit(untyped(UserEdit.set)(UserEdit.edit("user-42"), "cycle", cycle))
      ]
    ) {
      expect(validate.isSurelyValid(edit)).toBe(false)
    }
  })

  it("is enough for edits as they are in practice", () => {
    const edit = UserEdit.edit("user-42", { tenantId: "acme", insertId: "id" }).pipe(
      UserEdit.addEmail("ada@example.com"),
      UserEdit.addAndroidPush("token"),
      UserEdit.setTimezone("Europe/London"),
      UserEdit.setLocale("en_GB"),
      UserEdit.set({ name: "Ada", nested: { list: [1, null, false] } }),
      UserEdit.increment("n", 1),
      UserEdit.unset(["old"])
    )
    expect(validate.isSurelyValid(edit)).toBe(true)
  })
})
