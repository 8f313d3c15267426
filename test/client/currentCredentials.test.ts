// Secrets that are rotated while a program runs: https://docs.suprsend.com has keys that rotate in place.
import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type { Credentials } from "effect-suprsend/SuprsendConfig"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import { type Answer, answer, scripted } from "../utils/scripted.js"
import { inAnHour } from "../utils/time.js"
import { untyped } from "../utils/untyped.js"

const withSecret = (secret: string): Credentials => ({
  workspaceKey: "workspace-key",
  workspaceSecret: Redacted.make(secret)
})

/** What a provider gives, one after the other, the last again and again; and how often it was asked. */
const provider = (...given: ReadonlyArray<Effect.Effect<Credentials, ConfigError.ConfigError>>) => {
  const state = { asked: 0 }
  const credentials = Effect.suspend(() => {
    state.asked++
    return given[Math.min(state.asked, given.length) - 1] ?? Effect.dieMessage("nothing is given")
  })
  return { state, credentials, baseUrl: Sandbox.credentials.baseUrl }
}

const old = Effect.succeed(withSecret("the-old-secret"))
const renewed = Effect.succeed(withSecret("the-new-secret"))

const unauthorized = answer(401, "{\"message\":\"invalid signature\"}")
const page = answer(200, "{\"results\":[],\"meta\":{}}")

/** Refuses what is signed as the first request was. */
const refusesFirst = (): Answer => {
  let refused: string | undefined
  return (sent) => {
    const signature = sent.request.headers["authorization"]
    refused ??= signature
    return signature === refused ? unauthorized(sent) : page(sent)
  }
}

const logged = () => {
  const lines: Array<string> = []
  const layer = Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => void lines.push(String(message))))
  return { lines, layer }
}

const list = Effect.flatMap(UsersService, (users) => users.list())

describe("credentials as an effect", () => {
  it.effect("are asked when the layer is built, and no more while they hold", () =>
    Effect.gen(function*() {
      const { state, ...options } = provider(old)
      const { layer, sent } = scripted([page], {}, options)
      yield* Effect.provide(Effect.repeatN(list, 4), layer)
      expect([state.asked, sent.length]).toEqual([1, 5])
    }))

  it.effect("are read again after a 401, and the request is sent once more at once, with any retry policy", () =>
    Effect.gen(function*() {
      const { state, ...options } = provider(old, renewed)
      const { layer, sent, times } = scripted([refusesFirst()], { retry: { attempts: 1 } }, options)
      yield* Effect.provide(Effect.zipRight(list, list), layer)
      expect(state.asked).toBe(2)
      expect(times()).toEqual([0, 0, 0])
      const signatures = sent.map(({ request }) => request.headers["authorization"])
      expect(signatures[1]).not.toBe(signatures[0])
      // The new secret stays.
      expect(signatures[2]).toBe(signatures[1])
    }))

  it.effect("are asked once by all that were refused together", () =>
    Effect.gen(function*() {
      const { state, ...options } = provider(old, Effect.delay(renewed, "1 second"))
      const { layer, sent } = scripted([refusesFirst()], {}, options)
      yield* inAnHour(Effect.provide(Effect.all(Array.from({ length: 20 }, () => list), { concurrency: 20 }), layer))
      expect([state.asked, sent.length]).toEqual([2, 40])
    }))

  it.effect("let a bulk go on", () =>
    Effect.gen(function*() {
      const { state: _, ...options } = provider(old, renewed)
      const refuses = refusesFirst()
      const accepts: Answer = (sent) =>
        Effect.flatMap(refuses(sent), (response) =>
          response.status === 401 ? Effect.succeed(response) : answer(202, "OK")(sent))
      const { layer } = scripted([accepts], {}, options)
      const report = yield* Effect.flatMap(UsersService, (users) =>
        users.bulkEdit(Array.from({ length: 1000 }, (_, i) =>
          UserEdit.edit(`user-${i}`)))).pipe(Effect.provide(layer))
      expect([report.total, report.success]).toEqual([1000, 1000])
    }))

  const dead: Record<string, Effect.Effect<Credentials, ConfigError.ConfigError>> = {
    "the same secret": old,
    "a failure": Effect.fail(ConfigError.MissingData(["suprsend"], "the vault is sealed")),
    "a secret that cannot be used": Effect.succeed(withSecret("the-new-secret\n")),
    "another workspace": Effect.succeed({
      workspaceKey: "another-key",
      workspaceSecret: Redacted.make("the-new-secret")
    }),
    "an API key": Effect.succeed({ apiKey: Redacted.make("an-api-key"), workspaceUid: "uid" })
  }
  for (const [what, second] of Object.entries(dead)) {
    it.effect(`that give ${what} leave the call refused, and say no secret`, () =>
      Effect.gen(function*() {
        const { state, ...options } = provider(old, second)
        const { lines, layer: logger } = logged()
        const { layer, sent } = scripted([unauthorized], {}, options)
        const error = yield* Effect.flip(list).pipe(Effect.provide(layer), Effect.provide(logger))
        expect(error._tag).toBe("SuprsendUnauthorized")
        expect([state.asked, sent.length]).toEqual([2, 1])
        expect(lines.join()).not.toMatch(/the-(old|new)-secret|an-api-key/)
        expect(lines.length).toBe(second === old ? 0 : 1)
      }))
  }

  it.effect("that are refused again are not asked a third time by the same call", () =>
    Effect.gen(function*() {
      const { state, ...options } = provider(old, renewed)
      const { layer, sent } = scripted([unauthorized], {}, options)
      const error = yield* Effect.flip(Effect.provide(list, layer))
      expect(error).toMatchObject({ _tag: "SuprsendUnauthorized", attempts: 2 })
      expect([state.asked, sent.length]).toEqual([2, 2])
    }))

  it.effect("are hidden in what the server repeats, the old and the new", () =>
    Effect.gen(function*() {
      const { state: _, ...options } = provider(old, renewed)
      const { layer } = scripted(
        [unauthorized, answer(400, "{\"message\":\"the-old-secret and the-new-secret\"}")],
        {},
        options
      )
      const error = yield* Effect.flip(Effect.provide(list, layer))
      expect(error.message).toContain("<redacted>")
      expect(error.message).not.toMatch(/the-(old|new)-secret/)
    }))

  it.effect("that fail when the layer is built fail it", () =>
    Effect.gen(function*() {
      const missing = ConfigError.MissingData(["suprsend"], "the vault is sealed")
      const { state: _, ...options } = provider(Effect.fail(missing))
      expect(yield* Effect.flip(Layer.build(scripted([page], {}, options).layer))).toEqual(missing)
    }).pipe(Effect.scoped))

  it.effect("must be an effect", () =>
    Effect.gen(function*() {
      const layerOf = untyped(SuprsendClient.layerWithoutRateLimiter)
      const layer = Layer.provide(layerOf({ credentials: withSecret("the-secret") }), scripted([page]).layer)
      const error = yield* Effect.flip(Layer.build(layer))
      expect(String(error)).toContain("credentials must be an Effect")
    }).pipe(Effect.scoped))
})
