import * as Results from "../results.js"
import { atLeast, atMost, type Measure, show } from "../section.js"

const limit = 1000
const percent = (n: number): string => Number.isFinite(n) ? `${show(n, 1)} %` : "–"
const sustained = (one: Results.Case): number => Results.value(one, "sustained") / limit * 100
const isShared = (one: Results.Case): boolean => one.contender.endsWith("over Redis")

/** How near a fleet comes to a strict server, with one limiter over Redis and with a part of the limit for each process. */
export const fleet: Measure = {
  name: "fleet",
  plans: (full) =>
    [1, 4, 8].flatMap((processes) =>
      ["in memory", "over Redis"].map((where) =>
        Results.plan({
          task: "single",
          contender: `${processes} ${where}`,
          users: full ? 20_000 : 8_000,
          concurrency: 128,
          limit
        })
      )
    ),
  section: (cases) => ({
    title: "A fleet",
    about: [
      "Processes that send `asyncEdit` as fast as they may, with `RateLimiterRedis`, or with `RateLimiter.layerMemory` and an equal " +
      "part of the limit each, against the sink of the measure before. It needs a Redis at 127.0.0.1:6379 that nothing else uses."
    ],
    table: {
      head: [
        "processes",
        "refused, all rounds",
        "sustained/s",
        "of the limit",
        "scripts a second and process",
        "CPU µs a call"
      ],
      rows: cases.map((one) => [
        one.contender,
        show(one.samples.reduce((sum, sample) => sum + (sample["refused"] ?? 0), 0)),
        show(Results.value(one, "sustained"), 1),
        percent(sustained(one)),
        isShared(one) ? show(Results.value(one, "scripts"), 1) : "–",
        show(Results.value(one, "cpuMicrosPerUser"))
      ])
    },
    goals: cases.filter(isShared).flatMap((one) => [
      atMost(`${one.contender}: refused, in the worst round`, Results.worst(one, "refused"), 0, undefined, show),
      atLeast(`${one.contender}: of the limit`, sustained(one), 97, undefined, percent),
      atMost(
        `${one.contender}: scripts a second and process`,
        Results.value(one, "scripts"),
        60,
        undefined,
        (n) => show(n, 1)
      )
    ])
  })
}
