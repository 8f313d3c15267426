import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Crypto from "node:crypto"
import * as Os from "node:os"
import type * as Backfill from "../../Backfill.js"
import { type RunError, SuprsendBackfillChanged, type SuprsendLedgerError } from "../../BackfillError.js"
import { BackfillLedger } from "../../BackfillLedger.js"
import { SuprsendInvalidInput } from "../../SuprsendError.js"
import { UsersService } from "../../UsersService.js"
import { inOrder } from "../bulk/run.js"
import { count } from "../support/format.js"
import * as spans from "../telemetry/span.js"
import { differences } from "./job.js"
import type { Definition, JobRow } from "./ledger/ledger.js"
import * as partition from "./partition.js"
import * as status from "./status.js"

/** @internal */
export interface Settings extends partition.Settings {
  readonly partitions: number
}

const defaultRetry = Schedule.exponential("1 second").pipe(
  Schedule.union(Schedule.spaced("30 seconds")),
  Schedule.jittered,
  Schedule.upTo("10 minutes")
)

/** @internal */
export const duration = (path: string, input: Duration.DurationInput, isPositive: boolean) => {
  const decoded = Duration.decodeUnknown(input)
  const isValid = Option.isSome(decoded) && Duration.lessThanOrEqualTo(decoded.value, longestDuration) &&
    !isNegative(input) && (!isPositive || Duration.toMillis(decoded.value) > 0)
  return isValid
    ? Effect.succeed(decoded.value)
    : invalid(
      path,
      `must be a duration ${isPositive ? "greater than" : "of at least"} zero and at most a day, such as "10 seconds"`
    )
}

const mostWorkers = 10_000

const longestDuration = Duration.days(1)

// Effect reads a negative duration as zero.
const isNegative = (input: Duration.DurationInput): boolean =>
  typeof input === "number"
    ? !(input >= 0)
    : typeof input === "bigint"
    ? input < 0n
    : typeof input === "string"
    ? input.startsWith("-")
    : Array.isArray(input) && input.some((part) => part < 0)

const invalid = (path: string, message: string) =>
  Effect.fail(new SuprsendInvalidInput({ call: "Backfill.run", issues: [{ path: [path], message }] }))

/** @internal */
export const settings = (options: Backfill.RunOptions): Effect.Effect<Settings, SuprsendInvalidInput> =>
  Effect.gen(function*() {
    const { concurrency, partitions = 4 } = options
    for (const [path, value] of [["partitions", partitions], ["concurrency", concurrency ?? 1]] as const) {
      if (!Number.isSafeInteger(value) || value < 1 || value > mostWorkers) {
        return yield* invalid(path, `must be a whole number from 1 to ${count(mostWorkers)}`)
      }
    }
    return {
      partitions,
      concurrency,
      checkpointInterval: yield* duration("checkpointInterval", options.checkpointInterval ?? "1 second", false),
      grace: yield* duration("grace", options.grace ?? "10 seconds", false),
      claimTimeout: yield* duration("claimTimeout", options.claimTimeout ?? "6 seconds", true),
      retry: options.retry ?? defaultRetry
    }
  })

/**
 * A name for this process, by which an operator finds it.
 *
 * @internal
 */
export const runner: string = `${Os.hostname()}:${process.pid}:${Crypto.randomUUID().slice(0, 8)}`

/** A hash of the workspace key, so that the ledger does not contain it. */
const fingerprint = (workspace: string): string =>
  Crypto.createHash("sha256").update(workspace).digest("hex").slice(0, 16)

const definitionOf = <E, R>(
  { source, version }: Backfill.Backfill<E, R>
): Effect.Effect<Definition, SuprsendInvalidInput, UsersService> =>
  Effect.gen(function*() {
    const { workspace } = yield* UsersService
    return {
      version,
      ...(yield* source.shape),
      workspace: workspace === undefined ? undefined : fingerprint(workspace)
    }
  })

const check = ({ definition, name }: JobRow, present: Definition): Effect.Effect<void, SuprsendBackfillChanged> => {
  const changes = differences(definition, present)
  return changes.length === 0 ? Effect.void : Effect.fail(new SuprsendBackfillChanged({ backfill: name, changes }))
}

/** Creates the job in the ledger, or checks that the one there has the same definition. */
const prepare = <E, R>(
  job: Backfill.Backfill<E, R>
): Effect.Effect<void, E | RunError, R | UsersService | BackfillLedger> =>
  Effect.gen(function*() {
    const { ledger } = yield* BackfillLedger
    const definition = yield* definitionOf(job)
    const found = yield* ledger.find(job.name)
    yield* check(
      Option.isSome(found) ? found.value : yield* ledger.create(job.name, definition, yield* job.source.plan),
      definition
    )
  })

/**
 * Returns whether the ledger has the job, with the same definition.
 *
 * @internal
 */
export const matches = <E, R>(
  job: Backfill.Backfill<E, R>
): Effect.Effect<
  boolean,
  SuprsendBackfillChanged | SuprsendInvalidInput | SuprsendLedgerError,
  UsersService | BackfillLedger
> =>
  Effect.gen(function*() {
    const { ledger } = yield* BackfillLedger
    const found = yield* ledger.find(job.name)
    if (Option.isNone(found)) return false
    yield* check(found.value, yield* definitionOf(job))
    return true
  })

/** @internal */
export const start = <E, R>(
  job: Backfill.Backfill<E, R>
): Effect.Effect<Backfill.Status, E | RunError, R | UsersService | BackfillLedger> =>
  Effect.zipRight(prepare(job), statusOf(job.name))

// Just prepared, it can only be missing because it was removed in between.
const statusOf = (name: string) => Effect.catchTag(status.status(name), "SuprsendBackfillNotFound", Effect.die)

/** How often a run looks for partitions that another one no longer works on. */
const lookInterval = "1 second"

/** @internal */
export const run = <E, R>(
  job: Backfill.Backfill<E, R>,
  options: Backfill.RunOptions = {}
): Effect.Effect<Backfill.Status, E | RunError, R | UsersService | BackfillLedger> =>
  Effect.gen(function*() {
    const checked = yield* settings(options)
    const { ledger } = yield* BackfillLedger
    const users = yield* UsersService
    yield* prepare(job)
    const stopped = yield* Deferred.make<void>()
    const interrupted = yield* Deferred.make<void>()
    const stop = Deferred.succeed(stopped, undefined)
    const interrupt = Effect.zipRight(Deferred.succeed(interrupted, undefined), stop)
    // Wakes the workers that found no partition, one of which may have been the last.
    const partitionEnded = yield* Effect.makeLatch(false)
    const tooLate = Effect.zipRight(Deferred.await(interrupted), Effect.sleep(partition.longestWait))
    /** Gives up an operation after an interruption. A claim granted after that is not used, and expires. */
    const inTime = <A>(operation: Effect.Effect<Option.Option<A>, SuprsendLedgerError>) =>
      Effect.raceFirst(operation, Effect.as(tooLate, Option.none<A>()))
    const claim = inTime(ledger.claimNext(job.name, { owner: runner, duration: checked.claimTimeout }))

    const work: Effect.Effect<void, E | RunError, R> = Effect.gen(function*() {
      while (!(yield* Deferred.isDone(stopped))) {
        const claimed = yield* claim
        if (Option.isSome(claimed)) {
          yield* partition.run(job, claimed.value, { ledger, users }, checked, { stopped, interrupted })
          yield* partitionEnded.release
          continue
        }
        if (yield* Deferred.isDone(interrupted)) return
        const left = yield* inTime(ledger.status(job.name))
        if (Option.isNone(left) || left.value.state !== "running" || left.value.partitions.every(({ done }) => done)) {
          return
        }
        yield* Effect.raceAll([Effect.sleep(lookInterval), Deferred.await(stopped), partitionEnded.await])
      }
    })

    const workers = Effect.forEach(
      Array.from({ length: checked.partitions }),
      // The others stop gracefully.
      () => Effect.exit(Effect.tapErrorCause(work, () => stop)),
      { concurrency: "unbounded" }
    ).pipe(Effect.flatMap((exits) => Effect.all(exits, { discard: true })))

    yield* inOrder(workers, interrupt, () => Effect.void)
    return yield* statusOf(job.name)
  }).pipe(spans.around("Backfill.run", { "suprsend.backfill.name": job.name }))
