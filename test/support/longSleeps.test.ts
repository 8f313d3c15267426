// Durations beyond 2^31 - 1 milliseconds, the maximum delay of a JavaScript timer. Effect's own clock
// never ends such a sleep.
import * as Headers from "@effect/platform/Headers"
import { expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import { SuprsendUnavailable } from "effect-suprsend/SuprsendError"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { maximumSleep, sleep } from "../../src/internal/support/timer.js"
import { settle } from "../utils/time.js"

/** Runs an effect with a clock on which sleeps beyond the maximum delay never end. */
const withTimerLimit = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.clockWith((clock) =>
    Effect.withClock(effect, {
      [Clock.ClockTypeId]: Clock.ClockTypeId,
      currentTimeMillis: clock.currentTimeMillis,
      currentTimeNanos: clock.currentTimeNanos,
      unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
      unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
      sleep: (duration) => Duration.toMillis(duration) > maximumSleep ? Effect.never : clock.sleep(duration)
    })
  )

/** Forks an effect, and returns whether it has ended just before a time and just after. */
const takes = <A, E, R>(duration: Duration.DurationInput, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(withTimerLimit(effect))
    yield* settle
    yield* TestClock.adjust(Duration.subtract(duration, "1 millis"))
    yield* settle
    const before = yield* Fiber.poll(fiber)
    yield* TestClock.adjust("1 millis")
    yield* settle
    const after = yield* Fiber.poll(fiber)
    yield* Fiber.interruptFork(fiber)
    return [before._tag, after._tag]
  })

it.effect("a sleep of any duration ends at its time", () =>
  Effect.gen(function*() {
    for (const duration of [1, maximumSleep, maximumSleep + 1, 10 * maximumSleep]) {
      expect(yield* takes(duration, sleep(Duration.millis(duration)))).toEqual(["None", "Some"])
    }
    expect(yield* takes("3000 days", sleep(Duration.infinity))).toEqual(["None", "None"])
  }))

const usersOver = (execute: SuprsendClient.SuprsendClient.Service["execute"]) =>
  Layer.provide(
    UsersService.layer,
    Layer.succeed(SuprsendClient.SuprsendClient, { workspace: undefined, userAgent: "", concurrency: 1, execute })
  )

it.effect("a stopped bulk has a grace of 40 days for requests in flight", () =>
  Effect.gen(function*() {
    const sent = yield* Deferred.make<void>()
    const aborted = (call: string) =>
      new SuprsendUnavailable({ call, reason: "Interrupted", attempts: 1, applied: "unknown", retryable: true })
    // Never responds.
    const execute: SuprsendClient.SuprsendClient.Service["execute"] = ({ call, abort }) =>
      Effect.zipRight(
        Deferred.succeed(sent, undefined),
        Effect.async<never, SuprsendUnavailable>((resume) => {
          abort?.listen(() => resume(Effect.fail(aborted(call))))
        })
      )
    yield* Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const bulk = users.bulkEdit([UserEdit.edit("ada")], { grace: "40 days", stopWhen: Deferred.await(sent) })
      expect(yield* takes("40 days", bulk)).toEqual(["None", "Some"])
    }).pipe(Effect.provide(usersOver(execute)))
  }))

it.effect("a batch that is not full lingers for 40 days", () =>
  Effect.gen(function*() {
    const users = yield* UsersService.UsersService
    const queue = yield* Queue.unbounded<UserEdit.UserEdit>()
    yield* Queue.offer(queue, UserEdit.edit("ada"))
    const accepted = yield* Deferred.make<void>()
    const bulk = users.bulkEdit(Stream.fromQueue(queue), {
      linger: "40 days",
      onOutcome: () => Deferred.succeed(accepted, undefined)
    })
    yield* Effect.fork(withTimerLimit(bulk))
    expect(yield* takes("40 days", Deferred.await(accepted))).toEqual(["None", "Some"])
  }).pipe(
    Effect.provide(usersOver(() => Effect.succeed({ status: 202, headers: Headers.empty, body: "OK", attempts: 1 })))
  ))

it.effect("a fault of the sandbox delays for 40 days", () =>
  Effect.gen(function*() {
    const { respond, sandbox } = yield* Sandbox.make()
    yield* sandbox.faults.add(Sandbox.latency("40 days"))
    const request = respond({ method: "GET", uri: "/v1/user/", headers: {}, body: "" })
    expect(yield* takes("40 days", request)).toEqual(["None", "Some"])
  }))
