import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Suprsend from "effect-suprsend/Suprsend"
import type { UserProfile } from "effect-suprsend/UserProfile"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as input from "../src/internal/edit/input.js"
import { issuesOfProfile } from "./utils/issues.js"
import { loosely } from "./utils/loosely.js"
import { testOver } from "./utils/sandbox.js"

const test = testOver(Suprsend.layerTest)

describe("a profile", () => {
  it("is read once, and sent as it was validated", () => {
    let reads = 0
    const profile = {
      get name() {
        return reads++ === 0 ? "Ada" : NaN
      }
    }
    const checked = loosely(input.profile)("call", profile)
    expect(Either.isRight(checked) && JSON.stringify(checked.right)).toBe("{\"name\":\"Ada\"}")
    expect(reads).toBe(1)
  })

  it.prop("of the arbitrary is valid", [Arbitraries.userProfile], ([profile]) => {
    const checked: Either.Either<UserProfile, unknown> = input.profile("call", profile)
    expect(Either.isRight(checked) && checked.right).toEqual(profile)
  })

  const invalid: ReadonlyArray<readonly [unknown, ReadonlyArray<ReadonlyArray<string | number>>]> = [
    ["text", [[]]],
    [null, [[]]],
    [[], [[]]],
    [{ "": 1 }, [[""]]],
    [{ $email: "ada@example.com" }, [["$email"]]],
    [{ $email: ["ada@example.com", " "], $slack: ["U1"] }, [["$email", 1], ["$slack", 0]]],
    [{ $timezone: "Mars/Olympus", $locale: "not a locale" }, [["$timezone"], ["$locale"]]],
    [{ when: { at: Number.NaN } }, [["when", "at"]]],
    [{ when: new Date(0), f: () => 1 }, [["when"], ["f"]]]
  ]
  for (const [profile, paths] of invalid) {
    test(
      `is refused with the paths of its issues: ${typeof profile === "object" ? Object.keys(profile ?? {}) : profile}`,
      (users, sandbox) =>
        Effect.gen(function*() {
          for (
            const [call, error] of [
              ["UsersService.upsert", yield* Effect.flip(loosely(users.upsert)("ada", profile))],
              [
                "UsersService.upsertForTenant",
                yield* Effect.flip(loosely(users.upsertForTenant)("ada", "acme", profile))
              ]
            ] as const
          ) {
            expect(error).toMatchObject({ _tag: "SuprsendInvalidInput", call, issues: paths.map((path) => ({ path })) })
          }
          expect(yield* sandbox.requests).toEqual([])
        })
    )
  }

  it("with several issues in an identity reports the first of each identity", () => {
    const broken = { endpoint: " ", keys: {} }
    expect(issuesOfProfile({ $webpush: [broken, broken], $email: ["ada@example.com"] }).map(({ path }) => path))
      .toEqual([["$webpush", 0, "endpoint"], ["$webpush", 1, "endpoint"]])
  })

  it("may have identities of the inbox, which are not validated", () => {
    expect(issuesOfProfile({ $inbox: [" an id "] })).toEqual([])
  })

  it("with an identity that cannot be read reports it", () => {
    const $email = Object.defineProperty([], 0, {
      enumerable: true,
      get: () => {
        throw new Error("closed")
      }
    })
    expect(issuesOfProfile({ $email, plan: "pro" })).toMatchObject([
      { path: expect.arrayContaining(["$email"]), message: expect.stringContaining("closed") }
    ])
  })

  it("reports half of a surrogate pair in a key and in a value", () => {
    expect(issuesOfProfile({ "\ud83d": 1, name: "\ude00" }).map(({ path }) => path)).toEqual([["\ud83d"], ["name"]])
  })

  it("does not change with the record that it was made from", () => {
    const row = { plan: "pro", tags: ["a"] }
    const checked = input.profile("call", row)
    row.tags.push("b")
    row.plan = "free"
    expect(checked).toEqual(Either.right({ plan: "pro", tags: ["a"] }))
  })
})
