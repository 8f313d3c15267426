/**
 * The maximum number of bytes kept of a body if only the status matters.
 *
 * It applies to errors, and to requests whose body is ignored.
 *
 * @internal
 */
export const maximumIgnoredBytes = 65_536

/**
 * The maximum number of bytes of a body that is decoded.
 *
 * @internal
 */
export const maximumBodyBytes = 67_108_864
