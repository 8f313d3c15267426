import { describe, expect, it } from "@effect/vitest"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import { answer, scripted } from "../utils/scripted.js"

const page = answer(200, "{\"results\":[],\"meta\":{}}")
const list = Effect.flatMap(UsersService, (users) => users.list())

describe("traceparent", () => {
  it.effect("is not sent unless it is asked for", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted([page])
      yield* list.pipe(Effect.withSpan("outer"), Effect.provide(layer))
      expect(sent.map(({ request }) => request.headers["traceparent"])).toEqual([undefined])
    }))

  it.effect("names the trace around the call, and a span in it", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted([page], { tracePropagation: true })
      const outer = yield* Effect.currentSpan.pipe(
        Effect.zipLeft(list),
        Effect.withSpan("outer"),
        Effect.provide(layer)
      )
      const [version, traceId, spanId, flags] = sent[0]?.request.headers["traceparent"]?.split("-") ?? []
      expect([version, traceId, flags]).toEqual(["00", outer.traceId, "01"])
      expect(spanId).toMatch(/^[\da-f]{16}$/)
      expect(spanId).not.toBe(outer.spanId)
    }))

  it.effect("is the caller's own header if there is one", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted([page], { tracePropagation: true })
      yield* list.pipe(withRequestOptions({ headers: { traceparent: "by hand" } }), Effect.provide(layer))
      expect(sent.map(({ request }) => request.headers["traceparent"])).toEqual(["by hand"])
    }))

  it.effect("names the span of each attempt, in the trace of its call", () =>
    Effect.gen(function*() {
      const { layer, sent } = scripted([answer(503, "{}", { "retry-after": "0" }), page], { tracePropagation: true })
      yield* Effect.provide(Effect.zipRight(list, list), layer)
      const [first, second, third] = sent.map(({ request }) => request.headers["traceparent"]?.split("-") ?? [])
      expect(second?.[1]).toBe(first?.[1])
      expect(third?.[1]).not.toBe(first?.[1])
      expect(new Set([first?.[2], second?.[2], third?.[2]]).size).toBe(3)
    }))
})
