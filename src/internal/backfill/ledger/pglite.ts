import * as Reactivity from "@effect/experimental/Reactivity"
import * as SqlClient from "@effect/sql/SqlClient"
import type { Connection } from "@effect/sql/SqlConnection"
import { SqlError } from "@effect/sql/SqlError"
import * as Statement from "@effect/sql/Statement"
import { PGlite } from "@electric-sql/pglite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as fs from "node:fs"
import { SuprsendLedgerError } from "../../../BackfillError.js"
import * as BackfillLedger from "../../../BackfillLedger.js"
import * as lock from "../../support/lock.js"
import { closed } from "./operation.js"

const escape = Statement.defaultEscape("\"")

const compiler = Statement.makeCompiler({
  dialect: "pg",
  placeholder: (index) => `$${index}`,
  onIdentifier: escape,
  onRecordUpdate: (placeholders, alias, columns, values, returning) => [
    `(values ${placeholders}) AS ${alias}${columns}${returning === undefined ? "" : ` RETURNING ${returning[0]}`}`,
    returning === undefined ? values.flat() : [...values.flat(), ...returning[1]]
  ],
  onCustom: () => ["", []]
})

/** A connection to the database. There is only one, so a transaction has it for itself. */
const connectionTo = (database: PGlite): Connection => {
  const query = (sql: string, params: ReadonlyArray<unknown>, rowMode: "object" | "array" = "object") =>
    Effect.tryPromise({
      try: () => database.query<Record<string, unknown>>(sql, [...params], { rowMode }),
      catch: (cause) =>
        database.closed
          ? new SqlError({ cause: { code: closed }, message: "The database was closed" })
          : new SqlError({ cause, message: "Failed to execute statement" })
    })
  const execute: Connection["execute"] = (sql, params, transformRows) =>
    Effect.map(query(sql, params), ({ rows }) => transformRows === undefined ? rows : transformRows(rows))
  return {
    execute,
    executeUnprepared: execute,
    executeRaw: query,
    executeValues: (sql, params) => Effect.map(query(sql, params, "array"), ({ rows }) => rows.map(Object.values)),
    executeStream: (sql, params, transformRows) =>
      Stream.unwrap(Effect.map(execute(sql, params, transformRows), Stream.fromIterable))
  }
}

const client = (database: PGlite) =>
  Effect.gen(function*() {
    const semaphore = yield* Effect.makeSemaphore(1)
    const connection = connectionTo(database)
    // For one statement or one transaction. A statement that only waited for the end of a
    // transaction could become part of the next one, and be rolled back with it.
    const acquirer = Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        yield* restore(semaphore.take(1))
        yield* Effect.addFinalizer(() => semaphore.release(1))
        return connection
      })
    )
    return yield* SqlClient.make({
      acquirer,
      compiler,
      spanAttributes: [["db.system.name", "postgresql"]]
    })
  })

const open = (directory: string | undefined) =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: () => directory === undefined ? PGlite.create() : PGlite.create(directory),
      catch: (cause) =>
        new SuprsendLedgerError({
          operation: directory === undefined
            ? "open a database in memory"
            : `open the directory ${JSON.stringify(directory)}`,
          description: cause instanceof Error ? cause.message : String(cause)
        })
    }),
    (database) => Effect.promise(() => database.close())
  )

/**
 * Ends the claims of earlier processes, which cannot run any more: the database has one process.
 *
 * So a run after a crash goes on at once.
 */
const endClaims = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) =>
    sql`UPDATE suprsend_backfill_partition SET owner = NULL, claimed_until = NULL WHERE claimed_until IS NOT NULL`
).pipe(
  Effect.orDie
)

const ledger = Layer.tap(BackfillLedger.layer, () => endClaims)

const sqlClient = (
  database: Effect.Effect<PGlite, SuprsendLedgerError, Scope.Scope>
): Layer.Layer<SqlClient.SqlClient, SuprsendLedgerError> =>
  Layer.provide(Layer.scoped(SqlClient.SqlClient, Effect.flatMap(database, client)), Reactivity.layer)

const inDirectory = ({ directory }: { readonly directory: string }) =>
  sqlClient(Effect.gen(function*() {
    const failed = (description: string) =>
      new SuprsendLedgerError({ operation: `open the directory ${JSON.stringify(directory)}`, description })
    if (directory === "") return yield* failed("the name must not be empty")
    // The lock has the name of the real directory, which therefore must exist.
    const real = yield* Effect.try({
      try: () => {
        fs.mkdirSync(directory, { recursive: true })
        return fs.realpathSync(directory)
      },
      catch: (error) => failed(error instanceof Error ? error.message : String(error))
    })
    // Beside the directory, where processes with another temporary folder find it too.
    yield* lock.acquire(`${real}.lock`, {
      taken: (pid, lockFile) =>
        failed(
          `process ${pid} uses it, and only one at a time can: end that one, or name another directory. ` +
            `If there is none, remove ${lockFile}`
        ),
      failed
    })
    return yield* open(real)
  }))

type WithSqlClient = Layer.Layer<BackfillLedger.BackfillLedger | SqlClient.SqlClient, SuprsendLedgerError>

/** @internal */
export const layer = (
  options: { readonly directory: string }
): Layer.Layer<BackfillLedger.BackfillLedger, SuprsendLedgerError> => Layer.provide(ledger, inDirectory(options))

/** @internal */
export const layerWithSqlClient = (options: { readonly directory: string }): WithSqlClient =>
  Layer.provideMerge(ledger, inDirectory(options))

const inMemory = sqlClient(open(undefined))

/** @internal */
export const layerMemory: Layer.Layer<BackfillLedger.BackfillLedger, SuprsendLedgerError> = Layer.provide(
  ledger,
  inMemory
)

/** @internal */
export const layerMemoryWithSqlClient: WithSqlClient = Layer.provideMerge(ledger, inMemory)
