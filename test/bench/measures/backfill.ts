import * as Results from "../results.js"
import { atMost, type Measure, short, show } from "../section.js"

const contenders = ["ours, Stream.map", "backfill over PGlite", "backfill over PostgreSQL"]

/** What it costs that a bulk survives the end of its process. */
export const backfill: Measure = {
  name: "backfill",
  plans: (full) =>
    (full ? [200_000, 1_000_000] : [20_000, 60_000]).flatMap((users) =>
      contenders.map((contender) => Results.plan({ task: "bulk", contender, users, concurrency: 4 }))
    ),
  section: (cases) => {
    const sizes = [...new Set(cases.map(({ users }) => users))].sort((a, b) => a - b)
    const largest = sizes.at(-1) ?? 0
    const [bulk, pglite, postgres] = contenders.map((contender) => Results.find(cases, { contender, users: largest }))
    return {
      title: "Backfills",
      about: [
        "One partition of a backfill, beside `bulkEdit` of the same stream of edits, at 0 ms with four requests at once. The backfill derives " +
        "insert ids from keys, and saves a checkpoint each second in PGlite in a directory, or in a PostgreSQL at 127.0.0.1:5432. The ledger " +
        "is all of its tables and indexes after the run, without failed records."
      ],
      table: {
        head: ["users", "", "users/s", "CPU µs a user", "peak MB", "ledger kB"],
        rows: cases.map((one) => [
          short(one.users),
          one.contender === contenders[0] ? "bulkEdit" : one.contender,
          show(Results.value(one, "usersPerSecond")),
          show(Results.value(one, "cpuMicrosPerUser"), 1),
          show(Results.value(one, "peakMegabytes")),
          one.contender === contenders[0] ? "–" : show(Results.value(one, "ledgerKilobytes"))
        ])
      },
      goals: bulk === undefined ? [] : [pglite, postgres].flatMap((one) =>
        one === undefined ? [] : [
          atMost(`${one.contender}: time, to that of bulkEdit`, Results.ratio(one, bulk, "seconds"), 1.05)
        ]
      )
    }
  }
}
