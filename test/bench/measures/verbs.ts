import { verbForms } from "../contenders/verbForms.js"
import * as Results from "../results.js"
import { atMost, type Measure, show, times } from "../section.js"
import { nanosOf } from "../verbs.js"

const names = Object.keys(verbForms)

/** What each verb costs in a bulk, checked and written. */
export const verbs: Measure = {
  name: "verbs",
  plans: (full) => [Results.plan({ task: "verbs", contender: "ours", users: full ? 40_000 : 10_000 })],
  section: (cases) => {
    const ours = Results.find(cases, { contender: "ours" })
    const ratio = (name: string) => Results.value(ours, name)
    const slowest = names.reduce((slowest, name) => ratio(name) > ratio(slowest) ? name : slowest)
    return {
      title: "A verb, checked and written",
      about: [
        "An event with one verb is validated and written as bytes, as in a bulk, and compared with `JSON.stringify` of the same event, " +
        "which validates nothing. The events cover every verb and form of the vendor's page, and values that are expensive to check. " +
        "Both take turns in one process; the table shows the median of the ratios.",
        "An event of a single call costs the same."
      ],
      table: {
        head: ["", "to JSON.stringify", "ns"],
        rows: names.map((name) => [name, times(ratio(name)), show(Results.value(ours, nanosOf(name)))])
      },
      goals: [
        atMost(`The dearest (${slowest})`, ratio(slowest), 1),
        atMost(
          "A time zone that is a link, to one that is none",
          Results.value(ours, nanosOf("set_timezone, link")) / Results.value(ours, nanosOf("set_timezone")),
          1.05
        )
      ]
    }
  }
}
