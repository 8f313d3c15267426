import type * as Cause from "effect/Cause"
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import { constVoid } from "effect/Function"
import * as Slots from "./slots.js"

/** The queue is a ring closed by a waiter that waits for nothing, so that whoever gives up leaves it in O(1). */
class Waiter {
  previous: Waiter = this
  next: Waiter = this
  /** It has its slots, but its fiber does not run yet. */
  admitted = false
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

/** The longest that a JavaScript timer can sleep. */
const maxSleep = 2 ** 31 - 1

/**
 * The queue of those who wait, and the one timer that wakes them. It carries the pure state from one event to the next: each
 * transition happens in one go, between two steps of the runtime.
 *
 * @internal
 */
export interface Queue {
  /** Runs the attempt when its turn has come and its slots are free. */
  readonly limit: <A, E, R>(attempt: Effect.Effect<A, E, R>, cost: number) => Effect.Effect<A, E, R>
  /** Runs the attempt if its slot is free at once and nobody waits, or else the other effect, without a slot. */
  readonly limitOr: <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    otherwise: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
  readonly pause: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Interrupts those who wait, and everyone who comes later. */
  readonly close: () => void
}

/** @internal */
export const unsafeMake = (
  initial: Slots.State,
  clock: Clock.Clock,
  fork: (effect: Effect.Effect<void>) => Fiber.RuntimeFiber<void>
): Queue => {
  // Nanoseconds since 1970 do not fit a float, those since the limiter was made do.
  const origin = clock.unsafeCurrentTimeNanos()
  const now = () => Number(clock.unsafeCurrentTimeNanos() - origin) / 1_000_000
  const waiting = new Waiter(0)
  const leaving = new Waiter(0)
  let state = initial
  let timer: Fiber.RuntimeFiber<void> | undefined
  let wakeAt = Infinity
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

  const sleep: Effect.Effect<void> = Effect.suspend(() =>
    // Rounded up, as timers know whole milliseconds only. Some fire early all the same: `admit` looks at the clock.
    Effect.flatMap(clock.sleep(Duration.millis(Math.min(Math.ceil(wakeAt - now()), maxSleep))), () => {
      wakeAt = admit()
      if (wakeAt < Infinity) {
        return sleep
      }
      timer = undefined
      return Effect.void
    })
  )

  const stopTimer = () => {
    timer?.unsafeInterruptAsFork(FiberId.none)
    timer = undefined
    wakeAt = Infinity
  }

  /** To be called whenever something changed for those who wait. */
  const update = () => {
    const at = admit()
    if (waiting.next === waiting) {
      stopTimer()
    } else if (at < wakeAt) {
      stopTimer()
      wakeAt = at
      timer = fork(sleep)
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
      } else if (waiter.admitted) {
        resume(Effect.void)
      } else {
        waiter.resume = resume
      }
    })

  const runAdmitted = <A, E, R>(
    restore: Restore,
    attempt: Effect.Effect<A, E, R>,
    waiter: Waiter
  ): Effect.Effect<A, E, R> =>
    Effect.matchCauseEffect(restore(admission(waiter)), {
      onFailure: (cause) => {
        gaveUp(waiter)
        return Effect.failCause(cause)
      },
      onSuccess: () => {
        // A pause can come between the admission and this fiber.
        if (!waiter.admitted) {
          return runAdmitted(restore, attempt, waiter)
        }
        waiter.remove()
        return run(restore, attempt, waiter.cost)
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

  const limitOr = <A, E, R>(
    attempt: Effect.Effect<A, E, R>,
    otherwise: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) => {
      if (closed) return Effect.interrupt
      return startNow(1) ? run(restore, attempt, 1) : restore(otherwise)
    })

  const limit = <A, E, R>(attempt: Effect.Effect<A, E, R>, cost: number): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) => {
      if (closed) {
        return Effect.interrupt
      }
      if (startNow(cost)) {
        return run(restore, attempt, cost)
      }
      const waiter = new Waiter(cost)
      waiter.insertBefore(waiting)
      if (waiting.next === waiter) {
        update()
      }
      return runAdmitted(restore, attempt, waiter)
    })

  return {
    limit,
    limitOr,
    pause: (duration) =>
      Effect.sync(() => {
        state = Slots.pause(state, now() + Duration.toMillis(duration))
        recall()
        update()
      }),
    close: () => {
      closed = true
      stopTimer()
      recall()
      while (waiting.next !== waiting) {
        const first = waiting.next
        first.remove()
        first.resume(Effect.interrupt)
      }
    }
  }
}
