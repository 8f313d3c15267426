import { describe, expect, it } from "@effect/vitest"
import * as Bulk from "effect-suprsend/Bulk"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { faultOr } from "./utils/faults.js"
import { eventsOf, once } from "./utils/requests.js"
import { testOver } from "./utils/sandbox.js"

const signUp = (n: number) => UserEdit.set(UserEdit.edit(`user-${n}`), "n", n)

const test = testOver(Suprsend.layerTest)

const ids = (edits: ReadonlyArray<UserEdit.UserEdit>) => edits.map((edit) => edit.distinctId)

describe("what is sent", () => {
  test("fills requests with 400 records, in order", (users, sandbox) =>
    Effect.gen(function*() {
      const report = yield* users.bulkEdit(Arr.makeBy(1000, signUp), { concurrency: 1 })
      const requests = yield* sandbox.requests
      expect(requests.map((request) => eventsOf(request).length)).toEqual([400, 400, 200])
      expect(requests.flatMap(eventsOf).map((event) => event.distinct_id)).toEqual(Arr.makeBy(1000, (n) => `user-${n}`))
      expect(report).toEqual({ status: "success", total: 1000, success: 1000, failure: 0, failedRecords: [] })
      expect(yield* sandbox.users).toHaveLength(1000)
    }))

  test(
    "never sends a body of more than 819,200 bytes, brackets and commas included",
    (users, sandbox) =>
      Effect.gen(function*() {
        // Two bytes a character, so that a limit in characters would be far exceeded.
        const big = Arr.makeBy(300, (n) => UserEdit.set(UserEdit.edit(`user-${n}`), "text", "é".repeat(4_800)))
        const report = yield* users.bulkEdit(big)
        const sizes = (yield* sandbox.requests).map((request) => new TextEncoder().encode(request.body).length)
        expect(report.success).toBe(300)
        expect(sizes.every((size) => size <= 819_200)).toBe(true)
        // As full as they can be: one record more would not have gone in.
        expect(Math.max(...sizes)).toBeGreaterThan(819_200 - 10_240)
      })
  )

  test(
    "gives each record an insert id of its own, and keeps those that edits have",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* users.bulkEdit([signUp(1), UserEdit.withInsertId(signUp(2), "job-7"), signUp(3)])
        const insertIds = (yield* sandbox.requests).flatMap(eventsOf).map((event) => event.$insert_id)
        expect(insertIds[1]).toBe("job-7")
        expect(new Set(insertIds).size).toBe(3)
      })
  )

  test("sends nothing for no records", (users, sandbox) =>
    Effect.gen(function*() {
      expect(yield* users.bulkEdit([])).toEqual({
        status: "success",
        total: 0,
        success: 0,
        failure: 0,
        failedRecords: []
      })
      expect(yield* sandbox.requests).toEqual([])
    }))

  test("rejects invalid edits without sending them, and sends the others", (users, sandbox) =>
    Effect.gen(function*() {
      const invalid = UserEdit.setTimezone(UserEdit.edit("bad"), "Mars/Olympus")
      const tooBig = UserEdit.set(UserEdit.edit("big"), "text", "x".repeat(11_000))
      const report = yield* users.bulkEdit([signUp(1), invalid, tooBig, signUp(2)])
      expect(report).toMatchObject({ status: "partial", total: 4, success: 2, failure: 2 })
      expect(report.failedRecords.map(({ edit, error, outcome }) => [edit.distinctId, outcome, error._tag])).toEqual([
        ["bad", "invalid", "InvalidUserEdit"],
        ["big", "invalid", "InvalidUserEdit"]
      ])
      expect((yield* sandbox.requests).flatMap(eventsOf)).toHaveLength(2)
    }))

  test("says fail when every record failed", (users) =>
    Effect.gen(function*() {
      const report = yield* users.bulkEdit([UserEdit.edit(" ")])
      expect(report).toMatchObject({ status: "fail", total: 1, success: 0, failure: 1 })
    }))
})

describe("where the edits come from", () => {
  test("pulls an endless stream only as fast as it is sent", (users) =>
    Effect.gen(function*() {
      const pulled = yield* Ref.make(0)
      const endless = Stream.iterate(0, (n) => n + 1).pipe(
        Stream.rechunk(100),
        Stream.tap(() => Ref.update(pulled, (n) => n + 1)),
        Stream.map(signUp)
      )
      const outcomes = yield* users.bulkEditStream(endless, { concurrency: 2 }).pipe(Stream.take(3), Stream.runCollect)
      expect(Chunk.toReadonlyArray(outcomes).map((outcome) => outcome.accepted.length)).toEqual([400, 400, 400])
      expect(yield* Ref.get(pulled)).toBeLessThan(400 * 12)
    }))

  test("sends what a failing stream gave before it fails", (users, sandbox) =>
    Effect.gen(function*() {
      const failing = Stream.concat(Stream.fromIterable(Arr.makeBy(500, signUp)), Stream.fail("no more" as const))
      expect(yield* Effect.flip(users.bulkEdit(failing))).toBe("no more")
      expect(yield* sandbox.users).toHaveLength(500)
    }))
})

describe("order", () => {
  test("keeps the edits of a user in order, while others overtake", (users, sandbox) =>
    Effect.gen(function*() {
      const log = (id: string, n: number) => UserEdit.append(UserEdit.edit(id), "log", n)
      // The first request is slow. Of what follows, only the edit of the user that it holds waits for it.
      const edits = [
        ...Arr.makeBy(400, (n) => log(n === 0 ? "ada" : `a-${n}`, 1)),
        ...Arr.makeBy(400, (n) => log(n === 0 ? "ada" : `b-${n}`, 2)),
        ...Arr.makeBy(400, (n) => log(`c-${n}`, 3))
      ]
      yield* sandbox.script([Sandbox.delay("10 seconds")])
      const ended = yield* Ref.make<ReadonlyArray<number>>([])
      const fiber = yield* users.bulkEditStream(edits, { concurrency: 3 }).pipe(
        Stream.runForEach(({ accepted }) =>
          Ref.update(ended, (all) => [...all, ...accepted.slice(1, 2).map((edit) => edit.distinctId.charCodeAt(0))])
        ),
        Effect.fork
      )
      yield* TestClock.adjust("9 seconds")
      expect(yield* Ref.get(ended)).toEqual(["b".charCodeAt(0), "c".charCodeAt(0)])
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      const ada = Option.getOrThrow(yield* sandbox.user("ada"))
      expect(ada.properties.log).toEqual([1, 2])
    }))

  it.effect.prop(
    "is that of the source for each user, at any concurrency, with requests that are slow at random",
    {
      concurrency: FastCheck.integer({ min: 1, max: 8 }),
      users: FastCheck.array(FastCheck.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 12 }),
      delays: FastCheck.array(FastCheck.integer({ min: 0, max: 50 }), { maxLength: 12 })
    },
    ({ concurrency, delays, users: whose }) =>
      Effect.gen(function*() {
        const users = yield* UsersService
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(delays.map((millis) => Sandbox.delay(millis)))
        // So large that only a few go into one request.
        const filler = "x".repeat(9_000)
        const edits = whose.flatMap((user, step) =>
          Arr.makeBy(30, (n) =>
            UserEdit.edit(`user-${user}`).pipe(
              UserEdit.append("log", step * 30 + n),
              UserEdit.set("filler", filler)
            ))
        )
        const fiber = yield* Effect.fork(users.bulkEdit(edits, { concurrency }))
        while ((yield* Fiber.poll(fiber))._tag === "None") yield* TestClock.adjust("10 millis")
        expect((yield* Fiber.join(fiber)).success).toBe(edits.length)
        for (const user of yield* sandbox.users) {
          const log = whose.flatMap((who, step) =>
            `user-${who}` === user.distinctId ? Arr.makeBy(30, (n) => step * 30 + n) : []
          )
          expect(user.properties.log).toEqual(log)
        }
      }).pipe(Effect.provide(Suprsend.layerTest)),
    { fastCheck: { numRuns: 20 } }
  )
})

describe("failures", () => {
  test("bisects a refused request until the bad records are alone", (users, sandbox) =>
    Effect.gen(function*() {
      const bad = (n: number) => UserEdit.appendOperation(UserEdit.edit(`user-${n}`), { $nonsense: { n } })
      const report = yield* users.bulkEdit(Arr.makeBy(1000, (n) => n === 123 || n === 777 ? bad(n) : signUp(n)))
      expect(report).toMatchObject({ status: "partial", total: 1000, success: 998, failure: 2 })
      expect(ids(report.failedRecords.map((record) => record.edit)).sort()).toEqual(["user-123", "user-777"])
      expect(report.failedRecords.map((record) => record.outcome)).toEqual(["rejected", "rejected"])
      expect(report.failedRecords[0]?.error.message).toContain("unknown operator: $nonsense")
      expect(yield* sandbox.users).toHaveLength(998)
    }))

  for (const status of [400, 413, 422]) {
    test(`bisects after ${status}`, (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(status)])
        const report = yield* users.bulkEdit(Arr.makeBy(4, signUp))
        expect(report.success).toBe(4)
        expect((yield* sandbox.requests).map((request) => eventsOf(request).length)).toEqual([4, 2, 2])
      }))
  }

  test(
    "does not report a record as rejected if it may have been accepted before the batch was bisected",
    (users, sandbox) =>
      Effect.gen(function*() {
        // Applied, but the response is lost; then refused as a whole, and the first half again.
        yield* sandbox.script([Sandbox.resetPeerApplied, Sandbox.status(400), Sandbox.status(400)])
        const fiber = yield* Effect.fork(users.bulkEdit([signUp(1), signUp(2)]))
        yield* TestClock.adjust("1 second")
        const report = yield* Fiber.join(fiber)
        expect(report.failedRecords.map(({ edit, outcome }) => [edit.distinctId, outcome])).toEqual([[
          "user-1",
          "unknown"
        ]])
        expect(yield* sandbox.users).toHaveLength(2)
      })
  )

  test(
    "sends no more of a bisected request once the credentials are refused",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(400), Sandbox.status(401)])
        const report = yield* users.bulkEdit([signUp(1), signUp(2)])
        expect(report.failedRecords.map((record) => record.outcome)).toEqual(["rejected", "unsent"])
        expect(yield* sandbox.requests).toHaveLength(2)
      })
  )

  test("does not bisect a request if a smaller one would fail too", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.status(404)])
      const report = yield* users.bulkEdit(Arr.makeBy(4, signUp))
      expect(report.failedRecords.map((record) => record.outcome)).toEqual(Arr.makeBy(4, () => "rejected"))
      expect(yield* sandbox.requests).toHaveLength(1)
    }))

  test(
    "stops when the credentials are refused, and returns the rest as unsent",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(401)])
        const report = yield* users.bulkEdit(Arr.makeBy(2000, signUp), { concurrency: 1 })
        const outcomes = report.failedRecords.map((record) => record.outcome)
        expect(outcomes.filter((outcome) => outcome === "rejected")).toHaveLength(400)
        expect(outcomes.filter((outcome) => outcome === "unsent")).toHaveLength(1600)
        expect(new Set(ids(report.failedRecords.map((record) => record.edit))).size).toBe(2000)
        expect(yield* sandbox.requests).toHaveLength(1)
      })
  )

  test(
    "reports a record as unknown if there was no response, and as unsent if the server certainly applied nothing",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.resetPeer, Sandbox.status(500), Sandbox.status(429)])
        const outcome = users.bulkEdit([signUp(1)]).pipe(
          Effect.map((report) => report.failedRecords.map(({ error, outcome }) => [outcome, error._tag])),
          once
        )
        expect(yield* outcome).toEqual([["unknown", "SuprsendUnavailable"]])
        expect(yield* outcome).toEqual([["unknown", "SuprsendUnavailable"]])
        expect(yield* outcome).toEqual([["unsent", "SuprsendRateLimited"]])
      })
  )

  test(
    "reports a record as unknown if something other than SuprSend accepted its request",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([
          Sandbox.status(200, { body: "<html>Sign in</html>", contentType: "text/html" }),
          Sandbox.status(200, { body: "{\"hello\":\"world\"}" })
        ])
        const report = yield* users.bulkEdit(Arr.makeBy(800, signUp), { concurrency: 1 })
        expect(`${report}`).toBe("800 records: 0 accepted, 800 unknown")
        expect(new Set(report.failedRecords.map(({ error }) => error._tag))).toEqual(
          new Set(["SuprsendUnexpectedResponse"])
        )
        const Json = Schema.parseJson(Bulk.BulkReportSchema)
        const kept = yield* Effect.flatMap(Schema.encode(Json)(report), Schema.decode(Json))
        expect(yield* users.bulkEdit(Bulk.editsToRetry(kept))).toMatchObject({ status: "success", total: 800 })
      })
  )

  test("a failing request does not affect the others", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.delay("1 second"), Sandbox.status(503)])
      const fiber = yield* Effect.fork(once(users.bulkEdit(Arr.makeBy(1200, signUp), { concurrency: 3 })))
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toMatchObject({ status: "partial", total: 1200, success: 800, failure: 400 })
    }))

  test("a second try with the failed records is safe", (users, sandbox) =>
    Effect.gen(function*() {
      const visits = Arr.makeBy(500, (n) => UserEdit.increment(UserEdit.edit(`user-${n}`), "visits", 1))
      // The first request is applied, and its response lost; the second is not applied.
      yield* sandbox.script([Sandbox.resetPeerApplied, Sandbox.resetPeer])
      const first = yield* once(users.bulkEdit(visits))
      expect(first).toMatchObject({ status: "fail", failure: 500 })
      const second = yield* users.bulkEdit(first.failedRecords.map((record) => record.edit))
      expect(second).toMatchObject({ status: "success", success: 500 })
      for (const user of yield* sandbox.users) expect(user.properties.visits).toBe(1)
    }))
})

describe("outcomes", () => {
  test("say what a request cost", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.status(503, { retryAfter: "2" })])
      const fiber = yield* users.bulkEditStream([signUp(1), signUp(2)]).pipe(Stream.runCollect, Effect.fork)
      yield* TestClock.adjust("2 seconds")
      const outcomes = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
      const [request] = yield* sandbox.requests
      expect(outcomes).toMatchObject([{ attempts: 2, bytes: request?.body.length, failedRecords: [] }])
      expect(ids(outcomes[0]?.accepted ?? [])).toEqual(["user-1", "user-2"])
      expect(outcomes[0]?.elapsed).toMatchObject({ value: { millis: 2000 } })
      expect(Bulk.report(outcomes)).toMatchObject({ status: "success", total: 2 })
    }))

  it.effect.prop(
    "are exactly one per record, under any faults",
    {
      count: FastCheck.integer({ min: 0, max: 1500 }),
      concurrency: FastCheck.integer({ min: 1, max: 5 }),
      faults: FastCheck.array(faultOr(), { maxLength: 8 }),
      invalid: FastCheck.array(FastCheck.integer({ min: 0, max: 1500 }), { maxLength: 4 })
    },
    ({ concurrency, count, faults, invalid }) =>
      Effect.gen(function*() {
        const users = yield* UsersService
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.script(faults)
        const edits = (count === 0 ? [] : Arr.makeBy(count, signUp)).map((edit, n) =>
          invalid.includes(n) ? UserEdit.set(edit, "", "no key") : edit
        )
        const fiber = yield* users.bulkEditStream(edits, { concurrency }).pipe(Stream.runCollect, once, Effect.fork)
        while ((yield* Fiber.poll(fiber))._tag === "None") yield* TestClock.adjust("10 millis")
        const outcomes = Chunk.toReadonlyArray(yield* Fiber.join(fiber))
        const accepted = outcomes.flatMap((outcome) => ids(outcome.accepted))
        const failed = outcomes.flatMap((outcome) => outcome.failedRecords)
        expect([...accepted, ...ids(failed.map((record) => record.edit))].sort()).toEqual(ids(edits).sort())
        // No applied record is reported as certainly failed, and no other record as accepted.
        const taken = new Set((yield* sandbox.users).map((user) => user.distinctId))
        expect(accepted.filter((id) => !taken.has(id))).toEqual([])
        const surely = failed.filter((record) => record.outcome !== "unknown").map((record) => record.edit)
        expect(ids(surely).filter((id) => taken.has(id))).toEqual([])
      }).pipe(Effect.provide(Suprsend.layerTest)),
    { fastCheck: { numRuns: 40 } }
  )
})
