import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { type Deadline, Deadlines } from "../../src/internal/support/deadlines.js"

const step = FastCheck.oneof(
  FastCheck.record({ kind: FastCheck.constant("add" as const), at: FastCheck.integer({ min: 0, max: 50 }) }),
  FastCheck.record({ kind: FastCheck.constant("remove" as const), position: FastCheck.nat({ max: 30 }) }),
  FastCheck.record({ kind: FastCheck.constant("pass" as const), now: FastCheck.integer({ min: 0, max: 50 }) })
)

describe("deadlines", () => {
  it.prop(
    "run once and in order, at the same instant in the order of adding, unless removed before",
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

  it("may remove one another while they run", () => {
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

  it("are removed once, and only from their own queue", () => {
    const deadlines = new Deadlines()
    const others = new Deadlines()
    const passed: Array<string> = []
    const first = deadlines.add(1, () => passed.push("first"))
    deadlines.add(1, () => passed.push("second"))
    others.add(1, () => passed.push("other"))
    others.remove(first)
    deadlines.remove(first)
    deadlines.remove(first)
    deadlines.pass(1)
    others.pass(1)
    expect(passed).toEqual(["second", "other"])
  })

  it("may be infinitely far away", () => {
    const deadlines = new Deadlines()
    const passed: Array<string> = []
    const never = deadlines.add(Infinity, () => passed.push("never"))
    deadlines.add(5, () => passed.push("five"))
    deadlines.pass(Number.MAX_VALUE)
    expect(passed).toEqual(["five"])
    expect(deadlines.first).toBe(Infinity)
    deadlines.remove(never)
    deadlines.pass(Infinity)
    expect(passed).toEqual(["five"])
  })

  describe("steps", () => {
    /** Counts how often instants are read. Each step through the heap reads one or two. */
    const counted = (count: number, at: (n: number) => number, removed: (n: number) => number) => {
      let reads = 0
      const deadlines = new Deadlines()
      const made = Array.from({ length: count }, (_, n) => {
        const instant = at(n)
        return Object.defineProperty(deadlines.add(instant, () => {}), "at", {
          get: () => {
            reads++
            return instant
          }
        })
      })
      const adding = reads / count
      for (let n = 0; n < count / 2; n++) {
        const deadline = made[removed(n)]
        if (deadline !== undefined) deadlines.remove(deadline)
      }
      const removing = (reads - adding * count) / (count / 2)
      deadlines.pass(Number.MAX_VALUE)
      expect(deadlines.first).toBe(Infinity)
      return { adding, removing, all: reads / count }
    }

    const orders: Record<string, (n: number, count: number) => number> = {
      "in order": (n) => n,
      "in reverse": (n, count) => count - 1 - n,
      // Multiples of a prime, which are scattered and distinct.
      "all over the place": (n, count) => (n * 7_919) % count,
      "short and long in turn": (n) => n % 2 === 0 ? n : 1_000_000 + n,
      "at one instant": () => 1
    }
    const removals = ["in order", "in reverse", "all over the place"]

    const nLogN = (count: number, at: string, removed: string) => {
      const order = (name: string) => (n: number) => orders[name]?.(n, count) ?? 0
      const { adding, all, removing } = counted(count, order(at), order(removed))
      expect(adding).toBeLessThan(4 * Math.log2(count))
      expect(removing).toBeLessThan(8 * Math.log2(count))
      expect(all).toBeLessThan(12 * Math.log2(count))
      return adding
    }

    for (const at of Object.keys(orders)) {
      it(`adding and removing ${at} takes O(n log n)`, () => {
        for (const removed of removals) nLogN(5_000, at, removed)
      })
    }

    it("80,000 mixed operations take n log n", () => {
      nLogN(80_000, "short and long in turn", "all over the place")
    })

    it("adding in order takes a few steps each", () => {
      expect(nLogN(5_000, "in order", "in order")).toBeLessThan(4)
    })
  })
})
