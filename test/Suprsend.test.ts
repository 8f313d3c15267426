import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as Undici from "@effect/platform-node/Undici"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import { describe, expect, it } from "@effect/vitest"
import * as PreferencesService from "effect-suprsend/PreferencesService"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import * as Transport from "effect-suprsend/Transport"
import { edit, set } from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"
import * as TestServices from "effect/TestServices"
import { json, type Loopback, serve, text } from "./utils/loopback.js"
import { settle } from "./utils/time.js"

const ada = set(edit("ada"), "plan", "pro")

/** Two services of a program, each over a workspace of its own. */
class One extends Context.Tag("One")<One, Effect.Effect<void, unknown>>() {}
class Two extends Context.Tag("Two")<Two, Effect.Effect<void, unknown>>() {}

const sends = Effect.map(UsersService.UsersService, (users) => Effect.asVoid(users.asyncEdit(ada)))

const both = Effect.all([Effect.flatten(One), Effect.flatten(Two)])

const workspace = (name: string, server: Loopback): SuprsendConfig.Options => ({
  workspaceKey: name,
  workspaceSecret: Redacted.make(`secret-${name}`),
  baseUrl: server.url
})

const keys = (server: Loopback) => server.requests.map(({ headers }) => headers.authorization?.split(":")[0])

const accepts = serve(text(202, "OK"))

type Live = (options: SuprsendConfig.Options) => Layer.Layer<UsersService.UsersService, unknown>

const wired: Record<string, Live> = {
  "Suprsend.layer": Suprsend.layer,
  "Suprsend.layerConfig": (options) => Suprsend.layerConfig(Config.succeed(options)),
  "SuprsendNode.layer": SuprsendNode.layer,
  "Suprsend.layerWithoutHttpClient": (options) =>
    Layer.provide(Suprsend.layerWithoutHttpClient(options), Transport.layer),
  "layers wired by hand": (options) =>
    UsersService.layer.pipe(Layer.provide(SuprsendClient.layer(options)), Layer.provide(Transport.layer)),
  "layers wired by hand over one limiter": (options) =>
    UsersService.layer.pipe(
      Layer.provide(SuprsendClient.layerWithoutRateLimiter(options)),
      Layer.provide(RateLimiter.layerNoop),
      Layer.provide(Transport.layer)
    )
}

describe("two workspaces in one program", () => {
  for (const [name, live] of Object.entries(wired)) {
    it.scoped(`send as themselves: ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* accepts
        const Program = Layer.merge(
          Layer.provide(Layer.effect(One, sends), live(workspace("one", server))),
          Layer.provide(Layer.effect(Two, sends), live(workspace("two", server)))
        )
        yield* Effect.provide(both, Program)
        expect(keys(server)).toEqual(["one", "two"])
      }))
  }

  it.scoped("send as themselves over one layer value of a service that is given two clients", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const Users = UsersService.layerBatched({ linger: 0 })
      const live = (name: string) =>
        Users.pipe(Layer.provide(SuprsendClient.layer(workspace(name, server))), Layer.provide(Transport.layer))
      const Program = Layer.merge(
        Layer.provide(Layer.effect(One, sends), live("one")),
        Layer.provide(Layer.effect(Two, sends), live("two"))
      )
      // The timer of a batch is that of the test clock.
      yield* TestServices.provideLive(Effect.provide(both, Program))
      expect(keys(server)).toEqual(["one", "two"])
    }))

  it.scoped("have their own preferences", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(200, { sections: [], channel_preferences: [] }))
      const reads = Effect.map(
        PreferencesService.PreferencesService,
        (preferences) => Effect.asVoid(preferences.get("ada"))
      )
      const live = (name: string) =>
        PreferencesService.layer.pipe(
          Layer.provide(SuprsendClient.layer(workspace(name, server))),
          Layer.provide(Transport.layer)
        )
      const Program = Layer.merge(
        Layer.provide(Layer.effect(One, reads), live("one")),
        Layer.provide(Layer.effect(Two, reads), live("two"))
      )
      yield* Effect.provide(both, Program)
      expect(keys(server)).toEqual(["one", "two"])
    }))

  it.scoped("stay separate if one of them is a test layer", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const Program = Layer.mergeAll(
        Layer.provide(Layer.effect(One, sends), Suprsend.layerTest),
        Layer.provide(Layer.effect(Two, sends), Suprsend.layer(workspace("two", server))),
        Suprsend.layerTest
      )
      yield* Effect.gen(function*() {
        yield* both
        const sandbox = yield* Sandbox.Sandbox
        expect(yield* sandbox.requests).toHaveLength(1)
      }).pipe(Effect.provide(Program))
      expect(keys(server)).toEqual(["two"])
    }))

  it.scoped("have a limiter each, also if composed by hand", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const limits: Array<string> = []
      const limiter = (name: string) =>
        Layer.succeed(RateLimiter.RateLimiter, {
          limit: (attempt) => Effect.zipRight(Effect.sync(() => limits.push(name)), attempt),
          limitCost: (attempt) => attempt,
          pause: () => Effect.void
        })
      // One value, given two limiters.
      const Client = SuprsendClient.layerWithoutRateLimiter(workspace("one", server))
      const live = (name: string) =>
        UsersService.layer.pipe(Layer.provide(Client), Layer.provide(limiter(name)), Layer.provide(Transport.layer))
      const Program = Layer.merge(
        Layer.provide(Layer.effect(One, sends), live("first")),
        Layer.provide(Layer.effect(Two, sends), live("second"))
      )
      yield* Effect.provide(both, Program)
      expect(limits).toEqual(["first", "second"])
    }))

  it.scoped("send over their own dispatchers", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const seen: Array<string> = []
      const dispatcher = (name: string) =>
        Layer.scoped(
          NodeHttpClient.Dispatcher,
          Effect.acquireRelease(
            Effect.sync(() =>
              new Undici.Agent().compose((dispatch) => (options, handler) => {
                seen.push(name)
                return dispatch(options, handler)
              })
            ),
            (agent) => Effect.promise(() => agent.destroy())
          )
        )
      const live = (name: string) =>
        Suprsend.layerWithoutHttpClient(workspace(name, server)).pipe(
          Layer.provide(SuprsendNode.layerUndiciWithoutDispatcher),
          Layer.provide(dispatcher(name))
        )
      const Program = Layer.merge(
        Layer.provide(Layer.effect(One, sends), live("one")),
        Layer.provide(Layer.effect(Two, sends), live("two"))
      )
      yield* Effect.provide(both, Program)
      expect(seen).toEqual(["one", "two"])
    }))
})

describe("one workspace", () => {
  it.scoped("has one limiter, wherever its layer is provided at the same time", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const Client = SuprsendClient.layer({ ...workspace("one", server), rateLimit: { limit: 1, window: "1 hour" } })
      const Users = UsersService.layer.pipe(Layer.provide(Client), Layer.provide(Transport.layer))
      const Program = Layer.merge(
        Layer.provide(Layer.effect(One, sends), Users),
        Layer.provide(Layer.effect(Two, sends), Users)
      )
      const error = yield* Effect.provide(
        Effect.zipRight(Effect.flatten(One), Effect.flip(Effect.flatten(Two))),
        Program
      ).pipe(
        withRequestOptions({ retry: { elapsed: "1 milli" } }),
        Effect.fork,
        Effect.flatMap((fiber) =>
          Effect.gen(function*() {
            yield* server.arrived(1)
            yield* settle
            yield* TestClock.adjust("1 second")
            return yield* Fiber.join(fiber)
          })
        )
      )
      expect(error).toMatchObject({ reason: "Timeout", attempts: 0 })
      expect(server.requests).toHaveLength(1)
    }))
})

describe("the client of the user is the one that sends", () => {
  const dryRun = (asked: Array<string>) =>
    Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) =>
        Effect.sync(() => {
          asked.push(request.method)
          return HttpClientResponse.fromWeb(request, new Response("OK", { status: 202 }))
        })
      )
    )

  it.scoped("in place of an ambient one of this package", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const asked: Array<string> = []
      yield* Effect.flatMap(UsersService.UsersService, (users) => users.asyncEdit(ada)).pipe(
        Effect.provide(Layer.provide(Suprsend.layerWithoutHttpClient(workspace("one", server)), dryRun(asked))),
        Effect.provide(SuprsendNode.layerUndici),
        Effect.provide(Transport.layer)
      )
      expect(asked).toEqual(["POST"])
      expect(server.requests).toEqual([])
    }))

  it.scoped("beside a real one over the same layer value", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const asked: Array<string> = []
      const Live = Suprsend.layerWithoutHttpClient(workspace("one", server))
      const Program = Layer.merge(
        Layer.provide(Layer.effect(One, sends), Layer.provide(Live, dryRun(asked))),
        Layer.provide(Layer.effect(Two, sends), Layer.provide(Live, Transport.layer))
      )
      yield* Effect.provide(both, Program)
      expect(asked).toEqual(["POST"])
      expect(server.requests).toHaveLength(1)
    }))

  it.effect("a test layer sends nothing, whatever client is in its context", () =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const sandbox = yield* Sandbox.Sandbox
      yield* users.asyncEdit(ada)
      expect(yield* sandbox.requests).toHaveLength(1)
    }).pipe(
      Effect.provide(Suprsend.layerTest),
      Effect.provide(SuprsendNode.layerUndici)
    ))
})
