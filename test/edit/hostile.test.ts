import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Operation from "effect-suprsend/Operation"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import { layerBatched, UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import { pipe } from "effect/Function"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import * as Vm from "node:vm"
import * as input from "../../src/internal/edit/input.js"
import * as validate from "../../src/internal/edit/validate.js"
import { Encoder } from "../../src/internal/event/encoder.js"
import * as json from "../../src/internal/support/json.js"
import { canonical } from "../utils/json.js"
import { loosely } from "../utils/loosely.js"
import { asEdit, dataFirst, dataLast, untyped } from "../utils/untyped.js"

const user = UserEdit.edit("user-42")

const client = { workspace: undefined, userAgent: "me" }

const boom = (): never => {
  throw new Error("boom")
}

const revoked = (target: object): object => {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

const traps = ["get", "ownKeys", "getOwnPropertyDescriptor", "getPrototypeOf"] as const

const toJSON = () => "something else"

/** Makes values that throw or change when they are read, or that JSON would write as other values. */
const hostile: Readonly<Record<string, () => unknown>> = {
  "a getter that throws": () => Object.defineProperty({}, "a", { enumerable: true, get: boom }),
  "a getter that throws nothing": () =>
    Object.defineProperty({}, "a", {
      enumerable: true,
      get: () => {
        throw undefined
      }
    }),
  "a getter that throws what throws": () =>
    Object.defineProperty({}, "a", {
      enumerable: true,
      get: () => {
        throw new Proxy(new Error(), { get: boom, getPrototypeOf: boom })
      }
    }),
  "a getter in a list": () => Object.defineProperty([1], 0, { enumerable: true, get: boom }),
  "a record that is revoked": () => revoked({}),
  "a list that is revoked": () => revoked([]),
  "a function that is revoked": () => revoked(() => 1),
  ...Object.fromEntries(traps.flatMap((trap) => [
    [`a record whose ${trap} throws`, () => new Proxy({ a: 1 }, { [trap]: boom })],
    // Lists are read by index, without reading their keys or prototype.
    ...(trap === "get" ? [[`a list whose ${trap} throws`, () => new Proxy([1], { [trap]: boom })] as const] : [])
  ])),
  "an own toJSON": () => ({ toJSON }),
  "a toJSON that cannot be seen": () => Object.defineProperty({ a: 1 }, "toJSON", { value: toJSON }),
  "a toJSON that is inherited": () => Object.create({ toJSON }, { a: { value: 1, enumerable: true } }),
  "a toJSON that is inherited from nothing more": () =>
    Object.create(Object.assign(Object.create(null), { toJSON }), { a: { value: 1, enumerable: true } }),
  "a toJSON of a list": () => Object.assign([1], { toJSON }),
  "a toJSON of a list that cannot be seen": () => Object.defineProperty([1], "toJSON", { value: toJSON }),
  "a toJSON that a list inherits": () =>
    Object.setPrototypeOf([1], Object.assign(Object.create(Array.prototype), { toJSON })),
  "a toJSON of a class": () =>
    new class {
      toJSON() {
        return 1
      }
    }(),
  "a toJSON that a proxy has": () =>
    new Proxy({ a: 1 }, { get: (target, key) => key === "toJSON" ? toJSON : Reflect.get(target, key) }),
  "an instance of a class": () =>
    new class Plan {
      readonly name = "pro"
    }(),
  "what inherits from a record": () => Object.create(Object.assign(Object.create(null), { a: 1 })),
  "an Error": () => new Error("no"),
  "a Date of another realm": () => Vm.runInNewContext("new Date(0)"),
  "a boxed number": () => Object(1),
  "bytes": () => new Uint8Array(3),
  "a buffer": () => Buffer.from("abc"),
  "a weak map": () => new WeakMap(),
  "a promise": () => Promise.resolve(1),
  "a symbol": () => Symbol("s"),
  "a boxed symbol": () => Object(Symbol("s")),
  "a bigint": () => 1n,
  "a function": () => toJSON,
  "a function with a toJSON": () => Object.assign(() => 1, { toJSON }),
  "a class": () => Date,
  "an effect": () => Effect.succeed(1),
  "an edit": () => UserEdit.set(user, "a", 1),
  "NaN": () => NaN,
  "undefined": () => undefined,
  "a hole": () => Object.assign([], { 2: 1 }),
  "a million holes": () => new Array(1_000_000),
  "more holes than memory has": () => Object.assign([], { length: 2 ** 32 - 1 }),
  "holes behind items": () => Object.assign([1, 2, 3], { length: 2 ** 31 }),
  "a list that says any length": () =>
    new Proxy([], { get: (target, key) => key === "length" ? 2 ** 53 : Reflect.get(target, key) }),
  "a list that says no length": () =>
    new Proxy([], { get: (target, key) => key === "length" ? { valueOf: boom } : Reflect.get(target, key) }),
  "a list without an end": () =>
    new Proxy([], { get: (_, key) => key === "length" ? 2 ** 32 - 1 : 1, has: () => true }),
  "a record without a bottom": () => {
    const deeper = (): unknown => new Proxy({ a: 1 }, { get: (_, key) => key === "a" ? deeper() : undefined })
    return deeper()
  },
  "a cycle": () => {
    const cycle: Array<unknown> = [1]
    cycle.push({ cycle })
    return cycle
  },
  "a cycle after a hundred levels": () => {
    const cycle: { inner?: unknown } = {}
    let inner: unknown = cycle
    for (let i = 0; i < 100; i++) inner = i % 2 === 0 ? [inner] : { inner }
    cycle.inner = inner
    return cycle
  }
}

/** Every way to put a value into an edit. */
const ways: Readonly<Record<string, (value: unknown) => UserEdit.UserEdit>> = {
  "set, key": (value) => dataFirst(UserEdit.set, user, ["key", value]),
  "set, key, in a pipe": (value) => dataLast(UserEdit.set, user, ["key", value]),
  "set, record": (value) => dataFirst(UserEdit.set, user, [{ plan: "pro", key: value }]),
  "set, nested": (value) => dataLast(UserEdit.set, user, [{ key: { list: [1, value] } }]),
  "set, the record itself": (value) => dataFirst(UserEdit.set, user, [value, "value"]),
  "setOnce": (value) => dataFirst(UserEdit.setOnce, user, ["key", [value]]),
  "increment": (value) => dataFirst(UserEdit.increment, user, ["key", value]),
  "append": (value) => dataFirst(UserEdit.append, user, ["key", value]),
  "append, identity": (value) => dataFirst(UserEdit.append, user, [{ $slack: value }]),
  "remove": (value) => dataLast(UserEdit.remove, user, ["key", { value }]),
  "unset, in a list": (value) => dataFirst(UserEdit.unset, user, [["plan", value]]),
  "setTimezone": (value) => dataFirst(UserEdit.setTimezone, user, [value]),
  "setLocale": (value) => dataLast(UserEdit.setLocale, user, [value]),
  "addEmail": (value) => dataFirst(UserEdit.addEmail, user, [value]),
  "addSlack, member": (value) => dataFirst(UserEdit.addSlack, user, [{ email: value }]),
  "removeMsTeams": (value) => dataFirst(UserEdit.removeMsTeams, user, [value]),
  "addWebPush": (value) => dataFirst(UserEdit.addWebPush, user, [{ endpoint: "e", keys: value }]),
  "appendOperation, payload": (value) => dataFirst(UserEdit.appendOperation, user, [{ $set: { key: value } }]),
  "appendOperation, another operator": (value) => dataLast(UserEdit.appendOperation, user, [{ $other: value }]),
  "Operation.set": (value) => dataFirst(UserEdit.appendOperation, user, [loosely(Operation.set)({ key: value })]),
  "edit": (value) => asEdit(untyped(UserEdit.edit)(value)),
  "edit, tenant": (value) => asEdit(untyped(UserEdit.edit)("user-42", { tenantId: [value] })),
  "edit, insert id": (value) => asEdit(untyped(UserEdit.edit)("user-42", { insertId: [value] })),
  "withInsertId": (value) => dataFirst(UserEdit.withInsertId, user, [[value]])
}

/** Ways that accept any record, list or text, which may be valid. */
const lenient: Readonly<Record<string, (value: unknown) => UserEdit.UserEdit>> = {
  "edit, options": (value) => asEdit(untyped(UserEdit.edit)("user-42", value)),
  "addAndroidPush, options": (value) => dataFirst(UserEdit.addAndroidPush, user, ["token", value]),
  "addIosPush, options, in a pipe": (value) => dataLast(UserEdit.addIosPush, user, ["token", value]),
  "set, the whole record": (value) => dataLast(UserEdit.set, user, [value]),
  "unset, the whole list": (value) => dataFirst(UserEdit.unset, user, [value]),
  "appendOperation, the whole operation": (value) => dataLast(UserEdit.appendOperation, user, [value]),
  "concat": (value) => asEdit(untyped(UserEdit.concat)(user, value)),
  "Operation.append": (value) => dataFirst(UserEdit.appendOperation, user, [loosely(Operation.append)(value)]),
  "Operation.unset": (value) => dataFirst(UserEdit.appendOperation, user, [loosely(Operation.unset)(value)])
}

/** Calls every function and member of an edit. None of them may throw. */
const ask = (edit: UserEdit.UserEdit): void => {
  expect(typeof String(edit)).toBe("string")
  expect(typeof inspect(edit, { depth: null })).toBe("string")
  expect(typeof JSON.stringify(edit)).toBe("string")
  expect(Equal.equals(edit, edit)).toBe(true)
  expect(Equal.equals(edit, user)).toBe(false)
  expect(Number.isInteger(Hash.hash(edit))).toBe(true)
  expect(Object.isFrozen(edit.operations)).toBe(true)
  expect(UserEdit.isEmpty(edit)).toBe(edit.operations.length === 0)
}

const EditJson = Schema.parseJson(UserEdit.UserEditSchema)

/** Returns the issues of an edit, and checks that the encoder finds the same. */
const issuesOf = (edit: UserEdit.UserEdit) => {
  const encoder = new Encoder(client, 1_000)
  const issues = encoder.event(edit, edit.insertId ?? "id", 0)
  expect(encoder.position === 0).toBe(issues.length > 0)
  expect(validate.issues(edit)).toEqual(issues)
  const checked = UserEdit.validate(edit)
  expect(Either.isLeft(checked)).toBe(issues.length > 0)
  if (Either.isLeft(checked)) expect(typeof inspect(checked.left)).toBe("string")
  return issues
}

describe("a hostile value is invalid, and nothing throws", () => {
  for (const [name, make] of Object.entries(hostile)) {
    it(name, () => {
      for (const [way, build] of Object.entries(ways)) {
        // A verb treats an edit in the first place as its edit.
        if (name === "an edit" && /pipe|setLocale/.test(way)) continue
        const edit = build(make())
        expect([way, issuesOf(edit).length > 0]).toEqual([way, true])
        ask(edit)
        const again = Schema.decodeSync(EditJson)(Schema.encodeSync(EditJson)(edit))
        expect([way, Either.isLeft(UserEdit.validate(again))]).toEqual([way, true])
      }
      for (const [way, build] of Object.entries(lenient)) {
        if (name === "an edit" && /pipe|whole/.test(way)) continue
        const edit = build(make())
        void issuesOf(edit)
        ask(UserEdit.set(edit, "a", 1))
      }
      expect(UserEdit.isUserEdit(make())).toBe(name === "an edit")
      for (const profile of [{ key: make() }, { $email: make() }, { $slack: [make()] }, { $timezone: make() }]) {
        expect(Either.isLeft(loosely(input.profile)("call", profile))).toBe(true)
      }
      expect(typeof Either.isLeft(loosely(input.profile)("call", make()))).toBe("boolean")
    })
  }

  it("with its path and the message that it throws", () => {
    const messages = (value: unknown) =>
      issuesOf(dataFirst(UserEdit.set, user, [{ plan: "pro", deep: [1, { value }] }]))
    const path = ["operations", 0, "$set", "deep", 1, "value"]
    expect(messages(hostile["a getter that throws"]?.())).toEqual([
      { path, message: "cannot be read: boom; send plain data" }
    ])
    expect(messages(hostile["a toJSON that cannot be seen"]?.())).toEqual([
      { path, message: "has a toJSON method, and would not be sent as it is: send the result of that method" }
    ])
    expect(messages(Object.assign([], { 2: 1 }))).toEqual([
      { path: [...path, 0], message: "is a hole in the list, the first of 2: leave it out, or send null" }
    ])
  })

  it("and so is a value that is not an edit", () => {
    for (const value of [undefined, null, 1, "edit", {}, [], ...Object.values(hostile).map((make) => make())]) {
      if (UserEdit.isUserEdit(value)) continue
      const checked = Either.flip(loosely(UserEdit.validate)(value))
      expect(Either.isRight(checked) && checked.right.message).toContain("must be an edit as UserEdit.edit makes it")
      const encoder = new Encoder(client, 1_000)
      expect(loosely(encoder.event.bind(encoder))(value, "id", 0)).toHaveLength(1)
      expect(encoder.position).toBe(0)
    }
  })

  it("and so is an imitation of an edit, whatever its members do", () => {
    const members = { distinctId: "ada", tenantId: undefined, insertId: undefined, operations: [{ $set: { a: 1 } }] }
    const real = UserEdit.set(user, "a", 1)
    const foreign = (others: object): UserEdit.UserEdit =>
      asEdit(
        Object.defineProperties(
          { [UserEdit.TypeId]: UserEdit.TypeId, ...members },
          Object.getOwnPropertyDescriptors(others)
        )
      )
    expect(issuesOf(foreign({}))).toEqual([])
    for (const make of Object.values(hostile)) {
      expect(issuesOf(foreign({ operations: [{ $set: { a: make() } }] }))).not.toEqual([])
      expect(issuesOf(foreign({ operations: make() }))).not.toEqual([])
      expect(issuesOf(foreign({ distinctId: make() }))).not.toEqual([])
      expect(issuesOf(foreign({
        get operations() {
          return boom()
        }
      }))).not.toEqual([])
      void issuesOf(foreign({ mismatchedIds: make() }))
      ask(UserEdit.set(foreign({ operations: make(), mismatchedIds: make() }), "a", 1))
    }
    for (const trap of traps) {
      const proxy: unknown = new Proxy(real, { [trap]: boom })
      expect(typeof loosely(UserEdit.validate)(proxy)).toBe("object")
      const encoder = new Encoder(client, 1_000)
      void loosely(encoder.event.bind(encoder))(proxy, "id", 0)
      void untyped(UserEdit.set)(proxy, "a", 1)
      void untyped(UserEdit.concat)(real, proxy)
    }
    expect(Either.isLeft(loosely(UserEdit.validate)(revoked(real)))).toBe(true)
    // A proxy without traps is as valid as its target.
    const through = asEdit(new Proxy(real, {}))
    expect(issuesOf(through)).toEqual([])
    expect(Equal.equals(through, real)).toBe(true)
  })
})

describe("arguments of an edit are copied", () => {
  const values = () => ({ plan: "pro", tags: ["a", { b: ["c"] }], address: { city: "Paris", lines: ["1"] } })

  const change = (u: unknown): void => {
    if (typeof u !== "object" || u === null) return
    for (const value of Object.values(u)) change(value)
    if (Array.isArray(u)) u.push("changed")
    else Object.assign(u, { changed: true, plan: "changed" })
  }

  /** Makes an argument, and a function that makes an edit of it. */
  const given: Readonly<Record<string, () => readonly [given: unknown, make: () => UserEdit.UserEdit]>> = {
    "a value": () => {
      const value = values()
      return [value, () => UserEdit.set(user, "key", value)]
    },
    "a record": () => {
      const record = values()
      return [record, () => UserEdit.setOnce(user, record)]
    },
    "a record with keys to trim": () => {
      const record = { " key ": values() }
      return [record, () => UserEdit.append(user, record)]
    },
    "keys": () => {
      const keys = ["plan"]
      return [keys, () => UserEdit.unset(user, keys)]
    },
    "an identity": () => {
      const slack = { email: "ada@example.com", access_token: "xoxb" }
      return [slack, () => UserEdit.addSlack(user, slack)]
    },
    "a subscription": () => {
      const push = { endpoint: "e", keys: { p256dh: "p", auth: "a" } }
      return [push, () => UserEdit.removeWebPush(user, push, { provider: "vapid" })]
    },
    "an operation": () => {
      const operation = { $set: values() }
      return [operation, () => UserEdit.appendOperation(user, operation)]
    },
    "an operation of ours": () => {
      const record = values()
      const operation = Operation.set(record)
      return [[record, operation], () => UserEdit.appendOperation(user, operation)]
    },
    "options": () => {
      const options = { tenantId: "acme", insertId: "id" }
      return [options, () => UserEdit.set(UserEdit.edit("ada", options), "a", 1)]
    },
    "JSON": () => {
      const encoded = { distinctId: "ada", operations: [{ $set: values() }] }
      return [encoded, () => Schema.decodeSync(UserEdit.UserEditSchema)(encoded)]
    }
  }

  for (const [name, make] of Object.entries(given)) {
    it(`so that changing them later does not change the edit: ${name}`, () => {
      const [value, build] = make()
      const [, again] = make()
      const edit = build()
      const unread = build()
      const hash = Hash.hash(edit)
      const text = canonical(edit.operations)
      change(value)
      expect(canonical(edit.operations)).toBe(text)
      expect(canonical(unread.operations)).toBe(text)
      expect(Hash.hash(edit)).toBe(hash)
      expect(Hash.hash(unread)).toBe(hash)
      expect(Equal.equals(edit, unread)).toBe(true)
      expect(Equal.equals(edit, again())).toBe(true)
    })
  }

  it("when a verb is called for a pipe, so that its function always does the same", () => {
    const record = values()
    const keys = ["a"]
    const steps = [
      UserEdit.set(record),
      UserEdit.set("key", record),
      UserEdit.unset(keys),
      UserEdit.append("key", record.tags)
    ]
    const before = steps.map((step) => canonical(step(user).operations))
    change(record)
    change(keys)
    expect(steps.map((step) => canonical(step(user).operations))).toEqual(before)
  })

  it.prop("and frozen deeply when the operations are read", [Arbitraries.userEdit], ([edit]) => {
    const check = (u: unknown): void => {
      if (typeof u !== "object" || u === null) return
      expect(Object.isFrozen(u)).toBe(true)
      Object.values(u).forEach(check)
    }
    check(edit.operations)
    check(UserEdit.concat(edit, UserEdit.set(UserEdit.edit(edit.distinctId), "a", [{ b: 1 }])).operations)
    check(Schema.decodeSync(EditJson)(Schema.encodeSync(EditJson)(edit)).operations)
  })

  it.prop("member by member, whatever their names", [Arbitraries.jsonValue], ([value]) => {
    expect(canonical(json.copy(value))).toBe(canonical(value))
    expect(json.copy(Object.assign(Object.create(null), { a: [value] }))).toEqual({ a: [value] })
    expect(canonical(json.copy(Vm.runInNewContext("JSON.parse(text)", { text: JSON.stringify({ value }) })))).toBe(
      canonical({ value })
    )
  })

  it("and read only once", () => {
    let reads = 0
    const counting = {
      get a() {
        return reads++
      },
      nested: {
        get b() {
          return reads++
        }
      }
    }
    const edit = UserEdit.set(user, counting)
    expect(reads).toBe(2)
    const text = canonical(edit.operations)
    expect(issuesOf(edit)).toEqual([])
    ask(edit)
    expect(canonical(edit.operations)).toBe(text)
    expect(reads).toBe(2)
  })
})

describe("code that runs while an edit is read does not affect other requests", () => {
  const other = UserEdit.set(UserEdit.edit("other"), "who", "other".repeat(20))

  /** Edits that run a function when they are read. */
  const reading: Readonly<Record<string, (run: () => void) => UserEdit.UserEdit>> = {
    "a getter of a record": (run) =>
      UserEdit.set(UserEdit.edit("outer"), {
        get a() {
          run()
          return 1
        }
      }),
    "a getter of a nested value": (run) =>
      UserEdit.set(UserEdit.edit("outer"), "a", {
        get b() {
          run()
          return [1]
        }
      }),
    "a proxy": (run) =>
      UserEdit.set(
        UserEdit.edit("outer"),
        new Proxy({ a: 1 }, {
          get: (target, key) => {
            if (key === "a") run()
            return Reflect.get(target, key)
          }
        })
      ),
    "the operations of what passes for an edit": (run) =>
      asEdit({
        [UserEdit.TypeId]: UserEdit.TypeId,
        distinctId: "outer",
        tenantId: undefined,
        insertId: undefined,
        get operations() {
          run()
          return [{ $set: { a: 1 } }]
        }
      }),
    "an edit that was tampered with": (run) =>
      Object.defineProperty(UserEdit.set(UserEdit.edit("outer"), "a", 1), "last", {
        get: () => {
          run()
          return { $set: { a: 1 } }
        }
      }),
    "an edit whose id was tampered with": (run) =>
      Object.defineProperty(UserEdit.set(UserEdit.edit("outer"), "a", 1), "distinctId", {
        get: () => {
          run()
          return "outer"
        }
      }),
    "an edit that inherits from one": (run) =>
      Object.create(UserEdit.set(UserEdit.edit("outer"), "a", 1), {
        distinctId: {
          get: () => {
            run()
            return "outer"
          }
        }
      })
  }

  const decode = (encoder: Encoder) => new TextDecoder().decode(encoder.copy(0, encoder.position))

  for (const [name, make] of Object.entries(reading)) {
    it(`of one encoder: ${name}`, () => {
      const encoder = new Encoder(client, 1_000)
      const bodies: Array<string> = []
      const send = (edit: UserEdit.UserEdit) => {
        encoder.rewind(0)
        if (encoder.event(edit, "id", 0).length === 0) bodies.push(decode(encoder))
      }
      const edit = make(() => send(other))
      send(edit)
      send(other)
      for (const body of bodies) {
        const { $user_operations, distinct_id } = JSON.parse(body)
        expect($user_operations).toEqual(distinct_id === "other" ? other.operations : [{ $set: expect.anything() }])
      }
      expect(bodies.filter((body) => body.includes("\"outer\""))).toHaveLength(1)
      expect(bodies.at(-1)).toContain("\"other\"")
    })

    it.effect(`of a service: ${name}`, () =>
      Effect.gen(function*() {
        const users = yield* UsersService
        const sandbox = yield* Sandbox.Sandbox
        const runtime = yield* Effect.runtime()
        const inner: Array<Exit.Exit<unknown, unknown>> = []
        const edit = make(() => {
          Runtime.runCallback(runtime)(users.asyncEdit(other), { onExit: (exit) => inner.push(exit) })
        })
        const asked = yield* Effect.exit(users.asyncEdit(edit))
        yield* Effect.exit(users.edit(edit))
        const report = yield* users.bulkEdit([user, edit, other])
        yield* Effect.yieldNow()
        expect(Exit.isSuccess(asked)).toBe(true)
        expect(report.failure).toBe(0)
        for (const { json } of yield* sandbox.requests) {
          const events: ReadonlyArray<unknown> = Array.isArray(json) ? json : [json]
          for (const event of events) {
            if (typeof event !== "object" || event === null || !("distinct_id" in event)) continue
            expect(event).toMatchObject(
              {
                outer: { $user_operations: [{ $set: expect.anything() }] },
                other: { $user_operations: other.operations },
                "user-42": { $user_operations: [] }
              }[String(event.distinct_id)] ?? { distinct_id: "one of these" }
            )
          }
        }
      }).pipe(Effect.provide(Suprsend.layerTest)))
  }
})

describe("an edit whose members throw, or change with each access", () => {
  const real = UserEdit.set(UserEdit.edit("outer"), "a", 1)

  /** Makes an imitation of an edit with one hostile member. */
  const passing = (name: string, get: () => unknown): UserEdit.UserEdit =>
    asEdit(Object.defineProperty(
      {
        [UserEdit.TypeId]: UserEdit.TypeId,
        distinctId: "outer",
        tenantId: undefined,
        insertId: undefined,
        operations: [{ $set: { a: 1 } }]
      },
      name,
      { get }
    ))

  const kinds: Readonly<Record<string, (name: string, get: () => unknown) => UserEdit.UserEdit>> = {
    "an imitation": passing,
    "a proxy of one": (name, get) =>
      new Proxy(real, { get: (target, key) => key === name ? get() : Reflect.get(target, key) }),
    "an object that inherits from an edit": (name, get) => Object.create(real, { [name]: { get } }),
    "an edit that was tampered with": (name, get) => Object.defineProperty(UserEdit.set(real, "b", 1), name, { get })
  }

  const Batched = layerBatched().pipe(
    Layer.provide(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
    Layer.provide(RateLimiter.layerNoop),
    Layer.provide(Sandbox.layer)
  )

  for (const [kind, make] of Object.entries(kinds)) {
    for (const name of ["insertId", "distinctId", "tenantId"]) {
      it.effect(`${kind}: a ${name} that throws is invalid, and affects no other edit`, () =>
        Effect.gen(function*() {
          const users = yield* UsersService
          const sandbox = yield* Sandbox.Sandbox
          const edit = make(name, boom)
          expect((yield* Effect.flip(users.asyncEdit(edit)))._tag).toBe("InvalidUserEdit")
          expect((yield* Effect.flip(users.edit(edit)))._tag).toBe("InvalidUserEdit")
          const report = yield* users.bulkEdit([user, edit, UserEdit.edit("after")])
          expect(report).toMatchObject({ success: 2, failure: 1, failedRecords: [{ outcome: "invalid", index: 1 }] })
          expect(yield* sandbox.users).toHaveLength(2)
        }).pipe(Effect.provide(Suprsend.layerTest)))

      it.live(`${kind}: a ${name} that throws is invalid in a batch of single edits`, () =>
        Effect.gen(function*() {
          const users = yield* UsersService
          const edit = make(name, boom)
          const [failed, accepted] = yield* Effect.all([Effect.flip(users.asyncEdit(edit)), users.asyncEdit(user)], {
            concurrency: "unbounded"
          })
          expect(failed._tag).toBe("InvalidUserEdit")
          expect(accepted.status).toBe(202)
        }).pipe(Effect.provide(Batched)))
    }
  }

  for (const [kind, make] of Object.entries(kinds)) {
    if (kind === "an edit that was tampered with") continue
    it.effect(`${kind}: is read once, and sent as it was read`, () =>
      Effect.gen(function*() {
        const users = yield* UsersService
        const sandbox = yield* Sandbox.Sandbox
        let reads = 0
        const changing = () => make("distinctId", () => `outer-${reads++}`)
        const sends = [users.asyncEdit, users.edit, (edit: UserEdit.UserEdit) => users.bulkEdit([edit])]
        for (const send of sends) {
          reads = 0
          yield* send(changing())
          expect(reads).toBe(1)
        }
        expect((yield* sandbox.users).map(({ distinctId }) => distinctId)).toEqual(["outer-0"])
      }).pipe(Effect.provide(Suprsend.layerTest)))
  }
})

describe("work is bounded for any value", () => {
  /** Counts the members that are read, at any depth. */
  const counting = (value: unknown) => {
    let reads = 0
    const seen = new Map<object, object>()
    const wrap = (u: unknown): unknown => {
      if (typeof u !== "object" || u === null || !(Array.isArray(u) || json.isPlainRecord(u))) return u
      const before = seen.get(u)
      if (before !== undefined) return before
      const count = <A>(result: A): A => {
        reads++
        return result
      }
      const proxy = new Proxy(u, {
        get: (target, key) => count(wrap(Reflect.get(target, key))),
        has: (target, key) => count(Reflect.has(target, key)),
        ownKeys: (target) => count(Reflect.ownKeys(target)),
        getOwnPropertyDescriptor: (target, key) => count(Reflect.getOwnPropertyDescriptor(target, key)),
        getPrototypeOf: (target) => count(Reflect.getPrototypeOf(target))
      })
      seen.set(u, proxy)
      return proxy
    }
    return { value: wrap(value), reads: () => reads }
  }

  const sizeOf = (value: unknown, seen = new Set<unknown>()): number => {
    if (typeof value !== "object" || value === null || seen.has(value)) return 1
    seen.add(value)
    return Object.values(value).reduce<number>((sum, member) => sum + sizeOf(member, seen), 1)
  }

  const anything = FastCheck.oneof(
    Arbitraries.jsonValue,
    FastCheck.anything({
      withSparseArray: true,
      withNullPrototype: true,
      withDate: true,
      withMap: true,
      withBigInt: true,
      maxDepth: 4
    })
  )

  it.prop("each member is read a few times by the verb, and never again", [anything], ([value]) => {
    const { reads, value: counted } = counting(value)
    const edit = dataFirst(UserEdit.set, user, ["key", counted])
    const before = reads()
    expect(before).toBeLessThanOrEqual(8 * sizeOf(value) + 8)
    void issuesOf(edit)
    ask(edit)
    expect(reads()).toBe(before)
  }, { fastCheck: { numRuns: 500 } })

  it.prop("issues are short", [
    FastCheck.array(anything, { maxLength: 200 }),
    FastCheck.string({ maxLength: 300 })
  ], ([values, key]) => {
    for (const issue of issuesOf(dataFirst(UserEdit.set, user, [{ [key]: values, [`${key}$`]: [values, [values]] }]))) {
      expect(issue.path.length).toBeLessThanOrEqual(16)
      expect(issue.message.length).toBeLessThanOrEqual(300)
    }
  })

  it("a hundred issues are listed, and of more the number", () => {
    const issues = issuesOf(dataFirst(UserEdit.set, user, ["list", new Array(100_000).fill(undefined)]))
    expect(issues).toHaveLength(101)
    expect(issues.at(-1)).toEqual({ path: [], message: "and 99900 more" })
    const checked = UserEdit.validate(dataFirst(UserEdit.unset, user, [new Array(1_000).fill(" ")]))
    expect(Either.isLeft(checked) && checked.left.message.length).toBeLessThan(10_000)
    expect(Either.isLeft(checked) && checked.left.message).toMatch(/; and 900 more$/)
    expect(issuesOf(dataFirst(UserEdit.set, user, ["list", new Array(100).fill(undefined)]))).toHaveLength(100)
  })

  it("an array with holes is one issue, and its holes are not visited", () => {
    for (const length of [1_000_000, 5_000_000, 2 ** 32 - 1]) {
      const { reads, value } = counting(Object.assign([], { length, 5: "x", 7: "y" }))
      for (
        const [build, path] of [
          [() => dataFirst(UserEdit.set, user, ["list", [value]]), ["$set", "list", 0, 0]],
          [() => dataFirst(UserEdit.unset, user, [value]), ["$unset", 0]]
        ] as const
      ) {
        expect(issuesOf(build())).toEqual([{
          path: ["operations", 0, ...path],
          message: `is a hole in the list, the first of ${length - 2}: leave it out, or send null`
        }])
      }
      expect(reads()).toBeLessThan(50)
      const profile = loosely(input.profile)("call", { $email: value })
      expect(Either.isLeft(profile) && profile.left.issues.map(({ path }) => path)).toEqual([["$email", 0]])
    }
  })

  it("a value that contains another twice, forty levels deep, is not read completely", () => {
    const twice = Array.from({ length: 40 }).reduce<unknown>((value) => [value, value], 1)
    const { reads, value } = counting(twice)
    expect(issuesOf(dataFirst(UserEdit.set, user, ["a", value])).map(({ message }) => message)).toEqual([
      "holds more than 1000000 values: send less"
    ])
    expect(reads()).toBeLessThan(8_000_000)
  })

  it("a value of a million values is the largest", () => {
    const items = (count: number) => dataFirst(UserEdit.set, user, ["list", new Array(count).fill(0)])
    expect(validate.issues(items(1_000_000))).toEqual([])
    expect(validate.issues(items(1_000_001)).map(({ message }) => message)).toEqual([
      "holds more than 1000000 values: send less"
    ])
  })

  it("concatenating many edits takes linear time, also of different users", () => {
    const others = Array.from({ length: 50_000 }, (_, i) => UserEdit.set(UserEdit.edit(`user-${i % 1_000}`), "n", i))
    const mine = Array.from({ length: 50_000 }, (_, i) => UserEdit.set(user, "n", i))
    const joined = [...mine, ...others].reduce(UserEdit.concat, UserEdit.edit("user-42"))
    expect(joined.operations).toHaveLength(100_000)
    expect(issuesOf(joined).map(({ path }) => path)).toEqual(Array.from({ length: 100 }, () => ["distinctId"]))
  })

  it("an invalid edit does not affect the other edits of its bulk", () => {
    const bad = Object.values(hostile).map((make) => dataFirst(UserEdit.set, UserEdit.edit("bad"), ["key", make()]))
    const foreign = Object.values(hostile).map((make) =>
      asEdit({ [UserEdit.TypeId]: UserEdit.TypeId, distinctId: "bad", operations: make() })
    )
    return Effect.gen(function*() {
      const users = yield* UsersService
      const edits = [...bad, ...foreign].flatMap((edit, i) => [edit, UserEdit.set(UserEdit.edit(`good-${i}`), "n", i)])
      const report = yield* users.bulkEdit(edits)
      expect({ success: report.success, failure: report.failure }).toEqual({
        success: edits.length / 2,
        failure: edits.length / 2
      })
    }).pipe(Effect.provide(Suprsend.layerTest), Effect.runPromise)
  })
})

describe("an edit as JSON", () => {
  it("marks values that JSON cannot represent, and keeps the rest", () => {
    const edit = dataFirst(UserEdit.set, UserEdit.addEmail(user, "ada@example.com"), [
      { plan: "pro", n: NaN, nested: [1, { when: new Date(0), ["__proto__"]: undefined }], last: "kept" }
    ])
    const encoded = Schema.encodeSync(UserEdit.UserEditSchema)(edit)
    expect(encoded.operations).toEqual([
      { $append: { $email: "ada@example.com" } },
      { $set: { plan: "pro", n: null, nested: [1, { when: null, ["__proto__"]: null }], last: "kept" } }
    ])
    expect(encoded.defects?.map(({ path }) => path)).toEqual([
      [1, "$set", "n"],
      [1, "$set", "nested", 1, "when"],
      [1, "$set", "nested", 1, "__proto__"]
    ])
    const again = Schema.decodeSync(EditJson)(Schema.encodeSync(EditJson)(edit))
    expect(issuesOf(again)).toEqual(issuesOf(edit))
    expect(Equal.equals(again, Schema.decodeSync(EditJson)(Schema.encodeSync(EditJson)(edit)))).toBe(true)
    expect(Schema.encodeSync(UserEdit.UserEditSchema)(again)).toEqual(encoded)
  })

  it("stays invalid if the paths of its defects do not exist", () => {
    const decode = Schema.decodeSync(UserEdit.UserEditSchema)
    for (const path of [[], [0], [3, "$set"], [0, "$set", "b"], [0, "$set", "a", "b"]]) {
      const edit = decode({
        distinctId: "ada",
        operations: [{ $set: { a: 1 } }],
        defects: [{ path, message: "was bad" }]
      })
      expect(issuesOf(edit).map(({ message }) => message)).toEqual(["was bad"])
    }
  })
})

describe("an edit without operations", () => {
  it.effect("creates the user, and does not change an existing one", () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      yield* users.asyncEdit(UserEdit.edit("new"))
      expect((yield* users.get("new")).distinctId).toBe("new")
      yield* users.asyncEdit(UserEdit.set(UserEdit.edit("new"), "plan", "pro"))
      const report = yield* users.bulkEdit([UserEdit.edit("new"), UserEdit.edit("newer")])
      expect(report.success).toBe(2)
      expect((yield* users.get("new")).properties).toMatchObject({ plan: "pro" })
      expect((yield* users.get("newer")).distinctId).toBe("newer")
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.prop("is recognized before it is sent", [Arbitraries.userEdit], ([edit]) => {
    expect(UserEdit.isEmpty(edit)).toBe(edit.operations.length === 0)
    expect(UserEdit.isEmpty(UserEdit.edit(edit.distinctId))).toBe(true)
    expect(UserEdit.isEmpty(pipe(edit, UserEdit.set("a", 1)))).toBe(false)
    expect(UserEdit.isEmpty(UserEdit.concat(UserEdit.edit("ada"), UserEdit.edit("ada")))).toBe(true)
    expect(UserEdit.isEmpty(UserEdit.withInsertId(edit, "id"))).toBe(UserEdit.isEmpty(edit))
  })
})
