import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type * as Backfill from "../../Backfill.js"
import { SuprsendBackfillNotFound, type SuprsendLedgerError } from "../../BackfillError.js"
import { BackfillLedger } from "../../BackfillLedger.js"
import { count, time } from "../support/format.js"
import { printable } from "../support/printable.js"
import { isValidName } from "./job.js"
import type { PartitionRow, StatusRow } from "./ledger/ledger.js"

const sum = <A>(of: ReadonlyArray<A>, number: (a: A) => number): number => of.reduce((n, a) => n + number(a), 0)

/** The seconds over which recent records were counted. */
const spanOf = (age: number): number => Math.max(1, Math.min(60, age))

const partitionStatus = (row: PartitionRow): Backfill.PartitionStatus => ({
  partition: row.partition,
  range: row.range,
  cursor: Option.fromNullable(row.cursor),
  done: row.done,
  records: row.records,
  accepted: row.accepted,
  failed: row.failed,
  total: Option.fromNullable(row.total),
  // Without a runner there is no progress, so the rate of the last minute would mislead.
  rate: row.done || !row.isClaimed ? 0 : row.recent / spanOf(row.age),
  runner: row.isClaimed ? Option.fromNullable(row.owner) : Option.none(),
  problem: Option.fromNullable(row.problem)
})

/** The characters of a problem in a line of progress. */
const longestProblem = 200

/** The value of a status. It prints as one line. */
class Status implements Backfill.Status {
  readonly name: string
  readonly version: string
  readonly state: Backfill.State
  readonly partitions: ReadonlyArray<Backfill.PartitionStatus>
  readonly records: number
  readonly accepted: number
  readonly failed: number
  readonly total: Option.Option<number>
  readonly rate: number
  readonly timeLeft: Option.Option<Duration.Duration>
  readonly createdAt: Date

  constructor({ createdAt, definition, name, partitions, state }: StatusRow) {
    this.name = name
    this.version = definition.version
    this.createdAt = createdAt
    this.partitions = partitions.map(partitionStatus)
    this.state = state !== "cancelled" && this.partitions.every(({ done }) => done) ? "completed" : state
    this.records = sum(this.partitions, ({ records }) => records)
    this.accepted = sum(this.partitions, ({ accepted }) => accepted)
    this.failed = sum(this.partitions, ({ failed }) => failed)
    this.total = Option.map(
      Option.all(this.partitions.map(({ total }) => total)),
      (totals) => sum(totals, (n) => n)
    )
    const active = partitions.filter(({ done, isClaimed, recent }) => isClaimed || (done && recent > 0))
    this.rate = this.state === "running" && active.some(({ isClaimed }) => isClaimed)
      ? sum(active, ({ recent }) => recent) / spanOf(Math.max(...active.map(({ age }) => age)))
      : 0
    const { rate, records } = this
    this.timeLeft = this.state !== "running" || rate === 0
      ? Option.none()
      : Option.map(this.total, (total) => Duration.seconds(Math.max(0, total - records) / rate))
  }

  toJSON(): unknown {
    const { accepted, createdAt, failed, name, partitions, rate, records, state, timeLeft, total, version } = this
    return {
      _id: "effect-suprsend/Backfill.Status",
      name,
      version,
      state,
      records,
      accepted,
      failed,
      total,
      rate,
      timeLeft,
      createdAt,
      partitions
    }
  }

  toString(): string {
    const { partitions, records, state } = this
    const done = partitions.filter(({ done }) => done).length
    const sent = Option.match(this.total, {
      onNone: () => count(records, "record"),
      onSome: (total) => `${count(records)} of ${count(total, "record")}`
    })
    const parts = [
      sent,
      ...(this.failed === 0 ? [] : [`${count(this.failed)} failed`]),
      ...(partitions.length === 1 ? [] : [`${done} of ${count(partitions.length, "partition")} done`]),
      ...(state === "running" ? this.pace : [])
    ]
    return printable(`${this.name} ${state}: ${parts.join(", ")}`)
  }

  private get pace(): ReadonlyArray<string> {
    const [problem] = this.partitions.flatMap(({ problem }) => Option.toArray(problem))
    return [
      ...(this.partitions.every(({ runner }) => Option.isNone(runner)) ? ["no runner"] : []),
      ...(this.rate > 0 ? [`${count(this.rate)} a second`] : []),
      ...Option.match(this.timeLeft, {
        onNone: () => [],
        onSome: (left) => [`${time(Duration.toSeconds(left))} left`]
      }),
      ...(problem === undefined
        ? []
        : [`problem: ${problem.length > longestProblem ? `${problem.slice(0, longestProblem)}…` : problem}`])
    ]
  }

  [Inspectable.NodeInspectSymbol](): string {
    return this.toString()
  }
}

/** @internal */
export const status = (
  name: string
): Effect.Effect<Backfill.Status, SuprsendBackfillNotFound | SuprsendLedgerError, BackfillLedger> =>
  Effect.gen(function*() {
    const { ledger } = yield* BackfillLedger
    const found = isValidName(name) ? yield* ledger.status(name) : Option.none()
    return Option.isSome(found) ? new Status(found.value) : yield* new SuprsendBackfillNotFound({ backfill: name })
  })

/** @internal */
export const list: Effect.Effect<ReadonlyArray<Backfill.Status>, SuprsendLedgerError, BackfillLedger> = Effect.gen(
  function*() {
    const { ledger } = yield* BackfillLedger
    const found = yield* Effect.forEach(yield* ledger.names, ledger.status)
    return found.flatMap(Option.match({ onNone: () => [], onSome: (row) => [new Status(row)] }))
  }
)

/** @internal */
export const progress = (
  name: string,
  interval: Duration.DurationInput = "1 second"
): Stream.Stream<Backfill.Status, SuprsendBackfillNotFound | SuprsendLedgerError, BackfillLedger> =>
  Stream.repeatEffectWithSchedule(status(name), Schedule.spaced(interval)).pipe(
    Stream.takeUntil(({ state }) => state !== "running")
  )
