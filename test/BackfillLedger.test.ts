import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import { SqlError } from "@effect/sql/SqlError"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedger from "effect-suprsend/BackfillLedger"
import * as Sandbox from "effect-suprsend/Sandbox"
import { edit } from "effect-suprsend/UserEdit"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import { layerMemoryWithSqlClient } from "../src/internal/backfill/ledger/pglite.js"
import { appliedOnce, ids, overSandbox, quick, untilStatus, visits } from "./utils/backfill.js"
import { ledgerSuite } from "./utils/ledgerSuite.js"
import * as postgres from "./utils/postgres.js"
import { until } from "./utils/until.js"

const refused = new SqlError({ cause: new Error("connect ECONNREFUSED"), message: "Failed to acquire connection" })

/**
 * A ledger over a client that fails while `failing` is above 0, which each try lessens by 1. What a failure is like can
 * be given: without it, the connection is refused.
 */
const flaky = (failure: Effect.Effect<never, SqlError> = Effect.fail(refused)) =>
  Effect.gen(function*() {
    const failing = yield* Ref.make(0)
    const tries = yield* Ref.make(0)
    const inner = yield* SqlClient.SqlClient
    const acquirer = Ref.update(tries, (n) => n + 1).pipe(
      Effect.zipRight(Ref.getAndUpdate(failing, (n) => Math.max(0, n - 1))),
      Effect.flatMap((left) => left > 0 ? failure : inner.reserve)
    )
    const client = yield* SqlClient.make({
      acquirer,
      transactionAcquirer: acquirer,
      compiler: PgClient.makeCompiler(),
      spanAttributes: []
    }).pipe(Effect.provide(Reactivity.layer))
    const ledger = yield* Effect.provide(
      BackfillLedger.BackfillLedger,
      Layer.provide(BackfillLedger.layer, Layer.succeed(SqlClient.SqlClient, client))
    )
    return { failing, tries, ledger: Layer.succeed(BackfillLedger.BackfillLedger, ledger) }
  })

layer(layerMemoryWithSqlClient, { excludeTestServices: true, timeout: "60 seconds" })("over a client", (it) => {
  it.effect("that fails for a while, a run goes on", () =>
    overSandbox(Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const { failing, ledger } = yield* flaky()
      yield* sandbox.faults.add(Sandbox.latency("25 millis"))
      const job = visits("outage of the ledger", ids(10_000))
      yield* Ref.set(failing, 2)
      const running = yield* Effect.fork(Effect.provide(Backfill.run(job, quick), ledger))
      for (const records of [0, 1_000]) {
        yield* untilStatus(job.name, (status) => status.records > records)
        yield* Ref.set(failing, 2)
      }
      expect(yield* Fiber.join(running)).toMatchObject({ state: "completed", records: 10_000, accepted: 10_000 })
      expect(yield* Ref.get(failing)).toBe(0)
      expect(yield* appliedOnce(sandbox)).toBe(10_000)
    })))

  it.effect("that fails for good, an operation fails after two minutes", () =>
    Effect.gen(function*() {
      const { failing, ledger, tries } = yield* flaky()
      yield* Ref.set(failing, 1_000_000)
      yield* Ref.set(tries, 0)
      const asking = yield* Effect.fork(Effect.flip(Effect.provide(Backfill.status("anything"), ledger)))
      yield* TestClock.adjust("90 seconds")
      expect(yield* Fiber.poll(asking)).toEqual(Option.none())
      yield* TestClock.adjust("60 seconds")
      const error = yield* Fiber.join(asking)
      expect(error).toMatchObject({ _tag: "SuprsendLedgerError", operation: "read a status" })
      expect(error.message).toBe(
        "the ledger of backfills failed to read a status: Failed to acquire connection: connect ECONNREFUSED. " +
          "Check the database; a run goes on where it stopped"
      )
      expect(yield* Ref.get(tries)).toBeGreaterThan(30)
    }).pipe(Effect.provide(TestContext.TestContext)))

  it.effect("that does not respond, an operation tries again after a quarter of a minute", () =>
    Effect.gen(function*() {
      const { failing, ledger, tries } = yield* flaky(Effect.never)
      yield* Ref.set(failing, 2)
      yield* Ref.set(tries, 0)
      const asking = yield* Effect.fork(Effect.provide(Backfill.list, ledger))
      yield* TestClock.adjust("14 seconds")
      expect(yield* Ref.get(tries)).toBe(1)
      yield* TestClock.adjust("2 seconds")
      expect(yield* Ref.get(tries)).toBe(2)
      yield* TestClock.adjust("20 seconds")
      yield* Fiber.join(asking)
    }).pipe(Effect.provide(TestContext.TestContext)))

  it.effect("that never responds, an operation fails and says so", () =>
    Effect.gen(function*() {
      const { failing, ledger } = yield* flaky(Effect.never)
      yield* Ref.set(failing, 1_000_000)
      const asking = yield* Effect.fork(Effect.flip(Effect.provide(Backfill.list, ledger)))
      yield* TestClock.adjust("3 minutes")
      expect((yield* Fiber.join(asking)).message).toContain("No response within 15s")
    }).pipe(Effect.provide(TestContext.TestContext)))

  it.effect("that does not respond, a run that is interrupted ends in time, and says what is lost", () =>
    overSandbox(Effect.gen(function*() {
      const { failing, ledger, tries } = yield* flaky(Effect.never)
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => lines.push(String(message)))
      const job = Backfill.make({ name: "silent", rows: () => Stream.never, key: String, edit })
      yield* Backfill.start(job)
      for (const free of [0, 3]) {
        yield* Ref.set(tries, 0)
        const running = yield* Backfill.run(job).pipe(
          Effect.provide(ledger),
          Effect.provide(Logger.replace(Logger.defaultLogger, logger)),
          Effect.fork
        )
        // The definition is checked, and then either nothing can be claimed, or nothing saved.
        yield* until(Ref.get(tries), (n) => n > free)
        yield* Ref.set(failing, 1_000_000)
        yield* TestClock.adjust("1 minute")
        const ending = yield* Effect.fork(Fiber.interrupt(running))
        const look = Effect.zipRight(TestClock.adjust("1 second"), Fiber.poll(ending))
        const since = yield* Clock.currentTimeMillis
        yield* until(look, Option.isSome)
        expect((yield* Clock.currentTimeMillis) - since).toBeLessThan(15_000)
        yield* Ref.set(failing, 0)
      }
      expect(lines.join("\n")).toContain(
        "partition 0 of silent: the ledger of backfills failed to save the last checkpoint: No response within 10s"
      )
    })).pipe(Effect.provide(TestContext.TestContext)))

  it.effect("whose user lost its rights, a run fails at once and goes on later", () =>
    overSandbox(Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const sql = yield* SqlClient.SqlClient
      const job = visits("rights", ids(1_000))
      yield* Backfill.start(job)
      yield* sql`ALTER TABLE suprsend_backfill_checkpoint RENAME TO elsewhere`
      const options = { ...quick, claimTimeout: "1 second" } as const
      const error = yield* Effect.flip(Backfill.run(job, options))
      yield* sql`ALTER TABLE elsewhere RENAME TO suprsend_backfill_checkpoint`
      expect(error).toMatchObject({ _tag: "SuprsendLedgerError" })
      expect(error.message).toContain("suprsend_backfill_checkpoint")
      expect(yield* Backfill.status("rights")).toMatchObject({ state: "running", records: 0 })
      expect(yield* Backfill.run(job, options)).toMatchObject({ state: "completed", accepted: 1_000 })
      expect(yield* appliedOnce(sandbox)).toBe(1_000)
    })))
})

const hasPostgres = await postgres.isThere("the ledger over PostgreSQL")

describe.runIf(hasPostgres)("PostgreSQL", () => {
  layer(Layer.provideMerge(BackfillLedger.layer, postgres.layer), { excludeTestServices: true })(
    "in a schema",
    (it) => {
      ledgerSuite(it)

      it.effect("is shared by runs with connections of their own", () =>
        overSandbox(Effect.gen(function*() {
          const sandbox = yield* Sandbox.Sandbox
          const sql = yield* SqlClient.SqlClient
          const [found] = yield* sql<{ readonly schema: string }>`SELECT current_schema() AS schema`
          const another = Layer.fresh(Layer.provide(BackfillLedger.layer, postgres.layerIn(found?.schema ?? "")))
          const job = visits("shared", ids(3_000))
          yield* sandbox.faults.add(Sandbox.latency("2 millis"))
          const runs = yield* Effect.all([
            Backfill.run(job, quick),
            Effect.provide(Backfill.run(job, quick), another)
          ], { concurrency: "unbounded" })
          expect(runs).toMatchObject([{ state: "completed", accepted: 3_000 }, { state: "completed", accepted: 3_000 }])
          expect(yield* appliedOnce(sandbox)).toBe(3_000)
        })))
    }
  )

  it.scopedLive("is migrated by one of many processes that start at once", () =>
    Effect.gen(function*() {
      const schema = yield* postgres.schema
      const process = Effect.provide(
        Backfill.list,
        Layer.fresh(Layer.provide(BackfillLedger.layer, postgres.layerIn(schema)))
      )
      const lists = yield* Effect.all(Array.from({ length: 6 }, () => process), { concurrency: "unbounded" })
      expect(lists).toEqual([[], [], [], [], [], []])
      const tables = yield* Effect.flatMap(SqlClient.SqlClient, (sql) =>
        sql<{ readonly name: string }>`
          SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ${schema} ORDER BY 1`).pipe(
          Effect.provide(postgres.layerIn(schema))
        )
      expect(tables.map(({ name }) => name)).toEqual(
        ["checkpoint", "failure", "job", "migration", "partition"].map((table) => `suprsend_backfill_${table}`)
      )
    }))

  it.scopedLive("fails to open where its tables cannot be created", () =>
    Effect.gen(function*() {
      const ledger = Layer.provide(BackfillLedger.layer, postgres.layerIn("no_such_schema"))
      const error = yield* Effect.flip(Effect.provide(Backfill.list, ledger))
      expect(error).toMatchObject({ _tag: "SuprsendLedgerError", operation: "create its tables" })
    }))
})
