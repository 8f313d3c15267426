/**
 * Metrics of this package.
 *
 * Each metric is a value of Effect's `Metric`, updated while calls are made. Export them with any
 * exporter of Effect metrics, read one with `Metric.value`, and rename or drop some with
 * {@link layer}. The tag `unit` holds the unit, as `@effect/opentelemetry` expects it.
 *
 * Tags have few values: no tag contains the id of a user or tenant, a token or a secret.
 *
 * `http.*` metrics follow the semantic conventions of OpenTelemetry, and count attempts;
 * `suprsend.client.call*` count runs of a service method, whatever the number of its attempts.
 *
 * @example
 * ```ts
 * import { Effect, Metric } from "effect"
 * import * as Telemetry from "effect-suprsend/Telemetry"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   yield* users.get("user-42")
 *   const { count } = yield* Metric.value(
 *     Telemetry.calls.pipe(Metric.tagged("call", "UsersService.get"), Metric.tagged("outcome", "success"))
 *   )
 *   yield* Effect.log(`${count} users were read`)
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as MetricKey from "effect/MetricKey"

// The boundaries that the semantic conventions advise for `http.client.request.duration`.
const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

// A call may wait for its slot and for retries, and a bulk may take an hour.
const callSeconds = [...requestSeconds, 30, 60, 300, 900, 3_600]

const bodyBytes = [256, 1_024, 4_096, 16_384, 65_536, 262_144, 524_288, 786_432]

// The keys have the tag, because a metric that `Metric.tagged` returns looks up its key on each
// update.
const histogram = (
  name: string,
  unit: string,
  boundaries: ReadonlyArray<number>,
  description: string
): Metric.Metric.Histogram<number> =>
  Metric.fromMetricKey(
    MetricKey.tagged(MetricKey.histogram(name, MetricBoundaries.fromIterable(boundaries), description), "unit", unit)
  )

const counter = (name: string, unit: string, description: string): Metric.Metric.Counter<number> =>
  Metric.fromMetricKey(MetricKey.tagged(MetricKey.counter(name, { description, incremental: true }), "unit", unit))

// A sum that can fall, as OpenTelemetry counts what is queued or in flight: several clients add up.
const upDownCounter = (name: string, unit: string, description: string): Metric.Metric.Counter<number> =>
  Metric.fromMetricKey(MetricKey.tagged(MetricKey.counter(name, { description }), "unit", unit))

/**
 * The duration of each attempt, from its slot to the end of its response: histogram
 * `http.client.request.duration`, in seconds.
 *
 * Tags: `http.request.method`, `url.template`, `server.address`, `server.port`,
 * `http.response.status_code` if there was a response, and `error.type` if the attempt failed: the
 * status, a code such as `ECONNRESET`, `timeout`, or `unexpected_response`. An attempt that was
 * interrupted, or that died, is not counted.
 *
 * Boundaries: 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5 and 10.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requestDuration: Metric.Metric.Histogram<number> = histogram(
  "http.client.request.duration",
  "s",
  requestSeconds,
  "Duration of HTTP client requests."
)

/**
 * The size of the body of each attempt: histogram `http.client.request.body.size`, in bytes (`By`).
 *
 * It has the tags of {@link requestDuration}. Attempts without a body are not counted.
 *
 * Boundaries: 256, 1,024, 4,096, 16,384, 65,536, 262,144, 524,288 and 786,432.
 *
 * @since 0.1.0
 * @category metrics
 */
export const requestBodySize: Metric.Metric.Histogram<number> = histogram(
  "http.client.request.body.size",
  "By",
  bodyBytes,
  "Size of HTTP client request bodies."
)

/**
 * The duration of each call: histogram `suprsend.client.call.duration`, in seconds.
 *
 * It includes waits for the rate limit and for retries. A `bulkEditStream` is one call, from
 * its first pull until it ends; of other streams, each page is a call. Tags: `call` and `outcome`, as for {@link calls}.
 *
 * Boundaries: those of {@link requestDuration}, then 30, 60, 300, 900 and 3,600.
 *
 * @since 0.1.0
 * @category metrics
 */
export const callDuration: Metric.Metric.Histogram<number> = histogram(
  "suprsend.client.call.duration",
  "s",
  callSeconds,
  "Duration of calls of the SDK, with all their attempts and waits."
)

/**
 * The number of calls that ended: counter `suprsend.client.calls`, in `{call}`.
 *
 * Tags: `call`, such as `UsersService.get`, and `outcome`: `success`, the tag of the error such as
 * `SuprsendUserNotFound`, `interrupted`, or `defect`. A bulk that reports failed records is a
 * success; see {@link bulkRecords}.
 *
 * @since 0.1.0
 * @category metrics
 */
export const calls: Metric.Metric.Counter<number> = counter(
  "suprsend.client.calls",
  "{call}",
  "Calls of the SDK that ended, by outcome."
)

/**
 * The number of retries: counter `suprsend.client.retries`, in `{retry}`.
 *
 * Tag: `reason`, why the attempt before failed. It has the values of `error.type` in
 * {@link requestDuration}.
 *
 * @since 0.1.0
 * @category metrics
 */
export const retries: Metric.Metric.Counter<number> = counter(
  "suprsend.client.retries",
  "{retry}",
  "Retries, by the failure of the attempt before."
)

/**
 * How long each attempt waited for its slot: histogram `suprsend.client.limiter.wait`, in seconds.
 *
 * Attempts that got a slot immediately count as 0, and those that got none are not counted. It has
 * the boundaries of {@link callDuration} and no tags.
 *
 * @since 0.1.0
 * @category metrics
 */
export const limiterWait: Metric.Metric.Histogram<number> = histogram(
  "suprsend.client.limiter.wait",
  "s",
  callSeconds,
  "Time that attempts waited for a slot of the rate limit."
)

/**
 * The number of attempts that wait for a slot: up-down counter `suprsend.client.limiter.queue`, in
 * `{request}`.
 *
 * It has no tags. All limiters of the process add up.
 *
 * @since 0.1.0
 * @category metrics
 */
export const limiterQueue: Metric.Metric.Counter<number> = upDownCounter(
  "suprsend.client.limiter.queue",
  "{request}",
  "Attempts that wait for a slot of the rate limit."
)

/**
 * The number of attempts in flight: up-down counter `suprsend.client.limiter.in_flight`, in
 * `{request}`.
 *
 * It has no tags. All limiters of the process add up.
 *
 * @since 0.1.0
 * @category metrics
 */
export const limiterInFlight: Metric.Metric.Counter<number> = upDownCounter(
  "suprsend.client.limiter.in_flight",
  "{request}",
  "Attempts that have a slot of the rate limit and have not ended."
)

/**
 * The number of pauses of the limiter, each after a 429: counter `suprsend.client.limiter.pauses`,
 * in `{pause}`.
 *
 * It has no tags.
 *
 * @since 0.1.0
 * @category metrics
 */
export const limiterPauses: Metric.Metric.Counter<number> = counter(
  "suprsend.client.limiter.pauses",
  "{pause}",
  "Pauses of the rate limiter, each after a 429."
)

/**
 * The number of records of bulk calls: counter `suprsend.client.bulk.records`, in `{record}`.
 *
 * Tag: `outcome`, which is `accepted`, `rejected`, `invalid`, `unknown` or `unsent`. For a call that
 * returned its report, the counts are those of the report.
 *
 * @since 0.1.0
 * @category metrics
 */
export const bulkRecords: Metric.Metric.Counter<number> = counter(
  "suprsend.client.bulk.records",
  "{record}",
  "Records of bulk calls, by outcome."
)

/**
 * The bytes of the bodies of bulk calls: counter `suprsend.client.bulk.bytes`, in bytes (`By`).
 *
 * A body that was sent several times counts once, and one that was not sent does not count. It has
 * no tags.
 *
 * @since 0.1.0
 * @category metrics
 */
export const bulkBytes: Metric.Metric.Counter<number> = counter(
  "suprsend.client.bulk.bytes",
  "By",
  "Bytes of the bodies of bulk calls."
)

/**
 * All metrics of this package, by their names in this module.
 *
 * @since 0.1.0
 * @category metrics
 */
export const all: Metrics.Service = {
  requestDuration,
  requestBodySize,
  callDuration,
  calls,
  retries,
  limiterWait,
  limiterQueue,
  limiterInFlight,
  limiterPauses,
  bulkRecords,
  bulkBytes
}

/**
 * The metrics that clients and limiters update. The default is {@link all}.
 *
 * They are read when the layer of a client or limiter is built.
 *
 * @since 0.1.0
 * @category references
 */
export class Metrics extends Context.Reference<Metrics>()("effect-suprsend/Telemetry/Metrics", {
  defaultValue: (): Metrics.Service => all
}) {}

/**
 * The types of the reference.
 *
 * @since 0.1.0
 */
export declare namespace Metrics {
  /**
   * A metric for each quantity, or false for one that is not measured.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    readonly requestDuration: Metric.Metric.Histogram<number> | false
    readonly requestBodySize: Metric.Metric.Histogram<number> | false
    readonly callDuration: Metric.Metric.Histogram<number> | false
    readonly calls: Metric.Metric.Counter<number> | false
    readonly retries: Metric.Metric.Counter<number> | false
    readonly limiterWait: Metric.Metric.Histogram<number> | false
    readonly limiterQueue: Metric.Metric.Counter<number> | false
    readonly limiterInFlight: Metric.Metric.Counter<number> | false
    readonly limiterPauses: Metric.Metric.Counter<number> | false
    readonly bulkRecords: Metric.Metric.Counter<number> | false
    readonly bulkBytes: Metric.Metric.Counter<number> | false
  }
}

/**
 * Replaces or drops metrics of the clients and limiters that it is provided to.
 *
 * A metric that you do not name stays as it is. Tags that depend on a call are added to yours. If a
 * metric of yours throws, as its `Metric.mapInput` may, that update is lost and the call continues.
 * A limiter that several clients share updates the metrics of the client that was built first.
 *
 * @example
 * ```ts
 * import { Layer, Metric, MetricBoundaries } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import * as Telemetry from "effect-suprsend/Telemetry"
 *
 * const Live = Suprsend.layerConfig().pipe(
 *   Layer.provide(Telemetry.layer({
 *     // Another name, in milliseconds.
 *     callDuration: Metric.histogram("acme.suprsend.calls", MetricBoundaries.fromIterable([10, 100, 1000])).pipe(
 *       Metric.mapInput((seconds: number) => seconds * 1000)
 *     ),
 *     // Not measured.
 *     requestBodySize: false
 *   }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  metrics: { readonly [K in keyof Metrics.Service]?: Metrics.Service[K] | undefined }
): Layer.Layer<Metrics> =>
  Layer.effect(
    Metrics,
    Effect.map(Metrics, (current) => ({
      requestDuration: metrics.requestDuration ?? current.requestDuration,
      requestBodySize: metrics.requestBodySize ?? current.requestBodySize,
      callDuration: metrics.callDuration ?? current.callDuration,
      calls: metrics.calls ?? current.calls,
      retries: metrics.retries ?? current.retries,
      limiterWait: metrics.limiterWait ?? current.limiterWait,
      limiterQueue: metrics.limiterQueue ?? current.limiterQueue,
      limiterInFlight: metrics.limiterInFlight ?? current.limiterInFlight,
      limiterPauses: metrics.limiterPauses ?? current.limiterPauses,
      bulkRecords: metrics.bulkRecords ?? current.bulkRecords,
      bulkBytes: metrics.bulkBytes ?? current.bulkBytes
    }))
  )

/**
 * Drops all metrics of the clients and limiters that it is provided to.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNoop: Layer.Layer<Metrics> = layer({
  requestDuration: false,
  requestBodySize: false,
  callDuration: false,
  calls: false,
  retries: false,
  limiterWait: false,
  limiterQueue: false,
  limiterInFlight: false,
  limiterPauses: false,
  bulkRecords: false,
  bulkBytes: false
})
