import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FiberRef from "effect/FiberRef"
import * as LogLevel from "effect/LogLevel"

/**
 * Checks whether a message of this level is logged.
 *
 * Use it before you make a message on the path of every request.
 *
 * @internal
 */
export const isLogged = (fiber: Fiber.RuntimeFiber<unknown, unknown>, level: LogLevel.LogLevel): boolean =>
  LogLevel.greaterThanEqual(level, fiber.getFiberRef(FiberRef.currentMinimumLogLevel))

/**
 * Logs a message about an attempt, with structured annotations. Undefined annotations are omitted.
 *
 * @internal
 */
export const attempt = (
  level: LogLevel.LogLevel,
  message: string,
  annotations: Readonly<Record<string, string | number | undefined>>
): Effect.Effect<void> =>
  Effect.annotateLogs(
    Effect.logWithLevel(level, message),
    Object.fromEntries(Object.entries(annotations).filter(([, value]) => value !== undefined))
  )
