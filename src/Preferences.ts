/**
 * Notification preferences of a user, by category and channel.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import * as model from "./internal/model/model.js"
import type { Issue } from "./SuprsendError.js"

/**
 * The name of a channel in preferences, without the `$`.
 *
 * @since 0.1.0
 * @category models
 */
export type PreferenceChannel =
  | "email"
  | "sms"
  | "whatsapp"
  | "inbox"
  | "androidpush"
  | "iospush"
  | "webpush"
  | "slack"
  | "ms_teams"
  | (string & {})

/**
 * Whether a user wants notifications.
 *
 * @since 0.1.0
 * @category models
 */
export type Preference = "opt_in" | "opt_out"

/**
 * Whether a channel is restricted to notifications that users cannot unsubscribe from.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelPreference {
  readonly channel: PreferenceChannel
  readonly isRestricted: boolean
}

/**
 * A change of one category's preference.
 *
 * @since 0.1.0
 * @category models
 */
export interface CategoryUpdate {
  readonly preference: Preference
  /** Channels to disable. Use it only with the preference `opt_in`. */
  readonly optOutChannels?: ReadonlyArray<PreferenceChannel> | undefined
  /** Channels to enable. Use it only with the preference `opt_in`. */
  readonly optInChannels?: ReadonlyArray<PreferenceChannel> | undefined
  /**
   * The schedule of digests for this category.
   *
   * The vendor does not document its form. It is sent unchanged.
   */
  readonly digestSchedule?: { readonly [key: string]: unknown } | undefined
  /**
   * Additional properties of the preference.
   *
   * The vendor does not document their form. They are sent unchanged.
   */
  readonly properties?: { readonly [key: string]: unknown } | undefined
}

/**
 * A change of several preferences at once. Omitted ones stay unchanged.
 *
 * @example
 * ```ts
 * import type { PreferencesUpdate } from "effect-suprsend/Preferences"
 *
 * const quiet: PreferencesUpdate = {
 *   channelPreferences: [{ channel: "sms", isRestricted: true }],
 *   categories: [{ category: "newsletter", preference: "opt_in", optOutChannels: ["slack"] }]
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface PreferencesUpdate {
  readonly channelPreferences?: ReadonlyArray<ChannelPreference> | undefined
  readonly categories?: ReadonlyArray<CategoryUpdate & { readonly category: string }> | undefined
}

/**
 * A category, with the user's preference.
 *
 * @since 0.1.0
 * @category models
 */
export class Category extends model.Model {
  constructor(
    /** The slug that identifies the category. */
    readonly category: string,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The display name. */
  get name(): string | undefined {
    return model.text(this.raw.name)
  }

  /** The description for display. */
  get description(): string | undefined {
    return model.text(this.raw.description)
  }

  /** The current preference: "opt_in" or "opt_out". */
  get preference(): string | undefined {
    return model.text(this.raw.preference)
  }

  /** The default preference of the category: "opt_in", "opt_out" or "cant_unsubscribe". */
  get originalPreference(): string | undefined {
    return model.text(this.raw.original_preference)
  }

  /** Whether the user can change the preference. */
  get isEditable(): boolean {
    return this.raw.is_editable === true
  }

  /** The tags of the category itself. */
  get tags(): ReadonlyArray<string> {
    return model.texts(this.raw.tags)
  }

  /** The tags that filters match, including those of the section. */
  get effectiveTags(): ReadonlyArray<string> {
    return model.texts(this.raw.effective_tags)
  }

  /** The preferences for the channels of the category. */
  get channels(): ReadonlyArray<CategoryChannel> {
    return model.list(this.raw.channels).map((channel) => ({
      channel: model.text(channel.channel) ?? "",
      preference: model.text(channel.preference),
      isEditable: channel.is_editable === true
    }))
  }
}

/**
 * The preference for one channel of a category.
 *
 * @since 0.1.0
 * @category models
 */
export interface CategoryChannel {
  readonly channel: PreferenceChannel
  readonly preference: string | undefined
  readonly isEditable: boolean
}

/**
 * A section of categories.
 *
 * @since 0.1.0
 * @category models
 */
export class Section extends model.Model {
  constructor(
    /** The categories of the section. */
    readonly subcategories: ReadonlyArray<Category>,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The display name. The section for categories without a section has none. */
  get name(): string | undefined {
    return model.text(this.raw.name)
  }

  /** The slug of the section. */
  get slug(): string | undefined {
    return model.text(this.raw.slug)
  }

  /** The description for display. */
  get description(): string | undefined {
    return model.text(this.raw.description)
  }
}

/**
 * All preferences of a user.
 *
 * @since 0.1.0
 * @category models
 */
export class Preferences extends model.Model {
  constructor(
    /** The categories, grouped by section. */
    readonly sections: ReadonlyArray<Section>,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The channel preferences, which apply to all categories. */
  get channelPreferences(): ReadonlyArray<ChannelPreference> {
    return channelPreferences(this.raw)
  }
}

const channelPreferences = (raw: model.Raw): ReadonlyArray<ChannelPreference> =>
  model.list(raw.channel_preferences).map((channel) => ({
    channel: model.text(channel.channel) ?? "",
    isRestricted: channel.is_restricted === true
  }))

/** @internal */
export const decodeChannelPreferences: model.Decode<ReadonlyArray<ChannelPreference>> = (u) =>
  Either.flatMap(
    model.asRaw(u),
    (raw): Either.Either<ReadonlyArray<ChannelPreference>, Issue> =>
      Array.isArray(raw.channel_preferences)
        ? Either.right(channelPreferences(raw))
        : Either.left(model.issue(["channel_preferences"], "must be a list"))
  )

/** @internal */
export const decodeCategory: model.Decode<Category> = (u) =>
  Either.flatMap(model.asRaw(u), (raw): Either.Either<Category, Issue> =>
    typeof raw.category === "string"
      ? Either.right(new Category(raw.category, raw))
      : Either.left(model.issue(["category"], "must be a string")))

const decodeSection: model.Decode<Section> = (u) =>
  Either.flatMap(model.asRaw(u), (raw) =>
    Either.map(
      model.all(Array.isArray(raw.subcategories) ? raw.subcategories : [], ["subcategories"], decodeCategory),
      (subcategories) => new Section(subcategories, raw)
    ))

/** @internal */
export const decode: model.Decode<Preferences> = (u) =>
  Either.flatMap(model.asRaw(u), (raw): Either.Either<Preferences, Issue> =>
    Array.isArray(raw.sections)
      ? Either.map(model.all(raw.sections, ["sections"], decodeSection), (sections) => new Preferences(sections, raw))
      : Either.left(model.issue(["sections"], "must be a list")))

/**
 * Encodes the preferences of a user as JSON and decodes them.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import * as Preferences from "effect-suprsend/Preferences"
 *
 * const none = Schema.decodeUnknownSync(Preferences.PreferencesSchema)({ sections: [], channel_preferences: [] })
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const PreferencesSchema: Schema.Schema<Preferences, { readonly [key: string]: unknown }> = model.schema(
  Preferences,
  decode
)
