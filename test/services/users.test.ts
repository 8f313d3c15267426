import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { withResponse } from "effect-suprsend/SuprsendClient"
import type * as SuprsendError from "effect-suprsend/SuprsendError"
import * as UserEdit from "effect-suprsend/UserEdit"
import type { UserProfile } from "effect-suprsend/UserProfile"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { faultOr } from "../utils/faults.js"
import { idsOf, lines, once, refuses } from "../utils/requests.js"
import { testOver } from "../utils/sandbox.js"
import { inAnHour } from "../utils/time.js"

const test = testOver(Suprsend.layerTest)

const ada = pipe(UserEdit.edit("ada"), UserEdit.addEmail("ada@example.com"), UserEdit.set("plan", "pro"))

const addresses = (identities: ReadonlyArray<{ readonly value: unknown }> | undefined) =>
  identities?.map(({ value }) => value)

describe("upsert", () => {
  const profile: UserProfile = {
    $email: ["ada@example.com"],
    $inbox: ["inbox-id"],
    $slack: [{ user_id: "U1", access_token: "xoxb-secret" }],
    $timezone: "Europe/London",
    plan: "pro",
    nested: { list: [1, null] }
  }

  test("creates a user, with the body exactly as it is written", (users, sandbox) =>
    Effect.gen(function*() {
      const user = yield* users.upsert("a/b", profile)
      expect(user.distinctId).toBe("a/b")
      expect(user.properties).toEqual({ $timezone: "Europe/London", plan: "pro", nested: { list: [1, null] } })
      expect(addresses(user.channels.$email)).toEqual(["ada@example.com"])
      expect(user.channels.$inbox).toMatchObject([{ value: "inbox-id", idProvider: "suprsend" }])
      const [request] = yield* sandbox.requests
      expect(request).toMatchObject({ method: "POST", uri: "/v1/user/a%2Fb/", status: 201 })
      expect(request?.body).toBe(JSON.stringify(profile))
    }))

  test("updates a user: identities join, properties are set, the rest stays", (users) =>
    Effect.gen(function*() {
      yield* users.edit(pipe(ada, UserEdit.set("seats", 3)))
      const user = yield* users.upsert("ada", { $email: ["ada@example.com", "ada@example.org"], plan: "free" })
      expect(user.properties).toEqual({ plan: "free", seats: 3 })
      expect(new Set(addresses(user.channels.$email))).toEqual(new Set(["ada@example.com", "ada@example.org"]))
    }))

  test("of an empty profile makes a user", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.upsert("ada", {})
      expect((yield* sandbox.requests)[0]?.body).toBe("{}")
      expect(Option.isSome(yield* sandbox.user("ada"))).toBe(true)
    }))

  test("is tried again, since it leaves the same when done twice", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.resetPeerApplied])
      const user = yield* inAnHour(users.upsert("ada", profile))
      expect(addresses(user.channels.$email)).toEqual(["ada@example.com"])
      expect(yield* sandbox.requests).toHaveLength(2)
    }))

  test("shows no token that the server echoes", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([refuses(400, "xoxb-secret is no token")])
      const error = yield* Effect.flip(users.upsert("ada", profile))
      expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 400, serverMessage: "<redacted> is no token" })
    }))

  it.effect.prop(
    "is the same bytes for the same input, and arrives as it was written",
    { id: Arbitraries.distinctId, properties: Arbitraries.properties },
    ({ id, properties }) =>
      Effect.gen(function*() {
        const users = yield* UsersService
        const sandbox = yield* Sandbox.Sandbox
        yield* users.upsert(id, properties)
        const again = Object.fromEntries(Object.entries(properties))
        yield* users.upsert(id, again)
        const [first, second] = yield* sandbox.requests
        expect(second).toMatchObject({ uri: first?.uri, body: first?.body })
        expect(first?.body).toBe(JSON.stringify(properties))
        expect(first?.status).toBe(201)
      }).pipe(Effect.provide(Suprsend.layerTest))
  )
})

describe("merge", () => {
  const both = (users: UsersService.Service) =>
    Effect.gen(function*() {
      yield* users.edit(pipe(ada, UserEdit.set("seats", 3)))
      yield* users.edit(pipe(
        UserEdit.edit("anonymous"),
        UserEdit.addEmail("ada@example.com"),
        UserEdit.addEmail("other@example.com"),
        UserEdit.set({ plan: "free", theme: "dark" })
      ))
    })

  test("joins the other user into this one, and deletes it", (users, sandbox) =>
    Effect.gen(function*() {
      yield* both(users)
      yield* sandbox.subscribeToList("ada", { listId: "news" })
      yield* sandbox.subscribeToList("anonymous", { listId: "news" })
      yield* sandbox.subscribeToList("anonymous", { listId: "offers" })
      yield* sandbox.subscribeToObject("anonymous", { objectType: "teams", objectId: "t1" })
      yield* users.upsertForTenant("anonymous", "acme", { role: "admin" })
      const user = yield* users.merge("ada", "anonymous")
      expect(user.distinctId).toBe("ada")
      expect(user.properties).toEqual({ plan: "pro", seats: 3, theme: "dark" })
      expect(addresses(user.channels.$email)).toEqual(["ada@example.com", "other@example.com"])
      expect((yield* sandbox.requests).at(-1)).toMatchObject({
        method: "POST",
        uri: "/v1/user/ada/merge/",
        body: JSON.stringify({ from_user_id: "anonymous" }),
        status: 201
      })
      expect((yield* users.getListsSubscribedTo("ada")).items.map((list) => list.listId)).toEqual(["news", "offers"])
      expect((yield* users.getObjectsSubscribedTo("ada")).items.map((object) => object.objectId)).toEqual(["t1"])
      expect((yield* users.getForTenant("ada", "acme")).properties).toMatchObject({ role: "admin" })
      expect(yield* Effect.flip(users.get("anonymous"))).toMatchObject({ _tag: "SuprsendUserNotFound" })
    }))

  test("says which of the two is missing", (users) =>
    Effect.gen(function*() {
      yield* users.edit(ada)
      expect(yield* Effect.flip(users.merge("ada", "nobody"))).toMatchObject({
        _tag: "SuprsendUserNotFound",
        call: "UsersService.merge",
        distinctId: "nobody"
      })
      expect(yield* Effect.flip(users.merge("nobody", "ada"))).toMatchObject({
        _tag: "SuprsendUserNotFound",
        distinctId: "nobody",
        serverMessage: "user [distinct_id: 'nobody'] not found"
      })
      expect((yield* users.get("ada")).properties.plan).toBe("pro")
    }))

  test("is not tried again where it may have been done", (users, sandbox) =>
    Effect.gen(function*() {
      yield* both(users)
      yield* sandbox.script([Sandbox.resetPeerApplied])
      expect(yield* Effect.flip(inAnHour(users.merge("ada", "anonymous")))).toMatchObject({
        _tag: "SuprsendUnavailable",
        attempts: 1,
        applied: "unknown",
        retryable: false
      })
      expect((yield* sandbox.users).map((user) => user.distinctId)).toEqual(["ada"])
    }))

  test("is tried again where it certainly was not done", (users, sandbox) =>
    Effect.gen(function*() {
      yield* both(users)
      yield* sandbox.script([Sandbox.status(429, { retryAfter: "1" })])
      yield* inAnHour(users.merge("ada", "anonymous"))
      expect(yield* sandbox.users).toHaveLength(1)
    }))

  test("sends nothing for ids that cannot be addressed", (users, sandbox) =>
    Effect.gen(function*() {
      for (const [to, from] of [["..", "ada"], ["ada", " "]] as const) {
        expect(yield* Effect.flip(users.merge(to, from))).toMatchObject({ _tag: "InvalidDistinctId" })
      }
      expect(yield* sandbox.requests).toEqual([])
    }))
})

describe("delete", () => {
  test("counts as done where the answer was lost, and the user is gone", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.edit(ada)
      yield* sandbox.script([Sandbox.resetPeerApplied])
      yield* inAnHour(users.delete("ada"))
      expect((yield* sandbox.requests).map(({ status }) => status)).toEqual([202, undefined, 404])
    }))

  test(
    "of an unknown user is not found, even if earlier attempts failed with a server error",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(429, { retryAfter: "1" })])
        expect(yield* Effect.flip(inAnHour(users.delete("nobody")))).toMatchObject({
          _tag: "SuprsendUserNotFound",
          attempts: 2
        })
      })
  )

  test("takes all with it that hangs on the user", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.upsertForTenant("ada", "acme", { role: "admin" })
      yield* sandbox.subscribeToList("ada", { listId: "news" })
      yield* users.delete("ada")
      yield* users.upsert("ada", {})
      expect((yield* users.listAssociatedTenants("ada")).items).toEqual([])
      expect((yield* users.getListsSubscribedTo("ada")).items).toEqual([])
    }))
})

describe("bulkDelete", () => {
  const makeUsers = (users: UsersService.Service, count: number) =>
    users.bulkEdit(Arr.makeBy(count, (n) => UserEdit.edit(`user-${n}`)))

  const deletions = (sandbox: Sandbox.Sandbox.Service) =>
    Effect.map(sandbox.requests, (requests) => requests.filter(({ method }) => method === "DELETE"))

  test("sends requests of at most 100 ids", (users, sandbox) =>
    Effect.gen(function*() {
      yield* makeUsers(users, 250)
      const ids = Arr.makeBy(250, (n) => `user-${n}`)
      const report = yield* users.bulkDelete(new Set(ids), { concurrency: 1 })
      expect(report).toEqual({ status: "success", total: 250, success: 250, failure: 0, failedRecords: [] })
      const requests = yield* deletions(sandbox)
      expect(requests.map((request) => idsOf(request).length)).toEqual([100, 100, 50])
      expect(requests.flatMap(idsOf)).toEqual(ids)
      expect(lines(requests)[0]).toBe("DELETE /v1/bulk/user/")
      expect(yield* sandbox.users).toEqual([])
    }))

  test("of an empty list sends nothing", (users, sandbox) =>
    Effect.gen(function*() {
      expect(yield* users.bulkDelete([])).toMatchObject({ status: "success", total: 0 })
      expect(yield* sandbox.requests).toEqual([])
    }))

  test("does not send ids that cannot be addressed", (users, sandbox) =>
    Effect.gen(function*() {
      yield* makeUsers(users, 1)
      const report = yield* users.bulkDelete([" user-0 ", "..", ""])
      expect(report).toMatchObject({ status: "partial", total: 3, success: 1, failure: 2 })
      expect(report.failedRecords).toMatchObject([
        {
          outcome: "invalid",
          index: 1,
          distinctId: "..",
          error: { _tag: "InvalidDistinctId", call: "UsersService.bulkDelete" }
        },
        { outcome: "invalid", index: 2, distinctId: "" }
      ])
      expect((yield* deletions(sandbox)).map(idsOf)).toEqual([["user-0"]])
    }))

  for (
    const fault of [
      refuses(400, "user-2 is no id"),
      Sandbox.status(413),
      Sandbox.status(422),
      refuses(404, "user [distinct_id: 'user-2'] not found")
    ]
  ) {
    test(
      `bisects a request that is refused with ${fault._tag === "Status" ? fault.status : ""} until the id is alone`,
      (users, sandbox) =>
        Effect.gen(function*() {
          // In this order: all four, the first two, the last two, the third alone.
          yield* sandbox.script([fault, Sandbox.delay(0), fault, fault])
          const report = yield* users.bulkDelete(Arr.makeBy(4, (n) => `user-${n}`))
          expect(report).toMatchObject({ status: "partial", total: 4, success: 3, failure: 1 })
          expect(report.failedRecords).toMatchObject([{ outcome: "rejected", distinctId: "user-2" }])
          expect((yield* deletions(sandbox)).map((request) => idsOf(request).length)).toEqual([4, 2, 2, 1, 1])
        })
    )
  }

  test("does not bisect a request if a smaller one would fail too", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([refuses(404, "not found")])
      const report = yield* users.bulkDelete(["a", "b"])
      expect(report).toMatchObject({ status: "fail", failure: 2 })
      expect(yield* sandbox.requests).toHaveLength(1)
    }))

  test(
    "counts as done if the first response was lost, even if the server then names a missing user",
    (users, sandbox) =>
      Effect.gen(function*() {
        const gone = refuses(404, "user [distinct_id: 'user-0'] not found")
        yield* sandbox.script([Sandbox.resetPeerApplied, gone, gone, gone])
        const report = yield* inAnHour(users.bulkDelete(["user-0", "user-1"]))
        expect(report).toMatchObject({ status: "success", success: 2 })
        expect(yield* sandbox.requests).toHaveLength(4)
      })
  )

  test("stops when the credentials are refused", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.status(401)])
      const report = yield* users.bulkDelete(Arr.makeBy(250, (n) => `user-${n}`), { concurrency: 1 })
      expect(report).toMatchObject({ status: "fail", total: 250, failure: 250 })
      const outcomes = Arr.groupBy(report.failedRecords, ({ outcome }) => outcome)
      expect([outcomes.rejected?.length, outcomes.unsent?.length]).toEqual([100, 150])
      expect(yield* sandbox.requests).toHaveLength(1)
    }))

  const userNotFound = refuses(404, "user [distinct_id: 'user-0'] not found")

  it.effect.prop(
    "accounts for each id exactly once, under any faults",
    {
      count: FastCheck.integer({ min: 0, max: 350 }),
      concurrency: FastCheck.integer({ min: 1, max: 5 }),
      faults: FastCheck.array(faultOr(userNotFound), { maxLength: 10 }),
      invalid: FastCheck.array(FastCheck.integer({ min: 0, max: 350 }), { maxLength: 4 })
    },
    ({ concurrency, count, faults, invalid }) =>
      Effect.gen(function*() {
        const users = yield* UsersService
        const sandbox = yield* Sandbox.Sandbox
        const ids = Array.from(
          { length: count },
          (_, n) => invalid.includes(n) ? `${".".repeat(300)}${n}` : `user-${n}`
        )
        yield* users.bulkEdit(ids.filter((id) => id.length < 255).map((id) => UserEdit.edit(id)))
        yield* sandbox.script(faults)
        const report = yield* inAnHour(once(users.bulkDelete(ids, { concurrency })))
        const failed = report.failedRecords.map(({ distinctId }) => distinctId)
        expect(new Set(failed).size).toBe(failed.length)
        expect(failed.filter((id) => !ids.includes(id))).toEqual([])
        expect(report).toMatchObject({
          total: count,
          success: count - failed.length,
          failure: failed.length,
          status: failed.length === 0 ? "success" : failed.length === count ? "fail" : "partial"
        })
        // No remaining user counts as deleted, and no deleted user as certainly not deleted.
        const left = new Set((yield* sandbox.users).map(({ distinctId }) => distinctId))
        expect(ids.filter((id) => left.has(id) && !failed.includes(id))).toEqual([])
        const surely = report.failedRecords.filter(({ outcome }) => outcome !== "unknown")
        expect(surely.filter(({ distinctId }) => !left.has(distinctId) && distinctId.length < 255)).toEqual([])
      }).pipe(Effect.provide(Suprsend.layerTest)),
    { fastCheck: { numRuns: 50 } }
  )
})

describe("tenants", () => {
  test("are linked by an upsert, and keep a profile apart", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.edit(ada)
      const user = yield* users.upsertForTenant("ada", "acme", { role: "admin", $email: ["ada@acme.example"] })
      expect(user.properties).toEqual({ plan: "pro", role: "admin" })
      expect((yield* users.getForTenant("ada", "acme")).raw).toEqual(user.raw)
      expect((yield* users.get("ada")).properties).toEqual({ plan: "pro" })
      expect(lines(yield* sandbox.requests).slice(1)).toEqual([
        "POST /v1/user/ada/tenant/acme/",
        "GET /v1/user/ada/tenant/acme/",
        "GET /v1/user/ada/"
      ])
    }))

  test("are linked by an edit, at once or later", (users) =>
    Effect.gen(function*() {
      yield* users.edit(UserEdit.set(UserEdit.edit("ada", { tenantId: "acme" }), "role", "admin"))
      yield* users.asyncEdit(UserEdit.set(UserEdit.edit("ada", { tenantId: "umbrella" }), "role", "guest"))
      expect((yield* users.getForTenant("ada", "acme")).properties).toEqual({ role: "admin" })
      expect((yield* users.getForTenant("ada", "umbrella")).properties).toEqual({ role: "guest" })
      expect((yield* users.get("ada")).properties).toEqual({})
    }))

  test("have their profiles listed, each laid over the user's own", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.edit(ada)
      yield* Effect.forEach(["acme", "umbrella", "globex"], (id) => users.upsertForTenant("ada", id, { role: id }))
      const before = (yield* sandbox.requests).length
      const page = yield* users.listTenantProfiles("ada", { limit: 2 })
      expect(page).toMatchObject({ hasMore: true, total: 3 })
      expect(page.items.map(({ properties }) => properties)).toEqual([
        { plan: "pro", role: "acme" },
        { plan: "pro", role: "umbrella" }
      ])
      const all = yield* Stream.runCollect(users.listTenantProfilesStream("ada", { limit: 2 }))
      expect(Chunk.toReadonlyArray(all).map(({ raw }) => raw.tenant)).toMatchObject([
        { tenant_id: "acme" },
        { tenant_id: "umbrella" },
        { tenant_id: "globex" }
      ])
      const requests = lines(yield* sandbox.requests).slice(before)
      expect(requests[0]).toBe("GET /v1/user/ada/tenant/?limit=2")
      expect(requests).toHaveLength(3)
      expect(yield* Effect.flip(users.listTenantProfiles("nobody"))).toMatchObject({ _tag: "SuprsendUserNotFound" })
    }))

  test("come in pages and as a stream", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.defineTenant({ tenantId: "t-0", name: "Tenant 0" })
      yield* Effect.forEach(Arr.makeBy(12, (n) => `t-${n}`), (id) => users.upsertForTenant("ada", id, {}))
      const page = yield* users.listAssociatedTenants("ada", { limit: 5 })
      expect(page.items[0]).toMatchObject({ tenantId: "t-0", tenantName: "Tenant 0" })
      expect(page).toMatchObject({ hasMore: true, total: 12 })
      const before = (yield* sandbox.requests).length
      const all = yield* Stream.runCollect(users.listAssociatedTenantsStream("ada", { limit: 5 }))
      expect(Chunk.toReadonlyArray(all).map(({ tenantId }) => tenantId)).toEqual(Arr.makeBy(12, (n) => `t-${n}`))
      const requests = lines(yield* sandbox.requests).slice(before)
      expect(requests).toHaveLength(3)
      expect(requests[0]).toBe("GET /v1/user/ada/associated_tenant/?limit=5")
      expect(yield* Effect.flip(users.listAssociatedTenants("nobody"))).toMatchObject({ _tag: "SuprsendUserNotFound" })
    }))

  test("are unlinked, and the user stays", (users) =>
    Effect.gen(function*() {
      yield* users.upsertForTenant("ada", "acme", { role: "admin" })
      yield* users.unlinkTenant("ada", "acme")
      expect((yield* users.get("ada")).distinctId).toBe("ada")
      expect((yield* users.listAssociatedTenants("ada")).items).toEqual([])
      expect(yield* Effect.flip(users.unlinkTenant("ada", "acme"))).toMatchObject({
        _tag: "SuprsendRejected",
        status: 404,
        serverMessage: "tenant 'acme' not found"
      })
    }))

  test("count as unlinked if the response was lost", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.upsertForTenant("ada", "acme", {})
      yield* sandbox.script([Sandbox.resetPeerApplied])
      yield* inAnHour(users.unlinkTenant("ada", "acme"))
      expect((yield* sandbox.requests).at(-1)?.status).toBe(404)
    }))

  test("that are missing are distinguished from missing users", (users, sandbox) =>
    Effect.gen(function*() {
      for (const call of [users.getForTenant, users.unlinkTenant]) {
        const missing = (id: string) =>
          Effect.flip(Effect.asVoid<unknown, SuprsendError.SuprsendError, never>(call(id, "acme")))
        expect(yield* missing("nobody")).toMatchObject({ _tag: "SuprsendUserNotFound", distinctId: "nobody" })
        yield* users.upsert("ada", {})
        expect(yield* missing("ada")).toMatchObject({ _tag: "SuprsendRejected", status: 404 })
      }
      yield* sandbox.script([refuses(404, "tenant 'acme' not found")])
      expect(yield* Effect.flip(users.edit(UserEdit.edit("ada", { tenantId: "acme" })))).toMatchObject({
        _tag: "SuprsendRejected",
        status: 404
      })
    }))

  test("that are not valid in a path are not sent", (users, sandbox) =>
    Effect.gen(function*() {
      for (const tenantId of ["", " ", ".", "..", "x".repeat(65), "\ud800"]) {
        for (
          const error of [
            yield* Effect.flip(users.getForTenant("ada", tenantId)),
            yield* Effect.flip(users.upsertForTenant("ada", tenantId, {})),
            yield* Effect.flip(users.unlinkTenant("ada", tenantId)),
            yield* Effect.flip(users.list({ tenantId }))
          ]
        ) {
          expect(error).toMatchObject({ _tag: "SuprsendInvalidInput", issues: [{ path: ["tenantId"] }] })
        }
      }
      expect(yield* Effect.flip(users.getForTenant("..", "acme"))).toMatchObject({ _tag: "InvalidDistinctId" })
      expect(yield* sandbox.requests).toEqual([])
    }))

  test(
    "filter the list of users, and show each profile as the tenant sees it",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* users.edit(pipe(ada, UserEdit.set("role", "user")))
        yield* users.upsert("bob", {})
        yield* users.upsertForTenant("ada", "acme", { role: "admin" })
        const page = yield* users.list({ tenantId: " acme ", limit: 5 })
        expect(page.items.map((user) => [user.distinctId, user.properties])).toEqual([
          ["ada", { plan: "pro", role: "admin" }]
        ])
        expect(lines(yield* sandbox.requests).at(-1)).toBe("GET /v1/user/?tenant_id=acme&limit=5")
        expect(yield* Stream.runCount(users.listStream({ tenantId: "acme" }))).toBe(1)
        expect(yield* Stream.runCount(users.listStream({ tenantId: "nobodys" }))).toBe(0)
        expect(yield* Stream.runCount(users.listStream())).toBe(2)
      })
  )
})

describe("withResponse", () => {
  test("returns the response beside the value: status, headers, attempts", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.edit(ada)
      yield* sandbox.script([
        Sandbox.status(503, { retryAfter: "0" }),
        Sandbox.status(200, { body: JSON.stringify({ distinct_id: "ada" }), headers: { "x-request-id": "r-1" } })
      ])
      const [user, response] = yield* withResponse(users.get("ada"))
      expect(user.distinctId).toBe("ada")
      const { attempts, body, headers, status } = Option.getOrThrow(response)
      expect({ attempts, body, status, requestId: headers["x-request-id"] }).toEqual({
        attempts: 2,
        body: JSON.stringify({ distinct_id: "ada" }),
        status: 200,
        requestId: "r-1"
      })
    }))

  test("returns the last response of several calls, and none if nothing was sent", (users) =>
    Effect.gen(function*() {
      const [, last] = yield* withResponse(Effect.zipRight(users.upsert("ada", {}), users.edit(ada)))
      expect(Option.map(last, ({ status }) => status)).toEqual(Option.some(202))
      expect(yield* withResponse(users.bulkDelete([]))).toMatchObject([{ total: 0 }, Option.none()])
    }))

  test("keeps regions apart", (users) =>
    Effect.gen(function*() {
      const [[, inner], outer] = yield* withResponse(
        Effect.zipLeft(withResponse(users.upsert("ada", {})), users.get("ada"))
      )
      expect(Option.map(inner, ({ status }) => status)).toEqual(Option.some(201))
      expect(Option.map(outer, ({ status }) => status)).toEqual(Option.some(200))
    }))

  test("makes no other difference", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.edit(ada)
      const plain = yield* users.get("ada")
      const [same] = yield* withResponse(users.get("ada"))
      expect(same.raw).toEqual(plain.raw)
      const [, first, second] = yield* sandbox.requests
      expect(second).toEqual(first)
      const failure = yield* Effect.flip(users.get("nobody"))
      expect(yield* Effect.flip(withResponse(users.get("nobody")))).toEqual(failure)
    }))
})
