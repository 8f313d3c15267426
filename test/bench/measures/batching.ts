import * as Results from "../results.js"
import { atLeast, atMost, type Measure, short, show, times } from "../section.js"

const names: Readonly<Record<string, string>> = {
  "fibers alone": "a fiber each, which waits, and no request",
  ours: "one request each, limit raised",
  "ours, batched": "batched, limit raised",
  "ours, limited": "one request each, 1000 requests a second",
  "ours, batched and limited": "batched, 1000 requests a second"
}

/** Calls of `asyncEdit` that happen at once, with and without `UsersService.layerBatched`. */
export const batching: Measure = {
  name: "batching",
  plans: (full) => {
    const [few, many] = full ? [5000, 100_000] : [2000, 20_000]
    return [
      Results.plan({ task: "together", contender: "fibers alone", users: many }),
      Results.plan({ task: "together", contender: "ours", users: 2 * few }),
      Results.plan({ task: "together", contender: "ours, batched", users: many }),
      Results.plan({ task: "together", contender: "ours, limited", users: few, limit: 1000 }),
      Results.plan({ task: "together", contender: "ours, batched and limited", users: many, limit: 1000 })
    ]
  },
  section: (cases) => {
    const each = Results.find(cases, { contender: "ours" })
    const batched = Results.find(cases, { contender: "ours, batched" })
    const eachLimited = Results.find(cases, { contender: "ours, limited" })
    const batchedLimited = Results.find(cases, { contender: "ours, batched and limited" })
    const toOneEach = (one: Results.Case) =>
      one === each || one === batched
        ? times(Results.ratio(one, each, "usersPerSecond"))
        : one === eachLimited || one === batchedLimited
        ? times(Results.ratio(one, eachLimited, "usersPerSecond"))
        : "–"
    return {
      title: "Automatic batching",
      about: [
        "`Effect.forEach(edits, users.asyncEdit, { concurrency: \"unbounded\" })`, with one request for each edit, and with " +
        "`UsersService.layerBatched`. The rate limit is either raised far above the measured rates, or SuprSend's.",
        "`forEach` makes a fiber for each call. Most of the time and memory goes to these 100,000 fibers, as the first line shows: " +
        "each of its fibers only waits and is resumed, 400 at a time."
      ],
      table: {
        head: ["edits", "", "requests", "edits/s", "to one each", "CPU µs an edit", "peak MB"],
        rows: cases.map((one) => [
          short(one.users),
          names[one.contender] ?? one.contender,
          show(Results.value(one, "requests")),
          show(Results.value(one, "usersPerSecond")),
          toOneEach(one),
          show(Results.value(one, "cpuMicrosPerUser")),
          show(Results.value(one, "peakMegabytes"))
        ])
      },
      goals: batched === undefined || batchedLimited === undefined ? [] : [
        // 250 are the fewest there can be for 100,000.
        atMost(
          `${short(batched.users)} edits at once: requests`,
          Math.max(Results.worst(batched, "requests"), Results.worst(batchedLimited, "requests")),
          batched.users * 260 / 100_000,
          undefined,
          show
        ),
        atLeast(
          `${short(batched.users)} edits at once, limit raised: edits a second, to one request each`,
          Results.ratio(batched, each, "usersPerSecond"),
          10
        ),
        atLeast(
          `${short(batched.users)} edits at once, 1000 requests a second: edits a second, to one request each`,
          Results.ratio(batchedLimited, eachLimited, "usersPerSecond"),
          10
        )
      ]
    }
  }
}
