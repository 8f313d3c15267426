import * as Effect from "effect/Effect"

/**
 * Lets timers and sockets have their turn. A yield of Effect would not: it only lets other fibers run.
 *
 * @internal
 */
export const yieldToEventLoop: Effect.Effect<void> = Effect.async((resume) => {
  const timer = setTimeout(() => resume(Effect.void), 0)
  return Effect.sync(() => clearTimeout(timer))
})

const slice = 500

/**
 * Takes a step for each item until one says that it was the last. The event loop runs in between, so that a server with a large
 * state answers others meanwhile.
 *
 * @internal
 */
export const forEach = <A>(items: Iterable<A>, step: (item: A) => "more" | "last"): Effect.Effect<void> =>
  Effect.suspend(() => {
    const iterator = items[Symbol.iterator]()
    const go: Effect.Effect<void> = Effect.suspend(() => {
      for (let n = 0; n < slice; n++) {
        const next = iterator.next()
        if (next.done === true || step(next.value) === "last") return Effect.void
      }
      return Effect.zipRight(yieldToEventLoop, go)
    })
    return go
  })
