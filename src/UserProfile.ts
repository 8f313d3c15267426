/**
 * Profiles of users, as `upsert` accepts them.
 *
 * @since 0.1.0
 */
import type * as Channel from "./Channel.js"
import type { JsonOf, JsonValue } from "./Operation.js"

/**
 * The members of a profile that are not custom properties.
 *
 * @since 0.1.0
 * @category models
 */
export interface KnownMembers {
  readonly $email?: ReadonlyArray<string>
  /** Phone numbers in E.164 form. */
  readonly $sms?: ReadonlyArray<string>
  /** Phone numbers in E.164 form. */
  readonly $whatsapp?: ReadonlyArray<string>
  readonly $inbox?: ReadonlyArray<string>
  readonly $androidpush?: ReadonlyArray<string>
  readonly $iospush?: ReadonlyArray<string>
  readonly $webpush?: ReadonlyArray<Channel.WebPush>
  readonly $slack?: ReadonlyArray<Channel.Slack>
  readonly $ms_teams?: ReadonlyArray<Channel.MsTeams>
  /** An IANA time zone name. */
  readonly $timezone?: string
  /** A language, or a language and region. */
  readonly $locale?: string
  /** A language, as in the vendor's older documentation. */
  readonly $preferred_language?: string
}

// Two types instead of one interface: without `exactOptionalPropertyTypes` an optional member may
// be undefined, and the index signature of the interface would then have to allow that for every
// property.
/**
 * The channels and properties of a user. Any other member is a custom property.
 *
 * @example
 * ```ts
 * import type { UserProfile } from "effect-suprsend/UserProfile"
 *
 * const ada: UserProfile = {
 *   $email: ["ada@example.com"],
 *   $timezone: "Europe/London",
 *   plan: "pro"
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type UserProfile = KnownMembers & { readonly [property: string]: JsonValue }

/**
 * The type that a record must have to be a {@link UserProfile}.
 *
 * It allows rows that are typed as interfaces, which have no index signature.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * interface Row {
 *   readonly name: string
 *   readonly $email: ReadonlyArray<string>
 * }
 *
 * const upsert = (id: string, row: Row) => Effect.flatMap(UsersService, (users) => users.upsert(id, row))
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type UserProfileOf<A> = A extends Callable | ReadonlyArray<unknown> ? never
  : A extends object ? { readonly [K in keyof A]: K extends keyof KnownMembers ? KnownOf<K, A[K]> : JsonOf<A[K]> }
  : never

// Accepts the DOM's types for web push subscriptions too.
type KnownOf<K extends keyof KnownMembers, A> = K extends "$webpush"
  ? A extends ReadonlyArray<infer Item> ? ReadonlyArray<Channel.WebPushOf<Item>> : ReadonlyArray<Channel.WebPush>
  : Required<KnownMembers>[K]

type Callable = (...args: never) => unknown
