import * as Headers from "@effect/platform/Headers"
import { describe, expect, it } from "@effect/vitest"
import { InsertId } from "effect-suprsend/InsertId"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import * as V8 from "node:v8"
import * as Vm from "node:vm"
import { testOver } from "../utils/sandbox.js"
import { ended, settle } from "../utils/time.js"

const Client = SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials).pipe(
  Layer.provideMerge(Sandbox.layer),
  Layer.provide(RateLimiter.layerNoop)
)

const test = testOver(Layer.provideMerge(UsersService.layerBatched(), Client))

const visit = (n: number) => UserEdit.increment(UserEdit.edit(`user-${n}`), "visits", 1)

const sizes = (sandbox: Sandbox.Sandbox.Service) =>
  Effect.map(
    sandbox.requests,
    (requests) =>
      requests.map((request) => {
        const body: unknown = JSON.parse(request.body)
        return Array.isArray(body) ? body.length : 1
      })
  )

const together = { concurrency: "unbounded" } as const

describe("layerBatched", () => {
  test("concurrent edits share a request", (users, sandbox) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.forEach(Arr.makeBy(1000, visit), users.asyncEdit, together))
      yield* TestClock.adjust("5 millis")
      const accepted = yield* Fiber.join(fiber)
      expect(yield* sizes(sandbox)).toEqual([400, 400, 200])
      expect(new Set(accepted.map(({ insertId }) => insertId)).size).toBe(1000)
      expect(accepted[0]).toMatchObject({ status: 202, message: "OK" })
      expect(yield* sandbox.users).toHaveLength(1000)
    }))

  test(
    "a full request does not wait for the clock, one that is not full waits for the moment",
    (users, sandbox) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Effect.forEach(Arr.makeBy(450, visit), users.asyncEdit, together))
        yield* settle
        expect(yield* sizes(sandbox)).toEqual([400])
        yield* TestClock.adjust("4 millis")
        yield* settle
        expect(yield* sizes(sandbox)).toEqual([400])
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(fiber)
        expect(yield* sizes(sandbox)).toEqual([400, 50])
      })
  )

  test("a request is full when it has as many bytes as it may", (users, sandbox) =>
    Effect.gen(function*() {
      const large = Arr.makeBy(100, (n) => UserEdit.set(visit(n), "text", "é".repeat(4_900)))
      const fiber = yield* Effect.fork(Effect.forEach(large, users.asyncEdit, together))
      yield* settle
      const [first] = yield* sandbox.requests
      expect(Buffer.byteLength(first?.body ?? "")).toBeGreaterThan(800_000)
      expect(Buffer.byteLength(first?.body ?? "")).toBeLessThanOrEqual(819_200)
      yield* TestClock.adjust("5 millis")
      yield* Fiber.join(fiber)
    }))

  test("each caller has its own result", (users, sandbox) =>
    Effect.gen(function*() {
      const edits = [
        visit(1),
        UserEdit.appendOperation(visit(2), { $nonsense: 1 }),
        UserEdit.setTimezone(visit(3), "Mars/Olympus"),
        UserEdit.withInsertId(visit(4), "mine")
      ]
      const fiber = yield* Effect.fork(
        Effect.forEach(edits, (edit) => Effect.either(users.asyncEdit(edit)), together)
      )
      yield* TestClock.adjust("5 millis")
      const [first, second, third, fourth] = yield* Fiber.join(fiber)
      expect(first && Either.isRight(first)).toBe(true)
      expect(second).toMatchObject({
        left: { _tag: "SuprsendRejected", status: 400, call: "UsersService.asyncEdit", insertId: expect.any(String) }
      })
      expect(third).toMatchObject({ left: { _tag: "InvalidUserEdit", call: "UsersService.asyncEdit" } })
      expect(fourth).toMatchObject({ right: { insertId: "mine" } })
      expect(yield* sandbox.users).toHaveLength(2)
    }))

  test(
    "refused credentials are those of a request, and the next one is tried",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(401)])
        const first = yield* Effect.fork(Effect.flip(users.asyncEdit(visit(1))))
        yield* TestClock.adjust("5 millis")
        expect((yield* Fiber.join(first))._tag).toBe("SuprsendUnauthorized")
        const second = yield* Effect.fork(users.asyncEdit(visit(1)))
        yield* TestClock.adjust("5 millis")
        expect((yield* Fiber.join(second)).status).toBe(202)
      })
  )

  test("interrupting one of many drops only its record", (users, sandbox) =>
    Effect.gen(function*() {
      const fibers = yield* Effect.forEach(Arr.makeBy(5, visit), (edit) => Effect.fork(users.asyncEdit(edit)))
      yield* settle
      yield* Effect.forEach(fibers.slice(1, 3), Fiber.interrupt)
      yield* TestClock.adjust("5 millis")
      yield* Effect.forEach([0, 3, 4], (i) => fibers[i] === undefined ? Effect.void : Fiber.join(fibers[i]))
      expect((yield* sandbox.users).map((user) => user.distinctId)).toEqual(["user-0", "user-3", "user-4"])
      expect(yield* sizes(sandbox)).toEqual([3])
    }))

  test("nothing is sent if all callers were interrupted", (users, sandbox) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(users.asyncEdit(visit(1)))
      yield* settle
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 second")
      yield* settle
      expect(yield* sandbox.requests).toEqual([])
      const next = yield* Effect.fork(users.asyncEdit(visit(1)))
      yield* TestClock.adjust("5 millis")
      yield* Fiber.join(next)
      expect(yield* sizes(sandbox)).toEqual([1])
    }))

  test(
    "the edits of a user keep their order, while the first is under way",
    (users, sandbox) =>
      Effect.gen(function*() {
        const log = (n: number) => UserEdit.append(UserEdit.edit("ada"), "log", n)
        yield* sandbox.script([Sandbox.delay("1 second")])
        const fibers = yield* Effect.forEach([1, 2, 3], (n) =>
          Effect.gen(function*() {
            const fiber = yield* Effect.fork(users.asyncEdit(log(n)))
            yield* TestClock.adjust("10 millis")
            return fiber
          }))
        yield* TestClock.adjust("1 second")
        yield* settle
        yield* TestClock.adjust("10 millis")
        yield* Fiber.joinAll(fibers)
        expect(Option.getOrThrow(yield* sandbox.user("ada")).properties.log).toEqual([1, 2, 3])
      })
  )

  test("an edit with options of its own travels alone", (users, sandbox) =>
    Effect.gen(function*() {
      yield* withRequestOptions(users.asyncEdit(visit(1)), { headers: { "x-trace": "1" } })
      expect((yield* sandbox.requests).map(({ headers }) => headers["x-trace"])).toEqual(["1"])
    }))

  it.effect("a scope that closes first sends the waiting edits", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(UsersService.layerBatched({ linger: "1 hour" }), scope)
      const fiber = yield* Effect.fork(
        Effect.flatMap(UsersService.UsersService, (users) => users.asyncEdit(visit(1))).pipe(Effect.provide(context))
      )
      yield* settle
      expect(yield* sandbox.requests).toEqual([])
      yield* Scope.close(scope, Exit.void)
      expect((yield* Fiber.join(fiber)).status).toBe(202)
    }).pipe(Effect.provide(Client)))

  test("events have the time at which they were submitted", (users, sandbox) =>
    Effect.gen(function*() {
      yield* settle
      yield* TestClock.adjust("1 hour")
      const fiber = yield* Effect.fork(users.asyncEdit(visit(1)))
      yield* settle
      yield* TestClock.adjust("5 millis")
      yield* Fiber.join(fiber)
      const [request] = yield* sandbox.requests
      expect(JSON.parse(request?.body ?? "[]")).toMatchObject([{ $time: 3_600_000 }])
    }))

  it.effect("a defect ends the calls whose request died, and no later ones", () => {
    let calls = 0
    const broken: RateLimiter.RateLimiter.Service = {
      limit: (attempt) => calls++ === 0 ? Effect.die("no limiter") : attempt,
      limitCost: (attempt) => attempt,
      pause: () => Effect.void
    }
    return Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      const first = yield* Effect.fork(Effect.exit(Effect.forEach([visit(1), visit(2)], users.asyncEdit, together)))
      yield* TestClock.adjust("5 millis")
      const exit = yield* Fiber.join(first)
      expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toBe("no limiter")
      const second = yield* Effect.fork(users.asyncEdit(visit(3)))
      yield* TestClock.adjust("5 millis")
      expect(yield* ended(second)).toMatchObject({ status: 202 })
    }).pipe(Effect.provide(
      UsersService.layerBatched().pipe(
        Layer.provideMerge(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
        Layer.provide(Layer.succeed(RateLimiter.RateLimiter, broken)),
        Layer.provideMerge(Sandbox.layer)
      )
    ))
  })

  it.effect("an edit whose id is made while the scope closes is sent alone", () =>
    Effect.gen(function*() {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(UsersService.layerBatched(), scope)
      const users = Context.get(context, UsersService.UsersService)
      const fiber = yield* Effect.fork(
        Effect.provideService(users.asyncEdit(visit(1)), InsertId, Effect.delay(Effect.succeed("slow"), "1 second"))
      )
      yield* settle
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 second")
      expect(yield* ended(fiber)).toMatchObject({ insertId: "slow", status: 202 })
    }).pipe(Effect.provide(Client)))
})

describe("a caller that is interrupted before its request has a slot", () => {
  // The burst takes the first two requests, and the third one waits.
  const Limited = SuprsendClient.layerWithoutRateLimiter({ ...Sandbox.credentials, retry: { elapsed: "1 hour" } }).pipe(
    Layer.provideMerge(Sandbox.layer),
    Layer.provide(RateLimiter.layerMemory({ limit: 2, window: "2 seconds" }))
  )
  const limited = testOver(Layer.provideMerge(UsersService.layerBatched(), Limited))

  const handOver = (users: UsersService.UsersService.Service, edit: UserEdit.UserEdit) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(users.asyncEdit(edit))
      yield* TestClock.adjust("5 millis")
      yield* settle
      return fiber
    })
  /** Takes all slots for two seconds. */
  const takeSlots = (users: UsersService.UsersService.Service) =>
    Effect.forEach([101, 102], (n) => handOver(users, visit(n)))

  limited("is not sent, and the others of its request are", (users, sandbox) =>
    Effect.gen(function*() {
      yield* takeSlots(users)
      const fibers = yield* Effect.forEach([1, 2, 3], (n) => Effect.fork(users.asyncEdit(visit(n))))
      yield* TestClock.adjust("800 millis")
      yield* settle
      yield* Effect.forEach(fibers.slice(1, 2), Fiber.interrupt)
      yield* TestClock.adjust("1200 millis")
      yield* settle
      const [first, , third] = fibers
      for (const fiber of [first, third]) expect(fiber && (yield* ended(fiber)).status).toBe(202)
      expect(yield* sizes(sandbox)).toEqual([1, 1, 2])
      expect(Option.isNone(yield* sandbox.user("user-2"))).toBe(true)
    }))

  limited(
    "leaves the queue of the limiter with the last of its request, and takes no slot",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* takeSlots(users)
        const fibers = yield* Effect.forEach([1, 2], (n) => Effect.fork(users.asyncEdit(visit(n))))
        yield* TestClock.adjust("5 millis")
        yield* settle
        yield* Effect.forEach(fibers, Fiber.interrupt)
        const next = yield* Effect.forEach([3, 4], (n) => handOver(users, visit(n)))
        yield* TestClock.adjust("2 seconds")
        yield* settle
        for (const fiber of next) expect((yield* ended(fiber)).status).toBe(202)
        expect(yield* sizes(sandbox)).toEqual([1, 1, 1, 1])
      })
  )

  limited(
    "is sent again under the same body once it was sent, and with the others of a halved one",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.resetPeerApplied, Sandbox.status(400), Sandbox.status(400)])
        const fibers = yield* Effect.forEach([1, 2, 3, 4], (n) => Effect.fork(Effect.either(users.asyncEdit(visit(n)))))
        yield* TestClock.adjust("5 millis")
        yield* settle
        // It was sent, its response was lost, and the next attempt waits.
        yield* Effect.forEach(fibers.slice(0, 1), Fiber.interrupt)
        yield* TestClock.adjust("10 seconds")
        yield* settle
        const [first, second] = yield* sandbox.requests
        expect(second?.body).toBe(first?.body)
        // Refused as a whole then, and again in the half of the two first ones, of which one is gone.
        expect(yield* sizes(sandbox)).toEqual([4, 4, 1, 2])
        for (const user of yield* sandbox.users) expect(user.properties.visits).toBe(1)
      })
  )

  limited("ends a request that waits for its next attempt", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.status(429, { retryAfter: "30" })])
      const fiber = yield* handOver(users, visit(1))
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("1 hour")
      yield* settle
      expect(yield* sizes(sandbox)).toEqual([1])
    }))
})

it.effect("steady load keeps no sent edit in memory, although some edits always wait", () =>
  Effect.gen(function*() {
    // One request at a time, which the callers fill faster than it goes.
    const client: SuprsendClient.SuprsendClient.Service = {
      workspace: undefined,
      userAgent: "",
      concurrency: 1,
      execute: () => Effect.as(settle, { status: 202, headers: Headers.empty, body: "OK", attempts: 1 })
    }
    const layer = Layer.provide(UsersService.layerBatched(), Layer.succeed(SuprsendClient.SuprsendClient, client))
    yield* Effect.gen(function*() {
      const users = yield* UsersService.UsersService
      let handedOver = 0
      const next = Effect.suspend(() => {
        const n = handedOver++
        return users.asyncEdit(UserEdit.set(visit(n), "text", `${n} ${"x".repeat(5_000)}`))
      })
      const callers = yield* Effect.forEach(Arr.range(1, 1_000), () => Effect.fork(Effect.forever(next)))
      const heldAfter = (count: number) =>
        Effect.gen(function*() {
          while (handedOver < count) yield* settle
          return heapAfterCollection()
        })
      const before = yield* heldAfter(3_000)
      // Five kilobytes each, were they kept.
      expect((yield* heldAfter(11_000)) - before).toBeLessThan(12_000_000)
      yield* Fiber.interruptAll(callers)
    }).pipe(Effect.provide(layer))
  }))

const heapAfterCollection = (): number => {
  V8.setFlagsFromString("--expose-gc")
  const collect: unknown = Vm.runInNewContext("gc")
  if (typeof collect !== "function") throw new Error("There is no collector")
  Reflect.apply(collect, undefined, [])
  return process.memoryUsage().heapUsed
}
