import { describe, expect, it } from "@effect/vitest"
import * as User from "effect-suprsend/User"
import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Hash from "effect/Hash"
import * as HashSet from "effect/HashSet"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"

// The two documented shapes, with a member that neither of them has.
const manageUsers = {
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
  it("decodes the shape of the vendor's page", () => {
    const user = decodeUser(manageUsers)
    expect(user).toMatchObject({ distinctId: "_distinct_id_", status: "active", properties: { name: "John Doe" } })
    expect(iso(user.createdAt)).toBe("2024-01-01T12:00:00.000Z")
    expect(user.channels).toEqual({})
  })

  it("decodes the shape of the OpenAPI description", () => {
    const user = decodeUser(openApi)
    expect(iso(user.createdAt)).toBe("2025-04-04T21:37:36.712Z")
    expect(iso(user.updatedAt)).toBe("2025-04-04T21:37:36.712Z")
    expect(Object.keys(user.channels).sort()).toEqual(["$androidpush", "$email", "$inbox", "$slack"])
    expect(user.channels.$email).toMatchObject([{ value: "a@b.co", status: "active", permaStatus: "disabled" }])
    expect(user.channels.$inbox).toMatchObject([{ idProvider: "suprsend" }])
  })

  it("decodes bare addresses, and ignores members of unknown form", () => {
    expect(decodeUser({ distinct_id: "id", $email: ["a@b.co"] }).channels.$email).toMatchObject([{ value: "a@b.co" }])
    const odd = decodeUser({ distinct_id: "id", $email: 7, properties: [], created_at: "yesterday", status: null })
    expect(odd.channels).toEqual({})
    expect(odd.properties).toEqual({})
    expect(odd.createdAt).toBeUndefined()
    expect(odd.raw.created_at).toBe("yesterday")
  })

  it("decodes a time without an offset as UTC", () => {
    expect(iso(decodeUser({ distinct_id: "id", created_at: "2024-08-04 13:16:12" }).createdAt)).toBe(
      "2024-08-04T13:16:12.000Z"
    )
  })

  it("is equal by content", () => {
    expect(Equal.equals(decodeUser(openApi), decodeUser(structuredClone(openApi)))).toBe(true)
    expect(Equal.equals(decodeUser(openApi), decodeUser(manageUsers))).toBe(false)
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

  it("is printed by console.log in its decoded form", () => {
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

  it("is written by JSON.stringify in the shape of the response, with tokens masked", () => {
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

  it.prop("decodes any JSON with an id, and encodes it unchanged", {
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

  it("hashes alike if it is equal, and differs by any member", () => {
    const [a, b] = [decodeUser(openApi), decodeUser(structuredClone(openApi))]
    expect(Hash.hash(a)).toBe(Hash.hash(b))
    expect(HashSet.size(HashSet.make(a, b, decodeUser(manageUsers)))).toBe(2)
    expect(Equal.equals(a, decodeUser({ ...openApi, novelty: { of: ["next"] } }))).toBe(false)
  })

  it.prop("is decoded only with a distinct id that is a string", [
    FastCheck.oneof(FastCheck.integer(), FastCheck.constantFrom(null, undefined, {}, ["ada"], true))
  ], ([distinct_id]) => {
    expect(Either.flip(User.decode({ ...openApi, distinct_id }))).toEqual(
      Either.right({ path: ["distinct_id"], message: "must be a string" })
    )
  })

  it("is not decoded from JSON that is not an object", () => {
    for (const json of ["ada", 1, null, undefined, [manageUsers]]) {
      expect(Either.flip(User.decode(json))).toMatchObject({
        right: { path: [], message: expect.stringMatching(/^must be a JSON object, got /) }
      })
    }
  })

  it("has the identities in the order of the response, and omits unknown channels", () => {
    const { channels } = decodeUser({
      distinct_id: "id",
      $fax: [{ value: "1" }],
      $sms: [{ value: "+15555555555", status: "inactive" }, "+15555555556", null, 7]
    })
    expect(Object.keys(channels)).toEqual(["$sms"])
    expect(channels.$sms?.map(({ status, value }) => [value, status])).toEqual([
      ["+15555555555", "inactive"],
      ["+15555555556", undefined],
      [null, undefined],
      [7, undefined]
    ])
  })

  it("prefers its own creation time to that of its properties", () => {
    const user = decodeUser({
      distinct_id: "id",
      created_at: "2025-01-01T00:00:00+02:00",
      properties: { created_at: "2024-01-01T00:00:00Z" }
    })
    expect(iso(user.createdAt)).toBe("2024-12-31T22:00:00.000Z")
  })
})
