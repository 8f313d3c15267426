import * as Effect from "effect/Effect"

/**
 * Yields to the event loop, which runs timers and processes sockets.
 *
 * `Effect.yieldNow` only lets other fibers run. Without this, the first of many requests would be
 * written only after the last was prepared.
 *
 * @internal
 */
export const yieldToEventLoop: Effect.Effect<void> = Effect.async((resume) => {
  const go = () => resume(Effect.void)
  if (typeof setImmediate === "function") setImmediate(go)
  else setTimeout(go, 0)
})

// The number of steps between two yields.
const slice = 500

/**
 * Runs a step for each item, until one returns `"last"`.
 *
 * It yields to the event loop at intervals, so a server with a large state keeps answering other
 * requests.
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
