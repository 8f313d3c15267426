import * as Effect from "effect/Effect"

const turn = Effect.async<void>((resume) => void setImmediate(() => resume(Effect.void)))

/** Looks again at each turn of the event loop, until something holds. */
export const until = <A, E, R>(look: Effect.Effect<A, E, R>, holds: (a: A) => boolean): Effect.Effect<A, E, R> =>
  Effect.repeat(Effect.zipRight(turn, look), { until: holds })
