// Whatever a finalizer does cannot be interrupted from outside. What calls wait for among themselves still has to end.
import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { testOver } from "../utils/sandbox.js"
import { answer, never, scripted } from "../utils/scripted.js"
import { settle } from "../utils/time.js"

const one = UserEdit.set(UserEdit.edit("ada"), "plan", "pro")

/** Returns the exit of an uninterruptible effect after the given time, if it has ended. */
const after = <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkDaemon(Effect.uninterruptible(effect))
    yield* settle
    yield* TestClock.adjust(millis)
    yield* settle
    return yield* Fiber.poll(fiber)
  })

const hasEnded = <A, E>(exit: Option.Option<Exit.Exit<A, E>>) => Option.isSome(exit) && Exit.isSuccess(exit.value)

describe("a bulk that cannot be interrupted", () => {
  const test = testOver(Suprsend.layerTest)

  const calls: Record<
    string,
    (users: UsersService.UsersService.Service, sandbox: Sandbox.Sandbox.Service) => Effect.Effect<unknown, unknown>
  > = {
    "in a finalizer": (users) => Effect.scoped(Effect.addFinalizer(() => Effect.orDie(users.bulkEdit([one])))),
    "with an effect that might stop it": (users) => users.bulkEdit([one], { stopWhen: Effect.never }),
    "of a stream": (users) => users.bulkEdit(Stream.make(one)),
    "of an async iterable": (users) =>
      users.bulkEdit((async function*() {
        yield one
      })()),
    "of a stream that pauses": (users) =>
      users.bulkEdit(Stream.concat(Stream.make(one), Stream.drain(Stream.fromEffect(Effect.sleep(300)))), {
        linger: "1 hour"
      }),
    "as a stream of outcomes": (users) => Stream.runDrain(users.bulkEditStream([one])),
    "as a stream of outcomes that is not read to its end": (users, sandbox) =>
      Effect.zipRight(
        sandbox.script([Sandbox.delay(0), Sandbox.noResponse()]),
        users.bulkEditStream(Stream.map(Stream.range(1, 800), (n) => UserEdit.edit(`user-${n}`)), { concurrency: 1 })
          .pipe(
            Stream.take(1),
            Stream.runDrain
          )
      )
  }
  for (const [what, call] of Object.entries(calls)) {
    test(`ends: ${what}`, (users, sandbox) =>
      Effect.gen(function*() {
        expect(hasEnded(yield* after(300, call(users, sandbox)))).toBe(true)
      }))
  }

  test("can be stopped, and has its grace", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.noResponse()])
      const call = users.bulkEdit([one], { stopWhen: Effect.sleep("1 second"), grace: "2 seconds" })
      expect(hasEnded(yield* after(2_999, call))).toBe(false)
      yield* TestClock.adjust("1 millis")
      yield* sandbox.script([Sandbox.noResponse()])
      expect(hasEnded(yield* after(3_000, call))).toBe(true)
    }))

  it.effect("is that of a batching layer, whose scope sends the waiting edits", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const leaving = Effect.scoped(Effect.gen(function*() {
        const users = yield* UsersService.UsersService
        yield* Effect.addFinalizer(() => Effect.orDie(users.asyncEdit(one)))
      })).pipe(Effect.provide(UsersService.layerBatched({ linger: "1 second" })))
      expect(hasEnded(yield* after(1_000, leaving))).toBe(true)
      expect(yield* sandbox.users).toHaveLength(1)
    }).pipe(Effect.provide(Suprsend.layerTest)))
})

describe("a single call that cannot be interrupted", () => {
  const get = Effect.flatMap(UsersService.UsersService, (users) => users.get("ada"))

  it.effect("keeps its timeout and its deadline", () =>
    Effect.gen(function*() {
      const { layer } = scripted([never], { timeout: "1 second", retry: { attempts: 1 } })
      const call = Effect.either(Effect.provide(get, layer))
      expect(Option.isSome(yield* after(999, call))).toBe(false)
      const exit = Option.getOrThrow(yield* after(1_000, call))
      expect(Exit.getOrElse(exit, () => Either.right("died"))).toMatchObject({
        left: { _tag: "SuprsendUnavailable", reason: "Timeout" }
      })
    }))

  it.effect("ends with its response, before its timeout", () =>
    Effect.gen(function*() {
      const { layer } = scripted([answer(200, "{\"distinct_id\":\"ada\"}")], { timeout: "1 minute" })
      expect(hasEnded(yield* after(0, Effect.provide(get, Layer.orDie(layer))))).toBe(true)
    }))
})
