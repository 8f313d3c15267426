import { expect, it } from "@effect/vitest"
import { Effect, Option, pipe } from "effect"
import { Sandbox } from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { addEmail, edit } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"

it.effect("signs a user up", () =>
  Effect.gen(function*() {
    const users = yield* UsersService
    yield* users.asyncEdit(pipe(edit("user-42"), addEmail("ada@example.com")))

    const ada = yield* Effect.flatMap(Sandbox, (sandbox) => sandbox.user("user-42"))
    expect(Option.getOrThrow(ada).channels.$email?.map((email) => email.value)).toEqual(["ada@example.com"])
  }).pipe(Effect.provide(Suprsend.layerTest)))
