import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Operation from "effect-suprsend/Operation"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as FastCheck from "effect/FastCheck"
import { issuesOf } from "./utils/issues.js"
import { canonical } from "./utils/json.js"
import { loosely } from "./utils/loosely.js"

const often = { fastCheck: { numRuns: 1_000 } }

const tagged: Operation.Cases<readonly [kind: string, payload: unknown]> = {
  onSet: (properties) => ["$set", properties],
  onSetOnce: (properties) => ["$set_once", properties],
  onIncrement: (amounts) => ["$add", amounts],
  onAppend: (properties) => ["$append", properties],
  onRemove: (properties) => ["$remove", properties],
  onUnset: (keys) => ["$unset", keys],
  onOther: (operation) => ["other", operation]
}

describe("match", () => {
  it.prop("passes the payload of each kind to its function", [Arbitraries.operation], ([operation]) => {
    const [kind, payload] = Operation.match(operation, tagged)
    expect({ [kind]: payload }).toEqual(operation)
    expect(Operation.match(tagged)(operation)).toEqual([kind, payload])
  })

  it("passes an operation with another operator, with several or with none to onOther", () => {
    const others: ReadonlyArray<Operation.Operation> = [
      {},
      { $increment: { login_count: "1" } },
      { $set: { plan: "pro" }, $unset: ["trial"] },
      Object.create({ $set: { plan: "pro" } })
    ]
    for (const operation of others) expect(Operation.match(operation, tagged)).toEqual(["other", operation])
  })

  it("passes an operation whose payload has another shape to onOther", () => {
    const match = loosely(Operation.match<readonly [kind: string, payload: unknown]>)
    for (
      const operation of [
        { $set: "plan" },
        { $set: ["plan"] },
        { $set_once: null },
        { $add: { credits: "1" } },
        { $add: [1] },
        { $append: 7 },
        { $remove: ["a"] },
        { $unset: "plan" },
        { $unset: ["plan", 7] }
      ]
    ) expect(match(operation, tagged)).toEqual(["other", operation])
  })

  it("passes amounts and keys that are empty to their functions", () => {
    expect(Operation.match({ $add: {} }, tagged)).toEqual(["$add", {}])
    expect(Operation.match({ $unset: [] }, tagged)).toEqual(["$unset", []])
  })
})

describe("constructors", () => {
  const user = UserEdit.edit("user-42")

  it.prop("make the operations of the verbs", [
    Arbitraries.properties,
    FastCheck.array(FastCheck.string(), {
      minLength: 1
    })
  ], ([properties, keys]) => {
    const pairs: ReadonlyArray<readonly [made: Operation.Operation, edit: UserEdit.UserEdit]> = [
      [Operation.set(properties), UserEdit.set(user, properties)],
      [Operation.setOnce(properties), UserEdit.setOnce(user, properties)],
      [Operation.append(properties), UserEdit.append(user, properties)],
      [Operation.remove(properties), UserEdit.remove(user, properties)],
      [Operation.unset(keys), UserEdit.unset(user, keys)]
    ]
    for (const [made, edit] of pairs) {
      expect(canonical([made])).toBe(canonical(edit.operations))
      expect(canonical(UserEdit.appendOperation(user, made).operations)).toBe(canonical(edit.operations))
    }
  })

  it("make the operation of increment", () => {
    expect(Operation.increment({ credits: -5, " orders ": 1 })).toEqual({ $add: { credits: -5, orders: 1 } })
  })

  it("trim keys, of which the last one wins", () => {
    expect(Operation.set({ plan: "free", " plan\t": "pro" })).toEqual({ $set: { plan: "pro" } })
    expect(Operation.setOnce({ "\u3000a": 1 })).toEqual({ $set_once: { a: 1 } })
    expect(Operation.unset([" a", "a ", "b c"])).toEqual({ $unset: ["a", "a", "b c"] })
  })

  it("keep every key as an own property", () => {
    const operation = Operation.set(JSON.parse("{\"__proto__\":{\"admin\":true},\" a\":1}"))
    expect(Object.keys(operation.$set)).toEqual(["__proto__", "a"])
    expect(Reflect.get(operation.$set, "admin")).toBeUndefined()
  })

  it("copy their arguments", () => {
    const tags = ["a"]
    const keys = ["plan"]
    const [set, unset] = [Operation.set({ tags }), Operation.unset(keys)]
    tags.push("b")
    keys.push("name")
    expect([set, unset]).toEqual([{ $set: { tags: ["a"] } }, { $unset: ["plan"] }])
  })

  it("complete a push token with a provider, to append and to remove it", () => {
    for (const key of ["$androidpush", "$iospush", "$webpush"]) {
      expect(Operation.append({ [key]: "token" })).toEqual({ $append: { [key]: "token", $id_provider: null } })
      expect(Operation.remove({ [` ${key}`]: "token" })).toEqual({ $remove: { [key]: "token", $id_provider: null } })
      const chosen = { [key]: "token", $id_provider: "fcm" }
      expect(Operation.append(chosen)).toEqual({ $append: chosen })
    }
    expect(Operation.append({ $email: "ada@example.com" })).toEqual({ $append: { $email: "ada@example.com" } })
    expect(Operation.set({ $androidpush: "token" })).toEqual({ $set: { $androidpush: "token" } })
  })
})

describe("an operation", () => {
  it.prop("of the arbitrary is valid", [Arbitraries.operation], ([operation]) => {
    expect(issuesOf(UserEdit.appendOperation(UserEdit.edit("user-42"), operation))).toEqual([])
  }, often)

  it.prop("with another operator is valid, and sent unchanged", [
    FastCheck.stringMatching(/^[$][a-z]{1,8}$/).filter((operator) =>
      !["$set", "$set_once", "$add", "$append", "$remove", "$unset"].includes(operator)
    ),
    Arbitraries.jsonValue
  ], ([operator, payload]) => {
    const edit = UserEdit.appendOperation(UserEdit.edit("user-42"), { [operator]: payload })
    expect(issuesOf(edit)).toEqual([])
    expect(canonical(edit.operations)).toBe(canonical([{ [operator]: payload }]))
  })
})
