import { expect, it } from "@effect/vitest"
import { Effect, Either, Option } from "effect"
import { Sandbox } from "effect-suprsend/Sandbox"
import * as Sandboxes from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import { edit, set, validate } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import { upgrade } from "./from-node-bulk.js"
import { loggedIn } from "./from-node-dates.js"
import { signUp } from "./from-node-edit.js"
import { planOf } from "./from-node-errors.js"
import { contact } from "./from-node-shapes.js"
import { load } from "./from-python-bulk.js"
import * as python from "./from-python-edit.js"
import { optOut } from "./from-python-preferences.js"

const user = (id: string) => Effect.map(Effect.flatMap(Sandbox, (sandbox) => sandbox.user(id)), Option.getOrThrow)
const date = new Date("2024-02-29T12:00:00.000Z")

it.effect("an edit, from Node", () =>
  Effect.gen(function*() {
    expect(yield* signUp).toMatch(/^[\da-f-]{36}$/)
    expect((yield* user("user-42")).properties.plan).toBe("pro")
  }).pipe(Effect.provide(Suprsend.layerTest)))

it.effect("dates, from Node", () =>
  Effect.gen(function*() {
    yield* Effect.flatMap(UsersService, (users) => users.asyncEdit(loggedIn("user-42", date)))
    expect((yield* user("user-42")).properties).toMatchObject({
      first_login: "2024-02-29T12:00:00.000Z",
      session: { last_login: "2024-02-29T12:00:00.000Z" }
    })
    // @ts-expect-error a Date is not JSON
    expect(Either.isLeft(validate(set(edit("user-42"), "first_login", date)))).toBe(true)
  }).pipe(Effect.provide(Suprsend.layerTest)))

it.effect("a bulk, from Node", () =>
  Effect.gen(function*() {
    const sandbox = yield* Sandbox
    yield* sandbox.faults.add(Sandboxes.failNext(4, Sandboxes.status(503)))
    const report = yield* Sandboxes.runToCompletion(upgrade(["user-1", "user-2"]))
    expect(String(report)).toBe("2 records: 2 accepted")
    expect((yield* user("user-2")).properties.plan).toBe("pro")
  }).pipe(Effect.provide(Suprsend.layerTest)))

it.effect("errors, from Node", () =>
  Effect.gen(function*() {
    expect(yield* planOf("user-42")).toBeUndefined()
    yield* signUp
    expect(yield* planOf("user-42")).toBe("pro")
  }).pipe(Effect.provide(Suprsend.layerTest)))

it.effect("shapes, from Node", () =>
  Effect.gen(function*() {
    yield* signUp
    yield* python.loggedIn
    expect(yield* contact("user-42")).toMatchObject({
      id: "user-42",
      emails: ["ada@example.com"],
      timezone: "Europe/London",
      asTheVendorHasIt: { distinct_id: "user-42" },
      others: ["user-42"],
      next: undefined
    })
  }).pipe(Effect.provide(Suprsend.layerTest)))

it.effect("an edit, from Python", () =>
  Effect.gen(function*() {
    expect(yield* python.loggedIn).toMatchObject({ status: 202, message: "OK" })
    expect((yield* user("user-42")).properties.login_count).toBe(1)
  }).pipe(Effect.provide(Suprsend.layerTest)))

it.effect("a bulk, from Python", () =>
  Effect.gen(function*() {
    const failed = yield* load([{ id: "user-1", signedUp: date }, { id: " ", signedUp: date }])
    expect(failed).toEqual([{
      row: { id: " ", signedUp: date },
      error: expect.stringContaining("no request was sent"),
      code: "InvalidUserEdit"
    }])
    expect((yield* user("user-1")).properties.signed_up).toBe("2024-02-29T12:00:00.000Z")
  }).pipe(Effect.provide(Suprsend.layerTest)))

it.effect("preferences, from Python", () =>
  Effect.gen(function*() {
    yield* signUp
    yield* Effect.flatMap(Sandbox, (sandbox) => sandbox.defineCategory({ category: "news" }))
    expect(yield* optOut("user-42", "news")).toBe("opt_out")
  }).pipe(Effect.provide(Suprsend.layerTest)))
