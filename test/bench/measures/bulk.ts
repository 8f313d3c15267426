import * as Results from "../results.js"
import { atLeast, atMost, type Measure, short, show, times } from "../section.js"

const raised =
  "Our rate limit is raised far above the measured rates, because the vendor's SDK and the code by hand have none. At " +
  "SuprSend's limit of 1000 requests a second, with 400 users each, the maximum is 400,000 users a second."

const begun = ({ warmUp }: Results.Case): string => warmUp > 0 ? "warm" : "cold"

/** Many users in bulk. */
export const bulk: Measure = {
  name: "bulk",
  plans: (full) => {
    const [users, many] = full ? [100_000, 400_000] : [20_000, 60_000]
    const against = (fields: { readonly latency: number; readonly warmUp: number }, concurrency: number) => [
      Results.plan({ task: "bulk", contender: "vendor", users, ...fields }),
      Results.plan({ task: "bulk", contender: "by hand", users, concurrency, ...fields }),
      Results.plan({ task: "bulk", contender: "ours", users, concurrency, ...fields }),
      Results.plan({ task: "bulk", contender: "ours, undici", users, concurrency, ...fields })
    ]
    return [
      ...against({ latency: 0, warmUp: 0 }, 4),
      ...against({ latency: 20, warmUp: 0 }, 16),
      ...against({ latency: 0, warmUp: users }, 4),
      ...against({ latency: 20, warmUp: users }, 16),
      Results.plan({ task: "bulk", contender: "by hand", users: many, concurrency: 4 }),
      Results.plan({ task: "bulk", contender: "ours", users: many, concurrency: 4 })
    ]
  },
  section: (cases) => {
    const goals = cases.filter(({ contender }) => contender === "ours").flatMap((ours) => {
      const { latency, users, warmUp } = ours
      const vendor = Results.find(cases, { contender: "vendor", latency, users, warmUp })
      const byHand = Results.find(cases, { contender: "by hand", latency, users, warmUp })
      const what = `${short(users)} users, ${latency} ms, ${begun(ours)}`
      const speed = (other: Results.Case | undefined) => Results.ratio(ours, other, "usersPerSecond")
      if (vendor === undefined) return [atLeast(`${what}: users a second, to by hand`, speed(byHand), 0.9, 1)]
      if (latency > 0) return [atLeast(`${what}: users a second, to the vendor`, speed(vendor), 15, 20)]
      return [
        atLeast(`${what}: users a second, to the vendor`, speed(vendor), 9, 12),
        atMost(`${what}: CPU, to the vendor`, Results.ratio(ours, vendor, "cpuMicrosPerUser"), 0.13, 0.09)
      ]
    })
    return {
      title: "Bulk",
      about: [
        "`bulkEdit` of an iterable whose edits are built as it is pulled; the vendor's bulk instance, `append` and `save`; and " +
        "a loop by hand. Building the edits is included. A cold process did nothing before, so a run of half a second spends " +
        "much of its time on warm-up. This affects our JavaScript more than the code by hand, which uses `JSON.stringify` of the runtime. A warm " +
        "process has sent as many users before.",
        raised,
        "The vendor's SDK sends one request after another, at any latency; the others have as many in flight as the table says."
      ],
      table: {
        head: [
          "users",
          "latency",
          "process",
          "at once",
          "",
          "users/s",
          "least – most",
          "CPU s per 1M",
          "peak MB",
          "requests",
          "bytes a user",
          "users/s, to vendor",
          "CPU, to vendor",
          "users/s, to by hand"
        ],
        rows: cases.map((one) => {
          const { concurrency, contender, latency, users, warmUp } = one
          const vendor = Results.find(cases, { contender: "vendor", latency, users, warmUp })
          const byHand = Results.find(cases, { contender: "by hand", latency, users, warmUp })
          const [least, most] = Results.range(one, "usersPerSecond")
          return [
            short(users),
            `${latency} ms`,
            begun(one),
            `${concurrency}`,
            contender,
            show(Results.value(one, "usersPerSecond")),
            `${show(least)} – ${show(most)}`,
            show(Results.value(one, "cpuMicrosPerUser"), 1),
            show(Results.value(one, "peakMegabytes")),
            show(Results.value(one, "requests")),
            show(Results.value(one, "bytesPerUser")),
            times(Results.ratio(one, vendor, "usersPerSecond")),
            times(Results.ratio(one, vendor, "cpuMicrosPerUser")),
            times(Results.ratio(one, byHand, "usersPerSecond"))
          ]
        })
      },
      goals
    }
  }
}
