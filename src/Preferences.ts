/**
 * What a user wants to hear about, and on which channels.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import * as model from "./internal/model/model.js"
import type { Issue } from "./SuprsendError.js"

/**
 * A channel as preferences name it, without the `$` (OpenAPI).
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
 * Whether a user wants something.
 *
 * @since 0.1.0
 * @category models
 */
export type Preference = "opt_in" | "opt_out"

/**
 * Whether a channel may only be used for what the user cannot unsubscribe from.
 *
 * @since 0.1.0
 * @category models
 */
export interface ChannelPreference {
  readonly channel: PreferenceChannel
  readonly isRestricted: boolean
}

/**
 * What a user wants of one category.
 *
 * @since 0.1.0
 * @category models
 */
export interface CategoryUpdate {
  readonly preference: Preference
  /** Channels to leave out; only where the preference is `opt_in` (OpenAPI). */
  readonly optOutChannels?: ReadonlyArray<PreferenceChannel> | undefined
  /** Channels to take; only where the preference is `opt_in` (OpenAPI). */
  readonly optInChannels?: ReadonlyArray<PreferenceChannel> | undefined
  /** When a digest of this category is sent (Python SDK, since July 2026). Its form is not documented: it is passed on as it is. */
  readonly digestSchedule?: { readonly [key: string]: unknown } | undefined
  /** Further properties of the preference (Python SDK, since July 2026). Their form is not documented: they are passed on. */
  readonly properties?: { readonly [key: string]: unknown } | undefined
}

/**
 * A change of several preferences at once. What is left out stays as it is.
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
 * A category, with what the user wants of it.
 *
 * @since 0.1.0
 * @category models
 */
export class Category extends model.Model {
  constructor(
    /** The slug by which the category is addressed. */
    readonly category: string,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The name to show. */
  get name(): string | undefined {
    return model.text(this.raw.name)
  }

  /** The description to show. */
  get description(): string | undefined {
    return model.text(this.raw.description)
  }

  /** What holds now: "opt_in" or "opt_out". */
  get preference(): string | undefined {
    return model.text(this.raw.preference)
  }

  /** What the category began with: "opt_in", "opt_out" or "cant_unsubscribe". */
  get originalPreference(): string | undefined {
    return model.text(this.raw.original_preference)
  }

  /** Whether the user may change it. */
  get isEditable(): boolean {
    return this.raw.is_editable === true
  }

  /** The tags of the category itself. */
  get tags(): ReadonlyArray<string> {
    return model.texts(this.raw.tags)
  }

  /** The tags by which the category is found, those of its section included (OpenAPI: `effective_tags`). */
  get effectiveTags(): ReadonlyArray<string> {
    return model.texts(this.raw.effective_tags)
  }

  /** What holds for each channel of the category. */
  get channels(): ReadonlyArray<CategoryChannel> {
    return model.list(this.raw.channels).map((channel) => ({
      channel: model.text(channel.channel) ?? "",
      preference: model.text(channel.preference),
      isEditable: channel.is_editable === true
    }))
  }
}

/**
 * What holds for one channel of a category.
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
 * A heading, with the categories below it.
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

  /** The name to show; the section of categories without a heading has none. */
  get name(): string | undefined {
    return model.text(this.raw.name)
  }

  /** The slug of the section. */
  get slug(): string | undefined {
    return model.text(this.raw.slug)
  }

  /** The description to show. */
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
    /** The categories, below their headings. */
    readonly sections: ReadonlyArray<Section>,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** What holds for channels whatever the category. */
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
 * All preferences of a user as JSON.
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
