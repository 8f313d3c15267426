import * as Data from "effect/Data"

/**
 * An error whose message tells the user what to do. It is printed without a stack trace.
 *
 * @internal
 */
export class Trouble extends Data.TaggedError("Trouble")<{ readonly message: string }> {}
