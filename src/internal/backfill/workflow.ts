import * as ClusterSchema from "@effect/cluster/ClusterSchema"
import * as Workflow from "@effect/workflow/Workflow"
import type * as WorkflowEngine from "@effect/workflow/WorkflowEngine"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Crypto from "node:crypto"
import type * as Backfill from "../../Backfill.js"
import type { SuprsendBackfillChanged } from "../../BackfillError.js"
import { BackfillLedger } from "../../BackfillLedger.js"
import type * as BackfillWorkflow from "../../BackfillWorkflow.js"
import type { SuprsendInvalidInput } from "../../SuprsendError.js"
import { UsersService } from "../../UsersService.js"
import { inOrder } from "../bulk/run.js"
import { problemOf } from "./ending.js"
import * as partition from "./partition.js"
import * as runs from "./run.js"

/** How long a placed partition may stay unclaimed before it is placed again, by another message. */
const placeAgain = Duration.seconds(3)

/** How long a failed partition waits. */
const afterFailure = Duration.seconds(30)

// A result of the workflow only ends its execution: what is left to do is in the ledger.
const workflowOf = (name: string, shardGroup: string) =>
  Workflow.make({
    // The engine has room for 150 characters.
    name: `SuprsendBackfill/${Crypto.createHash("sha256").update(name).digest("hex").slice(0, 16)}`,
    payload: { job: Schema.String, partition: Schema.Number, placement: Schema.Number },
    success: Schema.Literal("done", "stopped", "lost", "busy", "failed"),
    idempotencyKey: ({ job, partition, placement }) => `${job}/${partition}/${placement}`
  }).annotate(ClusterSchema.ShardGroup, () => shardGroup)

/** @internal */
export const layer = <E, R>(
  job: Backfill.Backfill<E, R>,
  options: BackfillWorkflow.Options = {}
): Layer.Layer<
  never,
  SuprsendInvalidInput,
  R | UsersService | BackfillLedger | WorkflowEngine.WorkflowEngine
> =>
  Layer.scopedDiscard(Effect.gen(function*() {
    const settings = yield* runs.settings(options)
    const lookInterval = yield* runs.duration("lookInterval", options.lookInterval ?? "1 second", true)
    const { ledger } = yield* BackfillLedger
    const users = yield* UsersService
    const context = yield* Effect.context<R | UsersService | BackfillLedger>()
    const workflow = workflowOf(job.name, options.shardGroup ?? "default")
    const permits = yield* Effect.makeSemaphore(settings.partitions)
    let active = 0
    let isStopping = false
    const stop = yield* Deferred.make<void>()

    const postpone = (index: number, delay: Duration.Duration, problem?: string) =>
      Effect.ignoreLogged(ledger.postpone(job.name, index, delay, problem))

    // A runner of an older or newer build must not work on it.
    let warning = ""
    const warnOnce = ({ message }: SuprsendBackfillChanged) =>
      Effect.suspend(() => {
        if (warning === message) return Effect.void
        warning = message
        return Effect.logWarning(`backfill: this runner does not work on it: ${message}`)
      })
    const isOurs = runs.matches(job).pipe(
      Effect.provide(context),
      Effect.catchTag("SuprsendBackfillChanged", (changed) => Effect.as(warnOnce(changed), false))
    )

    const tooLate = Deferred.await(stop).pipe(
      Effect.zipRight(Effect.sleep(partition.longestWait)),
      Effect.zipRight(Effect.succeedNone)
    )

    const work = (index: number) =>
      Effect.gen(function*() {
        const claim = Effect.flatMap(isOurs, (isOurs) =>
          isOurs
            ? ledger.claim(job.name, index, { owner: runs.runner, duration: settings.claimTimeout })
            : Effect.succeedNone)
        const claimed = yield* Effect.raceFirst(claim, tooLate)
        // It is done, another runner works on it, or this one ends.
        if (Option.isNone(claimed)) return "busy" as const
        const stopped = yield* Deferred.make<void>()
        const interrupted = yield* Deferred.make<void>()
        const interrupt = Effect.zipRight(
          Deferred.succeed(interrupted, undefined),
          Deferred.succeed(stopped, undefined)
        )
        yield* Effect.forkScoped(Effect.zipRight(Deferred.await(stop), interrupt))
        const running = partition.run(job, claimed.value, { ledger, users }, settings, { stopped, interrupted })
        // The engine interrupts an execution when it moves its shard to another runner.
        return yield* inOrder(running, interrupt, () => Effect.void)
      }).pipe(
        Effect.scoped,
        Effect.provide(context),
        Effect.catchAllCause((cause) =>
          Cause.isInterruptedOnly(cause)
            ? Effect.interrupt
            : Effect.logError(`backfill: partition ${index} of ${job.name} failed, and is tried again`, cause).pipe(
              Effect.zipRight(postpone(index, afterFailure, problemOf(cause))),
              Effect.as("failed" as const)
            )
        )
      )

    // There is no waiting for a permit, because a message that waits would keep its partition from
    // runners that have one.
    const perform = (index: number) =>
      Effect.suspend(() => {
        if (isStopping || active >= settings.partitions) {
          return Effect.as(postpone(index, Duration.zero), "busy" as const)
        }
        active++
        return permits.withPermits(1)(work(index)).pipe(
          Effect.ensuring(Effect.sync(() => {
            active--
          }))
        )
      })

    yield* Layer.build(workflow.toLayer(({ partition }) => perform(partition)))

    const place = Effect.gen(function*() {
      const room = settings.partitions - active
      if (isStopping || room <= 0) return
      for (const { partition, placement } of yield* ledger.place(job.name, room, placeAgain)) {
        yield* workflow.execute({ job: job.name, partition, placement }, { discard: true })
      }
    })

    yield* isOurs.pipe(
      Effect.flatMap((isOurs) => isOurs ? place : Effect.void),
      Effect.catchAllCause((cause) => Effect.logWarning(`backfill: ${job.name} cannot be placed now`, cause)),
      Effect.repeat(Schedule.spaced(lookInterval)),
      Effect.interruptible,
      Effect.forkScoped
    )

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        isStopping = true
        // All permits are free when no partition is active.
        return Effect.zipRight(
          Deferred.succeed(stop, undefined),
          permits.withPermits(settings.partitions)(Effect.void)
        )
      })
    )
  }))
