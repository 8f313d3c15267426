import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import { run, scenario } from "./fuzz/scenario.js"
import { transports } from "./utils/transports.js"

// `npm run fuzz` does the same for as long as one likes.
describe("a bulk over a server that misbehaves keeps its promises, whatever ends it", () => {
  for (const [name, transport] of Object.entries(transports)) {
    it.live(
      `over ${name}`,
      () =>
        Effect.promise(() =>
          FastCheck.assert(FastCheck.asyncProperty(scenario, (scenario) => run(transport, scenario)), { numRuns: 10 })
        ),
      120_000
    )
  }
})
