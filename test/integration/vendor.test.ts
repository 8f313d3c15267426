import { afterEach, beforeEach, describe, expect, it, vi } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Signature from "effect-suprsend/Signature"
import * as Suprsend from "effect-suprsend/Suprsend"
import type { Settings } from "effect-suprsend/SuprsendConfig"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import { canonical } from "../utils/json.js"
import { type Answer, inOrder, json, serve, text, type WireRequest } from "../utils/loopback.js"
import { dataLast, untyped } from "../utils/untyped.js"
import { credentials } from "../utils/vectors.js"
import { callVendor, makeVendor, type VendorEdit, vendorPromise } from "../utils/vendor.js"

// The vendor prints what it drops.
beforeEach(() => {
  vi.spyOn(console, "log").mockImplementation(() => {})
})
afterEach(() => {
  vi.restoreAllMocks()
})

const everythingIsFine: Answer = (request, response, position) => {
  const answer = request.uri.endsWith("/event/")
    ? text(202, "OK")
    : request.method === "DELETE"
    ? text(204, "")
    : json(202, { distinct_id: "user-42", results: [] })
  answer(request, response, position)
}

/** The vendor's SDK and our service, before one and the same server. */
const sideBySide = (answer: Answer = everythingIsFine, settings: Settings = { retry: { attempts: 1 } }) =>
  Effect.gen(function*() {
    const server = yield* serve(answer)
    const services = yield* Layer.build(Suprsend.layer({ ...credentials, baseUrl: server.url, ...settings }))
    return { server, vendor: makeVendor(server.url), users: Context.get(services, UsersService) }
  }).pipe(Effect.orDie)

const verifies = ({ body, headers, method, uri }: WireRequest): boolean =>
  Signature.verify(
    { method, body, uri, contentType: headers["content-type"] ?? "", date: headers.date ?? "" },
    credentials,
    headers.authorization ?? ""
  )

const operationsIn = (u: unknown): unknown => {
  if (typeof u !== "object" || u === null) return undefined
  return "$user_operations" in u ? u.$user_operations : "operations" in u ? u.operations : undefined
}

/** The operations in a body: an event, or a synchronous edit. */
const operationsOf = ({ body }: WireRequest): unknown => operationsIn(JSON.parse(body))

/** What makes the one event differ from the other: its id, its time and who sends it. */
const withoutItsOwn = (body: string): string =>
  JSON.stringify(
    JSON.parse(body, (key, value: unknown) =>
      key === "$insert_id" || key === "$time" || key === "$ss_sdk_version" ? typeof value : value)
  )

/** The verbs of which the vendor is known to make something else; each reason has a test below. */
const differs = ({ args: [first, second], verb }: Arbitraries.Verb): boolean => {
  if (verb === "setLocale") return true
  if (!["set", "setOnce", "increment", "append", "remove"].includes(verb)) return false
  const keys = typeof first === "object" && first !== null ? Object.keys(first) : [String(first)]
  const [only] = keys
  return keys.includes("__proto__") || keys.some((key) => key.trim() !== key) ||
    (keys.length === 1 && Number(only) <= 0) ||
    (typeof first === "string" && (second === null || (verb === "append" && !second)))
}

const verbs = FastCheck.array(Arbitraries.verb.filter((verb) => !differs(verb)), { maxLength: 8 })

// The vendor trims a U+FEFF, as JavaScript does, and the Python SDK does not.
const distinctId = Arbitraries.distinctId.filter((id) => id.trim() === id)

const build = (id: string, verbs: ReadonlyArray<Arbitraries.Verb>): UserEdit.UserEdit =>
  verbs.reduce((edit, verb) => verb(edit), UserEdit.edit(id))

const fiftyRuns = { fastCheck: { numRuns: 50 } }

describe("the vendor's Node SDK and ours", () => {
  it.scopedLive.prop("send the same event", [distinctId, verbs], ([id, verbs]) =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const theirs = vendor.users.get_edit_instance(id)
      verbs.forEach((verb) => callVendor(theirs, verb))
      yield* vendorPromise(() => vendor.users.async_edit(theirs))
      yield* users.asyncEdit(build(id, verbs))

      const [vendors, ours] = server.requests
      if (vendors === undefined || ours === undefined) return yield* Effect.dieMessage("there should be two requests")
      expect([ours.method, ours.uri]).toEqual([vendors.method, vendors.uri])
      expect(ours.headers["content-type"]).toBe(vendors.headers["content-type"])
      // The texts are equal, so the members of the envelope and of the operations have the same order.
      expect(withoutItsOwn(ours.body)).toBe(withoutItsOwn(vendors.body))
      expect(canonical(operationsOf(ours))).toBe(canonical(operationsOf(vendors)))
      expect([verifies(vendors), verifies(ours)]).toEqual([true, true])
    }), fiftyRuns)

  it.scopedLive.prop("send the same synchronous edit", [distinctId, verbs], ([id, verbs]) =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const theirs = vendor.users.get_edit_instance(id)
      verbs.forEach((verb) => callVendor(theirs, verb))
      yield* vendorPromise(() => vendor.users.edit(theirs))
      yield* users.edit(build(id, verbs))

      const [vendors, ours] = server.requests
      if (vendors === undefined || ours === undefined) return yield* Effect.dieMessage("there should be two requests")
      expect(ours.method).toBe(vendors.method)
      // The vendor leaves !'()* as they are. Both are valid, as each signs what it sends.
      expect(ours.uri).toBe(vendors.uri.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`))
      expect(ours.body).toBe(vendors.body)
      expect([verifies(vendors), verifies(ours)]).toEqual([true, true])
    }), fiftyRuns)

  it.scopedLive.prop("send the same bulk", [
    FastCheck.array(FastCheck.tuple(distinctId, verbs), { minLength: 1, maxLength: 5 })
  ], ([edits]) =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const bulk = vendor.users.get_bulk_edit_instance()
      for (const [id, verbs] of edits) {
        const theirs = vendor.users.get_edit_instance(id)
        verbs.forEach((verb) => callVendor(theirs, verb))
        bulk.append(theirs)
      }
      const result = yield* vendorPromise(() => bulk.save())
      const report = yield* users.bulkEdit(edits.map(([id, verbs]) => build(id, verbs)))

      const [vendors, ours] = server.requests
      if (vendors === undefined || ours === undefined) return yield* Effect.dieMessage("there should be two requests")
      expect(withoutItsOwn(ours.body)).toBe(withoutItsOwn(vendors.body))
      expect([verifies(vendors), verifies(ours)]).toEqual([true, true])
      const { failure, status, success, total } = report
      expect({ failure, status, success, total }).toEqual({
        failure: result.failure,
        status: result.status,
        success: result.success,
        total: result.total
      })
    }), fiftyRuns)

  it.scopedLive("read, list and delete with the same requests", () =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const id = "a/b c?d#e%é😀"
      const options = { limit: 10, after: "a b+c&d=e/f?g#h%é😀" }
      yield* vendorPromise(() => vendor.users.get(id))
      yield* users.get(id)
      yield* vendorPromise(() => vendor.users.delete(id))
      yield* users.delete(id)
      yield* vendorPromise(() => vendor.users.list(options))
      yield* users.list(options)
      yield* vendorPromise(() => vendor.users.get_objects_subscribed_to(id, options))
      yield* users.getObjectsSubscribedTo(id, options)
      yield* vendorPromise(() => vendor.users.get_lists_subscribed_to(id, options))
      yield* users.getListsSubscribedTo(id, options)

      const lines = server.requests.map(({ method, uri }) => `${method} ${uri}`)
      expect(lines.filter((_, i) => i % 2 === 1)).toEqual(lines.filter((_, i) => i % 2 === 0))
      expect(new Set(lines).size).toBe(5)
      expect(server.requests.every(verifies)).toBe(true)
    }))
})

describe("defects of the vendor's Node SDK", () => {
  const recordVerbs = [
    ["set", "$set"],
    ["setOnce", "$set_once"],
    ["increment", "$add"],
    ["append", "$append"],
    ["remove", "$remove"]
  ] as const

  /** What each of the two sends of an edit of which both should send the same. */
  const operationsSent = (theirs: (edit: VendorEdit) => void, ours: (edit: UserEdit.UserEdit) => UserEdit.UserEdit) =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const edit = vendor.users.get_edit_instance("user-42")
      theirs(edit)
      yield* vendorPromise(() => vendor.users.async_edit(edit))
      yield* users.asyncEdit(ours(UserEdit.edit("user-42")))
      const [vendors, own] = server.requests.map(operationsOf)
      return { vendors: canonical(vendors), ours: canonical(own) }
    })

  it.scopedLive("D1: an operation is dropped when its only key reads as a number of at most 0", () =>
    Effect.gen(function*() {
      for (const key of ["0", "-1", "-1.5", "-0", "0.0", "0x0", "1e-400", "-Infinity"]) {
        for (const [verb, operator] of recordVerbs) {
          const sent = yield* operationsSent(
            (edit) => callVendor(edit, { verb, args: [key, 1] }),
            UserEdit[verb](key, 1)
          )
          expect(sent.vendors).toBe(canonical([]))
          expect(sent.ours).toBe(canonical([{ [operator]: { [key]: 1 } }]))
        }
      }
    }))

  it.scopedLive("D3: append drops 0, false and the empty text", () =>
    Effect.gen(function*() {
      for (const value of [0, false, ""]) {
        const sent = yield* operationsSent((edit) => edit.append("key", value), UserEdit.append("key", value))
        expect(sent.vendors).toBe(canonical([]))
        expect(sent.ours).toBe(canonical([{ $append: { key: value } }]))
      }
    }))

  it.scopedLive("null is dropped, unless it stands in a record", () =>
    Effect.gen(function*() {
      const one = yield* operationsSent((edit) => edit.set("key", null), UserEdit.set("key", null))
      const record = yield* operationsSent((edit) => edit.set({ key: null }), UserEdit.set({ key: null }))
      expect(one.vendors).toBe(canonical([]))
      expect([one.ours, record.ours, record.vendors]).toEqual(Array(3).fill(canonical([{ $set: { key: null } }])))
    }))

  it.scopedLive("D10: a property called __proto__ is lost", () =>
    Effect.gen(function*() {
      const properties = Object.fromEntries([["__proto__", { admin: true }], ["plan", "pro"]])
      const sent = yield* operationsSent((edit) => edit.set(properties), UserEdit.set(properties))
      expect(sent.vendors).toBe(canonical([{ $set: { plan: "pro" } }]))
      expect(sent.ours).toBe(canonical([{ $set: properties }]))
    }))

  it.scopedLive("a push token without a provider, appended by its key, has none; the Python SDK says null", () =>
    Effect.gen(function*() {
      for (const [verb, key] of [["append", "$androidpush"], ["remove", " $iospush\t"]] as const) {
        const sent = yield* operationsSent(
          (edit) => callVendor(edit, { verb, args: [key, "token"] }),
          UserEdit[verb](key, "token")
        )
        expect(sent.vendors).toBe(canonical([{ [`$${verb}`]: { [key.trim()]: "token" } }]))
        expect(sent.ours).toBe(canonical([{ [`$${verb}`]: { [key.trim()]: "token", $id_provider: null } }]))
      }
    }))

  it.scopedLive("a key loses a U+FEFF, and keeps the control characters that the Python SDK takes away", () =>
    Effect.gen(function*() {
      const bom = yield* operationsSent((edit) => edit.set("\ufeffkey", 1), UserEdit.set("\ufeffkey", 1))
      const separator = yield* operationsSent((edit) => edit.set("\u001ckey", 1), UserEdit.set("\u001ckey", 1))
      expect([bom.vendors, bom.ours]).toEqual([
        canonical([{ $set: { key: 1 } }]),
        canonical([{ $set: { "\ufeffkey": 1 } }])
      ])
      expect([separator.vendors, separator.ours]).toEqual([
        canonical([{ $set: { "\u001ckey": 1 } }]),
        canonical([{ $set: { key: 1 } }])
      ])
    }))

  it.scopedLive("D12: there is no set_locale", () =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const edit = vendor.users.get_edit_instance("user-42")
      expect(() => callVendor(edit, { verb: "setLocale", args: ["en-GB"] })).toThrow(TypeError)
      yield* users.asyncEdit(UserEdit.setLocale(UserEdit.edit("user-42"), "en-GB"))
      expect(server.requests.map(operationsOf)).toEqual([[{ $set: { $locale: "en-GB" } }]])
    }))

  it.scopedLive("D14: NaN arrives as null, and undefined not at all", () =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      for (const value of [NaN, undefined]) {
        const edit = vendor.users.get_edit_instance("user-42")
        edit.set({ key: value })
        yield* vendorPromise(() => vendor.users.async_edit(edit))
        const error = yield* Effect.flip(
          users.asyncEdit(dataLast(UserEdit.set, UserEdit.edit("user-42"), [{ key: value }]))
        )
        expect(error).toMatchObject({ _tag: "InvalidUserEdit", issues: [{ path: ["operations", 0, "$set", "key"] }] })
      }
      expect(server.requests.map(operationsOf)).toEqual([[{ $set: { key: null } }], [{ $set: {} }]])
    }))

  it.scopedLive("D4: the ids . and .. reach another endpoint, with a signature that is valid", () =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      for (const id of [".", ".."]) {
        yield* vendorPromise(() => vendor.users.delete(id))
        expect((yield* Effect.flip(users.delete(id)))._tag).toBe("InvalidDistinctId")
      }
      expect(server.requests.map(({ method, uri }) => `${method} ${uri}`)).toEqual(["DELETE /v1/user/", "DELETE /v1/"])
      expect(server.requests.every(verifies)).toBe(true)
    }))

  it.scopedLive("D5: bytes are counted in UTF-16 units, so an edit that is too big is sent", () =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const edit = vendor.users.get_edit_instance("user-42")
      edit.set("text", "é".repeat(6_000))
      yield* vendorPromise(() => vendor.users.async_edit(edit))
      const error = yield* Effect.flip(
        users.asyncEdit(UserEdit.set(UserEdit.edit("user-42"), "text", "é".repeat(6_000)))
      )
      expect(error._tag).toBe("InvalidUserEdit")
      expect(server.requests.map(({ body }) => Buffer.byteLength(body) > 10_240)).toEqual([true])
    }))

  it.scopedLive("D2: the result of a bulk is lost when a request fails, and the rest is not sent", () =>
    Effect.gen(function*() {
      const fails: Answer = (request, response, position) =>
        (position === 1 ? text(500, "boom") : text(202, "OK"))(request, response, position)
      const vendors = yield* sideBySide(fails)
      const ours = yield* sideBySide(fails)
      const ids = Array.from({ length: 1_001 }, (_, i) => `user-${i}`)
      const bulk = vendors.vendor.users.get_bulk_edit_instance()
      bulk.append(...ids.map((id) => vendors.vendor.users.get_edit_instance(id)))
      const lost = yield* Effect.flip(vendorPromise(() => bulk.save()))
      const report = yield* ours.users.bulkEdit(ids.map((id) => UserEdit.edit(id)))

      expect(String(lost)).toBe("ReferenceError: err is not defined")
      expect(vendors.server.requests.length).toBe(2)
      expect(ours.server.requests.length).toBe(3)
      const failed = report.failedRecords.length
      expect(report).toMatchObject({ status: "partial", total: 1_001, success: 1_001 - failed, failure: failed })
      expect(report.failedRecords.every(({ outcome }) => outcome === "unknown")).toBe(true)
      expect(failed).toBeGreaterThan(0)
    }))

  it.scopedLive("D6: a bulk that is saved twice sends its records three times", () =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const bulk = vendor.users.get_bulk_edit_instance()
      bulk.append(vendor.users.get_edit_instance("user-42"))
      yield* vendorPromise(() => bulk.save())
      yield* vendorPromise(() => bulk.save())
      const edits = [UserEdit.edit("user-42")]
      yield* users.bulkEdit(edits)
      yield* users.bulkEdit(edits)
      const records = server.requests.map(({ body }) => {
        const events: unknown = JSON.parse(body)
        return Array.isArray(events) ? events.length : 0
      })
      expect(records.slice(0, 3), "the vendor's").toEqual([1, 1, 2])
      expect(records.slice(3), "ours").toEqual([1, 1])
    }))

  it.scopedLive("D8: nothing is tried again, not even after a 503", () =>
    Effect.gen(function*() {
      const once = inOrder(text(503, "busy"), text(202, "OK"))
      const vendors = yield* sideBySide(once)
      const ours = yield* sideBySide(once, { retry: { initialDelay: 0 } })
      const edit = vendors.vendor.users.get_edit_instance("user-42")
      yield* Effect.flip(vendorPromise(() => vendors.vendor.users.async_edit(edit)))
      expect((yield* ours.users.asyncEdit(UserEdit.edit("user-42"))).status).toBe(202)
      expect(vendors.server.requests.length).toBe(1)
      expect(ours.server.requests.length).toBe(2)
    }))

  it.scopedLive("D11: an error loses the message of the server, and is lost itself if the body is null", () =>
    Effect.gen(function*() {
      const refused = yield* sideBySide(json(401, { detail: "workspace key inactive" }))
      const unread = yield* Effect.flip(vendorPromise(() => refused.vendor.users.get("user-42")))
      const error = yield* Effect.flip(refused.users.get("user-42"))
      expect(String(unread)).toBe("SuprsendApiError: 401: undefined")
      expect(error).toMatchObject({
        _tag: "SuprsendUnauthorized",
        status: 401,
        serverMessage: "workspace key inactive"
      })

      const missing = yield* sideBySide(json(404, null))
      const broken = yield* Effect.flip(vendorPromise(() => missing.vendor.users.get("user-42")))
      expect(broken).toBeInstanceOf(TypeError)
      expect((yield* Effect.flip(missing.users.get("user-42")))._tag).toBe("SuprsendRejected")
    }))

  it.scopedLive("D13: options that are null or undefined are sent as these words", () =>
    Effect.gen(function*() {
      const { server, users, vendor } = yield* sideBySide()
      const options = { limit: null, after: undefined }
      yield* vendorPromise(() => untyped(vendor.users.list.bind(vendor.users))(options))
      yield* untyped(users.list)(options)
      expect(server.requests.map(({ uri }) => uri)).toEqual(["/v1/user/?limit=null&after=undefined", "/v1/user/"])
    }))

  it.scopedLive("D21: an edit that was redirected counts as accepted, and is not delivered", () =>
    Effect.gen(function*() {
      const moved = inOrder(text(302, "", { location: "/elsewhere/" }), text(200, "welcome"))
      const vendors = yield* sideBySide(moved)
      const ours = yield* sideBySide(moved)
      const edit = vendors.vendor.users.get_edit_instance("user-42")
      const result = yield* vendorPromise(() => vendors.vendor.users.async_edit(edit))
      expect(result).toMatchObject({ success: true, status_code: 200 })
      expect(vendors.server.requests.map(({ body, method, uri }) => `${method} ${uri} ${body.length > 0}`)).toEqual([
        "POST /event/ true",
        "GET /elsewhere/ false"
      ])
      const error = yield* Effect.flip(ours.users.asyncEdit(UserEdit.edit("user-42")))
      expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 302 })
      expect(ours.server.requests.length).toBe(1)
    }))
})
