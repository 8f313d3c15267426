// A process that runs a backfill over a ledger in a directory, until it is done or killed.
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const rows = Array.from({ length: 20_000 }, (_, n) => `user-${String(n).padStart(6, "0")}`)

const job = Backfill.make({
  name: "killed",
  rows: (after) => Stream.fromIterable(rows.filter((id) => after === undefined || id > after)),
  key: (id) => id,
  edit: (id) => increment(edit(id), "visits", 1)
})

await Effect.runPromise(
  Backfill.run(job, { checkpointInterval: "20 millis", concurrency: 2 }).pipe(
    Effect.provide(Suprsend.layerConfig()),
    Effect.provide(BackfillLedgerPGlite.layer({ directory: process.argv[2] ?? "" }))
  )
)
