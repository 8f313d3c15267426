import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import { AnySignal, type Listener, Signal } from "../../src/internal/support/signal.js"

describe("a signal", () => {
  it.prop("calls each remaining listener once", [
    FastCheck.array(FastCheck.tuple(FastCheck.boolean(), FastCheck.nat(20)), { maxLength: 40 })
  ], ([steps]) => {
    const signal = new Signal()
    const whenAborted: Array<number> = []
    const listening: Array<readonly [id: number, listener: Listener]> = []
    let left = new Set<number>()
    steps.forEach(([joins, place], id) => {
      if (joins) listening.push([id, signal.listen(() => void whenAborted.push(id))])
      const leaver = listening[place]
      if (!joins && leaver !== undefined) {
        signal.forget(leaver[1])
        left = new Set([...left, leaver[0]])
      }
    })
    signal.abort()
    signal.abort()
    const expected = listening.map(([id]) => id).filter((id) => !left.has(id))
    expect([...whenAborted].sort((a, b) => a - b)).toEqual(expected)
  })

  it("does not call a listener that another listener removes", () => {
    const signal = new Signal()
    const whenAborted: Array<string> = []
    signal.listen(() => {
      whenAborted.push("first")
      signal.forget(second)
    })
    const second = signal.listen(() => void whenAborted.push("second"))
    signal.abort()
    expect(whenAborted).toEqual(["first"])
  })

  it("keeps listeners that are added after it was given", () => {
    const signal = new Signal()
    const first = signal.listen(() => {})
    signal.abort()
    const late = signal.listen(() => {})
    signal.forget(first)
    expect(late.index).toBe(0)
  })

  it.effect("can be awaited, also after it was given", () =>
    Effect.gen(function*() {
      const signal = new Signal()
      const waiting = yield* Effect.fork(signal.whenAborted)
      yield* Effect.yieldNow()
      expect(waiting.unsafePoll()).toBeNull()
      signal.abort()
      yield* Fiber.join(waiting)
      yield* signal.whenAborted
    }))
})

describe("a signal of two others", () => {
  const make = () => {
    const first = new Signal()
    const second = new Signal()
    return { first, second, any: new AnySignal(first, second) }
  }

  it("is aborted with the first or the second, also if that was aborted before", () => {
    for (const source of ["first", "second"] as const) {
      const { any, ...sources } = make()
      expect(any.aborted).toBe(false)
      sources[source].abort()
      expect(any.aborted).toBe(true)
      expect(new AnySignal(sources.first, sources.second).aborted).toBe(true)
    }
  })

  it("ignores those that it has left", () => {
    const { any, first, second } = make()
    any.leaveSecond()
    second.abort()
    expect(any.aborted).toBe(false)
    first.abort()
    expect(any.aborted).toBe(true)

    const other = make()
    other.any.leave()
    other.first.abort()
    other.second.abort()
    expect(other.any.aborted).toBe(false)
  })
})
