import * as Command from "@effect/cli/Command"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Terminal from "@effect/platform/Terminal"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as SqlClient from "@effect/sql/SqlClient"
import { afterAll, beforeAll, describe, expect, it } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedger from "effect-suprsend/BackfillLedger"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, set } from "effect-suprsend/UserEdit"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import { backfill } from "../../src/internal/cli/backfill.js"
import { statusLines } from "../../src/internal/cli/backfillView.js"
import { installLedger } from "../../src/internal/cli/install.js"
import { json, printable } from "../../src/internal/support/printable.js"
import { until } from "../utils/until.js"

const root = Path.join(import.meta.dirname, "..", "..")

const program = Command.run(Command.make("effect-suprsend").pipe(Command.withSubcommands([backfill])), {
  name: "effect-suprsend",
  version: "0"
})

/** Runs the command in this process, and returns what it printed and the message of its error. */
const run = (args: ReadonlyArray<string>, options: {
  readonly env?: Record<string, string>
  readonly terminal?: Partial<Terminal.Terminal>
  readonly printed?: Array<string>
} = {}) =>
  Effect.gen(function*() {
    const printed = options.printed ?? []
    const defaults = yield* Console.consoleWith(Effect.succeed)
    const console: Console.Console = {
      ...defaults,
      log: (...texts) => Effect.sync(() => void printed.push(texts.join(" ")))
    }
    const terminal = yield* Terminal.Terminal
    const error = yield* program(["node", "effect-suprsend", "backfill", ...args]).pipe(
      Effect.as(undefined),
      Effect.catchTag("CommandError", ({ message }) => Effect.succeed(message)),
      Effect.withConsole(console),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(options.env ?? {})))),
      Effect.provideService(Terminal.Terminal, {
        ...terminal,
        isTTY: Effect.succeed(false),
        ...options.terminal
      })
    )
    return { printed: printed.join("\n"), error }
  }).pipe(Effect.provide(NodeContext.layer))

/** What a terminal would obey. */

const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e\u2028]/

const hostile = "a\u001b[31m\u009b2J\u202e\nb"

const job = Backfill.makePartitioned({
  name: "plans",
  range: Schema.Number,
  partitions: [0, 1],
  rows: (range, after) =>
    Stream.fromIterable(["a", "b", hostile].map((name) => `${range}-${name}`)).pipe(
      Stream.filter((id) => after === undefined || id > after)
    ),
  total: () => Effect.succeed(3),
  key: (id) => id,
  edit: (id) =>
    id === `1-b` || id.endsWith(hostile) ? set(edit(id), "", "a token: s3cret") : set(edit(id), "plan", "pro")
})

/** Fills a ledger: one backfill that is completed with failures, and one with a hostile name. */
const fill = Effect.gen(function*() {
  yield* Backfill.run(job)
  yield* Backfill.start(Backfill.make({ name: `evil ${hostile}`, rows: () => Stream.empty, key: String, edit }))
  const sql = yield* SqlClient.SqlClient
  yield* sql`UPDATE suprsend_backfill_partition SET problem = ${`no response ${hostile}`}, owner = ${`host${hostile}`},
    claimed_until = now() + interval '1 hour' WHERE job <> 'plans'`
}).pipe(Effect.provide(Layer.fresh(Suprsend.layerTest)))

const firstFailed = `0-${hostile}`

const behaves = (...where: ReadonlyArray<string>) => {
  const use = (...args: ReadonlyArray<string>) => run([...args, ...where])

  it.live("lists backfills", () =>
    Effect.gen(function*() {
      const { error, printed } = yield* use("list")
      expect(error).toBeUndefined()
      expect(printed.split("\n")).toEqual([
        "plans completed: 6 of 6 records, 3 failed, 2 of 2 partitions done",
        // Opening a directory ends the claims of other processes.
        expect.stringMatching(
          /^evil a\?\[31m\?2J\?\?b running: 0 records(, no runner)?, problem: no response a\?\[31m\?2J\?\?b$/
        )
      ])
      const listed = JSON.parse((yield* use("list", "--json")).printed)
      expect(listed).toMatchObject([{ name: "plans", state: "completed", failed: 3, total: 6, secondsLeft: null }, {
        name: `evil ${hostile}`,
        partitions: [{ problem: `no response ${hostile}`, cursor: null }]
      }])
    }))

  it.live("shows the status of one or all, without characters that control the terminal", () =>
    Effect.gen(function*() {
      const one = (yield* use("status", "plans")).printed.split("\n")
      expect(one).toEqual([
        "plans completed: 6 of 6 records, 3 failed, 2 of 2 partitions done",
        "partition  records  a second  failed  left  runner  problem",
        "        0        3                 1  done",
        "        1        3                 2  done"
      ])
      const all = (yield* use("status")).printed
      expect(all).toContain("\n\nevil a?[31m?2J??b running: 0 records")
      // Opening a directory ends the claims of other processes, so there its runner is not shown.
      expect(all).toMatch(/ 0 +0 +0 +(hosta\?\[31m\?2J\?\?b {2})?no response a\?\[31m\?2J\?\?b$/)
      expect(all).not.toMatch(controls)
      const asJson = (yield* use("status", "plans", "--json")).printed
      expect(JSON.parse(asJson)).toMatchObject({
        name: "plans",
        records: 6,
        partitions: [{ done: true }, { done: true }]
      })
      expect((yield* use("status", "--json")).printed).not.toMatch(controls)
    }))

  it.live("prints failed records without their edits", () =>
    Effect.gen(function*() {
      const { printed } = yield* use("failed", "plans")
      const rows = printed.split("\n").map((line) => line.split("\t"))
      expect(rows.map(([key, outcome]) => [key, outcome])).toEqual([
        ["0-a?[31m?2J??b", "invalid"],
        ["1-a?[31m?2J??b", "invalid"],
        ["1-b", "invalid"]
      ])
      for (const [, , insertId, reason, ...rest] of rows) {
        expect(insertId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5/)
        expect(reason).toMatch(/\S/)
        expect(rest).toEqual([])
      }
      expect(printed).not.toMatch(controls)
      const [first = ""] = (yield* use("failed", "plans", "--json")).printed.split("\n")
      expect(first).not.toMatch(controls)
      expect(JSON.parse(first)).toEqual({
        key: firstFailed,
        partition: 0,
        outcome: "invalid",
        insertId: expect.any(String),
        error: { type: "InvalidUserEdit", message: expect.any(String) },
        failedAt: expect.stringMatching(/Z$/)
      })
      expect(printed + first).not.toContain("s3cret")
    }))

  it.live("ends a watch when nothing runs", () =>
    Effect.gen(function*() {
      const { printed } = yield* use("status", "plans", "--watch")
      expect(printed.split("\n").length).toBe(4)
    }))
}

const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "backfill-cli-"))
afterAll(() => Fs.rmSync(temporary, { recursive: true }))

describe("over PGlite", () => {
  const directory = Path.join(temporary, "ledger")
  const ledger = BackfillLedgerPGlite.layerWithSqlClient({ directory })
  beforeAll(() => Effect.runPromise(Effect.provide(fill, ledger)), 120_000)
  behaves("--directory", directory)

  it.live("says that another process uses the directory", () =>
    Effect.gen(function*() {
      const { error } = yield* Effect.provide(run(["list", "--directory", directory]), ledger)
      expect(error).toContain(`failed to open the directory "${directory}": process ${process.pid} uses it`)
      expect(error).not.toContain("\n")
    }))

  it.live("removes a backfill for good", () =>
    Effect.gen(function*() {
      expect((yield* run(["remove", "plans", "--directory", directory])).printed).toBe("removed plans from the ledger")
      expect((yield* run(["failed", "plans", "--directory", directory])).error).toContain("has no backfill \"plans\"")
    }))

  it.live("does not create a ledger", () =>
    Effect.gen(function*() {
      const missing = Path.join(temporary, "missing")
      expect((yield* run(["list", "--directory", missing])).error).toBe(
        `${missing} holds no ledger of backfills: check the path, or run a backfill`
      )
      expect(Fs.existsSync(missing)).toBe(false)
    }))
})

const server = new URL(process.env["POSTGRES_URL"] ?? "postgres://postgres:unused@127.0.0.1:5432/postgres")

const isThere = await new Promise<boolean>((resolve) => {
  const socket = Net.connect(Number(server.port || 5432), server.hostname)
  socket.on("connect", () => resolve(true)).on("error", () => resolve(false))
  socket.on("connect", () => socket.destroy())
})

const pg = (url: URL) => PgClient.layer({ url: Redacted.make(String(url)) })

describe.skipIf(!isThere)("over PostgreSQL", () => {
  const schema = `suprsend_cli_${process.pid}`
  const url = new URL(server)
  url.searchParams.set("options", `-c search_path=${schema}`)
  url.password = "s3cret"
  const onServer = (statement: (sql: SqlClient.SqlClient) => Effect.Effect<unknown, unknown>) =>
    Effect.runPromise(Effect.provide(Effect.flatMap(SqlClient.SqlClient, statement), pg(server)))
  const client = pg(url)
  const ledger = Layer.provideMerge(BackfillLedger.layer, client)

  beforeAll(async () => {
    await onServer((sql) => sql`CREATE SCHEMA ${sql(schema)}`)
  })
  afterAll(() => onServer((sql) => sql`DROP SCHEMA ${sql(schema)} CASCADE`))

  describe("with a ledger", () => {
    beforeAll(() => Effect.runPromise(Effect.provide(fill, ledger)), 120_000)
    behaves("--database", String(url))

    it.live("controls a backfill, and says what its state does not allow", () =>
      Effect.gen(function*() {
        const on = (...args: ReadonlyArray<string>) => run([...args, "--database", String(url)])
        yield* Effect.provide(
          Backfill.start(Backfill.make({ name: "later", rows: () => Stream.make("a"), key: String, edit })).pipe(
            Effect.provide(Layer.fresh(Suprsend.layerTest))
          ),
          ledger
        )
        const state = Effect.map(on("status", "later", "--json"), ({ printed }) => JSON.parse(printed).state)
        expect((yield* on("pause", "later")).printed).toBe("paused later: its runners stop within seconds")
        expect(yield* state).toBe("paused")
        expect((yield* on("resume", "later")).printed).toContain("resumed later: ")
        expect(yield* state).toBe("running")
        expect((yield* on("remove", "later")).error).toBe(
          "cannot remove the backfill \"later\", because it is running: " +
            "cancel it first, and wait until no runner works on it"
        )
        expect((yield* on("cancel", "later")).printed).toContain("cancelled later: ")
        expect((yield* on("resume", "later")).error).toContain("cannot resume the backfill \"later\"")
        expect((yield* on("remove", "later")).printed).toBe("removed later from the ledger")
        expect((yield* on("status", "later")).error).toBe(
          "the ledger has no backfill \"later\": check the name (Backfill.list, or effect-suprsend backfill list), or start it"
        )
      }))

    it.live("reads DATABASE_URL, unless a directory is named", () =>
      Effect.gen(function*() {
        const env = { DATABASE_URL: String(url) }
        expect((yield* run(["list"], { env })).printed).toContain("plans completed")
        expect((yield* run(["list", "--directory", temporary], { env })).error).toContain("holds no ledger")
      }))

    it.live("watches until a backfill no longer runs: lines, and a drawing on a terminal", () =>
      Effect.gen(function*() {
        const name = "watched"
        yield* Backfill.start(Backfill.make({ name, rows: () => Stream.make("a"), key: String, edit })).pipe(
          Effect.provide(Layer.fresh(Suprsend.layerTest))
        )
        const displayed: Array<string> = []
        const printed: Array<string> = []
        const terminal: Partial<Terminal.Terminal> = {
          isTTY: Effect.succeed(true),
          rows: Effect.succeed(10),
          display: (text) => Effect.sync(() => void displayed.push(text))
        }
        const args = ["status", name, "--watch", "--database", String(url)]
        const drawing = yield* Effect.fork(run(args, { terminal }))
        const printing = yield* Effect.fork(run(args, { printed }))
        yield* until(Effect.sync(() => Math.min(displayed.length, printed.length)), (n) => n > 0)
        yield* Backfill.pause(name)
        expect((yield* Fiber.join(drawing)).printed).toBe("")
        expect(displayed[0]).toMatch(
          /^\x1b\[J\x1b\[\?7lwatched running: 0 records, no runner\npartition.*\n.*\x1b\[\?7h\n$/
        )
        expect(displayed.at(-1)).toMatch(/^\x1b\[3A\x1b\[J\x1b\[\?7lwatched paused: /)
        yield* Fiber.join(printing)
        expect(printed[0]).toBe("watched running: 0 records, no runner")
        expect(printed.slice(1).map((text) => text.split("\n")[0])).toEqual(["watched paused: 0 records"])
        yield* Backfill.remove(name)
      }).pipe(Effect.provide(ledger)))
  })

  it.live("does not create a ledger, and prints no password", () =>
    Effect.gen(function*() {
      const empty = new URL(url)
      empty.searchParams.set("options", "-c search_path=pg_temp")
      const nowhere = new URL(url)
      nowhere.port = "1"
      const messages = yield* Effect.forEach(
        [
          empty,
          nowhere,
          "postgres://user:s3cret@[",
          `mysql://user:s3cret@host`,
          `${url}&sslmode=verify-full&sslca=/none`
        ],
        (url) => Effect.map(run(["list", "--database", String(url)]), ({ error }) => error)
      )
      const example = "the database must be a URL such as postgres://user:password@host:5432/database"
      const { host, hostname, pathname } = server
      expect(messages.slice(0, 4)).toEqual([
        `the database ${host}${pathname} has no ledger of backfills in its search_path: check the URL, or run a backfill`,
        `cannot use the database ${hostname}:1${pathname}: connect ECONNREFUSED ${hostname}:1`,
        example,
        example
      ])
      expect(messages.join("\n")).not.toContain("s3cret")
    }))
})

it.live("says in its help who can open a directory", () =>
  Effect.gen(function*() {
    const { printed } = yield* run(["status", "--help"])
    expect(printed).toContain("Only one process at a time can open it")
    expect(printed).toContain("Backfill.progress")
  }))

it.live("needs to know where the ledger is", () =>
  Effect.gen(function*() {
    expect((yield* run(["list"], { env: { DATABASE_URL: "" } })).error).toMatch(/^say where the ledger is: --directory/)
    expect((yield* run(["list", "--directory", "a", "--database", "b"])).error).toBe(
      "name a --database or a --directory, not both"
    )
  }))

it("a table shows partitions that are not done first, if there is no room for all", () => {
  const partition = (partition: number): Backfill.PartitionStatus => ({
    partition,
    range: "null",
    cursor: Option.none(),
    done: partition % 2 === 0,
    records: 1_000,
    accepted: 1_000,
    failed: 0,
    total: Option.some(3_000),
    rate: partition % 2 === 0 ? 0 : 400,
    runner: partition % 2 === 0 ? Option.none() : Option.some("host:1:a"),
    problem: Option.none()
  })
  const status: Backfill.Status = {
    name: "plans",
    version: "1",
    state: "running",
    partitions: Array.from({ length: 9 }, (_, n) => partition(n)),
    records: 0,
    accepted: 0,
    failed: 0,
    total: Option.none(),
    rate: 0,
    timeLeft: Option.none(),
    createdAt: new Date(0),
    toString: () => "plans running",
    toJSON: () => ({}),
    [Inspectable.NodeInspectSymbol]: () => ""
  }
  expect(statusLines(status, 4)).toEqual([
    "plans running",
    "partition         records  a second  failed  left  runner    problem",
    "        1  1,000 of 3,000       400       0   5 s  host:1:a",
    "        3  1,000 of 3,000       400       0   5 s  host:1:a",
    "        5  1,000 of 3,000       400       0   5 s  host:1:a",
    "and 6 more partitions"
  ])
  expect(statusLines(status).length).toBe(11)
})

it("text for the terminal keeps letters and symbols, and JSON keeps everything", () => {
  const text = `Zoë 日本 👍 ${hostile}\u{e0001}\ud800`
  expect(printable(text)).toBe("Zoë 日本 👍 a?[31m?2J??b??")
  expect(json(text)).not.toMatch(controls)
  expect(JSON.parse(json(text))).toBe(text)
})

it("instructions to install missing packages have their versions", () => {
  const { peerDependencies } = JSON.parse(Fs.readFileSync(Path.join(root, "package.json"), "utf8"))
  const minor = (range: string) => /\d+\.\d+/.exec(range)?.[0]
  const named = (...names: ReadonlyArray<string>) =>
    names.map((name) => `${name}@${minor(peerDependencies[name])}`).join(" ")
  expect(installLedger("database", "")).toContain(
    `npm install ${named("@effect/sql", "@effect/sql-pg", "@effect/experimental")}\n`
  )
  expect(installLedger("directory", "")).toContain(
    `npm install ${named("@effect/sql", "@effect/experimental", "@electric-sql/pglite")}\n`
  )
})

describe("the program", () => {
  /** Runs it in a process of its own, where a package may be missing. */
  const spawned = (missing: string, ...args: ReadonlyArray<string>) => {
    const hooks = `export const resolve = (name, context, next) => {
      if (name.startsWith(${JSON.stringify(missing)})) {
        throw Object.assign(new Error("Cannot find package '" + name + "' imported from /here"), { code: "ERR_MODULE_NOT_FOUND" })
      }
      return next(name, context)
    }`
    const register = `import { register } from "node:module"
      register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)})`
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      [
        "--import",
        "tsx",
        "--import",
        `data:text/javascript,${encodeURIComponent(register)}`,
        "src/internal/cli/main.ts",
        "backfill",
        ...args
      ],
      { cwd: root, encoding: "utf8", env: { PATH: process.env["PATH"] } }
    )
    return { status, stderr, stdout }
  }

  it("ends an error with code 1 and one line", () => {
    const directory = Path.join(temporary, "missing")
    expect(spawned("none", "list", "--directory", directory)).toEqual({
      status: 1,
      stderr: `${directory} holds no ledger of backfills: check the path, or run a backfill\n`,
      stdout: ""
    })
  })

  it.each(
    [
      ["@electric-sql/pglite", "directory", "--directory", temporary],
      ["@effect/sql-pg", "database", "--database", "postgres://127.0.0.1:1/none"]
    ] as const
  )("says how to install %s", (missing, ledger, ...args) => {
    Fs.writeFileSync(Path.join(temporary, "PG_VERSION"), "")
    const { status, stderr } = spawned(missing, "list", ...args)
    expect(status).toBe(1)
    expect(stderr.trim()).toBe(installLedger(ledger, `'${missing}'`).trim())
  })
})
