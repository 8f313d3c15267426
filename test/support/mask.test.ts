import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as FastCheck from "effect/FastCheck"
import { mask, tokens } from "../../src/internal/support/mask.js"
import { canonical } from "../utils/json.js"

const secretKeys = ["$androidpush", "$iospush", "$webpush", "access_token", "incoming_webhook"]

const nested = (levels: number, inner: unknown): unknown => {
  let value = inner
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { value }
  return value
}

const boom = (): never => {
  throw new Error("boom")
}

describe("a masked value", () => {
  it.prop("is the same JSON if it has no token", [Arbitraries.jsonValue], ([value]) => {
    expect(canonical(mask(value))).toBe(canonical(value))
  })

  it.prop("never contains a token, at any place", [
    FastCheck.constantFrom(...secretKeys, ...secretKeys.map((key) => ` ${key}\t`)),
    FastCheck.nat(150),
    FastCheck.anything()
  ], ([key, levels, other]) => {
    const secret = "very-secret-token"
    for (const token of [secret, [secret], { url: secret }, { deep: [{ [secret]: secret }] }]) {
      const value = nested(levels, [{ other, [key]: token, last: "shown" }])
      const printed = JSON.stringify(mask(value))
      expect(printed).not.toContain(secret)
      expect(printed).toContain("shown")
      expect(tokens(value)).toEqual([secret])
    }
  })

  it("is made without recursion and in linear time, however deep and wide it is", () => {
    const deep = nested(200_000, { access_token: "secret" })
    expect(JSON.stringify(mask(deep))).toContain("<too deep>")
    expect(tokens(deep)).toEqual(["secret"])
    const wide = Array.from({ length: 100_000 }, (_, i) => ({ access_token: `secret-${i % 10}` }))
    expect(JSON.stringify(mask(wide))).not.toContain("secret")
    expect(tokens(wide)).toHaveLength(10)
    let twice: unknown = { access_token: "secret" }
    for (let i = 0; i < 60; i++) twice = [twice, twice]
    expect(tokens(twice)).toEqual(["secret"])
    expect(tokens(Object.assign([], { length: 2 ** 32 - 1, 3: { $iospush: "secret" } }))).toEqual(["secret"])
  })

  it("marks where it is cut off", () => {
    const cycle: Array<unknown> = [1]
    cycle.push({ cycle })
    expect(mask(cycle)).toEqual([1, { cycle: "<cycle>" }])
    const shared = { a: 1 }
    expect(mask([shared, shared])).toEqual([shared, shared])
    expect(mask([undefined, NaN, 1n, new Date(0), () => 1, Symbol("s")])).toEqual([
      "<undefined>",
      "<NaN>",
      "<a bigint>",
      "<an instance of Date>",
      "<a function>",
      "<a symbol>"
    ])
  })

  it("is made without throwing, whatever it contains", () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    const list = Proxy.revocable([], {})
    revoke()
    list.revoke()
    const hostile: ReadonlyArray<unknown> = [
      proxy,
      { $webpush: proxy },
      { $webpush: [list.proxy] },
      list.proxy,
      new Proxy({}, { ownKeys: boom }),
      new Proxy({}, { getPrototypeOf: boom }),
      new Proxy([1], { get: boom }),
      Object.defineProperty({}, "a", { enumerable: true, get: boom }),
      Object.create({ constructor: { name: 1 } }),
      Object.create(Object.defineProperty({}, "constructor", { get: boom }))
    ]
    for (const value of hostile) {
      expect(JSON.stringify(mask([{ value }, "rest"]))).toContain("rest")
      expect(typeof JSON.stringify(mask(value))).toBe("string")
      expect(tokens([{ access_token: value, $iospush: "token" }])).toEqual(["token"])
    }
  })
})
