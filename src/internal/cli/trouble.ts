import * as Data from "effect/Data"

/**
 * Something that people can do something about: it is printed as it is.
 *
 * @internal
 */
export class Trouble extends Data.TaggedError("Trouble")<{ readonly message: string }> {}
