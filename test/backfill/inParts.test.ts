import { describe, expect, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import { inParts } from "../../src/internal/backfill/inParts.js"

describe("rows in parts", () => {
  it.effect.prop("are the same rows, of which none is too large", [
    FastCheck.array(FastCheck.oneof(FastCheck.nat(3), FastCheck.constantFrom(4_095, 4_096, 4_097, 10_000)), {
      maxLength: 5
    })
  ], ([sizes]) =>
    Effect.gen(function*() {
      const chunks = sizes.map((size, i) => Chunk.makeBy(size, (n) => `${i}/${n}`))
      const asked = yield* Ref.make(0)
      const parts = yield* inParts(Stream.fromChunks(...chunks), Ref.update(asked, (n) => n + 1)).pipe(
        Stream.chunks,
        Stream.runCollect
      )
      expect(Chunk.toReadonlyArray(Chunk.flatten(parts))).toEqual(chunks.flatMap(Chunk.toReadonlyArray))
      expect(Math.max(0, ...Chunk.map(parts, Chunk.size))).toBeLessThanOrEqual(4_096)
      expect(yield* Ref.get(asked)).toBeGreaterThanOrEqual(parts.length)
    }), { fastCheck: { numRuns: 30 } })

  it.effect("of one chunk wait between the parts", () =>
    Effect.gen(function*() {
      const emitted = yield* Ref.make(0)
      const turns = yield* Ref.make(0)
      const ready = Effect.flatMap(Ref.updateAndGet(turns, (n) => n + 1), (n) => n > 2 ? Effect.never : Effect.void)
      const fiber = yield* inParts(Stream.fromChunk(Chunk.makeBy(100_000, (n) => n)), ready).pipe(
        Stream.runForEachChunk((chunk) => Ref.update(emitted, (n) => n + chunk.length)),
        Effect.fork
      )
      yield* Effect.repeatN(Effect.yieldNow(), 50)
      expect(yield* Ref.get(emitted)).toBe(2 * 4_096)
      yield* Fiber.interrupt(fiber)
    }))

  it.effect("fail as the rows do", () =>
    Effect.gen(function*() {
      const rows = Stream.concat(Stream.make(1, 2), Stream.fail("no more"))
      expect(yield* Effect.flip(Stream.runDrain(inParts(rows, Effect.void)))).toBe("no more")
    }))
})
