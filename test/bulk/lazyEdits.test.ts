import { describe, expect } from "@effect/vitest"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import * as lazyEdits from "../../src/internal/bulk/lazyEdits.js"
import { testOver } from "../utils/sandbox.js"

const test = testOver(Suprsend.layerTest)

const rowsOf = (count: number) => Stream.range(0, count - 1)

class NoEdit extends Error {}

/** Lazy edits of users, which counts how many were made. */
const counted = (rows: Stream.Stream<number>, isValid: (row: number) => boolean = () => true) => {
  const seen = { made: 0 }
  const edits = lazyEdits.make<number, "no edit", never>({
    rows,
    make: (row) => {
      if (!isValid(row)) throw row < 0 ? new Error("a defect") : new NoEdit()
      seen.made++
      return UserEdit.set(UserEdit.edit(`user-${row}`), "row", row)
    },
    onThrow: (thrown) => thrown instanceof NoEdit ? Exit.fail("no edit") : Exit.die(thrown)
  })
  return { edits, seen }
}

describe("lazy edits", () => {
  test("are sent like those of any stream", (users, sandbox) =>
    Effect.gen(function*() {
      const { edits, seen } = counted(rowsOf(5_000))
      expect(yield* users.bulkEdit(edits)).toMatchObject({ success: 5_000, failure: 0 })
      expect(seen.made).toBe(5_000)
      expect((yield* sandbox.users).map(({ properties }) => properties["row"]).sort((a, b) => Number(a) - Number(b)))
        .toEqual(Array.from({ length: 5_000 }, (_, row) => row))
    }))

  test("are made when they are sent, and not a chunk at once", (users) =>
    Effect.gen(function*() {
      // All 4,000 rows come in one chunk.
      const { edits, seen } = counted(rowsOf(4_000))
      const first = yield* Stream.runHead(
        Stream.map(users.bulkEditStream(edits, { concurrency: 1 }), ({ success }) => ({ success, made: seen.made }))
      )
      expect(first).toMatchObject({ value: { success: 400 } })
      expect(seen.made).toBeLessThan(1_600)
    }))

  test(
    "end at a row of which none is made, after those before it were sent",
    (users, sandbox) =>
      Effect.gen(function*() {
        const { edits, seen } = counted(rowsOf(1_000), (row) => row !== 500)
        expect(yield* Effect.flip(users.bulkEdit(edits))).toBe("no edit")
        expect(seen.made).toBe(500)
        expect(yield* sandbox.users).toHaveLength(500)
      })
  )

  test("die of a defect", (users, sandbox) =>
    Effect.gen(function*() {
      const { edits } = counted(Stream.make(1, 2, -1, 3), (row) => row > 0)
      const exit = yield* Effect.exit(users.bulkEdit(edits))
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("a defect")
      expect(yield* sandbox.users).toHaveLength(2)
    }))

  test("may come from rows that are undefined or null", (users) =>
    Effect.gen(function*() {
      let n = 0
      const edits = lazyEdits.make({
        rows: Stream.make(undefined, null, undefined),
        make: () => UserEdit.edit(`user-${n++}`),
        onThrow: Exit.die
      })
      expect(yield* users.bulkEdit(edits)).toMatchObject({ success: 3 })
    }))

  test("are a stream for any other consumer", (users) =>
    Effect.gen(function*() {
      const { edits } = counted(rowsOf(1_000))
      const collected = Chunk.toReadonlyArray(yield* Stream.runCollect(edits))
      expect(collected).toHaveLength(1_000)
      expect(yield* users.bulkEdit(Stream.map(edits, (edit) => edit))).toMatchObject({ success: 1_000 })
      const { edits: failing, seen } = counted(rowsOf(1_000), (row) => row !== 500)
      expect(yield* Effect.flip(Stream.runDrain(failing))).toBe("no edit")
      expect(seen.made).toBe(500)
      const { edits: defective } = counted(Stream.make(-1), () => false)
      const exit = yield* Effect.exit(Stream.runDrain(defective))
      expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("a defect")
    }))

  test("of a stream that fails fail with it", (users, sandbox) =>
    Effect.gen(function*() {
      const edits = lazyEdits.make<number, "lost", never>({
        rows: Stream.concat(rowsOf(10), Stream.fail("lost")),
        make: (row) => UserEdit.edit(`user-${row}`),
        onThrow: Exit.die
      })
      expect(yield* Effect.flip(users.bulkEdit(edits))).toBe("lost")
      expect(yield* sandbox.users).toHaveLength(10)
    }))
})
