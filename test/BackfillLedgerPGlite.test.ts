import * as SqlClient from "@effect/sql/SqlClient"
import { describe, expect, it, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { layerMemoryWithSqlClient } from "../src/internal/backfill/ledger/pglite.js"
import { appliedOnce, ids, quick, service, visits } from "./utils/backfill.js"
import { start } from "./utils/server.js"
import { environment } from "./utils/spawned.js"
import { until } from "./utils/until.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "suprsend-backfill-"))),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

const over = (directory: string) => Layer.fresh(BackfillLedgerPGlite.layer({ directory }))

/** A run of test/utils/backfillChild.ts in a process of its own. */
const child = (directory: string, env: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        ["--import", "tsx", Path.join(import.meta.dirname, "utils", "backfillChild.ts"), directory],
        { env: { PATH: process.env["PATH"], ...env }, stdio: "inherit" }
      )
    ),
    (child) => Effect.sync(() => child.kill("SIGKILL"))
  )

describe("a directory", () => {
  it.scopedLive("keeps the ledger after it was closed, for a run that goes on", () =>
    Effect.gen(function*() {
      const path = Path.join(yield* directory, "new", "ledger")
      const sandbox = yield* Sandbox.Sandbox
      const job = visits("reopened", ids(2_000))
      const pass = { count: 0 }
      yield* sandbox.faults.add(Sandbox.when(() => ++pass.count > 1, Sandbox.status(401)))
      const stopped = yield* Effect.flip(Backfill.run(job, quick)).pipe(
        Effect.zipRight(Backfill.status("reopened")),
        Effect.provide(over(path))
      )
      expect(stopped.records).toBeGreaterThan(0)
      yield* sandbox.faults.clear
      const status = Effect.zip(Backfill.status("reopened"), Backfill.run(job))
      const [reopened, done] = yield* Effect.provide(status, over(path))
      expect(reopened).toMatchObject({
        records: stopped.records,
        accepted: stopped.accepted,
        createdAt: stopped.createdAt
      })
      expect(reopened.partitions[0]?.cursor).toEqual(stopped.partitions[0]?.cursor)
      expect(done).toMatchObject({ state: "completed", accepted: 2_000 })
      expect(yield* appliedOnce(sandbox)).toBe(2_000)
    }).pipe(Effect.provide(service())), 60_000)

  it.scopedLive("is refused while it is in use, and free again afterwards", () =>
    Effect.gen(function*() {
      const path = yield* directory
      yield* Effect.gen(function*() {
        const error = yield* Effect.flip(Effect.provide(Backfill.list, over(path)))
        expect(error).toMatchObject({ _tag: "SuprsendLedgerError" })
        expect(error.message).toContain(`process ${process.pid} uses it, and only one at a time can`)
        // By another name too.
        Fs.symlinkSync(path, `${path}-link`)
        const linked = yield* Effect.flip(Effect.provide(Backfill.list, over(`${path}-link`)))
        Fs.rmSync(`${path}-link`)
        expect(linked.message).toContain(`process ${process.pid} uses it`)
      }).pipe(Effect.provide(over(path)))
      expect(yield* Effect.provide(Backfill.list, over(path))).toEqual([])
    }), 60_000)

  it.effect("that was closed fails at once, because nothing will open it again", () =>
    Effect.gen(function*() {
      const context = yield* Effect.scoped(Layer.build(BackfillLedgerPGlite.layerMemory))
      const error = yield* Effect.flip(Effect.provide(Backfill.list, context))
      expect(error.message).toContain("The database was closed")
    }))

  it.scopedLive("that cannot be created is an error of the ledger", () =>
    Effect.gen(function*() {
      const file = Path.join(yield* directory, "file")
      Fs.writeFileSync(file, "")
      const error = yield* Effect.flip(Effect.provide(Backfill.list, over(Path.join(file, "ledger"))))
      expect(error).toMatchObject({ _tag: "SuprsendLedgerError" })
      expect(error.message).toContain("ENOTDIR")
    }))

  it.scopedLive("survives kill -9 of its process in the middle of a run", () =>
    Effect.gen(function*() {
      const path = yield* directory
      const { sandbox, server } = yield* start()
      const env = environment(server.options)
      yield* sandbox.faults.add(Sandbox.latency("50 millis"))
      const killed = yield* child(path, env)
      yield* until(sandbox.requests, ({ length }) => length > 3)
      const refused = yield* Effect.flip(Effect.provide(Backfill.list, over(path)))
      expect(refused.message).toContain(`process ${killed.pid} uses it`)
      killed.kill("SIGKILL")
      yield* until(Effect.sync(() => killed.signalCode), (signal) => signal === "SIGKILL")
      const before = (yield* sandbox.deliveries).length
      expect(before).toBeLessThan(20_000)
      yield* sandbox.faults.clear
      const again = yield* child(path, env)
      yield* until(Effect.sync(() => again.exitCode), (code) => code !== null)
      expect(again.exitCode).toBe(0)
      expect(yield* Effect.provide(Backfill.status("killed"), over(path))).toMatchObject({
        state: "completed",
        records: 20_000,
        accepted: 20_000
      })
      expect(yield* appliedOnce(sandbox)).toBe(20_000)
    }), 120_000)
})

layer(layerMemoryWithSqlClient, { excludeTestServices: true, timeout: "60 seconds" })("the client", (it) => {
  it.effect("returns values as arrays", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      expect(yield* sql`SELECT 1 AS a, 'x' AS b`.values).toEqual([[1, "x"]])
    }))
})
