import * as Results from "../results.js"
import { atMost, type Measure, show, times } from "../section.js"

/** What one `asyncEdit` costs. */
export const single: Measure = {
  name: "single",
  plans: (full) =>
    [1, 16].flatMap((concurrency) =>
      ["by hand", "ours", "vendor"].map((contender) =>
        Results.plan({ task: "single", contender, users: full ? 10_000 : 2000, concurrency, warmUp: 1000 })
      )
    ),
  section: (cases) => {
    const byHandOf = ({ concurrency }: Results.Case) => Results.find(cases, { contender: "by hand", concurrency })
    const over = (one: Results.Case) => Results.difference(one, byHandOf(one), "cpuMicrosPerUser")
    return {
      title: "Single edits",
      about: [
        "The CPU of one call, user and system together: `asyncEdit` with limiter, retry and span; the vendor's `async_edit`; and " +
        "raw undici that encodes and signs. Each caller waits for its answer; 1,000 calls warm up and are not counted.",
        "Our rate limit is raised far above what is reached."
      ],
      table: {
        head: ["callers", "", "CPU µs a call", "over by hand", "to by hand", "calls/s"],
        rows: cases.map((one) => [
          `${one.concurrency}`,
          one.contender,
          show(Results.value(one, "cpuMicrosPerUser")),
          show(over(one)),
          times(Results.ratio(one, byHandOf(one), "cpuMicrosPerUser")),
          show(Results.value(one, "usersPerSecond"))
        ])
      },
      goals: cases.filter(({ contender }) => contender === "ours").map((ours) =>
        atMost(
          `One edit, ${ours.concurrency === 1 ? "1 caller" : `${ours.concurrency} callers`}: CPU over raw undici`,
          over(ours),
          150,
          80,
          (n) => `${show(n)} µs`
        )
      )
    }
  }
}
