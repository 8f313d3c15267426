// The backfill that runners work on: an increment for each user, so that an edit that is applied twice shows.
import * as Backfill from "effect-suprsend/Backfill"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

export interface Job {
  readonly name: string
  readonly version: string
  readonly partitions: number
  readonly rows: number
  /** How long each 100 rows take to read, in milliseconds. */
  readonly delay: number
}

export const make = ({ delay, name, partitions, rows, version }: Job) =>
  Backfill.makePartitioned({
    name,
    version,
    range: Schema.Number,
    partitions: Array.from({ length: partitions }, (_, n) => n),
    total: () => Effect.succeed(rows),
    rows: (partition, after) =>
      Backfill.pages(after, {
        page: (after) =>
          Effect.sync(() => {
            const from = after === undefined ? 0 : Number(after.split("-")[2]) + 1
            return Array.from(
              { length: Math.max(0, Math.min(100, rows - from)) },
              (_, n) => `user-${partition}-${String(from + n).padStart(6, "0")}`
            )
          }).pipe(delay === 0 ? (page) => page : Effect.delay(delay)),
        cursor: (id) => id
      }),
    key: (id) => id,
    edit: (id) => increment(edit(id), "visits", 1)
  })

/** As a stream of ids, to know what must be there. */
export const idsOf = ({ partitions, rows }: Job): ReadonlyArray<string> =>
  Array.from(
    { length: partitions },
    (_, partition) => Array.from({ length: rows }, (_, n) => `user-${partition}-${String(n).padStart(6, "0")}`)
  ).flat()
