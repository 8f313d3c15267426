import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type { RateLimiter } from "../RateLimiter.js"
import { Deadlines } from "./deadlines.js"
import * as Slots from "./slots.js"
import { type Fork, monotonic, Timer } from "./timer.js"

/** The queue is a ring closed by a waiter that waits for nothing, so that whoever gives up leaves it in O(1). */
class Waiter {
  previous: Waiter = this
  next: Waiter = this
  /** It has its slots, but its fiber does not run yet. */
  admitted = false
  /** It does not want to wait any longer. */
  expired = false
  /** Takes back whatever would end its patience. */
  forget: () => void = constVoid
  resume: (effect: Effect.Effect<void>) => void = constVoid
  constructor(readonly cost: number) {}

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
 * The queue of those who wait, and the one timer that wakes them. It carries the pure state from one event to the next: each
 * transition happens in one go, between two steps of the runtime.
 *
 * @internal
 */
export interface Queue {
  /** Runs the attempt when its turn has come and its slots are free. Not everybody waits for ever. */
  readonly limit: <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    cost: number,
    patience?: RateLimiter.Patience<A, E, R>
  ) => Effect.Effect<A, E, R>
  readonly pause: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Interrupts those who wait, and everyone who comes later. */
  readonly close: () => void
}

/** @internal */
export const unsafeMake = (
  initial: Slots.State,
  clock: Clock.Clock,
  fork: Fork
): Queue => {
  const now = monotonic(clock)
  const waiting = new Waiter(0)
  const leaving = new Waiter(0)
  const deadlines = new Deadlines()
  let state = initial
  let closed = false

  /** Admits whoever may start now, and tells when the next may, as far as is known. */
  const admit = (): number => {
    const instant = now()
    while (waiting.next !== waiting) {
      const first = waiting.next
      const at = Slots.startAt(state, first.cost, instant)
      if (at > instant) {
        return at
      }
      state = Slots.start(state, first.cost, instant)
      first.remove()
      first.insertBefore(leaving)
      first.admitted = true
      first.resume(Effect.void)
    }
    return Infinity
  }

  const wake = () => {
    deadlines.pass(now())
    const at = admit()
    return waiting.next === waiting ? Infinity : Math.min(at, deadlines.first)
  }

  // Slots are waited for in whole milliseconds, as timers know no others, but nobody is kept beyond the end of their patience.
  const timer = new Timer(
    clock,
    now,
    fork,
    wake,
    (milliseconds) => Math.min(Math.ceil(milliseconds), Math.max(milliseconds, deadlines.first - now()))
  )

  /** To be called whenever something changed for those who wait. */
  const update = () => {
    const at = admit()
    if (waiting.next === waiting) {
      timer.stop()
    } else {
      timer.wakeBy(Math.min(at, deadlines.first))
    }
  }

  /** Back to the front of the queue with those who have slots but did not run yet, in their order. */
  const recall = () => {
    while (leaving.previous !== leaving) {
      const last = leaving.previous
      state = Slots.cancel(state, last.cost)
      last.remove()
      last.insertBefore(waiting.next)
      last.admitted = false
    }
  }

  const ended = (cost: number) => {
    state = Slots.answer(state, cost, now())
    if (waiting.next !== waiting) {
      update()
    }
  }

  const gaveUp = (waiter: Waiter) => {
    if (waiter.admitted) {
      state = Slots.cancel(state, waiter.cost)
    }
    waiter.remove()
    waiter.forget()
    update()
  }

  const run = <A, E, R>(restore: Restore, attempt: Effect.Effect<A, E, R>, cost: number): Effect.Effect<A, E, R> =>
    Effect.matchCauseEffect(restore(attempt), {
      onFailure: (cause: Cause.Cause<E>) => {
        ended(cost)
        return Effect.failCause(cause)
      },
      onSuccess: (value) => {
        ended(cost)
        return Effect.succeed(value)
      }
    })

  const admission = (waiter: Waiter): Effect.Effect<void> =>
    Effect.async<void>((resume) => {
      if (closed) {
        resume(Effect.interrupt)
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
    patience: RateLimiter.Patience<A, E, R> | undefined
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
          return run(restore, attempt, waiter.cost)
        }
        if (waiter.expired && patience !== undefined) {
          gaveUp(waiter)
          return restore(patience.otherwise)
        }
        // A pause can come between the admission and this fiber.
        return runAdmitted(restore, attempt, waiter, patience)
      }
    })

  /** Takes slots, if they are free at once and nobody waits for them. */
  const startNow = (cost: number): boolean => {
    if (waiting.next !== waiting) return false
    const instant = now()
    if (Slots.startAt(state, cost, instant) > instant) return false
    state = Slots.start(state, cost, instant)
    return true
  }

  /** Has the waiter go when its time is up. What has its slot already is left alone. */
  const expireBy = (waiter: Waiter, { milliseconds, signal }: Omit<RateLimiter.Patience<never>, "otherwise">) => {
    const expire = () => {
      waiter.expired = true
      if (!waiter.admitted) {
        waiter.remove()
        waiter.resume(Effect.void)
      }
    }
    const deadline = deadlines.add(now() + milliseconds, expire)
    signal?.listen(expire)
    waiter.forget = () => {
      deadlines.remove(deadline)
      signal?.forget(expire)
    }
  }

  const limit = <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    cost: number,
    patience?: RateLimiter.Patience<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) => {
      if (closed) {
        return Effect.interrupt
      }
      if (patience?.signal?.isGiven === true) {
        return restore(patience.otherwise)
      }
      if (startNow(cost)) {
        return run(restore, attempt, cost)
      }
      const waiter = new Waiter(cost)
      waiter.insertBefore(waiting)
      if (patience !== undefined) {
        expireBy(waiter, patience)
      }
      if (waiting.next === waiter) {
        update()
      } else {
        timer.wakeBy(deadlines.first)
      }
      return runAdmitted(restore, attempt, waiter, patience)
    })

  return {
    limit,
    pause: (duration) =>
      Effect.sync(() => {
        state = Slots.pause(state, now() + Duration.toMillis(duration))
        recall()
        update()
      }),
    close: () => {
      closed = true
      timer.stop()
      recall()
      while (waiting.next !== waiting) {
        const first = waiting.next
        first.remove()
        first.resume(Effect.interrupt)
      }
    }
  }
}
