import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"

/** What an attribute of OTLP holds, as JSON writes it. */
export interface OtlpValue {
  readonly stringValue?: string
  readonly intValue?: number | string
  readonly doubleValue?: number
  readonly boolValue?: boolean
}

export interface OtlpAttribute {
  readonly key: string
  readonly value: OtlpValue
}

export interface OtlpSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  /** 1 is INTERNAL, 3 is CLIENT. */
  readonly kind: number
  readonly attributes: ReadonlyArray<OtlpAttribute>
  readonly events: ReadonlyArray<{ readonly name: string; readonly attributes: ReadonlyArray<OtlpAttribute> }>
  readonly links: ReadonlyArray<{ readonly spanId: string }>
  /** 1 is OK, 2 is ERROR. */
  readonly status: { readonly code: number; readonly message?: string }
}

export interface OtlpDataPoint {
  readonly attributes: ReadonlyArray<OtlpAttribute>
  readonly asDouble?: number
  readonly asInt?: number | string
  readonly count?: number | string
  readonly sum?: number
  readonly explicitBounds?: ReadonlyArray<number>
}

export interface OtlpMetric {
  readonly name: string
  readonly description: string
  readonly unit: string
  readonly sum?: { readonly isMonotonic: boolean; readonly dataPoints: ReadonlyArray<OtlpDataPoint> }
  readonly gauge?: { readonly dataPoints: ReadonlyArray<OtlpDataPoint> }
  readonly histogram?: { readonly dataPoints: ReadonlyArray<OtlpDataPoint> }
}

export interface OtlpLog {
  readonly severityText: string
  readonly body: OtlpValue
  readonly attributes: ReadonlyArray<OtlpAttribute>
}

/** A span, metric point or log by its attributes, as a plain record. */
export const attributesOf = (
  { attributes }: { readonly attributes: ReadonlyArray<OtlpAttribute> }
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    attributes.map((
      { key, value }
    ) => [key, value.stringValue ?? value.intValue ?? value.doubleValue ?? value.boolValue])
  )

export interface Receiver {
  readonly url: string
  /** Bodies as they arrived, of all signals. */
  readonly bodies: ReadonlyArray<string>
  readonly spans: () => ReadonlyArray<OtlpSpan>
  /** The metrics of the newest export. */
  readonly metrics: () => ReadonlyArray<OtlpMetric>
  readonly logs: () => ReadonlyArray<OtlpLog>
}

interface Traces {
  readonly resourceSpans?: ReadonlyArray<
    { readonly scopeSpans: ReadonlyArray<{ readonly spans: ReadonlyArray<OtlpSpan> }> }
  >
}

interface Metrics {
  readonly resourceMetrics?: ReadonlyArray<
    { readonly scopeMetrics: ReadonlyArray<{ readonly metrics: ReadonlyArray<OtlpMetric> }> }
  >
}

interface Logs {
  readonly resourceLogs?: ReadonlyArray<
    { readonly scopeLogs: ReadonlyArray<{ readonly logRecords: ReadonlyArray<OtlpLog> }> }
  >
}

/** A receiver of OTLP over HTTP and JSON on the loopback interface, for as long as the scope lives. */
export const receiver: Effect.Effect<Receiver, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.async<{ readonly server: Http.Server; readonly received: Array<readonly [path: string, body: string]> }>(
      (resume) => {
        const received: Array<readonly [path: string, body: string]> = []
        const server = Http.createServer((request, response) => {
          const chunks: Array<Buffer> = []
          request.on("data", (chunk: Buffer) => chunks.push(chunk))
          request.on("end", () => {
            received.push([request.url ?? "", Buffer.concat(chunks).toString()])
            response.writeHead(200, { "content-type": "application/json" }).end("{}")
          })
        })
        server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, received })))
      }
    ),
    ({ server }) =>
      Effect.async<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  ),
  ({ received, server }) => {
    const address = server.address()
    const bodiesOf = <A>(path: string): ReadonlyArray<A> =>
      received.flatMap(([at, body]): ReadonlyArray<A> => at === path ? [JSON.parse(body)] : [])
    return {
      url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`,
      get bodies() {
        return received.map(([, body]) => body)
      },
      spans: () =>
        bodiesOf<Traces>("/v1/traces").flatMap(({ resourceSpans = [] }) =>
          resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
        ),
      metrics: () =>
        (bodiesOf<Metrics>("/v1/metrics").at(-1)?.resourceMetrics ?? []).flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(({ metrics }) => metrics)
        ),
      logs: () =>
        bodiesOf<Logs>("/v1/logs").flatMap(({ resourceLogs = [] }) =>
          resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords))
        )
    }
  }
)
