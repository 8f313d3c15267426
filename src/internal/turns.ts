import * as Effect from "effect/Effect"

/**
 * Lets those who take part do something one at a time, in the order in which they ask. A semaphore does the same for people who may
 * give up while they wait, or fail before they pass the turn on, at fifteen times the price; these all end together.
 *
 * @internal
 */
export class Turns {
  private readonly waiting: Array<() => void> = []
  private isTaken = false

  /** Waits for the turn. */
  readonly take: Effect.Effect<void> = Effect.async((resume) => {
    if (this.isTaken) this.waiting.push(() => resume(Effect.void))
    else {
      this.isTaken = true
      resume(Effect.void)
    }
  })

  /** Passes it on. */
  pass(): void {
    const next = this.waiting.shift()
    if (next === undefined) this.isTaken = false
    else next()
  }
}
