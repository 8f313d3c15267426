const native: unknown = Reflect.get(String.prototype, "isWellFormed")

// With the `u` flag a whole pair is one code point: what is left of this category stands alone.
const loneSurrogate = /\p{Surrogate}/u

/**
 * Tells whether a text is Unicode: whether no half of a surrogate pair stands alone in it.
 *
 * @internal
 */
export const isWellFormed = (text: string): boolean =>
  // Older runtimes have no method for it, and this compiler does not know it.
  typeof native === "function" ? native.call(text) === true : !loneSurrogate.test(text)
