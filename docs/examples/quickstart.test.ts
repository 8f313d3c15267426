import { FetchHttpClient, Terminal } from "@effect/platform"
import { describe, expect, it } from "@effect/vitest"
import { ConfigProvider, Effect } from "effect"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Http from "node:http"
import { environment, spawned } from "../../test/utils/spawned.js"
import * as Target from "./target.js"

const start = (env: Record<string, string>, ...args: ReadonlyArray<string>) => spawned("quickstart.ts", env, ...args)

/** The sandbox behind a server that has nothing but the API, as a real workspace. */
const workspace = Effect.gen(function*() {
  const { options, url } = yield* SandboxServer.SandboxServer
  const server = yield* Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer((request, response) => {
        if (request.url?.startsWith("/_sandbox/")) return void response.writeHead(404).end()
        const { headers, method } = request
        const forward = Http.request(
          new URL(request.url ?? "/", url),
          { headers, ...(method ? { method } : {}) },
          (reply) => {
            response.writeHead(reply.statusCode ?? 502, reply.headers)
            reply.pipe(response)
          }
        )
        forward.on("error", () => response.destroy())
        request.pipe(forward)
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      })
  )
  const address = server.address()
  const port = address !== null && typeof address === "object" ? address.port : 0
  return environment({ ...options, baseUrl: `http://127.0.0.1:${port}/` })
})

const usersAndRequests = Effect.flatMap(Sandbox.Sandbox, (sandbox) => Effect.all([sandbox.users, sandbox.requests]))

describe("npm start over a workspace", () => {
  it.scopedLive("sends nothing where there is no terminal to ask at", () =>
    Effect.gen(function*() {
      const { code, printed } = yield* Effect.flatMap(start(yield* workspace), ({ ended }) => ended)
      expect(printed).toMatch(/^Talking to a real workspace, at http:\/\/127\.0\.0\.1:\d+\/\.$/m)
      expect(printed).toContain(
        "This makes 10,000 users in that workspace, and removes them again at the end. " +
          "There is no terminal to ask at, so nothing was sent: `npm start -- --yes` goes ahead.\n"
      )
      expect(code).toBe(1)
      expect(yield* usersAndRequests).toEqual([[], []])
    }).pipe(Effect.provide(SandboxServer.layer())), 60_000)

  it.scopedLive("makes the users and removes them again, with --yes", () =>
    Effect.gen(function*() {
      const { code, printed } = yield* Effect.flatMap(start(yield* workspace, "--yes"), ({ ended }) => ended)
      expect(printed).toContain("10,000 records: 10,000 accepted")
      expect(printed).toContain("removed all 10,001 users of this program")
      expect(code).toBe(0)
      expect((yield* usersAndRequests)[0]).toEqual([])
    }).pipe(Effect.provide(SandboxServer.layer())), 120_000)

  it.scopedLive("removes them when it is interrupted, too", () =>
    Effect.gen(function*() {
      const program = yield* start(yield* workspace, "--yes")
      yield* program.seen("3. Send 10,000 users in bulk")
      yield* program.signal("SIGINT")
      const { printed } = yield* program.ended
      expect(printed).not.toContain("4. Read")
      expect(printed).toContain("removed all 10,001 users of this program")
      const [users, requests] = yield* usersAndRequests
      expect(requests.some(({ uri }) => uri === "/event/")).toBe(true)
      expect(users).toEqual([])
    }).pipe(Effect.provide(SandboxServer.layer())), 120_000)

  it.scopedLive("only removes them, with --remove", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const { options } = yield* SandboxServer.SandboxServer
      yield* Effect.flatMap(UsersService, (users) => users.bulkEdit([edit("quickstart-7"), edit("user-7")])).pipe(
        Effect.provide(Suprsend.layer(options))
      )
      yield* Effect.flatMap(start(yield* workspace, "--remove"), ({ ended }) => ended)
      expect((yield* sandbox.users).map((user) => user.distinctId)).toEqual(["user-7"])
    }).pipe(Effect.provide(SandboxServer.layer())), 60_000)
})

describe("the target", () => {
  const found = (env: Record<string, string>) =>
    Target.find.pipe(
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(env)))),
      Effect.provide(FetchHttpClient.layer)
    )

  it.effect("is a sandbox in memory without credentials", () =>
    Effect.gen(function*() {
      expect(yield* found({ SUPRSEND_BASE_URL: "http://127.0.0.1:1/", SUPRSEND_WORKSPACE_KEY: " " })).toEqual(
        Target.Target.InMemory()
      )
    }))

  it.effect("is known to be a sandbox, or else a workspace", () =>
    Effect.gen(function*() {
      const { options } = yield* SandboxServer.SandboxServer
      expect((yield* found(environment(options)))._tag).toBe("SandboxServer")
      expect((yield* found(yield* workspace))._tag).toBe("Workspace")
    }).pipe(Effect.scoped, Effect.provide(SandboxServer.layer())))

  it.effect("is an error with half of the credentials", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(found({ SUPRSEND_WORKSPACE_KEY: "key" }))
      expect(String(error)).toContain("SUPRSEND_WORKSPACE_SECRET is missing beside SUPRSEND_WORKSPACE_KEY")
    }))
})

describe("the question", () => {
  /** Asks somebody who types a line, or Ctrl-C. */
  const asked = (line: Effect.Effect<string, Terminal.QuitException>) =>
    Target.confirm("This makes users", { yes: false, isInteractive: true }).pipe(
      Effect.provideService(Terminal.Terminal, {
        columns: Effect.succeed(80),
        rows: Effect.succeed(24),
        isTTY: Effect.succeed(true),
        readInput: Effect.die("not read"),
        readLine: line,
        display: () => Effect.void
      }),
      Effect.match({ onFailure: (error) => error.message, onSuccess: () => "goes ahead" })
    )

  it.effect("is answered by yes, or nothing is sent", () =>
    Effect.gen(function*() {
      const answers = yield* Effect.forEach(["y", " YES ", "", "n", "yellow"], (line) => asked(Effect.succeed(line)))
      expect(answers).toEqual(["goes ahead", "goes ahead", ...Array(3).fill("Nothing was sent.")])
      expect(yield* asked(Effect.fail(new Terminal.QuitException()))).toBe("Nothing was sent.")
    }))
})
