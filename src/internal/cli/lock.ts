import type * as PlatformError from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as Os from "node:os"
import * as NodePath from "node:path"
import { CommandError } from "./commandError.js"

/**
 * Locks a state file for this process, until the scope closes.
 *
 * The lock file is in the temporary folder of the machine and contains the process id. A lock whose
 * process has ended is taken over.
 *
 * @internal
 */
export const acquire = (
  file: string,
  real: string
): Effect.Effect<void, CommandError, FileSystem.FileSystem | Scope.Scope> =>
  Effect.flatMap(FileSystem.FileSystem, (files) => {
    const path = pathFor(real)
    const orCommandError = Effect.mapError((error: PlatformError.PlatformError) =>
      new CommandError({ message: `${file} cannot be locked: ${error.message}` })
    )
    const create = (at: string) =>
      files.writeFileString(at, String(process.pid), { flag: "wx", mode: 0o600 }).pipe(
        Effect.as(true),
        Effect.catchIf(exists, () => Effect.succeed(false)),
        orCommandError
      )
    const remove = (at: string) => Effect.ignore(files.remove(at))
    const holder = Effect.map(orCommandError(files.readFileString(path)), Number)
    const taken = (pid: number) =>
      new CommandError({
        message: `${file} is in use by another sandbox (process ${pid}): end that one, or name another file. ` +
          `If there is none, remove ${path}`
      })

    // Only one process at a time may take over a lock. Otherwise two could take it from each other.
    const takeOver = Effect.acquireUseRelease(
      create(`${path}.takeover`),
      (isMine) =>
        Effect.gen(function*() {
          const pid = yield* holder
          if (!isMine || isAlive(pid)) return yield* taken(pid)
          yield* orCommandError(files.remove(path))
          if (!(yield* create(path))) return yield* taken(yield* holder)
        }),
      (isMine) => isMine ? remove(`${path}.takeover`) : Effect.void
    )

    return Effect.asVoid(Effect.acquireRelease(
      Effect.flatMap(create(path), (isMine) => isMine ? Effect.void : takeOver),
      () => remove(path)
    ))
  })

/**
 * Returns the path of the lock of a file.
 *
 * @internal
 */
export const pathFor = (real: string): string =>
  NodePath.join(
    Os.tmpdir(),
    `effect-suprsend-${Crypto.createHash("sha256").update(real).digest("hex").slice(0, 24)}.lock`
  )

const exists = (error: PlatformError.PlatformError): boolean =>
  error._tag === "SystemError" && error.reason === "AlreadyExists"

/** Checks whether another process with this id runs. If that is unknown, it returns true. */
const isAlive = (pid: number): boolean => {
  // A restarted container assigns the same ids again.
  if (pid === process.pid) return false
  if (!Number.isInteger(pid) || pid <= 0) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH")
  }
}
