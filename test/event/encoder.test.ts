import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as FastCheck from "effect/FastCheck"
import * as validate from "../../src/internal/edit/validate.js"
import { Encoder } from "../../src/internal/event/encoder.js"
import * as event from "../../src/internal/event/event.js"
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
  const issues = encoder.event(edit, insertId, time)
  return { issues, text: new TextDecoder().decode(encoder.copy(0, encoder.position)) }
}

const expected = (edit: UserEdit.UserEdit, insertId: string, time: number) => event.encode(edit, insertId, time, client)

/** Checks that an edit is written as by `JSON.stringify`, or refused with the issues of `validate`. */
const agrees = (edit: UserEdit.UserEdit) => {
  const issues = validate.issues(edit)
  const { issues: found, text } = written(edit, "id", 0)
  if (issues.length > 0) {
    expect(found).toEqual(issues)
    expect(text).toBe("")
  } else {
    const bytes = Buffer.byteLength(expected(edit, "id", 0))
    expect(found).toEqual(bytes > 10_240 ? [validate.sizeIssue(bytes)] : [])
    expect(text).toBe(bytes > 10_240 ? "" : expected(edit, "id", 0))
  }
}

const textOfAnyKind = FastCheck.oneof(
  FastCheck.string({ unit: "binary", maxLength: 120 }),
  FastCheck.string({
    unit: FastCheck.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    maxLength: 60
  }),
  FastCheck.string({ unit: "grapheme-ascii", maxLength: 120 })
)

const unicode = FastCheck.string({ unit: "binary", maxLength: 120 })

describe("an event has the bytes of JSON.stringify", () => {
  it.prop(
    "for any edit",
    [Arbitraries.userEdit, Arbitraries.insertId, FastCheck.nat()],
    ([edit, insertId, time]) => {
      expect(written(edit, insertId, time)).toEqual({ issues: [], text: expected(edit, insertId, time) })
    },
    often
  )

  it.prop(
    "for any text: escapes, controls, every plane of Unicode",
    [unicode, unicode],
    ([key, text]) => {
      const edit = UserEdit.appendOperation(UserEdit.edit("user-42"), { [key]: [text, { [text]: text }] })
      expect(written(edit, "id", 0).text).toBe(expected(edit, "id", 0))
    },
    often
  )

  const number = FastCheck.double({ noNaN: true, noDefaultInfinity: true })

  it.prop("for any number, alone or in a list", [number, FastCheck.array(number)], ([number, numbers]) => {
    const edit = UserEdit.set(UserEdit.edit("user-42"), { number, numbers, mixed: [-0, 1, 2, 3, ...numbers, null] })
    expect(written(edit, "id", 0).text).toBe(expected(edit, "id", 0))
  }, often)

  it.prop("for any keys", [FastCheck.dictionary(unicode, Arbitraries.jsonValue)], ([record]) => {
    const edit = UserEdit.appendOperation(
      UserEdit.edit("user-42"),
      { ...record, ["__proto__"]: { constructor: 1, ["__proto__"]: null } }
    )
    expect(written(edit, "id", 0).text).toBe(expected(edit, "id", 0))
  })

  it("without a workspace, with a tenant, after other events, and after a rewind", () => {
    const edit = UserEdit.set(UserEdit.edit("user-42", { tenantId: "acme" }), "a", true)
    const encoder = new Encoder({ workspace: undefined, userAgent: "me" }, 1_000)
    encoder.event(edit, "one", 1)
    const first = encoder.position
    encoder.event(edit, "never", 2)
    encoder.rewind(first)
    encoder.event(edit, "two", 3)
    const text = (insertId: string, time: number) =>
      event.encode(edit, insertId, time, { workspace: undefined, userAgent: "me" })
    expect(new TextDecoder().decode(encoder.copy(0, first))).toBe(text("one", 1))
    expect(new TextDecoder().decode(encoder.copy(first, encoder.position))).toBe(text("two", 3))
  })

  it("in a program that adds members to Object.prototype", () => {
    const make = () =>
      UserEdit.edit("user-42").pipe(
        UserEdit.set({ a: 1, nested: { list: [{}] } }),
        UserEdit.addSlack({ email: "ada@example.com", access_token: "xoxb" }),
        UserEdit.set({}),
        UserEdit.unset(["b"])
      )
    const before = expected(make(), "id", 0)
    Object.assign(Object.prototype, { added: { to: "all" } })
    try {
      expect(written(make(), "id", 0)).toEqual({ issues: [], text: before })
      expect(validate.issues(make())).toEqual([])
    } finally {
      Reflect.deleteProperty(Object.prototype, "added")
    }
  })

  it("if some or all of its operations have been read before", () => {
    const start = UserEdit.set(UserEdit.edit("user-42"), "a", 1)
    expect(start.operations).toHaveLength(1)
    const longer = UserEdit.unset(UserEdit.increment(start, "b", 2), ["c"])
    expect(written(longer, "id", 0).text).toBe(expected(longer, "id", 0))
    expect(written(longer, "id", 0).text).toContain("$set")
  })
})

describe("the size of an event", () => {
  it.prop("is at most 10,240 bytes", [
    FastCheck.constantFrom("x", "é", "\u0000", "😀", "\"", "\ud800"),
    FastCheck.integer({ min: 0, max: 12_000 })
  ], ([character, count]) => {
    const edit = UserEdit.set(UserEdit.edit("user-42"), "text", character.repeat(count))
    agrees(edit)
  }, often)

  it("is checked for edits that are far too large, or have far too many members", () => {
    for (
      const value of [
        "x".repeat(5_000_000),
        "é".repeat(5_000_000),
        Array.from({ length: 500_000 }, () => []),
        Array.from({ length: 100_000 }, (_, n) => ({ [n]: "é" }))
      ]
    ) {
      const edit = UserEdit.set(UserEdit.edit("user-42"), "any", value)
      const bytes = Buffer.byteLength(expected(edit, "id", 0))
      expect(written(edit, "id", 0)).toEqual({ issues: [validate.sizeIssue(bytes)], text: "" })
    }
  })

  it("is counted from the start of the event", () => {
    const encoder = new Encoder(client, 819_200)
    const large = UserEdit.set(UserEdit.edit("user-42"), "text", "é".repeat(5_000))
    while (encoder.position <= 819_200) expect(encoder.event(large, "id", 0)).toEqual([])
    expect(encoder.position).toBeLessThan(819_200 + 10_240)
  })
})

describe("an invalid edit is not written, and has the issues of validate", () => {
  it.prop(
    "for any content",
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
      edits.map(asEdit).forEach(agrees)
    },
    often
  )

  it.prop("for any ids and keys", [textOfAnyKind, textOfAnyKind], ([id, key]) => {
    agrees(UserEdit.set(UserEdit.edit(id, { tenantId: key }), "a", 1))
    agrees(UserEdit.unset(UserEdit.set(UserEdit.edit("user-42"), key, 1), [key, "a"]))
    const insertId = UserEdit.withInsertId(UserEdit.set(UserEdit.edit("user-42"), "a", 1), id)
    expect(written(insertId, id, 0).issues).toEqual(validate.issues(insertId))
  }, often)

  it("with operations of another user, a cycle, or the holes of a sparse array", () => {
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
      const issues = validate.issues(edit)
      expect(issues).not.toEqual([])
      expect(written(edit, "id", 0)).toEqual({ issues, text: "" })
    }
  })

  it("between other events", () => {
    const encoder = new Encoder(client, 1_000)
    const good = UserEdit.set(UserEdit.edit("user-42"), "a", 1)
    const bad = UserEdit.set(UserEdit.set(UserEdit.edit("user-43"), "a", 1), " ", 2)
    encoder.event(good, "one", 1)
    const first = encoder.position
    expect(encoder.event(bad, "two", 1)).toHaveLength(1)
    expect(encoder.position).toBe(first)
  })
})

describe("typical edits", () => {
  it("are written without JSON.stringify", () => {
    let asked = 0
    const encoder = new Encoder({
      workspace: undefined,
      get userAgent() {
        asked++
        return "me"
      }
    }, 1_000)
    const edit = UserEdit.edit("user-42", { tenantId: "acme", insertId: "id" }).pipe(
      UserEdit.addEmail("ada@example.com"),
      UserEdit.addAndroidPush("token"),
      UserEdit.addSlack({ email: "ada@example.com", access_token: "xoxb" }),
      UserEdit.setTimezone("Europe/London"),
      UserEdit.setLocale("en_GB"),
      UserEdit.set({ name: "Łukasz \"Ada\" 😀", nested: { list: [1, null, false, -0.5] } }),
      UserEdit.increment("n", 1),
      UserEdit.unset(["old"])
    )
    asked = 0
    expect(encoder.event(edit, "id", 1)).toEqual([])
    expect(asked).toBe(0)
    const unusual = edit.pipe(
      UserEdit.appendOperation({ $later: {}, $unset: ["a"] }),
      UserEdit.set({ "größe": "é".repeat(200), more: { deep: [[[[[[[[[[[["é\"\n"]]]]]]]]]]]] } }),
      UserEdit.setTimezone("Asia/Kolkata"),
      UserEdit.setLocale("ca-valencia")
    )
    expect(encoder.event(unusual, "é", 1)).toEqual([])
    expect(asked).toBe(0)
    // Has more UTF-16 units than characters, which only `validate` counts.
    expect(encoder.event(UserEdit.edit("😀".repeat(255)), "id", 1)).toEqual([])
    expect(asked).toBe(1)
  })
})

describe("a generated insert id", () => {
  it("is a different UUID of version 4 each time", () => {
    const encoder = new Encoder(client, 1_000)
    const edit = UserEdit.set(UserEdit.edit("user-42"), "a", 1)
    const ids = Array.from({ length: 5_000 }, () => {
      encoder.rewind(0)
      encoder.event(edit, undefined, 1)
      const event = new TextDecoder().decode(encoder.copy(0, encoder.position))
      const { $insert_id }: { readonly $insert_id: string } = JSON.parse(event)
      expect(event).toBe(expected(edit, $insert_id, 1))
      return $insert_id
    })
    const version4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
    expect(ids.filter((id) => !version4.test(id))).toEqual([])
    expect(new Set(ids).size).toBe(ids.length)
    // Each digit that is not fixed takes every value, so no random byte is lost.
    for (let i = 0; i < 36; i++) {
      const seen = new Set(ids.map((id) => id[i])).size
      expect(seen).toBe(i === 8 || i === 13 || i === 18 || i === 23 || i === 14 ? 1 : i === 19 ? 4 : 16)
    }
  })

  it("is used for unusual edits too", () => {
    const encoder = new Encoder(client, 1_000)
    const edit = UserEdit.appendOperation(UserEdit.edit("😀".repeat(255)), { $later: { a: 1 } })
    expect(encoder.event(edit, undefined, 1)).toEqual([])
    const { $insert_id, ...event }: Record<string, unknown> = JSON.parse(
      new TextDecoder().decode(encoder.copy(0, encoder.position))
    )
    expect($insert_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(event).toMatchObject({ $user_operations: [{ $later: { a: 1 } }] })
  })
})
