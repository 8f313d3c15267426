import { SqlError } from "@effect/sql/SqlError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import { SuprsendLedgerError } from "../../../BackfillError.js"
import * as spans from "../../telemetry/span.js"

/** The time limit of one try of an operation. */
const longestOperation = Duration.seconds(15)

// An outage of the database of a few seconds must not end a run that may take hours. Longer ones
// end it, and it goes on where it stopped.
const whileUnavailable = Schedule.exponential("100 millis").pipe(
  Schedule.union(Schedule.spaced("2 seconds")),
  Schedule.jittered,
  Schedule.upTo("2 minutes")
)

/** @internal */
export const describe = (error: unknown): string => {
  const cause = Predicate.hasProperty(error, "cause") ? error.cause : undefined
  const own = error instanceof Error ? error.message : String(error)
  return cause instanceof Error && cause.message !== "" ? `${own}: ${cause.message}` : own
}

/**
 * The code of a database in this process that was closed.
 *
 * @internal
 */
export const closed = "closed"

// Wrong statements and constraints fail in the same way each time; so do missing rights, limits of
// the database, and one that was closed. Anything without such a code is a matter of the connection.
const mayPass = (error: SqlError): boolean => {
  const code = Predicate.hasProperty(error.cause, "code") ? String(error.cause.code) : ""
  return code !== closed && !/^(22|23|28|3D|42|54)/.test(code)
}

/**
 * Runs an operation of the ledger: each try has a time limit, and while the database is unavailable,
 * it is tried again.
 *
 * @internal
 */
export const operation = <A>(name: string, effect: Effect.Effect<A, SqlError>): Effect.Effect<
  A,
  SuprsendLedgerError
> =>
  effect.pipe(
    // Without a limit, a connection that was lost without notice would hang for hours. Waiting for a
    // connection cannot be interrupted, so it is left behind.
    Effect.disconnect,
    Effect.timeoutFail({
      duration: longestOperation,
      onTimeout: () => new SqlError({ message: `No response within ${Duration.format(longestOperation)}` })
    }),
    // A transaction dies if its commit or rollback fails, as it does when the connection was lost.
    Effect.catchSomeDefect((defect) => defect instanceof SqlError ? Option.some(Effect.fail(defect)) : Option.none()),
    Effect.tapError((error) => Effect.logDebug(`backfill: the ledger failed to ${name}: ${describe(error)}`)),
    Effect.retry({ schedule: whileUnavailable, while: mayPass }),
    Effect.mapError((error) =>
      new SuprsendLedgerError({
        operation: name,
        description: `${describe(error)}. Check the database; a run goes on where it stopped`
      })
    ),
    spans.around(`BackfillLedger.${name}`)
  )
