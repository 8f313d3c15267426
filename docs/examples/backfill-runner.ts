// A runner: run it on as many machines as you like. It waits for backfills that are started.
import { ClusterWorkflowEngine, RunnerAddress } from "@effect/cluster"
import { NodeClusterSocket, NodeRuntime } from "@effect/platform-node"
import { Config, Effect, Layer, Option } from "effect"
import * as BackfillLedger from "effect-suprsend/BackfillLedger"
import * as BackfillWorkflow from "effect-suprsend/BackfillWorkflow"
import * as Suprsend from "effect-suprsend/Suprsend"
import { PgLive, plans } from "./backfill-plans.js"

// The address at which other runners reach this one.
const address = Config.all({
  host: Config.withDefault(Config.string("RUNNER_HOST"), "127.0.0.1"),
  port: Config.withDefault(Config.integer("RUNNER_PORT"), 34431)
})

const ClusterLive = Layer.unwrapEffect(Effect.map(address, ({ host, port }) =>
  NodeClusterSocket.layer({
    storage: "sql",
    runnerHealth: "ping",
    shardingConfig: {
      runnerAddress: Option.some(RunnerAddress.make(host, port)),
      availableShardGroups: ["default", "backfills"],
      assignedShardGroups: ["default", "backfills"],
      entityMessagePollInterval: "1 second",
      refreshAssignmentsInterval: "1 second",
      runnerHealthCheckInterval: "5 seconds",
      shardLockExpiration: "15 seconds",
      shardLockRefreshInterval: "5 seconds"
    }
  })))

const RunnerLive = BackfillWorkflow.layer(plans, { shardGroup: "backfills" }).pipe(
  Layer.provide(ClusterWorkflowEngine.layer),
  Layer.provide(ClusterLive),
  Layer.provide(BackfillLedger.layer),
  Layer.provide(Suprsend.layerConfig()),
  Layer.provide(PgLive)
)

NodeRuntime.runMain(Layer.launch(RunnerLive))
