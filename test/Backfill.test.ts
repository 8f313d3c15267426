import { describe, expect, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

const ids = (count: number) => Array.from({ length: count }, (_, n) => `user-${String(n).padStart(6, "0")}`)

const visits = (name: string, rows: ReadonlyArray<string>) =>
  Backfill.make({
    name,
    rows: (after) => Stream.fromIterable(rows.filter((id) => after === undefined || id > after)),
    key: (id) => id,
    edit: (id) => increment(edit(id), "visits", 1)
  })

// The database answers through promises, which a test clock does not wait for.
layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true })("over PGlite", (it) => {
  describe("run", () => {
    it.effect("sends an edit for each row once, however often it is run", () =>
      Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("all", ids(1_000))
        const status = yield* Backfill.run(job)
        expect(String(status)).toBe("all completed: 1,000 records")
        expect(status).toMatchObject({ state: "completed", records: 1_000, accepted: 1_000, failed: 0 })
        expect((yield* sandbox.users).length).toBe(1_000)
        const requests = (yield* sandbox.requests).length
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 1_000 })
        expect((yield* sandbox.requests).length).toBe(requests)
      }).pipe(Effect.provide(Layer.fresh(Suprsend.layerTest))))
  })

  it.effect("a completed backfill stays completed", () =>
    Effect.gen(function*() {
      const { name } = yield* Backfill.run(visits("completed", ids(10)))
      for (const action of ["pause", "resume", "cancel"] as const) {
        const error = yield* Effect.flip(Backfill[action](name))
        expect(error.message).toBe(
          `cannot ${action} the backfill "completed", because it is completed: start a backfill with another name`
        )
        expect(yield* Backfill.status(name)).toMatchObject({ state: "completed" })
      }
      yield* Backfill.remove(name)
      expect(yield* Backfill.list).not.toContainEqual(expect.objectContaining({ name }))
    }).pipe(Effect.provide(Layer.fresh(Suprsend.layerTest))))
})
