// What happens to the runners of a backfill and to their database, for `npm run chaos` and for the tests.
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { type Fleet, type Options, start } from "./backfill.js"
import type { Job } from "./backfillJob.js"

export interface Scenario {
  readonly options?: Partial<Options>
  /** What happens, until the backfill is completed. */
  readonly play?: (fleet: Fleet) => Effect.Effect<void, unknown, Scope.Scope>
  /** The longest time without a checkpoint, in seconds. */
  readonly longestGap?: number
  /** Whether no record may be sent a second time. */
  readonly sendsOnce?: boolean
}

const each = (fleet: Fleet, act: (n: number) => Effect.Effect<unknown, never, Scope.Scope>) =>
  Effect.forEach(fleet.processes, (_, n) => act(n), { discard: true })

export const scenarios: Record<string, Scenario> = {
  "three first starts on an empty database": { sendsOnce: true },
  "`kill -9` of a random runner every 5 s": {
    longestGap: 15,
    play: (fleet) =>
      Effect.forever(
        Effect.gen(function*() {
          yield* Effect.sleep("5 seconds")
          const n = yield* Random.nextIntBetween(0, fleet.processes.length)
          yield* fleet.signal(n, "SIGKILL")
          yield* fleet.replace(n)
        })
      )
  },
  "SIGTERM to one runner after the other": {
    longestGap: 20,
    sendsOnce: true,
    play: (fleet) =>
      each(fleet, (n) =>
        fleet.signal(n, "SIGTERM").pipe(
          Effect.zipRight(fleet.replace(n)),
          Effect.zipRight(Effect.sleep("3 seconds"))
        ))
  },
  "PostgreSQL stopped hard for 10 s": {
    longestGap: 30,
    play: ({ database }) =>
      Effect.zipRight(database.stopHard, Effect.zipRight(Effect.sleep("10 seconds"), database.begin))
  },
  "failover to an asynchronous standby": {
    longestGap: 30,
    play: ({ database, standby, way }) =>
      database.stopHard.pipe(
        Effect.zipRight(standby.promote),
        Effect.zipRight(way.lead(standby.port))
      )
  },
  "a runner that stands still for 25 s (SIGSTOP)": {
    longestGap: 15,
    play: (fleet) =>
      fleet.signal(0, "SIGSTOP").pipe(
        Effect.zipRight(Effect.sleep("25 seconds")),
        Effect.zipRight(fleet.signal(0, "SIGCONT"))
      )
  },
  "a runner of an older build": { options: { versions: ["1", "1", "0"] } },
  "Redis cut for 10 s, which holds the rate limit": {
    options: { redis: true },
    play: ({ redis }) => Effect.zipRight(redis.cut, Effect.zipRight(Effect.sleep("10 seconds"), redis.join))
  }
}

export const run = (name: string, scenario: Scenario, seed: string, job: Job, runners = 3) =>
  Effect.gen(function*() {
    const fleet = yield* start({ runners, job, ...scenario.options })
    const from = performance.now()
    const begun = fleet.status.pipe(
      Effect.filterOrFail(({ records }) => records > 0, () => "not yet"),
      Effect.retry(Schedule.spaced("100 millis"))
    )
    yield* Effect.forkScoped(Effect.interruptible(Effect.zipRight(begun, scenario.play?.(fleet) ?? Effect.void)))
    const status = yield* fleet.completed
    const seconds = (performance.now() - from) / 1_000
    const total = job.partitions * job.rows
    const gap = yield* fleet.gaps
    const repeated = yield* fleet.repeated
    const wrong = yield* fleet.wrong
    const problems = [
      ...(wrong.length > 0 ? [`${wrong.length} users are wrong, such as ${wrong[0]}`] : []),
      ...(status.accepted !== total ? [`the ledger counts ${status.accepted} accepted records`] : []),
      ...(gap > (scenario.longestGap ?? 15) ? [`${gap.toFixed(1)} s without a checkpoint`] : []),
      ...(scenario.sendsOnce === true && repeated > 0 ? [`${repeated} records were sent twice`] : [])
    ]
    const row = [
      `**${name}**`,
      wrong.length === 0 ? "all" : `${total - wrong.length} of ${total}`,
      `${gap.toFixed(1)} s`,
      `${(100 * repeated / total).toFixed(1)} %`,
      `${seconds.toFixed(0)} s`
    ]
    yield* Console.log(`${row.join(" | ")}${problems.length > 0 ? `   FAILED: ${problems.join(", ")}` : ""}`)
    return { row, problems }
  }).pipe(Effect.scoped, Effect.withRandom(Random.make(`${seed} ${name}`)))
