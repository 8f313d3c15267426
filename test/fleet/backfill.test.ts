// The quick ones of `npm run chaos -- --part backfill`: real runners on a cluster, and a PostgreSQL of their own.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { run } from "./backfillScenarios.js"
import { canServe } from "./postgres.js"

const there = canServe("runners of a backfill over PostgreSQL")

const job = { name: "increments", version: "1", partitions: 12, rows: 3_000, delay: 300 }

describe.skipIf(!there)("runners of a backfill", () => {
  it.scopedLive(
    "apply each edit once, whatever happens to them or to their database",
    () =>
      Effect.gen(function*() {
        const { problems } = yield* run(
          "quick",
          {
            options: { versions: ["1", "1", "0"] },
            longestGap: 30,
            play: (fleet) =>
              Effect.gen(function*() {
                yield* fleet.signal(0, "SIGKILL")
                yield* fleet.replace(0)
                yield* fleet.database.stopHard
                yield* fleet.database.begin
                yield* fleet.signal(1, "SIGTERM")
              })
          },
          "test",
          job
        )
        expect(problems).toEqual([])
      }),
    { timeout: 180_000, retry: 1 }
  )
})
