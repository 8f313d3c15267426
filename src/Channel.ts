/**
 * The channels on which SuprSend reaches a user, and what identifies a user on each of them.
 *
 * The names of members are the vendor's own (`access_token`, `conversation_id`, ...), because an edit is kept exactly as it
 * travels.
 *
 * @since 0.1.0
 */

/**
 * The member of a user profile that holds a channel's identities.
 *
 * `$inbox` is not among them: SuprSend fills it by itself and no SDK treats it as a channel to edit (Python SDK).
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
 * Every {@link ChannelKey}, in the vendor's order (Seed).
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
 * Whether a key of a profile names a channel.
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
 * A Slack destination: a member by e-mail address or member id, a channel, or an incoming webhook (Seed).
 *
 * `access_token` is a secret: it travels, but an edit that is printed shows it masked.
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
 * A Microsoft Teams destination: a conversation or a member of a tenant, or an incoming webhook (Seed).
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
 * A push subscription as a browser's `PushSubscription.toJSON()` gives it (vendor's web SDK, OpenAPI).
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
  /** Named by the vendor's OpenAPI description only. */
  readonly token?: string
  readonly endpoint: string
  readonly expirationTime?: number | null
  readonly keys: { readonly p256dh: string; readonly auth: string }
}

/**
 * What the DOM's types call `PushSubscriptionJSON`, of which every member may be missing.
 *
 * `addWebPush` and `removeWebPush` take it, for the type says less than browsers do. Where the endpoint or a key is missing after
 * all, `validate` says so.
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
 * What a value has to be to pass for a push subscription: a {@link WebPush}, or what the DOM's types say of one.
 *
 * @since 0.1.0
 * @category models
 */
export type WebPushOf<A> = A extends PushSubscriptionJson & { readonly endpoint?: unknown; readonly keys?: infer Keys }
  ? "endpoint" extends keyof A ? string extends keyof NonNullable<Keys> ? A : WebPush : WebPush
  : WebPush

/**
 * Who delivers to an Android token. Left out, the vendor decides (it takes FCM).
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
  readonly provider?: AndroidPushProvider | null | undefined
}

/**
 * Options of an iOS push token: who delivers to it (left out: APNs), and the bundle of the app that it belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export interface IosPushOptions {
  readonly provider?: "apns" | (string & {}) | null | undefined
  readonly bundleId?: string | undefined
}

/**
 * Options of a web push subscription: who delivers to it (left out: VAPID).
 *
 * @since 0.1.0
 * @category models
 */
export interface WebPushOptions {
  readonly provider?: "vapid" | (string & {}) | null | undefined
}

// The members that identify, of which a destination has exactly one; the others are forbidden, so that a mixture of two
// documented shapes does not compile.
type Identifying = "email" | "user_id" | "channel_id" | "conversation_id"

type OneOf<Member, Key extends keyof Member & Identifying> =
  & { readonly [K in Exclude<keyof Member, Identifying> | Key]: Member[K] }
  & { readonly [K in Exclude<keyof Member & Identifying, Key> | "incoming_webhook"]?: never }

type IncomingWebhook<Others extends string> =
  & { readonly incoming_webhook: { readonly url: string } }
  & { readonly [K in Others]?: never }
