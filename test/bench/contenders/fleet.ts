// Several processes that share the limit: over Redis, or in memory with an equal part each.
import { Redis } from "ioredis"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import type { Session } from "./contender.js"

export interface FleetJob {
  readonly url: string
  readonly redis?: string | undefined
  readonly key: string
  readonly limit: number
  readonly from: number
  readonly to: number
  readonly callers: number
}

const limit = 1000

const play = (job: FleetJob): Promise<number> =>
  new Promise((resolve, reject) => {
    const file = Path.join(import.meta.dirname, "..", "fleetChild.js")
    const child = spawn(process.execPath, [file, JSON.stringify(job)], { stdio: ["ignore", "pipe", "inherit"] })
    let printed = ""
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString("utf8")
    })
    child.on("close", (code) =>
      code === 0
        ? resolve(Number(JSON.parse(printed).cpuMicros))
        : reject(new Error(`A process of the fleet ended with ${code}`)))
  })

export const open = async (url: string, processes: number, redis: string | undefined): Promise<Session> => {
  const client = redis === undefined ? undefined : new Redis(redis)
  const key = `{bench}:${process.pid}`
  const calls = async () => {
    const info = await client?.info("commandstats")
    return Number(/cmdstat_evalsha:calls=(\d+)/.exec(info ?? "")?.[1] ?? 0)
  }
  let cpuMicrosPerUser = 0
  let scripts = 0
  return {
    single: async (from, to, concurrency) => {
      const before = await calls()
      const began = performance.now()
      const each = (to - from) / processes
      const cpu = await Promise.all(Array.from({ length: processes }, (_, n) =>
        play({
          url,
          redis,
          key,
          limit: redis === undefined ? Math.floor(limit / processes) : limit,
          from: from + Math.round(n * each),
          to: from + Math.round((n + 1) * each),
          callers: Math.ceil(concurrency / processes)
        })))
      cpuMicrosPerUser = cpu.reduce((sum, micros) => sum + micros, 0) / (to - from)
      scripts = (await calls() - before) / processes / ((performance.now() - began) / 1000)
    },
    measured: () => ({ cpuMicrosPerUser, scripts }),
    close: async () => {
      await client?.del(key)
      client?.disconnect()
    }
  }
}
