// What building an edit costs: ours, by pipe; the vendor's SDK; and objects written by hand, which nothing can undercut.
// Interleaved rounds in one process, so that a machine that speeds up or slows down does so for all three. `npm run bench`.
import * as Vendor from "@suprsend/node-sdk"
import { addEmail, edit, increment, set } from "effect-suprsend/UserEdit"
import { pipe } from "effect/Function"

const rounds = 9
const vendor = new Vendor.Suprsend("workspace-key", "workspace-secret")

// Whatever was built is looked at, or the compiler would not build it.
let seen = 0

const builders: Record<string, (id: string) => void> = {
  "by hand": (id) => {
    const built = {
      distinctId: id,
      operations: [{ $append: { $email: "ada@example.com" } }, { $set: { plan: "pro" } }, { $add: { logins: 1 } }]
    }
    seen += built.operations.length
  },
  ours: (id) => {
    const built = pipe(edit(id), addEmail("ada@example.com"), set("plan", "pro"), increment("logins", 1))
    seen += built.distinctId.length
  },
  vendor: (id) => {
    const built = vendor.users.get_edit_instance(id)
    built.add_email("ada@example.com")
    built.set("plan", "pro")
    built.increment("logins", 1)
    seen += id.length
  }
}

const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const times = new Map(Object.keys(builders).map((name) => [name, new Array<number>()]))
for (let round = 0; round <= rounds; round++) {
  for (const [name, build] of Object.entries(builders)) {
    const count = name === "vendor" ? 30_000 : 300_000
    const start = process.hrtime.bigint()
    for (let i = 0; i < count; i++) build(`user-${i}`)
    // The first round warms up.
    if (round > 0) times.get(name)?.push(Number(process.hrtime.bigint() - start) / count)
  }
}

const hand = times.get("by hand") ?? []
console.log(
  `An edit of three verbs, median of ${rounds} interleaved rounds (node ${process.version}, ${seen} looked at)\n`
)
console.log("            ns   ratio to by hand")
for (const [name, values] of times) {
  const ratio = median(values.map((value, i) => value / (hand[i] ?? Number.NaN)))
  console.log(`${name.padEnd(8)}${median(values).toFixed(0).padStart(6)}${ratio.toFixed(1).padStart(8)}`)
}
