import * as Migrator from "@effect/sql/Migrator"
import * as SqlClient from "@effect/sql/SqlClient"
import type * as SqlError from "@effect/sql/SqlError"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

const table = "suprsend_backfill_migration"

// Keys are compared byte by byte, so that failures have one order in every database.
// Epochs begin at random, so that a runner of a removed job has none that is valid for a new job of
// the same name.
const first = Effect.flatMap(SqlClient.SqlClient, (sql) =>
  Effect.forEach([
    sql`CREATE TABLE suprsend_backfill_job (
      name TEXT PRIMARY KEY,
      state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'cancelled')),
      definition TEXT NOT NULL,
      created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
      changed_at TIMESTAMPTZ NOT NULL DEFAULT now()
    )`,
    sql`CREATE TABLE suprsend_backfill_partition (
      job TEXT NOT NULL REFERENCES suprsend_backfill_job (name) ON DELETE CASCADE,
      partition INTEGER NOT NULL,
      range TEXT NOT NULL,
      cursor TEXT,
      done BOOLEAN NOT NULL DEFAULT false,
      total INTEGER,
      records INTEGER NOT NULL DEFAULT 0,
      accepted INTEGER NOT NULL DEFAULT 0,
      failed INTEGER NOT NULL DEFAULT 0,
      checkpoints INTEGER NOT NULL DEFAULT 0,
      epoch INTEGER NOT NULL DEFAULT (1e9 * random())::int,
      owner TEXT,
      claimed_until TIMESTAMPTZ,
      placements INTEGER NOT NULL DEFAULT 0,
      placed_until TIMESTAMPTZ,
      problem TEXT,
      started_at TIMESTAMPTZ,
      updated_at TIMESTAMPTZ,
      PRIMARY KEY (job, partition)
    )`,
    sql`CREATE TABLE suprsend_backfill_checkpoint (
      job TEXT NOT NULL,
      partition INTEGER NOT NULL,
      number INTEGER NOT NULL,
      cursor TEXT,
      records INTEGER NOT NULL,
      accepted INTEGER NOT NULL,
      failed INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      saved_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (job, partition, number),
      FOREIGN KEY (job, partition) REFERENCES suprsend_backfill_partition ON DELETE CASCADE
    )`,
    sql`CREATE TABLE suprsend_backfill_failure (
      job TEXT NOT NULL,
      key TEXT COLLATE "C" NOT NULL,
      partition INTEGER NOT NULL,
      insert_id TEXT NOT NULL,
      outcome TEXT NOT NULL CHECK (outcome IN ('invalid', 'rejected', 'unknown', 'unsent')),
      type TEXT NOT NULL,
      message TEXT NOT NULL,
      edit TEXT NOT NULL,
      failed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (job, key),
      FOREIGN KEY (job, partition) REFERENCES suprsend_backfill_partition ON DELETE CASCADE
    )`
  ], (statement) =>
    statement, { discard: true }))

// The rate counts from here: it would include a pause otherwise.
const claimedAt = Effect.flatMap(
  SqlClient.SqlClient,
  (sql) => sql`ALTER TABLE suprsend_backfill_partition ADD COLUMN claimed_at TIMESTAMPTZ`
)

const migrate = Migrator.make({})({
  table,
  loader: Migrator.fromRecord({ "0001_first": first, "0002_claimed_at": claimedAt })
})

/**
 * Creates or updates the tables.
 *
 * Processes that create the migrator's own table at the same time fail with a duplicate key of
 * PostgreSQL's catalog, except for one of them. Their next try finds the table.
 *
 * @internal
 */
export const run: Effect.Effect<void, SqlError.SqlError | Migrator.MigrationError, SqlClient.SqlClient> = migrate.pipe(
  Effect.retry(Schedule.intersect(Schedule.jittered(Schedule.spaced("100 millis")), Schedule.recurs(10))),
  Effect.asVoid
)
