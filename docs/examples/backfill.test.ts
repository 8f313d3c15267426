import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { spawned } from "../../test/utils/spawned.js"

const directory = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "backfill-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true }))
)

it.scopedLive("goes on where it was killed, and sends nothing when it is completed", () =>
  Effect.gen(function*() {
    const path = yield* directory
    const first = yield* spawned("backfill.ts", {}, path)
    expect(yield* first.seen("a second")).toContain("start at plans-2026 running: 0 of 20,000 records, no runner\n")
    yield* first.kill
    expect((yield* first.ended).printed).not.toContain("completed")

    const second = yield* Effect.flatMap(spawned("backfill.ts", {}, path), ({ ended }) => ended)
    expect(second.printed).toMatch(/^start at plans-2026 running: [1-9][\d,]* of 20,000 records/)
    expect(second.printed.trim().split("\n").at(-1)).toBe("plans-2026 completed: 20,000 of 20,000 records")
    expect(second.code).toBe(0)

    const third = yield* Effect.flatMap(spawned("backfill.ts", {}, path), ({ ended }) => ended)
    expect(third.printed).toBe(
      "start at plans-2026 completed: 20,000 of 20,000 records\nplans-2026 completed: 20,000 of 20,000 records\n"
    )
  }), 180_000)
