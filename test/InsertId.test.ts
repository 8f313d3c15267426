import { describe, expect, it } from "@effect/vitest"
import { InsertId } from "effect-suprsend/InsertId"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { pipe } from "effect/Function"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import { issuesOf } from "./utils/issues.js"
import { testOver } from "./utils/sandbox.js"
import { asEdit, dataFirst, untyped } from "./utils/untyped.js"

const test = testOver(Suprsend.layerTest)

const ada = pipe(UserEdit.edit("ada"), UserEdit.addEmail("ada@example.com"), UserEdit.set("plan", "pro"))

const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/

const make = Effect.flatten(InsertId)

describe("by default", () => {
  it.effect("is a different UUID of version 4 each time, also for fibers that run concurrently", () =>
    Effect.gen(function*() {
      const ids = yield* Effect.replicateEffect(make, 1_000, { concurrency: "unbounded" })
      for (const id of ids) expect(id).toMatch(uuid)
      expect(new Set(ids).size).toBe(1_000)
    }))

  it.effect("does not repeat with the seed of Random", () =>
    Effect.gen(function*() {
      const first = yield* Effect.withRandom(make, Random.make("seed"))
      const second = yield* Effect.withRandom(make, Random.make("seed"))
      expect(first).not.toBe(second)
    }))

  test("is made for every edit without an id", (users) =>
    Effect.gen(function*() {
      const first = yield* users.asyncEdit(ada)
      const second = yield* users.asyncEdit(ada)
      expect(first.insertId).toMatch(uuid)
      expect(second.insertId).not.toBe(first.insertId)
    }))
})

describe("an insert id of an edit", () => {
  test(
    "is kept, so that a job that runs twice counts once",
    (users, sandbox) =>
      Effect.gen(function*() {
        const visit = UserEdit.increment(UserEdit.edit("ada", { insertId: "job-7" }), "visits", 1)
        yield* users.asyncEdit(visit)
        yield* users.asyncEdit(visit)
        expect(Option.getOrThrow(yield* sandbox.user("ada")).properties.visits).toBe(1)
      })
  )

  test("of null, as from a column without a value, is refused by each way to send", (users) =>
    Effect.gen(function*() {
      const edit = asEdit(untyped(UserEdit.edit)("ada", { insertId: null }))
      const report = yield* users.bulkEdit([edit, ada])
      expect(report).toMatchObject({ success: 1, failure: 1, failedRecords: [{ outcome: "invalid", index: 0 }] })
      expect(yield* Effect.flip(users.asyncEdit(edit))).toMatchObject({ _tag: "InvalidUserEdit" })
    }))

  test("is used instead of one of the service", (users) =>
    Effect.gen(function*() {
      const accepted = yield* Effect.provideService(
        users.asyncEdit(UserEdit.withInsertId(ada, "job-7")),
        InsertId,
        Effect.dieMessage("not needed")
      )
      expect(accepted.insertId).toBe("job-7")
    }))

  it.prop("is invalid if it is blank or not a string", [
    FastCheck.oneof(
      FastCheck.stringMatching(/^[ \t\n\u3000\u0085]{0,4}$/),
      FastCheck.constantFrom<unknown>(null, 5, {}, 1n)
    )
  ], ([insertId]) => {
    for (
      const edit of [
        asEdit(untyped(UserEdit.edit)("user-42", { insertId })),
        dataFirst(UserEdit.withInsertId, UserEdit.edit("user-42"), [insertId])
      ]
    ) expect(issuesOf(edit).map(({ path }) => path)).toEqual([["insertId"]])
  })
})

describe("a service of your own", () => {
  test("makes the ids of single and of bulk edits, one for each", (users, sandbox) =>
    Effect.gen(function*() {
      let count = 0
      const service = Effect.sync(() => `insert-id-${++count}`)
      yield* Effect.provideService(
        Effect.zipRight(users.asyncEdit(ada), users.bulkEdit([ada, UserEdit.withInsertId(ada, "job-7"), ada])),
        InsertId,
        service
      )
      expect(new Set(yield* sandbox.acceptedInsertIds)).toEqual(
        new Set(["insert-id-1", "insert-id-2", "job-7", "insert-id-3"])
      )
    }))

  test("that repeats an id makes one event of two edits", (users, sandbox) =>
    Effect.gen(function*() {
      const visit = UserEdit.increment(ada, "visits", 1)
      yield* Effect.provideService(
        Effect.all([users.asyncEdit(visit), users.asyncEdit(visit)]),
        InsertId,
        Effect.succeed("same")
      )
      expect(Option.getOrThrow(yield* sandbox.user("ada")).properties.visits).toBe(1)
    }))

  test("that returns a blank id fails the edit, and nothing is sent", (users, sandbox) =>
    Effect.gen(function*() {
      const blank = Effect.provideService(Effect.flip(users.asyncEdit(ada)), InsertId, Effect.succeed(" "))
      expect(yield* blank).toMatchObject({ _tag: "InvalidUserEdit", issues: [{ path: ["insertId"] }] })
      expect(yield* sandbox.requests).toEqual([])
    }))

  test(
    "that returns null, from JavaScript, fails the edit, and no other id takes its place",
    (users, sandbox) =>
      Effect.gen(function*() {
        const none: Effect.Effect<string> = Effect.sync(() => JSON.parse("null"))
        const single = Effect.provideService(Effect.flip(users.asyncEdit(ada)), InsertId, none)
        expect(yield* single).toMatchObject({ _tag: "InvalidUserEdit", issues: [{ path: ["insertId"] }] })
        const bulk = Effect.provideService(users.bulkEdit([ada]), InsertId, none)
        expect(yield* bulk).toMatchObject({ failedRecords: [{ outcome: "invalid" }] })
        expect(yield* sandbox.requests).toEqual([])
      })
  )
})
