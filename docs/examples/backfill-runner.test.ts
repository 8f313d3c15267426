import { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Net from "node:net"
import { environment, spawned } from "../../test/utils/spawned.js"

const server = new URL(process.env["POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/postgres")

const isThere = await new Promise<boolean>((resolve) => {
  const socket = Net.connect(Number(server.port || 5432), server.hostname)
  socket.on("error", () => resolve(false)).on("connect", () => {
    socket.destroy()
    resolve(true)
  })
})

const freePort = Effect.async<string>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(String(port))))
  })
})

/** A schema of its own with 20,000 users. */
const database = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const schema = `suprsend_example_${process.pid}`
  yield* Effect.acquireRelease(
    sql`CREATE SCHEMA ${sql(schema)}`,
    () => Effect.orDie(sql`DROP SCHEMA ${sql(schema)} CASCADE`)
  )
  yield* sql`CREATE TABLE ${sql(`${schema}.users`)} AS
    SELECT 'user-' || lpad(n::text, 6, '0') AS id, 'pro' AS plan FROM generate_series(1, 20000) n`
  const url = new URL(server)
  url.searchParams.set("options", `-c search_path=${schema}`)
  return String(url)
})

describe.skipIf(!isThere)("over PostgreSQL", () => {
  it.live("two runners complete a backfill, although one of them is killed", () =>
    Effect.gen(function*() {
      const { options } = yield* SandboxServer.SandboxServer
      const env = { ...environment(options), DATABASE_URL: yield* database }
      const runner = Effect.gen(function*() {
        const program = yield* spawned("backfill-runner.ts", { ...env, RUNNER_PORT: yield* freePort })
        expect(yield* program.seen("Listening on")).toContain("Listening on")
        return program
      })
      const first = yield* runner
      const second = yield* runner

      const start = yield* spawned("backfill-start.ts", env)
      yield* start.seen(" a second")
      yield* first.kill
      const { code, printed } = yield* start.ended
      expect(printed.trim().split("\n").at(-1)).toBe(
        "plans-2026 completed: 20,000 of 20,000 records, 16 of 16 partitions done"
      )
      expect(code).toBe(0)
      const deliveries = yield* Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.deliveries)
      expect(deliveries.length).toBe(20_000)
      expect(deliveries.every(({ applied }) => applied.length === 1)).toBe(true)

      yield* second.signal("SIGTERM")
      yield* second.ended
    }).pipe(
      Effect.scoped,
      Effect.provide([SandboxServer.layer(), PgClient.layer({ url: Redacted.make(String(server)) })])
    ), 300_000)
})
