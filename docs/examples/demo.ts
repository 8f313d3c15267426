// A backend with something to look at: `npm run demo`, or `npm run demo -- --minutes 5`. Ctrl-C ends it.
//
// It sends single calls and bulks to a sandbox with faults, and serves metrics for Prometheus at
// http://127.0.0.1:9464/metrics. With OTEL_EXPORTER_OTLP_ENDPOINT, it sends spans there too.
import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import { NodeRuntime } from "@effect/platform-node"
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { Config, Console, Effect, Layer, Logger, LogLevel, Option, pipe, Schedule } from "effect"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Suprsend from "effect-suprsend/Suprsend"
import { addEmail, edit, increment, set, setTimezone } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import { parseArgs } from "node:util"

const { values } = parseArgs({
  options: { minutes: { type: "string" }, port: { type: "string", default: "9464" } }
})

const port = Number(values.port)

const idOf = (n: number) => `user-${n % 5_000}`

/** Calls of single users, as the requests of a backend make them: one failed call ends nothing. */
const singleCalls = Effect.gen(function*() {
  const users = yield* UsersService
  const next = (n: number): Effect.Effect<unknown, unknown> => {
    switch (n % 10) {
      case 0:
        return users.get(idOf(n))
      case 1:
        return users.edit(pipe(edit(idOf(n)), set("plan", "pro")))
      case 2:
        return users.list({ limit: 10 })
      case 3:
        return users.get("a-missing-user")
      default:
        return users.asyncEdit(pipe(edit(idOf(n)), setTimezone("Asia/Kolkata"), increment("visits", 1)))
    }
  }
  let n = 0
  const caller = Effect.suspend(() => Effect.exit(next(n++))).pipe(Effect.repeat(Schedule.spaced("100 millis")))
  yield* Effect.all(Array.from({ length: 10 }, () => caller), { concurrency: "unbounded" })
})

/** A bulk now and then. Some of its edits are invalid. */
const bulks = Effect.gen(function*() {
  const users = yield* UsersService
  const edits = Array.from(
    { length: 40_000 },
    (_, n) => pipe(edit(idOf(n)), addEmail(`user-${n}@example.com`), set(n % 4_000 === 0 ? "" : "plan", "pro"))
  )
  const report = yield* users.bulkEdit(edits)
  yield* Console.log(`bulk: ${report}`)
}).pipe(Effect.repeat(Schedule.spaced("20 seconds")))

/** What goes wrong, now and then. */
const faults = Effect.gen(function*() {
  const sandbox = yield* Sandbox.Sandbox
  yield* sandbox.faults.add(Sandbox.together(
    Sandbox.latency("15 millis"),
    Sandbox.sometimes(0.02, Sandbox.status(503)),
    Sandbox.sometimes(0.01, Sandbox.resetPeer),
    Sandbox.sometimes(0.01, Sandbox.latency("700 millis")),
    Sandbox.sometimes(0.002, Sandbox.noResponse())
  ))
  yield* sandbox.script([Sandbox.status(429, { headers: { "retry-after": "3" } })]).pipe(
    Effect.delay("12 seconds"),
    Effect.repeat(Schedule.spaced("40 seconds"))
  )
})

const SuprsendLive = Layer.unwrapEffect(
  Effect.map(
    SandboxServer.SandboxServer,
    ({ options }) => Suprsend.layer({ ...options, timeout: "2 seconds", rateLimit: { limit: 90, window: "1 second" } })
  )
)

const TelemetryLive = Layer.unwrapEffect(
  Effect.map(Config.option(Config.nonEmptyString("OTEL_EXPORTER_OTLP_ENDPOINT")), (endpoint) =>
    NodeSdk.layer(() => ({
      resource: { serviceName: "suprsend-demo" },
      metricReader: new PrometheusExporter({ port, host: "127.0.0.1" }),
      ...Option.match(endpoint, {
        onNone: () => ({}),
        onSome: (url) => ({ spanProcessor: new BatchSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` })) })
      })
    })))
)

const demo = Effect.gen(function*() {
  yield* Console.log(`metrics: http://127.0.0.1:${port}/metrics`)
  yield* Effect.all([singleCalls, bulks, faults], { concurrency: "unbounded", discard: true })
}).pipe(
  values.minutes === undefined ? (demo) => demo : Effect.timeoutOption(`${Number(values.minutes)} minutes`),
  // The retries of this demo are many: they are in the metrics.
  Logger.withMinimumLogLevel(LogLevel.Error),
  Effect.provide(SuprsendLive.pipe(
    Layer.provideMerge(SandboxServer.layer()),
    Layer.provideMerge(TelemetryLive)
  ))
)

NodeRuntime.runMain(demo)
