// Starts the backfill, and shows its progress. Ctrl-C ends only the display.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Stream } from "effect"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedger from "effect-suprsend/BackfillLedger"
import * as Suprsend from "effect-suprsend/Suprsend"
import { PgLive, plans } from "./backfill-plans.js"

const program = Effect.gen(function*() {
  yield* Backfill.start(plans)
  yield* Stream.runForEach(Backfill.progress(plans.name), Console.log)
})

program.pipe(
  Effect.provide(BackfillLedger.layer),
  Effect.provide(Layer.merge(Suprsend.layerConfig(), PgLive)),
  NodeRuntime.runMain
)
