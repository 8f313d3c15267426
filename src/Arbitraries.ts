/**
 * fast-check arbitraries of valid data, for property tests.
 *
 * The values are valid but awkward: ids with slashes, quotes and emoji, properties named
 * `__proto__` or `-1`, texts with every control character. Code that handles them also handles what
 * users type.
 *
 * ```ts
 * import { Either, FastCheck } from "effect"
 * import * as Arbitraries from "effect-suprsend/Arbitraries"
 * import { validate } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(FastCheck.property(Arbitraries.userEdit, (edit) => Either.isRight(validate(edit))))
 * ```
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Channel from "./Channel.js"
import { byteLength } from "./internal/support/bytes.js"
import { hasSpaceAtEnd, trim } from "./internal/support/trim.js"
import type * as Operation from "./Operation.js"
import type * as Page from "./Page.js"
import * as UserEdit from "./UserEdit.js"
import type { UserProfile } from "./UserProfile.js"

// Each arbitrary is built on first use instead of on import: building all of them is slow, and the
// index imports this module (`npm run bench -- --only imports`).
class Lazy<A> extends FastCheck.Arbitrary<A> {
  private built: FastCheck.Arbitrary<A> | undefined

  constructor(private readonly build: () => FastCheck.Arbitrary<A>) {
    super()
  }

  generate(...args: Parameters<FastCheck.Arbitrary<A>["generate"]>) {
    return this.arbitrary.generate(...args)
  }

  canShrinkWithoutContext(value: unknown): value is A {
    return this.arbitrary.canShrinkWithoutContext(value)
  }

  shrink(value: A, context: unknown) {
    return this.arbitrary.shrink(value, context)
  }

  private get arbitrary(): FastCheck.Arbitrary<A> {
    return this.built ??= this.build()
  }
}

const lazily = <A>(build: () => FastCheck.Arbitrary<A>): FastCheck.Arbitrary<A> => new Lazy(build)

// Prefers characters that some layer between here and the server treats specially.
const character = lazily(() =>
  FastCheck.oneof(
    { weight: 6, arbitrary: FastCheck.constantFrom(..."abcdefxyzABC0123456789_-.") },
    { weight: 3, arbitrary: FastCheck.constantFrom(..." /%?#+&=\"'\\<>{}()!*~$:;,@|^`éß日本م😀🇬") },
    { weight: 1, arbitrary: FastCheck.string({ unit: "binary", minLength: 1, maxLength: 1 }) }
  )
)

const text = lazily(() => FastCheck.string({ unit: character, maxLength: 20 }))

// Long enough never to occur elsewhere by accident.
const secret = lazily(() =>
  FastCheck.string({
    unit: FastCheck.constantFrom(..."0123456789abcdef"),
    minLength: 20,
    maxLength: 40
  })
)

// Names that have a meaning in JavaScript, or look like numbers.
const trap = lazily(() =>
  FastCheck.constantFrom(
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "toJSON",
    "hasOwnProperty",
    "length",
    "0",
    "1",
    "-1",
    "-0",
    "-1.5",
    "0x0",
    "1e3",
    "-Infinity",
    "null",
    "a.b",
    "$",
    "$set"
  )
)

const number = lazily(() =>
  FastCheck.oneof(
    FastCheck.integer(),
    // JSON has no negative zero.
    FastCheck.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n === 0 ? 0 : n),
    FastCheck.constantFrom(0, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1e21, 5e-324)
  )
)

/**
 * A JSON value that `JSON.parse(JSON.stringify(value))` does not change.
 *
 * It contains no negative zero, and every member is an own property, including `__proto__`.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { jsonValue } from "effect-suprsend/Arbitraries"
 * import { edit, set } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(FastCheck.property(jsonValue, (value) => set(edit("user-42"), "any", value).operations.length === 1))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const jsonValue: FastCheck.Arbitrary<Operation.JsonValue> = lazily(() =>
  FastCheck.letrec<{ any: Operation.JsonValue }>(
    (tie) => ({
      any: FastCheck.oneof(
        { maxDepth: 3, depthIdentifier: "effect-suprsend/jsonValue" },
        text,
        number,
        FastCheck.boolean(),
        FastCheck.constant(null),
        FastCheck.array(tie("any"), { maxLength: 4 }),
        FastCheck.array(FastCheck.tuple(FastCheck.oneof(trap, text), tie("any")), { maxLength: 4 }).map(
          Object.fromEntries
        )
      )
    })
  ).any
)

// Keys with rules of their own have separate arbitraries.
const reserved: ReadonlySet<string> = new Set([
  ...Channel.channelKeys,
  "$id_provider",
  "$bundle_id",
  "$timezone",
  "$locale",
  "$preferred_language"
])

const key = lazily(() =>
  FastCheck.oneof(
    FastCheck.constantFrom("name", "plan", "login_count", "played_games"),
    trap,
    FastCheck.string({ unit: character, minLength: 1, maxLength: 12 })
  ).filter((key) => key !== "" && trim(key) === key && !reserved.has(key))
)

const recordOf = <A>(value: FastCheck.Arbitrary<A>): FastCheck.Arbitrary<{ readonly [key: string]: A }> =>
  FastCheck.array(FastCheck.tuple(key, value), { minLength: 1, maxLength: 4 }).map((entries) =>
    Object.fromEntries(entries)
  )

/**
 * Properties of a user, at least one.
 *
 * Their keys need no trimming, and none of them is a channel, a locale or a time zone.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { properties } from "effect-suprsend/Arbitraries"
 * import { edit, set } from "effect-suprsend/UserEdit"
 *
 * const sets = properties.map((properties) => set(edit("user-42"), properties))
 *
 * FastCheck.assert(FastCheck.property(sets, (edit) => edit.operations.length === 1))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const properties: FastCheck.Arbitrary<Operation.Properties> = lazily(() => recordOf(jsonValue))

/**
 * A distinct id of up to 255 characters, already trimmed.
 *
 * It includes characters that must be percent-encoded in a path.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { distinctId } from "effect-suprsend/Arbitraries"
 * import { edit } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(FastCheck.property(distinctId, (id) => edit(id).distinctId === id))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const distinctId: FastCheck.Arbitrary<string> = lazily(() =>
  FastCheck.oneof(
    { weight: 20, arbitrary: FastCheck.string({ unit: character, minLength: 1, maxLength: 24 }) },
    { weight: 1, arbitrary: FastCheck.string({ unit: character, minLength: 255, maxLength: 255 }) }
  ).filter((id) => id !== "" && id !== "." && id !== ".." && trim(id) === id)
)

/**
 * A tenant id: up to 64 letters, digits, `_` and `-`.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { tenantId } from "effect-suprsend/Arbitraries"
 * import { edit } from "effect-suprsend/UserEdit"
 *
 * const tenantEdits = tenantId.map((tenantId) => edit("user-42", { tenantId }))
 *
 * FastCheck.assert(FastCheck.property(tenantEdits, (edit) => edit.tenantId !== undefined))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const tenantId: FastCheck.Arbitrary<string> = lazily(() => FastCheck.stringMatching(/^[A-Za-z0-9_-]{1,64}$/))

/**
 * An insert id: a UUID, or a text derived from the cause of an edit.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { insertId } from "effect-suprsend/Arbitraries"
 * import { edit, withInsertId } from "effect-suprsend/UserEdit"
 *
 * const pinned = insertId.map((id) => withInsertId(edit("user-42"), id))
 *
 * FastCheck.assert(FastCheck.property(pinned, (edit) => edit.insertId !== undefined))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const insertId: FastCheck.Arbitrary<string> = lazily(() =>
  FastCheck.oneof(
    FastCheck.uuid({ version: 4 }),
    FastCheck.nat().map((n) => `signup-job-${n}`)
  )
)

const webhook = lazily(() =>
  secret.map((path) => ({ incoming_webhook: { url: `https://hooks.example.com/services/${path}` } }))
)
const accessToken = lazily(() => secret.map((token) => `xoxb-${token}`))
const email = lazily(() => text.map((text) => `${text}@example.com`).filter((email) => !hasSpaceAtEnd(email)))
const phone = lazily(() => FastCheck.stringMatching(/^\+[1-9][0-9]{7,14}$/))

/**
 * A Slack destination in any documented shape.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { slack } from "effect-suprsend/Arbitraries"
 * import { addSlack, edit } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(FastCheck.property(slack, (slack) => addSlack(edit("user-42"), slack).operations.length === 1))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const slack: FastCheck.Arbitrary<Channel.Slack> = lazily(() =>
  FastCheck.oneof(
    FastCheck.record({ email, access_token: accessToken }),
    FastCheck.record({ user_id: secret.map((id) => `U${id}`), access_token: accessToken }),
    FastCheck.record({ channel_id: secret.map((id) => `C${id}`), access_token: accessToken }),
    webhook
  )
)

/**
 * A Microsoft Teams destination in any documented shape.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { msTeams } from "effect-suprsend/Arbitraries"
 * import { addMsTeams, edit } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(FastCheck.property(msTeams, (teams) => addMsTeams(edit("user-42"), teams).operations.length === 1))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const msTeams: FastCheck.Arbitrary<Channel.MsTeams> = lazily(() =>
  FastCheck.oneof(
    FastCheck.record({
      tenant_id: FastCheck.uuid(),
      service_url: FastCheck.constant("https://smba.example.com/amer"),
      conversation_id: secret.map((id) => `19:${id}`)
    }),
    FastCheck.record({
      tenant_id: FastCheck.uuid(),
      service_url: FastCheck.constant("https://smba.example.com/amer"),
      user_id: secret.map((id) => `29:${id}`)
    }),
    webhook
  )
)

/**
 * A browser's push subscription.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { webPush } from "effect-suprsend/Arbitraries"
 * import { addWebPush, edit } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(FastCheck.property(webPush, (push) => addWebPush(edit("user-42"), push).operations.length === 1))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const webPush: FastCheck.Arbitrary<Channel.WebPush> = lazily(() =>
  FastCheck.record({
    endpoint: secret.map((path) => `https://push.example.com/${path}`),
    expirationTime: FastCheck.option<number>(FastCheck.nat()),
    keys: FastCheck.record({ p256dh: secret, auth: secret })
  }, { requiredKeys: ["endpoint", "keys"] })
)

/**
 * An IANA time zone name.
 *
 * @example
 * ```ts
 * import { Either, FastCheck } from "effect"
 * import { timezone } from "effect-suprsend/Arbitraries"
 * import { edit, setTimezone, validate } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(
 *   FastCheck.property(timezone, (zone) => Either.isRight(validate(setTimezone(edit("user-42"), zone))))
 * )
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const timezone: FastCheck.Arbitrary<string> = lazily(() =>
  FastCheck.constantFrom(
    "UTC",
    "Etc/GMT+5",
    "Europe/London",
    "Europe/Berlin",
    "America/Los_Angeles",
    "America/Argentina/Buenos_Aires",
    "America/Port-au-Prince",
    "Asia/Kolkata",
    "Asia/Calcutta",
    "Asia/Tokyo",
    "Australia/Lord_Howe",
    "Africa/Nairobi",
    "Pacific/Chatham"
  )
)

/**
 * A language or locale: a language with an optional script and region.
 *
 * They are joined by hyphens or, as in some of the vendor's examples, by underscores.
 *
 * @example
 * ```ts
 * import { Either, FastCheck } from "effect"
 * import { languageTag } from "effect-suprsend/Arbitraries"
 * import { edit, setLocale, validate } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(
 *   FastCheck.property(languageTag, (tag) => Either.isRight(validate(setLocale(edit("user-42"), tag))))
 * )
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const languageTag: FastCheck.Arbitrary<string> = lazily(() =>
  FastCheck.tuple(
    FastCheck.constantFrom("-", "_"),
    FastCheck.constantFrom("en", "hi", "pt", "zh", "ar", "fil"),
    FastCheck.constantFrom("", "Latn", "Hant"),
    FastCheck.constantFrom("", "GB", "BR", "TW", "419")
  ).map(([separator, ...parts]) => parts.filter((part) => part !== "").join(separator))
)

/**
 * The names of the verbs of `UserEdit`.
 *
 * @since 0.1.0
 * @category models
 */
export type VerbName =
  | "set"
  | "setOnce"
  | "increment"
  | "append"
  | "remove"
  | "unset"
  | "setPreferredLanguage"
  | "setLocale"
  | "setTimezone"
  | `${"add" | "remove"}${"Email" | "Sms" | "Whatsapp" | "AndroidPush" | "IosPush" | "WebPush" | "Slack" | "MsTeams"}`

/**
 * A verb with its arguments, which prints as the call in source code.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { type Verb, verb } from "effect-suprsend/Arbitraries"
 * import { edit, type UserEdit } from "effect-suprsend/UserEdit"
 *
 * const build = (verbs: ReadonlyArray<Verb>): UserEdit => verbs.reduce((edit, verb) => verb(edit), edit("user-42"))
 *
 * FastCheck.assert(
 *   FastCheck.property(FastCheck.array(verb), (verbs) => build(verbs).operations.length === verbs.length)
 * )
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Verb {
  (self: UserEdit.UserEdit): UserEdit.UserEdit
  readonly verb: VerbName
  /** The arguments that are passed in a pipe, without the edit. */
  readonly args: ReadonlyArray<unknown>
  /** Returns the call as source code: `addEmail("ada@example.com")`. */
  readonly toString: () => string
}

type Step = (self: UserEdit.UserEdit) => UserEdit.UserEdit

const called = <Args extends Array<unknown>>(
  verb: VerbName,
  pipeable: (...args: NoInfer<Args>) => Step,
  args: FastCheck.Arbitrary<Args>
): FastCheck.Arbitrary<Verb> =>
  args.map((args) => {
    const step = pipeable(...args)
    const toString = () => `${verb}(${args.map((arg) => FastCheck.stringify(arg)).join(", ")})`
    return Object.assign((self: UserEdit.UserEdit) => step(self), {
      verb,
      args,
      toString,
      [FastCheck.toStringMethod]: toString
    })
  })

const one = <A>(argument: FastCheck.Arbitrary<A>): FastCheck.Arbitrary<[A]> => FastCheck.tuple(argument)

interface RecordVerb<A> {
  (key: string, value: A): Step
  (properties: { readonly [key: string]: A }): Step
}

const keyed = <A>(
  verb: VerbName,
  pipeable: RecordVerb<NoInfer<A>>,
  value: FastCheck.Arbitrary<A>
): FastCheck.Arbitrary<Verb> =>
  FastCheck.oneof(
    called(verb, (key: string, value: A) => pipeable(key, value), FastCheck.tuple(key, value)),
    called(verb, (properties: { readonly [key: string]: A }) => pipeable(properties), one(recordOf(value)))
  )

const withOptions = <A, O>(
  argument: FastCheck.Arbitrary<A>,
  options: FastCheck.Arbitrary<O>
): FastCheck.Arbitrary<[A, O?]> =>
  FastCheck.oneof<[FastCheck.Arbitrary<[A]>, FastCheck.Arbitrary<[A, O]>]>(
    FastCheck.tuple(argument),
    FastCheck.tuple(argument, options)
  )

const provider = (...names: ReadonlyArray<string>) => FastCheck.constantFrom(...names, null)

const androidPush = lazily(() =>
  withOptions(
    secret,
    FastCheck.record({ provider: provider("fcm", "xiaomi", "oppo") }, { requiredKeys: [] })
  )
)
const iosPush = lazily(() =>
  withOptions(
    secret,
    FastCheck.record({
      provider: provider("apns"),
      bundleId: FastCheck.constantFrom("com.example.app", "")
    }, { requiredKeys: [] })
  )
)
const webPushWithOptions = lazily(() =>
  withOptions(
    webPush,
    FastCheck.record({ provider: provider("vapid") }, { requiredKeys: [] })
  )
)

const keys = lazily(() =>
  FastCheck.array(FastCheck.oneof(key, FastCheck.constantFrom(...Channel.channelKeys)), {
    minLength: 1,
    maxLength: 4
  })
)

/**
 * A verb of `UserEdit` with valid arguments, for use in a pipe.
 *
 * Applied to an edit, it adds exactly one operation.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import { userEdit, verb } from "effect-suprsend/Arbitraries"
 *
 * FastCheck.assert(FastCheck.property(
 *   userEdit,
 *   verb,
 *   (edit, verb) => verb(edit).operations.length === edit.operations.length + 1
 * ))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const verb: FastCheck.Arbitrary<Verb> = lazily(() =>
  FastCheck.oneof(
    keyed("set", UserEdit.set, jsonValue),
    keyed("setOnce", UserEdit.setOnce, jsonValue),
    keyed("increment", UserEdit.increment, number),
    keyed("append", UserEdit.append, jsonValue),
    keyed("remove", UserEdit.remove, jsonValue),
    called("unset", UserEdit.unset, FastCheck.oneof(one(key), one(keys))),
    called("setPreferredLanguage", UserEdit.setPreferredLanguage, one(languageTag)),
    called("setLocale", UserEdit.setLocale, one(languageTag)),
    called("setTimezone", UserEdit.setTimezone, one(timezone)),
    called("addEmail", UserEdit.addEmail, one(email)),
    called("addSms", UserEdit.addSms, one(phone)),
    called("addWhatsapp", UserEdit.addWhatsapp, one(phone)),
    called("addAndroidPush", UserEdit.addAndroidPush, androidPush),
    called("addIosPush", UserEdit.addIosPush, iosPush),
    called("addWebPush", UserEdit.addWebPush, webPushWithOptions),
    called("addSlack", UserEdit.addSlack, one(slack)),
    called("addMsTeams", UserEdit.addMsTeams, one(msTeams)),
    called("removeEmail", UserEdit.removeEmail, one(email)),
    called("removeSms", UserEdit.removeSms, one(phone)),
    called("removeWhatsapp", UserEdit.removeWhatsapp, one(phone)),
    called("removeAndroidPush", UserEdit.removeAndroidPush, androidPush),
    called("removeIosPush", UserEdit.removeIosPush, iosPush),
    called("removeWebPush", UserEdit.removeWebPush, webPushWithOptions),
    called("removeSlack", UserEdit.removeSlack, one(slack)),
    called("removeMsTeams", UserEdit.removeMsTeams, one(msTeams))
  )
)

// Leaves room for the envelope of an event, its ids and its user agent.
const maximumBytes = 7_000

const addIfItFits = (self: UserEdit.UserEdit, verb: Verb): UserEdit.UserEdit => {
  const longer = verb(self)
  return byteLength(JSON.stringify(longer.operations)) <= maximumBytes ? longer : self
}

const options: FastCheck.Arbitrary<UserEdit.Options> = lazily(() =>
  FastCheck.record({ tenantId, insertId }, { requiredKeys: [] })
)

/**
 * A valid edit that is small enough to be sent in any way.
 *
 * `validate` accepts it, and its event has less than 10,240 bytes.
 *
 * @example
 * ```ts
 * import { Effect, FastCheck } from "effect"
 * import { userEdit } from "effect-suprsend/Arbitraries"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const sent = FastCheck.asyncProperty(userEdit, (edit) =>
 *   Effect.flatMap(UsersService, (users) => users.asyncEdit(edit)).pipe(
 *     Effect.map((accepted) => accepted.status === 202),
 *     Effect.provide(Suprsend.layerTest),
 *     Effect.runPromise
 *   ))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const userEdit: FastCheck.Arbitrary<UserEdit.UserEdit> = lazily(() =>
  FastCheck.tuple(
    distinctId,
    options,
    FastCheck.array(verb, { maxLength: 8 })
  ).map(([distinctId, options, verbs]) => verbs.reduce(addIfItFits, UserEdit.edit(distinctId, options)))
)

/**
 * An operation of any of the six kinds, as the verbs create it.
 *
 * @example
 * ```ts
 * import { Either, FastCheck } from "effect"
 * import { operation } from "effect-suprsend/Arbitraries"
 * import { appendOperation, edit, validate } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(FastCheck.property(
 *   operation,
 *   (operation) => Either.isRight(validate(appendOperation(edit("user-42"), operation)))
 * ))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const operation: FastCheck.Arbitrary<Operation.Operation> = lazily(() =>
  verb.map((verb) => verb(UserEdit.edit("user-42")))
    .chain((edit) => FastCheck.constantFrom(...edit.operations))
)

/**
 * A channel and an identity on it, as `append` and `remove` accept them.
 *
 * For example, `{ $email: "..." }`, or a push token with its provider.
 *
 * @example
 * ```ts
 * import { Either, FastCheck } from "effect"
 * import * as Arbitraries from "effect-suprsend/Arbitraries"
 * import { append, edit, validate } from "effect-suprsend/UserEdit"
 *
 * FastCheck.assert(
 *   FastCheck.property(Arbitraries.identity, (identity) => Either.isRight(validate(append(edit("user-42"), identity))))
 * )
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const identity: FastCheck.Arbitrary<Operation.Properties> = lazily(() =>
  FastCheck.oneof(
    email.map(($email) => ({ $email })),
    phone.map(($sms) => ({ $sms })),
    phone.map(($whatsapp) => ({ $whatsapp })),
    secret.map(($androidpush) => ({ $androidpush, $id_provider: "fcm" })),
    secret.map(($iospush) => ({ $iospush, $id_provider: "apns" })),
    webPush.map(($webpush) => ({ $webpush, $id_provider: "vapid" })),
    slack.map(($slack) => ({ $slack })),
    msTeams.map(($ms_teams) => ({ $ms_teams }))
  )
)

/**
 * A profile for `upsert`: addresses on several channels, a time zone, a language and properties.
 *
 * @example
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import * as Arbitraries from "effect-suprsend/Arbitraries"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * it.effect.prop("every profile is accepted", [Arbitraries.userProfile], ([profile]) =>
 *   Effect.flatMap(UsersService, (users) => users.upsert("user-42", profile)).pipe(
 *     Effect.asVoid,
 *     Effect.provide(Suprsend.layerTest)
 *   ))
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const userProfile: FastCheck.Arbitrary<UserProfile> = lazily(() =>
  FastCheck.record({
    $email: FastCheck.array(email, { maxLength: 3 }),
    $sms: FastCheck.array(phone, { maxLength: 3 }),
    $whatsapp: FastCheck.array(phone, { maxLength: 3 }),
    $androidpush: FastCheck.array(secret, { maxLength: 2 }),
    $slack: FastCheck.array(slack, { maxLength: 2 }),
    $ms_teams: FastCheck.array(msTeams, { maxLength: 2 }),
    $timezone: timezone,
    $locale: languageTag,
    name: text,
    seats: FastCheck.nat()
  }, { requiredKeys: [] })
)

/**
 * The cursor of a page, opaque like those of SuprSend.
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const cursor: FastCheck.Arbitrary<string> = lazily(() => FastCheck.base64String({ minLength: 4, maxLength: 40 }))

/**
 * Options that select a page: a limit, and at most one cursor.
 *
 * @example
 * ```ts
 * import { FastCheck } from "effect"
 * import * as Arbitraries from "effect-suprsend/Arbitraries"
 *
 * FastCheck.assert(
 *   FastCheck.property(Arbitraries.pageOptions, ({ after, before }) => after === undefined || before === undefined)
 * )
 * ```
 *
 * @since 0.1.0
 * @category arbitraries
 */
export const pageOptions: FastCheck.Arbitrary<Page.Options> = lazily(() =>
  FastCheck.oneof(
    FastCheck.record({ limit: FastCheck.integer({ min: 1, max: 100 }) }, { requiredKeys: [] }),
    FastCheck.record({ limit: FastCheck.integer({ min: 1, max: 100 }), after: cursor }, { requiredKeys: ["after"] }),
    FastCheck.record({ limit: FastCheck.integer({ min: 1, max: 100 }), before: cursor }, { requiredKeys: ["before"] })
  )
)

/**
 * A law that holds for every verb, including your own.
 *
 * @since 0.1.0
 * @category laws
 */
export interface VerbLaw {
  readonly name: string
  readonly holds: (verb: (self: UserEdit.UserEdit) => UserEdit.UserEdit, edit: UserEdit.UserEdit) => boolean
}

/**
 * The laws of verbs.
 *
 * @see {@link assertVerb} to check all of them.
 *
 * @since 0.1.0
 * @category laws
 */
export const verbLaws: ReadonlyArray<VerbLaw> = [
  { name: "returns equal edits for equal edits", holds: (verb, edit) => Equal.equals(verb(edit), verb(edit)) },
  {
    name: "does not change the edit that it is given, and accepts a frozen one",
    holds: (verb, edit) => {
      const before = JSON.stringify(edit.operations)
      const copy = UserEdit.concat(edit, UserEdit.edit(edit.distinctId))
      // Edits are frozen, so a verb that mutates its edit throws.
      if (Either.isLeft(Either.try(() => verb(edit)))) return false
      const changed = verb(Object.freeze(copy))
      return JSON.stringify(edit.operations) === before && JSON.stringify(copy.operations) === before &&
        Equal.equals(changed.operations.length, verb(edit).operations.length)
    }
  },
  {
    name: "keeps the distinct id and the tenant of the edit",
    holds: (verb, edit) => {
      const after = verb(edit)
      return after.distinctId === edit.distinctId && after.tenantId === edit.tenantId &&
        after.insertId === edit.insertId
    }
  },
  {
    name: "appends operations, and keeps the existing ones",
    holds: (verb, edit) =>
      JSON.stringify(verb(edit).operations.slice(0, edit.operations.length)) === JSON.stringify(edit.operations)
  },
  {
    name: "keeps a valid edit valid",
    holds: (verb, edit) => Either.isLeft(UserEdit.validate(edit)) || Either.isRight(UserEdit.validate(verb(edit)))
  }
]

/**
 * Checks the laws of verbs for a verb of your own, with many edits.
 *
 * If a law does not hold, it throws an error that names the law and the smallest failing edit. It
 * works with every test runner.
 *
 * @example
 * ```ts
 * import { it } from "@effect/vitest"
 * import { flow } from "effect"
 * import * as Arbitraries from "effect-suprsend/Arbitraries"
 * import { increment, set } from "effect-suprsend/UserEdit"
 *
 * const upgrade = (plan: string) => flow(set("plan", plan), increment("upgrades", 1))
 *
 * it("upgrade is a verb", () => Arbitraries.assertVerb(upgrade("pro")))
 * ```
 *
 * @since 0.1.0
 * @category laws
 */
export const assertVerb = (
  verb: (self: UserEdit.UserEdit) => UserEdit.UserEdit,
  options?: { readonly numRuns?: number | undefined; readonly seed?: number | undefined }
): void =>
  FastCheck.assert(
    FastCheck.property(userEdit, (edit) => {
      const results = verbLaws.map(({ holds, name }) => ({ name, holds: Either.try(() => holds(verb, edit)) }))
      const broken = results.find(({ holds }) => Either.isRight(holds) && !holds.right)
      if (broken !== undefined) {
        throw new Error(`A verb ${broken.name}. This one does not with ${edit}${whyNot(() => verb(edit))}`)
      }
      // A law that throws does not hold either; its error gives the reason.
      results.forEach(({ holds }) => Either.getOrThrowWith(holds, (thrown) => thrown))
    }),
    { ...(options?.numRuns === undefined ? undefined : { numRuns: options.numRuns }), ...seedOf(options?.seed) }
  )

/** Returns why a verb fails: its error, or the issues that `validate` finds. */
const whyNot = (make: () => UserEdit.UserEdit): string =>
  Either.match(Either.flatMap(Either.try(make), UserEdit.validate), {
    onLeft: (error) => `: ${error instanceof Error ? error.message : String(error)}`,
    onRight: () => ""
  })

const seedOf = (seed: number | undefined) => seed === undefined ? undefined : { seed }
