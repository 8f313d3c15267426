import { describe, expect, it } from "@effect/vitest"
import * as Page from "effect-suprsend/Page"
import * as Subscription from "effect-suprsend/Subscription"
import * as User from "effect-suprsend/User"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"

// The two shapes that the vendor documents, with a member that neither mentions.
const seed = {
  distinct_id: "_distinct_id_",
  properties: { name: "John Doe", email: ["johndoe@example.com"], created_at: "2024-01-01T12:00:00Z" },
  status: "active"
}
const openApi = {
  distinct_id: "id",
  properties: { $locale: "en_GB", plan: "pro" },
  created_at: "2025-04-04T21:37:36.712496+00:00",
  updated_at: "2025-04-04 21:37:36.712496+00:00",
  $email: [{ value: "a@b.co", status: "active", perma_status: "disabled" }],
  $inbox: [{ value: "x", status: "active", perma_status: "active", id_provider: "suprsend" }],
  $slack: [{ value: { user_id: "U1", access_token: "xoxb-secret" }, status: "active" }],
  $androidpush: [{ value: "push-secret", status: "inactive" }],
  novelty: { of: ["next", "year"] }
}

const decodeUser = Schema.decodeUnknownSync(User.UserSchema)
const iso = (time: DateTime.Utc | undefined) => time === undefined ? undefined : DateTime.formatIso(time)

describe("User", () => {
  it("reads the shape of the vendor's page", () => {
    const user = decodeUser(seed)
    expect(user).toMatchObject({ distinctId: "_distinct_id_", status: "active", properties: { name: "John Doe" } })
    expect(iso(user.createdAt)).toBe("2024-01-01T12:00:00.000Z")
    expect(user.channels).toEqual({})
  })

  it("reads the shape of the OpenAPI description", () => {
    const user = decodeUser(openApi)
    expect(iso(user.createdAt)).toBe("2025-04-04T21:37:36.712Z")
    expect(iso(user.updatedAt)).toBe("2025-04-04T21:37:36.712Z")
    expect(Object.keys(user.channels).sort()).toEqual(["$androidpush", "$email", "$inbox", "$slack"])
    expect(user.channels.$email).toMatchObject([{ value: "a@b.co", status: "active", permaStatus: "disabled" }])
    expect(user.channels.$inbox).toMatchObject([{ idProvider: "suprsend" }])
  })

  it("reads bare addresses, and what has no form that it knows", () => {
    expect(decodeUser({ distinct_id: "id", $email: ["a@b.co"] }).channels.$email).toMatchObject([{ value: "a@b.co" }])
    const odd = decodeUser({ distinct_id: "id", $email: 7, properties: [], created_at: "yesterday", status: null })
    expect(odd.channels).toEqual({})
    expect(odd.properties).toEqual({})
    expect(odd.createdAt).toBeUndefined()
    expect(odd.raw.created_at).toBe("yesterday")
  })

  it("takes a time without an offset for UTC", () => {
    expect(iso(decodeUser({ distinct_id: "id", created_at: "2024-08-04 13:16:12" }).createdAt)).toBe(
      "2024-08-04T13:16:12.000Z"
    )
  })

  it("is equal by content", () => {
    expect(Equal.equals(decodeUser(openApi), decodeUser(structuredClone(openApi)))).toBe(true)
    expect(Equal.equals(decodeUser(openApi), decodeUser(seed))).toBe(false)
  })

  const printed = new User.User({
    distinct_id: "user-42",
    status: "active",
    created_at: "2024-01-01T00:00:00Z",
    $email: [{ value: "ada@example.com", status: "active", perma_status: "active", id_provider: null }],
    $androidpush: [{ value: "push-token", status: "inactive", id_provider: "fcm" }],
    $webpush: [{ value: { endpoint: "https://push.example.com/token", keys: { p256dh: "p", auth: "a" } } }],
    properties: { plan: "pro" },
    new_member: [1]
  })

  it("reads in console.log as it reads in code", () => {
    expect(inspect(printed, { depth: 9 })).toBe(inspect({
      distinctId: "user-42",
      properties: { plan: "pro" },
      channels: {
        $email: [{ value: "ada@example.com", status: "active", permaStatus: "active" }],
        $androidpush: [{ value: "<redacted>", status: "inactive", idProvider: "fcm" }],
        $webpush: [{ value: { endpoint: "<redacted>", keys: { p256dh: "<redacted>", auth: "<redacted>" } } }]
      },
      createdAt: printed.createdAt,
      status: "active"
    }, { depth: 9 }))
  })

  it("keeps the shape in which it came where it is written as JSON, tokens masked", () => {
    expect(JSON.parse(JSON.stringify({ user: printed }))).toEqual({
      user: {
        ...printed.raw,
        $androidpush: [{ value: "<redacted>", status: "inactive", id_provider: "fcm" }],
        $webpush: [{ value: { endpoint: "<redacted>", keys: { p256dh: "<redacted>", auth: "<redacted>" } } }]
      }
    })
  })

  it("is printed without tokens", () => {
    const user = decodeUser(openApi)
    for (const text of [inspect(user, { depth: 9 }), String(user), JSON.stringify(user)]) {
      expect(text).toContain("a@b.co")
      expect(text).not.toMatch(/secret/)
    }
  })

  it.prop("never throws, and never loses a member", {
    json: FastCheck.dictionary(
      FastCheck.oneof(
        FastCheck.constantFrom("distinct_id", "properties", "$email", "$slack", "created_at", "status", "__proto__"),
        FastCheck.string()
      ),
      FastCheck.jsonValue()
    )
  }, ({ json }) => {
    const decoded = Schema.decodeUnknownEither(User.UserSchema)(json)
    expect(Either.isRight(decoded)).toBe(typeof json.distinct_id === "string")
    if (Either.isRight(decoded)) {
      const user = decoded.right
      expect(user.distinctId).toBe(json.distinct_id)
      expect(Object.keys(user.channels)).toEqual(["$email", "$slack"].filter((key) => Array.isArray(json[key])))
      expect(user.status).toBe(typeof json.status === "string" ? json.status : undefined)
      expect(user.createdAt === undefined || DateTime.isUtc(user.createdAt)).toBe(true)
      expect(JSON.stringify(Schema.encodeSync(User.UserSchema)(user))).toBe(JSON.stringify({ ...json }))
    }
  })
})

describe("Subscription", () => {
  it("reads both shapes of a subscription to an object", () => {
    const decode = Schema.decodeUnknownSync(Subscription.ObjectSubscriptionSchema)
    const fromSeed = decode({ object_id: "Frontend", type: "Developers", subscribed_at: "2024-02-20T10:15:30Z" })
    const fromOpenApi = decode({
      properties: { role: "lead" },
      object: { id: "Frontend", object_type: "Developers", properties: {}, subscriptions_count: 3 },
      created_at: "2024-02-20T10:15:30.000000+00:00"
    })
    for (const object of [fromSeed, fromOpenApi]) {
      expect(object).toMatchObject({ objectId: "Frontend", objectType: "Developers" })
      expect(iso(object.subscribedAt)).toBe("2024-02-20T10:15:30.000Z")
    }
    expect(fromOpenApi.properties).toEqual({ role: "lead" })
    expect(fromOpenApi.object.subscriptions_count).toBe(3)
  })

  it("reads both shapes of a subscription to a list", () => {
    const decode = Schema.decodeUnknownSync(Subscription.ListSubscriptionSchema)
    const fromSeed = decode({ list_id: "news", subscribed_at: "2024-02-20T12:00:00Z", status: "subscribed" })
    const fromOpenApi = decode({
      list: { list_id: "news", list_name: "News", list_description: "All of it", list_type: "query_based" },
      created_at: "2024-02-20T12:00:00Z"
    })
    expect(fromSeed).toMatchObject({ listId: "news", status: "subscribed" })
    expect(fromOpenApi).toMatchObject({
      listId: "news",
      name: "News",
      description: "All of it",
      listType: "query_based"
    })
    expect(iso(fromSeed.subscribedAt)).toBe(iso(fromOpenApi.subscribedAt))
  })

  it("says what is missing", () => {
    expect(Either.isLeft(Schema.decodeUnknownEither(Subscription.ObjectSubscriptionSchema)({}))).toBe(true)
    expect(Either.isLeft(Schema.decodeUnknownEither(Subscription.ListSubscriptionSchema)({}))).toBe(true)
  })
})

describe("Page", () => {
  const decode = Page.decode(["results", "users"], User.decode)

  it("reads both shapes", () => {
    const openApi = Either.getOrThrow(decode({
      meta: { count: 12, limit: 1, has_prev: true, before: "b", has_next: true, after: "a" },
      results: [seed]
    }))
    expect(openApi).toMatchObject({ hasMore: true, after: "a", before: "b", total: 12 })
    const fromSeed = Either.getOrThrow(decode({ users: [seed], paging: { after: "a", has_more: false } }))
    expect(fromSeed).toMatchObject({ hasMore: false, after: "a", before: undefined, total: undefined })
    expect(fromSeed.items.map((user) => user.distinctId)).toEqual(["_distinct_id_"])
  })

  it("says which item is wrong", () => {
    expect(Either.flip(decode({ results: [seed, {}] }))).toEqual(
      Either.right({ path: ["results", 1, "distinct_id"], message: "must be a string" })
    )
    expect(Either.isLeft(decode({ meta: {} }))).toBe(true)
  })
})
