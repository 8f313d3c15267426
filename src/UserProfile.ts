/**
 * A user as one writes it down whole: what `upsert` takes.
 *
 * @since 0.1.0
 */
import type * as Channel from "./Channel.js"
import type { JsonOf, JsonValue } from "./Operation.js"

/**
 * The members of a user that have a meaning of their own (OpenAPI).
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
  /** An IANA name. */
  readonly $timezone?: string
  /** A language, or a language and region. */
  readonly $locale?: string
  /** A language (older vendor pages). */
  readonly $preferred_language?: string
}

// Two types and not one interface: without `exactOptionalPropertyTypes` an optional member may be undefined, which the index
// signature of the same interface would have to allow for every property.
/**
 * The channels and properties of a user (OpenAPI). Every member without a meaning of its own is a custom property.
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
 * What a record has to be to pass for a {@link UserProfile}: for rows that are typed as interfaces, which have no index signature.
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

// The subscriptions as the DOM's types have them, too.
type KnownOf<K extends keyof KnownMembers, A> = K extends "$webpush"
  ? A extends ReadonlyArray<infer Item> ? ReadonlyArray<Channel.WebPushOf<Item>> : ReadonlyArray<Channel.WebPush>
  : Required<KnownMembers>[K]

type Callable = (...args: never) => unknown
