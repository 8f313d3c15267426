// A backfill that goes on where it stopped: `npx tsx docs/examples/backfill.ts`. Kill it, and run it again.
import { NodeRuntime } from "@effect/platform-node"
import { Console, Effect, Layer, Stream } from "effect"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, set } from "effect-suprsend/UserEdit"

// The rows of your database, in the order of their keys.
const users = Array.from({ length: 20_000 }, (_, n) => ({ id: `user-${String(n).padStart(5, "0")}`, plan: "pro" }))

const plans = Backfill.make({
  name: "plans-2026",
  rows: (after) => Stream.fromIterable(users.filter(({ id }) => after === undefined || id > after)),
  key: (user) => user.id,
  edit: (user) => set(edit(user.id), "plan", user.plan),
  total: Effect.succeed(users.length)
})

// A sandbox in this process, at 4,000 users a second. For a workspace, use Suprsend.layerConfig().
const SuprsendLive = Layer.unwrapEffect(
  Effect.map(
    SandboxServer.SandboxServer,
    ({ options }) => Suprsend.layer({ ...options, rateLimit: { limit: 10, window: "1 second" } })
  )
).pipe(Layer.provide(SandboxServer.layer()))

const LedgerLive = BackfillLedgerPGlite.layer({ directory: process.argv[2] ?? "./backfill" })

const program = Effect.gen(function*() {
  yield* Console.log(`start at ${yield* Backfill.start(plans)}`)
  const progress = Stream.runForEach(Backfill.progress(plans.name), Console.log)
  yield* Effect.zip(Backfill.run(plans), progress, { concurrent: true })
})

program.pipe(Effect.provide(Layer.merge(SuprsendLive, LedgerLive)), NodeRuntime.runMain)
