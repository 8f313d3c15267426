import * as Results from "../results.js"
import { atMost, type Measure, show, times } from "../section.js"
import { plansOf } from "./single.js"

/** The last commit without metrics, and with one span a call. */
const withoutTelemetry = "f15d611"

const contenders = ["ours", "ours, before"]

/** What telemetry costs where it is not exported. */
export const telemetry: Measure = {
  name: "telemetry",
  before: withoutTelemetry,
  plans: (full) => [
    ...plansOf(full, contenders),
    ...contenders.map((contender) =>
      Results.plan({ task: "bulk", contender, users: full ? 400_000 : 40_000, concurrency: 16, warmUp: 20_000 })
    )
  ],
  section: (cases) => {
    const beforeOf = ({ concurrency, task }: Results.Case) =>
      Results.find(cases, { contender: "ours, before", task, concurrency })
    const nameOf = ({ concurrency, task }: Results.Case) =>
      task === "bulk" ? "bulk, a user" : `a single edit, ${concurrency === 1 ? "1 caller" : `${concurrency} callers`}`
    const ours = cases.filter(({ contender }) => contender === "ours")
    const added = (one: Results.Case) => Results.difference(one, beforeOf(one), "cpuMicrosPerUser")
    const ratio = (one: Results.Case) => Results.ratio(one, beforeOf(one), "cpuMicrosPerUser")
    return {
      title: "Telemetry",
      about: [
        "CPU, user and system together, over the default layer, with the spans, metrics and logs of this package and no exporter: " +
        `this tree beside commit ${withoutTelemetry}, which had one span a call and no metrics. \`--before <commit>\` names another.`,
        "On a shared machine, two runs of the same code differ by several times the target. So a negative number is noise, and so may be a " +
        "positive one."
      ],
      table: {
        head: ["", "CPU µs", "before", "added", "ratio"],
        rows: ours.map((one) => [
          nameOf(one),
          show(Results.value(one, "cpuMicrosPerUser"), 1),
          show(Results.value(beforeOf(one), "cpuMicrosPerUser"), 1),
          show(added(one), 1),
          times(ratio(one))
        ])
      },
      goals: ours.map((one) =>
        one.task === "bulk"
          ? atMost("Telemetry, bulk: CPU to the commit before", ratio(one), 1.02)
          : atMost(`Telemetry, ${nameOf(one)}: CPU added, in µs`, added(one), 5, undefined, (n) => show(n, 1))
      )
    }
  }
}
