// `npm run bench`. Flags: --full (the sizes of docs/benchmarks.md), --only <name> (may be repeated), --rounds <n> (2, with
// --full 3), --before <commit> (what "ours, before" is made of), --write (docs/benchmarks.md, its plots and its numbers),
// --draw (these again, from the numbers kept).
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Os from "node:os"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import { backfill } from "./measures/backfill.js"
import { batching } from "./measures/batching.js"
import { building } from "./measures/building.js"
import { bulk } from "./measures/bulk.js"
import { fleet } from "./measures/fleet.js"
import { imports } from "./measures/imports.js"
import { latency } from "./measures/latency.js"
import { limiter } from "./measures/limiter.js"
import { profile } from "./measures/profile.js"
import { scale } from "./measures/scale.js"
import { single } from "./measures/single.js"
import { sources } from "./measures/sources.js"
import { telemetry } from "./measures/telemetry.js"
import { verbs } from "./measures/verbs.js"
import { zones } from "./measures/zones.js"
import { type Measured, provenance, toPage, toTerminal } from "./page.js"
import { toSvg } from "./plot.js"
import { BenchError, makePlayer } from "./processes.js"
import { type Outcome, Results } from "./results.js"
import { toText } from "./table.js"

const measures = [
  bulk,
  zones,
  latency,
  profile,
  sources,
  scale,
  backfill,
  single,
  limiter,
  fleet,
  batching,
  building,
  verbs,
  imports,
  telemetry
]

const docs = Path.join(import.meta.dirname, "..", "..", "docs")
const resultsFile = Path.join(docs, "benchmarks", "results.json")

const cpus = Os.cpus()
const machine = `Node ${process.version} on ${cpus[0]?.model.trim() ?? "an unknown CPU"}, ${cpus.length} cores`

const flags = Effect.try({
  try: () =>
    parseArgs({
      options: {
        full: { type: "boolean", default: false },
        only: { type: "string", multiple: true },
        rounds: { type: "string" },
        before: { type: "string" },
        write: { type: "boolean", default: false },
        draw: { type: "boolean", default: false }
      }
    }).values,
  catch: (error) => new BenchError({ message: String(error) })
})

const print = ({ measure, outcome }: Measured) =>
  Console.log(`${toTerminal(measure.section(outcome.cases), toText)}\n\n  ${provenance(outcome)}`)

/** What was kept, in the order of the measures. */
const measuredOf = (outcomes: ReadonlyArray<Outcome>): ReadonlyArray<Measured> =>
  measures.flatMap((measure) =>
    outcomes.filter((outcome) => outcome.measure === measure.name).map((outcome) => ({ measure, outcome }))
  )

const read = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  return (yield* fs.exists(resultsFile))
    ? yield* Effect.flatMap(fs.readFileString(resultsFile), Schema.decode(Results))
    : []
})

const write = (outcomes: ReadonlyArray<Outcome>) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const measured = measuredOf(outcomes)
    yield* fs.makeDirectory(Path.dirname(resultsFile), { recursive: true })
    yield* fs.writeFileString(resultsFile, `${yield* Schema.encode(Results)(outcomes)}\n`)
    yield* fs.writeFileString(Path.join(docs, "benchmarks.md"), toPage(measured))
    for (const plot of measured.flatMap(({ measure, outcome }) => measure.section(outcome.cases).plots ?? [])) {
      yield* fs.writeFileString(Path.join(docs, "benchmarks", `${plot.name}.svg`), toSvg(plot))
    }
  })

interface Options {
  readonly full: boolean
  readonly only: ReadonlyArray<string>
  readonly rounds: number
  readonly before?: string | undefined
  readonly write: boolean
}

const run = (options: Options) =>
  Effect.gen(function*() {
    const chosen = measures.filter(({ name }) => options.only.includes(name))
    const player = yield* makePlayer(options.before ?? chosen.flatMap(({ before }) => before ?? []).at(0))
    for (const measure of chosen) {
      yield* Console.error(measure.name)
      const outcome = {
        measure: measure.name,
        date: new Date(yield* Clock.currentTimeMillis).toISOString().slice(0, 10),
        machine,
        full: options.full,
        rounds: options.rounds,
        cases: yield* player.play(measure.plans(options.full), options.rounds)
      }
      yield* print({ measure, outcome })
      // Measures that were left out, or not reached, keep what they had.
      if (options.write) yield* write([...(yield* read).filter((kept) => kept.measure !== measure.name), outcome])
    }
    if (!options.full) yield* Console.log("\nSmall sizes: the targets are for those of --full.")
  })

const main = Effect.gen(function*() {
  const { draw, only = measures.map(({ name }) => name), ...options } = yield* flags
  const { rounds = options.full ? "3" : "2" } = options
  const unknown = only.filter((name) => !measures.some((measure) => measure.name === name))
  if (unknown.length > 0) {
    const names = measures.map(({ name }) => name).join(", ")
    return yield* new BenchError({ message: `--only takes ${names}; not ${unknown.join(", ")}` })
  }
  if (!/^[1-9]\d*$/.test(rounds)) return yield* new BenchError({ message: "--rounds takes a number of at least 1" })
  if (draw) {
    const kept = yield* read
    yield* Effect.forEach(measuredOf(kept), print)
    return yield* write(kept)
  }
  yield* Effect.scoped(run({ ...options, only, rounds: Number(rounds) }))
})

NodeRuntime.runMain(Effect.provide(main, NodeContext.layer))
