// A fleet of real processes, a server that is strict about its limit, and a Redis that things happen to.
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as Http from "node:http"
import * as Path from "node:path"
import * as Redis from "../utils/redis.js"
import { proxy } from "./proxy.js"

interface Arrival {
  readonly at: number
  readonly process: string
  readonly isRefused: boolean
}

export const limit = 1_000

/** Refuses each request that is above the limit in the second that ends with it. */
const strictServer = Effect.acquireRelease(
  Effect.async<{
    readonly url: string
    readonly arrivals: ReadonlyArray<Arrival>
    readonly refuseNext: (seconds: number) => void
    readonly refusedAt: () => { readonly at: number; readonly process: string } | undefined
    readonly stop: () => void
  }>((resume) => {
    const arrivals: Array<Arrival> = []
    const counted: Array<number> = []
    let oldest = 0
    let retryAfter = 0
    let refusedAt: { readonly at: number; readonly process: string } | undefined
    const server = Http.createServer((request, response) => {
      const at = performance.now()
      while (oldest < counted.length && at - (counted[oldest] ?? 0) >= 1_000) oldest++
      const isRefused = counted.length - oldest >= limit
      counted.push(at)
      const process = request.url ?? ""
      arrivals.push({ at, process, isRefused })
      request.resume()
      if (retryAfter > 0) {
        response.writeHead(429, { "retry-after": String(retryAfter) }).end()
        retryAfter = 0
        refusedAt = { at, process }
        return
      }
      response.writeHead(isRefused ? 429 : 202, isRefused ? { "retry-after": "1" } : {}).end("{}")
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({
        url: `http://127.0.0.1:${port}/`,
        arrivals,
        refuseNext: (seconds) => {
          retryAfter = seconds
        },
        refusedAt: () => refusedAt,
        stop: () => {
          server.closeAllConnections()
          server.close()
        }
      }))
    })
  }),
  ({ stop }) => Effect.sync(stop)
)

const child = (env: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof spawn>>((resume) => {
      const started = spawn(process.execPath, ["--import", "tsx", Path.join(import.meta.dirname, "child.ts")], {
        cwd: Path.join(import.meta.dirname, "..", ".."),
        env: { PATH: process.env["PATH"], ...env },
        stdio: ["ignore", "pipe", "inherit"]
      })
      started.stdout.on("data", (chunk: Buffer) => {
        if (chunk.toString("utf8").includes("ready")) resume(Effect.succeed(started))
      })
    }),
    (child) => Effect.sync(() => void child.kill("SIGKILL"))
  )

export interface Options {
  readonly processes: number
  readonly limiter?: Record<string, unknown> | undefined
  /** How much the clocks of two neighbours differ, in milliseconds. */
  readonly clocks?: number | undefined
}

/** A fleet that sends as much as it may, and a Redis of its own. */
export const start = ({ clocks = 0, limiter = {}, processes }: Options) =>
  Effect.gen(function*() {
    const server = yield* strictServer
    const redis = yield* Redis.server()
    const replica = yield* Redis.server("--replicaof", "127.0.0.1", String(redis.port))
    const way = yield* proxy(redis.port)
    const admin = yield* Redis.client(redis.url)
    const replicaAdmin = yield* Redis.client(replica.url)
    const children = yield* Effect.all(
      Array.from({ length: processes }, (_, n) =>
        child({
          FLEET_TARGET: server.url,
          FLEET_REDIS: `redis://127.0.0.1:${way.port}`,
          FLEET_LIMITER: JSON.stringify(limiter),
          FLEET_CLOCK: String(n * clocks)
        })),
      { concurrency: 2 }
    )
    const refused = () => server.arrivals.filter(({ isRefused }) => isRefused).length
    /** Lets time pass, and tells which share of the limit was used meanwhile. */
    const used = (seconds: number) =>
      Effect.gen(function*() {
        const from = performance.now()
        yield* Effect.sleep(seconds * 1_000)
        const to = performance.now()
        const sent = server.arrivals.filter(({ at, isRefused }) => !isRefused && at >= from && at < to).length
        return sent / (limit * (to - from) / 1_000)
      })
    const scripts = Effect.promise(() => admin.info("commandstats")).pipe(
      Effect.map((info) =>
        [...info.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0)
      )
    )
    return {
      refused,
      used,
      scripts,
      processes: children.map(({ pid }) => `/?${pid}`),
      kill: (n: number) => Effect.sync(() => void children[n]?.kill("SIGKILL")),
      end: (n: number) => Effect.sync(() => void children[n]?.kill("SIGTERM")),
      /** Refuses one request, and returns the latest arrival of another process within the pause. */
      refuseOne: (seconds: number) =>
        Effect.gen(function*() {
          const before = server.refusedAt()
          server.refuseNext(seconds)
          while (server.refusedAt() === before) yield* Effect.sleep(1)
          const { at, process } = server.refusedAt() ?? { at: 0, process: "" }
          yield* Effect.sleep(seconds * 1_000 - 50)
          const later = server.arrivals.filter((other) =>
            other.process !== process && other.at > at && other.at < at + seconds * 1_000 - 60
          )
          return Math.max(0, ...later.map((other) => other.at - at))
        }),
      stop: redis.signal("SIGSTOP"),
      goOn: redis.signal("SIGCONT"),
      flush: Effect.promise(() => admin.flushall()),
      restart: Effect.zipRight(redis.end, redis.begin),
      cut: way.lead(undefined),
      join: way.lead(redis.port),
      /** A replica takes over that lacks the writes of the last moments. */
      failover: (lost: number) =>
        Effect.promise(() => replicaAdmin.replicaof("NO", "ONE")).pipe(
          Effect.zipRight(Effect.sleep(lost)),
          Effect.zipRight(way.lead(replica.port))
        )
    }
  })

export type Fleet = Effect.Effect.Success<ReturnType<typeof start>>
