import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import { SuprsendClient } from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { maximumEditBytes } from "../../src/internal/edit/validate.js"
import * as event from "../../src/internal/event/event.js"
import * as requestLimits from "../../src/internal/event/requestLimits.js"
import { vectors } from "../utils/vectors.js"

const Recording = Schema.Struct({
  record_sizes_rle: Schema.Array(Schema.Tuple(Schema.Number, Schema.Number)),
  chunks: Schema.Array(Schema.Tuple(Schema.Number, Schema.Number)),
  http_body_bytes: Schema.Array(Schema.Number),
  invalid_records: Schema.Number
})

const cases = vectors(
  "chunking.json",
  Schema.Struct({
    scenario: Schema.String,
    records_spec: Schema.Union(
      Schema.String,
      Schema.Array(Schema.Struct({
        count: Schema.Number,
        char: Schema.optional(Schema.String),
        repeat: Schema.optional(Schema.Number)
      }))
    ),
    python: Recording,
    node: Recording
  })
)

/** An edit that has so many bytes as it is sent. */
const editOfSize = (size: number, i: number) => {
  const empty = UserEdit.edit(`user-${String(i).padStart(8, "0")}`, { insertId: "id" })
  const textOf = (text: string) => UserEdit.set(empty, "text", text)
  return textOf("x".repeat(size - Buffer.byteLength(event.encode(textOf(""), "id", 0, anonymous))))
}

const anonymous = { workspace: undefined, userAgent: "" }

// Less than this no event has.
const minimum = 250

/** The sizes of the records in the bodies that `bulkEdit` makes of records of these sizes, and how many it rejects. */
const cut = (sizes: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const bodies: Array<Uint8Array> = []
    const client: SuprsendClient.Service = {
      ...anonymous,
      concurrency: 1,
      execute: ({ body }) =>
        Effect.sync(() => {
          bodies.push(typeof body === "string" ? Buffer.from(body) : body ?? Buffer.alloc(0))
          return { status: 202, headers: Headers.empty, body: "OK", attempts: 1 }
        })
    }
    const report = yield* Effect.flatMap(UsersService.UsersService, (users) => users.bulkEdit(sizes.map(editOfSize)))
      .pipe(
        Effect.provide(Layer.provide(UsersService.layer, Layer.succeed(SuprsendClient, client)))
      )
    const chunks = bodies.map((body) => {
      const records: ReadonlyArray<unknown> = JSON.parse(Buffer.from(body).toString())
      const sizes = records.map((record) => Buffer.byteLength(JSON.stringify(record)))
      expect(body.length).toBe(bodyBytes(sizes))
      return sizes
    })
    return { chunks, rejected: report.failure }
  })

/** What the body of a chunk has in bytes: `[`, the records with a comma between two, `]`. */
const bodyBytes = (sizes: ReadonlyArray<number>): number =>
  sizes.reduce((sum, size) => sum + size, 0) + Math.max(0, sizes.length - 1) + 2

const sizesOf = (recording: typeof Recording.Type): ReadonlyArray<number> =>
  recording.record_sizes_rle.flatMap(([size, count]) => Array.from({ length: count }, () => size))

// The Node SDK counts UTF-16 units: what a record really has is more by what its characters have more.
const realSizesOfNode = ({ node, records_spec }: typeof cases[number]): ReadonlyArray<number> => {
  const spec = typeof records_spec === "string" ? undefined : records_spec[0]
  const text = (spec?.char ?? "").repeat(spec?.repeat ?? 0)
  return sizesOf(node).map((size) => size + Buffer.byteLength(text, "utf8") - text.length)
}

describe("chunking.json", () => {
  for (const testCase of cases) {
    describe(testCase.scenario, () => {
      const recordings = [
        { sdk: "Python", recording: testCase.python, sizes: sizesOf(testCase.python) },
        { sdk: "Node", recording: testCase.node, sizes: realSizesOfNode(testCase) }
      ]
      for (const { recording, sdk, sizes } of recordings) {
        const counts = (records: ReadonlyArray<ReadonlyArray<unknown>>) => records.map(({ length }) => length)

        it.effect(`${sdk}: no body of ours is over 819,200 bytes or 400 records`, () =>
          Effect.gen(function*() {
            for (const records of (yield* cut(sizes)).chunks) {
              expect(bodyBytes(records)).toBeLessThanOrEqual(requestLimits.limits.bytes)
              expect(records.length).toBeLessThanOrEqual(requestLimits.limits.records)
            }
          }))

        if (sizes.filter((size) => size > maximumEditBytes).length > recording.invalid_records) {
          it.effect(`${sdk}: the vendor sends records of more than 10,240 bytes (it counts UTF-16 units), we send none`, () =>
            Effect.gen(function*() {
              expect(recording).toMatchObject({ invalid_records: 0 })
              expect(Math.min(...sizes)).toBeGreaterThan(10_240)
              expect(yield* cut(sizes)).toEqual({ chunks: [], rejected: sizes.length })
            }))
        } else if (recording.http_body_bytes.some((bytes) => bytes > requestLimits.limits.bytes)) {
          it.effect(`${sdk}: the vendor sends a body of more than 819,200 bytes, we cut it in other places`, () =>
            Effect.gen(function*() {
              const ours = (yield* cut(sizes)).chunks
              expect(ours.length).toBeGreaterThanOrEqual(recording.chunks.length)
              expect(counts(ours)).not.toEqual(recording.chunks.map(([records]) => records))
            }))
        } else {
          it.effect(`${sdk}: the same chunks, as those of the vendor keep within 819,200 bytes`, () =>
            Effect.gen(function*() {
              const ours = yield* cut(sizes)
              expect(counts(ours.chunks)).toEqual(recording.chunks.map(([records]) => records))
              expect(ours.rejected).toBe(recording.invalid_records)
            }))
        }
      }
    })
  }

  it("names the scenarios in which a body of the vendor is over 819,200 bytes, and by how much", () => {
    const over = (sdk: "python" | "node") =>
      Object.fromEntries(
        cases.map((testCase) => [testCase.scenario, Math.max(...testCase[sdk].http_body_bytes)] as const)
          .filter(([, bytes]) => bytes > 819_200)
      )
    // Neither counts the brackets and what stands between the records,
    expect(over("python")).toEqual({
      "161 records of 10240 bytes": 819_360,
      "400 records of 2048 bytes hit both limits at once": 820_000,
      "80 records of 10239 then one of 80 over": 819_280
    })
    // and Node counts UTF-16 units for bytes.
    expect(over("node")).toEqual({
      "161 records of 10240 bytes": 819_281,
      "400 records of 2048 bytes hit both limits at once": 819_601,
      "80 records of 10239 then one of 80 over": 819_201,
      "unicode: 4000 two-byte characters each": 992_041,
      "unicode: 3000 three-byte characters each": 1_112_041,
      "unicode: 2400 four-byte characters each": 1_184_041,
      "unicode: chunk over 800KB in bytes but under in UTF-16 units": 1_546_721
    })
  })

  it("the limits are the vendor's", () => {
    expect(requestLimits.limits).toEqual({ records: 400, bytes: 819_200 })
    expect(maximumEditBytes).toBe(10_240)
  })
})

describe("the cut is greedy", () => {
  const sizes = FastCheck.oneof(
    FastCheck.array(FastCheck.integer({ min: minimum, max: 10_240 }), { maxLength: 400, size: "max" }),
    // Small ones, so that the number of records decides.
    FastCheck.array(FastCheck.integer({ min: minimum, max: 300 }), { maxLength: 1_300, size: "max" }),
    // Around the size at which both limits are reached at once.
    FastCheck.array(FastCheck.integer({ min: 2_045, max: 2_050 }), { maxLength: 900, size: "max" })
  )

  it.effect.prop(
    "nothing is lost, no body is over a limit, and one ends only where the next record has no room",
    [sizes],
    ([sizes]) =>
      Effect.gen(function*() {
        const { chunks, rejected } = yield* cut(sizes)
        expect(rejected).toBe(0)
        expect(chunks.flat()).toEqual(sizes)
        for (const records of chunks) {
          expect(records.length).toBeGreaterThan(0)
          expect(records.length).toBeLessThanOrEqual(400)
          expect(bodyBytes(records)).toBeLessThanOrEqual(819_200)
        }
        chunks.slice(1).forEach(([next], i) => {
          const full = chunks[i] ?? []
          expect(full.length === 400 || bodyBytes([...full, next ?? 0]) > 819_200).toBe(true)
        })
      }),
    { fastCheck: { numRuns: 30 } }
  )

  it.effect("a body is filled to the last byte, and no further", () =>
    Effect.gen(function*() {
      // 79 of these, the commas and the brackets leave 10,159 bytes.
      const full = Array.from({ length: 79 }, () => 10_240)
      expect((yield* cut([...full, 10_159])).chunks.map(bodyBytes)).toEqual([819_200])
      expect((yield* cut([...full, 10_160])).chunks.map((records) => records.length)).toEqual([79, 1])
    }))
})
