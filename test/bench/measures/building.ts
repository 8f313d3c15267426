import * as Results from "../results.js"
import { atMost, type Measure, show, times } from "../section.js"

const nanos = (n: number): string => `${show(n)} ns`

/** What building an edit costs, before anything is sent. */
export const building: Measure = {
  name: "building",
  plans: (full) => [
    Results.plan({ task: "building", contender: "by hand", users: full ? 300_000 : 100_000 }),
    Results.plan({ task: "building", contender: "ours", users: full ? 300_000 : 100_000 }),
    Results.plan({ task: "building", contender: "vendor", users: full ? 30_000 : 10_000 })
  ],
  section: (cases) => {
    const byHand = Results.find(cases, { contender: "by hand" })
    const ours = Results.find(cases, { contender: "ours" })
    return {
      title: "Building an edit",
      about: [
        "An edit of three verbs in a pipe, compared with the vendor's edit instance and with an object literal, which is the lower " +
        "bound; and one verb of a long edit. Ours makes an immutable value at each step, the others change one object. A nested value " +
        "(four lists and records) is copied, so that later changes to it do not change the edit."
      ],
      table: {
        head: ["", "ns, three verbs", "to by hand", "ns a verb, of 100", "ns a verb, of 1,000", "ns, nested"],
        rows: cases.map((one) => [
          one.contender,
          show(Results.value(one, "nanosPerEdit")),
          times(Results.ratio(one, byHand, "nanosPerEdit")),
          show(Results.value(one, "nanosPerVerbOf100")),
          show(Results.value(one, "nanosPerVerbOf1000")),
          show(Results.value(one, "nanosPerNested"))
        ])
      },
      goals: [
        atMost("Three verbs by pipe", Results.value(ours, "nanosPerEdit"), 350, 250, nanos),
        // If a verb copied the edit, it would cost many times more here.
        atMost(
          "A verb of 1,000, to one of 100",
          Results.value(ours, "nanosPerVerbOf1000") / Results.value(ours, "nanosPerVerbOf100"),
          1.5
        )
      ]
    }
  }
}
