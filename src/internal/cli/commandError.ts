import * as Data from "effect/Data"

/**
 * An error whose message tells the user what to do. It is printed without a stack trace.
 *
 * @internal
 */
export class CommandError extends Data.TaggedError("CommandError")<{ readonly message: string }> {}
