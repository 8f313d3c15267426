import * as Results from "../results.js"
import { atMost, type Measure, show, times } from "../section.js"

const platform = "@effect/platform/FetchHttpClient"

const subpaths = ["UserEdit", "Suprsend", "SuprsendNode", "UsersService", "Sandbox", "SandboxServer", "Arbitraries"]

const contenders = [platform, "effect-suprsend", ...subpaths.map((subpath) => `effect-suprsend/${subpath}`)]

/** How long a program waits for an import, which is what a cold start of a function waits for. */
export const imports: Measure = {
  name: "imports",
  // Each is so short that it is played more often within a round.
  plans: (full) =>
    Array.from(
      { length: full ? 5 : 3 },
      () => contenders.map((contender) => Results.plan({ task: "import", contender, users: 1 }))
    ).flat(),
  section: (cases) => {
    const all = contenders.map((contender): Results.Case => ({
      ...Results.plan({ task: "import", contender, users: 1 }),
      samples: cases.filter((one) => one.contender === contender).flatMap(({ samples }) => samples)
    }))
    const find = (contender: string) => Results.find(all, { contender })
    const ratio = (one: Results.Case | undefined) => Results.ratio(one, find(platform), "milliseconds")
    return {
      title: "Imports",
      about: [
        "The time that one import takes in a new process, from the package as it is built. It is compared with the platform's client " +
        "over `fetch`, which also loads most of `effect`."
      ],
      table: {
        head: ["", "ms", "to the platform's client", "CPU ms", "memory MB"],
        rows: all.map((one) => [
          one.contender,
          show(Results.value(one, "milliseconds")),
          times(ratio(one)),
          show(Results.value(one, "cpuMillis")),
          show(Results.value(one, "megabytes"))
        ])
      },
      goals: [atMost("The root, to the platform's client alone", ratio(find("effect-suprsend")), 1.15)]
    }
  }
}
