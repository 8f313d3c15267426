import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { constVoid } from "effect/Function"
import * as Predicate from "effect/Predicate"
import type { RateLimiter } from "../../RateLimiter.js"
import { Deadlines } from "../support/deadlines.js"
import { type Fork, monotonic, Timer } from "../support/timer.js"
import * as SlidingWindow from "./slidingWindow.js"

/**
 * Tells how an attempt ended, where its caller does not say: a response is missing where nothing shows that it came.
 *
 * @internal
 */
export const outcomeOf = (exit: Exit.Exit<unknown, unknown>): RateLimiter.Outcome =>
  Exit.isSuccess(exit)
    ? "response"
    : Cause.isInterrupted(exit.cause) || Cause.isDie(exit.cause) || Chunk.some(Cause.failures(exit.cause), showsNone)
    ? "noResponse"
    : "refusal"

/** Errors of Effect and of its `HttpClient` that say that no response came, or that do not say what happened. */
const showsNone = (error: unknown): boolean =>
  Cause.isTimeoutException(error) || Cause.isUnknownException(error) ||
  (Predicate.isTagged(error, "RequestError") && Predicate.hasProperty(error, "reason") && error.reason === "Transport")

/** The queue is a ring closed by a waiter that waits for nothing, so that each can leave it in O(1). */
class Waiter {
  previous: Waiter = this
  next: Waiter = this
  /** It has its slots, but its fiber does not run yet. */
  admitted = false
  /** Says of which pause it is the probe once it is admitted; 0 if of none. */
  probed = 0
  /** Its wait timeout is over, or it was told to wait no longer. */
  expired = false
  /** Takes back whatever would end its wait. */
  forget: () => void = constVoid
  resume: (effect: Effect.Effect<void>) => void = constVoid

  /** @param onClose what it is resumed with when the limiter closes */
  constructor(readonly cost: number, readonly onClose: Effect.Effect<void>) {}

  insertBefore(next: Waiter): void {
    this.previous = next.previous
    this.next = next
    next.previous.next = this
    next.previous = this
  }

  remove(): void {
    this.previous.next = this.next
    this.next.previous = this.previous
    this.previous = this
    this.next = this
  }
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/**
 * The queue of waiting attempts, and the one timer that wakes them. It carries the pure state from one event to the next:
 * each transition happens in one go, between two steps of the runtime.
 *
 * @internal
 */
export interface Queue {
  /** Runs the attempt when its turn has come and its slots are free. */
  readonly limit: <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    cost: number,
    options?: RateLimiter.AttemptOptions<A, E>,
    wait?: RateLimiter.WaitOptions<A, E, R>
  ) => Effect.Effect<A, E, R>
  readonly pause: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Ends the wait of all that wait, and refuses all that come later. */
  readonly close: () => void
}

/** @internal */
export const unsafeMake = (
  initial: SlidingWindow.State,
  clock: Clock.Clock,
  fork: Fork
): Queue => {
  const now = monotonic(clock)
  const waiting = new Waiter(0, Effect.void)
  const leaving = new Waiter(0, Effect.void)
  const deadlines = new Deadlines()
  let state = initial
  let closed = false

  /**
   * Picks the waiter that probes a pause. The newest has the most time left: under steady load, the oldest is always about
   * to run into its wait timeout.
   */
  const prober = (instant: number): Waiter => {
    const { next: oldest, previous: newest } = waiting
    return SlidingWindow.startAt(state, newest.cost, instant) <= instant ? newest : oldest
  }

  /** Admits all that may start now, and tells when the next may, as far as is known. */
  const admit = (): number => {
    const instant = now()
    while (waiting.next !== waiting) {
      const at = SlidingWindow.startAt(state, waiting.next.cost, instant)
      if (at > instant) {
        return at
      }
      const probed = SlidingWindow.probe(state, instant)
      const first = probed === 0 ? waiting.next : prober(instant)
      state = SlidingWindow.start(state, first.cost, instant)
      first.remove()
      first.insertBefore(leaving)
      first.admitted = true
      first.probed = probed
      first.resume(Effect.void)
    }
    return Infinity
  }

  const wake = () => {
    deadlines.pass(now())
    const at = admit()
    return waiting.next === waiting ? Infinity : Math.min(at, deadlines.first)
  }

  // Slots are waited for in whole milliseconds, as timers know no others, but no wait outlasts its timeout.
  const timer = new Timer(
    clock,
    now,
    fork,
    wake,
    (milliseconds) => Math.min(Math.ceil(milliseconds), Math.max(milliseconds, deadlines.first - now()))
  )

  /** To be called whenever something changed for those that wait. */
  const update = () => {
    const at = admit()
    if (waiting.next === waiting) {
      timer.stop()
    } else {
      timer.wakeBy(Math.min(at, deadlines.first))
    }
  }

  const takeBack = (waiter: Waiter) => {
    state = SlidingWindow.cancel(state, waiter.cost, waiter.probed)
    waiter.admitted = false
    waiter.probed = 0
  }

  /** Puts those that have slots but did not run yet back to where they stood in the queue. */
  const recall = () => {
    while (leaving.previous !== leaving) {
      const last = leaving.previous
      last.remove()
      last.insertBefore(last.probed === 0 ? waiting.next : waiting)
      takeBack(last)
    }
  }

  /** Ends an attempt. Its slots come back even if the function of its caller throws. (A closure each was measured dearer.) */
  const ended = <A, E>(
    exit: Exit.Exit<A, E>,
    cost: number,
    probed: number,
    outcome: RateLimiter.AttemptOptions<A, E>["outcome"]
  ): Exit.Exit<A, E> => {
    let how: RateLimiter.Outcome = "noResponse"
    try {
      how = outcome === undefined ? outcomeOf(exit) : outcome(exit)
    } finally {
      state = SlidingWindow.end(state, cost, now(), how, probed)
      if (waiting.next !== waiting) {
        update()
      }
    }
    return exit
  }

  const gaveUp = (waiter: Waiter) => {
    if (waiter.admitted) {
      takeBack(waiter)
    }
    waiter.remove()
    waiter.forget()
    update()
  }

  const run = <A, E, R>(
    restore: Restore,
    attempt: Effect.Effect<A, E, R>,
    cost: number,
    probed: number,
    options: RateLimiter.AttemptOptions<A, E> | undefined
  ): Effect.Effect<A, E, R> =>
    Effect.matchCauseEffect(restore(attempt), {
      onFailure: (cause) => ended(Exit.failCause(cause), cost, probed, options?.outcome),
      onSuccess: (value) => ended(Exit.succeed(value), cost, probed, options?.outcome)
    })

  const admission = (waiter: Waiter): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      if (closed) {
        resume(waiter.onClose)
      } else if (waiter.admitted || waiter.expired) {
        resume(Effect.void)
      } else {
        waiter.resume = resume
      }
    })

  const runAdmitted = <A, E, R>(
    restore: Restore,
    attempt: Effect.Effect<A, E, R>,
    waiter: Waiter,
    options: RateLimiter.AttemptOptions<A, E> | undefined,
    wait: RateLimiter.WaitOptions<A, E, R> | undefined
  ): Effect.Effect<A, E, R> =>
    Effect.matchCauseEffect(restore(admission(waiter)), {
      onFailure: (cause) => {
        gaveUp(waiter)
        return Effect.failCause(cause)
      },
      onSuccess: () => {
        if (waiter.admitted) {
          waiter.remove()
          waiter.forget()
          return run(restore, attempt, waiter.cost, waiter.probed, options)
        }
        if (waiter.expired && wait !== undefined) {
          gaveUp(waiter)
          return restore(wait.otherwise)
        }
        if (closed && wait?.closed !== undefined) {
          gaveUp(waiter)
          return restore(wait.closed)
        }
        // A pause can come between the admission and this fiber.
        return runAdmitted(restore, attempt, waiter, options, wait)
      }
    })

  /** Takes slots if they are free and nothing waits for them. Tells of which pause it is the probe; -1 if it has to wait. */
  const startNow = (cost: number): number => {
    if (waiting.next !== waiting) return -1
    const instant = now()
    if (SlidingWindow.startAt(state, cost, instant) > instant) return -1
    const probed = SlidingWindow.probe(state, instant)
    state = SlidingWindow.start(state, cost, instant)
    return probed
  }

  /** Ends the wait when its time is up. What has its slots already is left alone. */
  const expireBy = (
    waiter: Waiter,
    { signal, waitTimeout }: Pick<RateLimiter.WaitOptions<never>, "signal" | "waitTimeout">
  ) => {
    const expire = () => {
      waiter.expired = true
      if (!waiter.admitted) {
        waiter.remove()
        waiter.resume(Effect.void)
      }
    }
    const deadline = deadlines.add(now() + waitTimeout, expire)
    const listener = signal?.listen(expire)
    waiter.forget = () => {
      deadlines.remove(deadline)
      if (listener !== undefined) signal?.forget(listener)
    }
  }

  const limit = <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    cost: number,
    options?: RateLimiter.AttemptOptions<A, E>,
    wait?: RateLimiter.WaitOptions<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) => {
      if (closed) {
        return wait?.closed === undefined ? Effect.interrupt : restore(wait.closed)
      }
      if (wait?.signal?.isGiven === true) {
        return restore(wait.otherwise)
      }
      const probed = startNow(cost)
      if (probed >= 0) {
        return run(restore, attempt, cost, probed, options)
      }
      const waiter = new Waiter(cost, wait?.closed === undefined ? Effect.interrupt : Effect.void)
      waiter.insertBefore(waiting)
      if (wait !== undefined) {
        expireBy(waiter, wait)
      }
      if (waiting.next === waiter) {
        update()
      } else {
        timer.wakeBy(deadlines.first)
      }
      return runAdmitted(restore, attempt, waiter, options, wait)
    })

  return {
    limit,
    pause: (duration) =>
      Effect.sync(() => {
        const instant = now()
        recall()
        state = SlidingWindow.pause(state, instant + Duration.toMillis(duration), instant)
        update()
      }),
    close: () => {
      closed = true
      timer.stop()
      recall()
      while (waiting.next !== waiting) {
        const first = waiting.next
        first.remove()
        first.resume(first.onClose)
      }
    }
  }
}
