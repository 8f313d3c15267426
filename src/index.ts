/**
 * All modules, each as a namespace.
 *
 * Import a module by its own path, such as `effect-suprsend/UserEdit`, to import its members
 * directly.
 *
 * @since 0.1.0
 */
export * as Arbitraries from "./Arbitraries.js"
export * as AssociatedTenant from "./AssociatedTenant.js"
export * as Bulk from "./Bulk.js"
export * as Channel from "./Channel.js"
export * as InsertId from "./InsertId.js"
export * as Operation from "./Operation.js"
export * as Page from "./Page.js"
export * as Preferences from "./Preferences.js"
export * as PreferencesService from "./PreferencesService.js"
export * as RateLimiter from "./RateLimiter.js"
export * as RequestOptions from "./RequestOptions.js"
export * as RetryPolicy from "./RetryPolicy.js"
export * as Sandbox from "./Sandbox.js"
export * as Signature from "./Signature.js"
export * as Subscription from "./Subscription.js"
export * as Suprsend from "./Suprsend.js"
export * as SuprsendClient from "./SuprsendClient.js"
export * as SuprsendConfig from "./SuprsendConfig.js"
export * as SuprsendError from "./SuprsendError.js"
export * as TagFilter from "./TagFilter.js"
export * as Telemetry from "./Telemetry.js"
export * as Transport from "./Transport.js"
export * as User from "./User.js"
export * as UserEdit from "./UserEdit.js"
export * as UserProfile from "./UserProfile.js"
export * as UsersService from "./UsersService.js"
