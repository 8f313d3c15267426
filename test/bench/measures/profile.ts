import { parts } from "../profile.js"
import * as Results from "../results.js"
import { type Measure, short, show } from "../section.js"

/** Where the time of a bulk goes. */
export const profile: Measure = {
  name: "profile",
  plans: (full) =>
    (full ? [100_000, 1_000_000] : [20_000, 60_000]).map((users) =>
      Results.plan({ task: "bulk", contender: "ours, profiled", users, concurrency: 4 })
    ),
  section: (cases) => {
    const micros = (one: Results.Case, part: string) => Results.value(one, part) / one.users
    const all = (one: Results.Case) => parts.reduce((sum, part) => sum + micros(one, part), 0)
    return {
      title: "Where the time of a bulk goes",
      about: [
        "Microseconds of the main thread for each user, at 0 ms and with four requests at once, sampled by the profiler of the runtime, " +
        "which slows everything down a little. Each sample counts for the innermost stack frame that belongs to one of the lines. " +
        "Signing is nearly all MD5 of the body, which the vendor's signature requires.",
        "The smaller bulk ends before the runtime has compiled the code that it repeats. Its additional cost is this warm-up."
      ],
      table: {
        head: ["", ...cases.flatMap(({ users }) => [`${short(users)} users: µs a user`, "of all"])],
        rows: parts.map((part) => [
          part,
          ...cases.flatMap((one) => [
            show(micros(one, part), 2),
            `${show(100 * micros(one, part) / all(one))} %`
          ])
        ])
      },
      goals: []
    }
  }
}
