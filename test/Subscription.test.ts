import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Subscription from "effect-suprsend/Subscription"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { canonical } from "./utils/json.js"
import { shaped } from "./utils/shaped.js"

const iso = (time: DateTime.Utc | undefined) => time === undefined ? undefined : DateTime.formatIso(time)

describe("a subscription", () => {
  it("to an object is decoded from both documented shapes", () => {
    const decode = Schema.decodeUnknownSync(Subscription.ObjectSubscriptionSchema)
    const fromManageUsers = decode({ object_id: "Frontend", type: "Developers", subscribed_at: "2024-02-20T10:15:30Z" })
    const fromOpenApi = decode({
      properties: { role: "lead" },
      object: { id: "Frontend", object_type: "Developers", properties: {}, subscriptions_count: 3 },
      created_at: "2024-02-20T10:15:30.000000+00:00"
    })
    for (const object of [fromManageUsers, fromOpenApi]) {
      expect(object).toMatchObject({ objectId: "Frontend", objectType: "Developers" })
      expect(iso(object.subscribedAt)).toBe("2024-02-20T10:15:30.000Z")
    }
    expect(fromOpenApi.properties).toEqual({ role: "lead" })
    expect(fromOpenApi.object.subscriptions_count).toBe(3)
  })

  it("to a list is decoded from both documented shapes", () => {
    const decode = Schema.decodeUnknownSync(Subscription.ListSubscriptionSchema)
    const fromManageUsers = decode({ list_id: "news", subscribed_at: "2024-02-20T12:00:00Z", status: "subscribed" })
    const fromOpenApi = decode({
      list: { list_id: "news", list_name: "News", list_description: "All of it", list_type: "query_based" },
      created_at: "2024-02-20T12:00:00Z"
    })
    expect(fromManageUsers).toMatchObject({ listId: "news", status: "subscribed" })
    expect(fromOpenApi).toMatchObject({
      listId: "news",
      name: "News",
      description: "All of it",
      listType: "query_based"
    })
    expect(iso(fromManageUsers.subscribedAt)).toBe(iso(fromOpenApi.subscribedAt))
  })

  it("is not decoded without an id", () => {
    const odd = [{}, { object: { id: 7 }, list: { list_id: null } }, { object: "a", list: [] }]
    for (const json of odd) {
      expect(Either.flip(Subscription.decodeObject(json))).toEqual(
        Either.right({ path: ["object", "id"], message: "must be a string" })
      )
      expect(Either.flip(Subscription.decodeList(json))).toEqual(
        Either.right({ path: ["list", "list_id"], message: "must be a string" })
      )
    }
    expect(Either.isLeft(Schema.decodeUnknownEither(Subscription.ObjectSubscriptionSchema)({}))).toBe(true)
    expect(Either.isLeft(Schema.decodeUnknownEither(Subscription.ListSubscriptionSchema)({}))).toBe(true)
  })

  it("prefers the id within the object or list", () => {
    expect(Subscription.decodeObject({ object_id: "outer", object: { id: "inner" } })).toMatchObject({
      right: { objectId: "inner" }
    })
    expect(Subscription.decodeList({ list_id: "outer", list: { list_id: "inner" } })).toMatchObject({
      right: { listId: "inner" }
    })
  })

  it("has undefined members where the response has none, or members of another type", () => {
    const object = Schema.decodeUnknownSync(Subscription.ObjectSubscriptionSchema)({
      object_id: "a",
      type: 1,
      properties: "p",
      subscribed_at: "yesterday"
    })
    expect(object).toMatchObject({ objectType: undefined, properties: {}, object: {}, subscribedAt: undefined })
    const list = Schema.decodeUnknownSync(Subscription.ListSubscriptionSchema)({
      list: { list_id: "a", list_name: null, list_type: 2 },
      status: false,
      subscribed_at: 0
    })
    expect(list).toMatchObject({
      name: undefined,
      description: undefined,
      listType: undefined,
      status: undefined,
      subscribedAt: undefined
    })
  })

  it("is equal to one of the same kind with the same content only", () => {
    const json = { object_id: "a", list_id: "a", more: [1] }
    const object = Schema.decodeUnknownSync(Subscription.ObjectSubscriptionSchema)
    const list = Schema.decodeUnknownSync(Subscription.ListSubscriptionSchema)
    expect(Equal.equals(object(json), object(structuredClone(json)))).toBe(true)
    expect(Equal.equals(object(json), object({ ...json, more: [2] }))).toBe(false)
    expect(Equal.equals<unknown, unknown>(object(json), list(json))).toBe(false)
  })

  it.prop("is decoded from any JSON with an id, and encoded unchanged", {
    json: shaped({
      object_id: FastCheck.string(),
      object: shaped({ id: FastCheck.string(), object_type: FastCheck.string() }),
      list_id: FastCheck.string(),
      list: shaped({ list_id: FastCheck.string(), list_name: FastCheck.string() }),
      properties: Arbitraries.properties,
      created_at: FastCheck.string()
    })
  }, ({ json }) => {
    const before = canonical(json)
    const object = Subscription.decodeObject(json)
    const list = Subscription.decodeList(json)
    if (Either.isRight(object)) {
      expect(canonical(Schema.encodeSync(Subscription.ObjectSubscriptionSchema)(object.right))).toBe(before)
    }
    if (Either.isRight(list)) {
      expect(canonical(Schema.encodeSync(Subscription.ListSubscriptionSchema)(list.right))).toBe(before)
    }
    if (typeof json.object_id === "string" && json.object === undefined) expect(Either.isRight(object)).toBe(true)
    if (typeof json.list_id === "string" && json.list === undefined) expect(Either.isRight(list)).toBe(true)
  })
})
