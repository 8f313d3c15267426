import * as Results from "../results.js"
import { type Measure, short, show, times } from "../section.js"

const names: Readonly<Record<string, string>> = {
  ours: "an iterable",
  "ours, async iterable": "an async iterable",
  "ours, Stream.map": "a Stream that is mapped, in chunks",
  "ours, Stream.mapEffect": "a Stream with an effect for each edit, in chunks of one"
}

/** What it costs to pull the edits of a bulk from one thing or another. */
export const sources: Measure = {
  name: "sources",
  plans: (full) =>
    Object.keys(names).map((contender) =>
      Results.plan({ task: "bulk", contender, users: full ? 400_000 : 60_000, concurrency: 4 })
    ),
  section: (cases) => {
    const iterable = Results.find(cases, { contender: "ours" })
    return {
      title: "Where the edits come from",
      about: [
        "The same, from sources that have the next edit immediately, so that only pulling is measured. Single edits are collected " +
        "until they fill a request, or the first one has waited for `linger`."
      ],
      table: {
        head: ["users", "from", "users/s", "to an iterable", "CPU µs a user", "peak MB"],
        rows: cases.map((one) => [
          short(one.users),
          names[one.contender] ?? one.contender,
          show(Results.value(one, "usersPerSecond")),
          times(Results.ratio(one, iterable, "usersPerSecond")),
          show(Results.value(one, "cpuMicrosPerUser"), 1),
          show(Results.value(one, "peakMegabytes"))
        ])
      },
      goals: []
    }
  }
}
