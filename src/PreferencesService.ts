/**
 * What users want to hear about: read it, and change it for them.
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
 * The service. The layers of `Suprsend` provide it beside `UsersService`; {@link layer} builds it on a client of your own.
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
   * What can be done with preferences.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** All preferences of a user (Python SDK: `get_full_preference`). */
    readonly get: (distinctId: string, options?: FilterOptions) => Effect.Effect<Preferences.Preferences, Error>

    /** Changes several preferences of a user at once, and gives all of them (OpenAPI). */
    readonly update: (
      distinctId: string,
      update: Preferences.PreferencesUpdate,
      options?: TenantOptions
    ) => Effect.Effect<Preferences.Preferences, Error>

    /** What holds for channels whatever the category (OpenAPI). */
    readonly getChannels: (
      distinctId: string,
      options?: TenantOptions
    ) => Effect.Effect<ReadonlyArray<Preferences.ChannelPreference>, Error>

    /** Changes what holds for channels whatever the category (Python SDK: `update_global_channels_preference`). */
    readonly updateChannels: (
      distinctId: string,
      channelPreferences: ReadonlyArray<Preferences.ChannelPreference>,
      options?: TenantOptions
    ) => Effect.Effect<ReadonlyArray<Preferences.ChannelPreference>, Error>

    /** A page of the categories (OpenAPI). */
    readonly listCategories: (
      distinctId: string,
      options?: FilterOptions & Page.OffsetOptions
    ) => Effect.Effect<Page.OffsetPage<Preferences.Category>, Error>

    /** All categories, fetched page by page as they are asked for. */
    readonly listCategoriesStream: (
      distinctId: string,
      options?: FilterOptions & Page.OffsetOptions
    ) => Stream.Stream<Preferences.Category, Error>

    /**
     * One category (Python SDK: `get_category_preference`). Where there is no such category, `SuprsendRejected` with status 404
     * says so.
     */
    readonly getCategory: (
      distinctId: string,
      category: string,
      options?: ReadOptions
    ) => Effect.Effect<Preferences.Category, Error>

    /** Changes one category, and gives it as it is then (Python SDK: `update_category_preference`). */
    readonly updateCategory: (
      distinctId: string,
      category: string,
      update: Preferences.CategoryUpdate,
      options?: ReadOptions
    ) => Effect.Effect<Preferences.Category, Error>

    /** Changes the preferences of many users in requests of at most 100 (Go SDK). Each id ends in the report once. */
    readonly bulkUpdate: (
      distinctIds: Iterable<string>,
      update: Preferences.PreferencesUpdate,
      options?: TenantOptions & Bulk.IdOptions
    ) => Effect.Effect<Bulk.BulkIdReport, SuprsendError.SuprsendInvalidInput>

    /** Puts the preferences of many users back to what they began with, channels and categories unless one is left out (Go SDK). */
    readonly bulkReset: (
      distinctIds: Iterable<string>,
      options?: TenantOptions & Bulk.IdOptions & {
        readonly channelPreferences?: boolean | undefined
        readonly categories?: boolean | undefined
      }
    ) => Effect.Effect<Bulk.BulkIdReport, SuprsendError.SuprsendInvalidInput>
  }

  /**
   * For whom the preferences hold.
   *
   * @since 0.1.0
   * @category models
   */
  export interface TenantOptions {
    /** The preferences that the user has for this tenant. */
    readonly tenantId?: string | undefined
  }

  /**
   * How a category is shown.
   *
   * @since 0.1.0
   * @category models
   */
  export interface ReadOptions extends TenantOptions {
    /** The language of names and descriptions, such as `es-AR`; falls back to `es`, then to English (OpenAPI). */
    readonly locale?: string | undefined
    /** Whether categories that are opted out of list their channels too. Default false (OpenAPI). */
    readonly showOptOutChannels?: boolean | undefined
  }

  /**
   * Which categories are shown.
   *
   * @since 0.1.0
   * @category models
   */
  export interface FilterOptions extends ReadOptions {
    /** Only categories with these tags. */
    readonly tags?: TagFilter | undefined
  }

  /**
   * What a call about one user can fail with.
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
 * The service over a client.
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
  // Fresh, because Effect would memoize it by its reference, whichever client it is provided with.
  Layer.effect(PreferencesService, Effect.map(SuprsendClient, internal.make))
)
