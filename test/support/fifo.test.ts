import { expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Fifo } from "../../src/internal/support/fifo.js"

const step = FastCheck.oneof(
  { weight: 5, arbitrary: FastCheck.record({ push: FastCheck.integer({ min: 0, max: 2_500 }) }) },
  { weight: 5, arbitrary: FastCheck.record({ shift: FastCheck.integer({ min: 0, max: 2_500 }) }) },
  { weight: 1, arbitrary: FastCheck.constant({ drain: true }) }
)

it.prop("a queue returns its items in order", [FastCheck.array(step, { maxLength: 20 })], ([steps]) => {
  const queue = new Fifo<number>()
  const model: Array<number> = []
  let next = 0
  for (const step of steps) {
    if ("push" in step) {
      for (let i = 0; i < step.push; i++) {
        queue.push(next)
        model.push(next++)
      }
    } else if ("shift" in step) {
      const taken = Array.from({ length: step.shift }, () => queue.shift())
      expect(taken.filter((item) => item !== undefined)).toEqual(model.splice(0, step.shift))
    } else {
      expect(queue.drain()).toEqual(model.splice(0))
    }
    expect(queue.length).toBe(model.length)
  }
  expect(queue.drain()).toEqual(model)
}, { fastCheck: { numRuns: 50 } })
