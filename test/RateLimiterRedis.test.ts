import { describe, expect, it } from "@effect/vitest"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as UsersService from "effect-suprsend/UsersService"
import * as Cause from "effect/Cause"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { Cluster } from "ioredis"
import { changes } from "./utils/metrics.js"
import { loggers, printed } from "./utils/printed.js"
import * as Redis from "./utils/redis.js"
import { until } from "./utils/until.js"

const there = await Redis.isThere("a limiter over Redis")
const canServe = Redis.canServe("a limiter over a Redis of its own")

const password = "s3cret-passw0rd"

/** A port at which nothing listens. */
const nowhere = RateLimiterRedis.layerRedis({ url: Redacted.make(`redis://:${password}@127.0.0.1:1/0`) })

const options = (more: Partial<RateLimiterRedis.Options> = {}): RateLimiterRedis.Options => ({
  key: `{test}:${Math.random()}`,
  limit: 5,
  window: "1 second",
  ...more
})

/** A client of the shared Redis, and limiters with a key that is removed in the end. */
const shared = (more: Partial<RateLimiterRedis.Options> = {}) =>
  Effect.gen(function*() {
    const redis = yield* Redis.client(Redis.url)
    const given = options(more)
    yield* Effect.addFinalizer(() => Effect.promise(() => redis.del(given.key)))
    const made = RateLimiterRedis.make(given).pipe(Effect.provideService(RateLimiterRedis.Redis, redis))
    return { redis, made, key: given.key }
  })

describe("options", () => {
  for (
    const [field, given] of [
      ["limit", { limit: 0 }],
      ["window", { window: 0 }],
      ["burst", { burst: 0.5 }],
      ["key", { key: " " }],
      ["lease", { lease: 0 }],
      ["deadAfter", { deadAfter: "9 seconds" }],
      ["deadAfter", { deadAfter: Infinity }]
    ] as const
  ) {
    it.scoped(`names ${field}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(RateLimiterRedis.make(options(given)))
        expect(String(error)).toContain(`rateLimit.${field} must be`)
      }).pipe(Effect.provide(nowhere)))
  }

  it.effect("a URL that is none is not printed", () =>
    Effect.gen(function*() {
      const urls = [
        `http://:${password}@127.0.0.1`,
        password,
        "",
        // With these, ioredis would throw, or end the process.
        `redis://:${password}@127.0.0.1:1/abc`,
        `redis://:${password}%@127.0.0.1:1`,
        `redis://:${password}@127.0.0.1:port`,
        // With these, it would connect to another host.
        `redis://user:1234#${password}@127.0.0.1`,
        `redis://user:1234?${password}@127.0.0.1`,
        "redis:///tmp/redis.sock"
      ]
      for (const url of urls) {
        const error = yield* Layer.build(RateLimiterRedis.layerRedis({ url: Redacted.make(url) })).pipe(
          Effect.scoped,
          Effect.flip
        )
        expect(String(error)).toContain("redis.url must be a URL")
        expect((yield* printed(error)).join("\n")).not.toContain(password)
      }
    }))

  it.effect("the URL is read from REDIS_URL", () =>
    Effect.gen(function*() {
      const build = (entries: ReadonlyArray<readonly [string, string]>) =>
        Layer.build(RateLimiterRedis.layerRedisConfig()).pipe(
          Effect.scoped,
          Effect.withConfigProvider(ConfigProvider.fromMap(new Map(entries)))
        )
      expect(String(yield* Effect.flip(build([])))).toContain("REDIS_URL")
      yield* build([["REDIS_URL", "redis://127.0.0.1:1"]])
    }))
})

describe("without Redis", () => {
  it.scopedLive("\"share\" and \"wait\" start nothing if there never was one", () =>
    Effect.gen(function*() {
      for (const whenUnavailable of ["share", "wait"] as const) {
        const limiter = yield* RateLimiterRedis.make(options({ whenUnavailable }))
        expect(yield* Effect.timeoutOption(limiter.limit(Effect.succeed("sent")), "2500 millis")).toEqual(Option.none())
      }
    }).pipe(Effect.provide(nowhere)))

  it.scopedLive("\"fail\" fails with a defect, those that wait too", () =>
    Effect.gen(function*() {
      const given = options({ whenUnavailable: "fail" })
      const limiter = yield* RateLimiterRedis.make(given)
      for (let turn = 0; turn < 2; turn++) {
        const exit = yield* Effect.exit(limiter.limit(Effect.succeed("sent")))
        expect(exit).toEqual(Exit.die(new RateLimiterRedis.RateLimiterUnavailable({ key: given.key })))
      }
      expect(yield* limiter.limitCost(Effect.succeed("sent"), 2).pipe(Effect.sandbox, Effect.flip)).toSatisfy(
        Cause.isDie
      )
    }).pipe(Effect.provide(nowhere)))

  it.scopedLive("a call of the SDK fails as if no slot was free in time", () =>
    Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const error = yield* Effect.flip(users.get("ada"))
      expect(error).toMatchObject({ _tag: "SuprsendUnavailable", attempts: 0, applied: "no" })
    }).pipe(
      Effect.provide(
        UsersService.layer.pipe(
          Layer.provide(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
          Layer.provide(RateLimiterRedis.layer(options({ whenUnavailable: "fail" }))),
          Layer.provide(nowhere),
          Layer.provide(Sandbox.layer)
        )
      )
    ))

  for (const whenUnavailable of ["fail", "wait", "share"] as const) {
    it.scopedLive(`a call of the SDK with "${whenUnavailable}" says that the limiter is the cause`, () =>
      Effect.gen(function*() {
        const users = yield* UsersService.UsersService
        const get = withRequestOptions(users.get("ada"), { retry: { elapsed: "5 seconds" } })
        expect((yield* Effect.flip(get)).message).toContain("the rate limiter is unavailable")
      }).pipe(
        Effect.provide(
          UsersService.layer.pipe(
            Layer.provide(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
            Layer.provide(RateLimiterRedis.layer(options({ whenUnavailable }))),
            Layer.provide(nowhere),
            Layer.provide(Sandbox.layer)
          )
        )
      ))
  }

  it.scopedLive("says once that it is unavailable, where and why, without the password", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      yield* Effect.gen(function*() {
        const limiter = yield* RateLimiterRedis.make(options())
        yield* Effect.timeoutOption(limiter.limit(Effect.void), "4 seconds")
      }).pipe(Effect.scoped, Effect.provide(Layer.merge(nowhere, loggers(lines))))
      const about = lines.filter((line) => line.includes("Redis is unavailable"))
      // One line of each of four loggers.
      expect(about).toHaveLength(4)
      expect(about[0]).toContain(
        "Redis is unavailable at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1); attempts wait until it is available"
      )
      expect(lines.join("\n")).not.toContain(password)
    }))

  it.scopedLive("a limiter that is closed interrupts what waits", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.flatMap(
        RateLimiterRedis.make(options()),
        (limiter) => Effect.tap(Effect.fork(limiter.limit(Effect.void)), Effect.sleep(50))
      ).pipe(Effect.scoped, Effect.provide(nowhere), Effect.flatMap(Fiber.await))
      expect(Exit.isInterrupted(fiber)).toBe(true)
    }))
})

describe.skipIf(!there)("with Redis", () => {
  it.scopedLive("gives back what the attempt gives, and keeps the limit of all limiters together", () =>
    Effect.gen(function*() {
      const { key, made, redis } = yield* shared({ limit: 20, burst: 20 })
      const [one, other] = yield* Effect.all([made, made])
      const starts: Array<number> = []
      const note = Effect.sync(() => void starts.push(performance.now()))
      expect(yield* one.limit(Effect.succeed(1))).toBe(1)
      expect(yield* Effect.flip(one.limit(Effect.fail("no")))).toBe("no")
      yield* Effect.all(
        Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? one : other).limit(note)),
        { concurrency: "unbounded" }
      )
      const worst = Math.max(...starts.map((first) => starts.filter((at) => at >= first && at < first + 999).length))
      expect(worst).toBeLessThanOrEqual(20)
      expect(yield* Effect.promise(() => redis.pttl(key))).toBeGreaterThan(0)
    }))

  it.scopedLive("updates the metrics of a limiter", () =>
    Effect.gen(function*() {
      const { made } = yield* shared()
      const [, changed] = yield* changes(
        Effect.flatMap(made, (limiter) => limiter.limit(Effect.void)),
        /limiter/
      )
      expect(changed).toMatchObject({ "suprsend.client.limiter.wait": { count: 1 } })
      expect(Object.keys(changed)).toEqual(["suprsend.client.limiter.wait"])
    }))

  it.scopedLive("a cost above the limit fails, and one above the share is served", () =>
    Effect.gen(function*() {
      const { made } = yield* shared({ limit: 6, window: "300 millis", burst: 6 })
      const [one, other] = yield* Effect.all([made, made])
      expect(yield* Effect.flip(one.limitCost(Effect.void, 7))).toBeInstanceOf(RateLimiter.RateLimitCostExceeded)
      const busy = yield* Effect.fork(Effect.forever(other.limit(Effect.void)))
      expect(yield* one.limitCost(Effect.succeed("whole"), 6)).toBe("whole")
      yield* Fiber.interrupt(busy)
    }))

  it.scopedLive("a pause of one is a pause of all", () =>
    Effect.gen(function*() {
      const { made } = yield* shared({ limit: 50 })
      const [one, other] = yield* Effect.all([made, made])
      yield* Effect.all([one.limit(Effect.void), other.limit(Effect.void)])
      yield* one.pause("700 millis")
      const from = performance.now()
      yield* Effect.sleep(100)
      yield* other.limit(Effect.void)
      expect(performance.now() - from).toBeGreaterThanOrEqual(690)
    }))

  it.scopedLive("a limiter that is closed returns its slots", () =>
    Effect.gen(function*() {
      const { key, made, redis } = yield* shared({ limit: 10, burst: 10 })
      yield* Effect.scoped(Effect.flatMap(made, (limiter) =>
        Effect.all(
          Array.from({ length: 10 }, () => limiter.limit(Effect.void)),
          { concurrency: "unbounded" }
        )))
      const fields = yield* Effect.promise(() => redis.hgetall(key))
      const left = Object.entries(fields).filter(([name]) => name !== "state").map(([, value]) => value.split(" "))
      // Held for at most the window that they cool: "-1" has left.
      expect(left.map(([leased, , , since]) => [leased, since])).toEqual([["10", "-1"]])
      const limiter = yield* made
      yield* limiter.limit(Effect.void)
    }))

  it.scopedLive("a limiter that is closed before its first reply returns the slots of that reply", () =>
    Effect.gen(function*() {
      const { key, made, redis } = yield* shared({ limit: 10, burst: 10 })
      yield* Effect.scoped(Effect.flatMap(made, (limiter) => limiter.limit(Effect.void)))
      yield* Effect.scoped(Effect.gen(function*() {
        const limiter = yield* made
        yield* Effect.fork(limiter.limit(Effect.void))
        yield* Effect.yieldNow()
      }))
      const fields = yield* Effect.promise(() => redis.hgetall(key))
      const leased = Object.entries(fields).flatMap(([name, value]) => name === "state" ? [] : [value.split(" ")[0]])
      // The slot of the first one cools.
      expect(leased).toEqual(["1"])
    }))

  for (const later of [false, true]) {
    const when = later ? "after it worked" : "from the beginning"
    it.scopedLive(`"fail" ends once Redis is available again, if it was not ${when}`, () =>
      Effect.gen(function*() {
        const { key, made, redis } = yield* shared({ whenUnavailable: "fail" })
        const limiter = yield* made
        const attempt = Effect.exit(limiter.limit(Effect.succeed("sent")))
        if (later) yield* attempt
        // Redis refuses the key.
        yield* Effect.promise(() => redis.set(key, "a text"))
        yield* until(attempt, Exit.isFailure)
        yield* Effect.promise(() => redis.del(key))
        yield* until(attempt, Exit.isSuccess)
      }))
  }

  it.scopedLive("a database that there is none of is not replaced by another", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const url = new URL(Redis.url)
      url.pathname = "/99999"
      yield* Effect.gen(function*() {
        const limiter = yield* RateLimiterRedis.make(options({ whenUnavailable: "fail" }))
        expect(Exit.isFailure(yield* Effect.exit(limiter.limit(Effect.void)))).toBe(true)
      }).pipe(
        Effect.scoped,
        Effect.provide(RateLimiterRedis.layerRedis({ url: Redacted.make(url.href) })),
        Effect.provide(loggers(lines))
      )
      expect(lines.join("\n")).toContain("ERR DB index is out of range")
    }))

  it.scopedLive("a client that was given stays open", () =>
    Effect.gen(function*() {
      const { made, redis } = yield* shared()
      yield* Effect.scoped(Effect.flatMap(made, (limiter) => limiter.limit(Effect.void)))
      expect(yield* Effect.promise(() => redis.ping())).toBe("PONG")
    }))
})

describe.skipIf(!canServe)("with a Redis of its own", () => {
  it.scopedLive("works with a cluster", () =>
    Effect.gen(function*() {
      const server = yield* Redis.server("--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1")
      const admin = yield* Redis.client(server.url)
      yield* Effect.promise(() => admin.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383"))
      yield* Effect.sleep(500)
      const cluster = yield* Effect.acquireRelease(
        Effect.sync(() => new Cluster([{ host: "127.0.0.1", port: server.port }])),
        (cluster) => Effect.sync(() => cluster.disconnect())
      )
      const limiter = yield* RateLimiterRedis.make(options()).pipe(
        Effect.provideService(RateLimiterRedis.Redis, cluster)
      )
      expect(yield* limiter.limit(Effect.succeed("sent"))).toBe("sent")
    }))

  it.scopedLive("that ends, \"share\" goes on, and blames the limit where its slots are used up", () =>
    Effect.gen(function*() {
      const server = yield* Redis.server()
      const lines: Array<string> = []
      yield* Effect.gen(function*() {
        const users = yield* UsersService.UsersService
        yield* users.list()
        yield* server.end
        yield* until(Effect.sync(() => lines.join("\n")), (text) => text.includes("Redis is unavailable"))
        expect(lines.join("\n")).toContain("attempts go on with the slots of this process")
        const list = withRequestOptions(users.list(), { retry: { elapsed: "300 millis" } })
        expect((yield* Effect.flip(list)).message).toContain("no slot of the rate limit was free within 300ms")
      }).pipe(
        Effect.provide(
          UsersService.layer.pipe(
            Layer.provide(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
            Layer.provide(RateLimiterRedis.layer(options({ limit: 1, window: "1 minute", deadAfter: "5 minutes" }))),
            Layer.provide(RateLimiterRedis.layerRedis({ url: Redacted.make(server.url) })),
            Layer.provide(Sandbox.layer)
          )
        ),
        Effect.provide(loggers(lines))
      )
    }))

  it.scopedLive("a wrong password is not printed", () =>
    Effect.gen(function*() {
      const server = yield* Redis.server("--requirepass", "another")
      const lines: Array<string> = []
      yield* Effect.gen(function*() {
        const limiter = yield* RateLimiterRedis.make(options({ whenUnavailable: "fail" }))
        const cause = yield* limiter.limit(Effect.void).pipe(Effect.sandbox, Effect.flip)
        expect((yield* printed(cause)).join("\n")).not.toContain(password)
      }).pipe(
        Effect.scoped,
        Effect.provide(RateLimiterRedis.layerRedis({
          url: Redacted.make(`redis://:${password}@127.0.0.1:${server.port}`)
        })),
        Effect.provide(loggers(lines))
      )
      expect(lines.join("\n")).toContain("Redis is unavailable")
      expect(lines.join("\n")).not.toContain(password)
    }))
})
