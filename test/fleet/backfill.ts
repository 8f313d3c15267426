// Runners of a backfill as real processes, a sandbox that counts, and a PostgreSQL that things happen to.
import * as Reactivity from "@effect/experimental/Reactivity"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedger from "effect-suprsend/BackfillLedger"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { spawn } from "node:child_process"
import * as Net from "node:net"
import * as Path from "node:path"
import { portOf } from "../utils/loopback.js"
import * as Redis from "../utils/redis.js"
import * as Server from "../utils/server.js"
import { environment } from "../utils/spawned.js"
import { idsOf, type Job, make } from "./backfillJob.js"
import * as Postgres from "./postgres.js"
import { proxy } from "./proxy.js"

export interface Options {
  readonly runners: number
  readonly job: Job
  /** The versions of the job that the runners have, if not that of the job. */
  readonly versions?: ReadonlyArray<string> | undefined
  /** Whether the runners share a rate limit over Redis. */
  readonly redis?: boolean | undefined
}

const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const port = portOf(server)
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** Starts a runner, and waits until it is ready. */
const runner = (env: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof spawn>>((resume) => {
      const child = spawn(process.execPath, ["--import", "tsx", Path.join(import.meta.dirname, "runner.ts")], {
        cwd: Path.join(import.meta.dirname, "..", ".."),
        env: { PATH: process.env["PATH"], ...env },
        stdio: ["ignore", "pipe", process.env["FLEET_LOGS"] === "1" ? "inherit" : "ignore"]
      })
      child.stdout?.on("data", (chunk: Buffer) => {
        const text = chunk.toString("utf8")
        if (process.env["FLEET_LOGS"] === "1") process.stderr.write(text)
        if (text.includes("ready")) resume(Effect.succeed(child))
      })
    }),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

/** Runners of a started backfill. */
export const start = ({ job, redis = false, runners, versions = [] }: Options) =>
  Effect.gen(function*() {
    const database = yield* Postgres.server
    const standby = yield* database.standby
    const way = yield* proxy(database.port)
    const url = (port: number) => `postgres://postgres@127.0.0.1:${port}/postgres`
    const redisServer = redis ? yield* Redis.server() : undefined
    const redisWay = redisServer === undefined ? undefined : yield* proxy(redisServer.port)
    const { sandbox, server: { options } } = yield* Server.start({ keepRequests: 1_000_000, keepCharacters: 2 ** 30 })
    const env = (version: string) =>
      Effect.map(freePort, (port) => ({
        ...environment(options),
        ...(redisWay === undefined ? {} : { RUNNER_REDIS: `redis://127.0.0.1:${redisWay.port}` }),
        RUNNER_POSTGRES: url(way.port),
        RUNNER_PORT: String(port),
        RUNNER_JOB: JSON.stringify({ ...job, version })
      }))
    const add = (version = job.version) => Effect.flatMap(env(version), runner)
    const processes = yield* Effect.all(
      Array.from({ length: runners }, (_, n) => add(versions[n] ?? job.version)),
      { concurrency: "unbounded" }
    )
    // Through the way, as the runners: it leads to the standby after a failover.
    const sql = yield* PgClient.make({ url: Redacted.make(url(way.port)), maxConnections: 2 }).pipe(
      Effect.provide(Reactivity.layer)
    )
    const context = yield* Layer.build(
      Layer.mergeAll(
        Layer.provide(BackfillLedger.layer, Layer.succeed(SqlClient.SqlClient, sql)),
        Suprsend.layer(options)
      )
    )
    const backfill = make(job)
    yield* Effect.provide(Backfill.start(backfill), context)
    const status = Effect.provide(Backfill.status(job.name), context)
    return {
      processes,
      status,
      pause: Effect.provide(Backfill.pause(job.name), context),
      resume: Effect.provide(Backfill.resume(job.name), context),
      signal: (n: number, name: "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT") =>
        Effect.sync(() => void processes[n]?.kill(name)),
      /** Replaces a runner that ended. */
      replace: (n: number) =>
        Effect.map(add(), (process) => {
          processes[n] = process
        }),
      database,
      standby,
      way,
      /** The way to Redis, if the runners share a limit. */
      redis: {
        cut: redisWay?.lead(undefined) ?? Effect.void,
        join: redisWay?.lead(redisServer?.port) ?? Effect.void
      },
      /** Waits until the backfill is completed, and returns its status. */
      completed: status.pipe(
        Effect.filterOrFail(({ state }) => state === "completed", () => "running"),
        Effect.retry(Schedule.spaced("200 millis"))
      ),
      /** The longest time without a checkpoint of any partition, in seconds, and the records that were sent twice. */
      gaps: sql<{ readonly gap: number }>`
        SELECT coalesce(max(extract(epoch FROM saved_at - before)), 0)::float8 AS gap FROM (
          SELECT saved_at, lag(saved_at) OVER (ORDER BY saved_at) AS before
          FROM suprsend_backfill_checkpoint WHERE records > 0
        ) steps`.pipe(Effect.map(([row]) => row?.gap ?? 0)),
      /** What is wrong with the users in the sandbox: each must have been counted once. */
      wrong: Effect.map(sandbox.users, (users) => {
        const visits = new Map(users.map(({ distinctId, properties }) => [distinctId, properties["visits"]]))
        return idsOf(job).filter((id) => visits.get(id) !== 1).map((id) => `${id}: ${String(visits.get(id))}`)
      }),
      /** How many events arrived that had arrived before. */
      repeated: Effect.map(sandbox.deliveries, (deliveries) =>
        deliveries.reduce((sum, { arrivals }) => sum + arrivals.length - 1, 0))
    }
  })

export type Fleet = Effect.Effect.Success<ReturnType<typeof start>>
