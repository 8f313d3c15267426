/**
 * Faults, and the functions that create them. Part of `effect-suprsend/Sandbox`.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { Cases, checkedEndpoint, garbage } from "../faults/cases.js"
import type * as endpoints from "../protocol/endpoints.js"
import { refuse } from "../protocol/reply.js"
import type { RecordedRequest } from "./record.js"

/**
 * A fault: what goes wrong, and when. Create faults with the functions of this module.
 *
 * A fault is an immutable value, and faults with the same content are `Equal`. The first eight
 * cases describe what happens to a request; they apply to every request until you remove them. The
 * other cases select the requests that another fault applies to, and say when it ends.
 *
 * @since 0.1.0
 * @category faults
 */
export type Fault = Data.TaggedEnum<{
  /** Responds with this status, headers and body. */
  readonly Status: {
    readonly status: number
    readonly headers: { readonly [name: string]: string }
    readonly body: string
    readonly applied: boolean
  }
  /** Delays the response, and then applies `then`. If that is none, the normal response follows. */
  readonly Delay: { readonly duration: Duration.Duration; readonly then: Option.Option<Fault> }
  /** Resets the connection without a response. */
  readonly ResetPeer: { readonly applied: boolean }
  /**
   * Sends the first `bytes` of the body, and then stalls or resets the connection.
   *
   * If `bytes` is none, it sends half of the body.
   */
  readonly TruncateBody: {
    readonly bytes: Option.Option<number>
    readonly then: "reset" | "stall"
    readonly applied: boolean
  }
  /** Responds with 200 and a malformed body. */
  readonly MalformedBody: { readonly body: string; readonly applied: boolean }
  /** Applies the request, and sends the body slowly: `bytes` after each `interval`. */
  readonly SlowBody: { readonly bytes: number; readonly interval: Duration.Duration }
  /** Never responds. */
  readonly NoResponse: { readonly applied: boolean }
  /**
   * Responds with 429 if the limit of the current window is reached.
   *
   * `passed` contains the times of the requests that were let through.
   */
  readonly RateLimit: {
    readonly limit: number
    readonly window: Duration.Duration
    readonly passed: ReadonlyArray<number>
  }
  /** Applies a fault to the requests to one endpoint. */
  readonly On: { readonly endpoint: string; readonly fault: Fault }
  /** Applies a fault to the requests that match a predicate. */
  readonly When: { readonly predicate: (request: RecordedRequest) => boolean; readonly fault: Fault }
  /** Applies a fault a number of times. */
  readonly Next: { readonly times: number; readonly fault: Fault }
  /** Applies a fault for a period of time. `until` is none before the period starts. */
  readonly Lasting: {
    readonly duration: Duration.Duration
    readonly until: Option.Option<number>
    readonly fault: Fault
  }
  /** Applies a fault at random. */
  readonly Sometimes: { readonly probability: number; readonly fault: Fault }
  /** Applies the faults in turn: each starts when the one before it has ended. */
  readonly InOrder: { readonly faults: ReadonlyArray<Fault> }
  /** Tries the faults in order until one settles the response. Their delays add up. */
  readonly Together: { readonly faults: ReadonlyArray<Fault> }
}>

/**
 * A fault that responds with this status. The request is not applied unless `applied` is true.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const storm = Sandbox.status(429, {
 *   retryAfter: "2",
 *   body: "<html>slow down</html>",
 *   contentType: "text/html"
 * })
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const status = (status: number, options?: {
  /** The `Retry-After` header: seconds, or an HTTP date. */
  readonly retryAfter?: string | undefined
  /** The body. The default is the JSON that the vendor sends with errors. */
  readonly body?: string | undefined
  readonly contentType?: string | undefined
  readonly headers?: { readonly [name: string]: string } | undefined
  /**
   * Whether the request is applied.
   *
   * @default false
   */
  readonly applied?: boolean | undefined
}): Fault =>
  Cases.Status({
    status,
    headers: Data.struct({
      "content-type": options?.contentType ?? "application/json",
      ...(options?.retryAfter === undefined ? undefined : { "retry-after": options.retryAfter }),
      ...options?.headers
    }),
    body: options?.body ?? refuse(status, "scripted").body,
    applied: options?.applied ?? false
  })

/**
 * A fault that delays the response, and then applies another fault if one is given.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const slow = Sandbox.delay("5 seconds")
 * const slowFailure = Sandbox.delay("5 seconds", Sandbox.status(503))
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const delay = (duration: Duration.DurationInput, then?: Fault): Fault =>
  Cases.Delay({ duration: Duration.decode(duration), then: Option.fromNullable(then) })

/**
 * A connection that is reset before the server applied the request.
 *
 * @since 0.1.0
 * @category faults
 */
export const resetPeer: Fault = Cases.ResetPeer({ applied: false })

/**
 * A connection that is reset after the request was applied.
 *
 * The client cannot tell it from {@link resetPeer}.
 *
 * @since 0.1.0
 * @category faults
 */
export const resetPeerApplied: Fault = Cases.ResetPeer({ applied: true })

/**
 * A response that ends in the middle of its body. The request was applied.
 *
 * @since 0.1.0
 * @category faults
 */
export const truncateBody: Fault = Cases.TruncateBody({ bytes: Option.none(), then: "reset", applied: true })

/**
 * A response that ends after this many bytes of its body.
 *
 * The request was applied, unless `applied` is false.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const headOnly = Sandbox.truncateBodyAfter(0)
 * const rolledBack = Sandbox.truncateBodyAfter(10, { applied: false })
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const truncateBodyAfter = (bytes: number, options?: { readonly applied?: boolean | undefined }): Fault =>
  Cases.TruncateBody({ bytes: Option.some(bytes), then: "reset", applied: options?.applied ?? true })

/**
 * A response whose body never ends. The request was applied.
 *
 * @since 0.1.0
 * @category faults
 */
export const stall: Fault = Cases.TruncateBody({ bytes: Option.none(), then: "stall", applied: true })

/**
 * A request that never gets a response. It is not applied unless `applied` is true.
 *
 * @since 0.1.0
 * @category faults
 */
export const noResponse = (options?: { readonly applied?: boolean | undefined }): Fault =>
  Cases.NoResponse({ applied: options?.applied ?? false })

/**
 * A response with status 200 and a malformed body.
 *
 * The request was applied, unless `applied` is false.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const portal = Sandbox.malformedBody({
 *   body: "<html>Please log in to this network</html>",
 *   applied: false
 * })
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const malformedBody = (options?: {
  /** The body. By default it is not JSON. */
  readonly body?: string | undefined
  /**
   * Whether the request is applied.
   *
   * @default true
   */
  readonly applied?: boolean | undefined
}): Fault => Cases.MalformedBody({ body: options?.body ?? garbage, applied: options?.applied ?? true })

/**
 * A response whose body arrives slowly, a few bytes at a time. The request was applied.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const slowly = Sandbox.slowBody({ bytes: 16, interval: "1 second" })
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const slowBody = (options: {
  /** The number of bytes sent after each interval. */
  readonly bytes: number
  readonly interval: Duration.DurationInput
}): Fault => Cases.SlowBody({ bytes: options.bytes, interval: Duration.decode(options.interval) })

/**
 * A {@link delay} of every response, until you remove it.
 *
 * @since 0.1.0
 * @category faults
 */
export const latency = (duration: Duration.DurationInput): Fault => delay(duration)

/**
 * A 503 response to every request, until you remove it.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const night = Effect.gen(function*() {
 *   const sandbox = yield* Sandbox.Sandbox
 *   yield* sandbox.faults.add(
 *     Sandbox.lasting("10 minutes", Sandbox.maintenance({ retryAfter: "60" }))
 *   )
 * })
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const maintenance = (options?: {
  /** The `Retry-After` header: seconds, or an HTTP date. By default there is none. */
  readonly retryAfter?: string | undefined
}): Fault => status(503, { retryAfter: options?.retryAfter, body: refuse(503, "down for maintenance").body })

/**
 * A rate limit: at most `limit` requests pass in any window, wherever it starts.
 *
 * Other requests are refused with 429. `Retry-After` says in whole seconds when the next one may
 * pass.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const strict = Sandbox.on("POST /event/", Sandbox.rateLimit({ limit: 5, window: "1 second" }))
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const rateLimit = (options: {
  readonly limit: number
  readonly window: Duration.DurationInput
}): Fault => Cases.RateLimit({ limit: options.limit, window: Duration.decode(options.window), passed: Data.array([]) })

/**
 * An endpoint of the sandbox, spelled as in docs/endpoints.md.
 *
 * In the path, `*` or a name in braces matches one segment. `*` or no method matches every method.
 * `*` alone matches every request.
 *
 * @example
 * ```ts
 * import type * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const events: Sandbox.Endpoint = "POST /event/"
 * const oneUser: Sandbox.Endpoint = "/v1/user/{distinct_id}/"
 * // @ts-expect-error There is no such endpoint.
 * const wrong: Sandbox.Endpoint = "POST /events"
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export type Endpoint =
  | "*"
  | {
    readonly [P in endpoints.Path]: `${"" | "* " | `${endpoints.Method<P>} `}${endpoints.Spelling<P>}`
  }[endpoints.Path]

/**
 * Applies a fault to one endpoint. The query is ignored.
 *
 * An endpoint that the sandbox does not serve is a defect that names the nearest one, because such
 * a fault would never apply. Without type checking, a segment may also be a literal id.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const noEvents = Sandbox.on("POST /event/", Sandbox.maintenance())
 * const noReading = Sandbox.on("GET /v1/user/{distinct_id}/", Sandbox.status(500))
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const on = (endpoint: Endpoint, fault: Fault): Fault => Cases.On({ endpoint: checkedEndpoint(endpoint), fault })

/**
 * Applies a fault to the requests that match a predicate.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const large = Sandbox.when((request) => request.body.length > 100_000, Sandbox.status(413))
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const when = (predicate: (request: RecordedRequest) => boolean, fault: Fault): Fault =>
  Cases.When({ predicate, fault })

/**
 * Applies a fault this many times. The default fault is a 503 response.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const twice = Sandbox.failNext(2, Sandbox.on("POST /event/", Sandbox.resetPeerApplied))
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const failNext = (times: number, fault: Fault = status(503)): Fault => Cases.Next({ times, fault })

/**
 * Applies a fault for a period of time.
 *
 * The period starts when you pass the fault to the sandbox; inside {@link inOrder}, it starts with
 * the fault's turn.
 *
 * @since 0.1.0
 * @category faults
 */
export const lasting = (duration: Duration.DurationInput, fault: Fault): Fault =>
  Cases.Lasting({ duration: Duration.decode(duration), until: Option.none(), fault })

/**
 * Applies a fault with a probability from 0 to 1.
 *
 * It uses Effect's `Random`, so you can repeat a run with the same seed.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const flaky = Sandbox.sometimes(0.1, Sandbox.resetPeer)
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const sometimes = (probability: number, fault: Fault): Fault => Cases.Sometimes({ probability, fault })

/**
 * Applies faults in turn: each starts when the one before it has ended.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const outage = Sandbox.inOrder(
 *   Sandbox.failNext(3, Sandbox.resetPeer),
 *   Sandbox.lasting("1 minute", Sandbox.latency("2 seconds"))
 * )
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const inOrder = (...faults: ReadonlyArray<Fault>): Fault => Cases.InOrder({ faults: Data.array(faults) })

/**
 * Combines faults: they are tried in order until one settles the response.
 *
 * Their delays add up.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const realistic = Sandbox.together(
 *   Sandbox.latency("20 millis"),
 *   Sandbox.rateLimit({ limit: 1000, window: "1 second" }),
 *   Sandbox.sometimes(0.01, Sandbox.resetPeerApplied)
 * )
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const together = (...faults: ReadonlyArray<Fault>): Fault => Cases.Together({ faults: Data.array(faults) })
