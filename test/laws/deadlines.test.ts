import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { type Deadline, Deadlines } from "../../src/internal/deadlines.js"

const step = FastCheck.oneof(
  FastCheck.record({ kind: FastCheck.constant("add" as const), at: FastCheck.integer({ min: 0, max: 50 }) }),
  FastCheck.record({ kind: FastCheck.constant("remove" as const), position: FastCheck.nat({ max: 30 }) }),
  FastCheck.record({ kind: FastCheck.constant("pass" as const), now: FastCheck.integer({ min: 0, max: 50 }) })
)

describe("deadlines", () => {
  it.prop(
    "pass in their order, those of one instant in the order in which they came, and each once, unless taken back before",
    [FastCheck.array(step, { maxLength: 60 })],
    ([steps]) => {
      const deadlines = new Deadlines()
      const made: Array<{ readonly name: number; readonly at: number; readonly deadline: Deadline }> = []
      let expected: ReadonlyArray<{ readonly name: number; readonly at: number }> = []
      const passed: Array<number> = []
      for (const step of steps) {
        if (step.kind === "add") {
          const { at } = step
          const name = made.length
          made.push({ name, at, deadline: deadlines.add(at, () => passed.push(name)) })
          expected = [...expected.filter((one) => one.at <= at), { name, at }, ...expected.filter((one) => one.at > at)]
        } else if (step.kind === "remove") {
          const one = made[step.position]
          if (one !== undefined) deadlines.remove(one.deadline)
          expected = expected.filter(({ name }) => name !== step.position)
        } else {
          const { now } = step
          passed.length = 0
          deadlines.pass(now)
          expect(passed).toEqual(expected.filter(({ at }) => at <= now).map(({ name }) => name))
          expected = expected.filter(({ at }) => at > now)
        }
        expect(deadlines.first).toBe(expected[0]?.at ?? Infinity)
      }
    },
    { fastCheck: { numRuns: 500 } }
  )

  it("may take back one another while they pass", () => {
    const deadlines = new Deadlines()
    const passed: Array<string> = []
    const second = deadlines.add(2, () => passed.push("second"))
    deadlines.add(1, () => {
      passed.push("first")
      deadlines.remove(second)
      deadlines.add(1, () => passed.push("third"))
    })
    deadlines.pass(2)
    expect(passed).toEqual(["first", "third"])
    expect(deadlines.first).toBe(Infinity)
  })
})
