import { describe, expect, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Sandbox from "effect-suprsend/Sandbox"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { after, ids, overSandbox } from "../utils/backfill.js"
import { until } from "../utils/until.js"

const faults: FastCheck.Arbitrary<Sandbox.Fault> = FastCheck.constantFrom(
  Sandbox.status(500),
  Sandbox.status(503),
  Sandbox.status(500, { applied: true }),
  Sandbox.status(429, { retryAfter: "0" }),
  Sandbox.status(401),
  Sandbox.status(404),
  Sandbox.resetPeer,
  Sandbox.resetPeerApplied,
  Sandbox.truncateBody,
  Sandbox.malformedBody({ applied: false }),
  Sandbox.malformedBody({ applied: true })
)

const scenario = FastCheck.record({
  /** The number of rows of each partition. */
  partitions: FastCheck.array(FastCheck.integer({ min: 0, max: 500 }), { minLength: 1, maxLength: 4 }),
  pageSize: FastCheck.integer({ min: 1, max: 300 }),
  /** Each so manieth row is refused, or is invalid. */
  refused: FastCheck.integer({ min: 20, max: 400 }),
  invalid: FastCheck.integer({ min: 20, max: 400 }),
  /** The faults of each run, and after how many requests it is stopped. */
  runs: FastCheck.array(
    FastCheck.record({
      faults: FastCheck.array(faults, { maxLength: 6 }),
      stop: FastCheck.constantFrom("pause" as const, "interrupt" as const, "none" as const),
      after: FastCheck.integer({ min: 0, max: 6 })
    }),
    { maxLength: 4 }
  ),
  workers: FastCheck.integer({ min: 1, max: 3 }),
  checkpointInterval: FastCheck.constantFrom(0, 5, 60_000)
})

let names = 0

layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true, timeout: "60 seconds" })("over PGlite", (it) => {
  describe("whatever fails and whoever stops it", () => {
    it.effect.prop(
      "each row is applied once or stored as failed, and the counts say so",
      [scenario],
      ([{ checkpointInterval, invalid, pageSize, partitions, refused, runs, workers }]) =>
        overSandbox(Effect.gen(function*() {
          const sandbox = yield* Sandbox.Sandbox
          const name = `law-${names++}`
          const rows = partitions.map((count, range) =>
            ids(count, `r${range}`).map((id, n) =>
              n % refused === 1 ? `${id}-refused` : n % invalid === 2 ? `${id}-invalid` : id
            )
          )
          const job = Backfill.makePartitioned({
            name,
            range: Schema.Number,
            partitions: partitions.map((_, range) => range),
            rows: (range, cursor) => after(rows[range] ?? [], cursor, pageSize),
            key: (id) => id,
            edit: (id) => id.endsWith("-invalid") ? edit(" ") : increment(edit(id), "visits", 1)
          })
          const refusal = Sandbox.when(({ body }) => body.includes("-refused\""), Sandbox.status(422))
          const options: Backfill.RunOptions = {
            partitions: workers,
            concurrency: 2,
            claimTimeout: "2 seconds",
            checkpointInterval,
            retry: Schedule.intersect(Schedule.spaced("1 millis"), Schedule.recurs(2))
          }
          yield* Backfill.start(job)
          for (const { after, faults, stop } of runs) {
            yield* sandbox.faults.replace([
              refusal,
              Sandbox.inOrder(...faults.map((fault) => Sandbox.failNext(1, fault)))
            ])
            const arrived = (yield* sandbox.requests).length
            const running = yield* Effect.fork(Effect.exit(Backfill.run(job, options)))
            if (stop !== "none") {
              yield* Effect.raceFirst(
                until(sandbox.requests, ({ length }) => length > arrived + after),
                Fiber.await(running)
              )
              yield* stop === "pause" ? Effect.ignore(Backfill.pause(name)) : Fiber.interrupt(running)
            }
            yield* Fiber.await(running)
            const { accepted, failed, records } = yield* Backfill.status(name)
            expect(accepted + failed).toBe(records)
            yield* Effect.ignore(Backfill.resume(name))
          }
          yield* sandbox.faults.replace([refusal])
          const all = rows.flat()
          yield* Backfill.run(job, options)
          // A batch that alone failed for long may be stored as failed, and can be sent again.
          yield* Backfill.retryFailed(name)
          const failed = Chunk.toReadonlyArray(yield* Stream.runCollect(Backfill.failed(name))).map(({ key }) => key)
          const deliveries = yield* sandbox.deliveries
          const mustFail = all.filter((id) => /-(refused|invalid)$/.test(id))
          expect(failed).toEqual([...mustFail].sort())
          expect(deliveries.map(({ distinctId }) => distinctId).sort()).toEqual(
            all.filter((id) => !/-(refused|invalid)$/.test(id)).sort()
          )
          expect(deliveries.every(({ applied }) => applied.length === 1)).toBe(true)
          expect(yield* Backfill.status(name)).toMatchObject({
            state: "completed",
            records: all.length,
            accepted: all.length - mustFail.length,
            failed: mustFail.length
          })
        })),
      { fastCheck: { numRuns: 5, endOnFailure: true } }
    )
  })
})
