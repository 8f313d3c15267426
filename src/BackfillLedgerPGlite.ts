/**
 * The ledger of backfills in a PostgreSQL inside the process, for one machine and without a server.
 *
 * It needs the optional peer dependencies `@effect/sql`, `@effect/experimental` and
 * `@electric-sql/pglite`. Import it by its own path, `effect-suprsend/BackfillLedgerPGlite`,
 * because the index does not export it.
 *
 * @since 0.1.0
 */
import type * as SqlClient from "@effect/sql/SqlClient"
import type * as Layer from "effect/Layer"
import type { SuprsendLedgerError } from "./BackfillError.js"
import type { BackfillLedger } from "./BackfillLedger.js"
import * as internal from "./internal/backfill/ledger/pglite.js"

/**
 * Options of the database.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The directory that keeps the data. It is created if it does not exist.
   *
   * An empty database has some 40 MB. Only one process at a time can use the directory.
   */
  readonly directory: string
}

/**
 * Provides the ledger in a directory.
 *
 * The ledger survives the end of the process, `kill -9` included. The layer fails if another
 * process uses the directory. Opening takes about a second and some hundred megabytes of memory.
 * The first time, when the database is created, it takes some seconds, and the peak of the whole
 * process is near 900 MB (`npm run bench -- --only backfill --full`).
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 *
 * const Live = Layer.merge(Suprsend.layerConfig(), BackfillLedgerPGlite.layer({ directory: "./backfill" }))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: (options: Options) => Layer.Layer<BackfillLedger, SuprsendLedgerError> = internal.layer

/**
 * Provides the ledger in a directory, and its database as a `SqlClient`, for queries of its tables.
 *
 * Do not provide it to a backfill whose rows come from a database of yours: both are a `SqlClient`,
 * so one would replace the other.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithSqlClient: (
  options: Options
) => Layer.Layer<BackfillLedger | SqlClient.SqlClient, SuprsendLedgerError> = internal.layerWithSqlClient

/**
 * Provides the ledger in memory, for tests.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerMemory: Layer.Layer<BackfillLedger, SuprsendLedgerError> = internal.layerMemory
