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
import * as lazyEdits from "./lazyEdits.js"

/**
 * A source of edits, read one at a time as far as they have arrived.
 *
 * @internal
 */
export interface Source<E> {
  /** Returns the next edit, or undefined if none has arrived or the source has ended. */
  readonly next: () => UserEdit | undefined
  /** Returns how the source ended, if it has. */
  readonly exit: () => Exit.Exit<void, E> | undefined
  /**
   * Requests more edits, and calls `arrived` when they have arrived.
   *
   * A later request replaces an earlier one.
   */
  readonly request: (count: number) => void
  /** Stops pulling. */
  readonly stop: () => void
  /** Ends the pending pull, if any. Edits that it still returns are available afterwards. */
  readonly endPull: Effect.Effect<void>
  /** Returns the edits that arrived but were not read. */
  readonly rest: () => ReadonlyArray<UserEdit>
  /** Whether all edits are in memory already, so that the source is finite. */
  readonly isCollection: boolean
}

/**
 * Opens a source within a scope. Edits are pulled only on request.
 *
 * `arrived` is called when the requested number has arrived, or at the end.
 *
 * @internal
 */
export const open = <E, R>(
  edits: Bulk.Source<E, R>,
  arrived: () => void
): Effect.Effect<Source<E | Cause.UnknownException>, never, R | Scope.Scope> => {
  if (Stream.StreamTypeId in edits) {
    return lazyEdits.isLazyEdits(edits)
      ? lazyEdits.use(edits, (recipe) => feed(recipe, arrived))
      : feed({ rows: edits, ...asTheyAre }, arrived)
  }
  if (Symbol.asyncIterator in edits) return iterateAsync(edits, arrived)
  return iterate(edits)
}

const iterate = (edits: Iterable<UserEdit>): Effect.Effect<Source<never>, never, Scope.Scope> =>
  Effect.gen(function*() {
    const iterator = edits[Symbol.iterator]()
    let exit: Exit.Exit<void> | undefined
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        if (exit === undefined || exit === endedByNothing) iterator.return?.()
      })
    )
    return {
      next: () => {
        if (exit !== undefined) return undefined
        try {
          const { done, value } = iterator.next()
          if (done !== true && !isNothing(value)) return value
          exit = done === true ? Exit.void : endedByNothing
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
 * What arrived but was not read: edits, or rows of which edits are made when they are read.
 *
 * The reader is woken once enough have arrived instead of for each edit, because waking a fiber
 * costs more than sending an edit (`npm run bench -- --only sources`).
 */
class Inbox<A, E> {
  private unread: Iterator<A> = [][Symbol.iterator]()
  /** What arrived since then. */
  private later: Array<A> = []
  /** The number of items that arrived but were not read. */
  private size = 0
  private wanted = 0
  private stopped = false
  private ended: Exit.Exit<void, E> | undefined
  private pulling = false
  private whenPulled: () => void = constVoid

  /** @param pull starts adding edits, until no more are requested */
  constructor(
    private readonly recipe: Pick<lazyEdits.Recipe<A, E, never>, "make" | "onThrow">,
    private readonly arrived: () => void,
    private readonly pull: () => void
  ) {}

  /** Whether more edits are requested than have arrived. */
  get isWanting(): boolean {
    return this.wanted > 0
  }

  /** Whether a pull is pending, whose edits have not arrived yet. */
  get isPulling(): boolean {
    return this.pulling
  }

  /** Marks the start of a pull, which `add` or `end` completes. */
  begin(): void {
    this.pulling = true
  }

  /** Adds items. Returns false if enough have arrived; a later request starts another pull. */
  add(items: ReadonlyArray<A>): boolean {
    this.pulled()
    if (this.ended !== undefined) return false
    for (const item of items) this.later.push(item)
    this.size += items.length
    if (this.size < this.wanted) return true
    this.tell()
    return false
  }

  end(exit: Exit.Exit<void, E>): void {
    this.ended ??= exit
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
    while (this.size > 0) {
      const { done, value } = this.unread.next()
      if (done === true) {
        this.unread = this.later[Symbol.iterator]()
        this.later = []
        continue
      }
      this.size--
      try {
        return this.recipe.make(value)
      } catch (thrown) {
        // What came before it is read, what comes after it is not.
        this.ended = this.recipe.onThrow(thrown)
        this.unread = [][Symbol.iterator]()
        this.later = []
        this.size = 0
        this.stop()
      }
    }
    return undefined
  }

  exit(): Exit.Exit<void, E> | undefined {
    return this.size > 0 ? undefined : this.ended
  }

  request(count: number): void {
    if (this.stopped || this.ended !== undefined || this.size > 0) return
    const isPulling = this.isWanting
    this.wanted = count
    if (!isPulling) this.pull()
  }

  stop(): void {
    this.stopped = true
    this.wanted = 0
  }

  /** Waits until no pull is pending. */
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
      rest: () => {
        const rest: Array<UserEdit> = []
        for (let edit = this.next(); edit !== undefined; edit = this.next()) rest.push(edit)
        return rest
      },
      isCollection: false
    }
  }
}

/**
 * The time limit for a pending `next()` of an async iterable, after the run stops.
 *
 * A `next()` cannot be interrupted. A value that it returns later is lost.
 *
 * @internal
 */
export const longestPull = "1 second"

/**
 * Pulls from an async iterable with promises instead of one effect per edit
 * (`npm run bench -- --only sources`).
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
      // Not awaited, because it may never complete.
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
    const inbox = new Inbox<UserEdit, Cause.UnknownException>(asTheyAre, arrived, pull)
    // Many iterators end a pending `next()` on `return()`; generators complete it first.
    const endPull = Effect.zipRight(
      Effect.sync(leave),
      Effect.raceFirst(Effect.interruptible(inbox.noPull), Effect.interruptible(Effect.sleep(longestPull)))
    )
    return inbox.source(Effect.suspend(() => inbox.isPulling ? endPull : Effect.void))
  })

/** Returns a promise for any result of a function, a thrown error included. */
const promised = <A>(evaluate: () => A | PromiseLike<A>): Promise<A> => new Promise((resolve) => resolve(evaluate()))

// Undefined elements, as in sparse arrays, would be mistaken for the end.
const isNothing = (edit: unknown): boolean => edit === undefined || edit === null

const nothing = new TypeError("the source yielded null or undefined instead of an edit")

const endedByNothing: Exit.Exit<never> = Exit.die(nothing)

/** The recipe of edits that are edits already. */
const asTheyAre = {
  make: (edit: UserEdit): UserEdit => {
    if (isNothing(edit)) throw nothing
    return edit
  },
  onThrow: Exit.die
}

// Passing a value between fibers takes a few turns of the scheduler; a busy fiber yields now and
// then.
const turnsOfHandover = 256

/** Starts a fiber that pulls on request, so that nothing blocks while it waits. */
const feed = <A, E, R>(
  recipe: lazyEdits.Recipe<A, E, R>,
  arrived: () => void
): Effect.Effect<Source<E>, never, R | Scope.Scope> =>
  Effect.gen(function*() {
    const pull = yield* Stream.toPull(recipe.rows)
    let wake = constVoid
    const inbox = new Inbox<A, E>(recipe, arrived, () => wake())

    const asked = Effect.async<void>((resume) => {
      if (inbox.isWanting) resume(Effect.void)
      else wake = () => resume(Effect.void)
    })

    const step: Effect.Effect<void, never, R> = Effect.suspend(() => {
      if (!inbox.isWanting) return whenAsked
      inbox.begin()
      return Effect.matchCauseEffect(pull, {
        onSuccess: (items) => inbox.add(Chunk.toReadonlyArray(items)) ? step : whenAsked,
        onFailure: (cause) => Effect.sync(() => inbox.end(exitOf(cause)))
      })
    })

    const whenAsked = Effect.zipRight(asked, step)

    const fiber = yield* Effect.forkScoped(Effect.interruptible(whenAsked))
    // A value that was emitted before the stop may still be on its way to this fiber, which must
    // not be interrupted before it arrives. A pull that only waits is interrupted, and later values
    // stay in the source.
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
