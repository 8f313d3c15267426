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
import { releasingMask } from "../support/releasingMask.js"
import { type Fork, monotonic, Timer } from "../support/timer.js"
import type { LimiterMeters } from "../telemetry/meters.js"
import * as SlidingWindow from "./slidingWindow.js"

/**
 * Classifies how an attempt ended, if its caller does not.
 *
 * A response counts as missing if the result does not prove that one arrived.
 *
 * @internal
 */
export const outcomeOf = (exit: Exit.Exit<unknown, unknown>): RateLimiter.Outcome =>
  Exit.isSuccess(exit)
    ? "response"
    : Cause.isInterrupted(exit.cause) || Cause.isDie(exit.cause) || Chunk.some(Cause.failures(exit.cause), showsNone)
    ? "noResponse"
    : "refusal"

/** Checks for errors of Effect and its `HttpClient` that mean no response, or leave it open. */
const showsNone = (error: unknown): boolean =>
  Cause.isTimeoutException(error) || Cause.isUnknownException(error) ||
  (Predicate.isTagged(error, "RequestError") && Predicate.hasProperty(error, "reason") && error.reason === "Transport")

/**
 * A member of the queue, which is a circular linked list with a sentinel, so that leaving it takes
 * O(1).
 */
class Waiter {
  previous: Waiter = this
  next: Waiter = this
  /** It has its slots, but its fiber has not run yet. */
  admitted = false
  /** The epoch of the pause that it probes once it is admitted, or 0. */
  probed = 0
  /** Its wait has timed out or was aborted. */
  expired = false
  /** When it began to wait, and when it was admitted. */
  since = 0
  until = 0
  /** Removes everything that could end its wait. */
  forget: () => void = constVoid
  resume: (effect: Effect.Effect<void>) => void = constVoid

  /** @param onClose the effect that resumes it when the limiter closes */
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
 * The queue of waiting attempts, with one timer that wakes them.
 *
 * It applies the pure transitions of the state. Each runs synchronously, so no fiber sees a partial
 * one.
 *
 * @internal
 */
export interface Queue {
  /** Runs an attempt when its turn has come and its slots are free. */
  readonly limit: <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    cost: number,
    options?: RateLimiter.AttemptOptions<A, E>,
    wait?: RateLimiter.WaitOptions<A, E, R>
  ) => Effect.Effect<A, E, R>
  readonly pause: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Ends all waits, and refuses later attempts. */
  readonly close: () => void
  /** The time by which the state counts, in milliseconds. */
  readonly now: () => number
  /** Returns the state, and the costs of the waiting attempts, added up to at most `limit`. */
  readonly inspect: (limit: number) => Inspection
  /**
   * Replaces the state and admits those that may start now. Waiters that were admitted but have not
   * run yet are admitted again if the state is paused by then.
   */
  readonly modify: (f: (state: SlidingWindow.State, now: number) => SlidingWindow.State) => void
  /** Ends the waits of all waiting attempts that have a timeout, as if it had passed. */
  readonly expireAll: () => void
}

/** @internal */
export interface Inspection {
  readonly state: SlidingWindow.State
  readonly waiting: number
  /** The cost of the first waiting attempt, or 0. */
  readonly first: number
}

/**
 * Callbacks to a source of slots outside of this process. They must not throw.
 *
 * @internal
 */
export interface Source {
  /** An attempt has to wait. */
  readonly onWait: () => void
  /** A probe of a pause ended. */
  readonly onProbe: (outcome: RateLimiter.Outcome) => void
}

/** @internal */
export const unsafeMake = (
  initial: SlidingWindow.State,
  clock: Clock.Clock,
  fork: Fork,
  meters: LimiterMeters,
  source?: Source
): Queue => {
  const now = monotonic(clock)
  const waiting = new Waiter(0, Effect.void)
  const leaving = new Waiter(0, Effect.void)
  const deadlines = new Deadlines()
  let state = initial
  let closed = false

  /**
   * Selects the waiter that probes a pause.
   *
   * The newest has the most time left. Under steady load, the oldest is always about to time out.
   */
  const prober = (instant: number): Waiter => {
    const { next: oldest, previous: newest } = waiting
    return SlidingWindow.startAt(state, newest.cost, instant) <= instant ? newest : oldest
  }

  /** Admits all waiters that may start now, and returns when the next may, as far as known. */
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
      first.until = instant
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

  // Timers support only whole milliseconds, so slots are awaited in those; timeouts of waits are
  // kept.
  const timer = new Timer(
    clock,
    now,
    fork,
    wake,
    (milliseconds) => Math.min(Math.ceil(milliseconds), Math.max(milliseconds, deadlines.first - now()))
  )

  /** Updates the queue. Call it after every change that affects waiters. */
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

  /** Returns waiters that have slots but have not run yet to their places in the queue. */
  const recall = () => {
    while (leaving.previous !== leaving) {
      const last = leaving.previous
      last.remove()
      last.insertBefore(last.probed === 0 ? waiting.next : waiting)
      takeBack(last)
    }
  }

  /**
   * Ends an attempt. Its slots are released even if the caller's function throws.
   *
   * It is one function with arguments instead of a closure per attempt
   * (`npm run bench -- --only limiter`).
   */
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
      meters.end()
      if (probed !== 0) source?.onProbe(how)
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
    meters.queue(-1)
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
          meters.queue(-1)
          meters.start(waiter.until - waiter.since)
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
        // A pause may start between the admission and this fiber.
        return runAdmitted(restore, attempt, waiter, options, wait)
      }
    })

  /**
   * Takes slots if they are free and the queue is empty.
   *
   * It returns the epoch of the pause that the attempt probes, 0 without a pause, or -1 if it must
   * wait.
   */
  const startNow = (cost: number, instant: number): number => {
    if (waiting.next !== waiting) return -1
    if (SlidingWindow.startAt(state, cost, instant) > instant) return -1
    const probed = SlidingWindow.probe(state, instant)
    state = SlidingWindow.start(state, cost, instant)
    return probed
  }

  /** Ends a wait when it times out. A waiter that already has its slots continues. */
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
    const deadline = deadlines.add(waiter.since + waitTimeout, expire)
    const listener = signal?.listen(expire)
    // Through a variable, so that V8 does not pretenure it: see `support/releasingMask`.
    const forget = () => {
      deadlines.remove(deadline)
      if (listener !== undefined) signal?.forget(listener)
    }
    waiter.forget = forget
  }

  const limit = <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    cost: number,
    options?: RateLimiter.AttemptOptions<A, E>,
    wait?: RateLimiter.WaitOptions<A, E, R>
  ): Effect.Effect<A, E, R> =>
    releasingMask((restore) => {
      if (closed) {
        return wait?.closed === undefined ? Effect.interrupt : restore(wait.closed)
      }
      if (wait?.signal?.aborted === true) {
        return restore(wait.otherwise)
      }
      const instant = now()
      const probed = startNow(cost, instant)
      if (probed >= 0) {
        meters.start(0)
        return run(restore, attempt, cost, probed, options)
      }
      const waiter = new Waiter(cost, wait?.closed === undefined ? Effect.interrupt : Effect.void)
      waiter.since = instant
      waiter.insertBefore(waiting)
      meters.queue(1)
      if (wait !== undefined) {
        expireBy(waiter, wait)
      }
      if (waiting.next === waiter) {
        update()
      } else {
        timer.wakeBy(deadlines.first)
      }
      source?.onWait()
      return runAdmitted(restore, attempt, waiter, options, wait)
    })

  return {
    limit,
    pause: (duration) =>
      Effect.sync(() => {
        const instant = now()
        meters.pause()
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
    },
    now,
    inspect: (limit) => {
      let cost = 0
      for (let waiter = waiting.next; waiter !== waiting && cost < limit; waiter = waiter.next) cost += waiter.cost
      return { state, waiting: Math.min(cost, limit), first: waiting.next.cost }
    },
    modify: (f) => {
      const instant = now()
      const next = f(state, instant)
      // A pause may begin between the admission of a waiter and its first step.
      if (next.epoch !== state.epoch) recall()
      state = f(state, instant)
      update()
    },
    expireAll: () => {
      while (waiting.next !== waiting) {
        const first = waiting.next
        first.remove()
        first.expired = true
        first.resume(Effect.void)
      }
      update()
    }
  }
}
