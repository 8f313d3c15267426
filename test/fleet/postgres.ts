// A PostgreSQL server of one's own, that can be stopped hard, begun again, and followed by a standby.
import * as Effect from "effect/Effect"
import { execFile, execFileSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { portOf } from "../utils/loopback.js"

const binaries = (): string | undefined => {
  const root = "/usr/lib/postgresql"
  const found = Fs.existsSync(root)
    ? Fs.readdirSync(root).map((version) => Path.join(root, version, "bin"))
    : (process.env["PATH"] ?? "").split(Path.delimiter)
  return found.filter((directory) => Fs.existsSync(Path.join(directory, "initdb"))).at(-1)
}

/** The user that the server runs as. It refuses to run as root. */
const account = (): { readonly uid: number; readonly gid: number } | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }))
  return { uid: id("-u"), gid: id("-g") }
}

/** Whether a server of one's own can be started; says so if not. */
export const canServe = (what: string): boolean => {
  if (binaries() !== undefined) return true
  const isRequired = "REQUIRE_POSTGRES_SERVER"
  if (process.env[isRequired] === "1") throw new Error(`${what}: no initdb, but ${isRequired} is set`)
  process.stderr.write(`skipped: ${what} (no initdb on this machine)\n`)
  return false
}

const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const port = portOf(server)
    server.close(() => resume(Effect.succeed(port)))
  })
})

const tool = (name: string, ...args: ReadonlyArray<string>) =>
  Effect.async<string>((resume) => {
    const path = Path.join(binaries() ?? "", name)
    // pg_ctl would wait for the log of the server that it starts, if that had its output.
    const child = execFile(path, args, { ...account(), cwd: Os.tmpdir() }, (error, stdout, stderr) => {
      resume(error === null ? Effect.succeed(stdout) : Effect.dieMessage(`${name}: ${error.message} ${stderr}`))
    })
    return Effect.sync(() => void child.kill())
  })

const directory = Effect.acquireRelease(
  Effect.sync(() => {
    const made = Fs.mkdtempSync(Path.join(Os.tmpdir(), "suprsend-postgres-"))
    const owner = account()
    if (owner !== undefined) Fs.chownSync(made, owner.uid, owner.gid)
    return made
  }),
  (directory) => Effect.sync(() => Fs.rmSync(directory, { recursive: true, force: true }))
)

const running = (data: string, port: number) =>
  Effect.gen(function*() {
    const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c wal_level=replica`
    const begin = tool("pg_ctl", "-D", data, "-l", `${data}.log`, "-o", options, "-w", "start")
    const stop = (mode: "immediate" | "fast") => tool("pg_ctl", "-D", data, "-m", mode, "-w", "stop")
    yield* Effect.acquireRelease(begin, () => Effect.catchAllCause(stop("immediate"), () => Effect.void))
    return {
      port,
      begin: Effect.asVoid(begin),
      /** As a crash would: without writing anything, and cutting each connection. */
      stopHard: Effect.asVoid(stop("immediate")),
      promote: Effect.asVoid(tool("pg_ctl", "-D", data, "-w", "promote"))
    }
  })

/** A server, for as long as the scope lives. */
export const server = Effect.gen(function*() {
  const root = yield* directory
  const data = Path.join(root, "data")
  const port = yield* freePort
  yield* tool("initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync")
  const primary = yield* running(data, port)
  return {
    ...primary,
    /** A standby that follows this server asynchronously. */
    standby: Effect.gen(function*() {
      const root = yield* directory
      const data = Path.join(root, "standby")
      yield* tool(
        "pg_basebackup",
        "-h",
        "127.0.0.1",
        "-p",
        String(port),
        "-U",
        "postgres",
        "-D",
        data,
        "-R",
        "-X",
        "stream"
      )
      return yield* running(data, yield* freePort)
    })
  }
})
