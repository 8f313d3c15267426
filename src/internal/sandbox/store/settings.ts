import * as Duration from "effect/Duration"
import type { Options } from "../../../Sandbox.js"

/**
 * The resolved options. Durations are in milliseconds.
 *
 * @internal
 */
export interface Settings {
  readonly pageSize: number
  readonly appendKeepsDuplicates: boolean
  readonly unsetReopensSetOnce: boolean
  readonly editCreatesUser: boolean
  readonly malformedEvents: "refuseAll" | "drop"
  readonly processingDelay: number
  readonly insertIdLifetime: number
  readonly userTenancyMode: "shared" | "exclusive"
  readonly tenantsMustExist: boolean
  readonly tenantProfiles: "own" | "effective"
  readonly removedAddresses: "delete" | "inactive"
}

/** @internal */
export const make = (options: Options): Settings => ({
  pageSize: options.pageSize ?? 10,
  appendKeepsDuplicates: options.appendKeepsDuplicates ?? true,
  unsetReopensSetOnce: options.unsetReopensSetOnce ?? true,
  editCreatesUser: options.editCreatesUser ?? true,
  malformedEvents: options.malformedEvents ?? "refuseAll",
  processingDelay: Duration.toMillis(options.processingDelay ?? Duration.zero),
  insertIdLifetime: Duration.toMillis(options.insertIdLifetime ?? Duration.infinity),
  userTenancyMode: options.userTenancyMode ?? "shared",
  tenantsMustExist: options.tenantsMustExist ?? false,
  tenantProfiles: options.tenantProfiles ?? "effective",
  removedAddresses: options.removedAddresses ?? "delete"
})
