import * as Effect from "effect/Effect"

/**
 * One who listens to a signal.
 *
 * @internal
 */
export class Listener {
  /** Its place among those who listen; -1 once it has left. */
  index = -1

  constructor(readonly hear: () => void) {}
}

/**
 * Something that happens once, and is heard by everybody in one go, without a fiber for each who listens.
 *
 * @internal
 */
export class Signal {
  // Not a `Set`: the tables that a set outgrows lead from one to the next, and with each the listeners that it held. Whatever is in
  // flight then outlives its time, which was measured to double what a request costs (`npm run bench -- --only single`).
  private listeners: Array<Listener> = []
  private given = false

  get isGiven(): boolean {
    return this.given
  }

  give(): void {
    if (this.given) return
    this.given = true
    const listeners = this.listeners
    this.listeners = []
    for (const listener of listeners) {
      // One who leaves because another heard of it hears nothing.
      if (listener.index === -1) continue
      listener.index = -1
      listener.hear()
    }
  }

  /** Calls back when the signal is given. A signal that was given before calls nothing: check `isGiven`. */
  listen(hear: () => void): Listener {
    const listener = new Listener(hear)
    listener.index = this.listeners.push(listener) - 1
    return listener
  }

  /** Does nothing to one that has left. */
  forget(listener: Listener): void {
    const { index } = listener
    listener.index = -1
    // The place may be another's by now, as after the signal was given.
    if (this.listeners[index] !== listener) return
    const last = this.listeners.pop()
    if (last === undefined || last === listener) return
    this.listeners[index] = last
    last.index = index
  }

  /** Waits for it. */
  readonly heard: Effect.Effect<void> = Effect.async((resume) => {
    if (this.given) {
      resume(Effect.void)
      return
    }
    const listener = this.listen(() => resume(Effect.void))
    return Effect.sync(() => this.forget(listener))
  })
}
