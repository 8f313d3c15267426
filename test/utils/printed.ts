import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import { inspect } from "node:util"

/** What Effect's own loggers make of whatever is logged while the layer lives. */
export const loggers = (lines: Array<string>): Layer.Layer<never> => {
  const write = (line: unknown) => {
    lines.push(typeof line === "string" ? line : inspect(line, { depth: 30 }))
  }
  return Layer.mergeAll(
    Logger.add(Logger.map(Logger.stringLogger, write)),
    Logger.add(Logger.map(Logger.logfmtLogger, write)),
    Logger.add(Logger.map(Logger.jsonLogger, write)),
    Logger.add(Logger.map(Logger.structuredLogger, write)),
    Logger.minimumLogLevel(LogLevel.All)
  )
}

const causeOf = (u: unknown): Cause.Cause<unknown> =>
  Cause.isCause(u) ? u : Exit.isExit(u) && Exit.isFailure(u) ? u.cause : Cause.fail(u)

/** All that comes out when a value is printed, logged, thrown or rejected, by whatever means. */
export const printed = (u: unknown): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const lines: Array<string> = []
    yield* Effect.logError("value", u).pipe(
      Effect.zipRight(Effect.logError("cause", causeOf(u))),
      Effect.annotateLogs("value", u),
      Effect.provide(loggers(lines))
    )
    const words = u instanceof Error ? [u.message, u.stack ?? "", u.name] : []
    return [
      ...lines,
      ...words,
      inspect(u, { depth: 30 }),
      inspect([{ nested: u }], { depth: 30, showHidden: true }),
      String(u),
      JSON.stringify(u) ?? "",
      JSON.stringify({ nested: [u] }),
      Inspectable.format(u),
      Inspectable.toStringUnknown(u),
      Cause.pretty(causeOf(u), { renderErrorCause: true })
    ]
  })
