// A nightly job: `npx tsx docs/examples/nightly.ts`. Ctrl-C ends it in order, and it says how far it came.
import { NodeRuntime, NodeTerminal } from "@effect/platform-node"
import { Console, Effect, Layer } from "effect"
import * as Bulk from "effect-suprsend/Bulk"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

const rows = Array.from({ length: 5_000 }, (_, n) => ({ id: `user-${n}`, plan: n % 2 === 0 ? "pro" : "free" }))

const job = Effect.gen(function*() {
  const users = yield* UsersService
  const report = yield* Bulk.withProgress(
    { total: rows.length },
    (onOutcome) =>
      users.bulkEdit(rows.map((row) => set(edit(row.id), "plan", row.plan)), {
        onOutcome,
        grace: "10 seconds",
        onError: (report) => Console.log(`stopped: ${report}`)
      })
  )
  yield* Console.log(report)
})

job.pipe(Effect.provide(Layer.merge(Suprsend.layerConfig(), NodeTerminal.layer)), NodeRuntime.runMain)
