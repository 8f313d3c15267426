/**
 * The users of a SuprSend workspace: edit, read, list and delete them.
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
 * The service for users.
 *
 * `Suprsend.layer` and `Suprsend.layerConfig` provide it with everything it needs, and
 * `Suprsend.layerTest` provides it backed by an in-memory sandbox. Use {@link layer} to build it on
 * a client of your own.
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
   * Operations on users.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /**
     * The workspace of the client, so that a backfill is not run for another one.
     *
     * @internal
     */
    readonly workspace?: string | undefined

    /**
     * Submits an edit, which SuprSend queues and applies a little later.
     *
     * If the user does not exist, SuprSend creates it. All attempts carry the same insert id, so a
     * retry is never applied twice. The id is that of the edit, or a new one if the edit has none.
     * In the vendor's SDKs this is `users.async_edit`.
     *
     * The encoded edit may have at most 10,240 bytes.
     */
    readonly asyncEdit: (
      edit: UserEdit
    ) => Effect.Effect<Accepted, SuprsendError.InvalidUserEdit | SuprsendError.RequestError>

    /**
     * Applies an edit immediately and returns the updated user.
     *
     * The request carries no insert id. An edit that increments, appends or holds a raw operation
     * is therefore retried only if the failure shows that the server did not apply it. Use
     * `asyncEdit` for such edits.
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
     * Submits any number of edits in few requests, and reports an outcome for each.
     *
     * Failed requests do not fail the effect: each record appears in the report exactly once. The
     * effect fails only if the source fails; then `onError` is called with the partial report. An
     * async iterable fails with an `UnknownException`.
     *
     * Edits of the same user are sent in their order. If a batch is refused because of one record
     * (400, 413, 422), it is bisected until that record stands alone. If the credentials are
     * refused or the client is closed, no further batch is sent, and a source that is not a
     * collection is no longer pulled.
     */
    readonly bulkEdit: <S>(
      edits: Bulk.SourceOf<S>,
      options?: Bulk.EditOptions
    ) => Effect.Effect<Bulk.BulkReport, Bulk.SourceError<S>, Bulk.SourceContext<S>>

    /**
     * Submits edits like `bulkEdit`, and emits an outcome as each request ends.
     *
     * Use it to observe progress, and for sources without an end. Back-pressure goes all the way:
     * the source is pulled only as fast as requests are sent, and requests are sent only as fast as
     * you consume outcomes.
     */
    readonly bulkEditStream: <S>(
      edits: Bulk.SourceOf<S>,
      options?: Bulk.StreamOptions
    ) => Stream.Stream<Bulk.BulkOutcome, Bulk.SourceError<S>, Bulk.SourceContext<S>>

    /** Returns the user with this id. In the vendor's SDKs this is `users.get`. */
    readonly get: (distinctId: string) => Effect.Effect<User, ReadError>

    /**
     * Creates a user, or updates it if it exists, and returns it.
     *
     * The vendor does not document what happens to channels and properties that the profile does
     * not mention. Use an edit to say exactly what changes.
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
     * Merges another user into this one, and deletes the other permanently.
     *
     * `SuprsendUserNotFound` names the missing user of the two. The merge is retried only if the
     * failure shows that the server did not apply it, because a second merge would not find the
     * other user.
     */
    readonly merge: (distinctId: string, fromDistinctId: string) => Effect.Effect<User, ReadError>

    /**
     * Deletes a user permanently. In the vendor's SDKs this is `users.delete`.
     *
     * If an attempt has no response and its retry finds no user, the user counts as deleted.
     */
    readonly delete: (
      distinctId: string
    ) => Effect.Effect<
      void,
      SuprsendError.InvalidDistinctId | SuprsendError.SuprsendUserNotFound | SuprsendError.RequestError
    >

    /**
     * Deletes any number of users, in requests of at most 100.
     *
     * Each id appears in the report exactly once. If the call is interrupted, `onError` is called
     * with the report.
     */
    readonly bulkDelete: (distinctIds: Iterable<string>, options?: Bulk.IdOptions) => Effect.Effect<Bulk.BulkIdReport>

    /** Returns a page of the users in the workspace. */
    readonly list: (options?: ListOptions) => Effect.Effect<Page.Page<User>, ListError>

    /** Streams all users of the workspace, or all from a cursor on. Pages are fetched on demand. */
    readonly listStream: (options?: ListOptions) => Stream.Stream<User, ListError>

    /**
     * Returns a page of the objects that a user is subscribed to.
     *
     * In the vendor's SDKs this is `users.get_objects_subscribed_to`.
     */
    readonly getObjectsSubscribedTo: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<Subscription.ObjectSubscription>, ReadError>

    /** Streams all objects that a user is subscribed to. */
    readonly getObjectsSubscribedToStream: (
      distinctId: string,
      options?: Page.Options
    ) => Stream.Stream<Subscription.ObjectSubscription, ReadError>

    /**
     * Returns a page of the lists that a user is subscribed to.
     *
     * In the vendor's SDKs this is `users.get_lists_subscribed_to`.
     */
    readonly getListsSubscribedTo: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<Subscription.ListSubscription>, ReadError>

    /** Streams all lists that a user is subscribed to. */
    readonly getListsSubscribedToStream: (
      distinctId: string,
      options?: Page.Options
    ) => Stream.Stream<Subscription.ListSubscription, ReadError>

    /**
     * Returns a page of the tenants that a user belongs to.
     *
     * In the vendor's SDKs this is `list_associated_tenants`.
     */
    readonly listAssociatedTenants: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<AssociatedTenant>, ReadError>

    /** Streams all tenants that a user belongs to. */
    readonly listAssociatedTenantsStream: (
      distinctId: string,
      options?: Page.Options
    ) => Stream.Stream<AssociatedTenant, ReadError>

    /** Returns a page of a user's profiles for tenants. `raw.tenant` of each names its tenant. */
    readonly listTenantProfiles: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<User>, ReadError>

    /** Streams all profiles that a user has for tenants. */
    readonly listTenantProfilesStream: (distinctId: string, options?: Page.Options) => Stream.Stream<User, ReadError>

    /**
     * Returns a user's profile for a tenant.
     *
     * To edit this profile, pass the tenant to the edit: `edit("user-42", { tenantId: "acme" })`.
     * In the vendor's SDKs this is `get_for_tenant`.
     */
    readonly getForTenant: (distinctId: string, tenantId: string) => Effect.Effect<User, TenantError>

    /**
     * Creates or updates a user's profile for a tenant.
     *
     * In the vendor's SDKs this is `upsert_for_tenant`.
     */
    readonly upsertForTenant: <A>(
      distinctId: string,
      tenantId: string,
      profile: UserProfile | (A & UserProfileOf<A>)
    ) => Effect.Effect<User, TenantError>

    /**
     * Removes a user from a tenant, and keeps the user's own profile.
     *
     * In the vendor's SDKs this is `unlink_tenant`.
     */
    readonly unlinkTenant: (
      distinctId: string,
      tenantId: string
    ) => Effect.Effect<void, TenantError>
  }

  /**
   * Options for batching edits.
   *
   * @since 0.1.0
   * @category models
   */
  export interface BatchOptions {
    /**
     * How long the first edit of a batch waits for others.
     *
     * @default "5 millis"
     */
    readonly linger?: Duration.DurationInput | undefined
  }

  /**
   * Options for listing users.
   *
   * @since 0.1.0
   * @category models
   */
  export interface ListOptions extends Page.Options {
    /** Lists only users of this tenant, with their profiles for it. */
    readonly tenantId?: string | undefined
  }

  /**
   * Errors of a call about a user and a tenant.
   *
   * A tenant that does not exist is reported as `SuprsendRejected` with status 404: create it
   * first, or check its id.
   *
   * @since 0.1.0
   * @category models
   */
  export type TenantError = ReadError | SuprsendError.SuprsendInvalidInput

  /**
   * The result of an asynchronous edit: SuprSend accepted it and will apply it later.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Accepted {
    /** The insert id that the edit was sent with. */
    readonly insertId: string
    /** The status of the response: 202 as documented, or another 2xx. */
    readonly status: number
    /** The message of the server, "OK" as documented. */
    readonly message: string
  }

  /**
   * Errors of a call that reads data of one user.
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
   * Errors of a call that lists users.
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
 * Provides the service, built on a client.
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
  // Effect memoizes a layer by reference, whichever client it is provided with. `fresh` prevents
  // that.
  Layer.effect(UsersService, Effect.map(SuprsendClient, internal.make))
)

/**
 * Provides the service, and batches edits that are submitted concurrently with `asyncEdit`.
 *
 * A batch is sent when it holds 400 edits, when it reaches the byte limit of a request, or `linger`
 * after its first edit. Each caller receives its own result: if a batch is refused because of one
 * edit, it is bisected until that edit stands alone. Edits of the same user are sent in their
 * order.
 *
 * - The deadline of a call starts when its batch is sent.
 * - An edit is not sent if its caller is interrupted before the batch has a slot of the rate
 *   limiter.
 * - Closing the scope of the layer sends all waiting edits.
 * - An edit with `RequestOptions` of its own is sent alone.
 * - The span of a request has no parent, and those of its edits link to it.
 * - `SuprsendClient.withResponse` does not see the responses.
 *
 * The layer dies if `linger` is not a duration.
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
