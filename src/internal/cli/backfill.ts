import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Terminal from "@effect/platform/Terminal"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Backfill from "../../Backfill.js"
import { printable } from "../support/printable.js"
import { type Backfills, withLedger } from "./backfillLedger.js"
import * as view from "./backfillView.js"

const where = {
  database: Options.redacted("database").pipe(
    Options.withPseudoName("url"),
    Options.withDescription(
      "The PostgreSQL that has the ledger; by default, the variable DATABASE_URL, which other users of this machine " +
        "cannot see"
    ),
    Options.optional
  ),
  directory: Options.text("directory").pipe(
    Options.withPseudoName("path"),
    Options.withDescription(
      "The directory of a PGlite that has the ledger. Only one process at a time can open it: while a backfill runs " +
        "there, its status comes from that process (Backfill.progress)"
    ),
    Options.optional
  )
}

const name = Args.text({ name: "name" }).pipe(Args.withDescription("The name of the backfill"))

const json = Options.boolean("json").pipe(Options.withDescription("Print JSON"))

const list = Command.make(
  "list",
  { json, ...where },
  ({ json, ...where }) =>
    withLedger(where, (backfills) => backfills.list).pipe(
      Effect.flatMap((statuses) =>
        Console.log(
          json
            ? view.statusesJson(statuses, true)
            : statuses.length === 0
            ? none
            : statuses.map(String).join("\n")
        )
      )
    )
).pipe(Command.withDescription("List the backfills of a ledger, the oldest first"))

const none = "the ledger has no backfills"

const watch = Options.boolean("watch").pipe(
  Options.withDescription("Show it again each second, until it is no longer running")
)

const status = Command.make(
  "status",
  { name: Args.optional(name), watch, json, ...where },
  ({ json, name, watch, ...where }) =>
    withLedger(where, (backfills) => {
      const isList = Option.isNone(name)
      const read = Option.match(name, {
        onNone: () => backfills.list,
        onSome: (name) => Effect.map(backfills.status(name), (status) => [status])
      })
      const print = (statuses: ReadonlyArray<Backfill.Status>) =>
        Console.log(
          json ? view.statusesJson(statuses, isList) : statuses.length === 0 ? none : all(statuses).join("\n")
        )
      if (!watch) return Effect.flatMap(read, print)
      const updates = Stream.repeatEffectWithSchedule(read, Schedule.spaced("1 second")).pipe(
        Stream.takeUntil((statuses) => statuses.every(({ state }) => state !== "running"))
      )
      return json
        ? untilOutputCloses(Stream.runForEach(updates, print))
        : Effect.gen(function*() {
          const terminal = yield* Terminal.Terminal
          return yield* (yield* terminal.isTTY) ? redraw(updates, terminal) : untilOutputCloses(lines(updates, print))
        })
    })
).pipe(Command.withDescription(
  "Show how far a backfill has come, or all of them: records, failures, and for each partition its runner, rate, time " +
    "left, and why it waits"
))

/** Formats statuses with their tables, separated by empty lines. */
const all = (statuses: ReadonlyArray<Backfill.Status>, room?: number): ReadonlyArray<string> =>
  statuses.flatMap((status, i) => [...(i === 0 ? [] : [""]), ...view.statusLines(status, room)])

/** Prints a line at each change, and everything at the end. */
const lines = <E, R>(
  updates: Stream.Stream<ReadonlyArray<Backfill.Status>, E, R>,
  print: (statuses: ReadonlyArray<Backfill.Status>) => Effect.Effect<void>
) =>
  updates.pipe(
    Stream.changesWith((a, b) => text(a) === text(b)),
    Stream.tap((statuses) =>
      statuses.some(({ state }) => state === "running") ? Console.log(text(statuses)) : Effect.void
    ),
    Stream.runLast,
    Effect.flatMap(Option.match({ onNone: () => Effect.void, onSome: print }))
  )

const text = (statuses: ReadonlyArray<Backfill.Status>): string => statuses.map(String).join("\n")

/** Draws each update over the one before. A line that is too long ends at the edge of the screen. */
const redraw = <E, R>(updates: Stream.Stream<ReadonlyArray<Backfill.Status>, E, R>, terminal: Terminal.Terminal) =>
  Stream.runFoldEffect(updates, 0, (drawn, statuses) =>
    Effect.gen(function*() {
      const rows = (yield* terminal.rows) || 24
      // Each status has its line, the header of its table, and an empty line.
      const room = Math.max(1, Math.floor((rows - 1) / Math.max(1, statuses.length)) - 3)
      const lines = all(statuses, room).slice(0, rows - 1)
      yield* Effect.ignore(
        terminal.display(`${drawn === 0 ? "" : `\x1b[${drawn}A`}\x1b[J\x1b[?7l${lines.join("\n")}\x1b[?7h\n`)
      )
      return lines.length
    }))

/** Ends an effect early when the output closes, as that of a pipe into `head`. */
const untilOutputCloses = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<void, E, R> =>
  Effect.raceFirst(
    Effect.asVoid(effect),
    Effect.async<void>((resume) => {
      const onError = (error: Error) =>
        resume(Predicate.hasProperty(error, "code") && error.code === "EPIPE" ? Effect.void : Effect.die(error))
      process.stdout.on("error", onError)
      return Effect.sync(() => process.stdout.off("error", onError))
    })
  )

const failed = Command.make(
  "failed",
  { name, json, ...where },
  ({ json, name, ...where }) =>
    withLedger(where, (backfills) =>
      untilOutputCloses(
        Stream.runForEach(
          backfills.failed(name),
          (record) => Console.log(json ? view.failedJson(record) : view.failedLine(record))
        )
      ))
).pipe(Command.withDescription(
  "Print the failed records of a backfill, one a line: key, outcome, insert id and reason, separated by tabs. Their " +
    "edits are not printed"
))

const control = (
  action: "pause" | "resume" | "cancel" | "remove",
  description: string,
  done: (name: string) => string
) =>
  Command.make(action, { name, ...where }, ({ name, ...where }) =>
    Effect.zipRight(
      withLedger(where, (backfills: Backfills) => backfills[action](name)),
      Console.log(done(printable(name)))
    )).pipe(Command.withDescription(description))

const pause = control(
  "pause",
  "Pause a backfill: its runners stop within seconds",
  (name) => `paused ${name}: its runners stop within seconds`
)

const resume = control(
  "resume",
  "Resume a paused backfill. A cluster takes it up; otherwise run it again",
  (name) => `resumed ${name}: a cluster takes it up within seconds; otherwise run it again`
)

const cancel = control(
  "cancel",
  "Cancel a backfill for good. What was accepted stays accepted",
  (name) => `cancelled ${name}: its runners stop within seconds`
)

const remove = control(
  "remove",
  "Remove a backfill and its failed records from the ledger. It must be completed, cancelled or paused",
  (name) => `removed ${name} from the ledger`
)

/** @internal */
export const backfill = Command.make("backfill").pipe(
  Command.withDescription(
    "Look at the backfills of a ledger, and control them. A ledger in a directory can only be opened while no other " +
      "process uses it"
  ),
  Command.withSubcommands([list, status, pause, resume, cancel, remove, failed])
)
