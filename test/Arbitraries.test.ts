import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { vi } from "vitest"

// The functions of fast-check that build arbitraries, by name. Importing the modules calls none.
const built = vi.hoisted(() => new Array<string>())

vi.mock("effect/FastCheck", async (load) => {
  const original = await load<Record<string, unknown>>()
  const isBuilder = ([name, value]: [string, unknown]) => /^[a-z]/.test(name) && typeof value === "function"
  const watched = Object.entries(original).filter(isBuilder).map(([name, value]) => [
    name,
    new Proxy(Object(value), {
      apply: (target, self, args) => {
        built.push(name)
        return Reflect.apply(target, self, args)
      }
    })
  ])
  return { ...original, ...Object.fromEntries(watched) }
})

describe("importing", () => {
  it("the index builds no arbitrary, and using one does", async () => {
    const { Arbitraries } = await import("effect-suprsend")
    expect(built).toEqual([])
    // A single edit may contain no string. The seed makes the sample the same each time.
    FastCheck.sample(Arbitraries.userEdit, { numRuns: 100, seed: 1 })
    expect(built).toContain("oneof")
    expect(built).toContain("stringMatching")
  })

  it("builds each arbitrary once", async () => {
    const { Arbitraries } = await import("effect-suprsend")
    FastCheck.sample(Arbitraries.userEdit, { numRuns: 300, seed: 1 })
    built.length = 0
    FastCheck.sample(Arbitraries.userEdit, { numRuns: 300, seed: 1 })
    expect(built).toEqual(["sample"])
  })
})

describe("an arbitrary that is not built yet", () => {
  it("can be mapped, filtered, chained and composed", async () => {
    const { distinctId, jsonValue, tenantId } = await import("effect-suprsend/Arbitraries")
    const all = FastCheck.tuple(
      distinctId.filter((id) => id.length > 1).map((id) => `${id}!`),
      jsonValue.chain(() => tenantId),
      FastCheck.array(tenantId.noShrink(), { minLength: 1 })
    )
    FastCheck.assert(
      FastCheck.property(all, ([id, tenant, tenants]) => id.endsWith("!") && [tenant, ...tenants].every(Boolean))
    )
  })

  it("shrinks like one that is built", async () => {
    const { timezone, userProfile } = await import("effect-suprsend/Arbitraries")
    const { counterexample } = FastCheck.check(FastCheck.property(timezone, () => false), { seed: 1 })
    expect(counterexample).toEqual(["UTC"])
    const profile = FastCheck.check(
      FastCheck.property(userProfile, ({ seats }) => typeof seats !== "number" || seats < 7),
      { seed: 1 }
    )
    expect(profile.counterexample).toEqual([{ seats: 7 }])
    // A value that it did not generate shrinks too.
    expect(timezone.canShrinkWithoutContext("Europe/London")).toBe(true)
    expect(timezone.canShrinkWithoutContext("Mars/Olympus")).toBe(false)
  })
})
