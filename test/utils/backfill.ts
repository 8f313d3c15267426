import * as Backfill from "effect-suprsend/Backfill"
import type { SuprsendLedgerError } from "effect-suprsend/BackfillError"
import type { BackfillLedger } from "effect-suprsend/BackfillLedger"
import type * as Sandbox from "effect-suprsend/Sandbox"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { sandboxed, type Services } from "./sandbox.js"
import { until } from "./until.js"

/** The ids of users, in their order. */
export const ids = (count: number, prefix = "user"): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, n) => `${prefix}-${String(n).padStart(6, "0")}`)

/** The rows after a cursor, one chunk of `pageSize` at a time. */
export const after = (
  rows: ReadonlyArray<string>,
  cursor: string | undefined,
  pageSize = 200
): Stream.Stream<string> =>
  Stream.rechunk(Stream.fromIterable(rows.filter((id) => cursor === undefined || id > cursor)), pageSize)

/** A backfill that adds a visit to each user, which shows how often it was applied. */
export const visits = (name: string, rows: ReadonlyArray<string>): Backfill.Backfill =>
  Backfill.make({
    name,
    rows: (cursor) => after(rows, cursor),
    key: (id) => id,
    edit: (id) => increment(edit(id), "visits", 1)
  })

/** Options that save each outcome, and end a retry after a few milliseconds. */
export const quick: Backfill.RunOptions = {
  checkpointInterval: 0,
  concurrency: 1,
  retry: Schedule.intersect(Schedule.spaced("5 millis"), Schedule.recurs(3))
}

/** Users over a sandbox of their own, whose client sends each request once. */
export const service = (): Layer.Layer<Services> => Layer.orDie(Layer.fresh(sandboxed({ retry: { attempts: 1 } })))

/** Removes the backfills of earlier tests, and of an earlier attempt of this one, on which no runner works. */
const removeAll = Effect.flatMap(
  Backfill.list,
  Effect.forEach(({ name }) =>
    Effect.ignore(Backfill.cancel(name)).pipe(
      Effect.zipRight(Effect.ignore(Backfill.remove(name)))
    ), { discard: true })
)

/** Runs a test body over a sandbox of its own, and a ledger without the backfills of other tests. */
export const overSandbox = <A, E, R>(
  body: Effect.Effect<A, E, R>
): Effect.Effect<A, E | SuprsendLedgerError, Exclude<R, Services> | BackfillLedger> =>
  Effect.zipRight(removeAll, Effect.provide(body, service()))

/** The number of records that the sandbox applied, if it applied each once. Otherwise which ones were not. */
export const appliedOnce = (sandbox: Sandbox.Sandbox.Service) =>
  Effect.map(sandbox.deliveries, (deliveries) => {
    const wrong = deliveries.filter(({ applied }) => applied.length !== 1).map(({ distinctId }) => distinctId)
    const users = new Set(deliveries.map(({ distinctId }) => distinctId))
    return wrong.length > 0 || users.size !== deliveries.length ? { deliveries: deliveries.length, wrong } : users.size
  })

/** Waits until a backfill exists and its status is as wanted. */
export const untilStatus = (name: string, holds: (status: Backfill.Status) => boolean) =>
  // Each look is a turn of the event loop, which PGlite alone would not let go on.
  Effect.flatten(until(
    Effect.optionFromOptional(
      Effect.mapError(
        Backfill.status(name),
        (error) => error._tag === "SuprsendBackfillNotFound" ? new Cause.NoSuchElementException() : error
      )
    ),
    Option.exists(holds)
  ))
