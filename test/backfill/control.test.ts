import { describe, expect, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import { SuprsendBackfillState } from "effect-suprsend/BackfillError"
import type { BackfillLedger } from "effect-suprsend/BackfillLedger"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Sandbox from "effect-suprsend/Sandbox"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { after, appliedOnce, ids, overSandbox, quick, untilStatus, visits } from "../utils/backfill.js"
import { sandboxed } from "../utils/sandbox.js"

type Action = "pause" | "resume" | "cancel" | "remove"

const actions: Record<Action, (name: string) => Effect.Effect<void, Backfill.ControlError, BackfillLedger>> = {
  pause: Backfill.pause,
  resume: Backfill.resume,
  cancel: Backfill.cancel,
  remove: Backfill.remove
}

/** What each action makes of each state: the next state, or none where it is refused. */
const transitions: Record<Backfill.State, Record<Action, Backfill.State | "removed" | undefined>> = {
  running: { pause: "paused", resume: "running", cancel: "cancelled", remove: undefined },
  paused: { pause: "paused", resume: "running", cancel: "cancelled", remove: "removed" },
  cancelled: { pause: undefined, resume: undefined, cancel: "cancelled", remove: "removed" },
  completed: { pause: undefined, resume: undefined, cancel: undefined, remove: "removed" }
}

const bring = (name: string, state: Backfill.State) =>
  Effect.gen(function*() {
    const job = visits(name, ids(3))
    yield* Backfill.start(job)
    if (state === "paused") yield* Backfill.pause(name)
    if (state === "cancelled") yield* Backfill.cancel(name)
    if (state === "completed") yield* Backfill.run(job)
    expect(yield* Backfill.status(name)).toMatchObject({ state })
    return job
  })

layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true, timeout: "60 seconds" })("over PGlite", (it) => {
  describe("each action on each state", () => {
    for (const state of ["running", "paused", "cancelled", "completed"] as const) {
      for (const action of ["pause", "resume", "cancel", "remove"] as const) {
        const next = transitions[state][action]
        it.effect(`${action} of a ${state} one: ${next ?? "refused"}`, () =>
          overSandbox(Effect.gen(function*() {
            const name = `${action} ${state}`
            yield* bring(name, state)
            const done = yield* Effect.either(actions[action](name))
            const found = yield* Effect.option(Backfill.status(name))
            expect(Option.match(found, { onNone: () => "removed", onSome: ({ state }) => state })).toBe(next ?? state)
            expect(done).toMatchObject(
              next === undefined
                ? { _tag: "Left", left: { _tag: "SuprsendBackfillState", backfill: name, state, action } }
                : { _tag: "Right" }
            )
          })))
      }
    }

    it.effect.each(["nowhere", "", "nul\0", "half \ud800"])(
      "of a name that is not there is refused: %j",
      (name) =>
        Effect.gen(function*() {
          const notFound = { _tag: "SuprsendBackfillNotFound", backfill: name }
          for (const act of Object.values(actions)) expect(yield* Effect.flip(act(name))).toMatchObject(notFound)
          expect(yield* Effect.flip(Backfill.status(name))).toMatchObject(notFound)
          expect(yield* Effect.flip(Stream.runDrain(Backfill.failed(name)))).toMatchObject(notFound)
          expect(yield* Effect.flip(overSandbox(Backfill.retryFailed(name)))).toMatchObject(notFound)
        })
    )

    it.effect("says what to do where it is refused", () =>
      overSandbox(Effect.gen(function*() {
        yield* bring("advice", "running")
        expect((yield* Effect.flip(Backfill.remove("advice"))).message).toBe(
          "cannot remove the backfill \"advice\", because it is running: " +
            "cancel it first, and wait until no runner works on it"
        )
        yield* Backfill.cancel("advice")
        const cancelled = new SuprsendBackfillState({ backfill: "advice", state: "cancelled", action: "remove" })
        expect(cancelled.message).toBe(
          "cannot remove the backfill \"advice\", because it is cancelled: wait until no runner works on it"
        )
        expect((yield* Effect.flip(Backfill.resume("advice"))).message).toBe(
          "cannot resume the backfill \"advice\", because it is cancelled: start a backfill with another name"
        )
        expect((yield* Effect.flip(Backfill.pause("advice"))).message).toBe(
          "cannot pause the backfill \"advice\", because it is cancelled: nothing is left to do"
        )
      })))
  })

  describe("a run", () => {
    it.effect.each(["paused", "cancelled"] as const)(
      "of a %s backfill sends nothing, and returns",
      (state) =>
        overSandbox(Effect.gen(function*() {
          const sandbox = yield* Sandbox.Sandbox
          const job = yield* bring(`run ${state}`, state)
          expect(yield* Backfill.run(job)).toMatchObject({ state, records: 0 })
          expect(yield* Backfill.start(job)).toMatchObject({ state })
          expect(yield* sandbox.requests).toEqual([])
        }))
    )

    it.effect("that is paused stops soon, and goes on exactly where it stopped", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.latency("50 millis"))
        const rows = ids(5_000)
        const begun: Array<string | undefined> = []
        const job = Backfill.make({
          name: "paused run",
          rows: (cursor) => {
            begun.push(cursor)
            return after(rows, cursor)
          },
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        const running = yield* Effect.fork(Backfill.run(job, quick))
        yield* untilStatus("paused run", ({ records }) => records > 0)
        yield* Backfill.pause("paused run")
        const paused = yield* Fiber.join(running)
        expect(paused.state).toBe("paused")
        expect(paused.records).toBeLessThan(5_000)
        // All that was applied is saved, and the other way round.
        expect(yield* appliedOnce(sandbox)).toBe(paused.records)
        expect(paused.partitions).toMatchObject([{ runner: Option.none(), done: false }])
        const requests = (yield* sandbox.requests).length
        yield* Backfill.resume("paused run")
        expect(yield* Backfill.status("paused run")).toMatchObject({ state: "running", records: paused.records })
        yield* sandbox.faults.clear
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 5_000, accepted: 5_000 })
        expect(begun).toEqual([undefined, rows[paused.records - 1]])
        expect((yield* sandbox.requests).length).toBeGreaterThan(requests)
        expect(yield* appliedOnce(sandbox)).toBe(5_000)
        expect((yield* sandbox.deliveries).every(({ arrivals }) => arrivals.length === 1)).toBe(true)
      })))

    it.effect("that is paused sends no request that waits for the rate limit", () =>
      Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("limited run", ids(20_000))
        const running = yield* Effect.fork(Backfill.run(job, { ...quick, concurrency: 16 }))
        yield* untilStatus("limited run", ({ records }) => records > 0)
        yield* Backfill.pause("limited run")
        const paused = yield* Fiber.join(running)
        expect(paused.state).toBe("paused")
        // It notices the pause with the next checkpoint. At that time, sixteen requests waited for three seconds.
        expect((yield* sandbox.requests).length).toBeLessThan(12)
        expect(yield* appliedOnce(sandbox)).toBe(paused.records)
      }).pipe(Effect.provide(Layer.fresh(sandboxed({ rateLimit: { limit: 5, window: "1 second", burst: 1 } })))))

    it.effect("that is paused between checkpoints learns it from its claim", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = Backfill.make({
          name: "idle run",
          rows: (cursor) => Stream.concat(after(ids(10), cursor), Stream.never),
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        const running = yield* Effect.fork(Backfill.run(job, { ...quick, claimTimeout: "150 millis" }))
        yield* untilStatus("idle run", ({ records }) => records === 10)
        yield* Backfill.pause("idle run")
        expect(yield* Fiber.join(running)).toMatchObject({ state: "paused", records: 10 })
        expect(yield* appliedOnce(sandbox)).toBe(10)
      })))

    it.effect("that is cancelled stops, and what was accepted stays", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.latency("50 millis"))
        const job = visits("cancelled run", ids(5_000))
        const running = yield* Effect.fork(Backfill.run(job, quick))
        yield* untilStatus("cancelled run", ({ records }) => records > 0)
        yield* Backfill.cancel("cancelled run")
        const cancelled = yield* Fiber.join(running)
        expect(cancelled.state).toBe("cancelled")
        expect(yield* appliedOnce(sandbox)).toBe(cancelled.records)
        expect(yield* Backfill.run(job)).toMatchObject({ state: "cancelled", records: cancelled.records })
      })))

    it.effect("cannot be removed under its runner, even if it is cancelled", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("removed run", ids(10))
        yield* sandbox.faults.add(Sandbox.noResponse())
        const running = yield* Effect.fork(Backfill.run(job, { grace: 0 }))
        yield* untilStatus("removed run", ({ partitions }) => partitions.some(({ runner }) => Option.isSome(runner)))
        yield* Backfill.cancel("removed run")
        expect(yield* Effect.flip(Backfill.remove("removed run"))).toMatchObject({
          _tag: "SuprsendBackfillState",
          state: "cancelled",
          action: "remove"
        })
        yield* Fiber.interrupt(running)
        yield* Backfill.remove("removed run")
        expect(yield* Effect.flip(Backfill.status("removed run"))).toMatchObject({ _tag: "SuprsendBackfillNotFound" })
      })))

    it.effect("after a removal begins again, with the same insert ids", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = yield* bring("again", "completed")
        yield* Backfill.remove("again")
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 3 })
        expect(yield* appliedOnce(sandbox)).toBe(3)
        expect((yield* sandbox.deliveries).every(({ arrivals }) => arrivals.length === 2)).toBe(true)
      })))
  })
})
