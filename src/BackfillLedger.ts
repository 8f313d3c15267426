/**
 * The ledger of backfills: how far each has come, and which records failed.
 *
 * It is five tables of PostgreSQL, which you can read with any client. `layer` uses your database,
 * and `BackfillLedgerPGlite` a PostgreSQL inside the process, which needs no server.
 *
 * | table | one row for each |
 * |---|---|
 * | `suprsend_backfill_job` | backfill: its state and definition |
 * | `suprsend_backfill_partition` | partition: its cursor, its counts, and the runner that works on it |
 * | `suprsend_backfill_checkpoint` | saved step of a partition's last hour of work: its cursor, its counts, its time |
 * | `suprsend_backfill_failure` | failed record: its key, insert id, outcome, reason, and edit |
 * | `suprsend_backfill_migration` | applied migration of these tables |
 *
 * The edit of a failed record is stored as JSON, so that it can be sent again. It contains what you
 * put into it, tokens included: protect this table as you protect those.
 *
 * This module needs the optional peer dependencies `@effect/sql` and `@effect/experimental`, and
 * the client of your database, `@effect/sql-pg`. Import it by its own path,
 * `effect-suprsend/BackfillLedger`, because the index does not export it.
 *
 * @since 0.1.0
 */
import type * as SqlClient from "@effect/sql/SqlClient"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SuprsendLedgerError } from "./BackfillError.js"
import type { Ledger } from "./internal/backfill/ledger/ledger.js"
import * as internal from "./internal/backfill/ledger/sql.js"

/**
 * The service that keeps the ledger. Use it through the functions of `Backfill`.
 *
 * @since 0.1.0
 * @category tags
 */
export class BackfillLedger
  extends Context.Tag("effect-suprsend/BackfillLedger")<BackfillLedger, BackfillLedger.Service>()
{}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace BackfillLedger {
  /**
   * The operations of the ledger, which are internal.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** @internal */
    readonly ledger: Ledger
  }
}

/**
 * Provides the ledger in a PostgreSQL database, and creates or updates its tables.
 *
 * Any number of processes may start at the same time: one of them migrates. The tables are created
 * in the first schema of the connection's `search_path`. The database user must be allowed to
 * create tables there, or the tables must exist.
 *
 * @example
 * ```ts
 * import { PgClient } from "@effect/sql-pg"
 * import { Config, Layer } from "effect"
 * import * as BackfillLedger from "effect-suprsend/BackfillLedger"
 *
 * const LedgerLive = BackfillLedger.layer.pipe(
 *   Layer.provide(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<BackfillLedger, SuprsendLedgerError, SqlClient.SqlClient> = Layer.effect(
  BackfillLedger,
  Effect.map(internal.open, (ledger) => ({ ledger }))
)
