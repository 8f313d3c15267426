// One runner of a backfill on a cluster, until it is told to end.
import * as ClusterWorkflowEngine from "@effect/cluster/ClusterWorkflowEngine"
import * as RunnerAddress from "@effect/cluster/RunnerAddress"
import * as NodeClusterSocket from "@effect/platform-node/NodeClusterSocket"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as BackfillLedger from "effect-suprsend/BackfillLedger"
import * as BackfillWorkflow from "effect-suprsend/BackfillWorkflow"
import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as Transport from "effect-suprsend/Transport"
import * as UsersService from "effect-suprsend/UsersService"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { type Job, make } from "./backfillJob.js"

const { RUNNER_JOB = "{}", RUNNER_PORT = "0", RUNNER_POSTGRES = "", RUNNER_REDIS } = process.env

const job: Job = JSON.parse(RUNNER_JOB)

const Cluster = ClusterWorkflowEngine.layer.pipe(
  Layer.provideMerge(NodeClusterSocket.layer({
    storage: "sql",
    runnerHealth: "ping",
    shardingConfig: {
      runnerAddress: Option.some(RunnerAddress.make("127.0.0.1", Number(RUNNER_PORT))),
      shardsPerGroup: 30,
      entityMessagePollInterval: "1 second",
      runnerHealthCheckInterval: "5 seconds",
      refreshAssignmentsInterval: "1 second",
      shardLockExpiration: "15 seconds",
      shardLockRefreshInterval: "5 seconds"
    }
  }))
)

const Users = RUNNER_REDIS === undefined ? Suprsend.layerConfig() : UsersService.layer.pipe(
  Layer.provide(Layer.unwrapEffect(Effect.map(SuprsendConfig.config, SuprsendClient.layerWithoutRateLimiter))),
  Layer.provide(Transport.layer),
  Layer.provide(RateLimiterRedis.layer({ key: "{backfill}", limit: 1_000, window: "1 second" })),
  Layer.provide(RateLimiterRedis.layerRedis({ url: Redacted.make(RUNNER_REDIS) }))
)

const Live = BackfillWorkflow.layer(make(job)).pipe(
  Layer.provide(Cluster),
  Layer.provide(BackfillLedger.layer),
  Layer.provide(PgClient.layer({ url: Redacted.make(RUNNER_POSTGRES), maxConnections: 8 })),
  Layer.provide(Users),
  Layer.tap(() => Effect.sync(() => process.stdout.write("ready\n"))),
  // Runners that start together on an empty database create the tables of the engine at the same time, of which
  // all but one die.
  Layer.catchAllCause((cause) => Layer.fail(cause)),
  Layer.retry(Schedule.jittered(Schedule.spaced(Duration.millis(300))))
)

NodeRuntime.runMain(
  Layer.launch(Live).pipe(Effect.provide(Logger.minimumLogLevel(LogLevel.Warning)))
)
