// The quick ones of `npm run chaos`: real processes, a strict server, and a Redis that things happen to.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { canServe } from "../utils/redis.js"
import { start } from "./fleet.js"

const there = canServe("a fleet of processes over Redis")

// The machine of a test may be busy: what is used is measured by `npm run chaos`. So is how soon the others hear of a pause,
// for which a test has a second try.
const most = 0.6

describe.skipIf(!there)("a fleet of processes", () => {
  it.scopedLive("is never refused, whatever happens to Redis or to a process", () =>
    Effect.gen(function*() {
      const fleet = yield* start({ processes: 4, clocks: 5_000 })
      yield* fleet.used(4)
      const before = yield* fleet.scripts
      expect(yield* fleet.used(4)).toBeGreaterThan(most)
      expect(((yield* fleet.scripts) - before) / 4 / 4).toBeLessThanOrEqual(60)
      const late = yield* fleet.refuseOne(2)
      expect(late).toBeLessThanOrEqual(200)
      expect(yield* fleet.used(2)).toBeGreaterThan(most / 2)
      yield* fleet.stop
      expect(yield* fleet.used(3)).toBeGreaterThan(most)
      yield* fleet.goOn
      yield* fleet.used(1)
      yield* fleet.flush
      expect(yield* fleet.used(3)).toBeGreaterThan(most)
      yield* fleet.restart
      expect(yield* fleet.used(3)).toBeGreaterThan(most)
      yield* fleet.failover(300)
      expect(yield* fleet.used(3)).toBeGreaterThan(most)
      yield* fleet.cut
      expect(yield* fleet.used(3)).toBeGreaterThan(most)
      expect(fleet.refused()).toBe(0)
    }), { timeout: 120_000, retry: 1 })

  it.scopedLive(
    "gets the slots of a process that died after a while, and those of one that ends at once",
    () =>
      Effect.gen(function*() {
        const fleet = yield* start({ processes: 3, limiter: { deadAfter: "3 seconds", lateArrival: "1 second" } })
        yield* fleet.used(4)
        yield* fleet.kill(0)
        yield* fleet.used(6)
        expect(yield* fleet.used(2)).toBeGreaterThan(most)
        yield* fleet.end(1)
        yield* fleet.used(3)
        expect(yield* fleet.used(2)).toBeGreaterThan(most)
        expect(fleet.refused()).toBe(0)
      }),
    { timeout: 60_000, retry: 1 }
  )
})
