import { describe, expect, it, vi } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import type * as Operation from "effect-suprsend/Operation"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import { pipe } from "effect/Function"
import * as Hash from "effect/Hash"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import * as event from "../src/internal/event/event.js"
import { canonical, deepFreeze } from "./utils/json.js"
import { asEdit, dataFirst, dataLast, untyped } from "./utils/untyped.js"

const verbs = FastCheck.array(Arbitraries.verb, { maxLength: 6 })

const build = (
  verbs: ReadonlyArray<Arbitraries.Verb>,
  self: UserEdit.UserEdit = UserEdit.edit("user-42")
): UserEdit.UserEdit => verbs.reduce((edit, verb) => verb(edit), self)

const often = { fastCheck: { numRuns: 1_000 } }

describe("verbs", () => {
  const verbNames = [
    "set",
    "setOnce",
    "increment",
    "append",
    "remove",
    "unset",
    "setPreferredLanguage",
    "setLocale",
    "setTimezone",
    ...["add", "remove"].flatMap((verb) =>
      ["Email", "Sms", "Whatsapp", "AndroidPush", "IosPush", "WebPush", "Slack", "MsTeams"].map((on) => verb + on)
    )
  ]

  it("the arbitrary makes every verb", () => {
    const made = FastCheck.sample(Arbitraries.verb, { numRuns: 2_000, seed: 1 })
    expect(new Set(made.map((verb) => verb.verb))).toEqual(new Set(verbNames))
  })

  it.prop("a pipe is equal to nested calls with the edit first", [verbs], ([verbs]) => {
    const nested = verbs.reduce(
      (edit, { args, verb }) => dataFirst(UserEdit[verb], edit, args),
      UserEdit.edit("user-42")
    )
    const piped = verbs.reduce((edit, verb) => edit.pipe(verb), UserEdit.edit("user-42"))
    expect(canonical(nested.operations)).toBe(canonical(build(verbs).operations))
    expect(canonical(piped.operations)).toBe(canonical(build(verbs).operations))
    expect(Equal.equals(nested, piped)).toBe(true)
  }, often)

  it.prop("each appends exactly one operation with one member", [
    Arbitraries.userEdit,
    Arbitraries.verb
  ], ([edit, verb]) => {
    const before = edit.operations
    const after = verb(edit).operations
    const added = after[before.length]
    expect(after.length).toBe(before.length + 1)
    before.forEach((operation, i) => expect(after[i]).toBe(operation))
    expect(Object.keys(added ?? {}).length).toBe(1)
  }, often)

  it.prop(
    "each keeps the distinct id and the tenant of the edit",
    [Arbitraries.userEdit, Arbitraries.verb],
    ([edit, verb]) => {
      const { distinctId, insertId, tenantId } = verb(edit)
      expect({ distinctId, insertId, tenantId }).toEqual({
        distinctId: edit.distinctId,
        insertId: edit.insertId,
        tenantId: edit.tenantId
      })
    }
  )

  it.prop("an empty record or list of keys adds none", [Arbitraries.userEdit], ([edit]) => {
    for (const verb of [UserEdit.set, UserEdit.setOnce, UserEdit.increment, UserEdit.append, UserEdit.remove]) {
      expect(verb({})(edit)).toBe(edit)
      expect(verb(edit, {})).toBe(edit)
    }
    expect(UserEdit.unset([])(edit)).toBe(edit)
    expect(UserEdit.unset(edit, [])).toBe(edit)
  })

  it.prop("a key and a value are equal to a record of them, with or without blanks around the key", [
    FastCheck.oneof(
      Arbitraries.properties.map((properties) => Object.keys(properties)[0] ?? "key"),
      FastCheck.constantFrom("$email", "$androidpush", "$iospush", "$webpush", "$id_provider", "$timezone", "")
    ),
    FastCheck.constantFrom("", " ", "\t\u00a0", "\u3000"),
    Arbitraries.jsonValue
  ], ([key, blank, value]) => {
    const edit = UserEdit.edit("user-42")
    const padded = blank + key + blank
    for (const verb of [UserEdit.set, UserEdit.setOnce, UserEdit.increment, UserEdit.append, UserEdit.remove]) {
      const pair = dataFirst(verb, edit, [padded, value])
      expect(Equal.equals(pair, dataFirst(verb, edit, [{ [padded]: value }]))).toBe(true)
      expect(Equal.equals(pair, dataFirst(verb, edit, [key, value]))).toBe(true)
    }
  }, often)

  it("ignore an additional argument, such as the index that map passes", () => {
    for (const verb of [UserEdit.addEmail, UserEdit.unset, UserEdit.addAndroidPush, UserEdit.setTimezone]) {
      const edit = UserEdit.edit("user-42")
      expect(Equal.equals(dataLast(verb, edit, ["text", 0, ["text"]]), verb(edit, "text"))).toBe(true)
      expect(Equal.equals(dataFirst(verb, edit, ["text", 0, ["text"]]), verb(edit, "text"))).toBe(true)
    }
    const [operation] = UserEdit.set(UserEdit.edit("user-42"), "plan", "pro").operations
    const copied = dataLast(UserEdit.appendOperation, UserEdit.edit("user-42"), [operation, 0, [operation]])
    expect(copied.operations).toEqual([operation])
  })
})

describe("concat", () => {
  const options = FastCheck.record({
    tenantId: FastCheck.option(Arbitraries.tenantId, { nil: undefined }),
    insertId: FastCheck.option(Arbitraries.insertId, { nil: undefined })
  })

  /** Makes edits of one user. */
  const edits = FastCheck.tuple(Arbitraries.distinctId, options).chain(([id, { tenantId }]) => {
    const one = FastCheck.tuple(options, verbs).map(([{ insertId }, verbs]) =>
      build(verbs, UserEdit.edit(id, { tenantId, insertId }))
    )
    return FastCheck.tuple(one, one, one)
  })

  it.prop("appends the operations of the second edit", [edits], ([[a, b]]) => {
    expect(UserEdit.concat(a, b).operations).toEqual([...a.operations, ...b.operations])
    expect(Equal.equals(UserEdit.concat(a, b), UserEdit.concat(b)(a))).toBe(true)
    expect(UserEdit.concat(a, b).insertId).toBe(a.insertId ?? b.insertId)
  })

  it.prop("is associative", [edits], ([[a, b, c]]) => {
    const left = UserEdit.concat(UserEdit.concat(a, b), c)
    const right = UserEdit.concat(a, UserEdit.concat(b, c))
    expect(Equal.equals(left, right)).toBe(true)
    expect(Hash.hash(left)).toBe(Hash.hash(right))
  })

  it.prop("is associative for edits of different users too, with the same issues", [
    FastCheck.array(FastCheck.constantFrom("ada", "bob", "cleo"), { minLength: 3, maxLength: 3 })
  ], ([ids]) => {
    const [a, b, c] = ids.map((id) => UserEdit.edit(id))
    if (a === undefined || b === undefined || c === undefined) return
    const left = UserEdit.concat(UserEdit.concat(a, b), c)
    const right = UserEdit.concat(a, UserEdit.concat(b, c))
    expect(Equal.equals(left, right)).toBe(true)
    expect(issuesOf(left)).toEqual(issuesOf(right))
  })

  it.prop("has the empty edit of the same user as identity", [edits], ([[a]]) => {
    const empty = UserEdit.edit(a.distinctId, { tenantId: a.tenantId })
    expect(Equal.equals(UserEdit.concat(empty, a), a)).toBe(true)
    expect(Equal.equals(UserEdit.concat(a, empty), a)).toBe(true)
  })

  it.prop("is equal to applying the verbs of both", [verbs, verbs], ([first, second]) => {
    expect(Equal.equals(UserEdit.concat(build(first), build(second)), build([...first, ...second]))).toBe(true)
  })
})

describe("an edit is a value", () => {
  it.prop("building does not change its arguments", [verbs], ([verbs]) => {
    const frozen = verbs.reduce(
      (edit, { args, verb }) => dataFirst(UserEdit[verb], edit, deepFreeze(args)),
      UserEdit.edit("user-42")
    )
    expect(Equal.equals(frozen, build(verbs))).toBe(true)
  })

  it.prop("operations that were read do not change, even if the edit is extended twice", [
    Arbitraries.userEdit,
    verbs,
    verbs,
    FastCheck.boolean()
  ], ([edit, one, other, early]) => {
    const read = early ? edit.operations : undefined
    const first = build(one, edit)
    const readFirst = first.operations
    const text = canonical([edit.operations, readFirst])
    const second = build(other, edit)
    const third = build(other, first)
    void third.operations
    expect(canonical([edit.operations, first.operations])).toBe(text)
    expect(first.operations).toBe(readFirst)
    if (read !== undefined) expect(edit.operations).toBe(read)
    expect(second.operations).toEqual([...edit.operations, ...build(other).operations])
    expect(third.operations).toEqual([...readFirst, ...build(other).operations])
    expect(Object.isFrozen(readFirst)).toBe(true)
  })

  it.prop("a frozen edit behaves like any other", [verbs, verbs], ([first, second]) => {
    const frozen = deepFreeze(build(first))
    const other = build(first)
    expect(frozen.operations).toEqual(other.operations)
    expect(Equal.equals(frozen, other)).toBe(true)
    expect(Hash.hash(frozen)).toBe(Hash.hash(other))
    expect(build(second, frozen).operations).toEqual(build(second, other).operations)
    expect(String(frozen)).toBe(String(other))
  })

  const backwards = (u: unknown): unknown => {
    if (Array.isArray(u)) return u.map(backwards)
    if (typeof u !== "object" || u === null) return u
    return Object.fromEntries(Object.entries(u).reverse().map(([key, value]) => [key, backwards(value)]))
  }

  it.prop("edits with equal content are equal and hash alike, however they were made", [
    Arbitraries.userEdit,
    verbs,
    FastCheck.nat({ max: 6 })
  ], ([start, verbs, split]) => {
    const edit = build(verbs, start)
    const { distinctId, insertId, operations, tenantId } = edit
    const empty = UserEdit.edit(distinctId, { tenantId, insertId })
    const append = untyped(UserEdit.appendOperation)
    const again = (operations: ReadonlyArray<unknown>) =>
      operations.reduce<UserEdit.UserEdit>((edit, operation) => asEdit(append(edit, operation)), empty)
    const routes: ReadonlyArray<UserEdit.UserEdit> = [
      // The same verbs, with the operations read after each.
      verbs.reduce((edit, verb) => {
        void verb(edit).operations
        return verb(edit)
      }, start),
      // In two pieces.
      UserEdit.concat(again(operations.slice(0, split)), again(operations.slice(split))),
      // From JSON, with the members of every record in another order.
      again(JSON.parse(JSON.stringify(operations))),
      again(operations.map(backwards)),
      ...(insertId === undefined
        ? []
        : [UserEdit.withInsertId(build(verbs, UserEdit.withInsertId(start, "another")), insertId)])
    ]
    for (const route of routes) {
      expect(Equal.equals(route, edit)).toBe(true)
      expect(Equal.equals(edit, route)).toBe(true)
      expect(Hash.hash(route)).toBe(Hash.hash(edit))
    }
  })

  // Made of so few values that many pairs are equal, or nearly equal.
  const smallEdit = FastCheck.record({
    id: FastCheck.constantFrom("a", "b"),
    tenantId: FastCheck.constantFrom(undefined, "a"),
    insertId: FastCheck.constantFrom(undefined, "a"),
    operations: FastCheck.array(
      FastCheck.constantFrom<Operation.Operation>(
        { $set: { a: 1 } },
        { $set: { a: "1" } },
        { $set: { a: [1] } },
        { $set: { a: { 0: 1 } } },
        { $set: { a: [] } },
        { $set: { a: {} } },
        { $set: { a: null } },
        { $set: { a: 1, b: 2 } },
        { $set: { b: 2, a: 1 } },
        { $set: { a: 2, b: 1 } },
        { $set: { ["__proto__"]: 1 } },
        { $set: { a: { ["__proto__"]: null } } },
        { $set_once: { a: 1 } },
        { $unset: ["a", "b"] },
        { $unset: ["b", "a"] },
        { $unset: ["a"] }
      ),
      { maxLength: 2 }
    )
  })

  it.prop("edits are equal exactly if their content is, and then hash alike", [smallEdit, smallEdit], ([a, b]) => {
    const [one, other] = [a, b].map(({ id, operations, ...options }) =>
      operations.reduce<UserEdit.UserEdit>((edit, op) => UserEdit.appendOperation(edit, op), UserEdit.edit(id, options))
    )
    const same = canonical([a.id, a.tenantId, a.insertId, a.operations]) ===
      canonical([b.id, b.tenantId, b.insertId, b.operations])
    expect(Equal.equals(one, other)).toBe(same)
    expect(Equal.equals(other, one)).toBe(same)
    if (same) expect(Hash.hash(one)).toBe(Hash.hash(other))
  }, { fastCheck: { numRuns: 5_000 } })

  it.prop(
    "an edit with one operation more is not equal",
    [Arbitraries.userEdit, Arbitraries.verb],
    ([edit, verb]) => {
      expect(Equal.equals(verb(edit), edit)).toBe(false)
      expect(Equal.equals(edit, verb(edit))).toBe(false)
    }
  )

  it("is recognized, concatenated and validated by another copy of the package too", async () => {
    vi.resetModules()
    const theirs = await import("effect-suprsend/UserEdit")
    expect(theirs.edit).not.toBe(UserEdit.edit)
    const make = (module: typeof theirs) => pipe(module.edit("user-42"), module.set("plan", "pro"))
    const edit = make(theirs)
    expect(UserEdit.isUserEdit(edit)).toBe(true)
    expect(Equal.equals(edit, make(UserEdit))).toBe(true)
    expect(Equal.equals(make(UserEdit), edit)).toBe(true)
    expect(Hash.hash(edit)).toBe(Hash.hash(make(UserEdit)))
    expect(UserEdit.addEmail(edit, "ada@example.com").operations.length).toBe(2)
    expect(UserEdit.concat(edit, make(UserEdit)).operations.length).toBe(2)
    expect(issuesOf(edit)).toEqual([])
    expect(issuesOf(theirs.concat(edit, theirs.edit("user-43")))).toEqual([["distinctId"]])
    expect(issuesOf(UserEdit.set(theirs.concat(edit, theirs.edit("user-43")), "a", 1))).toEqual([["distinctId"]])
  })
})

describe("valid edits", () => {
  it.prop("validate returns every edit of the arbitrary", [Arbitraries.userEdit], ([edit]) => {
    const checked = UserEdit.validate(edit)
    expect(Either.isRight(checked) && checked.right).toBe(edit)
  }, often)

  it.prop("every edit of the arbitrary is small enough as an event", [Arbitraries.userEdit], ([edit]) => {
    const body = event.encode(edit, "f".repeat(36), Date.now(), {
      workspace: "k".repeat(64),
      userAgent: "u".repeat(256)
    })
    expect(Buffer.byteLength(body)).toBeLessThan(10_240)
  }, often)

  it.prop("ids of the arbitrary are not changed", [Arbitraries.distinctId, Arbitraries.tenantId], ([id, tenantId]) => {
    const edit = UserEdit.edit(id, { tenantId })
    expect(edit.distinctId).toBe(id)
    expect(edit.tenantId).toBe(tenantId)
    expect([...id].length).toBeLessThanOrEqual(255)
    expect(Buffer.from(id, "utf8").toString("utf8")).toBe(id)
  }, often)

  it.prop("every edit of the arbitrary survives JSON", [Arbitraries.userEdit], ([edit]) => {
    expect(canonical(JSON.parse(JSON.stringify(edit.operations)))).toBe(canonical(edit.operations))
  }, often)

  it.prop("a value of the arbitrary survives JSON", [Arbitraries.jsonValue], ([value]) => {
    const sent = JSON.stringify(UserEdit.set(UserEdit.edit("user-42"), "key", value).operations)
    expect(canonical(JSON.parse(sent))).toBe(canonical([{ $set: { key: value } }]))
    expect(sent).toBe(JSON.stringify([{ $set: { key: value } }]))
  }, often)

  it("the longest id has 255 characters, whatever their length in UTF-16", () => {
    for (const character of ["a", "é", "😀"]) {
      expect(issuesOf(UserEdit.edit(character.repeat(255)))).toEqual([])
      expect(issuesOf(UserEdit.edit(character.repeat(256)))).toEqual([["distinctId"]])
    }
  })
})

type Path = ReadonlyArray<string | number>

const issuesOf = (edit: UserEdit.UserEdit): ReadonlyArray<Path> =>
  Either.match(UserEdit.validate(edit), {
    onLeft: (error) => error.issues.map((issue) => issue.path),
    onRight: () => []
  })

const sorted = (paths: ReadonlyArray<Path>): ReadonlyArray<string> => paths.map((path) => JSON.stringify(path)).sort()

describe("validate names the path of every defect", () => {
  /** A function that makes an edit invalid, with the path of the issue. */
  interface Spoiling {
    readonly step: (edit: UserEdit.UserEdit) => UserEdit.UserEdit
    readonly paths: ReadonlyArray<Path>
  }

  const operation = (
    verb: (...args: never) => unknown,
    args: ReadonlyArray<unknown>,
    ...paths: ReadonlyArray<Path>
  ) => ({
    step: (edit: UserEdit.UserEdit) => dataFirst(verb, edit, args),
    paths
  })

  const key = Arbitraries.properties.map((properties) => Object.keys(properties)[0] ?? "key")

  /** A path into lists and records with other members. */
  const place = FastCheck.array(
    FastCheck.oneof(
      FastCheck.tuple(
        FastCheck.array(Arbitraries.jsonValue, { maxLength: 2 }),
        FastCheck.array(Arbitraries.jsonValue, { maxLength: 2 })
      )
        .map(([before, after]) => ({
          step: before.length,
          around: (inner: unknown): unknown => [...before, inner, ...after]
        })),
      FastCheck.tuple(Arbitraries.properties, FastCheck.oneof(key, FastCheck.constantFrom("", " ", "$timezone")))
        .map(([others, key]) => ({
          step: key,
          around: (inner: unknown): unknown => Object.fromEntries([...Object.entries(others), [key, inner]])
        }))
    ),
    { maxLength: 3 }
  ).map((steps) => ({
    path: steps.map(({ step }) => step),
    around: (inner: unknown) => steps.reduceRight((inner, { around }) => around(inner), inner)
  }))

  const verbsOfProperties = {
    $set: UserEdit.set,
    $set_once: UserEdit.setOnce,
    $append: UserEdit.append,
    $remove: UserEdit.remove
  }

  /** Puts a value that JSON cannot represent into the payload of an operation. */
  const spoiltBy = (make: () => unknown, ...rest: Path): FastCheck.Arbitrary<Spoiling> =>
    FastCheck.tuple(
      FastCheck.constantFrom<keyof typeof verbsOfProperties>("$set", "$set_once", "$append", "$remove"),
      key,
      Arbitraries.properties,
      place,
      FastCheck.constantFrom("key and value", "record", "raw")
    ).map(([operator, key, others, { around, path }, form]) => {
      const value = around(make())
      const verb = verbsOfProperties[operator]
      if (form === "key and value") return operation(verb, [key, value], [operator, key, ...path, ...rest])
      if (form === "record") {
        const record = Object.fromEntries([...Object.entries(others), [key, value]])
        return operation(verb, [record], [operator, key, ...path, ...rest])
      }
      return operation(UserEdit.appendOperation, [{ $future: value }], ["$future", ...path, ...rest])
    })

  class Plan {
    readonly name = "pro"
  }

  const nestedTooDeep = (): unknown => {
    let value: unknown = []
    for (let i = 0; i < 10_000; i++) value = [value]
    return value
  }

  const cycle = (): unknown => {
    const self: Array<unknown> = []
    self.push("before", self)
    return self
  }

  const longCycle = (): unknown => {
    const outer: { inner?: unknown } = {}
    outer.inner = { members: [outer] }
    return outer
  }

  const blanks = FastCheck.constantFrom("", " ", "\t\n", "\u00a0", "\u3000\u2003", "\u0085\u001c")

  const oneOf = (...values: ReadonlyArray<unknown>): FastCheck.Arbitrary<unknown> => FastCheck.constantFrom(...values)

  const member = (
    verbs: Readonly<Record<string, ReadonlyArray<(...args: never) => unknown>>>,
    value: FastCheck.Arbitrary<unknown>,
    ...operators: ReadonlyArray<string>
  ): FastCheck.Arbitrary<Spoiling> =>
    FastCheck.oneof(
      ...operators.flatMap((operator, i) =>
        Object.entries(verbs).map(([key, verbs]) =>
          value.map((value) => operation(verbs[i] ?? (() => undefined), [value], [operator, key]))
        )
      )
    )

  const kinds: Readonly<Record<string, FastCheck.Arbitrary<Spoiling>>> = {
    "undefined": spoiltBy(() => undefined),
    "NaN": spoiltBy(() => NaN),
    "Infinity": spoiltBy(() => Infinity),
    "-Infinity": spoiltBy(() => -Infinity),
    "a bigint": spoiltBy(() => 1n),
    "a function": spoiltBy(() => () => 1),
    "a symbol": spoiltBy(() => Symbol("s")),
    "an instance of a class": spoiltBy(() => new Plan()),
    "a Date": spoiltBy(() => new Date(0)),
    "an invalid Date": spoiltBy(() => new Date(NaN)),
    "a Map": spoiltBy(() => new Map([["a", 1]])),
    "a Set": spoiltBy(() => new Set([1])),
    "a RegExp": spoiltBy(() => /a/),
    "an Error": spoiltBy(() => new Error("no")),
    "a Promise": spoiltBy(() => Promise.resolve(1)),
    "bytes": spoiltBy(() => new Uint8Array(2)),
    "a boxed text": spoiltBy(() => Object("text")),
    "a record with a toJSON": spoiltBy(() => ({ toJSON: () => "other" }), "toJSON"),
    "a hole in a list": spoiltBy(() => Object.assign([], { length: 3, 0: 1, 2: 3 }), 1),
    "an edit": spoiltBy(() => UserEdit.edit("user-43")),
    "a list that holds itself": spoiltBy(cycle, 1),
    "a record that holds itself further down": spoiltBy(longCycle, "inner", "members", 0),
    "an amount that is not a finite number": FastCheck.tuple(
      FastCheck.oneof(
        FastCheck.tuple(FastCheck.constant(UserEdit.increment), key),
        FastCheck.tuple(FastCheck.constant(UserEdit.increment), FastCheck.constantFrom("$email", "$timezone"))
      ),
      oneOf(NaN, Infinity, -Infinity, "3", "", null, undefined, 1n, true, [], {}, new Date(0), () => 1)
    ).map(([[verb, key], amount]) => operation(verb, [key, amount], ["$add", key])),
    "a channel value that is blank or not a string": member(
      {
        $email: [UserEdit.addEmail, UserEdit.removeEmail],
        $sms: [UserEdit.addSms, UserEdit.removeSms],
        $whatsapp: [UserEdit.addWhatsapp, UserEdit.removeWhatsapp],
        $androidpush: [UserEdit.addAndroidPush, UserEdit.removeAndroidPush],
        $iospush: [UserEdit.addIosPush, UserEdit.removeIosPush]
      },
      FastCheck.oneof(blanks, oneOf(null, undefined, 0, 5, false, {}, ["a@example.com"], 1n, NaN)),
      "$append",
      "$remove"
    ),
    "a channel record that is empty or not a record": member(
      {
        $webpush: [UserEdit.addWebPush, UserEdit.removeWebPush],
        $slack: [UserEdit.addSlack, UserEdit.removeSlack],
        $ms_teams: [UserEdit.addMsTeams, UserEdit.removeMsTeams]
      },
      FastCheck.oneof(blanks, oneOf(null, undefined, {}, [], "token", 5, new Map(), new Date(0))),
      "$append",
      "$remove"
    ),
    "a blank value under the key of a channel": FastCheck.tuple(
      FastCheck.constantFrom("$email", " $sms ", "$androidpush\t"),
      blanks
    ).map(([key, value]) => operation(UserEdit.append, [key, value], ["$append", key.trim()])),
    "a time zone that is not an IANA name": FastCheck.tuple(
      FastCheck.constantFrom(UserEdit.set, UserEdit.setOnce),
      oneOf(
        "",
        " ",
        "Mars/Olympus",
        " Asia/Kolkata ",
        "+05:30",
        "GMT+5",
        "PST8",
        "Europe",
        "Europe/London\n",
        null,
        0,
        []
      )
    ).chain(([verb, zone]) =>
      FastCheck.constantFrom(
        operation(UserEdit.setTimezone, [zone], ["$set", "$timezone"]),
        operation(verb, ["$timezone", zone], [verb === UserEdit.set ? "$set" : "$set_once", "$timezone"])
      )
    ),
    "a language or locale that is not a well-formed tag": oneOf(
      "",
      " ",
      "e",
      "englishlanguage",
      "en GB",
      "en-",
      "-en",
      "123",
      "en-GB-",
      " en",
      null,
      7,
      {}
    )
      .chain((tag) =>
        FastCheck.constantFrom(
          operation(UserEdit.setLocale, [tag], ["$set", "$locale"]),
          operation(UserEdit.setPreferredLanguage, [tag], ["$set", "$preferred_language"]),
          operation(UserEdit.set, [{ $locale: tag, plan: "pro" }], ["$set", "$locale"]),
          operation(UserEdit.setOnce, [" $preferred_language", tag], ["$set_once", "$preferred_language"])
        )
      ),
    "an empty key": FastCheck.tuple(Arbitraries.properties, blanks, Arbitraries.jsonValue).chain(
      ([others, blank, value]) =>
        FastCheck.constantFrom(
          operation(UserEdit.set, [blank, value], ["$set", ""]),
          operation(UserEdit.append, [Object.fromEntries([[blank, value], ...Object.entries(others)])], [
            "$append",
            ""
          ]),
          operation(UserEdit.remove, [Object.fromEntries([...Object.entries(others), [blank, value]])], [
            "$remove",
            ""
          ]),
          operation(UserEdit.increment, [blank, 1], ["$add", ""])
        )
    ),
    "a key that is empty or not a string, in a list of keys": FastCheck.tuple(
      FastCheck.array(key, { maxLength: 3 }),
      FastCheck.oneof(blanks, oneOf(null, undefined, 5, [], {}, 1n)),
      FastCheck.array(key, { maxLength: 3 })
    ).map(([before, bad, after]) => operation(UserEdit.unset, [[...before, bad, ...after]], ["$unset", before.length])),
    "a hole in a list of keys": FastCheck.constant(
      operation(UserEdit.unset, [Object.assign([], { length: 2, 1: "plan" })], ["$unset", 0])
    ),
    "keys that are not a list": oneOf(null, undefined, 7, true, {}, new Set(["plan"]), { 0: "plan", length: 1 })
      .map((keys) => operation(UserEdit.unset, [keys], ["$unset"])),
    "properties that are not a record": FastCheck.tuple(
      FastCheck.constantFrom<keyof typeof verbsOfProperties>("$set", "$set_once", "$append", "$remove"),
      oneOf(null, undefined, 12, 1n, true, ["a", "b"], new Map([["a", 1]]), new Date(0), new Plan(), () => 1),
      FastCheck.boolean()
    ).map(([operator, bad, withValue]) =>
      operation(verbsOfProperties[operator], withValue ? [bad, "value"] : [bad], [operator])
    ),
    "a key without its value": FastCheck.constantFrom<keyof typeof verbsOfProperties>(
      "$set",
      "$set_once",
      "$append",
      "$remove"
    )
      .map((operator) => operation(verbsOfProperties[operator], ["key"], [operator, "key"])),
    "a value that is not an operation": oneOf(null, undefined, 5, "$set", [], {}, new Map(), new Plan(), () => 1)
      .map((bad) => operation(UserEdit.appendOperation, [bad], []))
  }

  const offset = (edit: UserEdit.UserEdit, paths: ReadonlyArray<Path>): ReadonlyArray<Path> =>
    paths.map((path) => ["operations", edit.operations.length, ...path])

  for (const [name, spoiling] of Object.entries(kinds)) {
    it.prop(name, [Arbitraries.userEdit, spoiling, verbs], ([edit, { paths, step }, verbs]) => {
      expect(sorted(issuesOf(build(verbs, step(edit))))).toEqual(sorted(offset(edit, paths)))
    })
  }

  it("data of more than 2,000 levels", () => {
    const paths = issuesOf(dataFirst(UserEdit.set, UserEdit.edit("user-42"), ["deep", nestedTooDeep()]))
    expect(paths.map((path) => path.slice(0, 5))).toEqual([["operations", 0, "$set", "deep", 0]])
  })

  it.prop("many defects at once, each with its path", [
    Arbitraries.userEdit,
    FastCheck.array(
      FastCheck.oneof(FastCheck.oneof(...Object.values(kinds)), Arbitraries.verb.map((step) => ({ step, paths: [] }))),
      { maxLength: 8 }
    )
  ], ([start, steps]) => {
    const spoilt = steps.reduce<{ edit: UserEdit.UserEdit; paths: ReadonlyArray<Path> }>(
      ({ edit, paths }, spoiling) => ({
        edit: spoiling.step(edit),
        paths: [...paths, ...offset(edit, spoiling.paths)]
      }),
      { edit: start, paths: [] }
    )
    expect(sorted(issuesOf(spoilt.edit))).toEqual(sorted(spoilt.paths))
  }, often)

  const spoiltId = (maximum: number): FastCheck.Arbitrary<unknown> =>
    FastCheck.oneof(
      blanks,
      FastCheck.constantFrom(".", "..", " . ", "\t.."),
      FastCheck.integer({ min: 1, max: 50 }).map((more) => "x".repeat(maximum + more)),
      FastCheck.constantFrom("é", "😀").map((character) => character.repeat(maximum + 1)),
      FastCheck.tuple(
        FastCheck.string({ maxLength: 5 }),
        FastCheck.constantFrom("\ud800", "\udbff", "\udc00", "\udfff"),
        // A text that starts with the other half would complete the pair.
        FastCheck.string({ maxLength: 5 })
      ).map((parts) => parts.join("")),
      oneOf(null, 5, 1n, true, {}, [], new Date(0), () => 1, Symbol("id"))
    )

  it.prop("an id that cannot be addressed", [spoiltId(255), verbs], ([id, verbs]) => {
    const edit = asEdit(untyped(UserEdit.edit)(id))
    expect(issuesOf(build(verbs, edit))).toEqual([["distinctId"]])
  }, often)

  it("a missing id", () => {
    expect(issuesOf(asEdit(untyped(UserEdit.edit)()))).toEqual([["distinctId"]])
  })

  it.prop("a tenant id that cannot be addressed", [spoiltId(64), verbs], ([tenantId, verbs]) => {
    const edit = asEdit(untyped(UserEdit.edit)("user-42", { tenantId }))
    expect(issuesOf(build(verbs, edit))).toEqual([["tenantId"]])
  }, often)

  it.prop("a concatenation of edits of different users or tenants", [
    Arbitraries.userEdit,
    Arbitraries.userEdit,
    verbs
  ], ([edit, other, verbs]) => {
    const same = edit.distinctId === other.distinctId && edit.tenantId === other.tenantId
    const named = issuesOf(build(verbs, UserEdit.concat(edit, other))).filter(([member]) => member === "distinctId")
    expect(named.length).toBe(same ? 0 : 1)
  })

  it("names each mismatched id, once", () => {
    const of = (id: string) => UserEdit.set(UserEdit.edit(id), "a", 1)
    const [ada, bob, cleo] = [of("ada"), of("bob"), of("cleo")] as const
    const joined = [bob, ada, cleo, bob, UserEdit.edit("ada", { tenantId: "acme" })].reduce(
      (edit, other) => UserEdit.concat(edit, other),
      ada
    )
    expect(
      Equal.equals(
        joined,
        joined.operations.reduce((edit, op) => UserEdit.appendOperation(edit, op), UserEdit.edit("ada"))
      )
    )
      .toBe(false)
    const messages = Either.match(UserEdit.validate(joined), {
      onLeft: (error) => error.issues.map((issue) => issue.message),
      onRight: () => []
    })
    expect(messages).toEqual([
      "holds operations of another user, \"bob\": concat only joins edits of the same user",
      "holds operations of another user, \"cleo\": concat only joins edits of the same user",
      "holds operations of another user, \"ada\" of tenant \"acme\": concat only joins edits of the same user"
    ])
    const encoded = Schema.encodeSync(UserEdit.UserEditSchema)(joined)
    expect(encoded.mismatchedIds).toEqual(["\"bob\"", "\"cleo\"", "\"ada\" of tenant \"acme\""])
    expect(Equal.equals(Schema.decodeSync(UserEdit.UserEditSchema)(encoded), joined)).toBe(true)
  })

  it.prop("too many bytes, but not the maximum", [
    FastCheck.constantFrom("x", "é", "語", "😀", "\"", "\u0001"),
    FastCheck.integer({ min: -200, max: 200 })
  ], ([character, difference]) => {
    const empty = UserEdit.set(UserEdit.edit("user-42"), "text", "")
    const room = 10_240 - Buffer.byteLength(JSON.stringify(empty.operations))
    const one = Buffer.byteLength(JSON.stringify(character)) - 2
    const count = Math.floor(room / one) + difference
    const issues = issuesOf(UserEdit.set(UserEdit.edit("user-42"), "text", character.repeat(count)))
    expect(issues).toEqual(count * one > room ? [[]] : [])
  })
})

describe("from JavaScript", () => {
  const thing = FastCheck.oneof(
    FastCheck.anything({
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withObjectString: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true
    }),
    FastCheck.constantFrom<unknown>(Symbol("s"), () => 1, 1n, NaN, new Date(NaN), Object.create(null)),
    FastCheck.constant(null).map(() => {
      const self: Record<string, unknown> = {}
      self.self = [self]
      return self
    })
  )

  const verb = FastCheck.constantFrom(
    ...[...new Set(FastCheck.sample(Arbitraries.verb, { numRuns: 2_000, seed: 1 }).map(({ verb }) => UserEdit[verb]))],
    UserEdit.appendOperation,
    UserEdit.withInsertId
  )

  /** Calls every function and member of an edit. */
  const ask = (edit: UserEdit.UserEdit, other: UserEdit.UserEdit): void => {
    expect(Array.isArray(edit.operations)).toBe(true)
    void UserEdit.validate(edit)
    expect(Equal.equals(edit, edit)).toBe(true)
    expect(Equal.equals(edit, other)).toBe(Equal.equals(other, edit))
    if (Equal.equals(edit, other)) expect(Hash.hash(edit)).toBe(Hash.hash(other))
    expect(Number.isInteger(Hash.hash(edit))).toBe(true)
    expect(typeof inspect(edit, { depth: null })).toBe("string")
    expect(typeof String(edit)).toBe("string")
    expect(typeof JSON.stringify(edit)).toBe("string")
    const checked = UserEdit.validate(edit)
    if (Either.isLeft(checked)) expect(typeof inspect(checked.left)).toBe("string")
  }

  it.prop("no verb throws for any arguments, nor any function or member of its edit", [
    verb,
    FastCheck.array(thing, { maxLength: 3 }),
    Arbitraries.userEdit
  ], ([verb, args, edit]) => {
    const first = dataFirst(verb, edit, args)
    const last = dataLast(verb, edit, args)
    expect(first.operations.length - edit.operations.length).toBeLessThanOrEqual(1)
    expect(first.operations.length).toBe(last.operations.length)
    ask(first, last)
  }, { fastCheck: { numRuns: 2_000 } })

  it("edits with data of any depth can be read too", () => {
    const [one, other] = [20_000, 20_000].map((levels) => {
      let deep: unknown = {}
      for (let i = 0; i < levels; i++) deep = i % 2 === 0 ? [deep] : { deep }
      return dataFirst(UserEdit.set, UserEdit.edit("user-42"), ["deep", deep])
    })
    if (one === undefined || other === undefined) return
    ask(one, other)
    expect(JSON.stringify(one)).toContain("<too deep>")
  })

  it.prop("neither does edit or concat", [thing, thing, thing, thing], ([id, tenantId, insertId, options]) => {
    const edit = asEdit(untyped(UserEdit.edit)(id, { tenantId, insertId }))
    const other = asEdit(untyped(UserEdit.edit)(insertId, options))
    const joined = UserEdit.concat(edit, other)
    const withThing = asEdit(untyped(UserEdit.concat)(UserEdit.edit("user-42"), options))
    ask(edit, other)
    ask(joined, edit)
    ask(withThing, joined)
    expect(issuesOf(withThing)).toEqual([["distinctId"]])
  }, often)
})

describe("printed", () => {
  const secrets = (u: unknown): ReadonlyArray<string> =>
    typeof u === "string" ? [u] : typeof u === "object" && u !== null ? Object.values(u).flatMap(secrets) : []

  const tokensOf = ({ args: [channel], verb }: Arbitraries.Verb): ReadonlyArray<string> => {
    if (verb.endsWith("Push")) return secrets(channel)
    if (!/Slack$|MsTeams$/.test(verb) || typeof channel !== "object" || channel === null) return []
    return Object.entries(channel).flatMap(([key, value]) =>
      key === "access_token" || key === "incoming_webhook" ? secrets(value) : []
    )
  }

  it.prop("neither an edit nor its issues contain a token", [verbs, FastCheck.boolean()], ([verbs, spoil]) => {
    const edit = spoil ? UserEdit.setTimezone(build(verbs), "Mars/Olympus") : build(verbs)
    const error = Either.getOrElse(Either.flip(UserEdit.validate(edit)), () => undefined)
    const texts = [edit, { nested: [edit] }, error].flatMap((u) => [
      inspect(u, { depth: null }),
      inspect(u, { depth: null, showHidden: true }),
      String(u),
      JSON.stringify(u) ?? "",
      `${Object(u)}`
    ])
    for (const token of verbs.flatMap(tokensOf)) {
      expect(JSON.stringify(edit.operations)).toContain(token)
      for (const text of texts) expect(text).not.toContain(token)
    }
  }, often)

  it("contains the rest", () => {
    const edit = pipe(
      UserEdit.edit("user-42", { tenantId: "acme", insertId: "signup-job-1017" }),
      UserEdit.addEmail("ada@example.com"),
      UserEdit.addSlack({ user_id: "U03XXXXXXXX", access_token: "xoxb-XXXXXXXX" })
    )
    expect(JSON.parse(JSON.stringify(edit))).toEqual({
      _id: "effect-suprsend/UserEdit",
      distinctId: "user-42",
      tenantId: "acme",
      insertId: "signup-job-1017",
      operations: [
        { $append: { $email: "ada@example.com" } },
        { $append: { $slack: { user_id: "U03XXXXXXXX", access_token: "<redacted>" } } }
      ]
    })
    expect(JSON.parse(String(edit))).toEqual(JSON.parse(JSON.stringify(edit)))
  })
})
