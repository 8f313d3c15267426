import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import { Window } from "../../src/internal/backfill/window.js"

const failureOf = (index: number) => ({
  key: `key-${index}`,
  insertId: "",
  outcome: "rejected" as const,
  type: "",
  message: "",
  edit: ""
})

/** The records of a partition, each with its outcome: what a window must know, kept simply. */
class Model {
  readonly outcomes: Array<"accepted" | "failed" | undefined> = []
  saved = 0

  get ready() {
    const open = this.outcomes.findIndex((outcome, i) => i >= this.saved && outcome === undefined)
    return (open < 0 ? this.outcomes.length : open) - this.saved
  }

  take() {
    const from = this.saved
    this.saved += this.ready
    const failures = this.outcomes.flatMap((outcome, i) =>
      outcome === "failed" && i >= from && i < this.saved ? [failureOf(i)] : []
    )
    return {
      cursor: this.saved === from ? undefined : `cursor-${this.saved - 1}`,
      records: this.saved - from,
      failures
    }
  }
}

type Step =
  | { readonly _tag: "add"; readonly count: number }
  | { readonly _tag: "accepted" | "failed"; readonly which: number }
  | { readonly _tag: "take" }

const step: FastCheck.Arbitrary<Step> = FastCheck.oneof(
  FastCheck.record({ _tag: FastCheck.constant("add" as const), count: FastCheck.integer({ min: 1, max: 5 }) }),
  FastCheck.record({
    _tag: FastCheck.constantFrom("accepted" as const, "accepted" as const, "failed" as const),
    which: FastCheck.nat()
  }),
  FastCheck.record({ _tag: FastCheck.constant("take" as const) })
)

describe("a window", () => {
  it.prop("saves each record once, in order, and only up to the first without an outcome", [
    FastCheck.array(step, { maxLength: 200 })
  ], ([steps]) => {
    const model = new Model()
    const window = new Window()
    for (const step of steps) {
      if (step._tag === "add") {
        for (let i = 0; i < step.count; i++) {
          window.add(`key-${model.outcomes.length}`, `cursor-${model.outcomes.length}`)
          model.outcomes.push(undefined)
        }
      } else if (step._tag === "take") {
        const taken = window.take()
        const number = ({ key }: { readonly key: string }) => Number(key.slice("key-".length))
        expect({ ...taken, failures: [...taken.failures].sort((a, b) => number(a) - number(b)) })
          .toEqual(model.take())
      } else {
        const open = model.outcomes.flatMap((outcome, i) => outcome === undefined ? [i] : [])
        const index = open[step.which % Math.max(1, open.length)]
        if (index === undefined) continue
        expect(window.keyAt(index)).toBe(`key-${index}`)
        model.outcomes[index] = step._tag
        if (step._tag === "accepted") window.accepted(index)
        else window.failed(index, failureOf(index))
      }
      expect([window.size, window.ready]).toEqual([model.outcomes.length - model.saved, model.ready])
    }
  })
})
