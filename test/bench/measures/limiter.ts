import * as Results from "../results.js"
import { atLeast, atMost, type Measure, short, show } from "../section.js"

const limit = 1000
const percent = (n: number): string => Number.isFinite(n) ? `${show(n, 1)} %` : "–"
const sustained = (one: Results.Case): number => Results.value(one, "sustained") / limit * 100

/** How near the limiter comes to a strict server, and whether it ever steps over. */
export const limiter: Measure = {
  name: "limiter",
  plans: (full) =>
    (full ? [5000, 8000] : [3000]).flatMap((users) =>
      [0, 20].map((latency) =>
        Results.plan({ task: "single", contender: "ours, limited", users, latency, concurrency: 64, limit })
      )
    ),
  section: (cases) => ({
    title: "The rate limiter",
    about: [
      "64 callers of `asyncEdit` with the default limiter, and a sink that accepts exactly 1000 requests in any window of one second, " +
      "by their arrival, and refuses all others with 429. The sustained rate is counted after the first second.",
      "If a call costs nearly 1000 µs of CPU, the machine is the limit."
    ],
    table: {
      head: ["requests", "latency", "refused, all rounds", "sustained/s", "of the limit", "CPU µs a call"],
      rows: cases.map((one) => [
        show(one.users),
        `${one.latency} ms`,
        show(one.samples.reduce((sum, sample) => sum + (sample["refused"] ?? 0), 0)),
        show(Results.value(one, "sustained"), 1),
        percent(sustained(one)),
        show(Results.value(one, "cpuMicrosPerUser"))
      ])
    },
    goals: cases.flatMap((one) => {
      const what = `${short(one.users)} requests, ${one.latency} ms`
      return [
        atMost(`${what}: refused, in the worst round`, Results.worst(one, "refused"), 0, undefined, show),
        atLeast(`${what}: of the limit`, sustained(one), one.latency === 0 ? 98 : 97, 99, percent),
        atMost(
          `${what}: CPU, of a core`,
          Results.value(one, "cpuMicrosPerUser") * Results.value(one, "sustained") / 10_000,
          60,
          undefined,
          percent
        )
      ]
    })
  })
}
