import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import { problemOf } from "../../src/internal/backfill/ending.js"

class Odd extends Error {
  constructor(message: unknown) {
    super()
    Object.defineProperty(this, "message", { value: message })
  }
}

class Thrower extends Error {
  override get message(): string {
    throw new Error("no message")
  }
}

describe("the problem of a failure", () => {
  it.each([
    [new Error("broken"), "broken"],
    [new TypeError(), "TypeError"],
    ["a text", "a text"],
    [{ code: 1 }, "{\"code\":1}"],
    [new Odd({ code: 1 }), "{\"code\":1}"],
    [new Odd(5), "5"],
    [new Thrower(), "an error without a text"],
    [undefined, "undefined"],
    [new Error("x".repeat(5_000)), "x".repeat(2_000)]
  ])("is a text: %#", (error, text) => {
    expect(problemOf(Cause.fail(error))).toBe(text)
    expect(problemOf(Cause.die(error))).toBe(text)
  })
})
