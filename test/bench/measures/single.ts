import * as Results from "../results.js"
import { atMost, type Measure, show, times } from "../section.js"

const contenders = [
  "by hand, http",
  "ours",
  "by hand",
  "ours, undici",
  "by hand, fetch",
  "ours, fetch",
  "ours, platform's fetch",
  "vendor"
]

/** The code by hand over the same transport. */
const rivals: Readonly<Record<string, string>> = {
  ours: "by hand, http",
  "ours, undici": "by hand",
  "ours, fetch": "by hand, fetch",
  "ours, platform's fetch": "by hand, fetch"
}

/** Plans of single edits, by one caller and by 16, in a warm process. */
export const plansOf = (full: boolean, contenders: ReadonlyArray<string>): ReadonlyArray<Results.Plan> => {
  const calls = full ? 10_000 : 2000
  return [1, 16].flatMap((concurrency) =>
    contenders.map((contender) => Results.plan({ task: "single", contender, users: calls, concurrency, warmUp: calls }))
  )
}

/** What one `asyncEdit` costs. */
export const single: Measure = {
  name: "single",
  plans: (full) => plansOf(full, contenders),
  section: (cases) => {
    const rivalOf = ({ concurrency, contender }: Results.Case) =>
      Results.find(cases, { contender: rivals[contender] ?? "by hand, http", concurrency })
    const ratio = (one: Results.Case) => Results.ratio(one, rivalOf(one), "cpuMicrosPerUser")
    return {
      title: "Single edits",
      about: [
        "The CPU of one call, user and system together. Ours is `asyncEdit` with limiter, retry, span and metrics, over the default " +
        "transport and over the others. It is compared with the vendor's `async_edit`, and with hand-written code that encodes, signs " +
        "and sends over the same transports.",
        "Each caller waits for its response. As many calls before warm up and are not counted.",
        "Our rate limit is raised far above the measured rates."
      ],
      table: {
        head: ["callers", "", "CPU µs a call", "to by hand over the same", "calls/s"],
        rows: cases.map((one) => [
          `${one.concurrency}`,
          one.contender,
          show(Results.value(one, "cpuMicrosPerUser")),
          times(ratio(one)),
          show(Results.value(one, "usersPerSecond"))
        ])
      },
      goals: cases.flatMap((one) => {
        const callers = one.concurrency === 1 ? "1 caller" : `${one.concurrency} callers`
        switch (one.contender) {
          case "ours":
            return [atMost(`One edit, ${callers}, default layer: CPU to \`node:http\` by hand`, ratio(one), 1.6)]
          case "ours, fetch":
            return [atMost(`One edit, ${callers}, over fetch: CPU to fetch by hand`, ratio(one), 1.25)]
          default:
            return []
        }
      })
    }
  }
}
