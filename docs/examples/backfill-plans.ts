// A backfill over a table `users (id, plan)` of PostgreSQL, in 16 ranges of about the same size.
import { SqlClient } from "@effect/sql"
import { PgClient } from "@effect/sql-pg"
import { Config, Effect, Schema, Stream } from "effect"
import * as Backfill from "effect-suprsend/Backfill"
import { edit, set } from "effect-suprsend/UserEdit"

export const PgLive = PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") })

interface User {
  readonly id: string
  readonly plan: string
}

const Range = Schema.Struct({ first: Schema.String, last: Schema.String })

export const plans = Backfill.makePartitioned({
  name: "plans-2026",
  range: Range,
  partitions: Effect.flatMap(SqlClient.SqlClient, (sql) =>
    sql<typeof Range.Type>`
      SELECT min(id) AS first, max(id) AS last
      FROM (SELECT id, ntile(16) OVER (ORDER BY id) AS part FROM users) AS parts
      GROUP BY part ORDER BY first`),
  rows: ({ first, last }, after) =>
    Stream.unwrap(Effect.map(SqlClient.SqlClient, (sql) =>
      Backfill.pages(after, {
        page: (after) =>
          sql<User>`
            SELECT id, plan FROM users
            WHERE id <= ${last} AND ${after === undefined ? sql`id >= ${first}` : sql`id > ${after}`}
            ORDER BY id LIMIT 5000`,
        cursor: (user) => user.id
      }))),
  total: ({ first, last }) =>
    Effect.flatMap(SqlClient.SqlClient, (sql) =>
      Effect.map(
        sql<{ count: number }>`SELECT count(*)::int AS count FROM users WHERE id BETWEEN ${first} AND ${last}`,
        ([row]) => row?.count ?? 0
      )),
  key: (user) => user.id,
  edit: (user) => set(edit(user.id), "plan", user.plan)
})
