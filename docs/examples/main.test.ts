import { expect, it } from "@effect/vitest"
import { Effect, Option } from "effect"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import { environment, spawned } from "../../test/utils/spawned.js"

it.scopedLive.each(["main.ts", "main-of-promises.ts"])(
  "%s signs a user up, and fails without credentials",
  (name) =>
    Effect.gen(function*() {
      const { options } = yield* SandboxServer.SandboxServer
      const sandbox = yield* Sandbox.Sandbox
      const run = (env: Record<string, string>) => Effect.flatMap(spawned(name, env), ({ ended }) => ended)

      const { code, printed } = yield* run(environment(options))
      expect(printed).toContain("accepted as event")
      expect(code).toBe(0)
      expect(Option.getOrThrow(yield* sandbox.user("user-42")).properties.plan).toBe("free")

      const without = yield* run({})
      expect(without.printed).toContain("SuprSend credentials are missing")
      expect(without.code).toBe(1)
    }).pipe(Effect.provide(SandboxServer.layer())),
  60_000
)

it.scopedLive("nightly.ts sends its rows, and prints the report", () =>
  Effect.gen(function*() {
    const { options } = yield* SandboxServer.SandboxServer
    const { code, printed } = yield* Effect.flatMap(spawned("nightly.ts", environment(options)), ({ ended }) => ended)
    expect(printed).toContain("5,000 records: 5,000 accepted")
    expect(code).toBe(0)
  }).pipe(Effect.provide(SandboxServer.layer())), 60_000)
