import { expect, layer } from "@effect/vitest"
import * as WorkflowEngine from "@effect/workflow/WorkflowEngine"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as BackfillWorkflow from "effect-suprsend/BackfillWorkflow"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const visits = (name: string) =>
  Backfill.makePartitioned({
    name,
    range: Schema.Number,
    partitions: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    rows: (range, after) =>
      Stream.fromIterable(Array.from({ length: 500 }, (_, n) => `user-${range}-${String(n).padStart(3, "0")}`)).pipe(
        Stream.filter((id) => after === undefined || id > after)
      ),
    key: (id) => id,
    edit: (id) => increment(edit(id), "visits", 1)
  })

layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true })("over PGlite", (it) => {
  it.effect("works on every partition once, after it is started", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const job = visits("engine")
      yield* Layer.build(BackfillWorkflow.layer(job, { lookInterval: "20 millis" }))
      expect(yield* Backfill.start(job)).toMatchObject({ state: "running", records: 0 })
      yield* Stream.runDrain(Backfill.progress(job.name, "20 millis"))
      expect(yield* Backfill.status(job.name)).toMatchObject({ state: "completed", records: 5_000, accepted: 5_000 })
      expect((yield* sandbox.users).length).toBe(5_000)
      expect((yield* sandbox.deliveries).every(({ applied }) => applied.length === 1)).toBe(true)
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(Suprsend.layerTest)), Effect.provide(WorkflowEngine.layerMemory)))
})
