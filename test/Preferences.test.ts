import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Page from "effect-suprsend/Page"
import * as Preferences from "effect-suprsend/Preferences"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { canonical } from "./utils/json.js"
import { shaped } from "./utils/shaped.js"

const { jsonValue } = Arbitraries

const text = FastCheck.oneof(FastCheck.string(), FastCheck.constant(null))
const preference = FastCheck.constantFrom("opt_in", "opt_out", "cant_unsubscribe", null)
const tags = FastCheck.array(FastCheck.string(), { maxLength: 2 })

const category = shaped({
  name: text,
  category: FastCheck.string(),
  description: text,
  original_preference: preference,
  preference,
  is_editable: FastCheck.boolean(),
  channels: FastCheck.array(
    shaped({
      channel: FastCheck.constantFrom("email", "slack"),
      preference,
      is_editable: FastCheck.boolean()
    }),
    { maxLength: 2 }
  ),
  tags,
  effective_tags: tags
})

const preferences = shaped({
  sections: FastCheck.array(
    shaped({
      name: text,
      slug: text,
      description: text,
      tags,
      subcategories: FastCheck.array(category, { maxLength: 2 })
    }),
    { maxLength: 2 }
  ),
  channel_preferences: FastCheck.array(
    shaped({ channel: FastCheck.constantFrom("email", "slack"), is_restricted: FastCheck.boolean() }),
    { maxLength: 2 }
  )
})

const members = (u: unknown): ReadonlyArray<Record<string, unknown>> =>
  Array.isArray(u) ? u.filter((item) => typeof item === "object" && item !== null && !Array.isArray(item)) : []

describe("Preferences", () => {
  it.prop("never throws, and never loses a member", { json: preferences }, ({ json }) => {
    const before = canonical(json)
    const decoded = Schema.decodeUnknownEither(Preferences.PreferencesSchema)(json)
    if (!Array.isArray(json.sections)) expect(Either.isLeft(decoded)).toBe(true)
    if (Either.isRight(decoded)) {
      const all = decoded.right
      for (const section of all.sections) {
        for (const member of [section.name, section.slug, section.description]) {
          expect(["string", "undefined"]).toContain(typeof member)
        }
        for (const category of section.subcategories) expect(typeof category.category).toBe("string")
      }
      expect(all.channelPreferences).toHaveLength(members(json.channel_preferences).length)
      expect(canonical(Schema.encodeSync(Preferences.PreferencesSchema)(all))).toBe(before)
      expect(canonical(all.raw)).toBe(before)
      expect(inspect(all)).toBeTypeOf("string")
    }
    expect(canonical(json)).toBe(before)
  })

  it("is read where the vendor leaves out, or calls null, what the first section has no name for", () => {
    const all = Schema.decodeUnknownSync(Preferences.PreferencesSchema)({
      sections: [
        { subcategories: [{ name: "Newsletter", category: "newsletter", original_preference: null }] },
        { name: null, slug: null, tags: null },
        { name: "Product", slug: "product", description: "d", subcategories: [] }
      ],
      channel_preferences: [{ channel: "email", is_restricted: true }, { channel: "fax" }, {}]
    })
    expect(all.sections.map(({ description, name, slug }) => [name, slug, description])).toEqual([
      [undefined, undefined, undefined],
      [undefined, undefined, undefined],
      ["Product", "product", "d"]
    ])
    expect(all.sections[0]?.subcategories[0]).toMatchObject({
      category: "newsletter",
      originalPreference: undefined,
      preference: undefined,
      isEditable: false,
      channels: []
    })
    expect(all.channelPreferences).toEqual([
      { channel: "email", isRestricted: true },
      { channel: "fax", isRestricted: false },
      { channel: "", isRestricted: false }
    ])
  })

  it.prop("is equal by content", { json: preferences }, ({ json }) => {
    const decode = Schema.decodeUnknownEither(Preferences.PreferencesSchema)
    const [a, b] = [decode(json), decode(structuredClone(json))]
    if (Either.isRight(a) && Either.isRight(b)) expect(Equal.equals(a.right, b.right)).toBe(true)
  })
})

describe("Category", () => {
  it.prop("never throws, and never loses a member", { json: category }, ({ json }) => {
    const before = canonical(json)
    const decoded = Preferences.decodeCategory(json)
    expect(Either.isRight(decoded)).toBe(typeof json.category === "string")
    if (Either.isRight(decoded)) {
      const { channels, description, isEditable, name, originalPreference, preference, raw } = decoded.right
      expect([description, name, originalPreference, preference].every((u) => u === undefined || typeof u === "string"))
        .toBe(true)
      expect(isEditable).toBe(json.is_editable === true)
      expect(channels).toHaveLength(members(json.channels).length)
      expect(canonical(raw)).toBe(before)
    }
  })

  it.prop(
    "comes in pages that never throw, and never lose a member",
    { items: FastCheck.array(category, { maxLength: 3 }), meta: jsonValue, more: Arbitraries.properties },
    ({ items, meta, more }) => {
      const json = { ...more, meta, results: items }
      const decoded = Page.decodeOffset(Preferences.decodeCategory)(json)
      expect(Either.isRight(decoded)).toBe(items.every((item) => typeof item.category === "string"))
      if (Either.isRight(decoded)) {
        const page = decoded.right
        expect(page.items).toHaveLength(items.length)
        expect([typeof page.hasMore, typeof page.offset]).toEqual(["boolean", "number"])
        expect(canonical(page.raw)).toBe(canonical(json))
      }
    }
  )
})
