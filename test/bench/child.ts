// One measurement in a process of its own, which loads nothing but its contender: `node child.js '<job>'`. It prints what it
// took as JSON.
import { readFileSync } from "node:fs"
import type { Builder, Session } from "./contenders/contender.js"
import { profiled } from "./profile.js"
import { median } from "./statistics.js"

export interface Job {
  readonly contender: string
  readonly task: "bulk" | "single" | "together" | "building" | "verbs" | "import"
  readonly users: number
  readonly concurrency: number
  /** Users who are edited before the measurement begins. */
  readonly warmUp: number
  readonly url: string
}

const sessions: Record<string, (url: string) => Promise<Session>> = {
  vendor: async (url) => (await import("./contenders/vendor.js")).open(url),
  "by hand": async (url) => (await import("./contenders/byHand.js")).open(url),
  "by hand, http": async (url) => (await import("./contenders/byHand.js")).openOverHttp(url),
  "by hand, fetch": async (url) => (await import("./contenders/byHand.js")).openOverFetch(url),
  ours: async (url) => (await import("./contenders/ours.js")).open(url),
  "ours, undici": async (url) => (await import("./contenders/ours.js")).openOverUndici(url),
  "ours, fetch": async (url) => (await import("./contenders/ours.js")).openOverFetch(url),
  "ours, platform's fetch": async (url) => (await import("./contenders/ours.js")).openOverPlatformFetch(url),
  "ours, canonical zone": async (url) => (await import("./contenders/ours.js")).openCanonicalZone(url),
  "ours, linked zone": async (url) => (await import("./contenders/ours.js")).openLinkedZone(url),
  "ours, profiled": async (url) => (await import("./contenders/ours.js")).open(url),
  "ours, async iterable": async (url) => (await import("./contenders/ours.js")).openFromAsyncIterable(url),
  "ours, Stream.map": async (url) => (await import("./contenders/ours.js")).openFromStreamMap(url),
  "ours, Stream.mapEffect": async (url) => (await import("./contenders/ours.js")).openFromStreamMapEffect(url),
  "ours, limited": async (url) => (await import("./contenders/ours.js")).openLimited(url),
  "ours, batched": async (url) => (await import("./contenders/ours.js")).openBatched(url),
  "ours, batched and limited": async (url) => (await import("./contenders/ours.js")).openBatchedLimited(url),
  ...Object.fromEntries(
    [1, 4, 8].flatMap((processes) =>
      ([["in memory", undefined], ["over Redis", "redis://127.0.0.1:6379"]] as const).map(([where, redis]) => [
        `${processes} ${where}`,
        async (url: string) => (await import("./contenders/fleet.js")).open(url, processes, redis)
      ])
    )
  ),
  "backfill over PGlite": async (url) => (await import("./contenders/backfill.js")).openOverPGlite(url),
  "backfill over PostgreSQL": async (url) => (await import("./contenders/backfill.js")).openOverPostgres(url),
  "fibers alone": async () => (await import("./contenders/fibersAlone.js")).open()
}

const builders: Record<string, () => Promise<Builder>> = {
  vendor: async () => (await import("./contenders/vendor.js")).builder,
  "by hand": async () => (await import("./contenders/byHand.js")).builder,
  ours: async () => (await import("./contenders/ours.js")).builder
}

const start = async ({ concurrency, contender, task, url, users, warmUp }: Job) => {
  const session = await sessions[contender]?.(url)
  const tasks = {
    bulk: session?.bulk && (() => session.bulk?.(users, concurrency)),
    single: session?.single && (() => session.single?.(warmUp, warmUp + users, concurrency)),
    together: session?.together && (() => session.together?.(users)),
    building: undefined,
    verbs: undefined,
    import: undefined
  }
  const run = tasks[task]
  if (session === undefined || run === undefined) throw new Error(`There is no ${task} of ${contender}`)
  if (warmUp > 0) {
    await (task === "bulk" ? session.bulk?.(warmUp, concurrency) : session.single?.(0, warmUp, concurrency))
  }
  return { run, close: session.close, measured: session.measured }
}

// `getrusage` is no use on Linux: there a process begins with the peak of the one that started it.
const peakMegabytes = (): number => {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS / 1024
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) / 1024
}

const send = async (job: Job) => {
  const { close, measured, run } = await start(job)
  if (job.contender.endsWith("profiled")) {
    const micros = await profiled(run)
    await close()
    return micros
  }
  const cpuBefore = process.cpuUsage()
  const before = performance.now()
  await run()
  const seconds = (performance.now() - before) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  await close()
  const cpuMicros = cpu.user + cpu.system
  return {
    seconds,
    usersPerSecond: job.users / seconds,
    cpuMicrosPerUser: cpuMicros / job.users,
    peakMegabytes: peakMegabytes(),
    ...measured?.()
  }
}

const nanosEach = (count: number, run: () => number): number => {
  const times: Array<number> = []
  for (let round = 0; round < 9; round++) {
    const before = process.hrtime.bigint()
    if (run() < 0) throw new Error("Nothing was built")
    times.push(Number(process.hrtime.bigint() - before) / count)
  }
  // The first two warm up.
  return median(times.slice(2))
}

const build = async ({ contender, users }: Job) => {
  const builder = await builders[contender]?.()
  if (builder === undefined) throw new Error(`There is no building of ${contender}`)
  const chains = (verbs: number) =>
    nanosEach(users, () => {
      let built = 0
      for (let i = 0; i < users; i += verbs) built += builder.chain(verbs)
      return built
    })
  const ids = Array.from({ length: 1000 }, (_, i) => `user-${i}`)
  const each = (build: (id: string) => number) =>
    nanosEach(users, () => {
      let built = 0
      for (let i = 0; i < users; i += ids.length) for (const id of ids) built += build(id)
      return built
    })
  return {
    nanosPerEdit: each(builder.build),
    ...(builder.nested === undefined ? undefined : { nanosPerNested: each(builder.nested) }),
    nanosPerVerbOf100: chains(100),
    nanosPerVerbOf1000: chains(1000)
  }
}

const main = async () => {
  const job: Job = JSON.parse(process.argv[2] ?? "")
  const measured = job.task === "verbs"
    ? (await import("./verbs.js")).measureVerbs(job.users)
    : await (job.task === "building" ? build(job) : send(job))
  console.log(JSON.stringify(measured))
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
