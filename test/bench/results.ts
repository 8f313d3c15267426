// What was measured, as it is kept: every sample of every round, so that tables and plots can be drawn again.
import * as Schema from "effect/Schema"
import * as statistics from "./statistics.js"

/** The numbers of one run by their name, from the child and from the sink. */
export const Sample = Schema.Record({ key: Schema.String, value: Schema.Number })
export type Sample = typeof Sample.Type

/** What is run in each round. */
export const Plan = Schema.Struct({
  contender: Schema.String,
  task: Schema.Literal("bulk", "single", "together", "building", "verbs", "import"),
  /** How many users are edited, or edits built. */
  users: Schema.Number,
  /** Milliseconds that the sink takes to answer. */
  latency: Schema.Number,
  concurrency: Schema.Number,
  /** Users who are edited before the measurement begins. */
  warmUp: Schema.Number,
  /** The most requests in any second that the sink allows; 0 for any number. */
  limit: Schema.Number
})
export type Plan = typeof Plan.Type

export const Case = Schema.Struct({ ...Plan.fields, samples: Schema.Array(Sample) })
export type Case = typeof Case.Type

/** What came of one measure, and where. */
export const Outcome = Schema.Struct({
  measure: Schema.String,
  date: Schema.String,
  machine: Schema.String,
  full: Schema.Boolean,
  rounds: Schema.Number,
  cases: Schema.Array(Case)
})
export type Outcome = typeof Outcome.Type

export const Results = Schema.parseJson(Schema.Array(Outcome), { space: 1 })

/** A plan with what it does not say left at nothing. */
export const plan = (fields: Pick<Plan, "contender" | "task" | "users"> & Partial<Plan>): Plan => ({
  latency: 0,
  concurrency: 1,
  warmUp: 0,
  limit: 0,
  ...fields
})

/** The case that agrees with all of the fields. */
export const find = (cases: ReadonlyArray<Case>, fields: Partial<Plan>): Case | undefined =>
  cases.find((one) => Object.entries(fields).every(([name, value]) => Reflect.get(one, name) === value))

const numbers = (one: Case | undefined, name: string): ReadonlyArray<number> =>
  one?.samples.flatMap((sample) => sample[name] ?? []) ?? []

/** The median over the rounds; NaN if it was not measured. */
export const value = (one: Case | undefined, name: string): number => statistics.median(numbers(one, name))

/** The largest of all rounds. */
export const worst = (one: Case | undefined, name: string): number => Math.max(...numbers(one, name))

export const ratio = (one: Case | undefined, other: Case | undefined, name: string): number =>
  statistics.ratio(numbers(one, name), numbers(other, name))

export const difference = (one: Case | undefined, other: Case | undefined, name: string): number =>
  statistics.difference(numbers(one, name), numbers(other, name))

/** From the least to the most. */
export const range = (one: Case | undefined, name: string): readonly [number, number] => {
  const all = numbers(one, name)
  return [Math.min(...all), Math.max(...all)]
}
