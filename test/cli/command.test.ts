import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import { edit, set } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import { line } from "../../src/internal/cli/command.js"
import { install } from "../../src/internal/cli/install.js"
import * as stateFile from "../../src/internal/cli/stateFile.js"
import * as lock from "../../src/internal/support/lock.js"
import { signedHeaders } from "../utils/byHand.js"
import { until } from "../utils/until.js"

const root = Path.join(import.meta.dirname, "..", "..")

// The folder of the locks. A command that is killed leaves its lock behind.
const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "sandbox-locks-"))
afterAll(() => Fs.rmSync(temporary, { recursive: true }))

/** Runs the command in its own process until the scope closes. */
const run = (...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--import", "tsx", "src/internal/cli/main.ts", ...args], {
        cwd: root,
        env: { ...process.env, TMPDIR: temporary }
      })
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

const snapshotOfAda = Effect.flatMap(Sandbox.make(), ({ respond, sandbox }) =>
  Effect.zipRight(
    respond({
      method: "POST",
      uri: "/v1/user/ada/",
      body: "{}",
      headers: signedHeaders("POST", "/v1/user/ada/", "{}")
    }),
    sandbox.snapshot
  ))

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "sandbox-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

describe("effect-suprsend sandbox", () => {
  it.scopedLive(
    "prints its settings, serves, prints a line for each request, and ends with Ctrl-C",
    () =>
      Effect.gen(function*() {
        const command = yield* started("--port", "0")
        expect(command.printed()).toContain(`export SUPRSEND_WORKSPACE_KEY=${Sandbox.credentials.workspaceKey}`)
        expect(command.printed()).toMatch(/export SUPRSEND_WORKSPACE_SECRET=\S+/)
        expect(command.printed()).toMatch(/export SUPRSEND_API_KEY=\S+/)
        expect(command.printed()).toContain(`export SUPRSEND_WORKSPACE_UID=${Sandbox.apiKeyCredentials.workspaceUid}`)
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
    "reports an invalid state in one line, and does not change the file",
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
          `${file} does not hold a state of this version of the sandbox: name another file, or remove it`
        )
        expect(Fs.readFileSync(file, "utf8")).toBe("{\"version\":0}")
      }),
    60_000
  )

  it.scopedLive("locks its state file until it ends", () =>
    Effect.gen(function*() {
      const file = Path.join(yield* folder, "state.json")
      const first = yield* started("--port", "0", "--state", file)
      const ended = (...args: ReadonlyArray<string>) => Effect.flatMap(run("sandbox", ...args), ({ ended }) => ended)
      const second = yield* ended("--port", "0", "--state", Path.join(Path.dirname(file), ".", "state.json"))
      expect(second.code).toBe(1)
      expect(second.printed.trim()).toMatch(
        new RegExp(`^${file} is in use by another sandbox \\(process \\d+\\): end that one, or name another file. `)
      )
      yield* Effect.flatMap(UsersService, (users) => users.asyncEdit(set(edit("ada"), "plan", "pro"))).pipe(
        Effect.provide(users(first.url))
      )
      // The state is written while the server runs, and not only at the end.
      yield* until(Effect.sync(() => Fs.existsSync(file) && Fs.readFileSync(file, "utf8")), (text) =>
        typeof text === "string" && text.includes("\"pro\""))
      yield* first.stop
      yield* first.ended
      const third = yield* started("--port", "0", "--state", file)
      const ada = yield* Effect.flatMap(UsersService, (users) =>
        users.get("ada")).pipe(Effect.provide(users(third.url)))
      expect(ada.properties.plan).toBe("pro")
      // Changes by another program are not overwritten.
      Fs.writeFileSync(file, "{}")
      yield* third.interrupt
      const last = yield* third.ended
      expect(last.code).toBe(1)
      expect(last.printed).toContain(`${file} was changed by another program: it is left as it is\n`)
      expect(Fs.readFileSync(file, "utf8")).toBe("{}")
    }), 120_000)

  it.scopedLive("reports an invalid option or state, and ends", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const missing = Path.join(path, "missing", "state.json")
      const impossible = Path.join(path, "state.json")
      const text = (yield* snapshotOfAda).replace(/"createdAt":\d+/, "\"createdAt\":1e300")
      Fs.writeFileSync(impossible, text)
      const endings = yield* Effect.forEach(
        [
          ["--port", "99999"],
          ["--port", "0", "--host", ""],
          ["--port", "0", "--state", missing],
          ["--port", "0", "--state", impossible]
        ],
        (args) => Effect.flatMap(run("sandbox", ...args), ({ ended }) => ended),
        { concurrency: 2 }
      )
      expect(endings.map(({ code, printed }) => [code, printed.trim()])).toEqual([
        [1, "--port must be a whole number from 0 to 65535, got 99999"],
        [1, "--host must not be empty: that would be every address of this machine"],
        [1, `${missing} cannot be used: the folder does not exist`],
        [
          1,
          `${impossible} holds an invalid state (state.accounts.0.1.profile.createdAt): ` +
          "fix it, name another file, or remove it"
        ]
      ])
      expect(Fs.readFileSync(impossible, "utf8")).toBe(text)
    }), 120_000)

  it.scopedLive("reports that a port is in use", () =>
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

describe("a state file", () => {
  const messageOf = (file: string) => Effect.map(Effect.flip(stateFile.open(file)), ({ message }) => message)

  it.scopedLive("must be a writable file", () =>
    Effect.gen(function*() {
      const path = yield* folder
      expect(yield* messageOf(path)).toBe(`${path} cannot be used: it is not a file`)
      // Replacing such a file would break the machine.
      expect(yield* messageOf("/dev/null")).toBe("/dev/null cannot be used: it is not a file")
      expect(yield* messageOf(Path.join(path, "a", "b"))).toContain("the folder does not exist")
      Fs.mkdirSync(Path.join(path, "state.json.new"))
      expect(yield* messageOf(Path.join(path, "state.json"))).toContain("cannot be used: ")
      expect(Fs.readdirSync(path)).toEqual(["state.json.new"])
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("is written through a symbolic link, and readable only by its owner", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const file = Path.join(path, "state.json")
      Fs.writeFileSync(file, "before")
      Fs.symlinkSync(file, `${file}.link`)
      const { read, write } = yield* stateFile.open(`${file}.link`)
      expect(yield* read).toEqual(Option.some("before"))
      yield* write("one")
      yield* write("two")
      expect(Fs.lstatSync(`${file}.link`).isSymbolicLink()).toBe(true)
      expect([Fs.readFileSync(file, "utf8"), Fs.statSync(file).mode & 0o077]).toEqual(["two", 0])
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("is not overwritten if another program changed, created or removed it", () =>
    Effect.gen(function*() {
      const path = yield* folder
      const changes: ReadonlyArray<readonly [before: string | undefined, change: (file: string) => void]> = [
        ["before", (file) => Fs.writeFileSync(file, "theirs")],
        ["before", (file) => Fs.rmSync(file)],
        [undefined, (file) => Fs.writeFileSync(file, "theirs")]
      ]
      for (const [i, [before, change]] of changes.entries()) {
        const file = Path.join(path, `${i}.json`)
        if (before !== undefined) Fs.writeFileSync(file, before)
        const { write } = yield* stateFile.open(file)
        change(file)
        const error = yield* Effect.flip(write("ours"))
        expect(error.message).toBe(`${file} was changed by another program: it is left as it is`)
        expect(Fs.existsSync(file) ? Fs.readFileSync(file, "utf8") : "gone").toBe(i === 1 ? "gone" : "theirs")
      }
    }).pipe(Effect.provide(NodeContext.layer)))

  it.scopedLive("is taken over from a process that has ended, but not from an unknown lock", () =>
    Effect.gen(function*() {
      const file = Path.join(yield* folder, "state.json")
      const held = lock.pathFor(Fs.realpathSync(Path.dirname(file)) + "/state.json")
      const child = spawn(process.execPath, ["-e", ""])
      yield* Effect.async<void>((resume) => void child.on("close", () => resume(Effect.void)))
      Fs.writeFileSync(held, String(child.pid))
      yield* Effect.scoped(stateFile.open(file))
      expect(Fs.existsSync(held)).toBe(false)
      Fs.writeFileSync(held, "")
      expect(yield* messageOf(file)).toContain(`remove ${held}`)
      Fs.writeFileSync(held, String(process.ppid))
      expect(yield* messageOf(file)).toContain(`(process ${process.ppid})`)
      Fs.rmSync(held)
    }).pipe(Effect.provide(NodeContext.layer)))
})

it("a line shows a request without control characters", () => {
  const at = DateTime.unsafeMake("2026-11-24T12:34:56Z")
  expect(line({ method: "GET", uri: "/v1/user/\u001b[31m/", status: 404, millis: 3, events: undefined }, at)).toBe(
    "12:34:56  GET     404     3 ms  /v1/user/?[31m/"
  )
  expect(line({ method: "POST", uri: "/event/", status: undefined, millis: 12, events: 1 }, at)).toBe(
    "12:34:56  POST    cut    12 ms  /event/  (1 event)"
  )
})

it("instructions to install missing packages have their versions", () => {
  const text = install("Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@effect/cli' imported from main.js")
  const { devDependencies, peerDependencies } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))
  expect(text).toContain("needs @effect/cli; the SDK alone does not")
  const minor = (range: string) => /\d+\.\d+/.exec(range)?.[0]
  for (const name of ["@effect/cli", "@effect/printer", "@effect/printer-ansi", "@effect/platform-node"]) {
    expect(text).toContain(`${name}@${minor(peerDependencies[name] ?? devDependencies[name])}`)
  }
})
