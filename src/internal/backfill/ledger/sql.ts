import * as SqlClient from "@effect/sql/SqlClient"
import type * as Statement from "@effect/sql/Statement"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { SuprsendLedgerError } from "../../../BackfillError.js"
import * as columns from "./columns.js"
import type { Claim, ClaimOptions, FailureRow, Ledger, Placement, StatusRow, WantedState } from "./ledger.js"
import * as migrations from "./migrations.js"
import { describe, operation } from "./operation.js"

/** The rows of one statement; a statement has at most 65,535 parameters. */
const rowsPerStatement = 1_000

/** How often old checkpoints are removed, so that the ledger of a slow backfill does not grow. */
const pruneEvery = 64

/** PostgreSQL cannot store this character in a text. */
const withoutNul = (text: string): string => text.replaceAll("\0", "")

const textOrNull = (text: string | undefined): string | null => text === undefined ? null : withoutNul(text)

const make = (client: SqlClient.SqlClient): Ledger => {
  // A client may rename columns of results to camel case, which these statements do not expect.
  const sql = client.withoutTransforms()

  const until = (duration: Duration.Duration) =>
    sql`clock_timestamp() + ${Duration.toMillis(duration)} * interval '1 millisecond'`

  const find = (name: string) =>
    sql<columns.Job>`SELECT name, state, definition FROM suprsend_backfill_job WHERE name = ${name}`.pipe(
      Effect.flatMap((rows) => Effect.transposeMapOption(Arr.head(rows), columns.job))
    )

  const partitions = (name: string) =>
    sql<columns.Partition>`
      SELECT p.partition, p.range, p.cursor, p.done, p.records, p.accepted, p.failed, p.total, p.owner, p.problem,
        p.started_at, p.updated_at, coalesce(p.claimed_until > clock_timestamp(), false) AS claimed,
        coalesce((
          SELECT sum(c.records)::int FROM suprsend_backfill_checkpoint c
          WHERE c.job = p.job AND c.partition = p.partition AND c.epoch = p.epoch AND c.saved_at > clock_timestamp() - interval '1 minute'
        ), 0) AS recent,
        coalesce(extract(epoch FROM clock_timestamp() - coalesce(p.claimed_at, p.started_at))::float8, 0) AS age
      FROM suprsend_backfill_partition p WHERE p.job = ${name} ORDER BY p.partition`

  const claim = (
    name: string,
    { duration, owner }: ClaimOptions,
    which: Statement.Fragment
  ) =>
    Effect.map(
      sql<columns.Claim>`
        UPDATE suprsend_backfill_partition SET epoch = epoch + 1, owner = ${owner}, claimed_until = ${until(duration)},
          placed_until = NULL, problem = NULL, claimed_at = clock_timestamp(), started_at = coalesce(started_at, clock_timestamp())
        WHERE job = ${name} AND partition = (${which})
        RETURNING partition, epoch, range, cursor, checkpoints`,
      (rows) => Option.map(Arr.head(rows), (row) => columns.claim(name, row))
    )

  const free = (name: string) =>
    sql`SELECT p.partition FROM suprsend_backfill_partition p JOIN suprsend_backfill_job j ON j.name = p.job
      WHERE p.job = ${name} AND j.state = 'running' AND NOT p.done
        AND (p.claimed_until IS NULL OR p.claimed_until <= clock_timestamp())`

  /** Whether a claim is still the last one, and the state of its job. */
  const stateOf = ({ epoch, job, partition }: Claim) =>
    Effect.map(
      sql<{ readonly state: WantedState }>`
        SELECT j.state FROM suprsend_backfill_partition p JOIN suprsend_backfill_job j ON j.name = p.job
        WHERE p.job = ${job} AND p.partition = ${partition} AND p.epoch = ${epoch}`,
      (rows) => Option.map(Arr.head(rows), ({ state }) => state)
    )

  const insertFailures = ({ job, partition }: Claim, failures: ReadonlyArray<FailureRow>) =>
    Effect.forEach(
      // A statement cannot update a row twice. Keys should differ, but that is not checked for all.
      Arr.chunksOf([...new Map(failures.map((row) => [row.key, row])).values()], rowsPerStatement),
      (chunk) =>
        sql`INSERT INTO suprsend_backfill_failure ${
          sql.insert(chunk.map((row) => ({
            job,
            partition,
            key: row.key,
            insert_id: withoutNul(row.insertId),
            outcome: row.outcome,
            type: row.type,
            message: withoutNul(row.message),
            edit: row.edit
          })))
        } ON CONFLICT (job, key) DO UPDATE SET outcome = excluded.outcome, type = excluded.type,
        message = excluded.message, edit = excluded.edit, insert_id = excluded.insert_id,
        failed_at = excluded.failed_at`,
      { discard: true }
    )

  return {
    create: (name, definition, planned) =>
      operation(
        "create a job",
        sql.withTransaction(Effect.gen(function*() {
          const text = yield* columns.encodeDefinition(definition)
          const created = yield* sql`
            INSERT INTO suprsend_backfill_job (name, state, definition) VALUES (${name}, 'running', ${text})
            ON CONFLICT (name) DO NOTHING RETURNING name`
          if (created.length > 0) {
            const rows = planned.map(({ range, total }, partition) => ({
              job: name,
              partition,
              range,
              total: total ?? null
            }))
            yield* Effect.forEach(Arr.chunksOf(rows, rowsPerStatement), (chunk) =>
              sql`INSERT INTO suprsend_backfill_partition ${sql.insert(chunk)}`, { discard: true })
          }
          return yield* Effect.map(find(name), Option.getOrThrow)
        }))
      ),

    find: (name) => operation("find a job", find(name)),

    status: (name) =>
      operation(
        "read a status",
        sql.withTransaction(Effect.gen(function*() {
          const rows = yield* sql<columns.Job & { readonly created_at: Date }>`
            SELECT name, state, definition, created_at FROM suprsend_backfill_job WHERE name = ${name}`
          return yield* Effect.transposeMapOption(Arr.head(rows), (row) =>
            Effect.gen(function*() {
              const found = yield* columns.job(row)
              const status: StatusRow = {
                ...found,
                createdAt: row.created_at,
                partitions: (yield* partitions(name)).map(columns.partition)
              }
              return status
            }))
        }))
      ),

    names: operation(
      "list jobs",
      Effect.map(
        sql<{ readonly name: string }>`SELECT name FROM suprsend_backfill_job ORDER BY created_at, name`,
        Arr.map(({ name }) => name)
      )
    ),

    setState: (name, from, to) =>
      operation(
        "set a state",
        Effect.map(
          sql`UPDATE suprsend_backfill_job SET state = ${to}, changed_at = clock_timestamp()
            WHERE name = ${name} AND ${sql.in("state", from)} AND (state = 'cancelled' OR EXISTS (
              SELECT 1 FROM suprsend_backfill_partition p WHERE p.job = name AND NOT p.done
            )) RETURNING name`,
          Arr.isNonEmptyReadonlyArray
        )
      ),

    remove: (name) =>
      operation(
        "remove a job",
        Effect.map(
          sql`DELETE FROM suprsend_backfill_job j WHERE j.name = ${name}
            AND (j.state <> 'running' OR NOT EXISTS (
              SELECT 1 FROM suprsend_backfill_partition p WHERE p.job = j.name AND NOT p.done
            ))
            AND NOT EXISTS (
              SELECT 1 FROM suprsend_backfill_partition p
              WHERE p.job = j.name AND p.claimed_until > clock_timestamp()
            ) RETURNING j.name`,
          Arr.isNonEmptyReadonlyArray
        )
      ),

    claimNext: (name, options) =>
      operation(
        "claim a partition",
        claim(name, options, sql`${free(name)} ORDER BY p.partition LIMIT 1 FOR UPDATE OF p SKIP LOCKED`)
      ),

    claim: (name, partition, options) =>
      operation(
        "claim a partition",
        claim(name, options, sql`${free(name)} AND p.partition = ${partition} FOR UPDATE OF p SKIP LOCKED`)
      ),

    place: (name, limit, again) =>
      operation(
        "place partitions",
        sql<Placement>`
          UPDATE suprsend_backfill_partition SET placements = placements + 1, placed_until = ${until(again)}
          WHERE job = ${name} AND partition = ANY(ARRAY(
            ${free(name)} AND (p.placed_until IS NULL OR p.placed_until <= clock_timestamp())
            ORDER BY p.partition LIMIT ${limit} FOR UPDATE OF p SKIP LOCKED
          )) RETURNING partition, placements AS placement`
      ),

    postpone: (name, partition, delay, problem) =>
      operation(
        "postpone a partition",
        Effect.asVoid(sql`
          UPDATE suprsend_backfill_partition SET placed_until = ${until(delay)}, problem = ${textOrNull(problem)}
          WHERE job = ${name} AND partition = ${partition}`)
      ),

    extend: (claim, duration, problem) =>
      operation(
        "extend a claim",
        Effect.zipRight(
          sql`UPDATE suprsend_backfill_partition SET claimed_until = ${until(duration)}, problem = ${
            textOrNull(problem)
          }
            WHERE job = ${claim.job} AND partition = ${claim.partition} AND epoch = ${claim.epoch}
            AND claimed_until IS NOT NULL`,
          stateOf(claim)
        )
      ),

    save: (claim, checkpoint) =>
      operation(
        "save a checkpoint",
        sql.withTransaction(Effect.gen(function*() {
          const { accepted, cursor, done, duration, failures, number, problem, records, releases } = checkpoint
          // If this machine dies now, its row must not stay locked until the network gives up.
          yield* sql`SET LOCAL idle_in_transaction_session_timeout = '20s'`
          const saved = yield* sql`
            UPDATE suprsend_backfill_partition SET cursor = coalesce(${cursor ?? null}, cursor), done = ${done},
              records = records + ${records}, accepted = accepted + ${accepted}, failed = failed + ${failures.length},
              checkpoints = ${number + 1}, problem = ${textOrNull(problem)}, updated_at = clock_timestamp(),
              owner = CASE WHEN ${releases} THEN NULL ELSE owner END,
              claimed_until = CASE WHEN ${releases} THEN NULL ELSE ${until(duration)} END
            WHERE job = ${claim.job} AND partition = ${claim.partition} AND epoch = ${claim.epoch}
              AND checkpoints = ${number} RETURNING partition`
          if (saved.length > 0) {
            yield* sql`INSERT INTO suprsend_backfill_checkpoint ${
              sql.insert({
                job: claim.job,
                partition: claim.partition,
                number,
                cursor: cursor ?? null,
                records,
                accepted,
                failed: failures.length,
                epoch: claim.epoch
              })
            }`
            yield* insertFailures(claim, failures)
            if (number % pruneEvery === 0) {
              yield* sql`DELETE FROM suprsend_backfill_checkpoint WHERE job = ${claim.job}
                AND partition = ${claim.partition} AND saved_at < clock_timestamp() - interval '1 hour'`
            }
          } else {
            // Either the claim was lost, or the response to an earlier try was.
            const repeated = yield* sql`SELECT 1 FROM suprsend_backfill_checkpoint
              WHERE job = ${claim.job} AND partition = ${claim.partition} AND number = ${number}
                AND epoch = ${claim.epoch}`
            if (repeated.length === 0) return Option.none()
          }
          return yield* stateOf(claim)
        }))
      ),

    failures: (name, after, limit) =>
      operation(
        "read failures",
        Effect.map(
          sql<columns.Failure>`SELECT key, partition, insert_id, outcome, type, message, edit, failed_at
            FROM suprsend_backfill_failure WHERE job = ${name} AND key > ${after ?? ""}
            ORDER BY key LIMIT ${limit}`,
          Arr.map(columns.failure)
        )
      ),

    settle: (name, { accepted, failed }) =>
      operation(
        "settle failures",
        sql.withTransaction(Effect.gen(function*() {
          for (const keys of Arr.chunksOf(accepted, rowsPerStatement)) {
            yield* sql`WITH gone AS (
                DELETE FROM suprsend_backfill_failure WHERE job = ${name} AND ${sql.in("key", keys)} RETURNING partition
              ), counted AS (SELECT partition, count(*)::int AS n FROM gone GROUP BY partition)
              UPDATE suprsend_backfill_partition p SET accepted = p.accepted + counted.n, failed = p.failed - counted.n
              FROM counted WHERE p.job = ${name} AND p.partition = counted.partition`
          }
          yield* Effect.forEach(failed, ({ key, message, outcome, type }) =>
            sql`UPDATE suprsend_backfill_failure SET outcome = ${outcome}, type = ${type},
              message = ${withoutNul(message)}, failed_at = clock_timestamp()
              WHERE job = ${name} AND key = ${key}`, { discard: true })
        }))
      )
  }
}

/**
 * Makes the ledger, after creating or updating its tables.
 *
 * @internal
 */
export const open: Effect.Effect<Ledger, SuprsendLedgerError, SqlClient.SqlClient> = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const failed = (error: unknown) =>
    new SuprsendLedgerError({ operation: "create its tables", description: describe(error) })
  // The migrator dies of a statement that fails.
  yield* migrations.run.pipe(Effect.mapError(failed), Effect.catchAllDefect(failed))
  return make(sql)
})
