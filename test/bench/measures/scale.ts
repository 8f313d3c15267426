import * as Results from "../results.js"
import { atMost, type Measure, type Series, short, show } from "../section.js"

const contenders = ["ours", "by hand", "vendor"]

/** What becomes of speed and memory as the bulk grows. */
export const scale: Measure = {
  name: "scale",
  plans: (full) => {
    const sizes = full ? [10_000, 100_000, 1_000_000, 3_000_000] : [5_000, 20_000, 60_000]
    const ofVendor = full ? [10_000, 100_000, 300_000] : [5_000, 20_000]
    return [
      ...sizes.flatMap((users) => [
        Results.plan({ task: "bulk", contender: "ours", users, concurrency: 4 }),
        Results.plan({ task: "bulk", contender: "by hand", users, concurrency: 4 })
      ]),
      ...ofVendor.map((users) => Results.plan({ task: "bulk", contender: "vendor", users }))
    ]
  },
  section: (cases) => {
    const series = (metric: string): ReadonlyArray<Series> =>
      contenders.map((contender) => ({
        name: contender,
        points: cases.filter((one) => one.contender === contender)
          .map((one) => [one.users, Results.value(one, metric)] as const)
      }))
    const ours = cases.filter(({ contender }) => contender === "ours")
    const [smaller, largest] = [ours.at(-2), ours.at(-1)]
    const sizes = [...new Set(cases.map(({ users }) => users))].sort((a, b) => a - b)
    return {
      title: "Speed and memory as the bulk grows",
      about: [
        "The same at 0 ms with four requests at once. The peak is the memory of the whole process as the kernel counts it, including " +
        "Node and the modules.",
        "The vendor's SDK keeps all users in memory until they are sent. It is measured up to a size that fits into Node's default heap."
      ],
      table: {
        head: ["users", ...contenders.flatMap((name) => [`${name}: users/s`, "CPU s per 1M", "peak MB"])],
        rows: sizes.map((users) => [
          short(users),
          ...contenders.flatMap((contender) => {
            const one = Results.find(cases, { contender, users })
            return [
              show(Results.value(one, "usersPerSecond")),
              show(Results.value(one, "cpuMicrosPerUser"), 1),
              show(Results.value(one, "peakMegabytes"))
            ]
          })
        ])
      },
      goals: smaller === undefined || largest === undefined ? [] : [
        atMost(
          `${short(smaller.users)} users: peak memory`,
          Results.value(smaller, "peakMegabytes"),
          250,
          180,
          (n) => `${show(n)} MB`
        ),
        atMost(
          `Peak memory at ${short(largest.users)} users, to ${short(smaller.users)}`,
          Results.ratio(largest, smaller, "peakMegabytes"),
          1.05
        )
      ],
      plots: [
        { name: "users-per-second", title: "Users per second", unit: "", series: series("usersPerSecond") },
        { name: "memory", title: "Peak memory", unit: " MB", series: series("peakMegabytes") }
      ]
    }
  }
}
