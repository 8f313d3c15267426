import { describe, expect, it } from "@effect/vitest"
import { edit, validate } from "effect-suprsend/UserEdit"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { canonical } from "../utils/json.js"
import { Call, perform, vectors } from "../utils/vectors.js"

const cases = vectors(
  "operations.json",
  Schema.Struct({
    case: Schema.String,
    calls: Schema.Array(Call),
    python_operations: Schema.Array(Schema.Unknown),
    node_operations: Schema.Array(Schema.Unknown),
    difference: Schema.NullOr(Schema.String)
  })
)

type Path = ReadonlyArray<string | number>

interface Deviation {
  readonly operations: ReadonlyArray<unknown>
  /** Where `validate` finds fault with them. */
  readonly refusedAt: ReadonlyArray<Path>
}

const at = (...path: Path): Path => ["operations", 0, ...path]

/** What we make of calls where the vendor makes something else, by the reason. */
const deviations: Readonly<Record<string, Readonly<Record<string, Deviation>>>> = {
  "a blank key is kept, and refused by validate; the vendor drops it with a warning": {
    "set: empty key": { operations: [{ $set: { "": "v" } }], refusedAt: [at("$set", "")] },
    "set: blank key": { operations: [{ $set: { "": "v" } }], refusedAt: [at("$set", "")] },
    "set: map with one blank key": { operations: [{ $set: { "": 3, ok: 2 } }], refusedAt: [at("$set", "")] },
    "set_once: map with one blank key": {
      operations: [{ $set_once: { "": 3, ok: 2 } }],
      refusedAt: [at("$set_once", "")]
    },
    "append: empty key": { operations: [{ $append: { "": "v" } }], refusedAt: [at("$append", "")] },
    "append: blank key": { operations: [{ $append: { "": "v" } }], refusedAt: [at("$append", "")] },
    "append: map with one blank key": { operations: [{ $append: { "": 3, ok: 2 } }], refusedAt: [at("$append", "")] },
    "remove: empty key": { operations: [{ $remove: { "": "v" } }], refusedAt: [at("$remove", "")] },
    "remove: blank key": { operations: [{ $remove: { "": "v" } }], refusedAt: [at("$remove", "")] },
    "unset: list items trimmed, blanks dropped": {
      operations: [{ $unset: ["a", "", "", "b"] }],
      refusedAt: [at("$unset", 1), at("$unset", 2)]
    },
    "unset: blank string": { operations: [{ $unset: [""] }], refusedAt: [at("$unset", 0)] }
  },
  "what is neither a key nor a record is kept, and refused by validate; the vendor drops the call with a note": {
    "set: arg1 null is rejected": { operations: [{ $set: null }], refusedAt: [at("$set")] },
    "set_once: arg1 number is rejected": { operations: [{ $set_once: 12 }], refusedAt: [at("$set_once")] },
    "set_once: arg1 list is rejected": { operations: [{ $set_once: ["a", "b"] }], refusedAt: [at("$set_once")] },
    "set_once: arg1 null is rejected": { operations: [{ $set_once: null }], refusedAt: [at("$set_once")] },
    "append: arg1 number is rejected": { operations: [{ $append: 12 }], refusedAt: [at("$append")] },
    "append: arg1 list is rejected": { operations: [{ $append: ["a", "b"] }], refusedAt: [at("$append")] },
    "append: arg1 null is rejected": { operations: [{ $append: null }], refusedAt: [at("$append")] },
    "remove: arg1 list is rejected": { operations: [{ $remove: ["a", "b"] }], refusedAt: [at("$remove")] },
    "remove: arg1 null is rejected": { operations: [{ $remove: null }], refusedAt: [at("$remove")] },
    "unset: non-string items dropped": {
      operations: [{ $unset: ["a", 5, null, "b"] }],
      refusedAt: [at("$unset", 1), at("$unset", 2)]
    },
    "unset: number is rejected": { operations: [{ $unset: 7 }], refusedAt: [at("$unset")] },
    "unset: null is rejected": { operations: [{ $unset: null }], refusedAt: [at("$unset")] }
  },
  "null as the value of a key is kept, as it is in a record; the vendor drops the call with a note": {
    "set_once: null value (kv form)": { operations: [{ $set_once: { k: null } }], refusedAt: [] },
    "append: null value (kv form)": { operations: [{ $append: { k: null } }], refusedAt: [] },
    "remove: null value (kv form)": { operations: [{ $remove: { k: null } }], refusedAt: [] }
  },
  "a provider under a key with blanks around it is kept; Python overwrites it with null, Node loses it": {
    "append: map provider key untrimmed, before token": {
      operations: [{ $append: { $id_provider: "xiaomi", $androidpush: "atok" } }],
      refusedAt: []
    }
  }
}

/** Where `validate` finds fault with operations that are those of the vendor, who sends them. */
const refused: Readonly<Record<string, Readonly<Record<string, ReadonlyArray<Path>>>>> = {
  "a channel value that is blank or no string": {
    "append: identity key with zero value": [at("$append", "$sms")],
    "append: identity key with null in a map": [at("$append", "$email")],
    "remove: identity key with zero value": [at("$remove", "$sms")],
    "remove: identity key with null in a map": [at("$remove", "$email")],
    "add_sms: null": [at("$append", "$sms")],
    "add_whatsapp: empty string": [at("$append", "$whatsapp")],
    "add_whatsapp: null": [at("$append", "$whatsapp")],
    "remove_email: empty string": [at("$remove", "$email")],
    "remove_email: null": [at("$remove", "$email")],
    "remove_sms: null": [at("$remove", "$sms")]
  },
  "an address with white space at an end, which is another one than without": {
    "add_email: value is not trimmed": [at("$append", "$email")],
    "add_sms: value is not trimmed": [at("$append", "$sms")],
    "remove_email: value is not trimmed": [at("$remove", "$email")],
    "remove_sms: value is not trimmed": [at("$remove", "$sms")],
    "remove_whatsapp: value is not trimmed": [at("$remove", "$whatsapp")]
  },
  "an amount that is not a number": {
    "increment: string amount is passed through": [at("$add", "n")],
    "increment: identity keys are ordinary keys": [at("$add", "$email"), at("$add", "$androidpush")]
  },
  "a time zone that is not an IANA name": {
    "set_timezone: \"Not/AZone\"": [at("$set", "$timezone")],
    "set_timezone: \"\"": [at("$set", "$timezone")],
    "set_timezone: null": [at("$set", "$timezone")],
    "set_timezone: \" Asia/Kolkata \"": [at("$set", "$timezone")]
  },
  "a language or locale that is not a well-formed tag": {
    "set: key $locale": [at("$set", "$locale")],
    "set_preferred_language: \"\"": [at("$set", "$preferred_language")],
    "set_locale: \"\"": [at("$set", "$locale")],
    "set_locale: null": [at("$set", "$locale")]
  }
}

const byCase = <A>(groups: Readonly<Record<string, Readonly<Record<string, A>>>>): ReadonlyMap<string, A> =>
  new Map(Object.values(groups).flatMap(Object.entries))

const deviationOf = byCase(deviations)
const refusedAt = byCase(refused)

describe("operations.json", () => {
  for (const { calls, case: name, difference, node_operations, python_operations } of cases) {
    it(name, () => {
      const made = calls.reduce(perform, edit("user-42"))
      const vendor = canonical(difference === null ? node_operations : python_operations)
      const deviation = deviationOf.get(name)
      if (deviation === undefined) {
        expect(canonical(made.operations)).toBe(vendor)
      } else {
        expect(canonical(made.operations)).toBe(canonical(deviation.operations))
        expect(canonical(made.operations), "this no longer deviates").not.toBe(vendor)
      }
      const issues = Either.match(validate(made), { onLeft: (error) => error.issues, onRight: () => [] })
      expect(issues.map((issue) => issue.path)).toEqual(deviation?.refusedAt ?? refusedAt.get(name) ?? [])
    })
  }

  it("each of the 210 cases has a test, and each listed case exists and is listed once", () => {
    const names = cases.map((testCase) => testCase.case)
    const listed = [...Object.values(deviations), ...Object.values(refused)].flatMap(Object.keys)
    expect(new Set(names).size).toBe(210)
    expect(listed.filter((name) => !names.includes(name))).toEqual([])
    expect(new Set(listed).size).toBe(listed.length)
  })

  it("a record or a list of keys without members adds nothing, in both SDKs and here", () => {
    const empty = cases.filter(({ calls }) =>
      calls.some(([, arg]) => canonical(arg) === "{\"own\":[]}" || canonical(arg) === "[]")
    )
    expect(empty.map((testCase) => testCase.case)).toEqual([
      "set: empty map",
      "set_once: empty map",
      "append: empty map",
      "remove: empty map",
      "increment: empty map",
      "unset: empty list"
    ])
    for (const { calls } of empty) expect(calls.reduce(perform, edit("user-42")).operations).toEqual([])
  })
})
