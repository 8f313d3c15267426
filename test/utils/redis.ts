// Tests that need Redis ask here whether there is one, and say so where there is none; `.ci/run` forbids that where it has found one.
import * as Effect from "effect/Effect"
import { Redis } from "ioredis"
import { execFileSync, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

/** The Redis that tests share: they use keys of their own, and never flush it. */
export const url = process.env["REDIS_URL"] ?? "redis://127.0.0.1:6379"

const answers = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const { hostname, port } = new URL(url)
    const socket = Net.connect({ host: hostname, port: Number(port || 6379), timeout: 1_000 })
    const end = (answer: boolean) => () => {
      socket.destroy()
      resolve(answer)
    }
    socket.on("connect", end(true)).on("error", end(false)).on("timeout", end(false))
  })

/** Says what is skipped; fails where `.ci/run` has found what is said to be missing. */
const skips = (what: string, missing: string, isRequired: string) => {
  if (process.env[isRequired] === "1") throw new Error(`${what}: ${missing}, but ${isRequired} is set`)
  process.stderr.write(`skipped: ${what} (${missing})\n`)
}

/** Whether the shared Redis is there. */
export const isThere = async (what: string): Promise<boolean> => {
  const found = await answers(url)
  if (!found) skips(what, `no Redis at ${url.replace(/\/\/.*@/, "//")}`, "REQUIRE_REDIS")
  return found
}

const binary = "redis-server"

/** Whether a server of one's own can be started. */
export const canServe = (what: string): boolean => {
  try {
    execFileSync(binary, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    skips(what, `no ${binary} on this machine`, "REQUIRE_REDIS_SERVER")
    return false
  }
}

/** A client that is closed with the scope. */
export const client = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const made = new Redis(url, { retryStrategy: (times) => Math.min(times * 50, 500) })
      made.on("error", () => {})
      return made
    }),
    (client) => Effect.sync(() => client.disconnect())
  )

const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** A Redis server of one's own, without a file, that can be ended and begun again. */
export const server = (...more: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const port = yield* freePort
    const directory = yield* Effect.acquireRelease(
      Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "suprsend-redis-"))),
      (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
    )
    const options = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory, ...more]
    const begin = () => spawn(binary, options, { stdio: "ignore" })
    let child = begin()
    yield* Effect.addFinalizer(() => Effect.sync(() => child.kill("SIGKILL")))
    const ready = Effect.promise(async () => {
      while (!await answers(`redis://127.0.0.1:${port}`)) await new Promise((resolve) => setTimeout(resolve, 20))
    })
    yield* ready
    return {
      port,
      url: `redis://127.0.0.1:${port}`,
      /** SIGSTOP stops it in its tracks; SIGCONT lets it go on. */
      signal: (name: "SIGSTOP" | "SIGCONT") => Effect.sync(() => void child.kill(name)),
      end: Effect.async<void>((resume) => {
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      }),
      begin: Effect.suspend(() => {
        child = begin()
        return ready
      })
    }
  })
