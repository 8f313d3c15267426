// Controls, formats such as the reversal of the direction, separators of lines, and halves of pairs.
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/**
 * Replaces the characters of a text that would control the terminal.
 *
 * @internal
 */
export const printable = (text: string): string => text.replace(unprintable, "?")

/**
 * Formats a value as JSON in one line, with such characters escaped.
 *
 * @internal
 */
export const json = (value: unknown): string =>
  JSON.stringify(value).replace(unprintable, (character) =>
    Array.from(
      { length: character.length },
      (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`
    ).join(""))
