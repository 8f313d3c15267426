import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Bulk from "../../Bulk.js"
import type { UserEdit } from "../../UserEdit.js"

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
  /** Ends the pull that is outstanding, if there is one. What it still gives is there afterwards. */
  readonly endPull: Effect.Effect<void>
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
      request: constVoid,
      stop: constVoid,
      endPull: Effect.void,
      rest: () => [],
      isCollection: Array.isArray(edits) || edits instanceof Set || Chunk.isChunk(edits)
    }
  })

/**
 * What came and was not taken. The one who asked is told when there is enough, not at each edit: to wake a fiber costs more than to send
 * an edit.
 */
class Inbox<E> {
  private edits: Array<UserEdit> = []
  private position = 0
  private wanted = 0
  private stopped = false
  private ended: Exit.Exit<void, E> | undefined
  private pulling = false
  private whenPulled: () => void = constVoid

  /**
   * @param pull begins to add edits, until no more is wanted
   */
  constructor(private readonly arrived: () => void, private readonly pull: () => void) {}

  /** More is wanted than is here. */
  get isWanting(): boolean {
    return this.wanted > 0
  }

  /** A pull is outstanding: what it gives is not here yet. */
  get isPulling(): boolean {
    return this.pulling
  }

  /** Says that a pull begins, which ends by `add` or `end`. */
  begin(): void {
    this.pulling = true
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
    this.pulled()
    if (this.edits.length - this.position < this.wanted) return true
    this.tell()
    return false
  }

  end(exit: Exit.Exit<void, E>): void {
    this.ended = exit
    this.pulled()
    this.tell()
  }

  private pulled(): void {
    this.pulling = false
    this.whenPulled()
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

  /** Waits until no pull is outstanding. */
  readonly noPull: Effect.Effect<void> = Effect.async((resume) => {
    if (this.pulling) this.whenPulled = () => resume(Effect.void)
    else resume(Effect.void)
    return Effect.sync(() => {
      this.whenPulled = constVoid
    })
  })

  source(endPull: Effect.Effect<void>): Source<E> {
    return {
      next: () => this.next(),
      exit: () => this.exit(),
      request: (count) => this.request(count),
      stop: () => this.stop(),
      endPull,
      rest: () => this.edits.slice(this.position),
      isCollection: false
    }
  }
}

/**
 * How long an async iterable that is left has for the `next()` that is outstanding: nothing can interrupt it, and what it gives later
 * is lost.
 *
 * @internal
 */
export const longestPull = "1 second"

/**
 * By promises alone, which are what there is: an effect for each was measured to take twice as long as all the rest of the way.
 */
const iterateAsync = (
  edits: AsyncIterable<UserEdit>,
  arrived: () => void
): Effect.Effect<Source<Cause.UnknownException>, never, Scope.Scope> =>
  Effect.gen(function*() {
    let isLeft = true
    const leave = () => {
      inbox.stop()
      if (!isLeft) return
      isLeft = false
      promised(() => iterator.return?.()).catch(constVoid)
    }
    const iterator = yield* Effect.acquireRelease(
      Effect.sync(() => edits[Symbol.asyncIterator]()),
      // It is not waited for: it may never end.
      () => Effect.sync(leave)
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
      inbox.begin()
      promised(() => iterator.next()).then(take).catch(fail)
    }
    const inbox = new Inbox<Cause.UnknownException>(arrived, pull)
    // Many let go of an outstanding `next()` when they are left, generators when it is done.
    const endPull = Effect.zipRight(
      Effect.sync(leave),
      Effect.raceFirst(Effect.interruptible(inbox.noPull), Effect.interruptible(Effect.sleep(longestPull)))
    )
    return inbox.source(Effect.suspend(() => inbox.isPulling ? endPull : Effect.void))
  })

/** A promise, whatever comes. */
const promised = <A>(evaluate: () => A | PromiseLike<A>): Promise<A> => new Promise((resolve) => resolve(evaluate()))

// As from a list with holes. Passed on, it would be taken for the end.
const isNothing = (edit: unknown): boolean => edit === undefined || edit === null

const nothing: Exit.Exit<never> = Exit.die(new TypeError("the source yielded null or undefined instead of an edit"))

type Pull<E, R> = Effect.Effect<Chunk.Chunk<UserEdit>, Option.Option<E>, R>

// Fibers hand a value on in a few turns, and one that is busy gives up its turn from time to time.
const turnsOfHandover = 256

/**
 * A fiber that pulls when it is asked to, so that nothing else has to stand still until something comes.
 */
const feed = <E, R>(pull: Pull<E, R>, arrived: () => void): Effect.Effect<Source<E>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    let wake = constVoid
    const inbox = new Inbox<E>(arrived, () => wake())

    const asked = Effect.async<void>((resume) => {
      if (inbox.isWanting) resume(Effect.void)
      else wake = () => resume(Effect.void)
    })

    const step: Effect.Effect<void, never, R> = Effect.suspend(() => {
      if (!inbox.isWanting) return whenAsked
      inbox.begin()
      return Effect.matchCauseEffect(pull, {
        onSuccess: (edits) => inbox.add(edits) ? step : whenAsked,
        onFailure: (cause) => Effect.sync(() => inbox.end(exitOf(cause)))
      })
    })

    const whenAsked = Effect.zipRight(asked, step)

    const fiber = yield* Effect.forkScoped(Effect.interruptible(whenAsked))
    // What was handed over before the stop is on its way to the fiber, which must not be interrupted before it is there. A pull that
    // only waits is interrupted, and what would have come stays where it is.
    const handover = (turns: number): Effect.Effect<void> =>
      inbox.isPulling && turns > 0
        ? Effect.flatMap(Effect.yieldNow(), () => handover(turns - 1))
        : Effect.void
    return inbox.source(
      Effect.zipRight(Effect.suspend(() => handover(turnsOfHandover)), Effect.asVoid(Fiber.interrupt(fiber)))
    )
  })

const exitOf = <E>(cause: Cause.Cause<Option.Option<E>>): Exit.Exit<void, E> =>
  Option.match(Option.flatten(Cause.failureOption(cause)), {
    onSome: (error) => Exit.fail(error),
    onNone: () => Cause.isFailure(cause) ? Exit.void : Exit.failCause(Cause.map(cause, Option.getOrThrow))
  })
