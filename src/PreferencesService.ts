/**
 * The notification preferences of users: read and change them.
 *
 * ```ts
 * import { Effect } from "effect"
 * import { PreferencesService } from "effect-suprsend/PreferencesService"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 *
 * const program = Effect.gen(function*() {
 *   const preferences = yield* PreferencesService
 *   yield* preferences.updateCategory("user-42", "newsletter", { preference: "opt_out" })
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
import * as internal from "./internal/services/preferences.js"
import type * as Page from "./Page.js"
import type * as Preferences from "./Preferences.js"
import { SuprsendClient } from "./SuprsendClient.js"
import type * as SuprsendError from "./SuprsendError.js"
import type { TagFilter } from "./TagFilter.js"

/**
 * The service for preferences.
 *
 * The layers of `Suprsend` provide it with `UsersService`. Use {@link layer} to build it on a
 * client of your own.
 *
 * @since 0.1.0
 * @category tags
 */
export class PreferencesService extends Context.Tag("effect-suprsend/PreferencesService")<
  PreferencesService,
  PreferencesService.Service
>() {}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace PreferencesService {
  /**
   * Operations on preferences.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Returns all preferences of a user. In the vendor's SDKs this is `get_full_preference`. */
    readonly get: (distinctId: string, options?: FilterOptions) => Effect.Effect<Preferences.Preferences, Error>

    /** Changes several preferences of a user at once, and returns all of them. */
    readonly update: (
      distinctId: string,
      update: Preferences.PreferencesUpdate,
      options?: TenantOptions
    ) => Effect.Effect<Preferences.Preferences, Error>

    /** Returns the channel preferences, which apply to all categories. */
    readonly getChannels: (
      distinctId: string,
      options?: TenantOptions
    ) => Effect.Effect<ReadonlyArray<Preferences.ChannelPreference>, Error>

    /**
     * Changes the channel preferences, which apply to all categories.
     *
     * In the vendor's SDKs this is `update_global_channels_preference`.
     */
    readonly updateChannels: (
      distinctId: string,
      channelPreferences: ReadonlyArray<Preferences.ChannelPreference>,
      options?: TenantOptions
    ) => Effect.Effect<ReadonlyArray<Preferences.ChannelPreference>, Error>

    /** Returns a page of the categories. */
    readonly listCategories: (
      distinctId: string,
      options?: FilterOptions & Page.OffsetOptions
    ) => Effect.Effect<Page.OffsetPage<Preferences.Category>, Error>

    /** Streams all categories. Pages are fetched on demand. */
    readonly listCategoriesStream: (
      distinctId: string,
      options?: FilterOptions & Page.OffsetOptions
    ) => Stream.Stream<Preferences.Category, Error>

    /**
     * Returns one category. In the vendor's SDKs this is `get_category_preference`.
     *
     * A category that does not exist is reported as `SuprsendRejected` with status 404.
     */
    readonly getCategory: (
      distinctId: string,
      category: string,
      options?: ReadOptions
    ) => Effect.Effect<Preferences.Category, Error>

    /**
     * Changes one category, and returns it.
     *
     * In the vendor's SDKs this is `update_category_preference`.
     */
    readonly updateCategory: (
      distinctId: string,
      category: string,
      update: Preferences.CategoryUpdate,
      options?: ReadOptions
    ) => Effect.Effect<Preferences.Category, Error>

    /**
     * Changes the preferences of many users, in requests of at most 100.
     *
     * Each id appears in the report exactly once.
     */
    readonly bulkUpdate: (
      distinctIds: Iterable<string>,
      update: Preferences.PreferencesUpdate,
      options?: TenantOptions & Bulk.IdOptions
    ) => Effect.Effect<Bulk.BulkIdReport, SuprsendError.SuprsendInvalidInput>

    /**
     * Resets the preferences of many users to their defaults.
     *
     * It resets channel preferences and categories, unless you exclude one of them.
     */
    readonly bulkReset: (
      distinctIds: Iterable<string>,
      options?: TenantOptions & Bulk.IdOptions & {
        readonly channelPreferences?: boolean | undefined
        readonly categories?: boolean | undefined
      }
    ) => Effect.Effect<Bulk.BulkIdReport, SuprsendError.SuprsendInvalidInput>
  }

  /**
   * The tenant that preferences apply to.
   *
   * @since 0.1.0
   * @category models
   */
  export interface TenantOptions {
    /** The tenant that the preferences apply to, or undefined for those without a tenant. */
    readonly tenantId?: string | undefined
  }

  /**
   * Options for reading categories.
   *
   * @since 0.1.0
   * @category models
   */
  export interface ReadOptions extends TenantOptions {
    /**
     * The language of names and descriptions, such as `es-AR`.
     *
     * It falls back to `es`, and then to English.
     */
    readonly locale?: string | undefined
    /**
     * Whether categories that are opted out of list their channels too.
     *
     * @default false
     */
    readonly showOptOutChannels?: boolean | undefined
  }

  /**
   * Options for selecting categories.
   *
   * @since 0.1.0
   * @category models
   */
  export interface FilterOptions extends ReadOptions {
    /** Returns only categories that match these tags. */
    readonly tags?: TagFilter | undefined
  }

  /**
   * Errors of a call about one user.
   *
   * @since 0.1.0
   * @category models
   */
  export type Error =
    | SuprsendError.InvalidDistinctId
    | SuprsendError.SuprsendInvalidInput
    | SuprsendError.SuprsendUserNotFound
    | SuprsendError.SuprsendUnexpectedResponse
    | SuprsendError.RequestError
}

/**
 * Provides the service, built on a client.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as PreferencesService from "effect-suprsend/PreferencesService"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as Transport from "effect-suprsend/Transport"
 *
 * const PreferencesLive = PreferencesService.layer.pipe(
 *   Layer.provide(SuprsendClient.layerConfig()),
 *   Layer.provide(Transport.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<PreferencesService, never, SuprsendClient> = Layer.fresh(
  // Effect memoizes a layer by reference, whichever client it is provided with. `fresh` prevents
  // that.
  Layer.effect(PreferencesService, Effect.map(SuprsendClient, internal.make))
)
