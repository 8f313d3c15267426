import * as Terminal from "@effect/platform/Terminal"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Bulk from "../../Bulk.js"
import * as format from "../support/format.js"

/**
 * The progress of a bulk edit.
 *
 * @internal
 */
export interface State {
  /** When it started, in milliseconds since the epoch. */
  readonly started: number
  /** The expected number of records, if known. */
  readonly total: number | undefined
  readonly success: number
  readonly failure: number
}

/** @internal */
export const start = (started: number, total: number | undefined): State => ({ started, total, success: 0, failure: 0 })

/** @internal */
export const add = (state: State, { failure, success }: Pick<Bulk.BulkOutcome, "success" | "failure">): State => ({
  ...state,
  success: state.success + success,
  failure: state.failure + failure
})

/**
 * Formats the progress as text.
 *
 * @internal
 */
export const text = ({ failure, started, success, total }: State, now: number): string => {
  const done = success + failure
  const seconds = Math.max(0, now - started) / 1000
  const rate = seconds === 0 ? 0 : done / seconds
  const isOver = total !== undefined && done >= total
  return [
    total === undefined ? format.count(done, "record") : `${format.count(done)} of ${format.count(total, "record")}`,
    ...(failure === 0 ? [] : [`${format.count(failure)} failed`]),
    ...(rate === 0 ? [] : [`${format.count(rate)}/s`]),
    total === undefined || isOver || rate === 0
      ? `in ${format.time(seconds)}`
      : `${format.time((total - done) / rate)} left`
  ].join(", ")
}

const shortestBar = 10
const longestBar = 40

/**
 * Formats the progress with a bar, if the total is known and the line is wide enough.
 *
 * It leaves the last column empty, where some terminals start a new line.
 *
 * @internal
 */
export const line = (state: State, now: number, columns: number): string => {
  const { failure, success, total } = state
  const said = text(state, now)
  const room = Math.max(0, columns - 1)
  const width = Math.min(longestBar, room - said.length - 8)
  if (total === undefined || width < shortestBar) return said.slice(0, room)
  const part = total === 0 ? 1 : Math.min(1, (success + failure) / total)
  const filled = Math.floor(part * width)
  const percent = `${Math.floor(part * 100)}%`.padStart(4)
  return `[${"#".repeat(filled)}${".".repeat(width - filled)}] ${percent} ${said}`
}

/**
 * Displays the progress on the terminal. Errors of the terminal are ignored.
 *
 * @internal
 */
export const display = (options: Bulk.ProgressOptions): Effect.Effect<Display, never, Terminal.Terminal> =>
  Effect.gen(function*() {
    const terminal = yield* Terminal.Terminal
    const isTerminal = yield* terminal.isTTY
    const started = yield* Clock.currentTimeMillis
    const every = isTerminal ? 100 : Duration.toMillis(options.every ?? "10 seconds")
    let state = start(started, options.total)
    let shown = isTerminal ? -Infinity : started

    const show = (end: string) =>
      Effect.flatMap(Effect.zip(terminal.columns, Clock.currentTimeMillis), ([columns, now]) => {
        shown = now
        return terminal.display(
          isTerminal
            ? `\r${line(state, now, columns > 0 ? columns : 80)}\u001b[K${end}`
            : `${text(state, now)}\n`
        )
      }).pipe(Effect.ignore)

    return {
      add: (outcome) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          state = add(state, outcome)
          return now - shown >= every ? show("") : Effect.void
        }),
      end: Effect.suspend(() => show("\n"))
    }
  })

/** @internal */
export interface Display {
  readonly add: (outcome: Bulk.BulkOutcome) => Effect.Effect<void>
  /** Displays the last line. */
  readonly end: Effect.Effect<void>
}
