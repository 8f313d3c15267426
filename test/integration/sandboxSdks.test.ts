import { afterAll, beforeAll, describe, expect, it, vi } from "@effect/vitest"
import { Suprsend as Vendor } from "@suprsend/node-sdk"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { raw, start, usersOver } from "../utils/server.js"

const clients = { fetch: Suprsend.layer, undici: SuprsendNode.layer }

describe("our client over the server", () => {
  for (const [name, layer] of Object.entries(clients)) {
    it.scopedLive(`${name}: finds what it left there, as in the sandbox in memory`, () =>
      Effect.gen(function*() {
        const { sandbox, server } = yield* start()
        const users = yield* usersOver(server, {}, layer)
        const ada = UserEdit.edit("ada/é?").pipe(UserEdit.addEmail("ada@example.com"), UserEdit.set("plan", "pro"))
        yield* users.asyncEdit(ada)
        const report = yield* users.bulkEdit(
          Array.from({ length: 900 }, (_, n) => UserEdit.set(UserEdit.edit(`user-${n}`), "n", n))
        )
        expect(report.success).toBe(900)
        expect((yield* users.get("ada/é?")).channels.$email?.[0]?.value).toBe("ada@example.com")
        expect(yield* Stream.runCount(users.listStream({ limit: 100 }))).toBe(901)
        yield* users.delete("user-7")
        expect((yield* Effect.flip(users.get("user-7")))._tag).toBe("SuprsendUserNotFound")
        expect(Option.isSome(yield* sandbox.user("ada/é?"))).toBe(true)
        expect((yield* sandbox.deliveries).length).toBe(901)
      }))
  }
})

describe("faults on the wire", () => {
  const attempt = (fault: Sandbox.Fault, layer: typeof Suprsend.layer) =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      yield* sandbox.faults.add(Sandbox.failNext(1, fault))
      const users = yield* usersOver(server, { timeout: "300 millis", retry: { attempts: 1 } }, layer)
      yield* users.asyncEdit(UserEdit.set(UserEdit.edit("ada"), "a", 1)).pipe(
        Effect.catchTag("SuprsendUnavailable", () => Effect.void),
        // What is not the service's response proves nothing, though the edit was applied.
        Effect.catchTag("SuprsendUnexpectedResponse", () => Effect.void)
      )
      yield* sandbox.faults.clear
      yield* sandbox.faults.add(Sandbox.failNext(1, fault))
      const read = yield* Effect.either(users.list())
      return { deliveries: (yield* sandbox.deliveries).length, read: Either.isRight(read) ? "fine" : read.left._tag }
    })

  for (const [client, layer] of Object.entries(clients)) {
    for (
      const [name, fault, expected] of [
        ["cut", Sandbox.resetPeer, { deliveries: 0, read: "SuprsendUnavailable" }],
        ["cutAfter", Sandbox.resetPeerApplied, { deliveries: 1, read: "SuprsendUnavailable" }],
        ["cutBody", Sandbox.truncateBody, { deliveries: 1, read: "SuprsendUnavailable" }],
        ["cutAfterBytes", Sandbox.truncateBodyAfter(0), { deliveries: 1, read: "SuprsendUnavailable" }],
        ["stall", Sandbox.stall, { deliveries: 1, read: "SuprsendUnavailable" }],
        ["silence", Sandbox.noResponse(), { deliveries: 0, read: "SuprsendUnavailable" }],
        ["status", Sandbox.status(503), { deliveries: 0, read: "SuprsendUnavailable" }],
        ["garbage", Sandbox.malformedBody(), { deliveries: 1, read: "SuprsendUnexpectedResponse" }],
        ["drip", Sandbox.slowBody({ interval: "1 millis", bytes: 20 }), { deliveries: 1, read: "fine" }]
      ] as const
    ) {
      it.scopedLive(`${client}: ${name}`, () =>
        Effect.map(attempt(fault, layer), (found) => {
          expect(found.read).toBe(expected.read)
          expect(found.deliveries).toBe(expected.deliveries)
        }))
    }
  }

  for (const [client, layer] of Object.entries(clients)) {
    it.scopedLive(`${client}: a stall behind a head without a body holds up no other request`, () =>
      Effect.gen(function*() {
        const { sandbox, server } = yield* start()
        const users = yield* usersOver(server, { timeout: "5 seconds", retry: { attempts: 1 } }, layer)
        yield* users.asyncEdit(UserEdit.edit("ada"))
        yield* sandbox.faults.add(Sandbox.on("DELETE /v1/user/{distinct_id}/", Sandbox.stall))
        yield* users.delete("ada")
        expect((yield* users.list()).items).toEqual([])
      }))
  }

  it.scopedLive("an answer that is cut says how long it would have been, and ends after so many bytes", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      yield* sandbox.faults.add(Sandbox.truncateBodyAfter(7))
      const answer = yield* raw(server.url, "GET /v1/user/ HTTP/1.1\r\nhost: localhost\r\n\r\n")
      const [head, body] = answer.split("\r\n\r\n", 2)
      expect(Number(/content-length: (\d+)/i.exec(head ?? "")?.[1])).toBeGreaterThan(7)
      expect(body?.length).toBe(7)
    }))
})

describe("the vendor's Node SDK", () => {
  beforeAll(() => {
    vi.spyOn(console, "log").mockImplementation(() => {})
  })
  afterAll(() => {
    vi.restoreAllMocks()
  })

  it.scopedLive("has its whole users API work, as its documents say", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const vendor = new Vendor(server.options.workspaceKey, Redacted.value(server.options.workspaceSecret), {
        base_url: server.url
      })
      const { users } = vendor
      const user = (id: string) => Effect.map(sandbox.user(id), Option.getOrThrow)
      const run = <A>(call: () => Promise<A>) => Effect.promise(call)

      const queued = users.get_edit_instance("ada")
      queued.add_email("ada@example.com")
      queued.add_sms("+15555555555")
      queued.set_timezone("Europe/London")
      queued.set({ plan: "free" })
      queued.increment("logins", 2)
      expect(yield* run(() => users.async_edit(queued))).toMatchObject({ success: true })
      expect((yield* user("ada")).channels.$email?.map(({ value }) => value)).toEqual(["ada@example.com"])
      expect((yield* user("ada")).properties).toMatchObject({ plan: "free", logins: 2, $timezone: "Europe/London" })

      const now = users.get_edit_instance("ada")
      now.set("plan", "pro")
      now.remove_sms("+15555555555")
      expect(yield* run(() => users.edit(now))).toMatchObject({ distinct_id: "ada", properties: { plan: "pro" } })
      expect(yield* run(() => users.edit("ada", { operations: [{ $unset: ["logins"] }] }))).toMatchObject({
        distinct_id: "ada"
      })
      expect((yield* user("ada")).channels.$sms ?? []).toEqual([])
      expect((yield* user("ada")).properties).not.toHaveProperty("logins")

      expect(yield* run(() => users.get("ada"))).toMatchObject({ distinct_id: "ada" })
      expect(yield* run(() => users.upsert("grace", { name: "Grace" }))).toMatchObject({ distinct_id: "grace" })

      const bulk = users.get_bulk_edit_instance()
      for (let n = 0; n < 450; n++) {
        const one = users.get_edit_instance(`user-${n}`)
        one.set("n", n)
        bulk.append(one)
      }
      expect(yield* run(() => bulk.save())).toMatchObject({ status: "success", total: 450, success: 450, failure: 0 })
      expect((yield* user("user-449")).properties.n).toBe(449)

      const page = yield* run(() => users.list({ limit: 20 }))
      expect(page).toMatchObject({ results: expect.any(Array), meta: expect.any(Object) })
      const next = yield* run(() => users.list({ limit: 20, after: Reflect.get(page.meta, "after") }))
      expect(next.results[0].distinct_id).not.toBe(page.results[0].distinct_id)

      yield* sandbox.subscribeToObject("ada", { objectType: "departments", objectId: "engineering" })
      yield* sandbox.subscribeToList("ada", { listId: "news" })
      expect((yield* run(() => users.get_objects_subscribed_to("ada"))).results[0].object.id).toBe("engineering")
      expect((yield* run(() => users.get_lists_subscribed_to("ada"))).results[0].list.list_id).toBe("news")

      expect(yield* run(() => users.merge("ada", "grace"))).toMatchObject({ distinct_id: "ada" })
      expect(yield* run(() => users.delete("user-1"))).toMatchObject({ success: true })
      expect(yield* run(() => users.bulk_delete({ distinct_ids: ["user-2", "user-3"] }))).toMatchObject({
        success: true
      })
      for (const gone of ["user-1", "user-2", "user-3"]) expect(Option.isNone(yield* sandbox.user(gone))).toBe(true)
      const missing = yield* Effect.either(Effect.tryPromise(() => users.get("user-1")))
      expect(Either.isLeft(missing)).toBe(true)
    }))

  it.scopedLive("is refused with the wrong secret", () =>
    Effect.gen(function*() {
      const { sandbox, server } = yield* start()
      const vendor = new Vendor(server.options.workspaceKey, "another secret", { base_url: server.url })
      const edit = vendor.users.get_edit_instance("ada")
      edit.set("plan", "pro")
      const refused = yield* Effect.flip(Effect.tryPromise(() => vendor.users.async_edit(edit)))
      expect(String(refused.error)).toContain("401: signature mismatch")
      expect(yield* sandbox.users).toEqual([])
    }))
})
