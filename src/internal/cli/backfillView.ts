import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import type * as Backfill from "../../Backfill.js"
import * as format from "../support/format.js"
import { json, printable } from "../support/printable.js"

const partitionJson = (partition: Backfill.PartitionStatus) => ({
  partition: partition.partition,
  range: partition.range,
  cursor: Option.getOrNull(partition.cursor),
  done: partition.done,
  records: partition.records,
  accepted: partition.accepted,
  failed: partition.failed,
  total: Option.getOrNull(partition.total),
  rate: partition.rate,
  runner: Option.getOrNull(partition.runner),
  problem: Option.getOrNull(partition.problem)
})

const statusJson = (status: Backfill.Status) => ({
  name: status.name,
  version: status.version,
  state: status.state,
  records: status.records,
  accepted: status.accepted,
  failed: status.failed,
  total: Option.getOrNull(status.total),
  rate: status.rate,
  secondsLeft: Option.getOrNull(Option.map(status.timeLeft, Duration.toSeconds)),
  createdAt: status.createdAt.toISOString(),
  partitions: status.partitions.map(partitionJson)
})

/**
 * Formats one status, or a list of them, as one line of JSON.
 *
 * @internal
 */
export const statusesJson = (statuses: ReadonlyArray<Backfill.Status>, isList: boolean): string => {
  const all = statuses.map(statusJson)
  return json(isList ? all : all[0])
}

const columns = ["partition", "records", "a second", "failed", "left", "runner", "problem"]

const isNumber = [true, true, true, true, true, false, false]

const row = ({ done, failed, partition, problem, rate, records, runner, total }: Backfill.PartitionStatus) => {
  const all = Option.match(total, { onNone: () => "", onSome: (total) => ` of ${format.count(total)}` })
  const left = Option.filter(total, () => !done && rate > 0)
  return [
    String(partition),
    `${format.count(records)}${done ? "" : all}`,
    rate > 0 ? format.count(rate) : "",
    format.count(failed),
    done ? "done" : Option.match(left, {
      onNone: () => "",
      onSome: (total) => format.time(Math.max(0, total - records) / rate)
    }),
    printable(Option.getOrElse(runner, () => "")),
    printable(Option.getOrElse(problem, () => ""))
  ]
}

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = columns.map((_, i) => Math.max(...rows.map((row) => (row[i] ?? "").length)))
  return rows.map((row) =>
    row.map((cell, i) => isNumber[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0))
      .join("  ").trimEnd()
  )
}

/**
 * Formats a status as a line for the whole, and a table of its partitions.
 *
 * If there is room for fewer partitions, it shows those that are not done first.
 *
 * @internal
 */
export const statusLines = (status: Backfill.Status, room: number = Infinity): ReadonlyArray<string> => {
  const { partitions } = status
  const isAll = partitions.length <= room
  const shown = isAll
    ? partitions
    : [...partitions].sort((a, b) => Number(a.done) - Number(b.done) || a.partition - b.partition)
      .slice(0, Math.max(0, room - 1))
  const more = partitions.length - shown.length
  return [
    String(status),
    ...(shown.length === 0 ? [] : table([columns, ...shown.map(row)])),
    ...(isAll ? [] : [`and ${format.count(more, "more partition")}`])
  ]
}

/**
 * Formats a failed record as one line, without its edit, which may contain tokens.
 *
 * @internal
 */
export const failedLine = ({ error, insertId, key, outcome }: Backfill.FailedRecord): string =>
  [key, outcome, insertId, error.message].map(printable).join("\t")

/**
 * Formats a failed record as one line of JSON, without its edit, which may contain tokens.
 *
 * @internal
 */
export const failedJson = ({ error, failedAt, insertId, key, outcome, partition }: Backfill.FailedRecord): string =>
  json({ key, partition, outcome, insertId, error, failedAt: failedAt.toISOString() })
