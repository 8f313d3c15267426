import * as Results from "../results.js"
import { atLeast, type Measure, short, show, times } from "../section.js"

const latencies = [0, 20, 100, 200]

/** 0 stands for the default. */
const concurrencies = [0, 16, 32, 64, 128]

/** Whether the default concurrency suits a backend near and far. */
export const latency: Measure = {
  name: "latency",
  plans: (full) =>
    latencies.flatMap((latency) =>
      concurrencies.map((concurrency) =>
        Results.plan({
          task: "bulk",
          contender: "ours",
          users: full ? 200_000 : 40_000,
          latency,
          concurrency,
          warmUp: 10_000
        })
      )
    ),
  section: (cases) => {
    const best = (latency: number) =>
      cases.filter((one) => one.latency === latency && one.concurrency > 0)
        .reduce<Results.Case | undefined>(
          (best, one) =>
            Results.value(one, "usersPerSecond") > (best === undefined ? 0 : Results.value(best, "usersPerSecond"))
              ? one
              : best,
          undefined
        )
    const toBest = (one: Results.Case) => Results.ratio(one, best(one.latency), "usersPerSecond")
    return {
      title: "Concurrency and latency",
      about: [
        "A bulk over the default layer, with the default concurrency and with others, against a server with the given latency.",
        "A default of 128 starts a further request only while all others are in flight."
      ],
      table: {
        head: ["users", "latency", "at once", "users/s", "to the best", "peak MB"],
        rows: cases.map((one) => [
          short(one.users),
          `${one.latency} ms`,
          one.concurrency === 0 ? "default" : `${one.concurrency}`,
          show(Results.value(one, "usersPerSecond")),
          times(toBest(one)),
          show(Results.value(one, "peakMegabytes"))
        ])
      },
      goals: cases.filter(({ concurrency }) => concurrency === 0).map((one) =>
        atLeast(`${one.latency} ms, default concurrency: users a second, to the best`, toBest(one), 0.9)
      )
    }
  }
}
