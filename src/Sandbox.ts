/**
 * SuprSend in memory, as an `HttpClient`: the test layer.
 *
 * It checks signatures, API keys and content types, keeps profiles, applies edits, pages and deletes, with the responses that
 * the vendor documents or that were recorded. It can be told to fail, and it remembers every request. Nothing leaves the process, and time is
 * that of Effect's `Clock`, so everything works under `TestClock`.
 *
 * Every endpoint of the users API is there. The categories of the workspace are those that `defineCategory` gave it,
 * and a tenant exists once `defineTenant`, an edit or an upsert has named it.
 *
 * Where the vendor's documents are silent, it behaves so:
 *
 * - Events and synchronous edits create the user if there is none. Events are applied as soon as they are accepted. An
 *   insert id that was accepted before is accepted again, and not applied again. One malformed event has the whole
 *   array refused with 400.
 * - `$append` keeps duplicates in a list, and holds an identity once on a channel; a single value becomes the first of
 *   a list. `$unset` opens a key to `$set_once` again; `$add` takes what is no number for 0.
 * - Upsert adds the identities to those that are there, and sets each other member as a property; what it does not
 *   mention stays.
 * - Merge: the properties of the primary user win, and those that it lacks come from the other; identities,
 *   subscriptions and tenants join; the primary's profile for a tenant wins, and so do its preferences. A user is not
 *   merged into itself (400).
 * - Bulk requests pass over users that do not exist. Bulk delete answers 204.
 * - An edit or an upsert for a tenant links the user to it, and creates the user if there is none; a user may have many
 *   tenants, or one alone (`userTenancyMode`). The tenant's endpoints show the profile for the tenant laid over the
 *   user's own, with a member `tenant`, or alone (`tenantProfiles`); a list filtered by tenant, and `user` of the
 *   service, show it laid over the user's own, key by key. The list is empty for a tenant without users. Upsert answers
 *   201, an edit 202, unlinking 204. Unlinking leaves the preferences for the tenant. Where the user is not linked, the
 *   tenant is said to be not found. An event that a tenant stands in the way of is accepted, and comes to nothing.
 * - With an API key, an event may leave out its workspace, but not name another one (401).
 * - What is nested more than 2,100 levels deep is refused (400).
 * - Pages have 10 items unless `limit` says otherwise, and any positive limit is taken.
 * - Preferences for a tenant that does not exist are 404 on every endpoint. Those for a tenant and those for none are
 *   apart.
 * - Preferences of channels list all channels, restricted or not. Restricting one leaves the categories as they are.
 * - `opt_out_channels` and `opt_in_channels` change the channels that they name, the latter last, and the others stay.
 *   From `opt_out` to `opt_in`, all channels of the category are taken, or only those of `opt_in_channels` if it names
 *   any. `opt_out` takes them all away, and forgets what was chosen. A preference that is left out is `opt_in`, as is a
 *   category that cannot be unsubscribed from; to change that one is refused with 400. A change that is refused in part
 *   changes nothing.
 * - A category that is opted out of has an empty list of channels unless `show_opt_out_channels` is true, after a
 *   change too.
 * - `tags` that does not begin like an object or a list in JSON is a single tag, and an empty one is no filter. An
 *   object or a list that is no filter is refused with 400. `and` of nothing holds, `or` of nothing does not. Sections
 *   without a category that is left are left out.
 * - There are no translations: `locale` changes nothing.
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
 * The sandbox behind the client, to look inside and to make it fail.
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
   * What a test can ask a sandbox, and tell it.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Every request that arrived, in order. */
    readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
    /** Of each insert id, the requests with which it arrived, whether they were applied or not. */
    readonly attempts: Effect.Effect<ReadonlyMap<string, ReadonlyArray<RecordedRequest>>>
    /** The insert ids that were accepted, each once, in the order in which they first were. */
    readonly acceptedInsertIds: Effect.Effect<ReadonlyArray<string>>
    /** What was sent as events and has taken effect: one entry an insert id, in the order in which they were accepted. */
    readonly deliveries: Effect.Effect<ReadonlyArray<Delivery>>
    /** Every user, in the order in which they were made. */
    readonly users: Effect.Effect<ReadonlyArray<User>>
    /** One user; for a tenant, the profile for the tenant laid over its own, as SuprSend sends by it. */
    readonly user: (
      distinctId: string,
      options?: { readonly tenantId?: string | undefined }
    ) => Effect.Effect<Option.Option<User>>
    /** Subscribes a user to an object, as if it had been done elsewhere. */
    readonly subscribeToObject: (
      distinctId: string,
      object: { readonly objectType: string; readonly objectId: string }
    ) => Effect.Effect<void>
    /** Subscribes a user to a list, as if it had been done elsewhere. */
    readonly subscribeToList: (
      distinctId: string,
      list: { readonly listId: string; readonly name?: string | undefined }
    ) => Effect.Effect<void>
    /** Adds a preference category to the workspace, or puts it in the place of the one with the same slug. */
    readonly defineCategory: (category: CategoryDefinition) => Effect.Effect<void>
    /** Adds a tenant to the workspace, or names it. */
    readonly defineTenant: (tenant: {
      readonly tenantId: string
      readonly name?: string | undefined
    }) => Effect.Effect<void>
    /** Has the next requests fail, one fault each, after those that were scripted before. */
    readonly script: (faults: Iterable<Fault>) => Effect.Effect<void>
    /** What goes wrong from now on. */
    readonly faults: Faults
    /**
     * All that the service knows (users, deliveries, events still to be applied, tenants, categories) as JSON, to be kept
     * elsewhere. It holds tokens as they are. Recorded requests and faults are not part of it.
     */
    readonly snapshot: Effect.Effect<string>
    /** Puts a snapshot in the place of all that the service knows. */
    readonly restore: (snapshot: string) => Effect.Effect<void, InvalidSnapshot>
  }

  /**
   * The faults that stand. They are asked in their order, and before those of `script`, until one of them settles the answer.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Faults {
    /** What is left of them, and of those of `script`. */
    readonly all: Effect.Effect<ReadonlyArray<Fault>>
    /** Puts more of them behind those that stand. */
    readonly add: (...faults: ReadonlyArray<Fault>) => Effect.Effect<void>
    /** Puts these in the place of all, and of those of `script`. */
    readonly replace: (faults: Iterable<Fault>) => Effect.Effect<void>
    /** Takes all of them away, and those of `script`. */
    readonly clear: Effect.Effect<void>
  }

  /**
   * A preference category, as it is set up on the vendor's dashboard.
   *
   * @since 0.1.0
   * @category models
   */
  export interface CategoryDefinition {
    /** The slug. */
    readonly category: string
    /** Default: the slug. */
    readonly name?: string | undefined
    /** The heading that it stands below. Default: none. */
    readonly section?: string | undefined
    readonly description?: string | undefined
    /** What holds until the user says otherwise; null is as good as "opt_in". Default: "opt_in". */
    readonly originalPreference?: "opt_in" | "opt_out" | "cant_unsubscribe" | null | undefined
    /** Default: all. */
    readonly channels?: ReadonlyArray<PreferenceChannel> | undefined
    /** Default: none, and responses leave them out. */
    readonly tags?: ReadonlyArray<string> | undefined
  }
}

/**
 * A request as it arrived. Printed, it shows credentials and tokens masked.
 *
 * @since 0.1.0
 * @category models
 */
export class RecordedRequest extends Data.Class<{
  readonly method: string
  /** Path and query as on the request line. */
  readonly uri: string
  readonly headers: { readonly [name: string]: string }
  /** The body as text; empty for none. */
  readonly body: string
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number
  /** The status that it was answered with; undefined while there is no answer, and for ever if the connection was cut. */
  readonly status: number | undefined
}> {
  /** The body as JSON; undefined if it is none. */
  get json(): unknown {
    return Option.getOrUndefined(parseJson(this.body))
  }

  /**
   * What is printed: credentials and tokens are masked.
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
   * The same for `util.inspect` and `console.log`.
   *
   * @since 0.1.0
   */
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * An edit that was sent as an event and took effect. Printed, it shows tokens masked.
 *
 * @since 0.1.0
 * @category models
 */
export class Delivery extends Data.Class<{
  readonly insertId: string
  readonly distinctId: string
  readonly tenantId: string | undefined
  /** As they travelled. */
  readonly operations: unknown
  /** When it was accepted, first and again, in milliseconds since the epoch. */
  readonly arrivals: ReadonlyArray<number>
  /** When it took effect: once, unless an insert id is forgotten after a while. */
  readonly applied: ReadonlyArray<number>
}> {
  /**
   * What is printed: tokens are masked.
   *
   * @since 0.1.0
   */
  toJSON(): unknown {
    return { ...this, tenantId: this.tenantId ?? null, operations: mask(this.operations) }
  }

  /**
   * The same for `util.inspect` and `console.log`.
   *
   * @since 0.1.0
   */
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * A text that is no snapshot of this version of the sandbox. It says where, and shows nothing of what the text holds.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidSnapshot extends Schema.TaggedError<InvalidSnapshot>("effect-suprsend/Sandbox/InvalidSnapshot")(
  "InvalidSnapshot",
  {
    /** The members that are not what they should be. */
    paths: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    const where = this.paths.filter((path) => path !== "").join(", ")
    return `Sandbox.restore: nothing was changed, because this is not a snapshot${where === "" ? "" : ` (${where})`}: ` +
      "pass the text that `snapshot` returned"
  }
}

/**
 * What goes wrong, and when: an immutable value, equal to another one by content. The first eight say what happens to a
 * request, and happen to every request until they are taken away; the others say to which requests another fault happens, and
 * when it comes to its end. Make them with the functions of this module.
 *
 * @since 0.1.0
 * @category faults
 */
export type Fault = Data.TaggedEnum<{
  /** Answered with this. */
  readonly Status: {
    readonly status: number
    readonly headers: { readonly [name: string]: string }
    readonly body: string
    readonly applied: boolean
  }
  /** Answered late. `then` happens after the delay; none is the ordinary answer. */
  readonly Delay: { readonly duration: Duration.Duration; readonly then: Option.Option<Fault> }
  /** The connection is cut without an answer. */
  readonly ResetPeer: { readonly applied: boolean }
  /** The head and so many bytes of the answer arrive, half of them if none; the rest never comes, or the connection is cut. */
  readonly TruncateBody: {
    readonly bytes: Option.Option<number>
    readonly then: "reset" | "stall"
    readonly applied: boolean
  }
  /** Answered with 200, and a body that means nothing. */
  readonly MalformedBody: { readonly body: string; readonly applied: boolean }
  /** Applied and answered, so many bytes of the body after each interval. */
  readonly SlowBody: { readonly bytes: number; readonly interval: Duration.Duration }
  /** Never answered. */
  readonly NoResponse: { readonly applied: boolean }
  /** Refused with 429 if so many passed within the window before it; `passed` is when those did. */
  readonly RateLimit: {
    readonly limit: number
    readonly window: Duration.Duration
    readonly passed: ReadonlyArray<number>
  }
  /** For requests to an endpoint, and nothing for others. */
  readonly On: { readonly endpoint: string; readonly fault: Fault }
  /** For requests for which the predicate holds, and nothing for others. */
  readonly When: { readonly predicate: (request: RecordedRequest) => boolean; readonly fault: Fault }
  /** Until it happened so many times. */
  readonly Next: { readonly times: number; readonly fault: Fault }
  /** For a while. `until` is none before it begins. */
  readonly Lasting: {
    readonly duration: Duration.Duration
    readonly until: Option.Option<number>
    readonly fault: Fault
  }
  /** At random. */
  readonly Sometimes: { readonly probability: number; readonly fault: Fault }
  /** The first one alone until it has come to its end, then the next one. */
  readonly InOrder: { readonly faults: ReadonlyArray<Fault> }
  /** One after another is asked, until one of them settles the answer. What they delay adds up. */
  readonly Together: { readonly faults: ReadonlyArray<Fault> }
}>

/**
 * An answer of this status; nothing is applied unless `applied` says so.
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
  /** Default: the JSON with which the vendor answers errors. */
  readonly body?: string | undefined
  readonly contentType?: string | undefined
  readonly headers?: { readonly [name: string]: string } | undefined
  /** Default: false. */
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
 * An answer that takes its time, and another fault after that, if one is given.
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
 * A connection that is cut before the server did anything.
 *
 * @since 0.1.0
 * @category faults
 */
export const resetPeer: Fault = Cases.ResetPeer({ applied: false })

/**
 * A connection that is cut after the request was applied: the client cannot tell it from {@link resetPeer}.
 *
 * @since 0.1.0
 * @category faults
 */
export const resetPeerApplied: Fault = Cases.ResetPeer({ applied: true })

/**
 * An answer that breaks off in the middle of its body; the request was applied.
 *
 * @since 0.1.0
 * @category faults
 */
export const truncateBody: Fault = Cases.TruncateBody({ bytes: Option.none(), then: "reset", applied: true })

/**
 * An answer that breaks off after so many bytes of its body; the request was applied unless `applied` says otherwise.
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
 * An answer whose body never ends; the request was applied.
 *
 * @since 0.1.0
 * @category faults
 */
export const stall: Fault = Cases.TruncateBody({ bytes: Option.none(), then: "stall", applied: true })

/**
 * A request that is read and never answered; nothing is applied unless `applied` says so.
 *
 * @since 0.1.0
 * @category faults
 */
export const noResponse = (options?: { readonly applied?: boolean | undefined }): Fault =>
  Cases.NoResponse({ applied: options?.applied ?? false })

/**
 * An answer with 200 whose body is not what it should be; the request was applied unless `applied` says otherwise.
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
  /** Default: bytes that are no JSON. */
  readonly body?: string | undefined
  /** Default: true. */
  readonly applied?: boolean | undefined
}): Fault => Cases.MalformedBody({ body: options?.body ?? faults.garbage, applied: options?.applied ?? true })

/**
 * An answer that comes in drops; the request was applied.
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
  /** Of the body, after each interval. */
  readonly bytes: number
  readonly interval: Duration.DurationInput
}): Fault => Cases.SlowBody({ bytes: options.bytes, interval: Duration.decode(options.interval) })

/**
 * Every answer takes this long: a {@link delay} that stands.
 *
 * @since 0.1.0
 * @category faults
 */
export const latency = (duration: Duration.DurationInput): Fault => delay(duration)

/**
 * Every request is answered with 503 until this is taken away.
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
  /** The `Retry-After` header: seconds, or an HTTP date. Default: none. */
  readonly retryAfter?: string | undefined
}): Fault => status(503, { retryAfter: options?.retryAfter, body: refuse(503, "down for maintenance").body })

/**
 * Lets at most `limit` requests pass in any window, however it is placed, by when they arrive. The others are refused with
 * 429, and a `Retry-After` that says in whole seconds when the next one may pass.
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
 * An endpoint that the sandbox serves, in any spelling of docs/endpoints.md: `*`, or a name in braces, stands for one segment of
 * the path, and `*`, or nothing, for any method. `*` alone is every request.
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
 * A fault for one endpoint; the query does not matter. An endpoint that the sandbox does not serve is a defect, which names the
 * nearest one: such a fault would never happen. Where types are not checked, a segment may also be the id that stands there.
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
 * A fault for those requests for which the predicate holds.
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
 * A fault that comes to its end when it has happened so many times. Default: a status of 503.
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
 * A fault that comes to its end after a while. The while begins when the fault is given to the sandbox, and inside of
 * {@link inOrder} when its turn has come.
 *
 * @since 0.1.0
 * @category faults
 */
export const lasting = (duration: Duration.DurationInput, fault: Fault): Fault =>
  Cases.Lasting({ duration: Duration.decode(duration), until: Option.none(), fault })

/**
 * A fault that happens with a probability of 0 to 1, by Effect's `Random`, so that a seed repeats it.
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
 * One fault after another: each has its turn when the one before it has come to its end.
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
 * Several faults as one. They are asked in their order until one of them settles the answer, and what they delay adds up.
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
 * The credentials that every sandbox accepts, and its base URL: what a client of your own needs.
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
 * The API key that every sandbox accepts as well, its workspace, and its base URL.
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
 * What the vendor's documents leave open, decided.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many items a page has where `limit` is not given. Default: 10. */
  readonly pageSize?: number | undefined
  /** Whether `$append` adds to a list what it holds already. On a channel an identity is held once. Default: true. */
  readonly appendKeepsDuplicates?: boolean | undefined
  /** Whether `$set_once` sets a property again that was unset. Default: true. */
  readonly unsetReopensSetOnce?: boolean | undefined
  /** Whether a synchronous edit creates the user; if not, it is answered with 404. Default: true. */
  readonly editCreatesUser?: boolean | undefined
  /**
   * Whether one malformed event has the whole array refused with 400, or is accepted and comes to nothing.
   * Default: "refuseAll".
   */
  readonly malformedEvents?: "refuseAll" | "drop" | undefined
  /** How long after its acceptance an event is applied. Default: at once. */
  readonly processingDelay?: Duration.DurationInput | undefined
  /**
   * For how long an insert id that was accepted is not applied again. Default: for ever. With 0 nothing is held back.
   */
  readonly insertIdLifetime?: Duration.DurationInput | undefined
  /**
   * Whether a user may belong to many tenants, or to one alone: then a second one is refused with 400, and an event for it comes
   * to nothing. Default: "shared"; new workspaces of SuprSend are "exclusive".
   */
  readonly userTenancyMode?: "shared" | "exclusive" | undefined
  /**
   * Whether tenants exist only once `defineTenant` has named them: then an edit or an upsert for another one is refused with 404,
   * and an event for it comes to nothing. Default: false.
   */
  readonly tenantsMustExist?: boolean | undefined
  /**
   * Whether the tenant's endpoints show the profile for the tenant alone, or laid over the user's own, its members winning.
   * Default: "effective".
   */
  readonly tenantProfiles?: "own" | "effective" | undefined
  /** Whether `$remove` and `$unset` take an address away, or have it stay as an inactive one. Default: "delete". */
  readonly removedAddresses?: "delete" | "inactive" | undefined
  /** How many requests are remembered; the oldest are forgotten first. Default: all. */
  readonly keepRequests?: number | undefined
  /**
   * How many characters the remembered requests may have together, in their lines, headers and bodies. Default: any number.
   */
  readonly keepCharacters?: number | undefined
}

/**
 * An empty sandbox: the service to look inside, and the client that talks to it. `respond` is what the client is written
 * over: what happens to one request, for whoever carries the bytes otherwise.
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
 * The sandbox with what the server and its command need beside.
 *
 * @internal
 */
export interface Machine {
  readonly sandbox: Sandbox.Service
  readonly client: HttpClient.HttpClient
  readonly respond: (incoming: Incoming) => Effect.Effect<Exchange>
  /** What it knows now, the requests that it remembers, and how many it has forgotten. */
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
        // A sleep of no time would be a turn of the event loop.
        if (Duration.toMillis(delay) > 0) {
          yield* timer.sleep(delay)
        }
        const exchange = yield* play(arrived, outcome)
        const status = "status" in exchange ? exchange.status : undefined
        record.replace(position, new RecordedRequest({ ...arrived, status }))
        return exchange
      })

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
                new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error("socket hang up") })
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

/** The requests that are remembered: as many, and of as many characters together, as the options say. */
const recording = ({ keepCharacters = Infinity, keepRequests = Infinity }: Options) => {
  const kept = new Map<number, RecordedRequest>()
  let arrivals = 0
  let characters = 0
  const forgetOldest = () => {
    for (const [position, request] of kept) {
      // The latest one alone may be longer, by what one request may have.
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
    /** Puts a request in the place of one that only differs in its status. */
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
 * The same as {@link layer}, with other decisions where the vendor's documents are silent.
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
 * An empty sandbox as a layer: `HttpClient` for whoever sends, `Sandbox` for whoever looks.
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
 * Runs an effect to its end under the `TestClock`, and lets as much virtual time pass as it waits for: retries, timeouts and rate
 * limits play out at once, in their order. There is no need to fork, and nothing stands still.
 *
 * Time only passes when nobody can go on without it. Over real sockets, where an answer may still be on its way, `longest` says how
 * long a wait may be that is skipped: then timeouts are left alone.
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
