import { describe, expect, it } from "@effect/vitest"
import type * as Bulk from "effect-suprsend/Bulk"
import { PreferencesService } from "effect-suprsend/PreferencesService"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as Telemetry from "effect-suprsend/Telemetry"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as MetricBoundaries from "effect/MetricBoundaries"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { changes } from "./utils/metrics.js"
import { answer, broken, never, scripted } from "./utils/scripted.js"
import { inAnHour } from "./utils/time.js"

const users = UsersService.UsersService

const ada = UserEdit.set(UserEdit.edit("user-1017@example.com"), "plan", "pro")

const user = answer(200, "{\"distinct_id\":\"user-1017@example.com\"}")

const get = Effect.flatMap(users, (users) => users.get("user-1017@example.com"))

const target = "server.address=sandbox.localhost,server.port=80"

describe("metrics of attempts and calls", () => {
  it.effect("count each attempt with its status or error, and the call once", () => {
    const { layer } = scripted([answer(503), broken("ECONNRESET"), never, user])
    return Effect.gen(function*() {
      const [, changed] = yield* changes(inAnHour(get))
      const request = `http.request.method=GET,url.template=/v1/user/{distinct_id}/,${target}`
      expect(changed).toEqual({
        [`http.client.request.duration{${request},http.response.status_code=503,error.type=503}`]: { count: 1, sum: 0 },
        [`http.client.request.duration{${request},error.type=ECONNRESET}`]: { count: 1, sum: 0 },
        [`http.client.request.duration{${request},error.type=timeout}`]: { count: 1, sum: 30 },
        [`http.client.request.duration{${request},http.response.status_code=200}`]: { count: 1, sum: 0 },
        "suprsend.client.retries{reason=503}": 1,
        "suprsend.client.retries{reason=ECONNRESET}": 1,
        "suprsend.client.retries{reason=timeout}": 1,
        "suprsend.client.calls{call=UsersService.get,outcome=success}": 1,
        "suprsend.client.call.duration{call=UsersService.get,outcome=success}": {
          count: 1,
          sum: expect.toSatisfy((seconds: number) => seconds > 30 && seconds < 100)
        }
      })
    }).pipe(Effect.provide(layer))
  })

  it.effect("count the bytes of each body", () => {
    const { layer, sent } = scripted([answer(503), answer(202, "OK")])
    return Effect.gen(function*() {
      const [, changed] = yield* changes(inAnHour(Effect.flatMap(users, (users) => users.asyncEdit(ada))))
      const sizes = Object.entries(changed).flatMap(([key, value]) => key.includes("body.size") ? [value] : [])
      const bytes = Buffer.byteLength(sent[0]?.body ?? "")
      expect(sizes).toEqual([{ count: 1, sum: bytes }, { count: 1, sum: bytes }])
    }).pipe(Effect.provide(layer))
  })

  it.effect("name the outcome of a call as its error is tagged", () =>
    Effect.gen(function*() {
      const service = yield* users
      const [, changed] = yield* changes(Effect.gen(function*() {
        yield* Effect.exit(service.get("nobody"))
        yield* Effect.exit(service.get(""))
        yield* Effect.exit(service.asyncEdit(UserEdit.edit("ada").pipe(UserEdit.set("", 1))))
        yield* Effect.exit(service.bulkDelete(["nobody"]))
        const preferences = yield* PreferencesService
        yield* Effect.exit(preferences.get("nobody"))
        yield* Effect.exit(preferences.bulkReset(["ada"], { tenantId: "" }))
      }))
      const calls = Object.entries(changed).filter(([key]) => key.startsWith("suprsend.client.calls"))
      expect(Object.fromEntries(calls)).toEqual({
        "suprsend.client.calls{call=UsersService.get,outcome=SuprsendUserNotFound}": 1,
        "suprsend.client.calls{call=UsersService.get,outcome=InvalidDistinctId}": 1,
        "suprsend.client.calls{call=UsersService.asyncEdit,outcome=InvalidUserEdit}": 1,
        "suprsend.client.calls{call=UsersService.bulkDelete,outcome=success}": 1,
        "suprsend.client.calls{call=PreferencesService.get,outcome=SuprsendUserNotFound}": 1,
        "suprsend.client.calls{call=PreferencesService.bulkReset,outcome=SuprsendInvalidInput}": 1
      })
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("do not count an interruption as an error", () => {
    const { layer } = scripted([never])
    return Effect.gen(function*() {
      const [, changed] = yield* changes(Effect.gen(function*() {
        const fiber = yield* Effect.fork(get)
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
      }))
      expect(changed).toEqual({
        "suprsend.client.calls{call=UsersService.get,outcome=interrupted}": 1,
        "suprsend.client.call.duration{call=UsersService.get,outcome=interrupted}": { count: 1, sum: 1 }
      })
    }).pipe(Effect.provide(layer))
  })

  it.effect("name a defect, and count a closed client as an interruption", () => {
    const { layer } = scripted([() => Effect.die("a defect"), never])
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer, scope)
      const [, changed] = yield* changes(
        Effect.gen(function*() {
          yield* Effect.exit(get)
          const fiber = yield* Effect.fork(get)
          yield* TestClock.adjust("1 second")
          yield* Scope.close(scope, Exit.void)
          yield* Fiber.await(fiber)
        }).pipe(Effect.provide(context))
      )
      expect(Object.keys(changed).filter((key) => key.startsWith("suprsend.client.calls")).sort()).toEqual([
        "suprsend.client.calls{call=UsersService.get,outcome=defect}",
        "suprsend.client.calls{call=UsersService.get,outcome=interrupted}"
      ])
    })
  })

  it.effect("have the tags of `Effect.tagMetrics` around a call", () => {
    const { layer } = scripted([user])
    return Effect.gen(function*() {
      const [, changed] = yield* changes(Effect.tagMetrics(get, "team", "growth"))
      expect(Object.keys(changed)).toHaveLength(3)
      for (const key of Object.keys(changed)) expect(key).toContain("{team=growth,")
    }).pipe(Effect.provide(layer))
  })

  it.effect("count a request that is made with the client itself as a call", () => {
    const { layer } = scripted([answer(200)])
    return Effect.gen(function*() {
      const client = yield* SuprsendClient.SuprsendClient
      const [, changed] = yield* changes(
        client.execute({ call: "objects.list", method: "GET", template: "/v1/object/" })
      )
      expect(changed).toMatchObject({ "suprsend.client.calls{call=objects.list,outcome=success}": 1 })
    }).pipe(Effect.provide(layer))
  })
})

describe("metrics of the limiter", () => {
  const limited = (limit: number) => {
    const { layer } = scripted([answer(202, "OK")], { rateLimit: { limit, window: "1 second", burst: limit } })
    return layer
  }
  const send = Effect.flatMap(users, (users) => users.asyncEdit(ada))

  it.effect("count who waits, what is in flight, and for how long each waited", () =>
    Effect.gen(function*() {
      const [, started] = yield* changes(
        Effect.zipRight(
          Effect.fork(Effect.forEach(Arr.range(1, 7), () => send, { concurrency: "unbounded" })),
          TestClock.adjust("0 millis")
        ),
        /limiter/
      )
      expect(started).toEqual({
        "suprsend.client.limiter.wait": { count: 3, sum: 0 },
        "suprsend.client.limiter.queue": 4
      })
      const [, later] = yield* changes(TestClock.adjust("1 minute"), /limiter/)
      expect(later).toMatchObject({
        "suprsend.client.limiter.queue": -4,
        "suprsend.client.limiter.wait": { count: 4, sum: expect.toSatisfy((sum: number) => sum >= 5 && sum < 5.1) }
      })
    }).pipe(Effect.provide(limited(3))))

  it.effect("fall to zero whichever way a wait or an attempt ends", () =>
    Effect.gen(function*() {
      const [, changed] = yield* changes(
        Effect.gen(function*() {
          const limiter = yield* RateLimiter.make({ limit: 2, window: "1 second" })
          const attempts: ReadonlyArray<Effect.Effect<void, string>> = [
            Effect.void,
            Effect.fail("refused"),
            Effect.die("a defect"),
            Effect.never
          ]
          const fibers = yield* Effect.forEach(
            [...attempts, ...attempts],
            (attempt) => Effect.fork(limiter.limit(attempt))
          )
          yield* TestClock.adjust("1500 millis")
          yield* limiter.pause("1 second")
          yield* TestClock.adjust("3 seconds")
          yield* Fiber.interruptAll(fibers)
          const closing = yield* Effect.fork(
            Effect.forEach(attempts, (attempt) => Effect.exit(limiter.limit(attempt)), {
              concurrency: "unbounded"
            })
          )
          yield* TestClock.adjust("0 millis")
          return closing
        }).pipe(Effect.scoped, Effect.flatMap(Fiber.interrupt)),
        /limiter/
      )
      expect(Object.keys(changed).sort()).toEqual(["suprsend.client.limiter.pauses", "suprsend.client.limiter.wait"])
      expect(changed["suprsend.client.limiter.pauses"]).toBe(1)
    }))

  it.effect("count the pause after a 429", () => {
    const { layer } = scripted([answer(429, "{}", { "retry-after": "2" }), answer(202, "OK")], {
      rateLimit: { limit: 10, window: "1 second" }
    })
    return Effect.gen(function*() {
      const [, changed] = yield* changes(inAnHour(send), /limiter|retries/)
      expect(changed).toMatchObject({
        "suprsend.client.limiter.pauses": 1,
        "suprsend.client.retries{reason=429}": 1
      })
    }).pipe(Effect.provide(layer))
  })
})

describe("metrics of a bulk", () => {
  const fault = FastCheck.constantFrom(
    Sandbox.status(400),
    Sandbox.status(401),
    Sandbox.status(429),
    Sandbox.status(503),
    Sandbox.resetPeer,
    Sandbox.resetPeerApplied,
    Sandbox.truncateBody,
    Sandbox.noResponse(),
    Sandbox.delay(50)
  )

  const outcomes = ["accepted", "rejected", "invalid", "unknown", "unsent"] as const

  const countsOf = (report: Bulk.BulkReport | Bulk.BulkIdReport) =>
    Object.fromEntries(outcomes.flatMap((outcome) => {
      const count = outcome === "accepted"
        ? report.success
        : report.failedRecords.filter((record) => record.outcome === outcome).length
      return count === 0 ? [] : [[`suprsend.client.bulk.records{outcome=${outcome}}`, count]]
    }))

  it.effect.prop(
    "add up to the report, whatever happens and whichever way it is stopped",
    {
      faults: FastCheck.array(fault, { maxLength: 12 }),
      count: FastCheck.integer({ min: 0, max: 900 }),
      invalid: FastCheck.array(FastCheck.nat(900), { maxLength: 3 }),
      what: FastCheck.constantFrom("edits", "stream", "ids"),
      interruptedAfter: FastCheck.option(FastCheck.integer({ min: 0, max: 100 }))
    },
    ({ count, faults, interruptedAfter, invalid, what }) =>
      Effect.gen(function*() {
        const service = yield* users
        yield* Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.script(faults))
        const known = yield* Deferred.make<Bulk.BulkReport | Bulk.BulkIdReport>()
        const onError = (report: Bulk.BulkReport | Bulk.BulkIdReport) => Effect.asVoid(Deferred.succeed(known, report))
        const indexes = Arr.makeBy(count, (i) => i)
        const edits = indexes.map((i) =>
          UserEdit.set(UserEdit.edit(`user-${i}`), invalid.includes(i) ? "" : "plan", "pro")
        )
        const running: Effect.Effect<Bulk.BulkReport | Bulk.BulkIdReport, unknown> = what === "ids"
          ? service.bulkDelete(indexes.map((i) => invalid.includes(i) ? "" : `user-${i}`), { concurrency: 2, onError })
          : service.bulkEdit(what === "edits" ? edits : Stream.fromIterable(edits), { concurrency: 2, onError })
        const [report, changed] = yield* changes(
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(running)
            if (interruptedAfter !== null) {
              yield* TestClock.adjust(interruptedAfter)
              yield* Effect.fork(Fiber.interrupt(fiber))
            }
            yield* TestClock.adjust("1 hour")
            return yield* (yield* Deferred.isDone(known)) ? Deferred.await(known) : Fiber.join(fiber)
          }),
          /bulk\.records/
        )
        expect(changed).toEqual(countsOf(report))
      }).pipe(Effect.provide(Suprsend.layerTest)),
    { fastCheck: { numRuns: 60 }, timeout: 60_000 }
  )

  it.effect("count the bytes of the bodies, once each", () => {
    const { layer, sent } = scripted([answer(503), answer(202, "OK")])
    return Effect.gen(function*() {
      const [, changed] = yield* changes(
        inAnHour(Effect.flatMap(users, (users) => users.bulkEdit([ada, ada], { concurrency: 1 }))),
        /bulk/
      )
      expect(sent.map(({ body }) => body)).toEqual([sent[0]?.body, sent[0]?.body])
      expect(changed).toEqual({
        "suprsend.client.bulk.records{outcome=accepted}": 2,
        "suprsend.client.bulk.bytes": Buffer.byteLength(sent[0]?.body ?? "")
      })
    }).pipe(Effect.provide(layer))
  })

  it.effect("count the bytes of a batch that is bisected, for edits as for ids", () =>
    Effect.gen(function*() {
      for (const what of ["edits", "ids"] as const) {
        const { layer, sent } = scripted([answer(400), what === "edits" ? answer(202, "OK") : answer(204, null)])
        const [, changed] = yield* changes(
          inAnHour(Effect.flatMap(users, (users): Effect.Effect<unknown, unknown> =>
            what === "edits" ? users.bulkEdit([ada, ada]) : users.bulkDelete(["ada", "bob"]))),
          /bulk\.bytes/
        ).pipe(Effect.provide(layer))
        expect(sent).toHaveLength(3)
        expect(changed).toEqual({
          "suprsend.client.bulk.bytes": sent.reduce((bytes, { body }) =>
            bytes + Buffer.byteLength(body), 0)
        })
      }
    }))

  it.effect("do not count the bytes of bodies that were not sent", () => {
    const { layer } = scripted([answer(202, "OK")], { rateLimit: { limit: 1, window: "1 hour" } })
    return Effect.gen(function*() {
      const service = yield* users
      yield* service.asyncEdit(ada)
      const [, changed] = yield* changes(
        inAnHour(Effect.zipRight(service.bulkEdit([ada]), service.bulkDelete(["ada"]))),
        /bulk/
      )
      expect(changed).toEqual({ "suprsend.client.bulk.records{outcome=unsent}": 2 })
    }).pipe(withRequestOptions({ retry: { elapsed: "1 second" } }), Effect.provide(layer))
  })

  it.effect("count a stream as one call, which ends with it", () =>
    Effect.gen(function*() {
      const service = yield* users
      const [, changed] = yield* changes(Stream.runDrain(service.bulkEditStream([ada])))
      expect(changed).toMatchObject({
        "suprsend.client.calls{call=UsersService.bulkEdit,outcome=success}": 1,
        "suprsend.client.bulk.records{outcome=accepted}": 1
      })
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("name the outcome of a stream by its own error, not by that of its reader", () =>
    Effect.gen(function*() {
      const service = yield* users
      const [, changed] = yield* changes(
        Effect.gen(function*() {
          const edits = Stream.repeatEffect(Effect.succeed(ada))
          yield* Effect.exit(Stream.runForEach(service.bulkEditStream(edits), () => Effect.fail({ _tag: "OfReader" })))
          yield* Effect.exit(Stream.runDrain(service.bulkEditStream(Stream.fail({ _tag: "OfSource" }))))
          yield* Effect.exit(Stream.runDrain(service.bulkEditStream([ada], { concurrency: -1 })))
        }),
        /client\.calls/
      )
      expect(changed).toEqual({
        "suprsend.client.calls{call=UsersService.bulkEdit,outcome=interrupted}": 1,
        "suprsend.client.calls{call=UsersService.bulkEdit,outcome=OfSource}": 1,
        "suprsend.client.calls{call=UsersService.bulkEdit,outcome=defect}": 1
      })
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("count single calls, not records, where a layer batches them", () =>
    Effect.gen(function*() {
      const service = yield* users
      const [, changed] = yield* changes(
        Effect.zipRight(
          Effect.fork(
            Effect.forEach(Arr.range(1, 3), (i) => service.asyncEdit(UserEdit.unset(UserEdit.edit(`u${i}`), "a")), {
              concurrency: "unbounded"
            })
          ),
          TestClock.adjust("1 second")
        ),
        /suprsend\.client\.(calls|bulk)/
      )
      expect(changed).toEqual({ "suprsend.client.calls{call=UsersService.asyncEdit,outcome=success}": 3 })
    }).pipe(Effect.provide(UsersService.layerBatched().pipe(Layer.provide(scripted([answer(202, "OK")]).layer)))))
})

describe("metrics of one's own", () => {
  const mine = Metric.histogram("acme.calls", MetricBoundaries.fromIterable([1, 10])).pipe(
    Metric.mapInput((seconds: number) => seconds * 1000)
  )

  it.effect("replace those of the package, or drop them", () => {
    const { layer } = scripted([user])
    return Effect.gen(function*() {
      const [, changed] = yield* changes(get, /^(suprsend|http|acme)\./)
      expect(Object.keys(changed).sort().reverse()).toEqual([
        "http.client.request.duration{http.request.method=GET,url.template=/v1/user/{distinct_id}/," +
        `${target},http.response.status_code=200}`,
        "acme.calls{call=UsersService.get,outcome=success}"
      ])
    }).pipe(
      Effect.provide(Layer.provide(layer, Telemetry.layer({ callDuration: mine, calls: false, retries: undefined })))
    )
  })

  it.effect("do not fail a call or keep a slot, although they throw", () => {
    const { layer } = scripted([answer(503), answer(202, "OK")], { rateLimit: { limit: 1, window: "1 second" } })
    const thrown = Metric.counter("acme.broken").pipe(
      Metric.mapInput((_: number): number => {
        throw new Error("a metric that throws")
      })
    )
    return Effect.gen(function*() {
      const service = yield* users
      yield* inAnHour(Effect.zipRight(service.asyncEdit(ada), service.bulkEdit([ada])))
    }).pipe(
      Effect.provide(Layer.provide(
        layer,
        Telemetry.layer({
          calls: thrown,
          retries: thrown,
          limiterQueue: thrown,
          limiterInFlight: thrown,
          bulkRecords: thrown
        })
      ))
    )
  })

  it.effect("are those of the layer that they are provided to, and of no other", () => {
    const { layer } = scripted([user])
    return Effect.gen(function*() {
      const [, silent] = yield* changes(
        Effect.provide(get, Layer.fresh(Layer.provide(layer, Telemetry.layerNoop)))
      )
      expect(silent).toEqual({})
      const [, loud] = yield* changes(Effect.provide(get, layer))
      expect(Object.keys(loud)).toHaveLength(3)
    })
  })

  it.effect("do not give a layer a second limiter", () => {
    const { layer, sent } = scripted([answer(202, "OK")])
    const limited = UsersService.layer.pipe(
      Layer.provide(SuprsendClient.layer({ ...Sandbox.credentials, rateLimit: { limit: 1, window: "1 hour" } }))
    )
    return Effect.gen(function*() {
      const client = yield* Layer.build(layer)
      const build = (metrics: Layer.Layer<Telemetry.Metrics>) =>
        Effect.provide(Layer.build(Layer.provide(limited, metrics)), client)
      const one = yield* build(Telemetry.layer({}))
      const other = yield* build(Telemetry.layerNoop)
      const send = Effect.flatMap(users, (users) => users.asyncEdit(ada))
      yield* Effect.provide(send, one)
      yield* inAnHour(Effect.exit(Effect.provide(send, other))).pipe(
        withRequestOptions({ retry: { elapsed: "1 minute" } })
      )
      expect(sent).toHaveLength(1)
    }).pipe(Effect.scoped)
  })

  it.effect("hold for both clients where two share a layer", () =>
    Effect.gen(function*() {
      const { layer } = scripted([user])
      const [, changed] = yield* changes(
        Effect.zipRight(
          Effect.provide(get, Layer.provide(layer, Telemetry.layer({ callDuration: mine }))),
          Effect.provide(get, Layer.provide(layer, Telemetry.layer({ calls: false })))
        ),
        /call/
      )
      expect(Object.keys(changed).sort()).toEqual([
        "acme.calls{call=UsersService.get,outcome=success}",
        "suprsend.client.call.duration{call=UsersService.get,outcome=success}",
        "suprsend.client.calls{call=UsersService.get,outcome=success}"
      ])
    }))
})
