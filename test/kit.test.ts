import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import type { UserProfile } from "effect-suprsend/UserProfile"
import * as UsersService from "effect-suprsend/UsersService"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { flow } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Ref from "effect/Ref"
import * as TestClock from "effect/TestClock"

describe("assertVerb", () => {
  it("has nothing against verbs that are built from ours", () => {
    const upgrade = (plan: string) => flow(UserEdit.set("plan", plan), UserEdit.increment("upgrades", 1))
    Arbitraries.assertVerb(upgrade("pro"))
    Arbitraries.assertVerb((edit) => edit)
  })

  it.prop("has nothing against ours", [Arbitraries.verb], ([verb]) => {
    Arbitraries.assertVerb(verb, { numRuns: 3 })
  })

  let calls = 0
  const broken: Record<string, (edit: UserEdit.UserEdit) => UserEdit.UserEdit> = {
    "returns equal edits for equal edits": (edit) => UserEdit.set(edit, "n", calls++),
    "does not change the edit that it is given": (edit) => {
      const [first] = edit.operations
      if (first !== undefined) Object.assign(Object.values(first)[0] ?? {}, { touched: calls++ })
      return edit
    },
    "keeps the distinct id and the tenant of the edit": (edit) => UserEdit.edit(`${edit.distinctId}-2`),
    "appends operations, and keeps the existing ones": (edit) =>
      UserEdit.concat(UserEdit.set(UserEdit.edit(edit.distinctId, withIds(edit)), "first", 1), edit),
    "keeps a valid edit valid": (edit) => UserEdit.set(edit, "n", NaN)
  }
  const withIds = ({ insertId, tenantId }: UserEdit.UserEdit) => ({
    ...(insertId === undefined ? undefined : { insertId }),
    ...(tenantId === undefined ? undefined : { tenantId })
  })

  it("has a test for each law", () => {
    expect(Object.keys(broken).every((name, i) => Arbitraries.verbLaws[i]?.name.startsWith(name))).toBe(true)
    expect(Object.keys(broken).length).toBe(Arbitraries.verbLaws.length)
  })

  it("reports the issues of the edit that a verb makes", () => {
    expect(() => Arbitraries.assertVerb(broken["keeps a valid edit valid"] ?? ((edit) => edit), { seed: 1 })).toThrow(
      "JSON has no NaN: send a finite number, or null"
    )
    expect(() => Arbitraries.assertVerb(UserEdit.setTimezone("BST"))).toThrow("must be an IANA time zone")
    expect(() => Arbitraries.assertVerb(UserEdit.addEmail("ada@example.com "))).toThrow(
      "has leading or trailing white space"
    )
  })

  it("reports the error that a verb throws", () => {
    const broken = (): UserEdit.UserEdit => {
      throw new Error("this verb is broken")
    }
    expect(() => Arbitraries.assertVerb(broken)).toThrow("this verb is broken")
  })

  for (const [law, verb] of Object.entries(broken)) {
    it(`names the law that does not hold: ${law}`, () => {
      expect(() => Arbitraries.assertVerb(verb, { seed: 1 })).toThrow(law)
    })
  }
})

describe("arbitraries", () => {
  it.prop("identities are valid wherever they go", [Arbitraries.identity], ([identity]) => {
    expect(Either.isRight(UserEdit.validate(UserEdit.append(UserEdit.edit("ada"), identity)))).toBe(true)
    expect(Either.isRight(UserEdit.validate(UserEdit.remove(UserEdit.edit("ada"), identity)))).toBe(true)
  })

  const arrives = (profile: UserProfile) =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const user = yield* users.upsert("ada", profile)
      if (profile.name !== undefined) expect(user.properties.name).toBe(profile.name)
      expect((user.channels.$email ?? []).map(({ value }) => value)).toEqual([...new Set(profile.$email ?? [])])
    }).pipe(Effect.provide(Suprsend.layerTest))

  it.effect.prop("profiles are taken, and arrive", [Arbitraries.userProfile], ([profile]) => arrives(profile))

  it.effect("a repeated address in a profile is sent once, at its first position", () =>
    arrives({ $email: ["a@example.com", "b@example.com", "a@example.com"] }))

  it.effect.prop("page options are sent as they are", [Arbitraries.pageOptions], ([options]) =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const sandbox = yield* Sandbox.Sandbox
      // The server may refuse an unknown cursor.
      yield* Effect.either(users.list(options))
      const [request] = yield* sandbox.requests
      const query = new URLSearchParams(request?.uri.split("?")[1])
      expect(query.get("limit")).toBe(options.limit === undefined ? null : String(options.limit))
      expect(query.get("after")).toBe(options.after ?? null)
      expect(query.get("before")).toBe(options.before ?? null)
    }).pipe(Effect.provide(Suprsend.layerTest)))
})

describe("playOut", () => {
  it.effect("lets a retry play out, in the time that it would take", () =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.faults.add(Sandbox.failNext(1, Sandbox.status(503, { retryAfter: "17" })))
      yield* Sandbox.runToCompletion(users.asyncEdit(UserEdit.edit("ada")))
      expect(yield* Clock.currentTimeMillis).toBe(17_000)
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("lets a limiter play out", () =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const edits = Array.from({ length: 12 }, (_, n) => UserEdit.edit(`user-${n}`))
      yield* Sandbox.runToCompletion(Effect.forEach(edits, users.asyncEdit, { concurrency: "unbounded" }))
      const passed = yield* Clock.currentTimeMillis
      expect(passed).toBeGreaterThanOrEqual(2_000)
      expect(passed).toBeLessThan(10_000)
    }).pipe(Effect.provide(UsersService.layer.pipe(
      Layer.provide(SuprsendClient.layer({ ...Sandbox.credentials, rateLimit: { limit: 4, window: "1 second" } })),
      Layer.provideMerge(Sandbox.layer)
    ))))

  it.effect("returns the result of the effect, even if it never sleeps", () =>
    Effect.gen(function*() {
      expect(yield* Sandbox.runToCompletion(Effect.succeed(1))).toBe(1)
      expect(yield* Effect.flip(Sandbox.runToCompletion(Effect.fail("no")))).toBe("no")
      expect(Exit.isInterrupted(yield* Effect.exit(Sandbox.runToCompletion(Effect.interrupt)))).toBe(true)
      expect(yield* Clock.currentTimeMillis).toBe(0)
    }))

  it.effect("takes long sleeps and many", () =>
    Effect.gen(function*() {
      yield* Sandbox.runToCompletion(Effect.sleep("400 days"))
      yield* Sandbox.runToCompletion(Effect.repeatN(Effect.sleep("1 millis"), 499))
      expect(yield* Clock.currentTimeMillis).toBe(400 * 24 * 3_600_000 + 500)
    }))

  it.effect("takes whatever sleeps at the same time in its order", () =>
    Effect.gen(function*() {
      const seen = yield* Ref.make<ReadonlyArray<number>>([])
      yield* Sandbox.runToCompletion(
        Effect.forEach([30, 10, 20], (n) => Effect.zipRight(Effect.sleep(n), Ref.update(seen, (all) => [...all, n])), {
          concurrency: "unbounded"
        })
      )
      expect(yield* Ref.get(seen)).toEqual([10, 20, 30])
    }))

  it.effect("does not skip waits that are longer than the given maximum", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Sandbox.runToCompletion(Effect.sleep("2 seconds"), { longest: "1 second" }))
      yield* Effect.repeatN(Effect.yieldNow(), 100)
      expect(yield* Clock.currentTimeMillis).toBe(0)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
    }))

  it.effect("interrupts the effect when it is interrupted", () =>
    Effect.gen(function*() {
      const ended = yield* Ref.make(false)
      const fiber = yield* Effect.fork(
        Sandbox.runToCompletion(Effect.onInterrupt(Effect.never, () => Ref.set(ended, true)))
      )
      yield* Effect.repeatN(Effect.yieldNow(), 10)
      yield* Fiber.interrupt(fiber)
      expect(yield* Ref.get(ended)).toBe(true)
    }))
})
