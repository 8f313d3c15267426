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
        "Microseconds of the main thread a user, at 0 ms and four requests at once, as the profiler of the runtime samples it (which " +
        "makes it all a little slower), by the innermost frame of the stack that belongs to something. Signing is nearly all MD5 of " +
        "the body, which the vendor's signature needs.",
        "The smaller bulk is over before the runtime has compiled what it repeats: what it costs more is warming up."
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
