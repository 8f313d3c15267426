import { describe, expect, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import { SuprsendLedgerError } from "effect-suprsend/BackfillError"
import { BackfillLedger } from "effect-suprsend/BackfillLedger"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Sandbox from "effect-suprsend/Sandbox"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import * as TestContext from "effect/TestContext"
import type { Ledger } from "../../src/internal/backfill/ledger/ledger.js"
import { after, appliedOnce, ids, overSandbox, quick, visits } from "../utils/backfill.js"
import { until } from "../utils/until.js"

/** Runs an effect over a changed ledger. */
const over = (change: (ledger: Ledger) => Ledger) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(
    BackfillLedger,
    (service) => Effect.provideService(effect, BackfillLedger, { ...service, ledger: change(service.ledger) })
  )

/** Runs an effect over the ledger with another way to save. */
const saving = (save: (ledger: Ledger) => Ledger["save"]) => over((ledger) => ({ ...ledger, save: save(ledger) }))

layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true, timeout: "60 seconds" })("over PGlite", (it) => {
  describe("a checkpoint", () => {
    it.effect("does not hold up requests while it is saved", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const isSaving = yield* Deferred.make<void>()
        const mayEnd = yield* Deferred.make<void>()
        const running = yield* Backfill.run(visits("slow save", ids(4_000)), quick).pipe(
          saving((ledger) => (claim, checkpoint) =>
            Deferred.succeed(isSaving, undefined).pipe(
              Effect.zipRight(Deferred.await(mayEnd)),
              Effect.zipRight(ledger.save(claim, checkpoint))
            )
          ),
          Effect.fork
        )
        yield* Deferred.await(isSaving)
        yield* until(sandbox.users, (users) => users.length === 4_000)
        yield* Deferred.succeed(mayEnd, undefined)
        expect(yield* Fiber.join(running)).toMatchObject({ state: "completed", records: 4_000 })
        expect(yield* appliedOnce(sandbox)).toBe(4_000)
      })))

    it.effect("that takes long keeps no claim from being extended", () =>
      overSandbox(Effect.gen(function*() {
        const mayEnd = yield* Deferred.make<void>()
        const extensions = yield* Ref.make(0)
        const releases: Array<boolean> = []
        // The run extends its claim every 30 ms. A claim that lasts longer cannot expire on a busy machine.
        const duration = Duration.minutes(1)
        const running = yield* Backfill.run(visits("long save", ids(1_200)), { ...quick, claimTimeout: "90 millis" })
          .pipe(
            over((ledger) => ({
              ...ledger,
              claimNext: (job, options) => ledger.claimNext(job, { ...options, duration }),
              save: (claim, checkpoint) => {
                releases.push(checkpoint.releases)
                return Effect.zipRight(Deferred.await(mayEnd), ledger.save(claim, { ...checkpoint, duration }))
              },
              extend: (claim, _, problem) =>
                Effect.zipLeft(ledger.extend(claim, duration, problem), Ref.update(extensions, (n) => n + 1))
            })),
            Effect.fork
          )
        yield* until(Effect.sync(() => releases.length), (saves) => saves > 0)
        const before = yield* Ref.get(extensions)
        yield* until(Ref.get(extensions), (n) => n >= before + 2)
        const saved = [...releases]
        yield* Deferred.succeed(mayEnd, undefined)
        expect(yield* Fiber.join(running)).toMatchObject({ state: "completed", records: 1_200 })
        expect(saved).toEqual([false])
        // Nothing is saved after the last checkpoint.
        expect(releases.indexOf(true)).toBe(releases.length - 1)
      })))

    /** Ends an effect under the clock of a test, and gives the seconds that it takes at most. */
    const secondsOf = <A, E>(fiber: Fiber.Fiber<A, E>) =>
      Effect.gen(function*() {
        const since = yield* Clock.currentTimeMillis
        yield* until(Effect.zipRight(TestClock.adjust("1 second"), Fiber.poll(fiber)), Option.isSome)
        return ((yield* Clock.currentTimeMillis) - since) / 1_000
      })

    it.effect("that is the last one and never saved does not keep an interrupted run, whenever that is interrupted", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        // The last batch waits to be sent again.
        yield* sandbox.script([Sandbox.delay(0), Sandbox.status(503)])
        for (const [name, rows] of [["none left", []], ["one left", ids(800)]] as const) {
          const saves = yield* Ref.make(0)
          const running = yield* Backfill.run(visits(name, rows), { ...quick, retry: Schedule.spaced("1 hour") }).pipe(
            saving(() => () => Effect.zipRight(Ref.update(saves, (n) => n + 1), Effect.never)),
            Effect.fork
          )
          yield* until(Effect.zipRight(TestClock.adjust("100 millis"), Ref.get(saves)), (n) => n > 0)
          const ending = yield* Effect.fork(Fiber.interrupt(running))
          expect(yield* secondsOf(ending)).toBeLessThan(15)
        }
      })).pipe(Effect.provide(TestContext.TestContext)))

    it.effect("that takes long is awaited after a failure of another partition, whose error the run has", () =>
      overSandbox(Effect.gen(function*() {
        const mayEnd = yield* Deferred.make<void>()
        const isSaving = yield* Deferred.make<void>()
        const job = Backfill.makePartitioned({
          name: "failing beside",
          range: Schema.String,
          partitions: ["a", "b"],
          rows: (range, cursor) =>
            range === "a"
              ? after(ids(10), cursor)
              : Stream.fromEffect(Effect.zipRight(Deferred.await(isSaving), Effect.fail("no source"))),
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        const running = yield* Backfill.run(job, { ...quick, partitions: 2 }).pipe(
          saving((ledger) => (claim, checkpoint) =>
            claim.partition === 0
              ? Deferred.succeed(isSaving, undefined).pipe(
                Effect.zipRight(Deferred.await(mayEnd)),
                Effect.zipRight(ledger.save(claim, checkpoint))
              )
              : ledger.save(claim, checkpoint)
          ),
          Effect.flip,
          Effect.fork
        )
        yield* until(Effect.zipRight(TestClock.adjust("1 second"), Deferred.isDone(isSaving)), (isDone) => isDone)
        for (let n = 0; n < 60; n++) yield* TestClock.adjust("1 second")
        expect(yield* Fiber.poll(running)).toEqual(Option.none())
        yield* Deferred.succeed(mayEnd, undefined)
        yield* secondsOf(running)
        expect(yield* Fiber.join(running)).toBe("no source")
      })).pipe(Effect.provide(TestContext.TestContext)))

    it.effect("that cannot be saved ends the run with its error, and the next one goes on before it", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("no save", ids(4_000))
        let saves = 0
        // A claim of an error is not released, because no later save may follow. It expires.
        const error = yield* Backfill.run(job, { ...quick, claimTimeout: "100 millis", partitions: 1 }).pipe(
          saving((ledger) => (claim, checkpoint) =>
            ++saves === 2
              ? Effect.fail(new SuprsendLedgerError({ operation: "save", description: "disk full" }))
              : ledger.save(claim, checkpoint)
          ),
          Effect.flip
        )
        expect(error).toMatchObject({ _tag: "SuprsendLedgerError" })
        // A later checkpoint would skip the one that is missing.
        expect(saves).toBe(2)
        expect((yield* Backfill.status("no save")).records).toBeLessThan(4_000)
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 4_000 })
        const deliveries = yield* sandbox.deliveries
        expect(deliveries.length).toBe(4_000)
        expect(deliveries.every(({ applied }) => applied.length === 1)).toBe(true)
      })))

    it.effect("is not the last one while a row was never sent, because it is invalid and the run was stopped", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const rows = ids(500)
        const job = Backfill.make({
          name: "stopped before an invalid row",
          rows: (cursor) => after(rows, cursor, 500),
          key: (id) => id === rows[499] ? "" : id,
          cursor: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        yield* sandbox.faults.add(Sandbox.latency("50 millis"))
        const fiber = yield* Effect.fork(Backfill.run(job, quick))
        yield* until(sandbox.deliveries, (deliveries) => deliveries.length > 0)
        yield* Fiber.interrupt(fiber)
        yield* sandbox.faults.clear
        expect(yield* Backfill.status("stopped before an invalid row")).toMatchObject({ state: "running" })
        expect(yield* Effect.flip(Backfill.run(job))).toMatchObject({ _tag: "SuprsendBackfillInvalidRow" })
        expect(yield* Backfill.status("stopped before an invalid row")).toMatchObject({
          state: "running",
          records: 499
        })
        expect(yield* appliedOnce(sandbox)).toBe(499)
      })))
  })
})
