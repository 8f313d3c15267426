// Tests that need PostgreSQL ask here whether there is one, and say so where there is none; `.ci/run` forbids that where it has found one.
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"
import * as Net from "node:net"

/** The PostgreSQL that tests share: each has a schema of its own. */
export const url = process.env["POSTGRES_URL"] ?? "postgres://postgres@127.0.0.1:5432/test"

const accepts = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = Net.connect({ host: hostname, port: Number(port || 5432), timeout: 1_000 })
    const end = (found: boolean) => () => {
      socket.destroy()
      resolve(found)
    }
    socket.on("connect", end(true)).on("error", end(false)).on("timeout", end(false))
  })

/** Whether the shared PostgreSQL is there. Says what is skipped; fails where it is required. */
export const isThere = async (what: string): Promise<boolean> => {
  if (await accepts(url)) return true
  const missing = `no PostgreSQL at ${url.replace(/\/\/.*@/, "//")}`
  if (process.env["REQUIRE_POSTGRES"] === "1") throw new Error(`${what}: ${missing}, but REQUIRE_POSTGRES is set`)
  process.stderr.write(`skipped: ${what} (${missing})\n`)
  return false
}

const connect = (options: string | undefined) =>
  PgClient.layer({
    url: Redacted.make(options === undefined ? url : `${url}?options=${encodeURIComponent(options)}`),
    maxConnections: 6
  })

/** Makes an empty schema, which is dropped with the scope, and returns its name. */
export const schema = Effect.gen(function*() {
  const name = `suprsend_test_${Crypto.randomUUID().replaceAll("-", "").slice(0, 12)}`
  const run = (statement: "CREATE SCHEMA" | "DROP SCHEMA") =>
    Effect.flatMap(
      SqlClient.SqlClient,
      (sql) => statement === "CREATE SCHEMA" ? sql`CREATE SCHEMA ${sql(name)}` : sql`DROP SCHEMA ${sql(name)} CASCADE`
    )
      .pipe(Effect.provide(connect(undefined)))
  yield* Effect.acquireRelease(run("CREATE SCHEMA"), () => Effect.orDie(run("DROP SCHEMA")))
  return name
})

/** Connections whose tables are in a schema. */
export const layerIn = (schema: string): Layer.Layer<SqlClient.SqlClient> =>
  Layer.orDie(connect(`-c search_path=${schema}`))

/** Connections to an empty schema, which is dropped at the end. */
export const layer: Layer.Layer<SqlClient.SqlClient> = Layer.unwrapScoped(
  Effect.map(Effect.orDie(schema), layerIn)
)
