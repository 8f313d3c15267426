/**
 * User edits: immutable values that you build in a pipe.
 *
 * ```ts
 * import { pipe } from "effect"
 * import { addEmail, edit, increment, set, setTimezone } from "effect-suprsend/UserEdit"
 *
 * const ada = pipe(
 *   edit("user-42"),
 *   addEmail("ada@example.com"),
 *   setTimezone("Europe/London"),
 *   set({ name: "Ada", plan: "pro" }),
 *   increment("login_count", 1)
 * )
 * ```
 *
 * Each verb appends one operation, and the server applies operations in that order. Building an
 * edit never throws, sends or validates. `validate` returns the problems of an edit, and every call
 * that sends an edit validates it first.
 *
 * Verbs copy their arguments, so changing an argument later does not change the edit. The
 * operations are frozen. Edits with the same content are `Equal`. Printing an edit masks push
 * tokens, access tokens and webhook addresses.
 *
 * You can call every verb with the edit first (`set(ada, "plan", "pro")`) or in a pipe
 * (`pipe(ada, set("plan", "pro"))`).
 *
 * @since 0.1.0
 */
import type * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import { dual } from "effect/Function"
import type { Inspectable } from "effect/Inspectable"
import type { Pipeable } from "effect/Pipeable"
import * as Schema from "effect/Schema"
import type * as Channel from "./Channel.js"
import * as verb from "./internal/edit/dual.js"
import * as internalOperation from "./internal/edit/operation.js"
import * as internal from "./internal/edit/userEdit.js"
import * as internalValidate from "./internal/edit/validate.js"
import type * as Operation from "./Operation.js"
import { type InvalidUserEdit, Issue } from "./SuprsendError.js"

/**
 * The symbol that identifies edits, across all copies of the package.
 *
 * @since 0.1.0
 * @category type ids
 */
export const TypeId: unique symbol = internal.TypeId

/**
 * The type of {@link TypeId}.
 *
 * @since 0.1.0
 * @category type ids
 */
export type TypeId = typeof TypeId

/**
 * An edit of a user. Make one with {@link edit}.
 *
 * @since 0.1.0
 * @category models
 */
export interface UserEdit extends Pipeable, Inspectable, Equal.Equal {
  readonly [TypeId]: TypeId
  /** The id of the user, trimmed as in the vendor's SDKs. */
  readonly distinctId: string
  /** The tenant whose profile is edited, or undefined for the user's own profile. */
  readonly tenantId: string | undefined
  /**
   * The insert id, which makes it safe to send the edit twice.
   *
   * If it is undefined, a new id is generated when the edit is sent.
   */
  readonly insertId: string | undefined
  /** The operations in order, exactly as they are sent, with tokens in clear. */
  readonly operations: ReadonlyArray<Operation.Operation>
}

/**
 * Options of an edit.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** The tenant whose profile of the user is edited. At most 64 characters. */
  readonly tenantId?: string | undefined
  /**
   * The `$insert_id` that an asynchronous edit is sent with.
   *
   * Derive it from the cause of the edit, such as the id of a job or row. If that job runs twice,
   * it sends the same event twice, which SuprSend applies once.
   */
  readonly insertId?: string | undefined
}

/**
 * Checks whether a value is a {@link UserEdit}.
 *
 * @example
 * ```ts
 * import { edit, isUserEdit } from "effect-suprsend/UserEdit"
 *
 * console.log(isUserEdit(edit("user-42")), isUserEdit({ distinctId: "user-42" })) // true false
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isUserEdit: (u: unknown) => u is UserEdit = internal.isUserEdit

/**
 * Checks whether an edit has no operations.
 *
 * Sending an empty edit still has an effect: SuprSend creates the user if it does not exist. Filter
 * out empty edits if you do not want that.
 *
 * @example
 * ```ts
 * import { edit, isEmpty, set, type UserEdit } from "effect-suprsend/UserEdit"
 *
 * console.log(isEmpty(edit("user-42")), isEmpty(set(edit("user-42"), {}))) // true true
 *
 * const withOperations = (edits: ReadonlyArray<UserEdit>) => edits.filter((edit) => !isEmpty(edit))
 * ```
 *
 * @since 0.1.0
 * @category guards
 */
export const isEmpty: (self: UserEdit) => boolean = internal.isEmpty

/**
 * Makes an edit without operations. In the vendor's SDKs this is `get_edit_instance`.
 *
 * Sending it without operations creates the user if it does not exist ({@link isEmpty}).
 *
 * @example
 * ```ts
 * import { edit } from "effect-suprsend/UserEdit"
 *
 * const ada = edit("user-42")
 * const adaAtAcme = edit("user-42", { tenantId: "acme" })
 * const fromJob = edit("user-42", { insertId: "signup-job-1017" })
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const edit: (distinctId: string, options?: Options) => UserEdit = internal.make

/**
 * Sets properties, replacing existing values. This is the vendor's `user.set`.
 *
 * Keys are trimmed. An empty record adds no operation.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, set } from "effect-suprsend/UserEdit"
 *
 * const one = pipe(edit("user-42"), set("name", "John Doe"))
 * const more = pipe(edit("user-42"), set({ name: "John Doe", city: "San Francisco" }))
 * ```
 *
 * @since 0.1.0
 * @category properties
 */
export const set: {
  (key: string, value: Operation.JsonValue): (self: UserEdit) => UserEdit
  <A>(key: string, value: A & Operation.JsonOf<A>): (self: UserEdit) => UserEdit
  <A>(properties: Operation.Properties | (A & Operation.PropertiesOf<A>)): (self: UserEdit) => UserEdit
  <A>(self: UserEdit, key: string, value: Operation.JsonValue | (A & Operation.JsonOf<A>)): UserEdit
  <A>(self: UserEdit, properties: Operation.Properties | (A & Operation.PropertiesOf<A>)): UserEdit
} = verb.record(
  (key, value: Operation.JsonValue) => ({ $set: internalOperation.property(key, value) }),
  ($set) => ({ $set })
)

/**
 * Sets properties that the user does not have yet. This is the vendor's `user.set_once`.
 *
 * Use it for values such as the date of the first login.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, setOnce } from "effect-suprsend/UserEdit"
 *
 * const once = pipe(edit("user-42"), setOnce({ first_login: "2021-11-02", signup_date: "2021-11-02" }))
 * ```
 *
 * @since 0.1.0
 * @category properties
 */
export const setOnce: {
  (key: string, value: Operation.JsonValue): (self: UserEdit) => UserEdit
  <A>(key: string, value: A & Operation.JsonOf<A>): (self: UserEdit) => UserEdit
  <A>(properties: Operation.Properties | (A & Operation.PropertiesOf<A>)): (self: UserEdit) => UserEdit
  <A>(self: UserEdit, key: string, value: Operation.JsonValue | (A & Operation.JsonOf<A>)): UserEdit
  <A>(self: UserEdit, properties: Operation.Properties | (A & Operation.PropertiesOf<A>)): UserEdit
} = verb.record(
  (key, value: Operation.JsonValue) => ({ $set_once: internalOperation.property(key, value) }),
  ($set_once) => ({ $set_once })
)

/**
 * Adds to numeric properties. This is the vendor's `user.increment`.
 *
 * A missing property counts as 0, and a negative amount subtracts. The operation is sent as `$add`,
 * as in the vendor's SDKs. It is not idempotent: send it with `asyncEdit`, whose retries carry the
 * same insert id.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, increment } from "effect-suprsend/UserEdit"
 *
 * const visit = pipe(edit("user-42"), increment("login_count", 1), increment({ credits: -5, orders: 1 }))
 * ```
 *
 * @since 0.1.0
 * @category properties
 */
export const increment: {
  (key: string, value: number): (self: UserEdit) => UserEdit
  <A>(properties: Operation.Amounts | (A & Operation.AmountsOf<A>)): (self: UserEdit) => UserEdit
  (self: UserEdit, key: string, value: number): UserEdit
  <A>(self: UserEdit, properties: Operation.Amounts | (A & Operation.AmountsOf<A>)): UserEdit
} = verb.record((key, value: number) => ({ $add: internalOperation.property(key, value) }), ($add) => ({ $add }))

/**
 * Appends a value to a list. This is the vendor's `user.append`.
 *
 * With the key of a channel (`$email`, `$slack`, ...), it adds an identity, like the `add` verbs.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, append } from "effect-suprsend/UserEdit"
 *
 * const played = pipe(edit("user-42"), append("played_games", "game_1"))
 * const both = pipe(edit("user-42"), append({ played_games: "game_1", liked_games: "game_2" }))
 * ```
 *
 * @since 0.1.0
 * @category properties
 */
export const append: {
  (key: string, value: Operation.JsonValue): (self: UserEdit) => UserEdit
  <A>(key: string, value: A & Operation.JsonOf<A>): (self: UserEdit) => UserEdit
  <A>(properties: Operation.Properties | (A & Operation.PropertiesOf<A>)): (self: UserEdit) => UserEdit
  <A>(self: UserEdit, key: string, value: Operation.JsonValue | (A & Operation.JsonOf<A>)): UserEdit
  <A>(self: UserEdit, properties: Operation.Properties | (A & Operation.PropertiesOf<A>)): UserEdit
} = verb.record(
  (key, value: Operation.JsonValue) => ({ $append: internalOperation.identity(key, value) }),
  (members) => ({ $append: internalOperation.identities(members) })
)

/**
 * Removes a value from a list. This is the vendor's `user.remove`.
 *
 * With the key of a channel (`$email`, `$slack`, ...), it removes an identity, like the `remove`
 * verbs.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, remove } from "effect-suprsend/UserEdit"
 *
 * const left = pipe(edit("user-42"), remove("played_games", "game_1"))
 * ```
 *
 * @since 0.1.0
 * @category properties
 */
export const remove: {
  (key: string, value: Operation.JsonValue): (self: UserEdit) => UserEdit
  <A>(key: string, value: A & Operation.JsonOf<A>): (self: UserEdit) => UserEdit
  <A>(properties: Operation.Properties | (A & Operation.PropertiesOf<A>)): (self: UserEdit) => UserEdit
  <A>(self: UserEdit, key: string, value: Operation.JsonValue | (A & Operation.JsonOf<A>)): UserEdit
  <A>(self: UserEdit, properties: Operation.Properties | (A & Operation.PropertiesOf<A>)): UserEdit
} = verb.record(
  (key, value: Operation.JsonValue) => ({ $remove: internalOperation.identity(key, value) }),
  (members) => ({ $remove: internalOperation.identities(members) })
)

/**
 * Removes properties. This is the vendor's `user.unset`.
 *
 * With the key of a channel, it removes all identities of that channel.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, unset } from "effect-suprsend/UserEdit"
 *
 * const anonymous = pipe(edit("user-42"), unset("name"), unset(["$email", "$sms", "$whatsapp"]))
 * ```
 *
 * @since 0.1.0
 * @category properties
 */
export const unset: {
  (keys: Key | ReadonlyArray<Key>): (self: UserEdit) => UserEdit
  (self: UserEdit, keys: Key | ReadonlyArray<Key>): UserEdit
} = verb.unset

/**
 * A key of a profile: any text. Editors complete the keys of channels.
 *
 * @since 0.1.0
 * @category models
 */
export type Key = Channel.ChannelKey | (string & {})

/**
 * Sets the language of the user's notifications. This is the vendor's
 * `user.set_preferred_language`.
 *
 * The language is an ISO 639-1 code or any BCP 47 tag. A language name such as `"English"` fails
 * validation, with a message that suggests the tag.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, setPreferredLanguage } from "effect-suprsend/UserEdit"
 *
 * const hindi = pipe(edit("user-42"), setPreferredLanguage("hi"))
 * ```
 *
 * @since 0.1.0
 * @category locale
 */
export const setPreferredLanguage: {
  (language: string): (self: UserEdit) => UserEdit
  (self: UserEdit, language: string): UserEdit
} = verb.value((language: string) => ({ $set: { $preferred_language: language } }))

/**
 * Sets the locale of the user: a language, or a language and region.
 *
 * In the vendor's Python SDK this is `user.set_locale`. Both `en-GB` and `en_GB` are valid, as the
 * vendor's documentation uses both.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, setLocale } from "effect-suprsend/UserEdit"
 *
 * const british = pipe(edit("user-42"), setLocale("en-GB"))
 * ```
 *
 * @since 0.1.0
 * @category locale
 */
export const setLocale: {
  (locale: string): (self: UserEdit) => UserEdit
  (self: UserEdit, locale: string): UserEdit
} = verb.value((locale: string) => ({ $set: { $locale: locale } }))

/**
 * Sets the time zone of the user, an IANA name. This is the vendor's `user.set_timezone`.
 *
 * Every IANA name of a place or of UTC is valid, including links: `Asia/Kolkata` and
 * `Asia/Calcutta`, `US/Pacific`, `GB`, `NZ`, `UTC`, `GMT`, `Zulu`, `Etc/GMT+5`. Names are
 * case-sensitive; for `europe/london`, the message suggests the correct name.
 *
 * Abbreviations are invalid. These include abbreviations that the database keeps for old programs
 * (`EST`, `CET`, `EST5EDT`), and those with another meaning in the runtime (`BST` for Dhaka). Names
 * that the runtime's own database does not contain yet are invalid too.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, setTimezone } from "effect-suprsend/UserEdit"
 *
 * const west = pipe(edit("user-42"), setTimezone("America/Los_Angeles"))
 * ```
 *
 * @since 0.1.0
 * @category locale
 */
export const setTimezone: {
  (timezone: string): (self: UserEdit) => UserEdit
  (self: UserEdit, timezone: string): UserEdit
} = verb.value((timezone: string) => ({ $set: { $timezone: timezone } }))

/**
 * Adds an e-mail address. This is the vendor's `user.add_email`.
 *
 * On every channel, adding or removing an address, token or id with leading or trailing white space
 * fails validation. SuprSend would store it as a different address.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, addEmail } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), addEmail("user@example.com"))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const addEmail: {
  (email: string): (self: UserEdit) => UserEdit
  (self: UserEdit, email: string): UserEdit
} = verb.value((email: string) => ({ $append: { $email: email } }))

/**
 * Adds a phone number for text messages, in E.164 form. This is the vendor's `user.add_sms`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, addSms } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), addSms("+15555555555"))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const addSms: {
  (phone: string): (self: UserEdit) => UserEdit
  (self: UserEdit, phone: string): UserEdit
} = verb.value((phone: string) => ({ $append: { $sms: phone } }))

/**
 * Adds a phone number for WhatsApp, in E.164 form. This is the vendor's `user.add_whatsapp`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, addWhatsapp } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), addWhatsapp("+15555555555"))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const addWhatsapp: {
  (phone: string): (self: UserEdit) => UserEdit
  (self: UserEdit, phone: string): UserEdit
} = verb.value((phone: string) => ({ $append: { $whatsapp: phone } }))

/**
 * Adds an Android push token. This is the vendor's `user.add_androidpush`.
 *
 * Without a provider, SuprSend uses its default for the channel.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { addAndroidPush, edit } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), addAndroidPush("__android_push_fcm_token__"))
 * const chosen = pipe(edit("user-42"), addAndroidPush("__android_push_fcm_token__", { provider: "xiaomi" }))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const addAndroidPush: {
  (token: string, options?: Channel.AndroidPushOptions): (self: UserEdit) => UserEdit
  (self: UserEdit, token: string, options?: Channel.AndroidPushOptions): UserEdit
} = verb.valueWith((token: string, options?: Channel.AndroidPushOptions) => ({
  $append: internalOperation.pushToken("$androidpush", token, options)
}))

/**
 * Adds an iOS push token. This is the vendor's `user.add_iospush`.
 *
 * Without a provider, SuprSend uses its default for the channel.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { addIosPush, edit } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), addIosPush("__iospush_token__"))
 * const chosen = pipe(edit("user-42"), addIosPush("__iospush_token__", { bundleId: "com.example.app" }))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const addIosPush: {
  (token: string, options?: Channel.IosPushOptions): (self: UserEdit) => UserEdit
  (self: UserEdit, token: string, options?: Channel.IosPushOptions): UserEdit
} = verb.valueWith((token: string, options?: Channel.IosPushOptions) => ({
  $append: internalOperation.pushToken("$iospush", token, options)
}))

/**
 * Adds a browser's push subscription. This is the vendor's `user.add_webpush`.
 *
 * Without a provider, SuprSend uses its default for the channel.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { addWebPush, edit } from "effect-suprsend/UserEdit"
 *
 * const subscription = { endpoint: "https://push.example.com/abc", keys: { p256dh: "BNcRd...", auth: "tBHI..." } }
 * const edited = pipe(edit("user-42"), addWebPush(subscription))
 * const chosen = pipe(edit("user-42"), addWebPush(subscription, { provider: "vapid" }))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const addWebPush: {
  <A>(
    subscription: Channel.WebPush | Channel.WebPushOf<A>,
    options?: Channel.WebPushOptions
  ): (self: UserEdit) => UserEdit
  <A>(self: UserEdit, subscription: Channel.WebPush | Channel.WebPushOf<A>, options?: Channel.WebPushOptions): UserEdit
} = verb.valueWith((
  subscription: Channel.WebPush | Channel.PushSubscriptionJson,
  options?: Channel.WebPushOptions
) => ({
  $append: internalOperation.pushToken("$webpush", subscription, options)
}))

/**
 * Adds a Slack member, channel or incoming webhook. This is the vendor's `user.add_slack`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, addSlack } from "effect-suprsend/UserEdit"
 *
 * const member = pipe(
 *   edit("user-42"),
 *   addSlack({ user_id: "U03XXXXXXXX", access_token: "xoxb-XXXXXXXX" }),
 *   addSlack({ incoming_webhook: { url: "https://hooks.slack.com/services/TXXXX/BXXXX/XXXXXXX" } })
 * )
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const addSlack: {
  (slack: Channel.Slack): (self: UserEdit) => UserEdit
  (self: UserEdit, slack: Channel.Slack): UserEdit
} = verb.value((slack: Channel.Slack) => ({ $append: { $slack: slack } }))

/**
 * Adds a Microsoft Teams member, conversation or incoming webhook.
 *
 * This is the vendor's `user.add_ms_teams`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, addMsTeams } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(
 *   edit("user-42"),
 *   addMsTeams({
 *     tenant_id: "c1981ab2-9aaf-xxxx-xxxx",
 *     service_url: "https://smba.trafficmanager.net/amer",
 *     user_id: "29:1nsLcmJ2RKtYH6Cxxxx-xxxx"
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const addMsTeams: {
  (msTeams: Channel.MsTeams): (self: UserEdit) => UserEdit
  (self: UserEdit, msTeams: Channel.MsTeams): UserEdit
} = verb.value((msTeams: Channel.MsTeams) => ({ $append: { $ms_teams: msTeams } }))

/**
 * Removes an e-mail address. This is the vendor's `user.remove_email`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, removeEmail } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), removeEmail("user@example.com"))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const removeEmail: {
  (email: string): (self: UserEdit) => UserEdit
  (self: UserEdit, email: string): UserEdit
} = verb.value((email: string) => ({ $remove: { $email: email } }))

/**
 * Removes a phone number for text messages, in E.164 form. This is the vendor's `user.remove_sms`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, removeSms } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), removeSms("+15555555555"))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const removeSms: {
  (phone: string): (self: UserEdit) => UserEdit
  (self: UserEdit, phone: string): UserEdit
} = verb.value((phone: string) => ({ $remove: { $sms: phone } }))

/**
 * Removes a phone number for WhatsApp, in E.164 form. This is the vendor's `user.remove_whatsapp`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, removeWhatsapp } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), removeWhatsapp("+15555555555"))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const removeWhatsapp: {
  (phone: string): (self: UserEdit) => UserEdit
  (self: UserEdit, phone: string): UserEdit
} = verb.value((phone: string) => ({ $remove: { $whatsapp: phone } }))

/**
 * Removes an Android push token. This is the vendor's `user.remove_androidpush`.
 *
 * Without a provider, SuprSend uses its default for the channel.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, removeAndroidPush } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), removeAndroidPush("__android_push_fcm_token__"))
 * const chosen = pipe(edit("user-42"), removeAndroidPush("__android_push_fcm_token__", { provider: "xiaomi" }))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const removeAndroidPush: {
  (token: string, options?: Channel.AndroidPushOptions): (self: UserEdit) => UserEdit
  (self: UserEdit, token: string, options?: Channel.AndroidPushOptions): UserEdit
} = verb.valueWith((token: string, options?: Channel.AndroidPushOptions) => ({
  $remove: internalOperation.pushToken("$androidpush", token, options)
}))

/**
 * Removes an iOS push token. This is the vendor's `user.remove_iospush`.
 *
 * Without a provider, SuprSend uses its default for the channel.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, removeIosPush } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(edit("user-42"), removeIosPush("__iospush_token__"))
 * const chosen = pipe(edit("user-42"), removeIosPush("__iospush_token__", { bundleId: "com.example.app" }))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const removeIosPush: {
  (token: string, options?: Channel.IosPushOptions): (self: UserEdit) => UserEdit
  (self: UserEdit, token: string, options?: Channel.IosPushOptions): UserEdit
} = verb.valueWith((token: string, options?: Channel.IosPushOptions) => ({
  $remove: internalOperation.pushToken("$iospush", token, options)
}))

/**
 * Removes a browser's push subscription. This is the vendor's `user.remove_webpush`.
 *
 * Without a provider, SuprSend uses its default for the channel.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, removeWebPush } from "effect-suprsend/UserEdit"
 *
 * const subscription = { endpoint: "https://push.example.com/abc", keys: { p256dh: "BNcRd...", auth: "tBHI..." } }
 * const edited = pipe(edit("user-42"), removeWebPush(subscription))
 * const chosen = pipe(edit("user-42"), removeWebPush(subscription, { provider: "vapid" }))
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const removeWebPush: {
  <A>(
    subscription: Channel.WebPush | Channel.WebPushOf<A>,
    options?: Channel.WebPushOptions
  ): (self: UserEdit) => UserEdit
  <A>(self: UserEdit, subscription: Channel.WebPush | Channel.WebPushOf<A>, options?: Channel.WebPushOptions): UserEdit
} = verb.valueWith((
  subscription: Channel.WebPush | Channel.PushSubscriptionJson,
  options?: Channel.WebPushOptions
) => ({
  $remove: internalOperation.pushToken("$webpush", subscription, options)
}))

/**
 * Removes a Slack member, channel or incoming webhook. This is the vendor's `user.remove_slack`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, removeSlack } from "effect-suprsend/UserEdit"
 *
 * const member = pipe(
 *   edit("user-42"),
 *   removeSlack({ user_id: "U03XXXXXXXX", access_token: "xoxb-XXXXXXXX" }),
 *   removeSlack({ incoming_webhook: { url: "https://hooks.slack.com/services/TXXXX/BXXXX/XXXXXXX" } })
 * )
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const removeSlack: {
  (slack: Channel.Slack): (self: UserEdit) => UserEdit
  (self: UserEdit, slack: Channel.Slack): UserEdit
} = verb.value((slack: Channel.Slack) => ({ $remove: { $slack: slack } }))

/**
 * Removes a Microsoft Teams member, conversation or incoming webhook.
 *
 * This is the vendor's `user.remove_ms_teams`.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { edit, removeMsTeams } from "effect-suprsend/UserEdit"
 *
 * const edited = pipe(
 *   edit("user-42"),
 *   removeMsTeams({
 *     tenant_id: "c1981ab2-9aaf-xxxx-xxxx",
 *     service_url: "https://smba.trafficmanager.net/amer",
 *     user_id: "29:1nsLcmJ2RKtYH6Cxxxx-xxxx"
 *   })
 * )
 * ```
 *
 * @since 0.1.0
 * @category channels
 */
export const removeMsTeams: {
  (msTeams: Channel.MsTeams): (self: UserEdit) => UserEdit
  (self: UserEdit, msTeams: Channel.MsTeams): UserEdit
} = verb.value((msTeams: Channel.MsTeams) => ({ $remove: { $ms_teams: msTeams } }))

/**
 * Concatenates the operations of two edits of the same user and tenant.
 *
 * The result has the insert id of the first edit, if that has one. Concatenating edits of different
 * users is a mistake, which `validate` reports.
 *
 * @example
 * ```ts
 * import { addEmail, concat, edit, set } from "effect-suprsend/UserEdit"
 *
 * const contact = addEmail(edit("user-42"), "ada@example.com")
 * const profile = set(edit("user-42"), { plan: "pro" })
 * const both = concat(contact, profile)
 * ```
 *
 * @since 0.1.0
 * @category combining
 */
export const concat: {
  (that: UserEdit): (self: UserEdit) => UserEdit
  (self: UserEdit, that: UserEdit): UserEdit
} = dual(2, internal.concat)

/**
 * Appends a raw operation. Use it for operations that this version has no verb for.
 *
 * @example
 * ```ts
 * import { pipe } from "effect"
 * import { appendOperation, edit } from "effect-suprsend/UserEdit"
 *
 * const raw = pipe(edit("user-42"), appendOperation({ $increment: { login_count: "1" } }))
 * ```
 *
 * @since 0.1.0
 * @category combining
 */
export const appendOperation: {
  (operation: Operation.Operation): (self: UserEdit) => UserEdit
  (self: UserEdit, operation: Operation.Operation): UserEdit
} = verb.transform(internal.add)

/**
 * Returns the edit with another insert id.
 *
 * @example
 * ```ts
 * import { edit, withInsertId } from "effect-suprsend/UserEdit"
 *
 * const pinned = withInsertId(edit("user-42"), "signup-job-1017")
 * ```
 *
 * @since 0.1.0
 * @category combining
 */
export const withInsertId: {
  (insertId: string): (self: UserEdit) => UserEdit
  (self: UserEdit, insertId: string): UserEdit
} = verb.transform(internal.withInsertId)

/**
 * Returns the edit, or an error with everything that is wrong with it.
 *
 * An edit is invalid if SuprSend could not store it as you wrote it:
 *
 * - a distinct id that is blank, `.`, `..` or longer than 255 characters;
 * - a tenant id that is blank, `.`, `..` or longer than 64 characters, or a blank insert id;
 * - operations of different users or tenants, joined by {@link concat};
 * - half a surrogate pair in an id, key or value;
 * - an empty key;
 * - a value that JSON cannot represent, or that has a `toJSON`;
 * - an amount that is not a finite number;
 * - an address or token that is blank, or has leading or trailing white space;
 * - a web push subscription without an endpoint or keys;
 * - a time zone that is not an IANA name, or a language or locale that is not a well-formed tag;
 * - operations of more than 10,240 UTF-8 bytes;
 * - a value that cannot be read.
 *
 * Phone numbers are not validated; the server checks them.
 *
 * It never throws, and takes time proportional to the size of the edit. If there are more than a
 * hundred issues, the error gives their number. `asyncEdit` and `bulkEdit` check the size again,
 * because the server's limit applies to the whole event. The synchronous `edit` has no such limit,
 * as in the vendor's SDKs.
 *
 * @example
 * ```ts
 * import { Either } from "effect"
 * import { edit, setTimezone, validate } from "effect-suprsend/UserEdit"
 *
 * const checked = validate(setTimezone(edit("user-42"), "Mars/Olympus"))
 *
 * if (Either.isLeft(checked)) {
 *   console.log(checked.left.issues)
 *   // [{ path: ["operations", 0, "$set", "$timezone"], message: 'must be an IANA time zone such as "Europe/London"' }]
 * }
 * ```
 *
 * @since 0.1.0
 * @category validation
 */
export const validate: (self: UserEdit) => Either.Either<UserEdit, InvalidUserEdit> = internalValidate.validate

/**
 * The JSON form of an edit.
 *
 * @since 0.1.0
 * @category models
 */
export interface UserEditEncoded {
  readonly distinctId: string
  readonly tenantId?: string | undefined
  readonly insertId?: string | undefined
  readonly operations: ReadonlyArray<unknown>
  /**
   * The values that JSON cannot represent, with their paths. They are null in the operations.
   *
   * An edit with defects is invalid.
   */
  readonly defects?: ReadonlyArray<Issue> | undefined
  /**
   * The ids of other users whose edits were concatenated with this one.
   *
   * An edit that has them is invalid.
   */
  readonly mismatchedIds?: ReadonlyArray<string> | undefined
}

/**
 * Encodes an edit as JSON and decodes it, for queues and files.
 *
 * A decoded edit is `Equal` to the encoded one, and is validated when you send it. The JSON
 * contains push tokens and access tokens in clear: store it as securely as those.
 *
 * A value that JSON cannot represent (`NaN`, a `Date`) becomes null, and `defects` says where and
 * why. The rest of the edit is kept.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { edit, set, UserEditSchema } from "effect-suprsend/UserEdit"
 *
 * const text = Schema.encodeSync(Schema.parseJson(UserEditSchema))(set(edit("user-42"), "plan", "pro"))
 * const again = Schema.decodeSync(Schema.parseJson(UserEditSchema))(text)
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const UserEditSchema: Schema.Schema<UserEdit, UserEditEncoded> = Schema.transform(
  Schema.Struct({
    distinctId: Schema.String,
    tenantId: Schema.optional(Schema.String),
    insertId: Schema.optional(Schema.String),
    operations: Schema.Array(Schema.Unknown),
    defects: Schema.optional(Schema.Array(Issue)),
    mismatchedIds: Schema.optional(Schema.Array(Schema.String))
  }),
  Schema.declare(internal.isUserEdit, { identifier: "UserEdit", equivalence: () => Equal.equals }),
  { strict: true, decode: internal.decode, encode: internal.encode }
)
