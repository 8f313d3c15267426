// What a bulk takes: fibers, memory, requests in flight. All of it grows with the work, and has a bound.
import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import * as Suprsend from "effect-suprsend/Suprsend"
import { SuprsendClient } from "effect-suprsend/SuprsendClient"
import * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as UserEdit from "effect-suprsend/UserEdit"
import { layer as usersLayer, UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Supervisor from "effect/Supervisor"
import { testOver } from "../utils/sandbox.js"
import { settle } from "../utils/time.js"

const test = testOver(Suprsend.layerTest)

const signUp = (n: number) => UserEdit.set(UserEdit.edit(`user-${n}`), "n", n)

/** A client whose requests never end, and which counts those in flight. */
const silent = (concurrency: number) => {
  const counter = { inFlight: 0, bytes: 0 }
  const client: SuprsendClient.Service = {
    workspace: undefined,
    userAgent: "",
    concurrency,
    execute: ({ body }) =>
      Effect.suspend(() => {
        counter.inFlight++
        counter.bytes += body?.length ?? 0
        return Effect.never
      })
  }
  return { counter, layer: Layer.provide(usersLayer, Layer.succeed(SuprsendClient, client)) }
}

describe("fibers", () => {
  for (const concurrency of [16, 100_000]) {
    it.effect(`are no more than there is work, at a concurrency of ${concurrency}`, () =>
      Effect.gen(function*() {
        const { layer } = silent(concurrency)
        const supervisor = yield* Supervisor.track
        const fiber = yield* Effect.forkDaemon(Effect.supervised(
          Effect.flatMap(UsersService, (users) => users.bulkEdit([signUp(1), signUp(2), signUp(3)])).pipe(
            Effect.provide(layer)
          ),
          supervisor
        ))
        yield* settle
        expect((yield* supervisor.value).length).toBeLessThan(10)
        yield* Fiber.interruptFork(fiber)
      }))
  }
})

describe("requests in flight", () => {
  const inFlight = (concurrency: number, options?: { readonly concurrency: number }) =>
    Effect.gen(function*() {
      const { counter, layer } = silent(concurrency)
      let n = 0
      const edits = (async function*() {
        for (;;) yield UserEdit.set(signUp(n++), "text", "x".repeat(9_000))
      })()
      const fiber = yield* Effect.flatMap(
        UsersService,
        (users) => Stream.runDrain(users.bulkEditStream(edits, options))
      )
        .pipe(Effect.provide(layer), Effect.fork)
      let before = -1
      while (before < counter.inFlight) {
        before = counter.inFlight
        yield* settle
      }
      yield* Fiber.interrupt(fiber)
      return { ...counter, pulled: n }
    })

  it.effect("are as many as the options of the call say, or those of the layer", () =>
    Effect.gen(function*() {
      expect((yield* inFlight(3)).inFlight).toBe(3)
      expect((yield* inFlight(3, { concurrency: 5 })).inFlight).toBe(5)
    }))

  it.effect("have bodies of at most 819,200 bytes each, and hardly more is pulled than is in them", () =>
    Effect.gen(function*() {
      const { bytes, inFlight: requests, pulled } = yield* inFlight(8)
      expect(bytes).toBeLessThanOrEqual(requests * 819_200)
      expect(pulled).toBeLessThan(requests * 90 + 400)
    }))

  it("are at most 1,000, with any options", () => {
    const most = (layer: number, call?: number) =>
      Either.map(SuprsendConfig.inBulk({ concurrency: layer }, { concurrency: call }), ({ concurrency }) => concurrency)
    expect(most(128, 100_000)).toEqual(Either.right(1_000))
    expect(most(100_000)).toEqual(Either.right(1_000))
    expect(most(1_000)).toEqual(Either.right(1_000))
    expect(most(128, 999)).toEqual(Either.right(999))
  })
})

describe("memory", () => {
  const responding: SuprsendClient.Service = {
    workspace: undefined,
    userAgent: "",
    concurrency: 128,
    execute: () => Effect.succeed({ status: 202, headers: Headers.empty, body: "OK", attempts: 1 })
  }
  it.effect("of a small bulk is small", () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      const small = users.bulkEdit([signUp(1), signUp(2)])
      yield* small
      const before = process.memoryUsage().arrayBuffers
      yield* small
      // A tenth of what a full request takes.
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200_000)
    }).pipe(Effect.provide(Layer.provide(usersLayer, Layer.succeed(SuprsendClient, responding)))))

  test("of a busy user's edits that wait is bounded, however many requests there may be", (users) =>
    Effect.gen(function*() {
      const { layer } = silent(128)
      let pulled = 0
      const edits = (function*() {
        for (;;) {
          pulled++
          yield signUp(0)
        }
      })()
      const fiber = yield* Effect.flatMap(UsersService, (users) => users.bulkEdit(edits)).pipe(
        Effect.provide(layer),
        Effect.forkDaemon
      )
      yield* settle
      yield* settle
      expect(pulled).toBeLessThanOrEqual(400 * 18)
      yield* Fiber.interruptFork(fiber)
      expect((yield* users.bulkEdit(Arr.makeBy(3, signUp))).success).toBe(3)
    }))
})
