import { expect, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Sandbox from "effect-suprsend/Sandbox"
import { addIosPush, edit } from "effect-suprsend/UserEdit"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { after, ids, overSandbox, quick } from "../utils/backfill.js"
import { loggers, printed } from "../utils/printed.js"
import { recording } from "../utils/tracer.js"

const secrets = ["apns-token-of-a-user", "sandbox-workspace-secret", "sandbox-workspace-key"]

layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true, timeout: "60 seconds" })("over PGlite", (it) => {
  it.effect("no token, workspace key or secret is in logs, spans, errors or a status", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const { spans, tracer } = recording()
      const job = Backfill.make({
        name: "secrets",
        rows: (cursor) => after(ids(300), cursor),
        key: (id) => id,
        edit: (id) => addIosPush(edit(id), "apns-token-of-a-user")
      })
      const values = yield* overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        // A server that repeats what it was sent: while it is down, as it refuses all, and as it refuses one.
        const body = JSON.stringify({ code: 500, message: `cannot apply apns-token-of-a-user` })
        yield* sandbox.faults.add(Sandbox.status(503, { body }))
        const halted = yield* Effect.flip(Backfill.run(job, quick))
        yield* sandbox.faults.replace([Sandbox.status(401, { body })])
        const unauthorized = yield* Effect.flip(Backfill.run(job, quick))
        yield* sandbox.faults.replace([
          Sandbox.when(({ body }) => body.includes("user-000007\""), Sandbox.status(422, { body }))
        ])
        const status = yield* Backfill.run(job, quick)
        expect(status).toMatchObject({ state: "completed", failed: 1 })
        const failed = yield* Stream.runCollect(Backfill.failed("secrets"))
        return [halted, unauthorized, status, failed, yield* Backfill.list]
      })).pipe(Effect.withTracer(tracer), Effect.provide(loggers(lines)))
      for (const value of values) lines.push(...(yield* printed(value)))
      expect(spans.length).toBeGreaterThan(5)
      expect(lines.length).toBeGreaterThan(20)
      // Exporters send the cause of a failed span, but not what a span returned, such as rows.
      for (const { attributes, events, exit, name } of spans) {
        lines.push(name, inspect([attributes, events], { depth: 30 }))
        if (exit?._tag === "Failure") lines.push(Cause.pretty(exit.cause, { renderErrorCause: true }))
      }
      for (const text of lines) {
        for (const secret of secrets) expect(text).not.toContain(secret)
      }
    }))

  it.effect("no key, cursor or message of the source is in spans", () =>
    Effect.gen(function*() {
      const { spans, tracer } = recording()
      const of = (name: string, rows: Stream.Stream<string, Error>, key = (id: string) => id) =>
        Backfill.make({ name, rows: () => rows, key, edit: (id) => edit(`u${id}`) })
      yield* overSandbox(Effect.gen(function*() {
        yield* Effect.flip(Backfill.run(of("twice", Stream.make("key-of-a-user", "key-of-a-user"))))
        yield* Effect.flip(Backfill.run(of("fails", Stream.fail(new Error("no row of key-of-a-user")))))
        const throws = of("throws", Stream.make("key-of-a-user"), (id) => {
          throw new Error(`no key in ${id}`)
        })
        yield* Effect.exit(Backfill.run(throws))
      })).pipe(Effect.withTracer(tracer))
      const failed = spans.filter(({ exit }) => exit?._tag === "Failure")
      expect(new Set(failed.map(({ name }) => name))).toEqual(
        new Set(["Backfill.partition", "Backfill.run", "UsersService.bulkEdit"])
      )
      for (const { attributes, events, exit, name } of spans) {
        const cause = exit?._tag === "Failure" ? Cause.pretty(exit.cause, { renderErrorCause: true }) : ""
        expect(inspect([name, attributes, events, cause], { depth: 30 })).not.toContain("key-of-a-user")
      }
    }))
})
