/**
 * Users as SuprSend returns them.
 *
 * The vendor documents two shapes, on its "Manage Users" page and in its OpenAPI description. Both
 * are decoded into one model; unknown members are kept in `raw`.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import { type ChannelKey, channelKeys } from "./Channel.js"
import * as model from "./internal/model/model.js"
import type { Issue } from "./SuprsendError.js"

/**
 * An identity of a user on a channel, with its status.
 *
 * @since 0.1.0
 * @category models
 */
export interface Identity {
  /** The address: a string, or a record for Slack, Microsoft Teams and web push. */
  readonly value: unknown
  /** Whether SuprSend notifies this identity: "active" or "inactive". */
  readonly status: string | undefined
  /** "disabled" after a hard bounce, otherwise "active". */
  readonly permaStatus: string | undefined
  /** The provider that delivers, if the channel has several. */
  readonly idProvider: string | undefined
  /** All members of the response. */
  readonly raw: { readonly [key: string]: unknown }
}

/**
 * A channel of a profile: one that can be edited, or the inbox.
 *
 * @since 0.1.0
 * @category models
 */
export type ProfileChannel = ChannelKey | "$inbox"

const profileChannels: ReadonlyArray<ProfileChannel> = [...channelKeys, "$inbox"]

/**
 * A user.
 *
 * `console.log` prints its decoded form, and `JSON.stringify` the form of the response. Both mask
 * push tokens, access tokens and webhook addresses; `raw` and `channels` contain them in clear.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const plan = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   const ada = yield* users.get("user-42")
 *   const emails = ada.channels.$email?.map((email) => email.value)
 *   return { plan: ada.properties.plan, emails, since: ada.createdAt }
 * })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export class User extends model.Model {
  /**
   * The id of the user in your own database.
   *
   * @since 0.1.0
   */
  readonly distinctId: string

  /** Makes a user from its JSON, unchecked. Use {@link UserSchema} for JSON that may be invalid. */
  constructor(raw: { readonly distinct_id: string; readonly [key: string]: unknown }) {
    super(raw)
    this.distinctId = raw.distinct_id
  }

  /** Custom properties, and the reserved `$locale`, `$timezone` and `$preferred_language`. */
  get properties(): { readonly [key: string]: unknown } {
    return model.record(this.raw.properties)
  }

  /** The identities of the user, by channel. Channels without identities are omitted. */
  get channels(): { readonly [Key in ProfileChannel]?: ReadonlyArray<Identity> } {
    const channels: { [Key in ProfileChannel]?: ReadonlyArray<Identity> } = {}
    for (const key of profileChannels) {
      const identities = this.raw[key]
      if (Array.isArray(identities)) channels[key] = identities.map(identity)
    }
    return channels
  }

  /** When the user was created, or undefined if that is missing or cannot be parsed. */
  get createdAt(): DateTime.Utc | undefined {
    return model.timestamp(this.raw.created_at ?? this.properties.created_at)
  }

  /** When the user was last updated. */
  get updatedAt(): DateTime.Utc | undefined {
    return model.timestamp(this.raw.updated_at)
  }

  /** The status, such as "active". Only one of the documented shapes has it. */
  get status(): string | undefined {
    return model.text(this.raw.status)
  }

  /** @internal */
  protected override shown(): { readonly [member: string]: unknown } {
    const channels = Object.entries(this.channels).map(([key, identities]) => [
      key,
      identities.map(({ raw: _, ...identity }) =>
        Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined))
      )
    ])
    return { ...super.shown(), channels: model.readable(Object.fromEntries(channels)) }
  }
}

const identity = (u: unknown): Identity => {
  const raw = model.record(u)
  return {
    // Older responses contain bare addresses.
    value: raw === u ? raw.value : u,
    status: model.text(raw.status),
    permaStatus: model.text(raw.perma_status),
    idProvider: model.text(raw.id_provider),
    raw
  }
}

/** @internal */
export const decode: model.Decode<User> = (u) =>
  Either.flatMap(model.asRaw(u), (raw): Either.Either<User, Issue> =>
    typeof raw.distinct_id === "string"
      ? Either.right(new User({ ...raw, distinct_id: raw.distinct_id }))
      : Either.left(model.issue(["distinct_id"], "must be a string")))

/**
 * Encodes a user as JSON and decodes it. Unknown members are preserved.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import * as User from "effect-suprsend/User"
 *
 * const ada = Schema.decodeUnknownSync(User.UserSchema)({ distinct_id: "user-42", properties: { plan: "pro" } })
 * console.log(ada.properties.plan) // "pro"
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const UserSchema: Schema.Schema<User, { readonly [key: string]: unknown }> = model.schema(User, decode)
