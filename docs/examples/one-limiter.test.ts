import { expect, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import { edit, set } from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"

// As Suprsend.layer makes it, over the sandbox.
const SuprsendLive = UsersService.layer.pipe(
  Layer.provide(SuprsendClient.layer({ ...Sandbox.credentials, rateLimit: { limit: 5, window: "1 second" } }))
)

const ids = Array.from({ length: 20 }, (_, n) => `user-${n}`)
const upgrade = (id: string) =>
  Effect.flatMap(UsersService.UsersService, (users) => users.asyncEdit(set(edit(id), "plan", "pro")))

/** How many requests arrived in the second after each of them, at most. */
const mostInASecond = Effect.map(
  Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.requests),
  (requests) =>
    Math.max(...requests.map(({ at }) => requests.filter((other) => other.at >= at && other.at < at + 1_000).length))
)

it.effect("wrong: a layer that is provided to each call has a new limiter each time", () =>
  Effect.gen(function*() {
    yield* Sandbox.runToCompletion(Effect.forEach(ids, (id) => Effect.provide(upgrade(id), SuprsendLive)))
    expect(yield* mostInASecond).toBe(20)
  }).pipe(Effect.provide(Sandbox.layer)))

it.effect("right: a layer that is provided once has one limiter for all calls", () =>
  Effect.gen(function*() {
    yield* Sandbox.runToCompletion(Effect.provide(Effect.forEach(ids, upgrade), SuprsendLive))
    expect(yield* mostInASecond).toBe(5)
  }).pipe(Effect.provide(Sandbox.layer)))
