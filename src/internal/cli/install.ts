/**
 * Returns the instructions to install the packages of the command line.
 *
 * @internal
 */
export const install = (error: string): string => {
  const missing = /'(@effect\/[\w-]+)/.exec(error)?.[1]
  return `The sandbox needs ${missing ?? "packages"}; the SDK alone does not. Install them:\n\n` +
    "  npm install --save-dev @effect/cli@0.77 @effect/printer@0.51 @effect/printer-ansi@0.51 @effect/platform-node@0.108\n\n"
}
