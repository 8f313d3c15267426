import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import {
  findSuprsendError,
  InvalidUserEdit,
  isSuprsendError,
  SuprsendUserNotFound
} from "effect-suprsend/SuprsendError"
import { edit, setTimezone } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"

const invalid = new InvalidUserEdit({ call: "UsersService.edit", distinctId: "ada", issues: [] })
const missing = new SuprsendUserNotFound({ call: "UsersService.get", distinctId: "ada", attempts: 1 })

/** What the promise of an effect is rejected with. */
const rejectionOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.promise(() => Effect.runPromise(effect).then(() => "not rejected", (rejection) => rejection))

describe("the error that a value holds", () => {
  it("is an error of this package itself", () => {
    expect(isSuprsendError(invalid)).toBe(true)
    expect(findSuprsendError(invalid)).toEqual(Option.some(invalid))
  })

  it.effect("is in the rejection of a promise", () =>
    Effect.gen(function*() {
      const rejection = yield* rejectionOf(Effect.fail(missing))
      expect(isSuprsendError(rejection)).toBe(true)
      expect(findSuprsendError(rejection)).toEqual(Option.some(missing))
      expect(rejection.message).toBe(missing.message)
    }))

  it.effect("is in the rejection of a runtime's promise", () =>
    Effect.gen(function*() {
      const runtime = ManagedRuntime.make(Suprsend.layerTest)
      const sent = Effect.flatMap(UsersService, (users) => users.asyncEdit(setTimezone(edit("ada"), "Mars/Olympus")))
      const rejection = yield* Effect.promise(() =>
        runtime.runPromise(sent).then(() => "not rejected", (error) => error)
      )
      yield* Effect.promise(() => runtime.dispose())
      expect(Option.map(findSuprsendError(rejection), (error) => error._tag)).toEqual(Option.some("InvalidUserEdit"))
    }))

  it.effect("is the first of this package where several things failed", () =>
    Effect.gen(function*() {
      const both = yield* rejectionOf(
        Effect.all([Effect.fail(new Error("another")), Effect.fail(missing)], { concurrency: "unbounded" })
      )
      expect(findSuprsendError(both)).toEqual(Option.some(missing))
      const before = yield* rejectionOf(Effect.ensuring(Effect.fail(missing), Effect.die(invalid)))
      expect(findSuprsendError(before)).toEqual(Option.some(missing))
    }))

  it.effect("is a defect too, as orDie makes one", () =>
    Effect.gen(function*() {
      const rejection = yield* rejectionOf(Effect.orDie(Effect.fail(missing)))
      expect(findSuprsendError(rejection)).toEqual(Option.some(missing))
    }))

  it.effect("is not there where something else failed", () =>
    Effect.gen(function*() {
      const values = [
        undefined,
        null,
        "InvalidUserEdit",
        new Error("another"),
        { _tag: "InvalidUserEdit" },
        Sandbox.status(503),
        yield* rejectionOf(Effect.fail(new Error("another"))),
        yield* rejectionOf(Effect.die("another")),
        yield* rejectionOf(Effect.interrupt)
      ]
      expect(values.map(isSuprsendError)).toEqual(values.map(() => false))
    }))
})
