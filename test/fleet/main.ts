// `npm run chaos -- --part limiter --seconds 60 --processes 8 --seed 7 --only kill --write`: a fleet for each fault, which comes at a
// random moment; `--part backfill --records 200000`: the runners of a backfill for each fault.
// --write puts the tables into docs/reliability.md. A failure prints its seed.
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import * as format from "../../src/internal/support/format.js"
import { canServe } from "../utils/redis.js"
import type { Job } from "./backfillJob.js"
import * as Backfills from "./backfillScenarios.js"
import { type Fleet, type Options, start } from "./fleet.js"
import * as Postgres from "./postgres.js"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    processes: { type: "string", default: "8" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    records: { type: "string", default: "200000" },
    part: { type: "string" },
    only: { type: "string", multiple: true },
    write: { type: "boolean", default: false }
  }
})
const seconds = Number(values.seconds)
const processes = Number(values.processes)
const records = Number(values.records)
const seed = Number(values.seed)

interface Scenario {
  readonly options?: Partial<Options>
  /** Returns how late the last arrival of another process after a 429 was, in milliseconds, if there was one. */
  readonly play?: (fleet: Fleet) => Effect.Effect<number | undefined>
  /** The share of the limit that must be used. */
  readonly least: number
  /** Whether the counter of scripts starts anew. */
  readonly isNewServer?: boolean
}

/** A fault without a number to tell. */
const fault = (act: (fleet: Fleet) => Effect.Effect<unknown>): NonNullable<Scenario["play"]> => (fleet) =>
  Effect.as(act(fleet), undefined)

const some = (fleet: Fleet, act: (n: number) => Effect.Effect<void>) =>
  Effect.flatMap(
    Random.shuffle(fleet.processes.map((_, n) => n)),
    (all) => Effect.forEach([...all].slice(0, Math.floor(3 * processes / 8)), act, { discard: true })
  )

const scenarios: Record<string, Scenario> = {
  "no fault": { least: 0.97 },
  "clocks of processes 5 s apart": { options: { clocks: 5_000 }, least: 0.97 },
  "a 429 with `Retry-After: 3` to one process": { play: (fleet) => fleet.refuseOne(3), least: 0 },
  "`kill -9` of 3 of 8 processes": { play: fault((fleet) => some(fleet, fleet.kill)), least: 0 },
  "SIGTERM to 3 of 8 processes": { play: fault((fleet) => some(fleet, fleet.end)), least: 0.6 },
  "Redis stands still for 3 s (SIGSTOP)": {
    play: fault((fleet) => Effect.zipRight(fleet.stop, Effect.zipRight(Effect.sleep(3_000), fleet.goOn))),
    least: 0.6
  },
  "Redis restarts without its data": { play: fault((fleet) => fleet.restart), least: 0.6, isNewServer: true },
  "`FLUSHALL`": { play: fault((fleet) => fleet.flush), least: 0.6 },
  "failover to a replica that lost up to 1 s": {
    play: fault((fleet) => Effect.flatMap(Random.nextIntBetween(0, 1_000), (lost) => fleet.failover(lost))),
    least: 0.6,
    isNewServer: true
  },
  "10 s without Redis": {
    play: fault((fleet) => Effect.zipRight(fleet.cut, Effect.zipRight(Effect.sleep(10_000), fleet.join))),
    least: 0.6
  }
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`

const run = (name: string, { isNewServer = false, least, options, play }: Scenario) =>
  Effect.gen(function*() {
    const fleet = yield* start({ processes, ...options })
    // A new key waits for processes that might know another state, and slots are granted at the pace of the limit.
    yield* fleet.used(5)
    const before = yield* fleet.scripts
    const [used, late] = yield* Effect.all([
      fleet.used(seconds),
      Effect.flatMap(
        Random.nextIntBetween(1_000, Math.max(1_001, seconds * 500)),
        (moment) =>
          Effect.delay(
            Effect.suspend((): Effect.Effect<number | undefined> => play?.(fleet) ?? Effect.succeed(undefined)),
            moment
          )
      )
    ], { concurrency: "unbounded" })
    const scripts = isNewServer ? undefined : ((yield* fleet.scripts) - before) / seconds / processes
    const refused = fleet.refused()
    const problems = [
      ...(refused > 0 ? [`${refused} refused`] : []),
      ...(used < least ? [`${percent(used)} used, not ${percent(least)}`] : []),
      ...(scripts !== undefined && scripts > 60 ? [`${scripts.toFixed(1)} scripts a second and process`] : []),
      ...(late !== undefined && late > 100 ? [`an arrival ${late.toFixed(0)} ms after the pause began`] : [])
    ]
    const row = [
      `**${name}**`,
      String(refused),
      percent(used),
      late === undefined ? "" : `${late.toFixed(0)} ms`,
      scripts === undefined ? "" : scripts.toFixed(1)
    ]
    yield* Console.log(`${row.join(" | ")}${problems.length > 0 ? `   FAILED: ${problems.join(", ")}` : ""}`)
    return { row, problems }
  }).pipe(Effect.scoped, Effect.withRandom(Random.make(`${seed} ${name}`)))

const page = Path.join(import.meta.dirname, "..", "..", "docs", "reliability.md")

/** Writes a table between the marks that name it. */
const write = (name: string, header: string, rows: ReadonlyArray<ReadonlyArray<string>>) => {
  const [begin, end] = [
    `<!-- the table of ${name}: written by npm run chaos -->`,
    `<!-- the end of the table of ${name} -->`
  ]
  const text = Fs.readFileSync(page, "utf8")
  const [head, rest] = text.split(begin)
  const tail = rest?.split(end)[1]
  const columns = header.split(" | ").length
  const table = [`| ${header} |`, `|${"---|".repeat(columns)}`, ...rows.map((row) => `| ${row.join(" | ")} |`)]
  Fs.writeFileSync(page, `${head}${begin}\n\n${table.join("\n")}\n\n${end}${tail}`)
}

const isChosen = (name: string) => values.only === undefined || values.only.some((word) => name.includes(word))

const limiters = Effect.gen(function*() {
  if (!canServe("npm run chaos: limiter")) return []
  const chosen = Object.entries(scenarios).filter(([name]) => isChosen(name))
  const results = yield* Effect.forEach(chosen, ([name, scenario]) => run(name, scenario))
  if (values.write && values.only === undefined) {
    write(
      "a fleet",
      `${processes} processes, ${seconds} s each | refused | of the limit used | ` +
        "last arrival elsewhere after the 429 | scripts a second and process",
      results.map(({ row }) => row)
    )
  }
  return results
})

// About 3,000 records a second, so that there is time for faults.
const job: Job = { name: "increments", version: "1", partitions: 25, rows: records / 25, delay: 400 }

const backfills = Effect.gen(function*() {
  if (!Postgres.canServe("npm run chaos: backfill")) return []
  const chosen = Object.entries(Backfills.scenarios).filter(([name]) => isChosen(name))
  const results = yield* Effect.forEach(chosen, ([name, scenario]) => Backfills.run(name, scenario, String(seed), job))
  if (values.write && values.only === undefined) {
    write(
      "backfills",
      `3 runners, ${format.count(records, "increment")} | applied once | longest gap | sent again | took`,
      results.map(({ row }) => row)
    )
  }
  return results
})

const main = Effect.gen(function*() {
  yield* Console.log(`seed ${seed}`)
  const results = [
    ...(values.part === "backfill" ? [] : yield* limiters),
    ...(values.part === "limiter" ? [] : yield* backfills)
  ]
  if (results.some(({ problems }) => problems.length > 0)) {
    yield* Console.error(
      `Again: npm run chaos -- --seconds ${seconds} --processes ${processes} --records ${records} --seed ${seed}`
    )
    process.exitCode = 1
  }
})

NodeRuntime.runMain(main)
