// One process of a fleet: it sends as much as its limiter allows, until it is told to end.
import * as RateLimiterRedis from "effect-suprsend/RateLimiterRedis"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"

const { FLEET_CLOCK = "0", FLEET_LIMITER = "{}", FLEET_REDIS = "", FLEET_TARGET = "" } = process.env

// A clock that is wrong: nothing may depend on it.
const now = Date.now
Date.now = () => now() + Number(FLEET_CLOCK)

const agent = new Http.Agent({ keepAlive: true, maxSockets: Infinity })

class Refused {
  constructor(readonly retryAfter: number) {}
}

const send = Effect.async<void, Refused>((resume) => {
  const request = Http.request(`${FLEET_TARGET}?${process.pid}`, { agent, method: "POST" }, (response) => {
    response.resume()
    response.on("end", () =>
      resume(
        response.statusCode === 429
          ? Effect.fail(new Refused(Number(response.headers["retry-after"] ?? 1)))
          : Effect.void
      ))
  })
  request.on("error", () => resume(Effect.void))
  request.end()
})

const main = Effect.gen(function*() {
  const limiter = yield* RateLimiterRedis.make({
    key: "{fleet}",
    limit: 1_000,
    window: "1 second",
    ...JSON.parse(FLEET_LIMITER)
  })
  const one = limiter.limit(send).pipe(Effect.catchAll(({ retryAfter }) => limiter.pause(retryAfter * 1_000)))
  const ended = yield* Deferred.make<void>()
  process.once("SIGTERM", () => Deferred.unsafeDone(ended, Effect.void))
  process.stdout.write("ready\n")
  yield* Effect.all(Array.from({ length: 100 }, () => Effect.forever(one)), { concurrency: "unbounded" }).pipe(
    Effect.raceFirst(Deferred.await(ended))
  )
}).pipe(
  Effect.scoped,
  Effect.provide(RateLimiterRedis.layerRedis({ url: Redacted.make(FLEET_REDIS) }))
)

Effect.runPromise(main).then(() => process.exit(0), (error: unknown) => {
  process.stderr.write(`${String(error)}\n`)
  process.exit(1)
})
