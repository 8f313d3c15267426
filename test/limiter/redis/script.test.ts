// The script in Redis, held against `core.ts`: random messages, each answered by both.
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Core from "../../../src/internal/limiter/redis/core.js"
import * as Script from "../../../src/internal/limiter/redis/script.js"
import { client, isThere, url } from "../../utils/redis.js"

const there = await isThere("the script against the core")

const amount = FastCheck.oneof(FastCheck.constant(0), FastCheck.integer({ min: 0, max: 12 }))

const Messages = FastCheck.array(
  FastCheck.record({
    pass: FastCheck.oneof(FastCheck.nat(30_000), FastCheck.nat(4_000_000)),
    back: FastCheck.oneof({ weight: 6, arbitrary: FastCheck.constant(0) }, FastCheck.nat(2_000_000)),
    server: FastCheck.oneof({ weight: 8, arbitrary: FastCheck.constant("first") }, FastCheck.constant("second")),
    isFlushed: FastCheck.oneof({ weight: 20, arbitrary: FastCheck.constant(false) }, FastCheck.constant(true)),
    process: FastCheck.nat(3),
    epoch: FastCheck.oneof({ weight: 8, arbitrary: FastCheck.constant("own") }, FastCheck.constantFrom("", "other")),
    isLate: FastCheck.oneof({ weight: 8, arbitrary: FastCheck.constant(false) }, FastCheck.constant(true)),
    given: amount,
    want: amount,
    need: amount,
    pause: FastCheck.oneof({ weight: 6, arbitrary: FastCheck.constant(0) }, FastCheck.nat(5_000_000)),
    probe: FastCheck.nat(1),
    ended: FastCheck.nat(2),
    failed: FastCheck.nat(2),
    leave: FastCheck.oneof({ weight: 8, arbitrary: FastCheck.constant(-1) }, FastCheck.nat(2_000_000))
  }),
  { minLength: 1, maxLength: 60, size: "max" }
)

const Rules = FastCheck.record({
  limit: FastCheck.integer({ min: 1, max: 12 }),
  window: FastCheck.constantFrom(300, 1_000),
  burst: FastCheck.integer({ min: 1, max: 12 }),
  deadAfter: FastCheck.constantFrom(500, 2_000),
  probeInterval: FastCheck.constant(1_000)
}).map(Core.makeRule)

describe.skipIf(!there)("the script", () => {
  it.scoped.prop("answers as the core does", [Rules, Messages], ([rule, messages]) =>
    Effect.gen(function*() {
      const redis = yield* client(url)
      const key = `{test}:script:${Math.random()}`
      yield* Effect.addFinalizer(() => Effect.promise(() => redis.del(key)))
      let state: Core.State | undefined
      let time = 1_700_000_000_000_000
      const own = new Map<number, { epoch: string; leased: number }>()
      for (const [position, given] of messages.entries()) {
        time += given.pass - given.back
        if (given.isFlushed) {
          state = undefined
          yield* Effect.promise(() => redis.del(key))
        }
        const { epoch, leased } = own.get(given.process) ?? { epoch: "", leased: 0 }
        const message: Core.Message = {
          process: `p${given.process}`,
          seq: given.isLate ? 0 : position + 1,
          epoch: given.epoch === "own" ? epoch : given.epoch,
          leased: Math.max(0, leased - given.given),
          want: given.want,
          need: given.need,
          pause: given.pause,
          probe: given.probe,
          ended: given.ended,
          failed: given.failed,
          leave: given.leave
        }
        const [next, expected] = Core.exchange(rule, state, message, { time, server: given.server })
        state = next
        const reply = yield* Effect.promise(() =>
          redis.eval(Script.lua, 1, key, ...Script.encode(rule, message), time, given.server)
        )
        expect(Script.decode(reply)).toEqual(expected)
        if (expected !== undefined) own.set(given.process, expected)
        const expiry = yield* Effect.promise(() => redis.pttl(key))
        expect(expiry).toBeGreaterThan(3_600_000)
      }
    }), { fastCheck: { numRuns: 60 }, timeout: 60_000 })

  it.scoped("takes the time from Redis, and says which server it is", () =>
    Effect.gen(function*() {
      const redis = yield* client(url)
      const key = `{test}:script:${Math.random()}`
      yield* Effect.addFinalizer(() => Effect.promise(() => redis.del(key)))
      const rule = Core.makeRule({ limit: 5, window: 1_000, burst: 5, deadAfter: 1_000, probeInterval: 1_000 })
      const message: Core.Message = {
        process: "p",
        seq: 1,
        epoch: "",
        leased: 0,
        want: 1,
        need: 1,
        pause: 0,
        probe: 0,
        ended: 0,
        failed: 0,
        leave: -1
      }
      const before = yield* Effect.promise(() => redis.time())
      yield* Effect.promise(() => redis.eval(Script.lua, 1, key, ...Script.encode(rule, message)))
      const stored = yield* Effect.promise(() => redis.hget(key, "state"))
      const [, server = "", time] = (stored ?? "").split(" ")
      expect(Number(time)).toBeGreaterThanOrEqual(Number(before[0]) * 1_000_000 + Number(before[1]))
      expect(yield* Effect.promise(() => redis.info("server"))).toContain(`run_id:${server}`)
      // One key, so one hash slot.
      expect(Script.lua.match(/KEYS\[/g)).toHaveLength(1)
    }))
})

describe("a reply that is not one", () => {
  it("is not decoded", () => {
    for (const reply of [null, "OK", [], ["e", "1"], ["e", "x", "1", "1", "1", "1", "1", "1"]]) {
      expect(Script.decode(reply)).toBeUndefined()
    }
  })
})
