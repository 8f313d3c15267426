import { describe, expect, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Sandbox from "effect-suprsend/Sandbox"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Chunk from "effect/Chunk"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { after, appliedOnce, ids, overSandbox, quick, service, untilStatus, visits } from "../utils/backfill.js"

const patient: Backfill.RunOptions = { ...quick, retry: Schedule.spaced("2 millis") }

const halted = <E, R>(run: Effect.Effect<unknown, E | { readonly _tag: string }, R>) => Effect.flip(run)

layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true, timeout: "60 seconds" })("over PGlite", (it) => {
  describe("an outage that ends", () => {
    const outages: Record<string, Sandbox.Fault> = {
      "503": Sandbox.failNext(12, Sandbox.status(503)),
      "429": Sandbox.failNext(12, Sandbox.status(429, { retryAfter: "0" })),
      "500 that was applied": Sandbox.failNext(12, Sandbox.status(500, { applied: true })),
      "dropped connections": Sandbox.failNext(12, Sandbox.resetPeer),
      "dropped connections after the edits were applied": Sandbox.failNext(12, Sandbox.resetPeerApplied),
      "responses that are cut off": Sandbox.failNext(12, Sandbox.truncateBody)
    }
    for (const [name, fault] of Object.entries(outages)) {
      it.effect(`costs nothing: ${name}`, () =>
        overSandbox(Effect.gen(function*() {
          const sandbox = yield* Sandbox.Sandbox
          yield* sandbox.faults.add(fault)
          const status = yield* Backfill.run(visits(`outage ${name}`, ids(1_000)), { ...patient, concurrency: 4 })
          expect(status).toMatchObject({ state: "completed", records: 1_000, accepted: 1_000, failed: 0 })
          expect(yield* appliedOnce(sandbox)).toBe(1_000)
        })))
    }

    it.effect("is shown as the problem of the partition, until it ends", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.maintenance())
        const running = yield* Effect.fork(
          Backfill.run(visits("problem", ids(10)), { ...patient, claimTimeout: "90 millis" })
        )
        const problem = ({ partitions }: Backfill.Status) => partitions[0]?.problem ?? Option.none<string>()
        const status = yield* untilStatus("problem", (status) => Option.isSome(problem(status)))
        expect(Option.getOrThrow(problem(status))).toContain("503")
        yield* sandbox.faults.clear
        const done = yield* Fiber.join(running)
        expect(done).toMatchObject({ state: "completed", accepted: 10 })
        expect(problem(done)).toEqual(Option.none())
      })))

    it.effect("does not keep a run from being paused", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.maintenance())
        const job = visits("paused in an outage", ids(100))
        const running = yield* Effect.fork(
          Backfill.run(job, { ...quick, retry: Schedule.spaced("1 hour"), claimTimeout: "90 millis" })
        )
        yield* untilStatus(
          "paused in an outage",
          ({ partitions }) => Option.isSome(partitions[0]?.problem ?? Option.none())
        )
        yield* Backfill.pause("paused in an outage")
        expect(yield* Fiber.join(running)).toMatchObject({ state: "paused", records: 0, failed: 0 })
        yield* sandbox.faults.clear
        yield* Backfill.resume("paused in an outage")
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", accepted: 100 })
      })))
  })

  describe("what concerns all records halts the run, and stores none as failed", () => {
    const faults: ReadonlyArray<readonly [name: string, fault: Sandbox.Fault, tag: string]> = [
      ["an outage that outlasts the retries", Sandbox.maintenance(), "SuprsendUnavailable"],
      ["dropped connections that outlast the retries", Sandbox.resetPeer, "SuprsendUnavailable"],
      ["429 that outlasts the retries", Sandbox.status(429, { retryAfter: "0" }), "SuprsendRateLimited"],
      ["401", Sandbox.status(401), "SuprsendUnauthorized"],
      ["403", Sandbox.status(403), "SuprsendUnauthorized"],
      ["404", Sandbox.status(404), "SuprsendRejected"],
      ["405", Sandbox.status(405), "SuprsendRejected"],
      [
        "a redirect",
        Sandbox.status(302, { headers: { location: "https://login.example.com/" } }),
        "SuprsendRejected"
      ],
      [
        "a login page",
        Sandbox.malformedBody({ body: "<html>Please log in</html>", applied: false }),
        "SuprsendUnexpectedResponse"
      ]
    ]
    for (const [name, fault, tag] of faults) {
      it.effect(`${name}, from the first record on`, () =>
        overSandbox(Effect.gen(function*() {
          const sandbox = yield* Sandbox.Sandbox
          yield* sandbox.faults.add(fault)
          const job = visits(`first ${name}`, ids(50))
          const error = yield* halted(Backfill.run(job, quick))
          expect(error._tag).toBe("SuprsendBackfillHalted")
          expect(JSON.parse(JSON.stringify(error))).toMatchObject({
            backfill: job.name,
            partition: 0,
            error: { _tag: tag }
          })
          expect(yield* Backfill.status(job.name)).toMatchObject({ state: "running", records: 0, failed: 0 })
          yield* sandbox.faults.clear
          expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", accepted: 50, failed: 0 })
          expect(yield* appliedOnce(sandbox)).toBe(50)
        })))
    }

    it.effect("in the middle of a run, after what was accepted is saved", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const pass = { count: 0 }
        const job = visits("halted halfway", ids(3_000))
        yield* sandbox.faults.add(Sandbox.when(() => ++pass.count > 2, Sandbox.status(401)))
        const error = yield* halted(Backfill.run(job, quick))
        expect(error).toMatchObject({ _tag: "SuprsendBackfillHalted", error: { _tag: "SuprsendUnauthorized" } })
        const { failed, records } = yield* Backfill.status("halted halfway")
        expect(failed).toBe(0)
        expect(records).toBeGreaterThan(0)
        expect(records).toBe(yield* appliedOnce(sandbox))
        // Not one request for each of the remaining records.
        expect((yield* sandbox.requests).length).toBeLessThan(6)
        yield* sandbox.faults.clear
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", accepted: 3_000, failed: 0 })
        expect(yield* appliedOnce(sandbox)).toBe(3_000)
      })))

    it.effect("lets the other partitions stop, and names the one", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(
          Sandbox.latency("5 millis"),
          Sandbox.when(({ body }) => body.includes("b-000"), Sandbox.status(404))
        )
        const job = Backfill.makePartitioned({
          name: "one halts",
          range: Schema.String,
          partitions: ["a", "b"],
          rows: (range, cursor) => after(ids(5_000, range), cursor),
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        const error = yield* halted(Backfill.run(job, quick))
        expect(error).toMatchObject({ _tag: "SuprsendBackfillHalted", partition: 1 })
        const { partitions: [a], records } = yield* Backfill.status("one halts")
        expect(a).toMatchObject({ records, runner: Option.none(), done: false })
        expect(yield* appliedOnce(sandbox)).toBe(records)
        yield* sandbox.faults.clear
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", accepted: 10_000 })
        expect(yield* appliedOnce(sandbox)).toBe(10_000)
      })))
  })

  describe("a record that alone fails", () => {
    it.effect("is stored as failed when its retries end, while the others go on", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const rows = ids(5_000)
        yield* sandbox.faults.add(
          Sandbox.when(({ body }) => body.includes("user-000100\""), Sandbox.status(500))
        )
        const job = visits("poison", rows)
        const status = yield* Backfill.run(job, {
          ...quick,
          retry: Schedule.intersect(Schedule.spaced("100 millis"), Schedule.recurs(3))
        })
        expect(status).toMatchObject({ state: "completed", records: 5_000 })
        expect(status).toMatchObject({ accepted: 4_999, failed: 1 })
        const failed = Chunk.toReadonlyArray(yield* Stream.runCollect(Backfill.failed("poison")))
        expect(failed.map(({ key }) => key)).toEqual(["user-000100"])
        expect(failed.every(({ error, outcome }) => outcome === "unknown" && error.type === "SuprsendUnavailable"))
          .toBe(true)
        yield* sandbox.faults.clear
        yield* Backfill.retryFailed("poison")
        expect(yield* Backfill.status("poison")).toMatchObject({ accepted: 5_000, failed: 0 })
        expect(yield* appliedOnce(sandbox)).toBe(5_000)
      })))

    it.effect("is found in the only batch, and even if it is the only record", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.when(({ body }) => body.includes("user-000007\""), Sandbox.status(500)))
        for (const [name, rows] of [["only batch", ids(10)], ["only record", ["user-000007"]]] as const) {
          expect(yield* Backfill.run(visits(name, rows), quick)).toMatchObject({ state: "completed", failed: 1 })
          const failed = Chunk.toReadonlyArray(yield* Stream.runCollect(Backfill.failed(name)))
          expect(failed.map(({ key }) => key)).toEqual(["user-000007"])
        }
      })))
  })

  it.effect("a client that is closed while the backfill runs ends it, and the next run goes on", () =>
    Effect.gen(function*() {
      const job = visits("closed", ids(3_000))
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(service(), scope)
      const sandbox = Context.get(context, Sandbox.Sandbox)
      yield* sandbox.faults.add(Sandbox.latency("100 millis"))
      const running = yield* Effect.fork(Effect.provide(Backfill.run(job, quick), context))
      yield* untilStatus(job.name, ({ records }) => records > 0)
      yield* Scope.close(scope, Exit.void)
      expect(yield* Effect.flip(Fiber.join(running))).toMatchObject({ _tag: "SuprsendBackfillHalted" })
      expect(yield* overSandbox(Backfill.run(job, quick))).toMatchObject({ state: "completed", accepted: 3_000 })
    }))
})
