import * as NodeSdk from "@effect/opentelemetry/NodeSdk"
import * as Otlp from "@effect/opentelemetry/Otlp"
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import { describe, expect, it } from "@effect/vitest"
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http"
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus"
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http"
import { PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics"
import { SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base"
import { PreferencesService } from "effect-suprsend/PreferencesService"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as Telemetry from "effect-suprsend/Telemetry"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { attributesOf, type OtlpMetric, type Receiver, receiver } from "../utils/otlp.js"
import { start } from "../utils/server.js"

const id = "user-1017@example.com"

const secrets = [
  id,
  encodeURIComponent(id),
  "user-1017",
  "tenant-2093",
  "apns-token-of-a-device",
  "sandbox-secret",
  "workspace-secret"
]

const edits = Arr.makeBy(
  500,
  (i) =>
    UserEdit.edit(`${id}-${i}`, { tenantId: "tenant-2093" }).pipe(UserEdit.addIosPush(`apns-token-of-a-device-${i}`))
)

/** Calls with every way in which an attempt ends, over the default layer and a real server. */
const program = Effect.gen(function*() {
  const { sandbox, server } = yield* start()
  const context = yield* Layer.build(Suprsend.layer({
    ...server.options,
    timeout: "300 millis",
    rateLimit: { limit: 10, window: "300 millis", burst: 2 }
  }))
  yield* Effect.gen(function*() {
    const users = yield* UsersService
    const preferences = yield* PreferencesService
    yield* sandbox.script([Sandbox.status(503), Sandbox.resetPeer, Sandbox.noResponse()])
    yield* users.asyncEdit(UserEdit.addIosPush(UserEdit.edit(id), "apns-token-of-a-device"))
    yield* users.get(id)
    yield* Effect.forEach(Arr.range(1, 5), (i) => Effect.exit(users.get(`${id}-${i}`)), { concurrency: "unbounded" })
    yield* Effect.exit(preferences.get(id, { tenantId: "tenant-2093" }))
    yield* sandbox.script([Sandbox.status(429), Sandbox.status(400)])
    yield* users.bulkEdit(edits, { concurrency: 1 })
    yield* users.bulkDelete([id])
  }).pipe(Effect.provide(context))
  return yield* sandbox.requests
}).pipe(Effect.scoped, Effect.withSpan("program"))

const exporters: Record<string, (url: string) => Layer.Layer<never>> = {
  "Otlp of @effect/opentelemetry": (url) =>
    Layer.provide(
      Otlp.layerJson({
        baseUrl: url,
        resource: { serviceName: "test" },
        loggerExportInterval: "50 millis",
        metricsExportInterval: "1 hour",
        tracerExportInterval: "50 millis"
      }),
      FetchHttpClient.layer
    ),
  "NodeSdk of @effect/opentelemetry": (url) =>
    Layer.discard(NodeSdk.layer(() => ({
      resource: { serviceName: "test" },
      spanProcessor: new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` })),
      metricReader: new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: `${url}/v1/metrics` }),
        exportIntervalMillis: 3_600_000
      })
    })))
}

const run = (exporter: (url: string) => Layer.Layer<never>) =>
  Effect.gen(function*() {
    const received = yield* receiver
    const requests = yield* program.pipe(
      Logger.withMinimumLogLevel(LogLevel.Debug),
      Effect.provide(exporter(received.url)),
      Effect.provide(Logger.remove(Logger.defaultLogger))
    )
    return { received, requests }
  })

const metricOf = (metrics: ReadonlyArray<OtlpMetric>, name: string) => {
  const found = metrics.filter((metric) => metric.name === name)
  expect(found).toHaveLength(1)
  return found[0]
}

const pointsOf = (metric: OtlpMetric | undefined) =>
  metric?.sum?.dataPoints ?? metric?.gauge?.dataPoints ?? metric?.histogram?.dataPoints ?? []

const units = {
  "http.client.request.duration": "s",
  "http.client.request.body.size": "By",
  "suprsend.client.call.duration": "s",
  "suprsend.client.calls": "{call}",
  "suprsend.client.retries": "{retry}",
  "suprsend.client.limiter.wait": "s",
  "suprsend.client.limiter.queue": "{request}",
  "suprsend.client.limiter.in_flight": "{request}",
  "suprsend.client.limiter.pauses": "{pause}",
  "suprsend.client.bulk.records": "{record}",
  "suprsend.client.bulk.bytes": "By"
}

const checkSpans = (
  { spans }: Receiver,
  requests: ReadonlyArray<{ readonly method: string; readonly uri: string }>
) => {
  const all = spans()
  const attempts = all.filter(({ kind }) => kind === 3)
  expect(attempts).toHaveLength(requests.length)
  expect(attempts.map(({ name }) => name.split(" ")[0])).toEqual(
    expect.arrayContaining(requests.map(({ method }) => method))
  )
  for (const span of attempts) {
    const attributes = attributesOf(span)
    const [method, template] = span.name.split(" ")
    expect(attributes).toMatchObject({
      "http.request.method": method,
      "url.template": template,
      "url.full": expect.stringMatching(/^http:\/\/(127\.0\.0\.1|localhost):\d+\/[\w/{}]*$/),
      "server.address": expect.stringMatching(/^(127\.0\.0\.1|localhost)$/)
    })
    expect(Number(attributes["server.port"])).toBeGreaterThan(0)
    const hasFailed = attributes["error.type"] !== undefined
    expect(span.status.code === 2).toBe(hasFailed)
    expect(attributes["http.response.status_code"] !== undefined || hasFailed).toBe(true)
    const parent = all.find(({ spanId }) => spanId === span.parentSpanId)
    expect(parent?.kind).toBe(1)
  }
  const edited = all.find(({ name }) => name === "UsersService.asyncEdit")
  const ofEdit = attempts.filter(({ parentSpanId }) => parentSpanId === edited?.spanId).map(attributesOf)
  const counted = ofEdit.map((attributes) => [
    attributes["http.request.resend_count"] === undefined ? undefined : Number(attributes["http.request.resend_count"]),
    attributes["error.type"]
  ])
  expect(counted).toHaveLength(4)
  expect(counted).toEqual(expect.arrayContaining([
    [undefined, "503"],
    [1, "ECONNRESET"],
    [2, "timeout"],
    [3, undefined]
  ]))
  const bulk = all.find(({ name }) => name === "UsersService.bulkEdit")
  const children = all.filter(({ parentSpanId }) => parentSpanId === bulk?.spanId)
  expect(new Set(children.map(({ name }) => name))).toEqual(new Set(["UsersService.bulkEdit.request"]))
  expect(all.filter(({ name }) => name === "suprsend.limiter.wait").length).toBeGreaterThan(0)
}

describe("a receiver of OpenTelemetry", () => {
  for (const [name, exporter] of Object.entries(exporters)) {
    it.scopedLive(`gets a CLIENT span for each attempt and all metrics, from ${name}`, () =>
      Effect.gen(function*() {
        const { received, requests } = yield* run(exporter)
        checkSpans(received, requests)
        const metrics = received.metrics()
        for (const [name, unit] of Object.entries(units)) {
          const metric = metricOf(metrics, name)
          expect([name, metric?.unit]).toEqual([name, unit])
          expect(metric?.description).not.toBe("")
          expect(pointsOf(metric).length).toBeGreaterThan(0)
        }
        const outcomes = pointsOf(metricOf(metrics, "suprsend.client.bulk.records")).map((point) => attributesOf(point))
        expect(outcomes.map(({ outcome }) => outcome)).toContain("accepted")
        for (const point of pointsOf(metricOf(metrics, "suprsend.client.limiter.in_flight"))) {
          expect(point.asDouble).toBe(0)
        }
        expect(metricOf(metrics, "suprsend.client.limiter.in_flight")?.sum?.isMonotonic).toBe(false)
        for (const body of received.bodies) {
          for (const secret of secrets) expect(body).not.toContain(secret)
        }
      }), 30_000)
  }

  it.scopedLive("gets a debug log for each attempt and a warning for each retry", () =>
    Effect.gen(function*() {
      const { received, requests } = yield* run(exporters["Otlp of @effect/opentelemetry"] ?? (() => Layer.empty))
      const logs = received.logs().filter((log) => attributesOf(log)["suprsend.call"] !== undefined)
      const levels = (level: string) => logs.filter(({ severityText }) => severityText === level)
      expect(levels("DEBUG")).toHaveLength(requests.length)
      expect(levels("WARN")).toHaveLength(
        received.spans().filter((span) => Number(attributesOf(span)["http.request.resend_count"] ?? 0) > 0).length
      )
      for (const log of levels("WARN")) {
        expect(attributesOf(log)).toMatchObject({
          "suprsend.call": expect.any(String),
          "url.template": expect.any(String),
          "error.type": expect.any(String)
        })
      }
    }), 30_000)

  it.scopedLive("of Prometheus scrapes all metrics", () =>
    Effect.gen(function*() {
      const exporter = new PrometheusExporter({ port: 0, host: "127.0.0.1", preventServerStart: true })
      const scraped = yield* Effect.provide(
        Effect.zipRight(
          program,
          Effect.promise(async () => {
            const { resourceMetrics } = await exporter.collect()
            return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics)
          })
        ),
        NodeSdk.layer(() => ({ resource: { serviceName: "test" }, metricReader: exporter }))
      )
      const names = scraped.map(({ descriptor }) => [descriptor.name, descriptor.unit])
      expect(names).toEqual(expect.arrayContaining(Object.entries(units)))
    }), 30_000)

  it("is sent each metric that the module exports", () => {
    expect(Object.keys(Telemetry.all)).toHaveLength(Object.keys(units).length)
  })
})
