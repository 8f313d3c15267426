import { describe, expect } from "@effect/vitest"
import { InsertId } from "effect-suprsend/InsertId"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import type { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { lines, once } from "./utils/requests.js"
import { testOver } from "./utils/sandbox.js"

const test = testOver(Suprsend.layerTest)

const ada = pipe(UserEdit.edit("ada"), UserEdit.addEmail("ada@example.com"), UserEdit.set("plan", "pro"))

const answers = (body: unknown, status = 200) => Sandbox.status(status, { body: JSON.stringify(body) })

describe("asyncEdit", () => {
  test("sends the edit as an event, and returns its insert id", (users, sandbox) =>
    Effect.gen(function*() {
      const accepted = yield* users.asyncEdit(ada).pipe(
        Effect.provideService(InsertId, Effect.succeed("insert-id-1"))
      )
      expect(accepted).toEqual({ insertId: "insert-id-1", status: 202, message: "OK" })
      const [request] = yield* sandbox.requests
      expect(request).toMatchObject({ method: "POST", uri: "/event/", status: 202 })
      expect(request?.json).toEqual({
        $schema: "2",
        $insert_id: "insert-id-1",
        $time: 0,
        env: "sandbox-workspace-key",
        distinct_id: "ada",
        $user_operations: [{ $append: { $email: "ada@example.com" } }, { $set: { plan: "pro" } }],
        properties: { $ss_sdk_version: expect.stringMatching(/^effect-suprsend\//) }
      })
    }))

  test("names the tenant", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.asyncEdit(UserEdit.edit("ada", { tenantId: "acme" }))
      expect((yield* sandbox.requests)[0]?.json).toMatchObject({ tenant_id: "acme" })
    }))

  test("sends nothing that is invalid", (users, sandbox) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(users.asyncEdit(UserEdit.set(ada, "when", Number.NaN)))
      expect(error).toMatchObject({ _tag: "InvalidUserEdit", call: "UsersService.asyncEdit", distinctId: "ada" })
      expect(error.message).toContain("operations[2].$set.when JSON has no NaN")
      expect(yield* sandbox.requests).toEqual([])
    }))

  test("counts the bytes of the whole event", (users, sandbox) =>
    Effect.gen(function*() {
      const sized = (length: number) =>
        UserEdit.set(UserEdit.edit("ada", { insertId: "i" }), "text", "x".repeat(length))
      yield* users.asyncEdit(sized(1_000))
      const bytes = (yield* sandbox.requests)[0]?.body.length ?? 0
      const most = 10_240 - (bytes - 1_000)
      yield* users.asyncEdit(sized(most))
      expect((yield* sandbox.requests)[1]?.body.length).toBe(10_240)
      const error = yield* Effect.flip(users.asyncEdit(sized(most + 1)))
      expect(error).toMatchObject({ _tag: "InvalidUserEdit" })
      expect(error.message).toContain("10241 bytes")
    }))

  test(
    "tells the insert id of an edit that failed, so that it can be sent again",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.resetPeerApplied])
        const visit = UserEdit.increment(UserEdit.edit("ada"), "visits", 1)
        const error = yield* Effect.flip(once(users.asyncEdit(visit)))
        if (error._tag !== "SuprsendUnavailable") return expect.unreachable()
        expect(error).toMatchObject({ applied: "unknown", retryable: true })
        yield* users.asyncEdit(UserEdit.withInsertId(visit, error.insertId ?? ""))
        expect(Option.getOrThrow(yield* sandbox.user("ada")).properties.visits).toBe(1)
      })
  )
})

describe("edit", () => {
  test("applies the edit and gives the user", (users, sandbox) =>
    Effect.gen(function*() {
      const user = yield* users.edit(ada)
      expect(user.distinctId).toBe("ada")
      expect(user.properties).toEqual({ plan: "pro" })
      expect(user.channels.$email).toMatchObject([{ value: "ada@example.com", status: "active" }])
      const [request] = yield* sandbox.requests
      expect(request).toMatchObject({ method: "PATCH", uri: "/v1/user/ada/" })
      expect(request?.json).toEqual({ operations: ada.operations })
    }))

  test("takes the path of the tenant", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.edit(UserEdit.edit("a/b", { tenantId: "acme" }))
      expect(lines(yield* sandbox.requests)).toEqual(["PATCH /v1/user/a%2Fb/tenant/acme/"])
    }))

  test("has no limit of 10,240 bytes", (users) =>
    Effect.gen(function*() {
      const user = yield* users.edit(UserEdit.set(UserEdit.edit("ada"), "text", "x".repeat(20_000)))
      expect(user.properties.text).toHaveLength(20_000)
    }))

  test(
    "is not repeated where that would count twice, and is where it would not",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.resetPeerApplied])
        const error = yield* Effect.flip(users.edit(UserEdit.increment(UserEdit.edit("ada"), "visits", 1)))
        expect(error).toMatchObject({ _tag: "SuprsendUnavailable", attempts: 1, applied: "unknown", retryable: false })
        expect(error.message).toContain("look before sending it again")
        yield* sandbox.script([Sandbox.status(503, { retryAfter: "0" })])
        const user = yield* users.edit(UserEdit.set(UserEdit.edit("ada"), "plan", "pro"))
        expect(user.properties).toEqual({ visits: 1, plan: "pro" })
      })
  )
})

describe("get and delete", () => {
  test("read and remove a user", (users) =>
    Effect.gen(function*() {
      yield* users.asyncEdit(ada)
      expect((yield* users.get("ada")).properties.plan).toBe("pro")
      yield* users.delete("ada")
      expect(yield* Effect.flip(users.get("ada"))).toMatchObject({
        _tag: "SuprsendUserNotFound",
        call: "UsersService.get",
        distinctId: "ada",
        attempts: 1
      })
      expect(yield* Effect.flip(users.delete("ada"))).toMatchObject({ _tag: "SuprsendUserNotFound" })
    }))

  test("trim the id, as the vendor does", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.asyncEdit(ada)
      yield* users.get("  ada\n")
      expect(lines(yield* sandbox.requests)[1]).toBe("GET /v1/user/ada/")
    }))

  test("send nothing for an id that cannot be addressed", (users, sandbox) =>
    Effect.gen(function*() {
      for (const id of ["", "  ", ".", "..", "\ud800", "x".repeat(256)]) {
        for (const call of [users.get, users.delete, users.getObjectsSubscribedTo, users.getListsSubscribedTo]) {
          expect(yield* Effect.flip(Effect.asVoid<unknown, { readonly _tag: string }, never>(call(id)))).toMatchObject({
            _tag: "InvalidDistinctId",
            issues: [{ path: ["distinctId"] }]
          })
        }
      }
      expect(yield* sandbox.requests).toEqual([])
    }))

  test(
    "fail with an unexpected response if it is not a user, without showing it",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([
          Sandbox.status(200, { body: "<html>", contentType: "text/html" }),
          answers([]),
          answers({ distinct_id: 7, $androidpush: "secret" })
        ])
        const errors = yield* Effect.forEach([1, 2, 3], () => Effect.flip(users.get("ada")))
        expect(errors.map((error) => error._tag)).toEqual(Arr.makeBy(3, () => "SuprsendUnexpectedResponse"))
        expect(errors[0]?.message).toContain("it is an HTML page")
        expect(errors[1]?.message).toContain("got an array")
        expect(errors[2]?.message).toContain("distinct_id must be a string")
        expect(errors.map(String).join()).not.toContain("secret")
      })
  )
})

describe("lists", () => {
  const makeUsers = (users: UsersService.Service, count: number) =>
    users.bulkEdit(Arr.makeBy(count, (n) => UserEdit.edit(`user-${n}`)))

  test("come in pages", (users, sandbox) =>
    Effect.gen(function*() {
      yield* makeUsers(users, 5)
      const first = yield* users.list({ limit: 2 })
      expect(first.items.map((user) => user.distinctId)).toEqual(["user-0", "user-1"])
      expect(first).toMatchObject({ hasMore: true, total: 5, before: undefined })
      const second = yield* users.list({ limit: 2, after: first.after })
      expect(second.items.map((user) => user.distinctId)).toEqual(["user-2", "user-3"])
      const back = yield* users.list({ limit: 2, before: second.before })
      expect(back.items.map((user) => user.distinctId)).toEqual(["user-0", "user-1"])
      expect(lines(yield* sandbox.requests).slice(1)).toEqual([
        "GET /v1/user/?limit=2",
        `GET /v1/user/?limit=2&after=${first.after}`,
        `GET /v1/user/?limit=2&before=${second.before}`
      ])
    }))

  test("stream over all pages, and fetch only those that are read", (users, sandbox) =>
    Effect.gen(function*() {
      yield* makeUsers(users, 25)
      const some = yield* Stream.runCollect(Stream.take(users.listStream({ limit: 10 }), 10))
      expect(some).toHaveLength(10)
      expect(yield* sandbox.requests).toHaveLength(1 + 1)
      const all = yield* Stream.runCollect(users.listStream({ limit: 10 }))
      expect(Chunk.toReadonlyArray(all).map((user) => user.distinctId)).toEqual(Arr.makeBy(25, (n) => `user-${n}`))
      expect(yield* sandbox.requests).toHaveLength(1 + 1 + 3)
    }))

  test("go on after a failure that passes", (users, sandbox) =>
    Effect.gen(function*() {
      yield* makeUsers(users, 25)
      yield* sandbox.script([Sandbox.delay(0), Sandbox.status(503, { retryAfter: "0" })])
      expect(yield* Stream.runCount(users.listStream())).toBe(25)
    }))

  test("end where the server repeats a cursor", (users, sandbox) =>
    Effect.gen(function*() {
      const same = answers({ meta: { has_next: true, after: "x" }, results: [{ distinct_id: "ada" }] })
      yield* sandbox.script(Arr.makeBy(10, () => same))
      expect(yield* Stream.runCount(users.listStream())).toBe(2)
      expect(yield* sandbox.requests).toHaveLength(2)
    }))

  test("end where the server says so, even with a cursor (OpenAPI)", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([answers({ meta: { has_next: false, after: "x" }, results: [{ distinct_id: "ada" }] })])
      expect(yield* Stream.runCount(users.listStream())).toBe(1)
      expect(yield* sandbox.requests).toHaveLength(1)
    }))

  test("of objects and lists, in pages and as streams", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.asyncEdit(ada)
      for (const objectId of ["a", "b", "c"]) {
        yield* sandbox.subscribeToObject("ada", { objectType: "departments", objectId })
        yield* sandbox.subscribeToList("ada", { listId: objectId, name: `List ${objectId}` })
      }
      const objects = yield* users.getObjectsSubscribedTo("ada", { limit: 2 })
      expect(objects.items).toMatchObject([{ objectId: "a", objectType: "departments" }, { objectId: "b" }])
      const lists = yield* users.getListsSubscribedTo("ada", { limit: 1, after: objects.after })
      expect(lists.items).toMatchObject([{ listId: "c", name: "List c", listType: "static_list" }])
      const allObjects = yield* Stream.runCollect(users.getObjectsSubscribedToStream("ada", { limit: 2 }))
      const allLists = yield* Stream.runCollect(users.getListsSubscribedToStream("ada", { limit: 2 }))
      expect(Chunk.toReadonlyArray(allObjects).map((object) => object.objectId)).toEqual(["a", "b", "c"])
      expect(Chunk.toReadonlyArray(allLists).map((list) => list.listId)).toEqual(["a", "b", "c"])
      expect(yield* Effect.flip(users.getListsSubscribedTo("nobody"))).toMatchObject({ _tag: "SuprsendUserNotFound" })
      expect(yield* Effect.flip(Stream.runDrain(users.getObjectsSubscribedToStream("nobody")))).toMatchObject({
        _tag: "SuprsendUserNotFound"
      })
    }))
})
