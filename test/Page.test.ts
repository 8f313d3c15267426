import { describe, expect, it } from "@effect/vitest"
import * as Page from "effect-suprsend/Page"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as User from "effect-suprsend/User"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { testOver } from "./utils/sandbox.js"

const test = testOver(Suprsend.layerTest)

const ada = { distinct_id: "ada", properties: { plan: "pro" } }

describe("a page", () => {
  const decode = Page.decode(["results", "users"], User.decode)

  it("is decoded from both documented shapes", () => {
    const openApi = Either.getOrThrow(decode({
      meta: { count: 12, limit: 1, has_prev: true, before: "b", has_next: true, after: "a" },
      results: [ada]
    }))
    expect(openApi).toMatchObject({ hasMore: true, after: "a", before: "b", total: 12 })
    const fromManageUsers = Either.getOrThrow(decode({ users: [ada], paging: { after: "a", has_more: false } }))
    expect(fromManageUsers).toMatchObject({ hasMore: false, after: "a", before: undefined, total: undefined })
    expect(fromManageUsers.items.map((user) => user.distinctId)).toEqual(["ada"])
  })

  it("is not decoded if an item is not, or without a list", () => {
    expect(Either.flip(decode({ results: [ada, {}] }))).toEqual(
      Either.right({ path: ["results", 1, "distinct_id"], message: "must be a string" })
    )
    expect(Either.isLeft(decode({ meta: {} }))).toBe(true)
  })

  it("has more only if the response says so, whatever cursors it has", () => {
    const more = (paging: object) => Either.getOrThrow(decode({ results: [], paging })).hasMore
    expect(more({ after: "a" })).toBe(false)
    expect(more({ has_more: "true", after: "a" })).toBe(false)
    expect(more({ has_more: true })).toBe(true)
    expect(more({ has_next: true })).toBe(true)
  })

  it("ignores paging of another type", () => {
    for (const meta of [null, "next", [true], { has_next: 1, after: 2, before: {}, count: "3" }]) {
      expect(Either.getOrThrow(decode({ results: [], meta }))).toMatchObject({
        hasMore: false,
        after: undefined,
        before: undefined,
        total: undefined
      })
    }
  })

  test("is streamed with the cursor to resume from", (users) =>
    Effect.gen(function*() {
      yield* users.bulkEdit(Arr.makeBy(25, (n) => UserEdit.edit(`user-${n}`)))
      const list = (options: Page.Options) => users.list(options)
      const first = yield* Stream.runHead(Page.pages(list, { limit: 10 }))
      const rest = yield* Stream.runCollect(Page.pages(list, { limit: 10, after: Option.getOrThrow(first).after }))
      expect(Chunk.toReadonlyArray(rest).map((page) => page.items.length)).toEqual([10, 5])
    }))
})

describe("a page by offset", () => {
  const decode = Page.decodeOffset(User.decode)
  const hasMore = (meta: unknown) => Either.getOrThrow(decode({ results: [ada], meta })).hasMore

  it("has more if its items end before the total", () => {
    expect(hasMore({ count: 3, offset: 1 })).toBe(true)
    expect(hasMore({ count: 2, offset: 1 })).toBe(false)
    expect(hasMore({ count: 2 })).toBe(true)
    expect(hasMore({ offset: 1 })).toBe(false)
    expect(hasMore({ count: "3", offset: 1 })).toBe(false)
    expect(hasMore(undefined)).toBe(false)
  })

  it("is decoded only from `results`", () => {
    expect(Either.flip(decode({ users: [ada] }))).toEqual(
      Either.right({ path: ["results"], message: "must be a list" })
    )
  })
})

describe("pages", () => {
  const page = (meta: object) => Effect.succeed(new Page.Page<string>(["item"], { meta }))

  /** Streams the pages that a function returns, and collects the options of each request. */
  const requested = (
    respond: (options: Page.Options) => Effect.Effect<Page.Page<string>>,
    options?: Page.Options
  ) => {
    const asked: Array<Page.Options> = []
    return Effect.as(
      Stream.runDrain(Page.pages((options) => {
        asked.push(options)
        return respond(options)
      }, options)),
      asked
    )
  }

  it.effect("follow the cursors, with the same limit and without the cursor to the preceding page", () =>
    Effect.gen(function*() {
      const next: Readonly<Record<string, string>> = { start: "a", a: "b" }
      const asked = yield* requested(
        ({ after, before }) => {
          const cursor = next[after ?? before ?? ""]
          return page({ has_next: cursor !== undefined, after: cursor })
        },
        { limit: 5, before: "start" }
      )
      expect(asked).toEqual([{ limit: 5, before: "start" }, { limit: 5, after: "a" }, { limit: 5, after: "b" }])
    }))

  it.effect("end without a cursor, even if the response says that there are more", () =>
    Effect.gen(function*() {
      expect(yield* requested(() => page({ has_next: true }))).toEqual([{}])
    }))

  it.effect("end if a cursor repeats, even the first one", () =>
    Effect.gen(function*() {
      const next: Readonly<Record<string, string>> = { a: "b", b: "c", c: "a" }
      const asked = yield* requested(({ after }) => page({ has_next: true, after: next[after ?? ""] }), { after: "a" })
      expect(asked.map(({ after }) => after)).toEqual(["a", "b", "c"])
    }))

  it.effect("fail as the request fails, after the pages before it", () =>
    Effect.gen(function*() {
      const seen: Array<number> = []
      const fetch = ({ after }: Page.Options) =>
        after === undefined ? page({ has_next: true, after: "a" }) : Effect.fail("failed" as const)
      const error = yield* Effect.flip(
        Stream.runForEach(Page.pages(fetch), ({ items }) => Effect.sync(() => seen.push(items.length)))
      )
      expect([error, seen]).toEqual(["failed", [1]])
    }))

  it.effect("can be streamed twice", () =>
    Effect.gen(function*() {
      const stream = Page.stream(({ after }) => page({ has_next: after === undefined, after: "a" }))
      expect(yield* Stream.runCount(stream)).toBe(2)
      expect(yield* Stream.runCount(stream)).toBe(2)
    }))
})

describe("streamOffset", () => {
  /** Streams a list of numbers from a server that may have oddities. */
  const streamed = (
    total: number,
    options: Page.OffsetOptions,
    respond: (offset: number, limit: number) => { readonly meta: object; readonly items?: ReadonlyArray<number> }
  ) => {
    const asked: Array<number | undefined> = []
    const stream = Page.streamOffset(({ limit = 2, offset = 0 }) => {
      asked.push(offset)
      const { items = Arr.makeBy(total, (n) => n).slice(offset, offset + limit), meta } = respond(offset, limit)
      return Effect.succeed(new Page.OffsetPage(items, { meta }))
    }, options)
    return Effect.map(Stream.runCollect(stream), (items) => ({ items: Chunk.toReadonlyArray(items), asked }))
  }

  it.effect("continues behind the items of each page, from the given offset", () =>
    Effect.gen(function*() {
      expect(yield* streamed(7, { limit: 3, offset: 1 }, (offset) => ({ meta: { count: 7, offset } }))).toEqual({
        items: [1, 2, 3, 4, 5, 6],
        asked: [1, 4]
      })
    }))

  it.effect("continues if the server returns fewer items than the limit", () =>
    Effect.gen(function*() {
      const { asked, items } = yield* streamed(3, { limit: 3 }, (offset) => ({
        meta: { count: 3 },
        items: [offset]
      }))
      expect([items, asked]).toEqual([[0, 1, 2], [0, 1, 2]])
    }))

  it.effect("ends without a total, at an empty page, and at a page before the requested offset", () =>
    Effect.gen(function*() {
      expect((yield* streamed(9, {}, () => ({ meta: {} }))).asked).toEqual([0])
      expect((yield* streamed(9, {}, () => ({ meta: { count: 9 }, items: [] }))).asked).toEqual([0])
      expect((yield* streamed(9, {}, () => ({ meta: { count: 9, offset: 0 } }))).asked).toEqual([0, 2])
    }))
})
