/**
 * The version in package.json. A test checks that both are equal.
 *
 * @internal
 */
export const version = "0.1.0"
