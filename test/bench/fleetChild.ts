// One process of a fleet: `node fleetChild.js '<job>'` edits its users, one request each, and prints the CPU that it took.
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as Transport from "effect-suprsend/Transport"
import * as UsersService from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import type { FleetJob } from "./contenders/fleet.js"
import { editOf, optionsOf } from "./contenders/ours.js"

const { callers, from, key, limit, redis, to, url }: FleetJob = JSON.parse(process.argv[2] ?? "")

const options = { limit, window: "1 second" } as const

const limiter = redis === undefined
  ? RateLimiter.layerMemory(options)
  : Layer.provide(
    RateLimiterRedis.layer({ key, ...options }),
    RateLimiterRedis.layerRedis({ url: Redacted.make(redis) })
  )

const live = UsersService.layer.pipe(
  Layer.provide(SuprsendClient.layerWithoutRateLimiter(optionsOf(url, { retry: { elapsed: "5 minutes" } }))),
  Layer.provide(limiter),
  Layer.provide(Transport.layer)
)

const run = Effect.gen(function*() {
  const users = yield* UsersService.UsersService
  const before = process.cpuUsage()
  yield* Effect.forEach(
    Array.from({ length: to - from }, (_, n) => from + n),
    (i) => users.asyncEdit(editOf(i)),
    { concurrency: callers, discard: true }
  )
  const { system, user } = process.cpuUsage(before)
  console.log(JSON.stringify({ cpuMicros: user + system }))
})

// What is printed is the result.
Effect.runPromise(Effect.provide(run, Layer.merge(live, Logger.remove(Logger.defaultLogger)))).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  }
)
