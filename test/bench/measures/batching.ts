import { layerBatched } from "../contenders/ours.js"
import * as Results from "../results.js"
import { atLeast, atMost, type Measure, short, show, times } from "../section.js"

/** Calls of `asyncEdit` that happen at once, with and without `UsersService.layerBatched`. */
export const batching: Measure = {
  name: "batching",
  plans: (full) => [
    Results.plan({ task: "together", contender: "ours", users: full ? 10_000 : 2000 }),
    ...(layerBatched() === undefined
      ? []
      : [Results.plan({ task: "together", contender: "ours, batched", users: full ? 100_000 : 20_000 })])
  ],
  section: (cases) => {
    const each = Results.find(cases, { contender: "ours" })
    const batched = Results.find(cases, { contender: "ours, batched" })
    return {
      title: "Automatic batching",
      about: [
        "`Effect.forEach(edits, users.asyncEdit, { concurrency: \"unbounded\" })`, with one request each and with " +
        "`UsersService.layerBatched`. Our rate limit is raised far above what is reached: at SuprSend's own, one request each " +
        "could not pass 1000 edits a second.",
        ...(batched === undefined ? ["`UsersService.layerBatched` is not there yet."] : [])
      ],
      table: {
        head: ["edits", "", "requests", "edits/s", "to one each", "CPU µs an edit", "peak MB"],
        rows: cases.map((one) => [
          short(one.users),
          one === each ? "one request each" : "batched",
          show(Results.value(one, "requests")),
          show(Results.value(one, "usersPerSecond")),
          times(Results.ratio(one, each, "usersPerSecond")),
          show(Results.value(one, "cpuMicrosPerUser")),
          show(Results.value(one, "peakMegabytes"))
        ])
      },
      goals: batched === undefined ? [] : [
        // 250 are the fewest there can be for 100,000.
        atMost(
          `${short(batched.users)} edits at once: requests`,
          Results.worst(batched, "requests"),
          batched.users * 260 / 100_000,
          undefined,
          show
        ),
        atLeast(
          `${short(batched.users)} edits at once: edits a second, to one request each`,
          Results.ratio(batched, each, "usersPerSecond"),
          10
        )
      ]
    }
  }
}
