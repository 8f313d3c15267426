import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as lock from "../support/lock.js"
import { CommandError } from "./commandError.js"

/**
 * A file that stores the state of one sandbox.
 *
 * @internal
 */
export interface StateFile {
  /** Reads the content of the file, or none if it does not exist. */
  readonly read: Effect.Effect<Option.Option<string>, CommandError>
  /** Replaces the content atomically. Fails if another program has changed the file. */
  readonly write: (text: string) => Effect.Effect<void, CommandError>
}

/** Returns the attributes that distinguish versions of a file. */
const versionOf = ({ ino, mtime, size }: FileSystem.File.Info) =>
  Data.tuple(String(size), Option.getOrElse(ino, () => 0), Option.match(mtime, { onNone: () => 0, onSome: Number }))

/**
 * Opens and locks a file for one sandbox, until the scope closes.
 *
 * It fails if the file cannot be read and written.
 *
 * @internal
 */
export const open = (
  file: string
): Effect.Effect<StateFile, CommandError, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const orCommandError = Effect.mapError((error: PlatformError.PlatformError) =>
      new CommandError({ message: `${file} cannot be used: ${messageOf(error)}` })
    )
    const stat = (at: string) =>
      files.stat(at).pipe(
        Effect.asSome,
        Effect.catchIf(isMissing, () => Effect.succeedNone),
        orCommandError
      )

    const folder = yield* orCommandError(files.realPath(path.dirname(path.resolve(file))))
    const existing = yield* stat(file)
    // Resolves a symbolic link, so that its target is written and the link is kept.
    const real = Option.isSome(existing)
      ? yield* orCommandError(files.realPath(file))
      : path.join(folder, path.basename(file))
    if (Option.exists(existing, ({ type }) => type !== "File")) {
      return yield* new CommandError({ message: `${file} cannot be used: it is not a file` })
    }
    yield* lock.acquire(lock.pathFor(real), {
      taken: (pid, lockFile) =>
        new CommandError({
          message: `${file} is in use by another sandbox (process ${pid}): end that one, or name another file. ` +
            `If there is none, remove ${lockFile}`
        }),
      failed: (message) => new CommandError({ message: `${file} cannot be locked: ${message}` })
    })
    if (Option.isSome(existing)) yield* orCommandError(files.access(real, { readable: true, writable: true }))
    const temporary = `${real}.new`
    yield* orCommandError(
      Effect.zipRight(files.writeFileString(temporary, "", { mode: 0o600 }), files.remove(temporary))
    )

    const known = yield* Ref.make(Option.map(existing, versionOf))
    return {
      read: Option.isNone(existing) ? Effect.succeedNone : Effect.asSome(orCommandError(files.readFileString(real))),
      write: (text) =>
        Effect.gen(function*() {
          const now = Option.map(yield* stat(real), versionOf)
          if (!Option.getEquivalence(isSameVersion)(now, yield* Ref.get(known))) {
            return yield* new CommandError({ message: `${file} was changed by another program: it is left as it is` })
          }
          yield* orCommandError(
            Effect.zipRight(files.writeFileString(temporary, text, { mode: 0o600 }), files.rename(temporary, real))
          )
          yield* Ref.set(known, Option.map(yield* stat(real), versionOf))
        }).pipe(Effect.uninterruptible)
    }
  })

type Version = ReturnType<typeof versionOf>

const isSameVersion = (a: Version, b: Version): boolean => a.every((part, i) => part === b[i])

const isMissing = (error: PlatformError.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === "NotFound"

const messageOf = (error: PlatformError.PlatformError): string =>
  isMissing(error) ? "the folder does not exist" : error.message
