import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import { PreferencesService } from "effect-suprsend/PreferencesService"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as TagFilter from "effect-suprsend/TagFilter"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { canonical } from "./utils/json.js"

const tag = FastCheck.oneof(
  FastCheck.constantFrom(
    "admin",
    "sales",
    "manager",
    "a b",
    "\"",
    "{",
    "[]",
    "{\"not\":\"x\"}",
    "7",
    "null",
    "true",
    ""
  ),
  // The key of any property.
  Arbitraries.properties.map((properties) => Object.keys(properties)[0] ?? "admin")
)

const filter: FastCheck.Arbitrary<TagFilter.TagFilter> = FastCheck.letrec<{ any: TagFilter.TagFilter }>((tie) => ({
  any: FastCheck.oneof(
    { maxDepth: 4, depthIdentifier: "TagFilter" },
    tag,
    FastCheck.boolean().map(TagFilter.exists),
    FastCheck.array(tie("any"), { maxLength: 3 }).map((filters) => TagFilter.and(...filters)),
    FastCheck.array(tie("any"), { maxLength: 3 }).map((filters) => TagFilter.or(...filters)),
    tie("any").map(TagFilter.not)
  )
})).any

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

describe("toQuery", () => {
  it("encodes the vendor's examples (OpenAPI)", () => {
    expect(TagFilter.toQuery("admin")).toBe("admin")
    expect(TagFilter.toQuery(
      TagFilter.or(TagFilter.and("admin", "sales"), TagFilter.and("admin", "manager"))
    )).toBe(`{"or":[{"and":["admin","sales"]},{"and":["admin","manager"]}]}`)
    expect(TagFilter.toQuery(TagFilter.not("admin"))).toBe(`{"not":"admin"}`)
    expect(TagFilter.toQuery(TagFilter.exists(true))).toBe(`{"exists":true}`)
  })

  it("wraps a tag that would be parsed as another filter", () => {
    for (const tag of [`{"not":"admin"}`, " {", "[", "\"", "7", "-1.5e3", "true", "null", "", " "]) {
      expect(TagFilter.toQuery(tag)).toBe(JSON.stringify({ or: [tag] }))
    }
    for (const tag of ["admin", "a b", "7 days", "truely", "'", "ünï"]) {
      expect(TagFilter.toQuery(tag)).toBe(tag)
    }
  })

  it.prop("is parsed as the same filter by a server that tries JSON first", { filter }, ({ filter }) => {
    const read = parse(TagFilter.toQuery(filter))
    expect([canonical(filter), canonical(TagFilter.or(filter))]).toContain(canonical(read))
    expect(TagFilter.toQuery(filter)).toBe(TagFilter.toQuery(filter))
  })
})

describe("the filters", () => {
  const holds = (filter: TagFilter.TagFilter, tags: ReadonlyArray<string>): boolean => {
    if (typeof filter === "string") return tags.includes(filter)
    if ("and" in filter) return filter.and.every((filter) => holds(filter, tags))
    if ("or" in filter) return filter.or.some((filter) => holds(filter, tags))
    return "not" in filter ? !holds(filter.not, tags) : filter.exists === tags.length > 0
  }

  it.effect.prop(
    "select categories in the sandbox by their tags",
    { filter, tags: FastCheck.array(tag, { maxLength: 3 }) },
    ({ filter, tags }) =>
      Effect.gen(function*() {
        const preferences = yield* PreferencesService
        const sandbox = yield* Sandbox.Sandbox
        yield* Effect.flatMap(UsersService, (users) => users.upsert("ada", {}))
        yield* sandbox.defineCategory({ category: "newsletter", tags })
        const page = yield* preferences.listCategories("ada", { tags: filter })
        expect(page.items.length === 1).toBe(holds(filter, tags))
      }).pipe(Effect.provide(Suprsend.layerTest))
  )
})
