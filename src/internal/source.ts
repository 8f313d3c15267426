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
  /** Asks for so many more: `arrived` is called once they are there. Of those who ask before that, the last one counts. */
  readonly request: (count: number) => void
  /** Pulls no more. */
  readonly stop: () => void
  /** What came and was not taken. */
  readonly rest: () => ReadonlyArray<UserEdit>
  /** It is all there already, and no more than that. */
  readonly isCollection: boolean
}

/**
 * Opens a source for as long as the scope lives. Nothing is pulled before it is asked for, and `arrived` is called when as much is
 * there as was asked for, or the end.
 *
 * @internal
 */
export const open = <E, R>(
  edits: Bulk.Source<E, R>,
  arrived: () => void
): Effect.Effect<Source<E | Cause.UnknownException>, never, R | Scope.Scope> => {
  if (Stream.StreamTypeId in edits) return Effect.flatMap(Stream.toPull(edits), (pull) => feed(pull, arrived))
  if (Symbol.asyncIterator in edits) return iterateAsync(edits, arrived)
  return iterate(edits)
}

const iterate = (edits: Iterable<UserEdit>): Effect.Effect<Source<never>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const iterator = edits[Symbol.iterator]()
    let exit: Exit.Exit<void> | undefined
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (exit === undefined || exit === nothing) iterator.return?.()
      })
    )
    return {
      next: () => {
        if (exit !== undefined) return undefined
        try {
          const { done, value } = iterator.next()
          if (done !== true && !isNothing(value)) return value
          exit = done === true ? Exit.void : nothing
        } catch (defect) {
          exit = Exit.die(defect)
        }
        return undefined
      },
      exit: () => exit,
      request: () => {},
      stop: () => {},
      rest: () => [],
      isCollection: Array.isArray(edits) || edits instanceof Set || Chunk.isChunk(edits)
    }
  })

/**
 * What came and was not taken. Whoever waits is told when there is enough, not at each edit: to wake a fiber costs more than to send
 * an edit.
 */
class Inbox<E> implements Source<E> {
  readonly isCollection = false
  private edits: Array<UserEdit> = []
  private position = 0
  private wanted = 0
  private stopped = false
  private ended: Exit.Exit<void, E> | undefined

  /**
   * @param pull begins to add edits, until no more is wanted
   */
  constructor(private readonly arrived: () => void, private readonly pull: () => void) {}

  /** More is wanted than is here. */
  get isWanting(): boolean {
    return this.wanted > 0
  }

  /** False if this was enough; who wants more after that asks again. */
  add(edits: Iterable<UserEdit>): boolean {
    for (const edit of edits) {
      if (isNothing(edit)) {
        this.end(nothing)
        return false
      }
      this.edits.push(edit)
    }
    if (this.edits.length - this.position < this.wanted) return true
    this.tell()
    return false
  }

  end(exit: Exit.Exit<void, E>): void {
    this.ended = exit
    this.tell()
  }

  private tell(): void {
    this.wanted = 0
    this.arrived()
  }

  next(): UserEdit | undefined {
    const edit = this.edits[this.position]
    if (edit !== undefined) {
      this.position++
    } else if (this.position > 0) {
      this.edits = []
      this.position = 0
    }
    return edit
  }

  exit(): Exit.Exit<void, E> | undefined {
    return this.position < this.edits.length ? undefined : this.ended
  }

  request(count: number): void {
    if (this.stopped || this.ended !== undefined || this.position < this.edits.length) return
    const isPulling = this.isWanting
    this.wanted = count
    if (!isPulling) this.pull()
  }

  stop(): void {
    this.stopped = true
    this.wanted = 0
  }

  rest(): ReadonlyArray<UserEdit> {
    return this.edits.slice(this.position)
  }
}

/**
 * By promises alone, which are what there is: an effect for each was measured to take twice as long as all the rest of the way.
 */
const iterateAsync = (
  edits: AsyncIterable<UserEdit>,
  arrived: () => void
): Effect.Effect<Source<Cause.UnknownException>, never, Scope.Scope> =>
  Effect.gen(function*() {
    let isLeft = true
    const iterator = yield* Effect.acquireRelease(
      Effect.sync(() => edits[Symbol.asyncIterator]()),
      // What it is busy with may never end, so nobody waits for it.
      (iterator) =>
        Effect.sync(() => {
          inbox.stop()
          if (isLeft) promised(() => iterator.return?.()).catch(() => {})
        })
    )
    const take = ({ done, value }: IteratorResult<UserEdit>): void => {
      if (done === true) end(Exit.void)
      else if (inbox.add([value])) pull()
    }
    const fail = (error: unknown): void => end(Exit.fail(new Cause.UnknownException(error)))
    const end = (exit: Exit.Exit<void, Cause.UnknownException>): void => {
      isLeft = false
      inbox.end(exit)
    }
    const pull = (): void => {
      promised(() => iterator.next()).then(take).catch(fail)
    }
    const inbox = new Inbox<Cause.UnknownException>(arrived, pull)
    return inbox
  })

/** A promise, whatever comes. */
const promised = <A>(evaluate: () => A | PromiseLike<A>): Promise<A> => new Promise((resolve) => resolve(evaluate()))

// As from a list with holes. Passed on, it would be taken for the end.
const isNothing = (edit: unknown): boolean => edit === undefined || edit === null

const nothing: Exit.Exit<never> = Exit.die(new TypeError("the source gave nothing where an edit should be"))

type Pull<E, R> = Effect.Effect<Chunk.Chunk<UserEdit>, Option.Option<E>, R>

/**
 * A fiber that pulls whenever somebody asks, so that nobody has to stand still until something comes.
 */
const feed = <E, R>(pull: Pull<E, R>, arrived: () => void): Effect.Effect<Source<E>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    let wake = () => {}
    const inbox = new Inbox<E>(arrived, () => wake())

    const asked = Effect.async<void>((resume) => {
      if (inbox.isWanting) resume(Effect.void)
      else wake = () => resume(Effect.void)
    })

    const step: Effect.Effect<void, never, R> = Effect.matchCauseEffect(pull, {
      onSuccess: (edits) => inbox.add(edits) ? step : whenAsked,
      onFailure: (cause) => Effect.sync(() => inbox.end(exitOf(cause)))
    })

    const whenAsked = Effect.zipRight(asked, step)

    yield* Effect.forkScoped(Effect.interruptible(whenAsked))
    return inbox
  })

const exitOf = <E>(cause: Cause.Cause<Option.Option<E>>): Exit.Exit<void, E> =>
  Option.match(Option.flatten(Cause.failureOption(cause)), {
    onSome: (error) => Exit.fail(error),
    onNone: () => Cause.isFailure(cause) ? Exit.void : Exit.failCause(Cause.map(cause, Option.getOrThrow))
  })
