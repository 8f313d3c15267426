import type { Option, Runtime } from "effect"
import { findSuprsendError, isSuprsendError, type SuprsendError } from "effect-suprsend/SuprsendError"
import type { NoSuchElementException } from "effect/Cause"
import { describe, expect, it } from "tstyche"

declare const rejection: unknown
declare const typed: SuprsendError | NoSuchElementException

describe("isSuprsendError", () => {
  it("leaves open whether it is the error, or a promise's rejection that holds it", () => {
    if (isSuprsendError(rejection)) expect(rejection).type.toBe<SuprsendError | Runtime.FiberFailure>()
  })

  it("tells an error of this package from others", () => {
    if (isSuprsendError(typed)) expect(typed.retryable).type.toBe<boolean>()
  })
})

describe("findSuprsendError", () => {
  it("gives the error, from anything", () => {
    expect(findSuprsendError(rejection)).type.toBe<Option.Option<SuprsendError>>()
  })
})
