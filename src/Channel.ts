/**
 * Channels on which SuprSend reaches a user, and the identities of a user on them.
 *
 * Members have the vendor's own names (`access_token`, `conversation_id`, ...), because an edit is
 * kept exactly as it is sent.
 *
 * @since 0.1.0
 */

/**
 * The key of a user profile that holds the identities of a channel.
 *
 * `$inbox` is not included, because SuprSend fills it itself.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import type { ChannelKey } from "effect-suprsend/Channel"
 * import { edit, unset } from "effect-suprsend/UserEdit"
 *
 * const phones: ReadonlyArray<ChannelKey> = ["$sms", "$whatsapp"]
 * const noPhones = pipe(edit("user-42"), unset(phones))
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type ChannelKey = typeof channelKeys[number]

/**
 * All channel keys, in the vendor's order.
 *
 * @since 0.1.0
 * @category models
 */
export const channelKeys = [
  "$email",
  "$whatsapp",
  "$sms",
  "$androidpush",
  "$iospush",
  "$webpush",
  "$slack",
  "$ms_teams"
] as const

/**
 * Checks whether a key of a profile is a channel.
 *
 * @example
 * ```ts
 * import { isChannelKey } from "effect-suprsend/Channel"
 *
 * console.log(isChannelKey("$email"), isChannelKey("plan")) // true false
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isChannelKey = (key: string): key is ChannelKey => keySet.has(key)

const keySet: ReadonlySet<string> = new Set(channelKeys)

/**
 * A Slack destination: a member, a channel or an incoming webhook.
 *
 * A member is identified by e-mail address or id. `access_token` is a secret. It is sent in clear,
 * but masked when an edit is printed.
 *
 * @example
 * ```ts
 * import type { Slack } from "effect-suprsend/Channel"
 *
 * const byEmail: Slack = { email: "ada@example.com", access_token: "xoxb-XXXXXXXX" }
 * const byMember: Slack = { user_id: "U03XXXXXXXX", access_token: "xoxb-XXXXXXXX" }
 * const channel: Slack = { channel_id: "CXXXXXXXX", access_token: "xoxb-XXXXXXXX" }
 * const webhook: Slack = { incoming_webhook: { url: "https://hooks.slack.com/services/TXXXX/BXXXX/XXXXXXX" } }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type Slack =
  | OneOf<SlackMember, "email">
  | OneOf<SlackMember, "user_id">
  | OneOf<SlackMember, "channel_id">
  | IncomingWebhook<keyof SlackMember>

interface SlackMember {
  readonly access_token: string
  readonly email: string
  readonly user_id: string
  readonly channel_id: string
}

/**
 * A Microsoft Teams destination: a conversation or member of a tenant, or an incoming webhook.
 *
 * @example
 * ```ts
 * import type { MsTeams } from "effect-suprsend/Channel"
 *
 * const conversation: MsTeams = {
 *   tenant_id: "c1981ab2-9aaf-xxxx-xxxx",
 *   service_url: "https://smba.trafficmanager.net/amer",
 *   conversation_id: "19:c1524d7c-a06f-456f-8abe-xxxx"
 * }
 * const webhook: MsTeams = { incoming_webhook: { url: "https://wnk1z.webhook.office.com/webhookb2/XXXXXXXXX" } }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type MsTeams =
  | OneOf<MsTeamsMember, "conversation_id">
  | OneOf<MsTeamsMember, "user_id">
  | IncomingWebhook<keyof MsTeamsMember>

interface MsTeamsMember {
  readonly tenant_id: string
  readonly service_url: string
  readonly conversation_id: string
  readonly user_id: string
}

/**
 * A push subscription, as returned by `PushSubscription.toJSON()` in a browser.
 *
 * @example
 * ```ts
 * import type { WebPush } from "effect-suprsend/Channel"
 *
 * const subscription: WebPush = {
 *   endpoint: "https://push.example.com/abc",
 *   expirationTime: null,
 *   keys: { p256dh: "BNcRd...", auth: "tBHI..." }
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type WebPush = {
  /** Documented only in the vendor's OpenAPI description. */
  readonly token?: string
  readonly endpoint: string
  readonly expirationTime?: number | null
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

/**
 * The DOM's type `PushSubscriptionJSON`, in which every member is optional.
 *
 * `addWebPush` and `removeWebPush` accept it, because browsers provide all members in practice.
 * `validate` reports a missing endpoint or key.
 *
 * @since 0.1.0
 * @category models
 */
export type PushSubscriptionJson = {
  readonly endpoint?: string
  readonly expirationTime?: number | null
  readonly keys?: { readonly [name: string]: string }
}

/**
 * The type that a push subscription argument must have.
 *
 * It is a {@link WebPush}, or a value of the DOM's type.
 *
 * @since 0.1.0
 * @category models
 */
export type WebPushOf<A> = A extends PushSubscriptionJson & { readonly endpoint?: unknown; readonly keys?: infer Keys }
  ? "endpoint" extends keyof A ? string extends keyof NonNullable<Keys> ? A : WebPush : WebPush
  : WebPush

/**
 * The provider that delivers to an Android token. Without one, SuprSend uses FCM.
 *
 * @since 0.1.0
 * @category models
 */
export type AndroidPushProvider = "fcm" | "xiaomi" | "oppo" | (string & {})

/**
 * Options of an Android push token.
 *
 * @since 0.1.0
 * @category models
 */
export interface AndroidPushOptions {
  /** The provider that delivers. Without one, SuprSend uses FCM. */
  readonly provider?: AndroidPushProvider | null | undefined
}

/**
 * Options of an iOS push token.
 *
 * @since 0.1.0
 * @category models
 */
export interface IosPushOptions {
  /** The provider that delivers. Without one, SuprSend uses APNs. */
  readonly provider?: "apns" | (string & {}) | null | undefined
  /** The bundle id of the app. */
  readonly bundleId?: string | undefined
}

/**
 * Options of a web push subscription.
 *
 * @since 0.1.0
 * @category models
 */
export interface WebPushOptions {
  /** The provider that delivers. Without one, SuprSend uses VAPID. */
  readonly provider?: "vapid" | (string & {}) | null | undefined
}

// A destination has exactly one identifying member. The others are forbidden, so that a mixture of
// two documented shapes does not compile.
type Identifying = "email" | "user_id" | "channel_id" | "conversation_id"

type OneOf<Member, Key extends keyof Member & Identifying> =
  & { readonly [K in Exclude<keyof Member, Identifying> | Key]: Member[K] }
  & { readonly [K in Exclude<keyof Member & Identifying, Key> | "incoming_webhook"]?: never }

type IncomingWebhook<Others extends string> =
  & { readonly incoming_webhook: { readonly url: string } }
  & { readonly [K in Others]?: never }
