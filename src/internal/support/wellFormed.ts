const native: unknown = Reflect.get(String.prototype, "isWellFormed")

// With the `u` flag a surrogate pair is one code point, so only lone surrogates match.
const loneSurrogate = /\p{Surrogate}/u

/**
 * Checks whether a text is well-formed Unicode, without lone surrogates.
 *
 * @internal
 */
export const isWellFormed = (text: string): boolean =>
  // Older runtimes do not have the method, and the configured `lib` does not declare it.
  typeof native === "function" ? native.call(text) === true : !loneSurrogate.test(text)
