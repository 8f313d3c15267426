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
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import type * as Bulk from "./Bulk.js"
import * as internal from "./internal/users.js"
import type * as Page from "./Page.js"
import type * as Subscription from "./Subscription.js"
import { SuprsendClient } from "./SuprsendClient.js"
import type * as SuprsendError from "./SuprsendError.js"
import type { User } from "./User.js"
import type { UserEdit } from "./UserEdit.js"

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
     * Hands over any number of edits, in as few requests as possible, and reports what came of each (Seed: bulk update).
     *
     * No failure of a request fails the whole: each record ends in the report exactly once. The effect fails only if the source
     * does. Edits of one user keep their order. A request that is refused for one of its records (400, 413, 422) is halved until
     * that record stands alone. When the credentials are refused, nothing more is sent.
     */
    readonly bulkEdit: <E = never, R = never>(
      edits: Iterable<UserEdit> | Stream.Stream<UserEdit, E, R>,
      options?: Bulk.Options
    ) => Effect.Effect<Bulk.BulkReport, E, R>

    /**
     * The same, with an outcome for each request as it ends: for progress, and for sources without end.
     *
     * The source is pulled only as fast as requests go out, and requests go out only as fast as outcomes are taken.
     */
    readonly bulkEditStream: <E = never, R = never>(
      edits: Iterable<UserEdit> | Stream.Stream<UserEdit, E, R>,
      options?: Bulk.Options
    ) => Stream.Stream<Bulk.BulkOutcome, E, R>

    /** The user of that id (Seed: `users.get`). */
    readonly get: (distinctId: string) => Effect.Effect<User, ReadError>

    /** Deletes a user for good (Seed: `users.delete`). */
    readonly delete: (
      distinctId: string
    ) => Effect.Effect<
      void,
      SuprsendError.InvalidDistinctId | SuprsendError.SuprsendUserNotFound | SuprsendError.RequestError
    >

    /** A page of the users of the workspace (OpenAPI: `GET /v1/user/`). */
    readonly list: (options?: Page.Options) => Effect.Effect<Page.Page<User>, ListError>

    /** All users of the workspace, or all from a cursor on, fetched page by page as they are asked for. */
    readonly listStream: (options?: Page.Options) => Stream.Stream<User, ListError>

    /** A page of the objects that a user is subscribed to (Seed: `users.get_objects_subscribed_to`). */
    readonly getObjectsSubscribedTo: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<Subscription.ObjectSubscription>, ReadError>

    /** All objects that a user is subscribed to. */
    readonly objectsSubscribedToStream: (
      distinctId: string,
      options?: Page.Options
    ) => Stream.Stream<Subscription.ObjectSubscription, ReadError>

    /** A page of the lists that a user is subscribed to (Seed: `users.get_lists_subscribed_to`). */
    readonly getListsSubscribedTo: (
      distinctId: string,
      options?: Page.Options
    ) => Effect.Effect<Page.Page<Subscription.ListSubscription>, ReadError>

    /** All lists that a user is subscribed to. */
    readonly listsSubscribedToStream: (
      distinctId: string,
      options?: Page.Options
    ) => Stream.Stream<Subscription.ListSubscription, ReadError>
  }

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
    readonly statusCode: number
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
  export type ListError = SuprsendError.SuprsendUnexpectedResponse | SuprsendError.RequestError
}

/**
 * The service over a client.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * const UsersLive = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layerConfig()),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<UsersService, never, SuprsendClient> = Layer.effect(
  UsersService,
  Effect.map(SuprsendClient, internal.make)
)
