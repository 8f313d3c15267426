import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as FastCheck from "effect/FastCheck"

/** Makes a record of these members, each as documented, of another type or missing, and of other members. */
export const shaped = (
  members: Record<string, FastCheck.Arbitrary<unknown>>
): FastCheck.Arbitrary<Record<string, unknown>> =>
  FastCheck.tuple(
    FastCheck.record(
      Object.fromEntries(
        Object.entries(members).map(([key, member]) => [
          key,
          FastCheck.oneof({ weight: 9, arbitrary: member }, { weight: 1, arbitrary: Arbitraries.jsonValue })
        ])
      ),
      { requiredKeys: [] }
    ),
    Arbitraries.properties
  ).map(([known, unknown]) => Object.fromEntries([...Object.entries(unknown), ...Object.entries(known)]))
