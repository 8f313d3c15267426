import { describe, expect, it } from "@effect/vitest"
import * as Suprsend from "effect-suprsend/Suprsend"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as TestClock from "effect/TestClock"

const logged = () => {
  const lines: Array<string> = []
  const layer = Logger.replace(
    Logger.defaultLogger,
    Logger.make(({ logLevel, message }) => void lines.push(`${logLevel.label} ${String(message)}`))
  )
  return { lines, layer }
}

const layerOf = (workspaceKey: string) =>
  Suprsend.layer({ workspaceKey, workspaceSecret: Redacted.make("workspace-secret") })

const anew = (workspaceKey: string, times: number) =>
  Effect.forEach(
    Array.from({ length: times }),
    () => Effect.provide(UsersService, layerOf(workspaceKey)),
    { discard: true }
  )

describe("a layer that is provided anew for each call", () => {
  it.effect("is warned of, once, with what to do", () =>
    Effect.gen(function*() {
      const { layer, lines } = logged()
      yield* Effect.provide(anew("anew", 30), layer)
      expect(lines).toHaveLength(1)
      expect(lines[0]).toMatch(/^WARN 10 clients for the workspace "anew" were made within 10 seconds.*ManagedRuntime/)
    }))

  it.effect("is not where there are few, or slowly, or of several workspaces", () =>
    Effect.gen(function*() {
      const { layer, lines } = logged()
      yield* Effect.provide(
        Effect.zipRight(
          Effect.forEach(["one", "two", "three"], (key) => anew(key, 9)),
          Effect.repeatN(Effect.zipRight(anew("slow", 3), TestClock.adjust("4 seconds")), 10)
        ),
        layer
      )
      expect(lines).toEqual([])
    }))

  it.effect("is not logged if one layer value is provided many times at once", () =>
    Effect.gen(function*() {
      const { layer, lines } = logged()
      const live = layerOf("constant")
      const held = Effect.provide(Effect.zipRight(UsersService, Effect.never), live)
      yield* Effect.forEach(Array.from({ length: 30 }), () => Effect.fork(held)).pipe(
        Effect.provide(layer),
        Effect.scoped
      )
      yield* TestClock.adjust("1 second")
      expect(lines).toEqual([])
    }))

  it.effect("is not in tests", () =>
    Effect.gen(function*() {
      const { layer, lines } = logged()
      yield* Effect.repeatN(Effect.provide(UsersService, Suprsend.layerTest), 30).pipe(Effect.provide(layer))
      expect(lines).toEqual([])
    }))
})
