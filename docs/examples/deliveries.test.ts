import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, increment } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

it.effect("an import takes effect exactly once, although the network is bad", () =>
  Effect.gen(function*() {
    const users = yield* UsersService
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.faults.add(
      Sandbox.latency("20 millis"),
      Sandbox.on("POST /event/", Sandbox.failNext(3, Sandbox.resetPeerApplied))
    )

    const edits = Array.from({ length: 1_000 }, (_, n) => increment(edit(`user-${n}`), "visits", 1))
    const report = yield* Sandbox.runToCompletion(users.bulkEdit(edits))

    expect(report.success).toBe(1_000)
    const deliveries = yield* sandbox.deliveries
    expect(deliveries.length).toBe(1_000)
    expect(deliveries.every((delivery) => delivery.applied.length === 1)).toBe(true)
  }).pipe(Effect.provide(Suprsend.layerTest)))
