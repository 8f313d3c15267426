import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type { SuprsendClient } from "../../SuprsendClient.js"
import { labelsOf, type Meters } from "../telemetry/meters.js"
import * as spans from "../telemetry/span.js"

/**
 * Runs a call of a service: opens its span, and counts it by its outcome.
 *
 * Pass the span on with each request of the call. A request without a span is a call of its own.
 *
 * @internal
 */
export const run = <A, E, R>(
  client: Telemetry,
  call: string,
  body: (span: Tracer.Span, fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  spans.use(
    call,
    spans.plain,
    body,
    client.meters === undefined ? undefined : (fiber) => counting(client.meters, call, fiber)
  )

/**
 * Opens a call that ends with its scope, such as a stream.
 *
 * @param own returns how the call itself ended, for a scope that fails: the error may be that of the
 * code which reads the stream
 *
 * @internal
 */
export const scoped = (
  client: Telemetry,
  call: string,
  own: () => Exit.Exit<unknown, unknown> | undefined
): Effect.Effect<Tracer.Span, never, Scope.Scope> =>
  Effect.withFiberRuntime((fiber) => {
    const onEnd = counting(client.meters, call, fiber)
    const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
    return Effect.acquireRelease(
      Effect.makeSpan(call, spans.plain),
      (span, exit) =>
        Effect.sync(() => {
          const ended = Exit.isSuccess(exit) ? exit : own() ?? exit
          const now = clock.unsafeCurrentTimeNanos()
          onEnd(ended, now)
          spans.end(span, now, ended)
        })
    )
  })

type Telemetry = Pick<SuprsendClient.Service, "meters">

const counting = (
  meters: Meters | undefined,
  call: string,
  fiber: Fiber.RuntimeFiber<unknown, unknown>
): (exit: Exit.Exit<unknown, unknown>, now: bigint) => void => {
  const start = Context.get(fiber.currentDefaultServices, Clock.Clock).unsafeCurrentTimeNanos()
  const caller = labelsOf(fiber)
  return (exit, now) => meters?.call(caller, call, spans.outcome(exit), Number(now - start) / 1e9)
}
