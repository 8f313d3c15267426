import * as Effect from "effect/Effect"

/**
 * Something that happens once, and is heard by everybody in one go, without a fiber for each who listens.
 *
 * @internal
 */
export class Signal {
  private readonly listeners = new Set<() => void>()
  private given = false

  get isGiven(): boolean {
    return this.given
  }

  give(): void {
    if (this.given) return
    this.given = true
    for (const listener of this.listeners) listener()
    this.listeners.clear()
  }

  /** Whoever listens too late has to look at `isGiven`. */
  listen(listener: () => void): void {
    this.listeners.add(listener)
  }

  forget(listener: () => void): void {
    this.listeners.delete(listener)
  }

  /** Waits for it. */
  readonly heard: Effect.Effect<void> = Effect.async((resume) => {
    if (this.given) {
      resume(Effect.void)
      return
    }
    const listener = () => resume(Effect.void)
    this.listen(listener)
    return Effect.sync(() => this.forget(listener))
  })
}
