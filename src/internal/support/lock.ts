import * as Effect from "effect/Effect"
import { hasProperty } from "effect/Predicate"
import type * as Scope from "effect/Scope"
import * as Crypto from "node:crypto"
import * as fs from "node:fs"
import * as Os from "node:os"
import * as NodePath from "node:path"

/** @internal */
export interface Errors<E> {
  /** Another process holds the lock. */
  readonly taken: (pid: number, lockFile: string) => E
  readonly failed: (message: string) => E
}

/**
 * Holds a lock file for this process, until the scope closes.
 *
 * The lock file contains the process id. A lock whose process has ended is taken over.
 *
 * @internal
 */
export const acquire = <E>(path: string, errors: Errors<E>): Effect.Effect<void, E, Scope.Scope> => {
  const attempt = <A>(evaluate: () => A) =>
    Effect.try({
      try: evaluate,
      catch: (error) => errors.failed(error instanceof Error ? error.message : String(error))
    })
  const create = (at: string) =>
    attempt(() => {
      try {
        fs.writeFileSync(at, String(process.pid), { flag: "wx", mode: 0o600 })
        return true
      } catch (error) {
        if (codeOf(error) === "EEXIST") return false
        throw error
      }
    })
  const remove = (at: string) => Effect.sync(() => fs.rmSync(at, { force: true }))
  const holder = attempt(() => Number(fs.readFileSync(path, "utf8")))
  const taken = (pid: number) => Effect.fail(errors.taken(pid, path))

  // Only one process at a time may take over a lock. Otherwise two could take it from each other.
  const takeOver = Effect.acquireUseRelease(
    create(`${path}.takeover`),
    (isMine) =>
      Effect.gen(function*() {
        const pid = yield* holder
        if (!isMine || held.has(path) || isAlive(pid)) return yield* taken(pid)
        yield* attempt(() => fs.rmSync(path))
        if (!(yield* create(path))) return yield* taken(yield* holder)
      }),
    (isMine) => isMine ? remove(`${path}.takeover`) : Effect.void
  )

  return Effect.asVoid(Effect.acquireRelease(
    create(path).pipe(
      Effect.flatMap((isMine) => isMine ? Effect.void : takeOver),
      Effect.tap(() => Effect.sync(() => held.add(path)))
    ),
    () => Effect.zipRight(Effect.sync(() => held.delete(path)), remove(path))
  ))
}

/** The locks of this process. Its id alone does not say whether it holds one. */
const held = new Set<string>()

/**
 * Returns a path for the lock of a file, in the temporary folder of the machine.
 *
 * @internal
 */
export const pathFor = (real: string): string =>
  NodePath.join(
    Os.tmpdir(),
    `effect-suprsend-${Crypto.createHash("sha256").update(real).digest("hex").slice(0, 24)}.lock`
  )

const codeOf = (error: unknown): unknown => hasProperty(error, "code") ? error.code : undefined

/** Checks whether another process with this id runs. If that is unknown, it returns true. */
const isAlive = (pid: number): boolean => {
  // A restarted container assigns the same ids again.
  if (pid === process.pid) return false
  if (!Number.isInteger(pid) || pid <= 0) return true
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) !== "ESRCH"
  }
}
