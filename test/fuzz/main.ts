// `npm run fuzz -- --seconds 60 --seed 7`: random scenarios over every transport, until the time is over or a promise is broken. A
// failure prints its seed, and the smallest scenario that still fails.
import * as FastCheck from "effect/FastCheck"
import { parseArgs } from "node:util"
import { transports } from "../utils/transports.js"
import { run, scenario } from "./scenario.js"

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) }
  }
})
const seed = Number(values.seed)
const milliseconds = Number(values.seconds) * 1000 / Object.keys(transports).length

const main = async () => {
  console.log(`seed ${seed}`)
  for (const [name, transport] of Object.entries(transports)) {
    let runs = 0
    const found = await FastCheck.check(
      FastCheck.asyncProperty(scenario, (scenario) => {
        runs++
        return run(transport, scenario)
      }),
      { seed, numRuns: 1_000_000, interruptAfterTimeLimit: milliseconds, markInterruptAsFailure: false }
    )
    console.log(`${name}: ${runs} runs, ${found.failed ? "a promise is broken" : "every promise kept"}`)
    if (found.failed) {
      console.error(FastCheck.defaultReportMessage(found))
      console.error(`Again: npm run fuzz -- --seconds ${values.seconds} --seed ${seed}`)
      process.exitCode = 1
    }
  }
}

main().catch((error: unknown) => {
  console.error(error)
  process.exitCode = 1
})
