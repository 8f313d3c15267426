import { expect, it } from "@effect/vitest"
import { Either } from "effect"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import { set, validate } from "effect-suprsend/UserEdit"

it.prop("tagging keeps an edit valid", [Arbitraries.userEdit], ([edit]) => {
  expect(Either.isRight(validate(set(edit, "source", "import")))).toBe(true)
})
