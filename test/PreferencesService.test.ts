import { describe, expect, it } from "@effect/vitest"
import type * as Preferences from "effect-suprsend/Preferences"
import { PreferencesService } from "effect-suprsend/PreferencesService"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as TagFilter from "effect-suprsend/TagFilter"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { idsOf, lines as linesOf, once, refuses } from "./utils/requests.js"
import { inAnHour } from "./utils/time.js"

const channels = ["sms", "email", "androidpush", "iospush", "webpush", "inbox", "whatsapp", "slack", "ms_teams"]

/** A workspace of four categories and one user, "ada", who belongs to the tenant "acme". */
const test = <E>(
  name: string,
  run: (
    preferences: PreferencesService.Service,
    sandbox: Sandbox.Sandbox.Service,
    users: UsersService.Service
  ) => Effect.Effect<void, E>
) =>
  it.effect(name, () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.defineCategory({
        category: "newsletter",
        name: "Newsletter",
        section: "Product News",
        description: "What is new",
        channels: ["email", "slack", "inbox"],
        tags: ["marketing", "weekly"]
      })
      yield* sandbox.defineCategory({ category: "offers", originalPreference: "opt_out", tags: ["marketing"] })
      yield* sandbox.defineCategory({
        category: "security",
        originalPreference: "cant_unsubscribe",
        channels: ["email"],
        tags: ["admin"]
      })
      yield* sandbox.defineCategory({ category: "digest", section: "Product News", channels: ["email"] })
      yield* users.upsertForTenant("ada", "acme", {})
      yield* run(yield* PreferencesService, sandbox, users)
    }).pipe(Effect.provide(Suprsend.layerTest)))

// Without the request that made the user.
const requests = (sandbox: Sandbox.Sandbox.Service) => Effect.map(sandbox.requests, (requests) => requests.slice(1))

const lines = (sandbox: Sandbox.Sandbox.Service) => Effect.map(requests(sandbox), linesOf)

const slugs = (categories: ReadonlyArray<Preferences.Category>) => categories.map(({ category }) => category)

const slugsOf = (preferences: Preferences.Preferences) =>
  preferences.sections.flatMap((section) => slugs(section.subcategories))

const out = (category: Preferences.Category) =>
  category.channels.flatMap(({ channel, preference }) => preference === "opt_out" ? [channel] : [])

describe("get", () => {
  test("gives all preferences, below their headings", (preferences, sandbox) =>
    Effect.gen(function*() {
      const all = yield* preferences.get("ada")
      expect(all.sections.map(({ name, slug, subcategories }) => [name, slug, slugs(subcategories)])).toEqual([
        ["Product News", "product-news", ["newsletter", "digest"]],
        [undefined, undefined, ["offers", "security"]]
      ])
      expect(all.channelPreferences).toEqual(channels.map((channel) => ({ channel, isRestricted: false })))
      const [newsletter] = all.sections[0]?.subcategories ?? []
      expect(newsletter).toMatchObject({
        category: "newsletter",
        name: "Newsletter",
        description: "What is new",
        preference: "opt_in",
        originalPreference: "opt_in",
        isEditable: true,
        channels: ["email", "slack", "inbox"].map((channel) => ({ channel, preference: "opt_in", isEditable: true }))
      })
      const [offers, security] = all.sections[1]?.subcategories ?? []
      expect(offers).toMatchObject({ name: "offers", preference: "opt_out", isEditable: true, channels: [] })
      expect(security).toMatchObject({ preference: "opt_in", isEditable: false })
      expect(yield* lines(sandbox)).toEqual(["GET /v1/user/ada/preference/"])
    }))

  test("has each option in the query, as it is documented", (preferences, sandbox) =>
    Effect.gen(function*() {
      const options = {
        tenantId: " acme ",
        showOptOutChannels: true,
        tags: TagFilter.or("marketing", TagFilter.not("a b")),
        locale: "es-AR"
      }
      yield* preferences.get("a/b", options).pipe(Effect.flip)
      yield* preferences.listCategories("ada", { ...options, limit: 5, offset: 0 })
      yield* preferences.getCategory("ada", " newsletter ", options)
      const query = "tenant_id=acme&show_opt_out_channels=true"
      const tags = "tags=%7B%22or%22%3A%5B%22marketing%22%2C%7B%22not%22%3A%22a+b%22%7D%5D%7D"
      expect((yield* lines(sandbox)).slice(0, 2)).toEqual([
        `GET /v1/user/a%2Fb/preference/?${query}&${tags}&locale=es-AR`,
        `GET /v1/user/ada/preference/category/?${query}&${tags}&locale=es-AR&limit=5&offset=0`
      ])
      expect((yield* lines(sandbox))[2]).toMatch(
        /^GET \/v1\/user\/ada\/preference\/category\/newsletter\/\?tenant_id=acme&/
      )
    }))

  test("shows the channels of opted-out categories only if the option is set", (preferences) =>
    Effect.gen(function*() {
      expect((yield* preferences.getCategory("ada", "offers")).channels).toEqual([])
      const offers = yield* preferences.getCategory("ada", "offers", { showOptOutChannels: true })
      expect(out(offers)).toEqual(channels)
      const all = yield* preferences.get("ada", { showOptOutChannels: false })
      expect(all.sections[1]?.subcategories[0]?.channels).toEqual([])
    }))

  const filters: ReadonlyArray<readonly [TagFilter.TagFilter, ReadonlyArray<string>]> = [
    ["marketing", ["newsletter", "offers"]],
    ["Marketing", []],
    [TagFilter.and("marketing", "weekly"), ["newsletter"]],
    [TagFilter.and(), ["newsletter", "digest", "offers", "security"]],
    [TagFilter.or("weekly", "admin"), ["newsletter", "security"]],
    [TagFilter.or(), []],
    [TagFilter.not("marketing"), ["digest", "security"]],
    [TagFilter.exists(true), ["newsletter", "offers", "security"]],
    [TagFilter.exists(false), ["digest"]],
    [TagFilter.or(TagFilter.and("marketing", TagFilter.not("weekly")), TagFilter.exists(false)), ["digest", "offers"]]
  ]
  for (const [tags, expected] of filters) {
    test(`filters by ${TagFilter.toQuery(tags)}`, (preferences) =>
      Effect.gen(function*() {
        expect(slugsOf(yield* preferences.get("ada", { tags })).sort()).toEqual([...expected].sort())
        const page = yield* preferences.listCategories("ada", { tags })
        expect(slugs(page.items).sort()).toEqual([...expected].sort())
        expect(page.total).toBe(expected.length)
      }))
  }

  test("finds a tag that looks like JSON", (preferences, sandbox) =>
    Effect.gen(function*() {
      for (const tag of ["{\"not\":\"x\"}", "[x", "\"quoted\"", "2024", "true", "null", " spaced "]) {
        yield* sandbox.defineCategory({ category: "odd", tags: [tag] })
        expect(slugsOf(yield* preferences.get("ada", { tags: tag }))).toEqual(["odd"])
        expect(slugsOf(yield* preferences.get("ada", { tags: TagFilter.not(tag) }))).not.toContain("odd")
      }
    }))
})

describe("update", () => {
  test("changes several preferences at once, and gives all of them", (preferences, sandbox) =>
    Effect.gen(function*() {
      const all = yield* preferences.update("ada", {
        channelPreferences: [{ channel: "sms", isRestricted: true }],
        categories: [
          { category: "newsletter", preference: "opt_in", optOutChannels: ["slack"] },
          { category: "offers", preference: "opt_in", optInChannels: ["email"] },
          { category: "digest", preference: "opt_out" }
        ]
      }, { tenantId: "acme" })
      expect(all.channelPreferences.filter(({ isRestricted }) => isRestricted)).toEqual([
        { channel: "sms", isRestricted: true }
      ])
      const [[newsletter, digest], [offers]] = [
        all.sections[0]?.subcategories ?? [],
        all.sections[1]?.subcategories ?? []
      ]
      expect(newsletter === undefined ? [] : out(newsletter)).toEqual(["slack"])
      expect(digest).toMatchObject({ preference: "opt_out", channels: [] })
      expect(offers?.preference).toBe("opt_in")
      expect(offers === undefined ? [] : out(offers)).toEqual(channels.filter((channel) => channel !== "email"))
      const [request] = yield* requests(sandbox)
      expect(request).toMatchObject({ method: "PATCH", uri: "/v1/user/ada/preference/?tenant_id=acme", status: 200 })
      expect(request?.json).toEqual({
        channel_preferences: [{ channel: "sms", is_restricted: true }],
        categories: [
          { category: "newsletter", preference: "opt_in", opt_out_channels: ["slack"] },
          { category: "offers", preference: "opt_in", opt_in_channels: ["email"] },
          { category: "digest", preference: "opt_out" }
        ]
      })
      // What holds for a tenant holds for that one alone.
      expect((yield* preferences.get("ada")).channelPreferences.every(({ isRestricted }) => !isRestricted)).toBe(true)
      expect((yield* preferences.get("ada", { tenantId: "acme" })).channelPreferences).toEqual(all.channelPreferences)
    }))

  test("leaves out what is left out", (preferences, sandbox) =>
    Effect.gen(function*() {
      yield* preferences.update("ada", {})
      expect((yield* requests(sandbox))[0]?.body).toBe("{}")
    }))

  test("changes nothing if a part is refused", (preferences) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(preferences.update("ada", {
        channelPreferences: [{ channel: "sms", isRestricted: true }],
        categories: [{ category: "security", preference: "opt_out" }]
      }))
      expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 400 })
      expect((yield* preferences.getChannels("ada")).every(({ isRestricted }) => !isRestricted)).toBe(true)
    }))
})

describe("channels", () => {
  test("are read and changed", (preferences, sandbox) =>
    Effect.gen(function*() {
      expect(yield* preferences.getChannels("ada")).toEqual(
        channels.map((channel) => ({ channel, isRestricted: false }))
      )
      const changed = yield* preferences.updateChannels("ada", [{ channel: "email", isRestricted: true }], {
        tenantId: "acme"
      })
      expect(changed.filter(({ isRestricted }) => isRestricted)).toEqual([{ channel: "email", isRestricted: true }])
      expect(yield* preferences.getChannels("ada", { tenantId: "acme" })).toEqual(changed)
      expect(yield* lines(sandbox)).toEqual([
        "GET /v1/user/ada/preference/channel_preference/",
        "PATCH /v1/user/ada/preference/channel_preference/?tenant_id=acme",
        "GET /v1/user/ada/preference/channel_preference/?tenant_id=acme"
      ])
      const patch = (yield* requests(sandbox))[1]
      expect(patch).toMatchObject({
        body: "{\"channel_preferences\":[{\"channel\":\"email\",\"is_restricted\":true}]}",
        status: 202
      })
    }))

  test("that do not exist are refused in the vendor's words", (preferences) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(preferences.updateChannels("ada", [{ channel: "fax", isRestricted: true }]))
      if (error._tag !== "SuprsendRejected") return expect.unreachable()
      expect(error).toMatchObject({ call: "PreferencesService.updateChannels", status: 400, attempts: 1 })
      expect(JSON.parse(error.serverMessage ?? "")).toEqual({
        "channel_preferences[0].channel": `must be one of ${JSON.stringify(channels).replaceAll(",", ", ")}`
      })
    }))
})

describe("categories", () => {
  const define = (sandbox: Sandbox.Sandbox.Service, count: number) =>
    Effect.forEach(
      Arr.makeBy(count, (n) => `category-${n}`),
      (category) => sandbox.defineCategory({ category, tags: ["many"] })
    )

  test("come in pages that are counted", (preferences) =>
    Effect.gen(function*() {
      const page = yield* preferences.listCategories("ada", { limit: 3, offset: 1 })
      expect(slugs(page.items)).toEqual(["offers", "security", "digest"])
      expect(page).toMatchObject({ total: 4, offset: 1, hasMore: false })
      expect(yield* preferences.listCategories("ada", { limit: 3 })).toMatchObject({ offset: 0, hasMore: true })
    }))

  test("stream over all pages, and fetch only those that are read", (preferences, sandbox) =>
    Effect.gen(function*() {
      yield* define(sandbox, 25)
      const options = { tags: "many", limit: 10, tenantId: "acme" }
      yield* Stream.runDrain(Stream.take(preferences.listCategoriesStream("ada", options), 10))
      expect(yield* requests(sandbox)).toHaveLength(1)
      const all = yield* Stream.runCollect(preferences.listCategoriesStream("ada", options))
      expect(slugs(Chunk.toReadonlyArray(all))).toEqual(Arr.makeBy(25, (n) => `category-${n}`))
      expect((yield* lines(sandbox)).slice(1)).toEqual(
        [0, 10, 20].map((offset) =>
          `GET /v1/user/ada/preference/category/?tenant_id=acme&tags=many&limit=10&offset=${offset}`
        )
      )
    }))

  test(
    "stream from an offset, and go on after a failure that passes",
    (preferences, sandbox) =>
      Effect.gen(function*() {
        yield* define(sandbox, 25)
        yield* sandbox.script([Sandbox.delay(0), Sandbox.status(503, { retryAfter: "1" })])
        const rest = preferences.listCategoriesStream("ada", { tags: "many", offset: 5 })
        const all = yield* inAnHour(Stream.runCollect(rest))
        expect(slugs(Chunk.toReadonlyArray(all))).toEqual(Arr.makeBy(20, (n) => `category-${n + 5}`))
      })
  )

  const page = (meta: unknown, ...categories: ReadonlyArray<string>) =>
    Sandbox.status(200, { body: JSON.stringify({ meta, results: categories.map((category) => ({ category })) }) })

  test("end if the server repeats a page", (preferences, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script(Arr.makeBy(9, () => page({ count: 1000, limit: 1, offset: 0 }, "newsletter")))
      expect(yield* Stream.runCount(preferences.listCategoriesStream("ada"))).toBe(2)
      expect(yield* requests(sandbox)).toHaveLength(2)
    }))

  test("end at an empty page, whatever the total", (preferences, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([page({ count: 1000 }, "a", "b"), page({ count: 1000 }, "c"), page({ count: 1000 })])
      expect(yield* Stream.runCount(preferences.listCategoriesStream("ada"))).toBe(3)
      expect((yield* lines(sandbox)).map((line) => line.split("?")[1])).toEqual(["offset=0", "offset=2", "offset=3"])
    }))

  test("end if the response has no total", (preferences, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([page({}, "a", "b")])
      expect(yield* Stream.runCount(preferences.listCategoriesStream("ada"))).toBe(2)
      expect(yield* requests(sandbox)).toHaveLength(1)
    }))

  test("are changed one by one", (preferences, sandbox) =>
    Effect.gen(function*() {
      const update = (update: Preferences.CategoryUpdate) =>
        Effect.map(
          preferences.updateCategory("ada", "newsletter", update),
          (category) => [category.preference, out(category)]
        )
      expect(yield* update({ preference: "opt_in", optOutChannels: ["email", "slack"] })).toEqual([
        "opt_in",
        ["email", "slack"]
      ])
      expect(yield* update({ preference: "opt_in", optInChannels: ["slack"] })).toEqual(["opt_in", ["email"]])
      expect(yield* update({ preference: "opt_out", optOutChannels: [] })).toEqual(["opt_out", []])
      expect(yield* update({ preference: "opt_in" })).toEqual(["opt_in", []])
      const sent = yield* requests(sandbox)
      expect(sent[0]).toMatchObject({
        method: "PATCH",
        uri: "/v1/user/ada/preference/category/newsletter/",
        body: "{\"preference\":\"opt_in\",\"opt_out_channels\":[\"email\",\"slack\"]}",
        status: 202
      })
      expect(sent.map(({ body }) => body).slice(1)).toEqual([
        "{\"preference\":\"opt_in\",\"opt_in_channels\":[\"slack\"]}",
        "{\"preference\":\"opt_out\",\"opt_out_channels\":[]}",
        "{\"preference\":\"opt_in\"}"
      ])
    }))

  test("pass on a digest schedule and properties", (preferences, sandbox) =>
    Effect.gen(function*() {
      const update = { preference: "opt_in", digestSchedule: { frequency: "daily" }, properties: { min: 3 } } as const
      const json =
        "{\"preference\":\"opt_in\",\"digest_schedule\":{\"frequency\":\"daily\"},\"properties\":{\"min\":3}}"
      yield* preferences.updateCategory("ada", "newsletter", update)
      yield* preferences.update("ada", { categories: [{ category: "newsletter", ...update }] })
      yield* preferences.bulkUpdate(["ada"], { categories: [{ category: "newsletter", ...update }] })
      const inList = `"categories":[{"category":"newsletter",${json.slice(1)}]`
      expect((yield* requests(sandbox)).map(({ body }) => body)).toEqual([
        json,
        `{${inList}}`,
        `{"distinct_ids":["ada"],${inList}}`
      ])
    }))

  test(
    "refuse a digest schedule that JSON cannot carry, before anything is sent",
    (preferences, sandbox) =>
      Effect.gen(function*() {
        const cycle: Record<string, unknown> = {}
        cycle["cycle"] = cycle
        const update = { preference: "opt_in", digestSchedule: { at: NaN }, properties: cycle } as const
        expect(yield* Effect.flip(preferences.updateCategory("ada", "newsletter", update))).toMatchObject({
          _tag: "SuprsendInvalidInput",
          issues: [{ path: ["digestSchedule", "at"] }]
        })
        const categories = [{ category: "newsletter", preference: "opt_in", properties: cycle }] as const
        const calls: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
          preferences.update("ada", { categories }),
          preferences.bulkUpdate(["ada"], { categories })
        ]
        for (const call of calls) {
          expect(yield* Effect.flip(call)).toMatchObject({
            _tag: "SuprsendInvalidInput",
            issues: [{ path: ["categories", 0, "properties", "cycle"] }]
          })
        }
        expect(yield* requests(sandbox)).toEqual([])
      })
  )

  test(
    "have the options of reading in the query when they are changed",
    (preferences, sandbox) =>
      Effect.gen(function*() {
        const options = { tenantId: "acme", showOptOutChannels: true, locale: "es" }
        const category = yield* preferences.updateCategory("ada", "a category?", { preference: "opt_out" }, options)
          .pipe(
            Effect.flip,
            Effect.zipRight(preferences.updateCategory("ada", "newsletter", { preference: "opt_out" }, options))
          )
        expect(out(category)).toEqual(["email", "slack", "inbox"])
        expect(yield* lines(sandbox)).toEqual(
          ["a%20category%3F", "newsletter"].map((slug) =>
            `PATCH /v1/user/ada/preference/category/${slug}/?tenant_id=acme&show_opt_out_channels=true&locale=es`
          )
        )
      })
  )

  test("that cannot be unsubscribed from are not changed", (preferences) =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(preferences.updateCategory("ada", "security", { preference: "opt_out" })))
        .toMatchObject({ _tag: "SuprsendRejected", status: 400, serverMessage: "category 'security' is not editable" })
      expect((yield* preferences.getCategory("ada", "security")).preference).toBe("opt_in")
    }))

  test("refuse channels that do not exist", (preferences) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        preferences.updateCategory("ada", "newsletter", { preference: "opt_in", optOutChannels: ["email", "fax"] })
      )
      expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 400 })
      expect(error.message).toContain("opt_out_channels[1]")
    }))
})

describe("what is not found", () => {
  test("is the user, and nothing else, where the server says so", (preferences) =>
    Effect.gen(function*() {
      const calls: ReadonlyArray<Effect.Effect<unknown, PreferencesService.Error>> = [
        preferences.get("nobody"),
        preferences.update("nobody", {}),
        preferences.getChannels("nobody"),
        preferences.updateChannels("nobody", []),
        preferences.listCategories("nobody"),
        Stream.runDrain(preferences.listCategoriesStream("nobody")),
        preferences.getCategory("nobody", "nothing"),
        preferences.updateCategory("nobody", "nothing", { preference: "opt_in" })
      ]
      for (const call of calls) {
        expect(yield* Effect.flip(call)).toMatchObject({
          _tag: "SuprsendUserNotFound",
          distinctId: "nobody",
          serverMessage: "user [distinct_id: 'nobody'] not found"
        })
      }
    }))

  test("is a category", (preferences) =>
    Effect.gen(function*() {
      const calls: ReadonlyArray<Effect.Effect<unknown, PreferencesService.Error>> = [
        preferences.update("ada", { categories: [{ category: "nothing", preference: "opt_in" }] }),
        preferences.getCategory("ada", "nothing"),
        preferences.updateCategory("ada", "nothing", { preference: "opt_in" })
      ]
      for (const call of calls) {
        expect(yield* Effect.flip(call)).toMatchObject({
          _tag: "SuprsendRejected",
          status: 404,
          serverMessage: "category 'nothing' not found"
        })
      }
    }))

  test("is a tenant", (preferences, sandbox) =>
    Effect.gen(function*() {
      expect(yield* Effect.flip(preferences.get("ada", { tenantId: "nobodys" }))).toMatchObject({
        _tag: "SuprsendRejected",
        status: 404,
        serverMessage: "tenant 'nobodys' not found"
      })
      yield* sandbox.defineTenant({ tenantId: "nobodys" })
      yield* preferences.get("ada", { tenantId: "nobodys" })
    }))
})

describe("what is not sent", () => {
  test("names the input", (preferences, sandbox) =>
    Effect.gen(function*() {
      const calls: ReadonlyArray<readonly [string, Effect.Effect<unknown, PreferencesService.Error>]> = [
        ["tenantId", preferences.get("ada", { tenantId: ".." })],
        ["tenantId", preferences.updateChannels("ada", [], { tenantId: " " })],
        ["locale", preferences.listCategories("ada", { locale: "not a locale" })],
        ["category", preferences.getCategory("ada", "..")],
        ["category", preferences.updateCategory("ada", "", { preference: "opt_in" })],
        ["tenantId", preferences.bulkUpdate(["ada"], {}, { tenantId: "" })],
        ["tenantId", preferences.bulkReset(["ada"], { tenantId: "" })]
      ]
      for (const [path, call] of calls) {
        expect(yield* Effect.flip(call)).toMatchObject({ _tag: "SuprsendInvalidInput", issues: [{ path: [path] }] })
      }
      for (const id of ["", "..", "\ud800"]) {
        expect(yield* Effect.flip(preferences.get(id))).toMatchObject({ _tag: "InvalidDistinctId" })
      }
      expect(yield* requests(sandbox)).toEqual([])
    }))
})

describe("what is unexpected", () => {
  test("is an answer of another shape", (preferences, sandbox) =>
    Effect.gen(function*() {
      const body = (body: unknown) => Sandbox.status(200, { body: JSON.stringify(body) })
      yield* sandbox.script([
        body({ sections: 7 }),
        body({ sections: [{ subcategories: [{ category: "x" }, {}] }] }),
        body({}),
        body({ meta: {}, results: [{}] }),
        body({ name: "Newsletter" })
      ])
      const messages = yield* Effect.forEach([
        Effect.asVoid(preferences.get("ada")),
        Effect.asVoid(preferences.get("ada")),
        Effect.asVoid(preferences.getChannels("ada")),
        Effect.asVoid(preferences.listCategories("ada")),
        Effect.asVoid(preferences.getCategory("ada", "newsletter"))
      ], (call) => Effect.map(Effect.flip(call), (error) => `${error._tag} ${error.message}`))
      expect(messages.map((message) => /^SuprsendUnexpectedResponse .* documents: (.*)\. Check/.exec(message)?.[1]))
        .toEqual([
          "sections must be a list",
          "sections[0].subcategories[1].category must be a string",
          "channel_preferences must be a list",
          "results[0].category must be a string",
          "category must be a string"
        ])
    }))
})

describe("bulk", () => {
  const restricted = (preferences: PreferencesService.Service, id: string, tenantId?: string) =>
    Effect.map(
      preferences.getChannels(id, { tenantId }),
      (all) => all.flatMap(({ channel, isRestricted }) => isRestricted ? [channel] : [])
    )

  const quiet: Preferences.PreferencesUpdate = {
    channelPreferences: [{ channel: "sms", isRestricted: true }],
    categories: [{ category: "newsletter", preference: "opt_out" }]
  }

  test("changes many users, and puts them back", (preferences, sandbox, users) =>
    Effect.gen(function*() {
      yield* users.upsert("bob", {})
      const report = yield* preferences.bulkUpdate(["ada", "bob"], quiet, { tenantId: "acme" })
      expect(report).toEqual({ status: "success", total: 2, success: 2, failure: 0, failedRecords: [] })
      const sent = (yield* requests(sandbox))[1]
      expect(sent).toMatchObject({ method: "PATCH", uri: "/v1/bulk/user/preference/?tenant_id=acme", status: 202 })
      expect(sent?.json).toEqual({
        distinct_ids: ["ada", "bob"],
        channel_preferences: [{ channel: "sms", is_restricted: true }],
        categories: [{ category: "newsletter", preference: "opt_out" }]
      })
      expect(yield* restricted(preferences, "bob", "acme")).toEqual(["sms"])
      expect(yield* restricted(preferences, "bob")).toEqual([])

      const before = (yield* sandbox.requests).length
      yield* preferences.bulkReset(["bob"], { tenantId: "acme", categories: false })
      yield* preferences.bulkReset(["ada"], { tenantId: "acme", channelPreferences: false })
      yield* preferences.bulkReset(["ada"])
      expect((yield* sandbox.requests).slice(before).map(({ body, uri }) => [uri, JSON.parse(body)])).toEqual([
        [
          "/v1/bulk/user/preference/reset/?tenant_id=acme",
          { distinct_ids: ["bob"], reset_channel_preferences: true, reset_categories: false }
        ],
        [
          "/v1/bulk/user/preference/reset/?tenant_id=acme",
          { distinct_ids: ["ada"], reset_channel_preferences: false, reset_categories: true }
        ],
        [
          "/v1/bulk/user/preference/reset/",
          { distinct_ids: ["ada"], reset_channel_preferences: true, reset_categories: true }
        ]
      ])
      const options = { tenantId: "acme" }
      expect(yield* restricted(preferences, "bob", "acme")).toEqual([])
      expect((yield* preferences.getCategory("bob", "newsletter", options)).preference).toBe("opt_out")
      expect(yield* restricted(preferences, "ada", "acme")).toEqual(["sms"])
      expect((yield* preferences.getCategory("ada", "newsletter", options)).preference).toBe("opt_in")
    }))

  test(
    "goes in requests of at most 100, without ids that cannot be addressed",
    (preferences, sandbox, users) =>
      Effect.gen(function*() {
        const ids = Arr.makeBy(250, (n) => `user-${n}`)
        yield* Effect.forEach(ids.slice(0, 3), (id) => users.upsert(id, {}))
        const before = (yield* sandbox.requests).length
        const report = yield* preferences.bulkUpdate([...ids, ".."], quiet, { concurrency: 1 })
        expect(report).toMatchObject({ status: "partial", total: 251, success: 250, failure: 1 })
        expect(report.failedRecords).toMatchObject([
          {
            outcome: "invalid",
            index: 250,
            distinctId: "..",
            error: { _tag: "InvalidDistinctId", call: "PreferencesService.bulkUpdate" }
          }
        ])
        const sent = (yield* sandbox.requests).slice(before)
        expect(sent.map((request) => idsOf(request).length)).toEqual([100, 100, 50])
        expect(sent.flatMap(idsOf)).toEqual(ids)
        expect(yield* restricted(preferences, "user-2")).toEqual(["sms"])
      })
  )

  test("bisects a request that is refused because of one user", (preferences, sandbox) =>
    Effect.gen(function*() {
      const fault = refuses(404, "user [distinct_id: 'b'] not found")
      yield* sandbox.script([fault, fault])
      const report = yield* preferences.bulkReset(["a", "b"])
      expect((yield* requests(sandbox)).map(idsOf)).toEqual([["a", "b"], ["a"], ["b"]])
      expect(report.failedRecords).toMatchObject([{ outcome: "rejected", distinctId: "a" }])
    }))

  test(
    "does not bisect a request that is refused because of the change or the tenant",
    (preferences, sandbox) =>
      Effect.gen(function*() {
        const ids = Arr.makeBy(100, (n) => `user-${n}`)
        const reports = yield* Effect.all([
          preferences.bulkUpdate(ids, { channelPreferences: [{ channel: "fax", isRestricted: true }] }),
          preferences.bulkUpdate(ids, { categories: [{ category: "user", preference: "opt_in" }] }),
          preferences.bulkUpdate(ids, { categories: [{ category: "security", preference: "opt_out" }] }),
          preferences.bulkUpdate(ids, quiet, { tenantId: "user" })
        ])
        for (const report of reports) {
          expect(report).toMatchObject({ status: "fail", failure: 100 })
          expect(report.failedRecords[0]).toMatchObject({ outcome: "rejected", error: { _tag: "SuprsendRejected" } })
        }
        expect(yield* requests(sandbox)).toHaveLength(4)
      })
  )

  test(
    "distinguishes unknown outcomes from requests that were certainly not applied",
    (preferences, sandbox) =>
      Effect.gen(function*() {
        const outcome = once(
          Effect.map(preferences.bulkUpdate(["ada"], quiet), (report) => report.failedRecords[0]?.outcome)
        )
        yield* sandbox.script([Sandbox.status(429), Sandbox.resetPeerApplied, Sandbox.status(401)])
        expect([yield* outcome, yield* outcome, yield* outcome]).toEqual(["unsent", "unknown", "rejected"])
      })
  )
})
