// What `Effect.forEach` itself costs where each call waits for something that comes for 400 of them at once.
import * as Effect from "effect/Effect"
import type { Session } from "./contender.js"

const together = 400

export const open = (): Session => {
  let waiting: Array<(effect: Effect.Effect<void>) => void> = []
  const resume = () => {
    const resumed = waiting
    waiting = []
    for (const one of resumed) one(Effect.void)
  }
  const call = Effect.async<void>((resumeOne) => {
    waiting.push(resumeOne)
    if (waiting.length === together) setImmediate(resume)
    return Effect.void
  })
  return {
    together: async (users) => {
      const rest = setInterval(resume, 10)
      await Effect.runPromise(
        Effect.forEach(Array.from({ length: users }), () => call, { concurrency: "unbounded", discard: true })
      )
      clearInterval(rest)
    },
    close: () => Promise.resolve()
  }
}
