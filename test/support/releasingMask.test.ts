import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { releasingMask } from "../../src/internal/support/releasingMask.js"

const masks = { ours: releasingMask, "that of Effect": Effect.uninterruptibleMask }

for (const [whose, mask] of Object.entries(masks)) {
  describe(`a mask, ${whose}`, () => {
    it.effect("holds back an interruption, except in what is restored", () =>
      Effect.gen(function*() {
        const steps: Array<string> = []
        const begun = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        const fiber = yield* Effect.fork(mask((restore) =>
          Effect.gen(function*() {
            yield* Deferred.succeed(begun, undefined)
            yield* Deferred.await(goOn)
            steps.push("masked")
            yield* Effect.onInterrupt(restore(Effect.never), () => Effect.sync(() => steps.push("restored")))
          })
        ))
        yield* Deferred.await(begun)
        const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* Effect.yieldNow()
        expect(steps).toEqual([])
        yield* Deferred.succeed(goOn, undefined)
        expect(Exit.isInterrupted(yield* Fiber.join(interrupting))).toBe(true)
        expect(steps).toEqual(["masked", "restored"])
      }))

    it.effect("restores no more than there was around it", () =>
      Effect.gen(function*() {
        const begun = yield* Deferred.make<void>()
        const goOn = yield* Deferred.make<void>()
        let isDone = false
        const restored = Deferred.succeed(begun, undefined).pipe(
          Effect.zipRight(Deferred.await(goOn)),
          Effect.zipRight(Effect.sync(() => {
            isDone = true
          }))
        )
        const fiber = yield* Effect.fork(Effect.uninterruptible(mask((restore) => restore(restored))))
        yield* Deferred.await(begun)
        const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
        yield* Effect.yieldNow()
        yield* Deferred.succeed(goOn, undefined)
        yield* Fiber.join(interrupting)
        expect(isDone).toBe(true)
      }))

    it.effect("can be run again, and passes errors and defects on", () =>
      Effect.gen(function*() {
        let runs = 0
        const failing = mask((restore) =>
          restore(Effect.suspend(() => ++runs < 3 ? Effect.fail(`error ${runs}`) : Effect.die("defect")))
        )
        expect(yield* Effect.flip(failing)).toBe("error 1")
        expect(yield* Effect.exit(Effect.retry(failing, { times: 5 }))).toEqual(Exit.die("defect"))
        expect(runs).toBe(3)
      }))
  })
}
