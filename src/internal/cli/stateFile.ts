import * as FileSystem from "@effect/platform/FileSystem"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { Sandbox } from "../../Sandbox.js"

/**
 * Something that people can do something about: it is printed as it is.
 *
 * @internal
 */
export class Trouble extends Data.TaggedError("Trouble")<{ readonly message: string }> {}

/**
 * Reads the state of the sandbox from a file, if it is there, and writes it back at the end.
 *
 * @internal
 */
export const keep = (file: string) =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const sandbox = yield* Sandbox
    if (yield* orTrouble(file, files.exists(file))) {
      const text = yield* orTrouble(file, files.readFileString(file))
      yield* Effect.mapError(
        sandbox.restore(text),
        () =>
          new Trouble({
            message: `${file} holds no state of this version of the sandbox: name another file, or remove it`
          })
      )
    }
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(sandbox.snapshot, (text) => write(file, text)).pipe(
        Effect.catchAll((error) => Effect.logError(error.message))
      )
    )
  })

/**
 * Writes beside the file first, so that what is there is always whole.
 *
 * @internal
 */
export const write = (file: string, text: string) =>
  Effect.flatMap(FileSystem.FileSystem, (files) =>
    orTrouble(
      file,
      Effect.zipRight(files.writeFileString(`${file}.new`, text, { mode: 0o600 }), files.rename(`${file}.new`, file))
    ))

const orTrouble = <A>(
  file: string,
  effect: Effect.Effect<A, { readonly message: string }>
): Effect.Effect<A, Trouble> =>
  Effect.mapError(effect, ({ message }) => new Trouble({ message: `${file} cannot be used: ${message}` }))
