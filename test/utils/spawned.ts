import type * as Sandbox from "effect-suprsend/Sandbox"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { spawn } from "node:child_process"
import * as Path from "node:path"

/** A program of docs/examples in a process of its own, without a terminal, for as long as the scope lives. */
export const spawned = (name: string, env: Record<string, string>, ...args: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(process.execPath, ["--import", "tsx", Path.join("docs", "examples", name), ...args], {
        cwd: Path.join(import.meta.dirname, "..", ".."),
        env: { PATH: process.env.PATH, ...env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let printed = ""
      let code: number | null | undefined
      const waiting = new Set<() => void>()
      const notify = () => {
        for (const look of waiting) look()
      }
      for (const output of [child.stdout, child.stderr]) {
        output.on("data", (chunk: Buffer) => {
          printed += chunk.toString("utf8")
          notify()
        })
      }
      child.on("close", (status) => {
        code = status
        notify()
      })
      const when = (holds: () => boolean) =>
        Effect.async<void>((resume) => {
          const look = () => holds() && resume(Effect.void)
          waiting.add(look)
          look()
          return Effect.sync(() => waiting.delete(look))
        })
      return {
        /** What it printed, as soon as that holds a text, or it has ended. */
        seen: (text: string) => Effect.map(when(() => printed.includes(text) || code !== undefined), () => printed),
        ended: Effect.map(when(() => code !== undefined), () => ({ code, printed })),
        signal: (name: "SIGINT" | "SIGTERM") => Effect.sync(() => void child.kill(name)),
        kill: Effect.sync(() => void child.kill("SIGKILL"))
      }
    }),
    ({ kill }) => kill
  )

/** The variables that lead to a sandbox that runs as a server. */
export const environment = (options: typeof Sandbox.credentials) => ({
  SUPRSEND_WORKSPACE_KEY: options.workspaceKey,
  SUPRSEND_WORKSPACE_SECRET: Redacted.value(options.workspaceSecret),
  SUPRSEND_BASE_URL: options.baseUrl
})
