import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import { edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import { line } from "../src/internal/cli/command.js"
import { install } from "../src/internal/cli/install.js"

const root = Path.join(import.meta.dirname, "..")

/** The command in a process of its own, for as long as the scope lives. */
const run = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--import", "tsx", "src/internal/cli/main.ts", ...args], { cwd: root })
      let printed = ""
      const waiting = new Set<() => void>()
      const hear = (chunk: Buffer) => {
        printed += chunk.toString("utf8")
        for (const look of waiting) look()
      }
      child.stdout.on("data", hear)
      child.stderr.on("data", hear)
      let exit: number | null | undefined
      child.on("close", (code) => {
        exit = code
        for (const look of waiting) look()
      })
      const until = <A>(found: () => A | undefined) =>
        Effect.async<A>((resume) => {
          const look = () => {
            const result = found()
            if (result !== undefined) resume(Effect.succeed(result))
          }
          waiting.add(look)
          look()
          return Effect.sync(() => waiting.delete(look))
        })
      return {
        printed: () => printed,
        seen: (pattern: RegExp) => until(() => pattern.exec(printed) ?? (exit === undefined ? undefined : null)),
        ended: until(() => exit === undefined ? undefined : { code: exit, printed }),
        interrupt: Effect.sync(() => void child.kill("SIGINT")),
        stop: Effect.sync(() => void child.kill("SIGKILL"))
      }
    }),
    ({ stop }) => stop
  )

const started = (...args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const command = yield* run("sandbox", ...args)
    const found = yield* command.seen(/SUPRSEND_BASE_URL=(\S+)/)
    return { ...command, url: found?.[1] ?? "" }
  })

const users = (url: string) => SuprsendNode.layer({ ...Sandbox.credentials, baseUrl: url })

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "sandbox-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

describe("effect-suprsend sandbox", () => {
  it.scopedLive(
    "prints what to paste, serves, prints a line for each request, and ends with Ctrl-C",
    () =>
      Effect.gen(function*() {
        const command = yield* started("--port", "0")
        expect(command.printed()).toContain(`export SUPRSEND_WORKSPACE_KEY=${Sandbox.credentials.workspaceKey}`)
        expect(command.printed()).toMatch(/export SUPRSEND_WORKSPACE_SECRET=\S+/)
        yield* Effect.flatMap(UsersService, (users) => users.bulkEdit([edit("ada"), edit("eve")])).pipe(
          Effect.provide(users(command.url))
        )
        yield* command.seen(/\d\d:\d\d:\d\d {2}POST +202 +\d+ ms {2}\/event\/ {2}\(2 events\)\n/)
        yield* command.interrupt
        expect((yield* command.ended).code).toBe(0)
      }),
    60_000
  )

  it.scopedLive("keeps its state in a file across restarts", () =>
    Effect.gen(function*() {
      const file = Path.join(yield* folder, "state.json")
      const first = yield* started("--port", "0", "--state", file)
      yield* Effect.flatMap(UsersService, (users) => users.asyncEdit(set(edit("ada"), "plan", "pro"))).pipe(
        Effect.provide(users(first.url))
      )
      yield* first.interrupt
      yield* first.ended
      const second = yield* started("--port", "0", "--state", file)
      const ada = yield* Effect.flatMap(UsersService, (users) => users.get("ada")).pipe(
        Effect.provide(users(second.url))
      )
      expect(ada.properties.plan).toBe("pro")
      expect(Fs.readdirSync(Path.dirname(file))).toEqual(["state.json"])
    }), 60_000)

  it.scopedLive(
    "says in one line what is wrong with its state, and leaves the file alone",
    () =>
      Effect.gen(function*() {
        const file = Path.join(yield* folder, "state.json")
        Fs.writeFileSync(file, "{\"version\":0}")
        const { code, printed } = yield* Effect.flatMap(
          run("sandbox", "--port", "0", "--state", file),
          ({ ended }) => ended
        )
        expect(code).toBe(1)
        expect(printed.trim()).toBe(
          `${file} holds no state of this version of the sandbox: name another file, or remove it`
        )
        expect(Fs.readFileSync(file, "utf8")).toBe("{\"version\":0}")
      }),
    60_000
  )

  it.scopedLive("says that a port is taken", () =>
    Effect.gen(function*() {
      const port = yield* Effect.acquireRelease(
        Effect.async<Http.Server>((resume) => {
          const server = Http.createServer().listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.close())
      ).pipe(Effect.map((server) => {
        const address = server.address()
        return typeof address === "object" && address !== null ? address.port : 0
      }))
      const { code, printed } = yield* Effect.flatMap(run("sandbox", "--port", String(port)), ({ ended }) => ended)
      expect(code).toBe(1)
      expect(printed.trim()).toMatch(new RegExp(`^cannot listen at 127\\.0\\.0\\.1:${port}: .*EADDRINUSE`))
    }), 60_000)
})

it("a line shows no more of a request than what fits in it", () => {
  const at = DateTime.unsafeMake("2026-11-24T12:34:56Z")
  expect(line({ method: "GET", uri: "/v1/user/\u001b[31m/", status: 404, millis: 3, events: undefined }, at)).toBe(
    "12:34:56  GET     404     3 ms  /v1/user/?[31m/"
  )
  expect(line({ method: "POST", uri: "/event/", status: undefined, millis: 12, events: 1 }, at)).toBe(
    "12:34:56  POST    cut    12 ms  /event/  (1 event)"
  )
})

it("where the packages of the command line are missing, it says how to install them, with their versions", () => {
  const text = install("Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@effect/cli' imported from main.js")
  const { devDependencies, peerDependencies } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))
  expect(text).toContain("needs @effect/cli that an SDK does not")
  const minor = (range: string) => /\d+\.\d+/.exec(range)?.[0]
  for (const name of ["@effect/cli", "@effect/printer", "@effect/printer-ansi", "@effect/platform-node"]) {
    expect(text).toContain(`${name}@${minor(peerDependencies[name] ?? devDependencies[name])}`)
  }
})
