import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Tracer from "effect/Tracer"
import { releasingMask } from "../support/releasingMask.js"

/**
 * Options of a span without a stack trace, which costs more than a call.
 *
 * @internal
 */
export const plain: Tracer.SpanOptions = { captureStackTrace: false }

/**
 * Runs an effect in a span of its own, which ends without the texts of its errors.
 *
 * `Effect.useSpan` would export the message of an error, and messages of the service name users.
 *
 * @param onStart called when the body begins; returns what to call with the outcome and the time in
 * nanoseconds, before the span ends
 *
 * @internal
 */
export const use = <A, E, R>(
  name: string,
  options: Tracer.SpanOptions,
  body: (span: Tracer.Span, fiber: Fiber.RuntimeFiber<unknown, unknown>) => Effect.Effect<A, E, R>,
  onStart?: (fiber: Fiber.RuntimeFiber<unknown, unknown>) => (exit: Exit.Exit<A, E>, now: bigint) => void
): Effect.Effect<A, E, R> =>
  // An interruption between the span and its finalizer would leave the span open.
  releasingMask((restore) =>
    Effect.flatMap(
      Effect.makeSpan(name, options),
      (span) =>
        Effect.withFiberRuntime((fiber) => {
          const clock = Context.get(fiber.currentDefaultServices, Clock.Clock)
          const onEnd = onStart?.(fiber)
          const ended = (exit: Exit.Exit<A, E>) => {
            const now = clock.unsafeCurrentTimeNanos()
            onEnd?.(exit, now)
            end(span, now, exit)
            return exit
          }
          return Effect.matchCauseEffect(restore(Effect.suspend(() => body(span, fiber))), {
            onFailure: (cause) => ended(Exit.failCause(cause)),
            onSuccess: (value) => ended(Exit.succeed(value))
          })
        })
    )
  )

/**
 * Runs an effect in such a span, as the parent of the spans in it.
 *
 * @internal
 */
export const around =
  (name: string, attributes: Record<string, unknown> = {}) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, Exclude<R, Tracer.ParentSpan>> =>
    use(name, { ...plain, attributes }, (span) => Effect.withParentSpan(effect, span))

/**
 * Ends a span, with the names of errors instead of their messages.
 *
 * @internal
 */
export const end = (span: Tracer.Span, now: bigint, exit: Exit.Exit<unknown, unknown>): void =>
  span.end(now, Exit.isSuccess(exit) ? Exit.void : withoutText(exit.cause))

/**
 * Checks whether a tracer of yours receives the spans of a fiber.
 *
 * Effect's own tracer keeps spans only for those within them, so a span without any is not worth
 * its cost (`npm run bench -- --only telemetry`).
 *
 * @internal
 */
export const isReceived = ({ currentDefaultServices }: Fiber.RuntimeFiber<unknown, unknown>): boolean =>
  Context.get(currentDefaultServices, Tracer.Tracer) !== ownTracer

const ownTracer = Context.get(DefaultServices.liveServices, Tracer.Tracer)

/**
 * Adds a span for a wait that has ended.
 *
 * @param milliseconds how long ago the wait began
 *
 * @internal
 */
export const waited = (
  fiber: Fiber.RuntimeFiber<unknown, unknown>,
  parent: Tracer.Span,
  name: string,
  milliseconds: number
): void => {
  // The span of a call that is not traced.
  if (Context.get(parent.context, Tracer.DisablePropagation)) return
  const { currentDefaultServices: services } = fiber
  const now = Context.get(services, Clock.Clock).unsafeCurrentTimeNanos()
  const began = now - BigInt(Math.round(milliseconds * 1_000)) * 1_000n
  const span = Context.get(services, Tracer.Tracer).span(
    name,
    Option.some(parent),
    Context.empty(),
    [],
    began,
    "internal"
  )
  span.end(now, Exit.void)
}

/**
 * Names the outcome of an effect in few words: `success`, the tag of its error, `interrupted` or
 * `defect`.
 *
 * @internal
 */
export const outcome = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "success" : isInterruption(exit.cause)
    ? "interrupted"
    : Option.match(Cause.failureOption(exit.cause), { onNone: () => "defect", onSome: nameOf })

const withoutText = (cause: Cause.Cause<unknown>): Exit.Exit<never, string> =>
  isInterruption(cause)
    ? Exit.interrupt(FiberId.none)
    : Option.match(Cause.failureOption(cause), {
      onNone: () => Exit.die(nameOf(Cause.squash(cause))),
      onSome: (error) => Exit.fail(nameOf(error))
    })

// A client that closes and a bulk that stops interrupt their requests, which then fail with an
// error.
const isInterruption = (cause: Cause.Cause<unknown>): boolean =>
  Cause.isInterruptedOnly(cause) ||
  Option.exists(
    Cause.failureOption(cause),
    (error) =>
      Predicate.isTagged(error, "SuprsendUnavailable") && Predicate.hasProperty(error, "reason") &&
      error.reason === "Interrupted"
  )

/** Returns the tag or the class of an error: one of few words, and not from a message. */
const nameOf = (error: unknown): string => {
  const name = Predicate.hasProperty(error, "_tag")
    ? error._tag
    : error instanceof Error
    ? error.constructor.name
    : typeof error
  return typeof name === "string" && /^[\w$/.-]{1,64}$/.test(name) ? name : "Error"
}
