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
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type { Fault } from "./internal/sandbox/api/fault.js"
import type { InvalidSnapshot } from "./internal/sandbox/api/invalidSnapshot.js"
import type { Delivery, RecordedRequest } from "./internal/sandbox/api/record.js"
import { makeMachine } from "./internal/sandbox/machine.js"
import type { Exchange, Incoming } from "./internal/sandbox/protocol/exchange.js"
import * as time from "./internal/sandbox/testClock.js"
import type { PreferenceChannel } from "./Preferences.js"
import type { User } from "./User.js"

/**
 * The faults, and the functions that create them.
 *
 * @since 0.1.0
 * @category faults
 */
export * from "./internal/sandbox/api/fault.js"

/**
 * The credentials that every sandbox accepts.
 *
 * @since 0.1.0
 * @category credentials
 */
export * from "./internal/sandbox/api/credentials.js"

/**
 * The requests and deliveries that a sandbox records.
 *
 * @since 0.1.0
 * @category models
 */
export * from "./internal/sandbox/api/record.js"

/**
 * The error of `restore`.
 *
 * @since 0.1.0
 * @category errors
 */
export * from "./internal/sandbox/api/invalidSnapshot.js"

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
 * const ClientTest = SuprsendClient.layer(Sandbox.credentials).pipe(
 *   Layer.provideMerge(Sandbox.layer)
 * )
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
 * it.effect("counts a visit once, although two responses are lost", () =>
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
