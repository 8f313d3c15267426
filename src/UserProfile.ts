/**
 * A user as one writes it down whole: what `upsert` takes.
 *
 * @since 0.1.0
 */
import type * as Channel from "./Channel.js"
import type { JsonValue } from "./Operation.js"

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
export interface UserProfile {
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
  readonly [property: string]: JsonValue
}
