import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import { type Answer, serve, text } from "../utils/loopback.js"
import { ended, settle } from "../utils/time.js"
import { transports } from "../utils/transports.js"

const all = {
  ...transports,
  // Its dispatcher outlives the layer, and so do the connections in it.
  "undici with a given dispatcher": Layer.provide(
    SuprsendNode.layerUndiciWithoutDispatcher,
    Layer.sync(NodeHttpClient.Dispatcher, () => new Undici.Agent())
  )
}

const ada = UserEdit.increment(UserEdit.edit("ada"), "visits", 1)

const silence: Answer = () => {}

for (const [name, transport] of Object.entries(all)) {
  describe(`a layer that closes, over ${name}`, () => {
    const live = (options: SuprsendConfig.Settings) =>
      Layer.provide(Suprsend.layerWithoutHttpClient({ ...Sandbox.credentials, ...options }), transport)

    /** Runs with the service, and with what closes its layer. */
    const closing = <A, E>(
      options: SuprsendConfig.Settings,
      run: (users: UsersService.Service, close: Effect.Effect<void>) => Effect.Effect<A, E>
    ) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const services = yield* Layer.buildWithScope(live(options), scope)
        return yield* run(Context.get(services, UsersService), Scope.close(scope, Exit.void))
      })

    it.scoped("ends a call in flight with a typed error", () =>
      Effect.gen(function*() {
        const server = yield* serve(silence)
        yield* closing({ baseUrl: server.url }, (users, close) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(Effect.flip(users.edit(ada)))
            yield* server.arrived(1)
            yield* close
            expect(yield* Fiber.join(fiber)).toMatchObject({
              _tag: "SuprsendUnavailable",
              reason: "Interrupted",
              applied: "unknown",
              attempts: 1
            })
            yield* server.connectionClosed
          }))
      }))

    it.scoped("ends a call that waits to try again, without waiting out its delay", () =>
      Effect.gen(function*() {
        const server = yield* serve(text(503, "", { "retry-after": "30" }))
        yield* closing({ baseUrl: server.url }, (users, close) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(Effect.flip(users.get("ada")))
            yield* server.arrived(1)
            while (server.responses() < 1) yield* settle
            yield* Effect.repeatN(settle, 5)
            yield* close
            yield* settle
            expect(yield* ended(fiber)).toMatchObject({ _tag: "SuprsendUnavailable", attempts: 1, status: 503 })
          }))
      }))

    it.scoped("ends a call that waits for a slot, which was never sent", () =>
      Effect.gen(function*() {
        const server = yield* serve(silence)
        const rateLimit = { limit: 1, window: "1 hour" } as const
        yield* closing({ baseUrl: server.url, rateLimit }, (users, close) =>
          Effect.gen(function*() {
            const first = yield* Effect.fork(Effect.flip(users.get("ada")))
            yield* server.arrived(1)
            const second = yield* Effect.fork(Effect.flip(users.edit(ada)))
            yield* settle
            yield* close
            expect(yield* Fiber.join(second)).toMatchObject({ reason: "Interrupted", applied: "no", attempts: 0 })
            expect(yield* Fiber.join(first)).toMatchObject({ reason: "Interrupted" })
            expect(server.requests).toHaveLength(1)
          }))
      }))

    it.scoped("ends what comes after it has closed, and sends nothing", () =>
      Effect.gen(function*() {
        const server = yield* serve(silence)
        yield* closing({ baseUrl: server.url }, (users, close) =>
          Effect.gen(function*() {
            yield* close
            expect(yield* Effect.flip(users.edit(ada))).toMatchObject({
              reason: "Interrupted",
              applied: "no",
              attempts: 0
            })
            expect(server.requests).toEqual([])
          }))
      }))
  })
}

describe("a ManagedRuntime that is disposed of", () => {
  it.scoped("ends the calls that run in it with a typed error", () =>
    Effect.gen(function*() {
      const server = yield* serve(silence)
      const runtime = ManagedRuntime.make(Suprsend.layer({ ...Sandbox.credentials, baseUrl: server.url }))
      const call = runtime.runPromise(Effect.flip(Effect.flatMap(UsersService, (users) => users.get("ada"))))
      yield* server.arrived(1)
      yield* Effect.promise(() => runtime.dispose())
      expect(yield* Effect.promise(() => call)).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Interrupted" })
    }))
})
