// A backfill as a user has it, alone in its process: over PGlite in a directory, or over a PostgreSQL at 127.0.0.1:5432.
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedger from "effect-suprsend/BackfillLedger"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { idOf } from "../record.js"
import type { Session } from "./contender.js"
import { editOf, optionsOf } from "./ours.js"

const jobOf = (users: number) =>
  Backfill.make({
    name: `bench-${randomUUID()}`,
    rows: () => Stream.range(0, users - 1),
    key: idOf,
    edit: editOf
  })

const size = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  sql<{ readonly bytes: number }>`
    SELECT sum(pg_total_relation_size(c.oid))::float8 AS bytes FROM pg_class c
    WHERE c.relkind = 'r' AND c.relname LIKE 'suprsend_backfill_%'`)

const connect = async (
  url: string,
  ledger: Layer.Layer<BackfillLedger.BackfillLedger | SqlClient.SqlClient, unknown>,
  cleanUp: () => void = () => {}
): Promise<Session> => {
  const options = optionsOf(url, { rateLimit: { limit: 1_000_000, window: "1 second" } })
  const runtime = ManagedRuntime.make(Layer.merge(Suprsend.layer(options), ledger))
  const names: Array<string> = []
  let ledgerKilobytes = 0
  await runtime.runPromise(size)
  return {
    bulk: async (users, concurrency) => {
      const job = jobOf(users)
      names.push(job.name)
      const status = await runtime.runPromise(Backfill.run(job, concurrency === 0 ? {} : { concurrency }))
      if (status.accepted !== users) throw new Error(String(status))
    },
    measured: () => ({ ledgerKilobytes }),
    close: async () => {
      const [row] = await runtime.runPromise(size)
      ledgerKilobytes = (row?.bytes ?? 0) / 1024
      // Otherwise the next ledger in the same database would contain these.
      for (const name of names) await runtime.runPromise(Backfill.remove(name))
      await runtime.dispose()
      cleanUp()
    }
  }
}

export const openOverPGlite = (url: string): Promise<Session> => {
  const directory = Fs.mkdtempSync(Path.join(Os.tmpdir(), "suprsend-bench-"))
  return connect(
    url,
    BackfillLedgerPGlite.layerWithSqlClient({ directory }),
    () => Fs.rmSync(directory, { recursive: true, force: true })
  )
}

export const openOverPostgres = (url: string): Promise<Session> =>
  connect(
    url,
    Layer.provideMerge(
      BackfillLedger.layer,
      Layer.scoped(
        SqlClient.SqlClient,
        PgClient.make({ host: "127.0.0.1", port: 5432, username: "postgres", database: "test" })
      ).pipe(Layer.provide(Reactivity.layer))
    )
  )
