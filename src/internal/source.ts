import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Bulk from "../Bulk.js"
import type { UserEdit } from "../UserEdit.js"

/**
 * Where edits come from, one at a time, as far as they are there.
 *
 * @internal
 */
export interface Source<E> {
  /** The next edit; undefined if it is not there yet, or if there is none any more. */
  readonly next: () => UserEdit | undefined
  /** How it ended, if it did. */
  readonly exit: () => Exit.Exit<void, E> | undefined
  /** Asks for more, if nobody did. */
  readonly request: () => void
  /** What came and was not taken. */
  readonly rest: () => ReadonlyArray<UserEdit>
}

/**
 * Opens a source for as long as the scope lives. Nothing is pulled before it is asked for, and `arrived` is called whenever more is
 * there, or the end.
 *
 * @internal
 */
export const open = <E, R>(
  edits: Bulk.Source<E, R>,
  arrived: () => void
): Effect.Effect<Source<E | Cause.UnknownException>, never, R | Scope.Scope> => {
  if (Stream.StreamTypeId in edits) return Effect.flatMap(Stream.toPull(edits), (pull) => feed(pull, arrived))
  if (Symbol.asyncIterator in edits) return Effect.flatMap(pullAsync(edits), (pull) => feed(pull, arrived))
  return iterate(edits)
}

const iterate = (edits: Iterable<UserEdit>): Effect.Effect<Source<never>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const iterator = edits[Symbol.iterator]()
    let exit: Exit.Exit<void> | undefined
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (exit === undefined) iterator.return?.()
      })
    )
    return {
      next: () => {
        if (exit !== undefined) return undefined
        try {
          const { done, value } = iterator.next()
          if (done !== true) return value
          exit = Exit.void
        } catch (defect) {
          exit = Exit.die(defect)
        }
        return undefined
      },
      exit: () => exit,
      request: () => {},
      rest: () => []
    }
  })

type Pull<E, R> = Effect.Effect<Chunk.Chunk<UserEdit>, Option.Option<E>, R>

const pullAsync = (
  edits: AsyncIterable<UserEdit>
): Effect.Effect<Pull<Cause.UnknownException, never>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => edits[Symbol.asyncIterator]()),
      // What it is busy with may never end, so nobody waits for it.
      (iterator) => Effect.sync(() => void iterator.return?.().catch(() => {}))
    ),
    (iterator) =>
      Effect.matchEffect(Effect.tryPromise(() => iterator.next()), {
        onFailure: (error) => Effect.fail(Option.some(error)),
        onSuccess: ({ done, value }) => done === true ? Effect.fail(Option.none()) : Effect.succeed(Chunk.of(value))
      })
  )

/**
 * A fiber that pulls whenever somebody asks, so that nobody has to stand still until something comes.
 */
const feed = <E, R>(pull: Pull<E, R>, arrived: () => void): Effect.Effect<Source<E>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    let pending: ReadonlyArray<UserEdit> = []
    let position = 0
    let exit: Exit.Exit<void, E> | undefined
    let asked = false
    let resume: (() => void) | undefined

    const request = Effect.async<void>((callback) => {
      if (asked) callback(Effect.void)
      else resume = () => callback(Effect.void)
    })

    const step: Effect.Effect<void, never, R> = Effect.flatMap(request, () =>
      Effect.matchCauseEffect(pull, {
        onSuccess: (edits) => {
          pending = Chunk.toReadonlyArray(edits)
          position = 0
          asked = false
          arrived()
          return step
        },
        onFailure: (cause) => {
          exit = Option.match(Option.flatten(Cause.failureOption(cause)), {
            onSome: (error) => Exit.fail(error),
            onNone: () => Cause.isFailure(cause) ? Exit.void : Exit.failCause(Cause.map(cause, Option.getOrThrow))
          })
          arrived()
          return Effect.void
        }
      }))

    yield* Effect.forkScoped(step)
    return {
      next: () => pending[position] === undefined ? undefined : pending[position++],
      exit: () => position < pending.length ? undefined : exit,
      request: () => {
        if (asked || exit !== undefined || position < pending.length) return
        asked = true
        const wake = resume
        resume = undefined
        wake?.()
      },
      rest: () => pending.slice(position)
    }
  })
