import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import type * as Metric from "effect/Metric"
import * as MetricLabel from "effect/MetricLabel"
import { Metrics } from "../../Telemetry.js"

/** @internal */
export type Labels = ReadonlyArray<MetricLabel.MetricLabel>

/**
 * Returns the labels of `Effect.tagMetrics` around a fiber, as `Metric.update` would add them.
 *
 * @internal
 */
export const labelsOf = (fiber: Fiber.RuntimeFiber<unknown, unknown>): Labels =>
  fiber.getFiberRef(FiberRef.currentMetricLabels)

/**
 * The server that a client sends to.
 *
 * @internal
 */
export interface Server {
  readonly address: string
  readonly port: number
}

/**
 * Updates the metrics of a client.
 *
 * It updates them without an effect, and makes the labels once for each combination of tags: each
 * attempt of each call takes this path (`npm run bench -- --only telemetry`).
 *
 * @internal
 */
export class Meters {
  private readonly own = new Known()
  // The labels of `Effect.tagMetrics` belong to its caller, and must not be kept longer.
  private readonly byCaller = new WeakMap<Labels, Known>()

  constructor(private readonly metrics: Metrics.Service) {}

  /**
   * Records an attempt that ended.
   *
   * @param status the status, if there was a response
   * @param error why it failed, if it did
   */
  attempt(
    caller: Labels,
    { address, port }: Server,
    method: string,
    template: string,
    seconds: number,
    bodyBytes: number,
    status: number | undefined,
    error: string | undefined
  ): void {
    const { requestBodySize, requestDuration } = this.metrics
    if (requestDuration === false && requestBodySize === false) return
    const known = this.known(caller).at("attempt").at(template).at(method).at(status).at(error)
    const labels = known.labels ??= labelled(caller, [
      ["http.request.method", method],
      ["url.template", template],
      ["server.address", address],
      ["server.port", String(port)],
      ["http.response.status_code", status?.toString()],
      ["error.type", error]
    ])
    update(requestDuration, seconds, labels)
    if (bodyBytes > 0) update(requestBodySize, bodyBytes, labels)
  }

  /** Records a call that ended. */
  call(caller: Labels, call: string, outcome: string, seconds: number): void {
    const { callDuration, calls } = this.metrics
    if (callDuration === false && calls === false) return
    const known = this.known(caller).at("call").at(call).at(outcome)
    const labels = known.labels ??= labelled(caller, [["call", call], ["outcome", outcome]])
    update(calls, 1, labels)
    update(callDuration, seconds, labels)
  }

  /** Records a retry. */
  retry(caller: Labels, reason: string): void {
    const known = this.known(caller).at("retry").at(reason)
    update(this.metrics.retries, 1, known.labels ??= labelled(caller, [["reason", reason]]))
  }

  /** Records records of a bulk that have an outcome. */
  records(caller: Labels, outcome: string, count: number): void {
    if (count === 0) return
    const known = this.known(caller).at("bulk").at(outcome)
    update(this.metrics.bulkRecords, count, known.labels ??= labelled(caller, [["outcome", outcome]]))
  }

  /** Records the body of a request of a bulk. */
  bytes(caller: Labels, bytes: number): void {
    update(this.metrics.bulkBytes, bytes, caller)
  }

  private known(caller: Labels): Known {
    if (caller.length === 0) return this.own
    let known = this.byCaller.get(caller)
    if (known === undefined) {
      known = new Known()
      this.byCaller.set(caller, known)
    }
    return known
  }
}

/** Labels by the values of their tags. A text that joins the values would be made for each update. */
class Known {
  labels: Labels | undefined
  private readonly next = new Map<string | number | undefined, Known>()

  at(value: string | number | undefined): Known {
    let known = this.next.get(value)
    if (known === undefined) {
      known = new Known()
      this.next.set(value, known)
    }
    return known
  }
}

const labelled = (
  caller: Labels,
  tags: ReadonlyArray<readonly [name: string, value: string | undefined]>
): Labels => [
  ...caller,
  ...tags.flatMap(([name, value]) => value === undefined ? [] : [MetricLabel.make(name, value)])
]

/**
 * Updates the metrics of a limiter.
 *
 * @internal
 */
export class LimiterMeters {
  constructor(private readonly metrics: Metrics.Service, private readonly labels: Labels) {}

  /** Adds to the number of attempts that wait for a slot. */
  queue(change: 1 | -1): void {
    update(this.metrics.limiterQueue, change, this.labels)
  }

  /**
   * Records an attempt that got its slot.
   *
   * @param milliseconds how long it waited
   */
  start(milliseconds: number): void {
    update(this.metrics.limiterWait, milliseconds / 1_000, this.labels)
    update(this.metrics.limiterInFlight, 1, this.labels)
  }

  /** Records the end of an attempt. */
  end(): void {
    update(this.metrics.limiterInFlight, -1, this.labels)
  }

  /** Records a pause. */
  pause(): void {
    update(this.metrics.limiterPauses, 1, this.labels)
  }
}

/**
 * Makes the meters of a limiter, with the metrics and labels in context.
 *
 * @internal
 */
export const ofLimiter: Effect.Effect<LimiterMeters> = Effect.zipWith(
  Metrics,
  Effect.metricLabels,
  (metrics, labels) => new LimiterMeters(metrics, labels)
)

const update = <Type, Out>(metric: Metric.Metric<Type, number, Out> | false, value: number, labels: Labels): void => {
  if (metric === false) return
  try {
    metric.unsafeUpdate(value, labels)
  } catch {
    // A metric of yours may throw. That must not cost a call its result, or a limiter its slots.
  }
}
