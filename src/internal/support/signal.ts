import * as Effect from "effect/Effect"

/**
 * A callback that is registered with a signal.
 *
 * @internal
 */
export class Listener {
  /** Its position among the listeners, or -1 once it is removed. */
  index = -1

  constructor(readonly onAbort: () => void) {}
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
  private isAborted = false

  get aborted(): boolean {
    return this.isAborted
  }

  abort(): void {
    if (this.isAborted) return
    this.isAborted = true
    const listeners = this.listeners
    this.listeners = []
    for (const listener of listeners) {
      // A listener may have been removed by an earlier one.
      if (listener.index === -1) continue
      listener.index = -1
      listener.onAbort()
    }
  }

  /**
   * Registers a listener for the signal.
   *
   * It is not called if the signal is already aborted: check `aborted` first.
   */
  listen(onAbort: () => void): Listener {
    const listener = new Listener(onAbort)
    listener.index = this.listeners.push(listener) - 1
    return listener
  }

  /** Removes a listener, unless it is already removed. */
  forget(listener: Listener): void {
    const { index } = listener
    listener.index = -1
    // Another listener may be at this position, or none after the abort.
    if (this.listeners[index] !== listener) return
    const last = this.listeners.pop()
    if (last === undefined || last === listener) return
    this.listeners[index] = last
    last.index = index
  }

  /** Waits until the signal is aborted. */
  get whenAborted(): Effect.Effect<void> {
    return Effect.async((resume) => {
      if (this.isAborted) {
        resume(Effect.void)
        return
      }
      const listener = this.listen(() => resume(Effect.void))
      return Effect.sync(() => this.forget(listener))
    })
  }
}

/**
 * A signal that is aborted as soon as one of two others is, like `AbortSignal.any`.
 *
 * @internal
 */
export class AnySignal extends Signal {
  private readonly ofFirst: Listener
  private readonly ofSecond: Listener

  constructor(private readonly first: Signal, private readonly second: Signal) {
    super()
    const abort = () => this.abort()
    if (first.aborted || second.aborted) abort()
    this.ofFirst = first.listen(abort)
    this.ofSecond = second.listen(abort)
  }

  /** Ignores the second signal from now on. */
  leaveSecond(): void {
    this.second.forget(this.ofSecond)
  }

  /** Ignores both signals from now on. Otherwise they keep this one in memory. */
  leave(): void {
    this.first.forget(this.ofFirst)
    this.leaveSecond()
  }
}
