/**
 * An in-memory SuprSend that serves as an `HttpClient`, for tests.
 *
 * It implements every endpoint of the users API. It checks signatures, API keys and content types,
 * stores profiles, applies edits, and returns the responses that the vendor documents or that were
 * recorded. You can make it fail, and it records every request. It opens no connection, and it
 * reads the time from Effect's `Clock`, so everything works under `TestClock`.
 *
 * The workspace has the preference categories that `defineCategory` added. A tenant exists once
 * `defineTenant`, an edit or an upsert has named it.
 *
 * Where the vendor's documentation is silent, the sandbox behaves as follows:
 *
 * - Events and synchronous edits create a user that does not exist. Events are applied as soon as
 *   they are accepted. An event whose insert id was accepted before is accepted, but not applied
 *   again. If one event of an array is malformed, the whole array is refused with 400.
 * - `$append` keeps duplicates in a list, but stores an identity of a channel only once. Appending
 *   to a single value turns it into a list. After `$unset`, `$set_once` can set the key again.
 *   `$add` treats a value that is not a number as 0.
 * - Upsert adds the identities to the existing ones and sets each other member as a property.
 *   Members that it does not mention stay unchanged.
 * - Merge keeps the properties of the primary user and adds those that it lacks. Identities,
 *   subscriptions and tenants are combined. The profiles and preferences that the primary user has
 *   for a tenant win. Merging a user into itself is refused (400).
 * - Bulk requests skip users that do not exist. Bulk delete responds with 204.
 * - An edit or upsert for a tenant links the user to the tenant, and creates a user that does not
 *   exist. A user may have many tenants, or only one (`userTenancyMode`).
 * - The tenant endpoints return the tenant profile merged over the user's own, with a member
 *   `tenant`; or the tenant profile alone (`tenantProfiles`). A list filtered by tenant, and `user`
 *   of the service, return it merged key by key. The list is empty for a tenant without users.
 * - For a tenant, an upsert responds with 201, an edit with 202 and unlinking with 204. Unlinking
 *   keeps the preferences for the tenant. If the user is not linked, the tenant is reported as not
 *   found. An event that a tenant rule forbids is accepted but has no effect.
 * - With an API key, an event may omit its workspace, but must not name another one (401).
 * - JSON nested more than 2,100 levels deep is refused (400).
 * - A page has 10 items by default; any positive `limit` is accepted.
 * - Every preference endpoint responds with 404 for a tenant that does not exist. The preferences
 *   for each tenant, and those without a tenant, are independent.
 * - Channel preferences list all channels, restricted or not. Restricting a channel does not change
 *   the categories.
 * - `opt_out_channels` and `opt_in_channels` change only the channels that they name;
 *   `opt_in_channels` is applied last. Changing from `opt_out` to `opt_in` enables all channels of
 *   the category, or only `opt_in_channels` if it names any. `opt_out` disables all channels and
 *   forgets earlier choices.
 * - The default preference is `opt_in`, also for a category that cannot be unsubscribed from;
 *   changing that category is refused with 400. If one part of a change is refused, nothing
 *   changes.
 * - A category that is opted out of has an empty channel list, unless `show_opt_out_channels` is
 *   true. This also holds for the response to a change.
 * - A `tags` parameter that does not start like a JSON object or list is a single tag; an empty one
 *   does not filter. An invalid filter is refused with 400. An empty `and` matches everything, an
 *   empty `or` nothing. Sections without a matching category are omitted.
 * - There are no translations: `locale` has no effect.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as faults from "./internal/sandbox/faults/fault.js"
import { Cases } from "./internal/sandbox/faults/fault.js"
import * as http from "./internal/sandbox/protocol/auth.js"
import type * as endpoints from "./internal/sandbox/protocol/endpoints.js"
import type { Exchange, Incoming } from "./internal/sandbox/protocol/exchange.js"
import { refuse } from "./internal/sandbox/protocol/reply.js"
import * as events from "./internal/sandbox/routes/events.js"
import { handle } from "./internal/sandbox/routes/router.js"
import { isTooDeep, shownDepth } from "./internal/sandbox/store/depth.js"
import * as preferences from "./internal/sandbox/store/preferences.js"
import * as profiles from "./internal/sandbox/store/profile.js"
import * as Settings from "./internal/sandbox/store/settings.js"
import * as snapshots from "./internal/sandbox/store/snapshot.js"
import * as state from "./internal/sandbox/store/state.js"
import * as time from "./internal/sandbox/testClock.js"
import { parseJson } from "./internal/support/json.js"
import { mask } from "./internal/support/mask.js"
import * as timer from "./internal/support/timer.js"
import type { PreferenceChannel } from "./Preferences.js"
import type * as SuprsendConfig from "./SuprsendConfig.js"
import { User } from "./User.js"

/**
 * The sandbox service, to inspect the sandbox and to make it fail.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * // A service that is down for the first request.
 * const test = Effect.gen(function*() {
 *   const sandbox = yield* Sandbox.Sandbox
 *   const users = yield* UsersService
 *   yield* sandbox.script([Sandbox.status(503, { retryAfter: "0" })])
 *   yield* users.list()
 *   return (yield* sandbox.requests).map((request) => request.status) // [503, 200]
 * }).pipe(Effect.provide(Suprsend.layerTest))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class Sandbox extends Context.Tag("effect-suprsend/Sandbox")<Sandbox, Sandbox.Service>() {}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace Sandbox {
  /**
   * Operations of a sandbox for use in tests.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** All requests that arrived, in order. */
    readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
    /** All requests that contained an insert id, by insert id, including failed ones. */
    readonly attempts: Effect.Effect<ReadonlyMap<string, ReadonlyArray<RecordedRequest>>>
    /** The accepted insert ids, each once, in the order of first acceptance. */
    readonly acceptedInsertIds: Effect.Effect<ReadonlyArray<string>>
    /** The applied events, one per insert id, in the order of acceptance. */
    readonly deliveries: Effect.Effect<ReadonlyArray<Delivery>>
    /** All users, in the order of creation. */
    readonly users: Effect.Effect<ReadonlyArray<User>>
    /**
     * Returns a user, or none if it does not exist.
     *
     * With a tenant, its profile for the tenant is merged over its own, which is the profile that
     * SuprSend sends with.
     */
    readonly user: (
      distinctId: string,
      options?: { readonly tenantId?: string | undefined }
    ) => Effect.Effect<Option.Option<User>>
    /** Subscribes a user to an object, as if another application had done so. */
    readonly subscribeToObject: (
      distinctId: string,
      object: { readonly objectType: string; readonly objectId: string }
    ) => Effect.Effect<void>
    /** Subscribes a user to a list, as if another application had done so. */
    readonly subscribeToList: (
      distinctId: string,
      list: { readonly listId: string; readonly name?: string | undefined }
    ) => Effect.Effect<void>
    /** Adds a preference category to the workspace, or replaces the one with the same slug. */
    readonly defineCategory: (category: CategoryDefinition) => Effect.Effect<void>
    /** Adds a tenant to the workspace, or renames it. */
    readonly defineTenant: (tenant: {
      readonly tenantId: string
      readonly name?: string | undefined
    }) => Effect.Effect<void>
    /** Queues faults for the next requests, one fault per request, after those already queued. */
    readonly script: (faults: Iterable<Fault>) => Effect.Effect<void>
    /** The faults in effect. */
    readonly faults: Faults
    /**
     * The state of the service as JSON, for storing it and restoring it later.
     *
     * It contains users, deliveries, pending events, tenants and categories, with tokens in clear.
     * It does not contain recorded requests or faults.
     */
    readonly snapshot: Effect.Effect<string>
    /** Replaces the state of the service with a snapshot. */
    readonly restore: (snapshot: string) => Effect.Effect<void, InvalidSnapshot>
  }

  /**
   * The faults in effect.
   *
   * For each request they are tried in order, before those of `script`, until one of them settles
   * the response.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Faults {
    /** The remaining faults, including those of `script`. */
    readonly all: Effect.Effect<ReadonlyArray<Fault>>
    /** Adds faults after the existing ones. */
    readonly add: (...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
    /** Replaces all faults, including those of `script`. */
    readonly replace: (faults: Iterable<Fault>) => Effect.Effect<void>
    /** Removes all faults, including those of `script`. */
    readonly clear: Effect.Effect<void>
  }

  /**
   * A preference category, as you would define it in SuprSend's dashboard.
   *
   * @since 0.1.0
   * @category models
   */
  export interface CategoryDefinition {
    /** The slug. */
    readonly category: string
    /** The display name. The default is the slug. */
    readonly name?: string | undefined
    /** The section that contains the category. By default it has none. */
    readonly section?: string | undefined
    readonly description?: string | undefined
    /**
     * The preference that applies until the user changes it. Null means "opt_in".
     *
     * @default "opt_in"
     */
    readonly originalPreference?: "opt_in" | "opt_out" | "cant_unsubscribe" | null | undefined
    /** The channels of the category. By default it has all of them. */
    readonly channels?: ReadonlyArray<PreferenceChannel> | undefined
    /** The tags of the category. By default it has none, and responses omit them. */
    readonly tags?: ReadonlyArray<string> | undefined
  }
}

/**
 * A recorded request. Printing it masks credentials and tokens.
 *
 * @since 0.1.0
 * @category models
 */
export class RecordedRequest extends Data.Class<{
  readonly method: string
  /** The path and query of the request line. */
  readonly uri: string
  readonly headers: { readonly [name: string]: string }
  /** The body as text, or "" if there is none. */
  readonly body: string
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number
  /**
   * The status of the response.
   *
   * It is undefined while no response has been sent, and stays undefined if the connection was
   * reset.
   */
  readonly status: number | undefined
}> {
  /** The body parsed as JSON, or undefined if it is not JSON. */
  get json(): unknown {
    return Option.getOrUndefined(parseJson(this.body))
  }

  /**
   * Returns the printed form, with credentials and tokens masked.
   *
   * @since 0.1.0
   */
  toJSON(): unknown {
    return {
      method: this.method,
      uri: this.uri,
      headers: { ...this.headers, ...("authorization" in this.headers ? { authorization: "<redacted>" } : undefined) },
      body: isTooDeep(this.body, shownDepth) ? "<too deep>" : mask(this.json),
      at: this.at,
      status: this.status ?? null
    }
  }

  /**
   * Returns the printed form for `util.inspect` and `console.log`.
   *
   * @since 0.1.0
   */
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * An edit that arrived as an event and was applied. Printing it masks tokens.
 *
 * @since 0.1.0
 * @category models
 */
export class Delivery extends Data.Class<{
  readonly insertId: string
  readonly distinctId: string
  readonly tenantId: string | undefined
  /** The operations as they were sent. */
  readonly operations: unknown
  /** When it was accepted, each time, in milliseconds since the epoch. */
  readonly arrivals: ReadonlyArray<number>
  /** When it was applied. There is one entry, unless its insert id expired (`insertIdLifetime`). */
  readonly applied: ReadonlyArray<number>
}> {
  /**
   * Returns the printed form, with tokens masked.
   *
   * @since 0.1.0
   */
  toJSON(): unknown {
    return { ...this, tenantId: this.tenantId ?? null, operations: mask(this.operations) }
  }

  /**
   * Returns the printed form for `util.inspect` and `console.log`.
   *
   * @since 0.1.0
   */
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * The text is not a snapshot of this version of the sandbox. Nothing was changed.
 *
 * Pass the text that `snapshot` returned. The error says where the text is wrong, and contains none
 * of it.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidSnapshot extends Schema.TaggedError<InvalidSnapshot>("effect-suprsend/Sandbox/InvalidSnapshot")(
  "InvalidSnapshot",
  {
    /** The paths of the invalid members. */
    paths: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    const where = this.paths.filter((path) => path !== "").join(", ")
    return `Sandbox.restore: nothing was changed, because this is not a snapshot${
      where === "" ? "" : ` (${where})`
    }: ` +
      "pass the text that `snapshot` returned"
  }
}

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
   * Sends the head and the first `bytes` of the body, and then stalls or resets the connection.
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
 * const storm = Sandbox.status(429, { retryAfter: "2", body: "<html>slow down</html>", contentType: "text/html" })
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
 * const portal = Sandbox.malformedBody({ body: "<html>Please log in to this network</html>", applied: false })
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
}): Fault => Cases.MalformedBody({ body: options?.body ?? faults.garbage, applied: options?.applied ?? true })

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
 *   yield* sandbox.faults.add(Sandbox.lasting("10 minutes", Sandbox.maintenance({ retryAfter: "60" })))
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
export const on = (endpoint: Endpoint, fault: Fault): Fault =>
  Cases.On({ endpoint: faults.checkedEndpoint(endpoint), fault })

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
 * const outage = Sandbox.inOrder(Sandbox.failNext(3, Sandbox.resetPeer), Sandbox.lasting("1 minute", Sandbox.latency("2 seconds")))
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

/**
 * The workspace credentials that every sandbox accepts, with its base URL.
 *
 * Use them to configure a client of your own.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * // With the rate limit on, unlike in `Suprsend.layerTest`: under `TestClock` whoever waits for it waits for the clock to be moved.
 * const Limited = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layer({ ...Sandbox.credentials, rateLimit: { limit: 5, window: "1 second" } })),
 *   Layer.provideMerge(Sandbox.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category credentials
 */
export const credentials: SuprsendConfig.WorkspaceCredentials & { readonly baseUrl: string } = {
  workspaceKey: "sandbox-workspace-key",
  workspaceSecret: Redacted.make("sandbox-workspace-secret"),
  baseUrl: "http://sandbox.localhost/"
}

/**
 * The API key that every sandbox accepts too, with its workspace and base URL.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * const ByApiKey = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layer(Sandbox.apiKeyCredentials)),
 *   Layer.provideMerge(Sandbox.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category credentials
 */
export const apiKeyCredentials: SuprsendConfig.ApiKeyCredentials & {
  readonly workspaceUid: string
  readonly baseUrl: string
} = {
  apiKey: Redacted.make("sandbox-api-key"),
  workspaceUid: "sandbox-workspace-uid",
  baseUrl: credentials.baseUrl
}

/**
 * Options that select the behaviour where the vendor's documentation is silent.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /**
   * The number of items on a page if a request has no `limit`.
   *
   * @default 10
   */
  readonly pageSize?: number | undefined
  /**
   * Whether `$append` adds a value that the list already contains.
   *
   * An identity of a channel is always stored once.
   *
   * @default true
   */
  readonly appendKeepsDuplicates?: boolean | undefined
  /**
   * Whether `$set_once` sets a property again after `$unset`.
   *
   * @default true
   */
  readonly unsetReopensSetOnce?: boolean | undefined
  /**
   * Whether a synchronous edit creates a user that does not exist.
   *
   * Otherwise it responds with 404.
   *
   * @default true
   *
   * @default true
   */
  readonly editCreatesUser?: boolean | undefined
  /**
   * How an array with a malformed event is handled.
   *
   * "refuseAll" refuses the whole array with 400; "drop" accepts the event without applying it.
   *
   * @default "refuseAll"
   */
  readonly malformedEvents?: "refuseAll" | "drop" | undefined
  /**
   * How long after acceptance an event is applied. By default it is applied immediately.
   *
   * @default 0
   */
  readonly processingDelay?: Duration.DurationInput | undefined
  /**
   * How long an accepted insert id prevents its event from being applied again.
   *
   * By default it never expires. With 0, duplicates are always applied.
   */
  readonly insertIdLifetime?: Duration.DurationInput | undefined
  /**
   * Whether a user may belong to many tenants ("shared") or to one only ("exclusive").
   *
   * With "exclusive", linking a second tenant is refused with 400, and an event for it has no
   * effect. New workspaces of SuprSend are "exclusive".
   *
   * @default "shared"
   */
  readonly userTenancyMode?: "shared" | "exclusive" | undefined
  /**
   * Whether a tenant must be defined with `defineTenant` before it is used.
   *
   * If true, an edit or upsert for another tenant is refused with 404, and an event for it has no
   * effect.
   *
   * @default false
   */
  readonly tenantsMustExist?: boolean | undefined
  /**
   * Whether the tenant endpoints return the tenant profile alone ("own") or merged over the user's.
   *
   * @default "effective"
   */
  readonly tenantProfiles?: "own" | "effective" | undefined
  /**
   * Whether `$remove` and `$unset` delete an address, or keep it as inactive.
   *
   * @default "delete"
   */
  readonly removedAddresses?: "delete" | "inactive" | undefined
  /**
   * The number of recorded requests to keep; the oldest are dropped first. By default all are kept.
   */
  readonly keepRequests?: number | undefined
  /**
   * The total number of characters of recorded requests to keep. By default there is no limit.
   *
   * It counts request lines, headers and bodies; the oldest requests are dropped first.
   */
  readonly keepCharacters?: number | undefined
}

/**
 * Makes an empty sandbox, with a client that sends requests to it.
 *
 * `sandbox` is the service to inspect it. `respond` handles a single request. Use it to serve the
 * sandbox over another protocol.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<{
  readonly sandbox: Sandbox.Service
  readonly client: HttpClient.HttpClient
  readonly respond: (incoming: Incoming) => Effect.Effect<Exchange>
}> => Effect.map(makeMachine(options), ({ client, respond, sandbox }) => ({ client, respond, sandbox }))

/**
 * The sandbox with the additional parts that its server and CLI need.
 *
 * @internal
 */
export interface Machine {
  readonly sandbox: Sandbox.Service
  readonly client: HttpClient.HttpClient
  readonly respond: (incoming: Incoming) => Effect.Effect<Exchange>
  /** The current state, the recorded requests, and the number of dropped requests. */
  readonly look: Effect.Effect<{
    readonly state: state.State
    readonly requests: ReadonlyArray<RecordedRequest>
    readonly forgotten: number
  }>
}

/** @internal */
export const makeMachine = (options: Options): Effect.Effect<Machine> =>
  Effect.gen(function*() {
    const settings = Settings.make(options)
    const world = yield* Ref.make(state.empty)
    const record = recording(options)
    const script = yield* Ref.make(faults.empty)
    const changeScript = (change: (script: faults.Script, now: number) => faults.Script): Effect.Effect<void> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.update(script, (script) => change(script, now)))

    const treat = (request: RecordedRequest, now: number): Effect.Effect<faults.Treatment> =>
      Effect.flatMap(Ref.get(script), (current) =>
        Effect.flatMap(faults.isRandom(current) ? Random.next : Effect.succeed(0), (random) =>
          Ref.modify(script, (script) =>
            faults.step(script, request, now, random))))

    const play = (request: RecordedRequest, outcome: faults.Treatment["outcome"]): Effect.Effect<Exchange> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Ref.modify(world, (before) => {
          const [path, query] = http.splitUri(request.uri)
          const [answer, after] = Either.match(http.authorize(request, accepted), {
            onLeft: (refused) =>
              [refused, before] as const,
            onRight: ({ env }) =>
              handle(before, { method: request.method, path, query, body: request.body, now, settings, env })
          })
          return [faults.toExchange(outcome, answer), faults.isCarriedOut(outcome) ? after : before]
        }))

    const respond = (incoming: Incoming): Effect.Effect<Exchange> =>
      Effect.gen(function*() {
        const at = yield* Clock.currentTimeMillis
        const arrived = new RecordedRequest({
          ...incoming,
          headers: { ...incoming.headers },
          at,
          status: undefined
        })
        const position = record.add(arrived)
        const { delay, outcome } = yield* treat(arrived, at)
        // A sleep of zero would still yield to the event loop.
        if (Duration.toMillis(delay) > 0) {
          yield* timer.sleep(delay)
        }
        const exchange = yield* play(arrived, outcome)
        const status = "status" in exchange ? exchange.status : undefined
        record.replace(position, new RecordedRequest({ ...arrived, status }))
        return exchange
      })

    // As Node's `http` reports it.
    const hangUp = () => Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })

    const client = HttpClient.make((request, url, signal) =>
      Effect.flatMap(
        respond({
          method: request.method,
          uri: url.pathname + url.search,
          headers: request.headers,
          body: request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
        }),
        (exchange) => {
          switch (exchange._tag) {
            case "ResetPeer":
              return Effect.fail(
                new HttpClientError.RequestError({ request, reason: "Transport", cause: hangUp() })
              )
            case "NoResponse":
              return Effect.never
            default:
              return Effect.map(http.toResponse(exchange, signal), (response) =>
                HttpClientResponse.fromWeb(request, response))
          }
        }
      )
    )

    const subscribe = (kind: "objects" | "lists", distinctId: string, target: string, json: Record<string, unknown>) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (now) =>
          Ref.update(world, (world) =>
            state.subscribe(world, kind, distinctId, [
              { target, json: { ...json, created_at: profiles.timestamp(now) } }
            ]))
      )

    const settled = Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Ref.updateAndGet(world, (world) => events.settle(world, now, settings))
    )

    const sandbox: Sandbox.Service = {
      requests: record.all,
      attempts: Effect.map(record.all, attemptsOf),
      acceptedInsertIds: Effect.map(settled, (world) => state.deliveries(world).map(([insertId]) => insertId)),
      deliveries: Effect.map(settled, (world) => state.deliveries(world).flatMap(toDelivery)),
      users: Effect.map(settled, (world) => Array.from(state.accounts(world), ({ profile }) => toUser(profile))),
      user: (distinctId, options) =>
        Effect.map(settled, (world) =>
          Option.map(
            state.account(world, distinctId),
            (account) => toUser(state.effectiveProfile(account, options?.tenantId ?? ""))
          )),
      subscribeToObject: (distinctId, { objectId, objectType }) =>
        subscribe("objects", distinctId, JSON.stringify([objectType, objectId]), {
          object: { id: objectId, object_type: objectType, properties: {} },
          properties: {}
        }),
      subscribeToList: (distinctId, { listId, name }) =>
        subscribe("lists", distinctId, listId, {
          list: { list_id: listId, list_name: name ?? listId, list_type: "static_list" }
        }),
      defineCategory: ({ category, channels, description, name, originalPreference, section, tags }) =>
        Ref.update(world, (world) =>
          state.defineCategory(world, {
            slug: category,
            name: name ?? category,
            section,
            description,
            original: originalPreference === undefined ? "opt_in" : originalPreference,
            channels: channels ?? preferences.channels,
            tags
          })),
      defineTenant: ({ name, tenantId }) => Ref.update(world, (world) => state.define(world, tenantId, name)),
      script: (more) => changeScript((script, now) => faults.enqueue(script, more, now)),
      faults: {
        all: Effect.map(Ref.get(script), faults.toFaults),
        add: (...more) => changeScript((script, now) => faults.add(script, more, now)),
        replace: (more) => changeScript((_, now) => faults.add(faults.empty, Array.from(more), now)),
        clear: Ref.set(script, faults.empty)
      },
      snapshot: Effect.flatMap(settled, snapshots.encode),
      restore: (snapshot) =>
        snapshots.decode(snapshot).pipe(
          Effect.mapError((paths) => new InvalidSnapshot({ paths: paths.map((path) => path.map(String).join(".")) })),
          Effect.flatMap((state) => Ref.set(world, state))
        )
    }

    return {
      sandbox,
      client,
      respond,
      look: Effect.map(
        Effect.all([settled, record.all, record.forgotten]),
        ([state, requests, forgotten]) => ({ state, requests, forgotten })
      )
    }
  })

const accepted = { workspace: credentials, apiKey: apiKeyCredentials }

/** Records requests within the limits on their number and total size. */
const recording = ({ keepCharacters = Infinity, keepRequests = Infinity }: Options) => {
  const kept = new Map<number, RecordedRequest>()
  let arrivals = 0
  let characters = 0
  const forgetOldest = () => {
    for (const [position, request] of kept) {
      // The latest request is always kept. It may exceed the limit, but only by the size of one
      // request.
      if (kept.size <= keepRequests && (characters <= keepCharacters || kept.size === 1)) return
      kept.delete(position)
      characters -= lengthOf(request)
    }
  }
  return {
    add: (request: RecordedRequest): number => {
      kept.set(arrivals, request)
      characters += lengthOf(request)
      forgetOldest()
      return arrivals++
    },
    /** Replaces a request with one that differs only in its status. */
    replace: (position: number, request: RecordedRequest): void => {
      if (kept.has(position)) kept.set(position, request)
    },
    all: Effect.sync(() => [...kept.values()]),
    forgotten: Effect.sync(() => arrivals - kept.size)
  }
}

const lengthOf = ({ body, headers, method, uri }: RecordedRequest): number =>
  Object.entries(headers).reduce(
    (sum, [name, value]) => sum + name.length + value.length,
    method.length + uri.length + body.length
  )

const toDelivery = ([insertId, delivery]: readonly [string, state.Delivery]): ReadonlyArray<Delivery> =>
  delivery.applied.length === 0 ? [] : [
    new Delivery({
      insertId,
      distinctId: delivery.distinctId,
      tenantId: delivery.tenantId,
      operations: delivery.operations,
      arrivals: delivery.arrivals,
      applied: delivery.applied
    })
  ]

const attemptsOf = (requests: Iterable<RecordedRequest>): ReadonlyMap<string, ReadonlyArray<RecordedRequest>> => {
  const attempts = new Map<string, Array<RecordedRequest>>()
  for (const request of requests) {
    if (request.method !== "POST" || http.splitUri(request.uri)[0] !== "/event/") continue
    for (const insertId of events.insertIds(request.json)) {
      const those = attempts.get(insertId) ?? []
      attempts.set(insertId, those)
      those.push(request)
    }
  }
  return attempts
}

const toUser = (profile: profiles.Profile): User => new User(profiles.toJson(profile))

const context = (
  { client, sandbox }: { readonly sandbox: Sandbox.Service; readonly client: HttpClient.HttpClient }
): Context.Context<Sandbox | HttpClient.HttpClient> =>
  Context.make(Sandbox, sandbox).pipe(Context.add(HttpClient.HttpClient, client))

/**
 * Provides a sandbox with other behaviour where the vendor's documentation is silent.
 *
 * @see {@link layer} for the defaults.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * // Events take effect a second after they are accepted, and nothing waits for a rate limit.
 * const Late = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
 *   Layer.provide(RateLimiter.layerNoop),
 *   Layer.provideMerge(Sandbox.layerWith({ processingDelay: "1 second" }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWith = (options: Options): Layer.Layer<Sandbox | HttpClient.HttpClient> =>
  Layer.effectContext(Effect.map(make(options), context))

/**
 * Provides an `HttpClient` backed by an empty sandbox, and the `Sandbox` service to inspect it.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 *
 * const ClientTest = SuprsendClient.layer(Sandbox.credentials).pipe(Layer.provideMerge(Sandbox.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Sandbox | HttpClient.HttpClient> = layerWith({})

/**
 * Runs an effect under the `TestClock`, and advances the clock whenever the effect waits.
 *
 * Retries, timeouts and rate limits happen immediately and in their order. You need not fork the
 * effect.
 *
 * The clock advances only when every fiber is waiting. With real sockets, a response may still be
 * on its way. Then set `longest`, the longest wait that may be skipped, to a value below your
 * timeouts.
 *
 * @example
 * ```ts
 * import { expect, it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { edit, increment } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * it.effect("counts a visit once, although two answers are lost", () =>
 *   Effect.gen(function*() {
 *     const users = yield* UsersService
 *     const sandbox = yield* Sandbox.Sandbox
 *     yield* sandbox.faults.add(Sandbox.failNext(2, Sandbox.resetPeerApplied))
 *     yield* Sandbox.runToCompletion(users.asyncEdit(increment(edit("user-42"), "visits", 1)))
 *     expect((yield* users.get("user-42")).properties.visits).toBe(1)
 *   }).pipe(Effect.provide(Suprsend.layerTest)))
 * ```
 *
 * @since 0.1.0
 * @category testing
 */
export const runToCompletion = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  options?: { readonly longest?: Duration.DurationInput | undefined }
): Effect.Effect<A, E, R> => time.runToCompletion(effect, Duration.toMillis(options?.longest ?? Duration.infinity))
