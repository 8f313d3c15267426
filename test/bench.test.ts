import { describe, expect, it } from "@effect/vitest"
import { logScale, spread, ticks, toSvg } from "./bench/plot.js"
import { tally } from "./bench/profile.js"
import { operationsOf, workspace } from "./bench/record.js"
import { short, times } from "./bench/section.js"
import { SlidingWindow } from "./bench/slidingWindow.js"
import { difference, median, ratio } from "./bench/statistics.js"
import { toMarkdown } from "./bench/table.js"
import { authorizationOf, verify } from "./bench/verify.js"

describe("statistics", () => {
  it("takes the middle, of an even number the mean of both", () => {
    expect(median([9, 1, 2])).toBe(2)
    expect(median([4, 1, 10, 2])).toBe(3)
    expect(median([])).toBeNaN()
  })

  it("compares round by round, not median with median", () => {
    // Medians alone would say 10 / 10.
    expect(ratio([10, 20, 1], [5, 10, 10])).toBe(2)
    expect(difference([10, 20, 1], [5, 10, 10])).toBe(5)
  })
})

describe("profile", () => {
  const frame = (functionName: string, url: string) => ({
    functionName,
    url,
    scriptId: "0",
    lineNumber: 0,
    columnNumber: 0
  })

  it("counts a moment for the innermost frame that belongs to something", () => {
    const micros = tally({
      startTime: 0,
      endTime: 10,
      nodes: [
        { id: 1, callFrame: frame("(root)", ""), children: [2, 6, 7] },
        {
          id: 2,
          callFrame: frame("runLoop", "file:///x/node_modules/effect/dist/esm/internal/fiberRuntime.js"),
          children: [3]
        },
        { id: 3, callFrame: frame("attempt", "file:///x/src/internal/transport.js"), children: [4] },
        { id: 4, callFrame: frame("sign", "file:///x/src/Signature.js"), children: [5] },
        { id: 5, callFrame: frame("hash", "node:internal/crypto/hash") },
        { id: 6, callFrame: frame("(garbage collector)", "") },
        { id: 7, callFrame: frame("(program)", ""), children: [8] },
        { id: 8, callFrame: frame("post", "node:inspector") }
      ],
      samples: [2, 3, 4, 5, 6, 7, 8],
      timeDeltas: [1, 2, 4, 8, 16, 32, 64]
    })
    expect(micros).toMatchObject({
      "Effect's runtime": 1,
      "the rest of this package": 2,
      signing: 12,
      "collecting garbage": 16,
      "everything else": 32,
      waiting: 0
    })
  })
})

describe("plot", () => {
  it("marks round numbers up to at least the highest", () => {
    expect(ticks(380_000)).toEqual([0, 100_000, 200_000, 300_000, 400_000])
    expect(ticks(200)).toEqual([0, 50, 100, 150, 200])
    expect(ticks(0).at(-1)).toBeGreaterThan(0)
  })

  it("gives each power of ten the same width", () => {
    const x = logScale([10, 1000], [0, 100])
    expect([10, 100, 1000].map(x).map(Math.round)).toEqual([0, 50, 100])
    expect(logScale([10, 10], [0, 100])(10)).toBe(50)
  })

  it("keeps labels apart, in their order, above the bottom", () => {
    expect(spread([10, 12, 100], 18, 200)).toEqual([10, 28, 100])
    expect(spread([195, 199], 18, 200)).toEqual([182, 200])
    expect(spread([50, 40], 18, 200)).toEqual([58, 40])
  })

  it("draws every point and names every line", () => {
    const svg = toSvg({
      name: "memory",
      title: "Memory",
      unit: " MB",
      series: [
        { name: "ours", points: [[10_000, 100], [3_000_000, 104]] },
        { name: "vendor", points: [[10_000, 130]] },
        { name: "nobody", points: [] }
      ]
    })
    expect(svg.match(/<circle/g)).toHaveLength(3)
    expect(svg).toContain("ours: 104 MB")
    expect(svg).toContain("vendor: 130 MB")
    expect(svg).not.toContain("nobody")
    expect(svg).not.toContain("NaN")
  })
})

it("a strict sink lets in no more than its limit in any window of a second", () => {
  const window = new SlidingWindow(2)
  expect([0, 500, 999, 1000, 1400, 1500].map((arrival) => window.admits(arrival)))
    .toEqual([true, true, false, true, false, true])
})

it("what was sustained leaves the first second out", () => {
  const window = new SlidingWindow(1000)
  for (let arrival = 0; arrival <= 3000; arrival += arrival < 1000 ? 100 : 2) window.admits(arrival)
  expect(window.sustained()).toBe(500)
})

describe("the sink that reads every word", () => {
  const record = (i: number) => ({
    $schema: "2",
    $insert_id: `insert-${i}`,
    $time: 1,
    env: workspace.key,
    distinct_id: `user-${i}`,
    $user_operations: operationsOf(i)
  })
  const request = (body: unknown) => {
    const headers = new Map([["content-type", "application/json; charset=utf-8"], ["date", "now"]])
    const unsigned = { method: "POST", uri: "/event/", headers, body: Buffer.from(JSON.stringify(body)) }
    return { ...unsigned, headers: new Map([...headers, ["authorization", authorizationOf(unsigned)]]) }
  }

  it("accepts what is right, one or many", () => {
    expect(verify(request(record(7)))).toEqual({ wrong: [], ids: ["user-7"] })
    expect(verify(request([record(1), record(2)]))).toEqual({ wrong: [], ids: ["user-1", "user-2"] })
  })

  it("finds a wrong signature, too many records and another operation", () => {
    const signed = request([record(1)])
    expect(verify({ ...signed, body: Buffer.from(JSON.stringify([record(2)])) }).wrong).toEqual([
      "the signature is wrong"
    ])
    expect(verify(request(Array.from({ length: 401 }, (_, i) => record(i)))).wrong).toEqual(["401 records"])
    expect(verify(request({ ...record(1), $user_operations: operationsOf(2) })).wrong).toEqual([
      "user-1: other operations"
    ])
    expect(verify(request([])).wrong).toEqual(["0 records"])
  })
})

describe("tables", () => {
  it("shortens sizes and shows small ratios with more digits", () => {
    expect([5, 10_000, 2_500, 3_000_000].map(short)).toEqual(["5", "10k", "2.5k", "3M"])
    expect([0.086, 1, 12.34, Number.NaN].map(times)).toEqual(["0.09x", "1.00x", "12.3x", "–"])
  })

  it("puts numbers to the right, and text that begins with a number to the left", () => {
    const table = toMarkdown({ head: ["what", "ns"], rows: [["20k users, 0 ms", "≤ 350 ns"], ["3M", "–"]] })
    expect(table.split("\n")[1]).toBe("| --- | ---: |")
  })
})
