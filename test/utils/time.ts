import * as Sandbox from "effect-suprsend/Sandbox"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as TestClock from "effect/TestClock"

/** Runs an effect to its end while an hour of virtual time passes. */
export const inAnHour = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.fork(effect), (fiber) => Effect.zipRight(TestClock.adjust("1 hour"), ended(fiber)))

/** Returns the result of a fiber that has ended. Dies if it still runs. */
export const ended = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<A, E> =>
  Effect.flatMap(
    Fiber.poll(fiber),
    Option.match({
      onNone: () => Effect.dieMessage("still runs"),
      onSome: (exit) => exit
    })
  )

/** Lets other fibers run until all wait for time, a response, or an interruption. */
export { settle } from "../../src/internal/sandbox/testClock.js"

/** Runs an effect that talks to a real socket under the `TestClock`, and skips its retry delays as soon as they begin. */
export const skippingDelays = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Sandbox.runToCompletion(effect, { longest: "10 seconds" })
