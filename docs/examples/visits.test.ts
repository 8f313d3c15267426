import { expect, it } from "@effect/vitest"
import { Effect, Fiber, TestClock } from "effect"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, increment } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

it.effect("counts a visit once, although the first response is lost", () =>
  Effect.gen(function*() {
    const users = yield* UsersService
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.script([Sandbox.resetPeerApplied])

    const fiber = yield* Effect.fork(users.asyncEdit(increment(edit("user-42"), "visits", 1)))
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(fiber)

    expect((yield* users.get("user-42")).properties.visits).toBe(1)
    expect((yield* sandbox.requests).length).toBe(3)
  }).pipe(Effect.provide(Suprsend.layerTest)))
