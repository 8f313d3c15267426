import * as Predicate from "effect/Predicate"

/**
 * Checks whether an import failed because a package is missing.
 *
 * @internal
 */
export const isMissing = (error: unknown): boolean =>
  Predicate.hasProperty(error, "code") && error.code === "ERR_MODULE_NOT_FOUND"

const missing = (error: string): string => /'(@[\w-]+\/[\w-]+)/.exec(error)?.[1] ?? "packages"

/**
 * Returns the instructions to install the packages of the command line.
 *
 * @internal
 */
export const install = (error: string): string =>
  `The command line needs ${missing(error)}; the SDK alone does not. Install them:\n\n` +
  "  npm install --save-dev @effect/cli@0.77 @effect/printer@0.51 @effect/printer-ansi@0.51 @effect/platform-node@0.108\n\n"

/**
 * The packages that a ledger needs.
 *
 * @internal
 */
export const ledgerPackages = {
  database: "@effect/sql@0.52 @effect/sql-pg@0.53 @effect/experimental@0.61",
  directory: "@effect/sql@0.52 @effect/experimental@0.61 @electric-sql/pglite@0.5"
} as const

/**
 * Returns the instructions to install the packages of a ledger.
 *
 * @internal
 */
export const installLedger = (ledger: keyof typeof ledgerPackages, error: string): string =>
  `A ledger in a ${ledger} needs ${missing(error)}; the SDK alone does not. Install them:\n\n` +
  `  npm install ${ledgerPackages[ledger]}\n`
