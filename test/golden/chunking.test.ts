import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import * as chunk from "../../src/internal/chunk.js"
import { maximumEditBytes } from "../../src/internal/validate.js"
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

/** The chunks of records of these sizes, cut as `bulkEdit` cuts them: it begins a new one where `chunk.add` finds no room. */
const cut = (sizes: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<number>> => {
  const chunks: Array<Array<number>> = []
  let fill = chunk.empty
  for (const size of sizes) {
    const more = chunk.add(fill, size)
    if (more === undefined || chunks.length === 0) chunks.push([])
    chunks.at(-1)?.push(size)
    fill = more ?? chunk.add(chunk.empty, size) ?? chunk.empty
  }
  return chunks
}

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
        const sendable = sizes.filter((size) => size <= maximumEditBytes)
        const ours = cut(sendable)

        it(`${sdk}: no body of ours is over 819,200 bytes or 400 records`, () => {
          for (const records of ours) {
            expect(bodyBytes(records)).toBeLessThanOrEqual(chunk.limits.bytes)
            expect(records.length).toBeLessThanOrEqual(chunk.limits.records)
          }
        })

        if (sizes.length - sendable.length > recording.invalid_records) {
          it(`${sdk}: the vendor sends records of more than 10,240 bytes (it counts UTF-16 units), we send none`, () => {
            expect(recording).toMatchObject({ invalid_records: 0 })
            expect(Math.min(...sizes)).toBeGreaterThan(10_240)
            expect(ours).toEqual([])
          })
        } else if (recording.http_body_bytes.some((bytes) => bytes > chunk.limits.bytes)) {
          it(`${sdk}: the vendor sends a body of more than 819,200 bytes, we cut it in other places`, () => {
            expect(ours.length).toBeGreaterThanOrEqual(recording.chunks.length)
            expect(ours.map((records) => records.length)).not.toEqual(recording.chunks.map(([records]) => records))
          })
        } else {
          it(`${sdk}: the same chunks, as those of the vendor keep within 819,200 bytes`, () => {
            expect(ours.map((records) => records.length)).toEqual(recording.chunks.map(([records]) => records))
            expect(sizes.length - sendable.length).toBe(recording.invalid_records)
          })
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
    expect(chunk.limits).toEqual({ records: 400, bytes: 819_200 })
    expect(maximumEditBytes).toBe(10_240)
  })
})

describe("the cut is greedy", () => {
  const sizes = FastCheck.oneof(
    FastCheck.array(FastCheck.integer({ min: 2, max: 10_240 }), { maxLength: 900, size: "max" }),
    // Small ones, so that the number of records decides.
    FastCheck.array(FastCheck.integer({ min: 2, max: 300 }), { maxLength: 1_300, size: "max" }),
    // Around the size at which both limits are reached at once.
    FastCheck.array(FastCheck.integer({ min: 2_045, max: 2_050 }), { maxLength: 900, size: "max" })
  )

  it.prop("order is kept, and nothing is lost or added", [sizes], ([sizes]) => {
    expect(cut(sizes).flat()).toEqual(sizes)
  })

  it.prop("no chunk is empty or over a limit, counted in bytes of the body", [sizes], ([sizes]) => {
    for (const records of cut(sizes)) {
      expect(records.length).toBeGreaterThan(0)
      expect(records.length).toBeLessThanOrEqual(400)
      expect(bodyBytes(records)).toBeLessThanOrEqual(819_200)
    }
  })

  it.prop("a chunk ends only where the next record has no room", [sizes], ([sizes]) => {
    const chunks = cut(sizes)
    chunks.slice(1).forEach(([next], i) => {
      const full = chunks[i] ?? []
      expect(full.length === 400 || bodyBytes([...full, next ?? 0]) > 819_200).toBe(true)
    })
  })

  it.prop(
    "a fill counts the very bytes of the body",
    [FastCheck.array(FastCheck.string({ unit: "binary" }))],
    ([texts]) => {
      const records = texts.map((text) => JSON.stringify({ text }))
      const fill = records.reduce(
        (fill, record) => chunk.add(fill, Buffer.byteLength(record)) ?? fill,
        chunk.empty
      )
      expect(fill).toEqual({ records: records.length, bytes: Buffer.byteLength(`[${records.join(",")}]`) })
    }
  )

  it("a chunk takes a record that fills it to the last byte, and none that is one byte longer", () => {
    const fill = chunk.add(chunk.empty, 819_198)
    expect(fill).toEqual({ records: 1, bytes: 819_200 })
    expect(chunk.add(chunk.empty, 819_199)).toBeUndefined()
  })
})
