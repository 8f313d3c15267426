/**
 * Backfills on a cluster: a workflow engine places their partitions on its runners.
 *
 * Every runner provides the layer of the backfill. `Backfill.start` in any process starts it: the
 * runners find it in the ledger, and the engine places its partitions, at most `partitions`
 * on each runner. If a runner ends, its partitions go on elsewhere soon after the `claimTimeout`. Pausing,
 * resuming, cancelling and watching are those of `Backfill`.
 *
 * The messages of the engine contain the name of the backfill and the number of a partition, and
 * nothing else.
 *
 * This module needs the optional peer dependencies `@effect/workflow`, `@effect/rpc`, and those of
 * the ledger and of your engine. Import it by its own path, `effect-suprsend/BackfillWorkflow`,
 * because the index does not export it.
 *
 * @since 0.1.0
 */
import type * as WorkflowEngine from "@effect/workflow/WorkflowEngine"
import type * as Duration from "effect/Duration"
import type * as Layer from "effect/Layer"
import type { Backfill, RunOptions } from "./Backfill.js"
import type { BackfillLedger } from "./BackfillLedger.js"
import * as internal from "./internal/backfill/workflow.js"
import type { SuprsendInvalidInput } from "./SuprsendError.js"
import type { UsersService } from "./UsersService.js"

/**
 * Options of a runner.
 *
 * `partitions` is the number of partitions that this runner works on at once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends RunOptions {
  /**
   * How often this runner looks into the ledger for partitions to place.
   *
   * @default "1 second"
   */
  readonly lookInterval?: Duration.DurationInput | undefined
  /**
   * The shard group of the engine's cluster that runs the workflow.
   *
   * Give the workflow a group of its own if some runners of the cluster do not provide this layer.
   * Then list the group in the `assignedShardGroups` of those that do.
   *
   * @default "default"
   */
  readonly shardGroup?: string | undefined
}

/**
 * Makes this process a runner of a backfill.
 *
 * It does not start the backfill: `Backfill.start` does. When the layer closes, its partitions stop
 * gracefully within the `grace`, and save what they did.
 *
 * If a partition fails, as with wrong credentials, the error is logged and shown in the status, and
 * the partition is placed again after 30 seconds.
 *
 * @example
 * ```ts
 * import { ClusterWorkflowEngine } from "@effect/cluster"
 * import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
 * import { PgClient } from "@effect/sql-pg"
 * import { Config, Layer, Stream } from "effect"
 * import * as Backfill from "effect-suprsend/Backfill"
 * import * as BackfillLedger from "effect-suprsend/BackfillLedger"
 * import * as BackfillWorkflow from "effect-suprsend/BackfillWorkflow"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { edit, set } from "effect-suprsend/UserEdit"
 *
 * const plans = Backfill.make({
 *   name: "plans-2026",
 *   rows: () => Stream.make("user-1", "user-2"),
 *   key: (id) => id,
 *   edit: (id) => set(edit(id), "plan", "pro")
 * })
 *
 * const RunnerLive = BackfillWorkflow.layer(plans).pipe(
 *   Layer.provide(ClusterWorkflowEngine.layer),
 *   Layer.provide(NodeClusterSocket.layer()),
 *   Layer.provide(BackfillLedger.layer),
 *   Layer.provide(PgClient.layerConfig({ url: Config.redacted("DATABASE_URL") })),
 *   Layer.provide(Suprsend.layerConfig())
 * )
 *
 * NodeRuntime.runMain(Layer.launch(RunnerLive))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: <E, R>(
  backfill: Backfill<E, R>,
  options?: Options
) => Layer.Layer<
  never,
  SuprsendInvalidInput,
  R | UsersService | BackfillLedger | WorkflowEngine.WorkflowEngine
> = internal.layer
