import { expect, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Net from "node:net"
import { spawned } from "../../test/utils/spawned.js"
import { until } from "../../test/utils/until.js"

const freePort = Effect.async<number>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

it.scopedLive("serves metrics of calls, retries and a bulk, until it is interrupted", () =>
  Effect.gen(function*() {
    const port = yield* freePort
    const { ended, seen, signal } = yield* spawned("demo.ts", {}, "--port", String(port))
    expect(yield* seen("bulk: ")).toContain("bulk: 40,000 records: 39,990 accepted, 10 invalid")
    const metrics = yield* until(
      Effect.promise(() => fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text())),
      (text) => text.includes("suprsend_client_retries_total{")
    )
    for (
      const name of [
        "suprsend_client_calls_total",
        "http_client_request_duration_bucket",
        "suprsend_client_limiter_wait_count"
      ]
    ) {
      expect(metrics).toContain(`${name}{`)
    }
    expect(metrics).not.toMatch(/user-\d/)
    yield* signal("SIGINT")
    expect((yield* ended).code).toBe(0)
  }), 60_000)
