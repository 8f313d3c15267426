import * as Effect from "effect/Effect"

/**
 * A callback that is registered with a signal.
 *
 * @internal
 */
export class Listener {
  /** Its position among the listeners, or -1 once it is removed. */
  index = -1

  constructor(readonly hear: () => void) {}
}

/**
 * An event that happens once and calls all listeners synchronously, without a fiber for each.
 *
 * @internal
 */
export class Signal {
  // An array instead of a `Set`: V8 keeps the outgrown tables of a set alive, and with them
  // requests that have ended (`npm run bench -- --only single` measures the cost of a request).
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
      // A listener may have been removed by an earlier one.
      if (listener.index === -1) continue
      listener.index = -1
      listener.hear()
    }
  }

  /**
   * Registers a listener for the signal.
   *
   * It is not called if the signal was already given: check `isGiven` first.
   */
  listen(hear: () => void): Listener {
    const listener = new Listener(hear)
    listener.index = this.listeners.push(listener) - 1
    return listener
  }

  /** Removes a listener, unless it is already removed. */
  forget(listener: Listener): void {
    const { index } = listener
    listener.index = -1
    // Another listener may be at this position, or none after the signal was given.
    if (this.listeners[index] !== listener) return
    const last = this.listeners.pop()
    if (last === undefined || last === listener) return
    this.listeners[index] = last
    last.index = index
  }

  /** Waits until the signal is given. */
  readonly heard: Effect.Effect<void> = Effect.async((resume) => {
    if (this.given) {
      resume(Effect.void)
      return
    }
    const listener = this.listen(() => resume(Effect.void))
    return Effect.sync(() => this.forget(listener))
  })
}
