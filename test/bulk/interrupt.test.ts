import { expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { serve } from "../utils/loopback.js"

const root = Path.join(import.meta.dirname, "..", "..")

/** The job of the guide in a process of its own. */
const job = (url: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--import", "tsx", "docs/examples/nightly.ts"], {
        cwd: root,
        env: {
          ...process.env,
          SUPRSEND_WORKSPACE_KEY: "key",
          SUPRSEND_WORKSPACE_SECRET: "secret",
          SUPRSEND_BASE_URL: url
        }
      })
      let printed = ""
      const hear = (chunk: Buffer) => {
        printed += chunk.toString("utf8")
      }
      child.stdout.on("data", hear)
      child.stderr.on("data", hear)
      return {
        interrupt: Effect.sync(() => child.kill("SIGINT")),
        ended: Effect.async<{ readonly code: number | null; readonly printed: string }>((resume) => {
          if (child.exitCode !== null) resume(Effect.succeed({ code: child.exitCode, printed }))
          else child.on("close", (code) => resume(Effect.succeed({ code, printed })))
        }),
        stop: Effect.sync(() => child.kill("SIGKILL"))
      }
    }),
    ({ stop }) => stop
  )

it.scopedLive(
  "Ctrl-C during a bulk lets requests in flight end, and ends with the progress and the report",
  () =>
    Effect.gen(function*() {
      const held: Array<() => void> = []
      // The first requests are held back, and answered when the job is told to stop.
      const server = yield* serve((_, response) => {
        held.push(() => response.writeHead(202, { "content-type": "text/plain" }).end("OK"))
      })
      const { ended, interrupt } = yield* job(server.url)
      yield* server.arrived(2)
      yield* interrupt
      // A request that leaves after that is answered too.
      const answering = setInterval(() => {
        for (const answer of held.splice(0)) answer()
      }, 50)
      yield* Effect.addFinalizer(() => Effect.sync(() => clearInterval(answering)))
      const { code, printed } = yield* ended
      expect(code).toBe(0)
      const [, total] = /stopped: ([\d,]+) records: ([\d,]+) accepted/.exec(printed) ?? []
      expect(total, printed).toBeDefined()
      // The last line of the progress comes when the bulk has ended.
      expect(printed.trimEnd().split("\n").at(-1)).toMatch(/^[\d,]+ of 5,000 records, /)
    }),
  60_000
)

it("the job is the one that the guide shows", () => {
  const read = (name: string) => Fs.readFileSync(Path.join(root, "docs", name), "utf8")
  const [, ...code] = read("examples/nightly.ts").split("\n")
  expect(read("guides/bulk.md")).toContain(code.join("\n"))
})
