import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import * as MetricState from "effect/MetricState"

/** A count, or the count and the sum of a histogram. */
export type Value = number | { readonly count: number; readonly sum: number }

const zero: Value = 0

const valueOf = (state: unknown): Value =>
  MetricState.isCounterState(state)
    ? Number(state.count)
    : MetricState.isHistogramState(state)
    ? { count: state.count, sum: state.sum }
    : zero

const numbers = (value: Value) => typeof value === "number" ? { count: value, sum: 0 } : value

/** All metrics of the process whose names begin so, by name and tags: `name{key=value,…}`, without the unit. */
const read = (prefix: RegExp): Effect.Effect<ReadonlyMap<string, Value>> =>
  Effect.map(Metric.snapshot, (pairs) =>
    new Map(pairs.flatMap(({ metricKey: { name, tags }, metricState }) => {
      if (!prefix.test(name)) return []
      const labels = tags.filter(({ key }) => key !== "unit").map(({ key, value }) => `${key}=${value}`)
      return [[labels.length === 0 ? name : `${name}{${labels.join(",")}}`, valueOf(metricState)] as const]
    })))

/** What an effect added to the metrics of this package, without those that it left as they were. */
export const changes = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  prefix = /^(suprsend|http)\./
): Effect.Effect<readonly [value: A, changes: Readonly<Record<string, Value>>], E, R> =>
  Effect.gen(function*() {
    const before = yield* read(prefix)
    const value = yield* effect
    const after = yield* read(prefix)
    const changes: Record<string, Value> = {}
    for (const [key, value] of after) {
      const now = numbers(value)
      const then = numbers(before.get(key) ?? zero)
      if (now.count === then.count) continue
      changes[key] = typeof value === "number"
        ? now.count - then.count
        : { count: now.count - then.count, sum: now.sum - then.sum }
    }
    return [value, changes] as const
  })
