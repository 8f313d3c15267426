import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type * as Scope from "effect/Scope"
import * as lock from "./lock.js"
import { Trouble } from "./trouble.js"

/**
 * A file that stores the state of one sandbox.
 *
 * @internal
 */
export interface StateFile {
  /** Reads the content of the file, or none if it does not exist. */
  readonly read: Effect.Effect<Option.Option<string>, Trouble>
  /** Replaces the content atomically. Fails if another program has changed the file. */
  readonly write: (text: string) => Effect.Effect<void, Trouble>
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
): Effect.Effect<StateFile, Trouble, FileSystem.FileSystem | Path.Path | Scope.Scope> =>
  Effect.gen(function*() {
    const files = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const orTrouble = Effect.mapError((error: PlatformError.PlatformError) =>
      new Trouble({ message: `${file} cannot be used: ${said(error)}` })
    )
    const stat = (at: string) =>
      files.stat(at).pipe(
        Effect.asSome,
        Effect.catchIf(isMissing, () => Effect.succeedNone),
        orTrouble
      )

    const folder = yield* orTrouble(files.realPath(path.dirname(path.resolve(file))))
    const there = yield* stat(file)
    // Resolves a symbolic link, so that its target is written and the link is kept.
    const real = Option.isSome(there) ? yield* orTrouble(files.realPath(file)) : path.join(folder, path.basename(file))
    if (Option.exists(there, ({ type }) => type !== "File")) {
      return yield* new Trouble({ message: `${file} cannot be used: it is not a file` })
    }
    yield* lock.acquire(file, real)
    if (Option.isSome(there)) yield* orTrouble(files.access(real, { readable: true, writable: true }))
    const beside = `${real}.new`
    yield* orTrouble(Effect.zipRight(files.writeFileString(beside, "", { mode: 0o600 }), files.remove(beside)))

    const known = yield* Ref.make(Option.map(there, versionOf))
    return {
      read: Option.isNone(there) ? Effect.succeedNone : Effect.asSome(orTrouble(files.readFileString(real))),
      write: (text) =>
        Effect.gen(function*() {
          const now = Option.map(yield* stat(real), versionOf)
          if (!Option.getEquivalence(same)(now, yield* Ref.get(known))) {
            return yield* new Trouble({ message: `${file} was changed by another program: it is left as it is` })
          }
          yield* orTrouble(
            Effect.zipRight(files.writeFileString(beside, text, { mode: 0o600 }), files.rename(beside, real))
          )
          yield* Ref.set(known, Option.map(yield* stat(real), versionOf))
        }).pipe(Effect.uninterruptible)
    }
  })

type Version = ReturnType<typeof versionOf>

const same = (a: Version, b: Version): boolean => a.every((part, i) => part === b[i])

const isMissing = (error: PlatformError.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === "NotFound"

const said = (error: PlatformError.PlatformError): string =>
  isMissing(error) ? "the folder does not exist" : error.message
