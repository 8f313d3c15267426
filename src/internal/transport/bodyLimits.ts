/**
 * The most of a body that is kept where only its status counts: of errors, and of requests whose body is ignored.
 *
 * @internal
 */
export const maximumIgnoredBytes = 65_536

/**
 * The most bytes of a body that is read for what it says.
 *
 * @internal
 */
export const maximumBodyBytes = 67_108_864
