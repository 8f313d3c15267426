import * as Results from "../results.js"
import { atLeast, type Measure, short, show, times } from "../section.js"

/** Whether a time zone that is a link of another name costs more than the name itself. */
export const zones: Measure = {
  name: "zones",
  plans: (full) =>
    ["ours, canonical zone", "ours, linked zone"].map((contender) =>
      Results.plan({ task: "bulk", contender, users: full ? 100_000 : 20_000, concurrency: 4 })
    ),
  section: (cases) => {
    const canonical = Results.find(cases, { contender: "ours, canonical zone" })
    const linked = Results.find(cases, { contender: "ours, linked zone" })
    return {
      title: "Time zones",
      about: [
        "A bulk of edits with `setTimezone` alone: `Asia/Calcutta`, and `Asia/Kolkata`, which the runtime takes for a link."
      ],
      table: {
        head: ["users", "", "users/s", "to the canonical name"],
        rows: cases.map((one) => [
          short(one.users),
          one.contender,
          show(Results.value(one, "usersPerSecond")),
          times(Results.ratio(one, canonical, "usersPerSecond"))
        ])
      },
      goals: linked === undefined
        ? []
        : [
          atLeast(
            "A link, to a canonical name: users a second",
            Results.ratio(linked, canonical, "usersPerSecond"),
            0.95
          )
        ]
    }
  }
}
