/**
 * The users of a SuprSend workspace: edit them one by one or in bulk, read them, list them, delete them.
 *
 * ```ts
 * import { Effect, pipe } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { addEmail, edit, setTimezone } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   yield* users.asyncEdit(pipe(edit("user-42"), addEmail("ada@example.com"), setTimezone("Europe/London")))
 * }).pipe(Effect.provide(Suprsend.layerConfig()))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type { AssociatedTenant } from "./AssociatedTenant.js"
import type * as Bulk from "./Bulk.js"
import * as batched from "./internal/bulk/autoBatch.js"
import * as internal from "./internal/services/users.js"
import type * as Page from "./Page.js"
import type * as Subscription from "./Subscription.js"
import { SuprsendClient } from "./SuprsendClient.js"
import type * as SuprsendError from "./SuprsendError.js"
import type { User } from "./User.js"
import type { UserEdit } from "./UserEdit.js"
import type { UserProfile, UserProfileOf } from "./UserProfile.js"

/**
 * The service. `Suprsend.layer` and `Suprsend.layerConfig` provide it with everything wired, `Suprsend.layerTest` over a
 * sandbox in memory, and {@link layer} over a client of your own.
 *
 * @since 0.1.0
 * @category tags
 */
export class UsersService extends Context.Tag("effect-suprsend/UsersService")<UsersService, UsersService.Service>() {}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace UsersService {
  /**
   * What can be done with users.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * Hands an edit over: SuprSend queues it, creates the user if there is none, and applies it a little later (Seed:
     * `users.async_edit`). The event has an insert id, the same in every retry: that of the edit, or a new one.
     *
     * An edit is at most 10,240 bytes as sent.
     */
    readonly asyncEdit: (
      edit: UserEdit
    ) => Effect.Effect<Accepted, SuprsendError.InvalidUserEdit | SuprsendError.RequestError>

    /**
     * Applies an edit at once, and gives the user as it is then (OpenAPI: `PATCH /v1/user/{distinct_id}/`).
     *
     * Nothing guards it against being applied twice. So an edit that increments, appends or holds a raw operation is only
     * tried again where the failure says that nothing was applied; for those `asyncEdit` is the better choice.
     */
    readonly edit: (
      edit: UserEdit
    ) => Effect.Effect<
      User,
      | SuprsendError.InvalidUserEdit
      | SuprsendError.SuprsendUserNotFound
      | SuprsendError.SuprsendUnexpectedResponse
      | SuprsendError.RequestError
    >

    /**
     * Hands over any number of edits, in as few requests as possible, and reports what became of each (Seed: bulk update).
     *
     * No failure of a request fails the whole: each record ends in the report exactly once. The effect fails only if the source
     * does, an async iterable with an `UnknownException`, and then `onError` is given the report. Edits of one user are sent in
     * their order. A request that is refused for one of its records (400, 413, 422) is halved until that record stands alone. When the
     * credentials are refused, or the client is closed, nothing more is sent, and a source that is not a collection is pulled no more.
     */
    readonly bulkEdit: <S>(
      edits: Bulk.SourceOf<S>,
      options?: Bulk.EditOptions
    ) => Effect.Effect<Bulk.BulkReport, Bulk.SourceError<S>, Bulk.SourceContext<S>>

    /**
     * The same, with an outcome for each request as it ends: for progress, and for sources without end.
     *
     * The source is pulled only as fast as requests go out, and requests go out only as fast as outcomes are taken.
     */
    readonly bulkEditStream: <S>(
      edits: Bulk.SourceOf<S>,
      options?: Bulk.StreamOptions
    ) => Stream.Stream<Bulk.BulkOutcome, Bulk.SourceError<S>, Bulk.SourceContext<S>>

    /** The user of that id (Seed: `users.get`). */
    readonly get: (distinctId: string) => Effect.Effect<User, ReadError>

    /**
     * Creates a user, or updates it if there is one (OpenAPI: `POST /v1/user/{distinct_id}/`), and gives it as it is then.
     *
     * What becomes of channels and properties that the profile does not mention is not documented; an edit says exactly what
     * changes.
     */
    readonly upsert: <A>(
      distinctId: string,
      profile: UserProfile | (A & UserProfileOf<A>)
    ) => Effect.Effect<
      User,
      | SuprsendError.InvalidDistinctId
      | SuprsendError.SuprsendInvalidInput
      | SuprsendError.SuprsendUnexpectedResponse
      | SuprsendError.RequestError
    >

    /**
     * Merges another user into this one, which survives; the other is deleted for good (OpenAPI). `SuprsendUserNotFound` says
     * which of the two is missing.
     *
     * It is only tried again where the failure says that nothing was done: the second time, the other would be gone.
     */
    readonly merge: (distinctId: string, fromDistinctId: string) => Effect.Effect<User, ReadError>

    /**
     * Deletes a user for good (Seed: `users.delete`). A user that is gone when an attempt is repeated whose answer was lost counts
     * as deleted.
     */
    readonly delete: (
      distinctId: string
    ) => Effect.Effect<
      void,
      SuprsendError.InvalidDistinctId | SuprsendError.SuprsendUserNotFound | SuprsendError.RequestError
    >

    /**
     * Deletes any number of users, in requests of at most 100 (Python SDK). Each id ends in the report exactly once; an interruption hands
     * the report to `onError`.
     */
    readonly bulkDelete: (distinctIds: Iterable<string>, options?: Bulk.IdOptions) => Effect.Effect<Bulk.BulkIdReport>

    /** A page of the users of the workspace (OpenAPI: `GET /v1/user/`). */
    readonly list: (options?: ListOptions) => Effect.Effect<Page.Page<User>, ListError>

    /** All users of the workspace, or all from a cursor on, fetched page by page as they are asked for. */
    readonly listStream: (options?: ListOptions) => Stream.Stream<User, ListError>

    /** A page of the objects that a user is subscribed to (Seed: `users.get_objects_subscribed_to`). */
    readonly getObjectsSubscribedTo: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<Subscription.ObjectSubscription>, ReadError>

    /** All objects that a user is subscribed to. */
    readonly getObjectsSubscribedToStream: (
      distinctId: string,
      options?: Page.Options
    ) => Stream.Stream<Subscription.ObjectSubscription, ReadError>

    /** A page of the lists that a user is subscribed to (Seed: `users.get_lists_subscribed_to`). */
    readonly getListsSubscribedTo: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<Subscription.ListSubscription>, ReadError>

    /** All lists that a user is subscribed to. */
    readonly getListsSubscribedToStream: (
      distinctId: string,
      options?: Page.Options
    ) => Stream.Stream<Subscription.ListSubscription, ReadError>

    /** A page of the tenants that a user belongs to (Python SDK: `list_associated_tenants`). */
    readonly listAssociatedTenants: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<AssociatedTenant>, ReadError>

    /** All tenants that a user belongs to. */
    readonly listAssociatedTenantsStream: (
      distinctId: string,
      options?: Page.Options
    ) => Stream.Stream<AssociatedTenant, ReadError>

    /**
     * A page of the profiles that a user has for tenants (the vendor's "List User Tenant Profiles"). `raw.tenant` of each says for which
     * one it is.
     */
    readonly listTenantProfiles: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<User>, ReadError>

    /** All profiles that a user has for tenants. */
    readonly listTenantProfilesStream: (distinctId: string, options?: Page.Options) => Stream.Stream<User, ReadError>

    /**
     * The profile that a user has for a tenant (Python SDK: `get_for_tenant`). To edit it, give the edit the tenant:
     * `edit("user-42", { tenantId: "acme" })`.
     */
    readonly getForTenant: (distinctId: string, tenantId: string) => Effect.Effect<User, TenantError>

    /** Creates or updates the profile that a user has for a tenant (Python SDK: `upsert_for_tenant`). */
    readonly upsertForTenant: <A>(
      distinctId: string,
      tenantId: string,
      profile: UserProfile | (A & UserProfileOf<A>)
    ) => Effect.Effect<User, TenantError>

    /** Takes a user out of a tenant; the user's own profile stays (Python SDK: `unlink_tenant`). */
    readonly unlinkTenant: (
      distinctId: string,
      tenantId: string
    ) => Effect.Effect<void, TenantError>
  }

  /**
   * How edits wait for one another.
   *
   * @since 0.1.0
   * @category models
   */
  export interface BatchOptions {
    /** How long the first edit of a request waits for others. Default 5 milliseconds. */
    readonly linger?: Duration.DurationInput | undefined
  }

  /**
   * Which users to list.
   *
   * @since 0.1.0
   * @category models
   */
  export interface ListOptions extends Page.Options {
    /** Only users of this tenant, with what they are to it (vendor's page on user-tenant mapping). */
    readonly tenantId?: string | undefined
  }

  /**
   * What a call about a user and a tenant can fail with. A tenant that does not exist is `SuprsendRejected` with status 404.
   *
   * @since 0.1.0
   * @category models
   */
  export type TenantError = ReadError | SuprsendError.SuprsendInvalidInput

  /**
   * What an asynchronous edit gives: SuprSend has it, and will apply it.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Accepted {
    /** The id under which the edit travelled. */
    readonly insertId: string
    /** 202, as documented, or another 2xx. */
    readonly status: number
    /** What the server said: "OK", as documented. */
    readonly message: string
  }

  /**
   * What reading something of one user can fail with.
   *
   * @since 0.1.0
   * @category models
   */
  export type ReadError =
    | SuprsendError.InvalidDistinctId
    | SuprsendError.SuprsendUserNotFound
    | SuprsendError.SuprsendUnexpectedResponse
    | SuprsendError.RequestError

  /**
   * What listing users can fail with.
   *
   * @since 0.1.0
   * @category models
   */
  export type ListError =
    | SuprsendError.SuprsendInvalidInput
    | SuprsendError.SuprsendUnexpectedResponse
    | SuprsendError.RequestError
}

/**
 * The service over a client.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as Transport from "effect-suprsend/Transport"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * const UsersLive = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layerConfig()),
 *   Layer.provide(Transport.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<UsersService, never, SuprsendClient> = Layer.fresh(
  // Fresh, because Effect would memoize it by its reference, whichever client it is provided with.
  Layer.effect(UsersService, Effect.map(SuprsendClient, internal.make))
)

/**
 * The same, but edits that are handed over with `asyncEdit` at the same time travel together: a request goes out once it has 400 of
 * them, or as many bytes as it may have, or `linger` after the first.
 *
 * Each caller has its own answer: a request that is refused for one of its edits is halved until that one stands alone. The deadline of
 * a call begins when its request does. Edits of one user are sent in their order. An edit whose caller is interrupted before its request has
 * a slot of the rate limiter is not sent. Closing the scope of the layer sends what was handed over. An edit with `RequestOptions` of its
 * own travels alone.
 *
 * Requests have spans of their own, which are not children of the callers', and `SuprsendClient.withResponse` sees no answer. A
 * `linger` that is no duration is a defect of the layer.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as Transport from "effect-suprsend/Transport"
 * import { edit, increment } from "effect-suprsend/UserEdit"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * const UsersLive = UsersService.layerBatched({ linger: "20 millis" }).pipe(
 *   Layer.provide(SuprsendClient.layerConfig()),
 *   Layer.provide(Transport.layer)
 * )
 *
 * // Three requests, and not a thousand.
 * const program = Effect.gen(function*() {
 *   const users = yield* UsersService.UsersService
 *   const visits = Array.from({ length: 1000 }, (_, n) => increment(edit(`user-${n}`), "visits", 1))
 *   yield* Effect.forEach(visits, users.asyncEdit, { concurrency: "unbounded" })
 * }).pipe(Effect.provide(UsersLive))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerBatched = (
  options?: UsersService.BatchOptions
): Layer.Layer<UsersService, never, SuprsendClient> =>
  Layer.fresh(Layer.scoped(
    UsersService,
    Effect.gen(function*() {
      const client = yield* SuprsendClient
      const users = internal.make(client)
      return { ...users, asyncEdit: yield* batched.asyncEdit(client, users.asyncEdit, options) }
    })
  ))
