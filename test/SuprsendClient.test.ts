import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Signature from "effect-suprsend/Signature"
import * as Client from "effect-suprsend/SuprsendClient"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import { isSuprsendError, type SuprsendError } from "effect-suprsend/SuprsendError"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/TestClock"
import { register, type Transport } from "../src/internal/transport/transport.js"
import { once } from "./utils/requests.js"
import { sandboxed } from "./utils/sandbox.js"
import { type Answer, answer, broken, half, never, scripted, type Sent } from "./utils/scripted.js"
import { ended, inAnHour, settle } from "./utils/time.js"

interface Tools {
  readonly users: UsersService.Service
  readonly client: Client.SuprsendClient.Service
  readonly limiter: RateLimiter.RateLimiter.Service
  readonly sandbox: Sandbox.Sandbox.Service
  /** When requests arrived, in milliseconds since the test began. */
  readonly times: Effect.Effect<ReadonlyArray<number>>
}

/** A test over the sandbox. */
const test = <E>(name: string, run: (tools: Tools) => Effect.Effect<void, E>, settings: SuprsendConfig.Settings = {}) =>
  it.effect(name, () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* run({
        users: yield* UsersService,
        client: yield* SuprsendClient,
        limiter: yield* RateLimiter.RateLimiter,
        sandbox,
        times: Effect.map(sandbox.requests, (requests) => requests.map(({ at }) => at))
      })
    }).pipe(Effect.provide(sandboxed(settings))))

/** A test over a client made by hand, for what a sandbox does not do. */
const testScript = <E>(
  name: string,
  answers: ReadonlyArray<Answer>,
  run: (users: UsersService.Service, sent: ReadonlyArray<Sent>) => Effect.Effect<void, E>,
  settings: SuprsendConfig.Settings = {}
) =>
  it.effect(name, () => {
    const { layer, sent } = scripted(answers, settings)
    return Effect.flatMap(UsersService, (users) => run(users, sent)).pipe(Effect.provide(layer))
  })

const times = (n: number, fault: Sandbox.Fault) => Arr.replicate(fault, n)

const { SuprsendClient } = Client

const fixed = (random: number) => Effect.withRandom(Random.fixed([random]))

const page = JSON.stringify({ meta: { has_next: false }, results: [] })

const ada = UserEdit.set(UserEdit.edit("ada"), "plan", "pro")
const visit = UserEdit.increment(UserEdit.edit("ada"), "visits", 1)

/** What it fails with, and when. */
const failing = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.flatMap(Effect.flip(effect), (error) => Effect.map(Clock.currentTimeMillis, (at) => ({ error, at })))

const failure = <A, E>(effect: Effect.Effect<A, E>) => inAnHour(failing(effect))

describe("the schedule", () => {
  test("waits half of each backoff when the dice say one half", ({ sandbox, times: instants, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script(times(2, Sandbox.status(503)))
      yield* inAnHour(users.list()).pipe(fixed(0.5))
      expect(yield* instants).toEqual([0, 125, 375])
    }))

  test("doubles the backoff, up to its maximum", ({ sandbox, times: instants, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script(times(6, Sandbox.status(503)))
      yield* inAnHour(users.list()).pipe(fixed(1))
      expect(yield* instants).toEqual([0, 250, 750, 1_750, 2_750, 3_750, 4_750])
    }), { retry: { attempts: 7, maximumDelay: "1 second" } })

  test("stays within the backoff for any random number", ({ sandbox, times: instants, users }) =>
    Effect.gen(function*() {
      for (let i = 0; i < 12; i++) {
        yield* sandbox.script(times(2, Sandbox.status(503)))
        yield* inAnHour(users.list())
      }
      const all = yield* instants
      expect(all).toHaveLength(36)
      for (const [first = 0, second = 0, third = 0] of Arr.chunksOf(all, 3)) {
        expect(second - first).toBeGreaterThanOrEqual(0)
        expect(second - first).toBeLessThanOrEqual(250)
        expect(third - second).toBeGreaterThanOrEqual(0)
        expect(third - second).toBeLessThanOrEqual(500)
      }
      // The jitter is real: the waits differ.
      expect(new Set(Arr.chunksOf(all, 3).map(([first = 0, second = 0]) => second - first)).size).toBeGreaterThan(6)
    }))

  for (const status of [429, 503, 500]) {
    test(`waits as long as a ${status} asks for, in seconds`, ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([
          Sandbox.status(status, { retryAfter: "3" }),
          Sandbox.status(status, { retryAfter: "0" })
        ])
        yield* inAnHour(users.list())
        expect(yield* instants).toEqual([0, 3_000, 3_000])
      }))

    test(`waits as long as a ${status} asks for, by a date`, ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* TestClock.setTime(Date.UTC(2024, 10, 23, 8, 5, 9))
        yield* sandbox.script([Sandbox.status(status, { retryAfter: "Sat, 23 Nov 2024 08:05:29 GMT" })])
        yield* inAnHour(users.list())
        const [first = 0, second = 0] = yield* instants
        expect(second - first).toBe(20_000)
      }))
  }

  test("backs off if `Retry-After` cannot be read", ({ sandbox, times: instants, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.status(429, { retryAfter: "soon" })])
      yield* inAnHour(users.list()).pipe(fixed(0.5))
      expect(yield* instants).toEqual([0, 125])
    }))

  test("does not begin a wait that the server asks for beyond the deadline", ({ sandbox, times: instants, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.status(429, { retryAfter: "120" })])
      const { at, error } = yield* failure(users.list())
      expect(at).toBe(0)
      expect(error).toMatchObject({ _tag: "SuprsendRateLimited", attempts: 1, retryable: true, applied: "no" })
      expect(error._tag === "SuprsendRateLimited" && error.retryAfter).toEqual(Duration.minutes(2))
      expect(error.message).toContain("retry in 2m")
      expect(yield* instants).toEqual([0])
    }))

  test("ends with the attempts", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script(times(9, Sandbox.status(503)))
      const { error } = yield* failure(users.list())
      expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "ServerError", status: 503, attempts: 4 })
      expect(yield* sandbox.requests).toHaveLength(4)
    }))

  test("counts attempts that fail in different ways with one counter", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script([
        Sandbox.status(503),
        Sandbox.resetPeer,
        Sandbox.status(429),
        Sandbox.stall,
        Sandbox.status(500),
        Sandbox.truncateBody
      ])
      const { error } = yield* failure(users.list())
      expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Timeout", attempts: 4 })
      expect(yield* sandbox.requests).toHaveLength(4)
    }))

  test(
    "ends with the time, and begins no wait that would not fit",
    ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script(times(1_000, Sandbox.status(503)))
        const { at, error } = yield* failure(users.list()).pipe(fixed(1))
        // 250 + 500 + 1,000 + 2,000 + 4,000: the next wait, of 8,000, would end after 15 seconds.
        expect(yield* instants).toEqual([0, 250, 750, 1_750, 3_750, 7_750])
        expect(at).toBe(7_750)
        expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "ServerError", attempts: 6 })
      }),
    { retry: { attempts: 1_000, elapsed: "15 seconds" } }
  )

  test(
    "ends in the middle of an attempt when the time is over",
    ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(503, { retryAfter: "10" }), Sandbox.delay("1 hour")])
        const { at, error } = yield* failure(users.list())
        expect(at).toBe(15_000)
        expect(yield* instants).toEqual([0, 10_000])
        expect(error).toMatchObject({ reason: "Timeout", attempts: 2, applied: "unknown", retryable: true })
        expect(error.message).toContain("no complete response within 15s")
      }),
    { retry: { elapsed: "15 seconds" } }
  )
})

describe("a clock that is put right meanwhile", () => {
  /** The clock of the test, which shows another time of day by so many milliseconds. */
  const shifted = (clock: Clock.Clock, by: () => number): Clock.Clock => ({
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis() + by(),
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + by()),
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (duration) => clock.sleep(duration)
  })

  test("by an hour forward does not end a call", ({ sandbox, times: instants, users }) =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      let by = 0
      yield* sandbox.script([Sandbox.status(503, { retryAfter: "5" })])
      const fiber = yield* Effect.fork(Effect.withClock(users.list(), shifted(clock, () => by)))
      yield* TestClock.adjust("1 second")
      by = 3_600_000
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      expect(yield* instants).toEqual([0, 5_000 + by])
    }))

  test("by an hour backward does not keep it alive", ({ sandbox, users }) =>
    Effect.gen(function*() {
      const clock = yield* Effect.clock
      let by = 0
      yield* sandbox.faults.add(Sandbox.status(503, { retryAfter: "5" }))
      const fiber = yield* Effect.fork(Effect.flip(Effect.withClock(users.list(), shifted(clock, () => by))))
      yield* TestClock.adjust("1 second")
      by = -3_600_000
      yield* TestClock.adjust("59 seconds")
      expect(yield* Fiber.join(fiber)).toMatchObject({ _tag: "SuprsendUnavailable", attempts: 12 })
    }), { retry: { attempts: 1_000 } })
})

describe("a clock that stands at a real date", () => {
  // So far from 1970, nanoseconds that are kept in a float are only good to 256 of them.
  for (const start of [1_700_000_000_000, 1_700_000_000_001, 1_800_000_000_123]) {
    it.effect(`has deadlines come in the limiter too: ${start}`, () =>
      Effect.gen(function*() {
        yield* TestClock.setTime(start)
        const { layer } = scripted([answer(200, "{\"distinct_id\":\"ada\"}")], {
          rateLimit: { limit: 1, window: "1 hour" }
        })
        yield* Effect.gen(function*() {
          const users = yield* UsersService
          yield* users.get("ada")
          for (const before of [1, 2, 3, 137]) {
            yield* TestClock.adjust(before)
            const call = users.get("ada").pipe(withRequestOptions({ retry: { elapsed: "1001 millis" } }))
            const fiber = yield* Effect.fork(Effect.flip(call))
            yield* TestClock.adjust("1001 millis")
            expect(yield* ended(fiber)).toMatchObject({ _tag: "SuprsendUnavailable", applied: "no" })
          }
        }).pipe(Effect.provide(layer))
      }))
  }
})

describe("retries", () => {
  for (const status of [408, 425, 429, 500, 502, 503, 504, 507, 520, 599]) {
    test(`${status} is`, ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(status)])
        yield* inAnHour(users.list())
        expect((yield* sandbox.requests).map((request) => request.status)).toEqual([status, 200])
      }))
  }

  for (const status of [301, 302, 303, 304, 307, 308, 400, 402, 404, 405, 409, 410, 413, 422, 451, 499]) {
    testScript(
      `${status} is not`,
      [answer(status, null, { location: "/v1/user/" }), answer(200)],
      (users, sent) =>
        Effect.gen(function*() {
          const { at, error } = yield* failure(users.list())
          expect(error).toMatchObject({
            _tag: "SuprsendRejected",
            status,
            attempts: 1,
            retryable: false,
            applied: "no"
          })
          expect({ at, sent: sent.length }).toEqual({ at: 0, sent: 1 })
        })
    )
  }

  for (const status of [401, 403]) {
    test(`${status} is not`, ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(status)])
        const { error } = yield* failure(users.list())
        expect(error).toMatchObject({ _tag: "SuprsendUnauthorized", status, attempts: 1, retryable: false })
        expect(yield* sandbox.requests).toHaveLength(1)
      }))
  }

  for (const status of [501, 505]) {
    test(`${status} is not`, ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(status)])
        const { error } = yield* failure(users.list())
        expect(error).toMatchObject({ _tag: "SuprsendUnavailable", status, attempts: 1, retryable: false })
        expect(yield* sandbox.requests).toHaveLength(1)
      }))
  }

  const faults: Record<string, Sandbox.Fault> = {
    "a connection that is cut before the answer": Sandbox.resetPeer,
    "a connection that is cut after the request was applied": Sandbox.resetPeerApplied,
    "an answer that breaks off": Sandbox.truncateBody,
    "an answer that does not end": Sandbox.stall,
    "an answer that does not come": Sandbox.delay("1 hour")
  }
  for (const [name, fault] of Object.entries(faults)) {
    test(`${name} is`, ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([fault])
        yield* inAnHour(users.list())
        expect(yield* sandbox.requests).toHaveLength(2)
      }))
  }

  test("a body that is not what is documented is not", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.status(200, { body: "<html>welcome</html>", contentType: "text/html" })])
      const { error } = yield* failure(users.list())
      expect(error).toMatchObject({ _tag: "SuprsendUnexpectedResponse", status: 200, attempts: 1, retryable: false })
      expect(yield* sandbox.requests).toHaveLength(1)
    }))
})

describe("each attempt", () => {
  test("has a date and a signature of its own, and the same body, id and time", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2024, 10, 23, 8, 5, 9))
      yield* sandbox.script(times(3, Sandbox.status(503, { retryAfter: "5" })))
      yield* inAnHour(users.asyncEdit(ada))
      const requests = yield* sandbox.requests
      expect(requests.map(({ headers }) => headers.date)).toEqual([
        "Sat, 23 Nov 2024 08:05:09 GMT",
        "Sat, 23 Nov 2024 08:05:14 GMT",
        "Sat, 23 Nov 2024 08:05:19 GMT",
        "Sat, 23 Nov 2024 08:05:24 GMT"
      ])
      expect(new Set(requests.map(({ headers }) => headers.authorization)).size).toBe(4)
      expect(new Set(requests.map(({ body }) => body)).size).toBe(1)
      // The sandbox checks the signature of what it carries out; the scripted ones are checked here.
      for (const { body, headers, method, uri } of requests) {
        const { authorization = "", "content-type": contentType = "", date = "" } = headers
        const request = { method, uri, body, date, contentType }
        expect(Signature.verify(request, Sandbox.credentials, authorization)).toBe(true)
      }
    }))

  test(
    "is signed when it has its slot, not when it begins to wait for it",
    ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* inAnHour(Effect.all(Arr.replicate(users.list(), 3), { concurrency: "unbounded" }))
        expect((yield* sandbox.requests).map(({ headers }) => headers.date)).toEqual([
          "Thu, 01 Jan 1970 00:00:00 GMT",
          "Thu, 01 Jan 1970 00:00:10 GMT",
          "Thu, 01 Jan 1970 00:00:20 GMT"
        ])
      }),
    { rateLimit: { limit: 1, window: "10 seconds" } }
  )

  test("has a slot of its own", ({ sandbox, times: instants, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script(times(2, Sandbox.status(503, { retryAfter: "1" })))
      yield* inAnHour(users.list())
      expect(yield* instants).toEqual([0, 10_000, 20_000])
    }), { rateLimit: { limit: 1, window: "10 seconds" } })

  test(
    "has the whole timeout, which waiting for the limiter does not shorten",
    ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.delay("4 seconds"), Sandbox.delay("4 seconds")])
        yield* inAnHour(Effect.all([users.list(), users.list()], { concurrency: "unbounded" }))
        expect((yield* sandbox.requests).map(({ status }) => status)).toEqual([200, 200])
      }),
    { rateLimit: { limit: 1, window: "10 seconds" }, timeout: "5 seconds" }
  )

  const seen: Array<string> = []
  test("passes through transformClient, signed", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.status(503, { retryAfter: "1" })])
      yield* inAnHour(users.list())
      expect(seen).toHaveLength(2)
      expect(seen[0]).not.toBe(seen[1])
    }), {
    transformClient: HttpClient.tapRequest((request) =>
      Effect.sync(() => seen.push(request.headers.authorization ?? ""))
    )
  })
})

describe("the answer", () => {
  test("is waited for as a whole: a body that stalls is a timeout", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* inAnHour(users.edit(ada))
      yield* sandbox.script([Sandbox.stall])
      const { at, error } = yield* failure(once(users.get("ada")))
      expect(at - 3_600_000).toBe(30_000)
      expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Timeout", applied: "unknown", attempts: 1 })
      expect(error).toHaveProperty("description", "no complete response within 30s")
    }))

  test("settles an event by its status, even if the body stalls", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.stall])
      expect(yield* inAnHour(users.asyncEdit(ada))).toMatchObject({ status: 202, message: "" })
      expect(yield* sandbox.requests).toHaveLength(1)
      expect(yield* sandbox.users).toHaveLength(1)
    }))

  test("settles an event by its status, even if the body is cut", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.truncateBody])
      expect(yield* inAnHour(users.asyncEdit(ada))).toMatchObject({ status: 202, message: "" })
      expect(yield* sandbox.requests).toHaveLength(1)
    }))

  test(
    "settles an event by its status, even if the deadline comes before the timeout",
    ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.stall])
        expect(yield* inAnHour(users.asyncEdit(ada))).toMatchObject({ status: 202, message: "" })
        // The second attempt has ten seconds left, less than its timeout.
        yield* sandbox.script([Sandbox.delay("1 hour"), Sandbox.stall])
        expect(yield* inAnHour(users.asyncEdit(ada))).toMatchObject({ status: 202, message: "" })
        expect(yield* sandbox.requests).toHaveLength(3)
      }),
    { retry: { elapsed: "40 seconds" } }
  )

  testScript(
    "settles a bulk delete by its status, even if the body stalls until the deadline",
    [half(200, "stalled")],
    (users) =>
      Effect.gen(function*() {
        expect(yield* inAnHour(users.bulkDelete(["ada"]))).toMatchObject({ success: 1, failure: 0 })
      }),
    { timeout: "1 hour" }
  )

  for (const end of ["stalled", "cut"] as const) {
    testScript(
      `429 is a 429 though its body is ${end}`,
      [half(429, end, { "retry-after": "7" })],
      (users, sent) =>
        Effect.gen(function*() {
          const { error } = yield* failure(once(users.list()))
          expect(error).toMatchObject({ _tag: "SuprsendRateLimited", attempts: 1, applied: "no" })
          expect(error._tag === "SuprsendRateLimited" && error.retryAfter).toEqual(Duration.seconds(7))
          expect(sent).toHaveLength(1)
        })
    )

    testScript(
      `503 is a 503 though its body is ${end}, and tried again`,
      [half(503, end), answer(200, page)],
      (users, sent) =>
        Effect.gen(function*() {
          yield* inAnHour(users.list())
          expect(sent).toHaveLength(2)
        })
    )

    testScript(`404 is a 404 though its body is ${end}`, [half(404, end)], (users, sent) =>
      Effect.gen(function*() {
        const { error } = yield* failure(users.get("ada"))
        expect(error).toMatchObject({ _tag: "SuprsendRejected", status: 404, attempts: 1 })
        expect(sent).toHaveLength(1)
      }))
  }

  testScript(
    "429 is a 429 though its body stalls until the deadline, and holds the others back",
    [half(429, "stalled", { "retry-after": "30" }), answer(200, page)],
    (users, sent) =>
      Effect.gen(function*() {
        const first = yield* Effect.fork(Effect.flip(users.list()))
        yield* TestClock.adjust("20 seconds")
        expect(yield* Fiber.join(first)).toMatchObject({ _tag: "SuprsendRateLimited", applied: "no", attempts: 1 })
        yield* inAnHour(users.list().pipe(withRequestOptions({ retry: { elapsed: "2 minutes" } })))
        expect(sent.map(({ at }) => at)).toEqual([0, 50_000])
      }),
    { timeout: "1 hour", retry: { elapsed: "20 seconds" }, rateLimit: { limit: 10, window: "1 second" } }
  )

  testScript(
    "is classified by its status though transformClient fails on it",
    [answer(429, "slow down", { "retry-after": "2" }), answer(404, "{\"message\":\"no such user\"}")],
    (users, sent) =>
      Effect.gen(function*() {
        const { error } = yield* failure(users.get("ada"))
        expect(error).toMatchObject({ _tag: "SuprsendUserNotFound", attempts: 2, serverMessage: "no such user" })
        expect(sent.map(({ at }) => at)).toEqual([0, 2_000])
      }),
    { transformClient: HttpClient.filterStatusOk }
  )
})

describe("the rate limiter", () => {
  test(
    "holds back those who wait already, when one of them is told to wait",
    ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(429, { retryAfter: "10" })])
        yield* inAnHour(Effect.all(Arr.replicate(users.list(), 5), { concurrency: "unbounded" }))
        expect(yield* instants).toEqual([0, 0, 0, 10_000, 10_000, 10_000])
      }),
    { rateLimit: { limit: 3, window: "1 second" } }
  )

  test(
    "holds the others back for the backoff, where a 429 asks for nothing",
    ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(429)])
        yield* inAnHour(Effect.all(Arr.replicate(users.list(), 2), { concurrency: "unbounded" })).pipe(fixed(0.5))
        expect(yield* instants).toEqual([0, 2_000, 2_100])
      }),
    { rateLimit: { limit: 1, window: "100 millis" }, retry: { initialDelay: "4 seconds" } }
  )

  test(
    "holds the others back though the one who was told gives up",
    ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(429, { retryAfter: "30" })])
        expect(yield* Effect.flip(once(users.list()))).toMatchObject({ _tag: "SuprsendRateLimited" })
        yield* inAnHour(users.list())
        expect(yield* instants).toEqual([0, 30_000])
      }),
    { rateLimit: { limit: 10, window: "1 second" } }
  )

  test(
    "is not paused by a 503, which may concern one request only",
    ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([Sandbox.status(503, { retryAfter: "10" })])
        yield* inAnHour(Effect.all(Arr.replicate(users.list(), 2), { concurrency: "unbounded" }))
        expect(yield* instants).toEqual([0, 0, 10_000])
      }),
    { rateLimit: { limit: 10, window: "1 second" } }
  )

  test(
    "counts toward the time of a call: nothing was sent when it was over",
    ({ limiter, sandbox, users }) =>
      Effect.gen(function*() {
        yield* limiter.pause("10 minutes")
        const { at, error } = yield* failure(users.edit(visit))
        expect(at).toBe(60_000)
        expect(error).toMatchObject({
          _tag: "SuprsendUnavailable",
          reason: "Timeout",
          attempts: 0,
          applied: "no",
          retryable: true
        })
        expect(error.message).toMatch(/no slot of the rate limit was free within 1m/)
        yield* TestClock.adjust("1 hour")
        expect(yield* sandbox.requests).toEqual([])
      }),
    { rateLimit: { limit: 10, window: "1 second" } }
  )

  const before: ReadonlyArray<readonly [fault: Sandbox.Fault, reason: string, status: number | undefined]> = [
    [Sandbox.status(503, { retryAfter: "5" }), "ServerError", 503],
    [Sandbox.resetPeer, "Transport", undefined]
  ]
  for (const [fault, reason, status] of before) {
    test(
      `counts between attempts too: then the last failure says why, ${reason}`,
      ({ limiter, sandbox, users }) =>
        Effect.gen(function*() {
          yield* sandbox.script([fault])
          const fiber = yield* Effect.fork(failing(users.list()))
          yield* settle
          yield* limiter.pause("10 minutes")
          const { at, error } = yield* Effect.zipRight(TestClock.adjust("1 hour"), Fiber.join(fiber))
          expect(at).toBe(60_000)
          expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason, attempts: 1 })
          expect("status" in error ? error.status : undefined).toBe(status)
          expect(yield* sandbox.requests).toHaveLength(1)
        }),
      { rateLimit: { limit: 10, window: "1 second" } }
    )
  }

  test("gets a slot back when an attempt times out", ({ sandbox, times: instants, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script(times(2, Sandbox.delay("1 hour")))
      const { error } = yield* failure(users.list().pipe(withRequestOptions({ retry: { attempts: 2 } })))
      expect(error).toMatchObject({ reason: "Timeout", attempts: 2 })
      yield* inAnHour(users.list())
      const [first = 0, second = 0] = yield* instants
      // Its request may arrive for ten seconds more.
      expect(second - first).toBeGreaterThanOrEqual(45_000)
      expect(yield* instants).toHaveLength(3)
    }), { rateLimit: { limit: 1, window: "5 seconds" }, retry: { elapsed: "10 minutes" } })

  test(
    "is not stopped for a day by a Retry-After of a day, if the service is well before",
    ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([
          Sandbox.status(429, { retryAfter: "86400" }),
          Sandbox.status(429, { retryAfter: "86400" }),
          Sandbox.status(503)
        ])
        yield* Effect.flip(users.list())
        // One call waits for a minute in vain, and the next comes when a probe is due.
        const calls = yield* Effect.fork(Effect.forEach(Arr.range(1, 6), () => Effect.exit(once(users.list()))))
        yield* TestClock.adjust("1 hour")
        const exits = yield* ended(calls)
        expect(exits.map((exit) => exit._tag)).toEqual([
          ...Arr.replicate("Failure", 5),
          "Success"
        ])
        expect(yield* instants).toEqual([0, 60_000, 120_000, 180_000])
        yield* Effect.all(Arr.replicate(users.list(), 5), { concurrency: "unbounded" })
      }),
    { rateLimit: { limit: 10, window: "1 second" } }
  )

  test(
    "is not over for what something else than the service responds to a probe",
    ({ sandbox, times: instants, users }) =>
      Effect.gen(function*() {
        const page = { body: "<!doctype html><title>Sign in</title>", contentType: "text/html" }
        yield* sandbox.script([
          Sandbox.status(429, { retryAfter: "86400" }),
          Sandbox.status(200, page),
          Sandbox.status(403, page),
          Sandbox.status(200, { body: "{\"hello\":\"world\"}" })
        ])
        yield* Effect.flip(users.asyncEdit(UserEdit.edit("ada")))
        const send = Effect.exit(once(users.asyncEdit(UserEdit.edit("ada"))))
        const calls = yield* Effect.fork(Effect.forEach(Arr.range(1, 8), () => send))
        yield* TestClock.adjust("1 hour")
        const exits = yield* ended(calls)
        expect(exits.map((exit) => exit._tag)).toEqual([...Arr.replicate("Failure", 7), "Success"])
        expect(yield* instants).toEqual([0, 60_000, 120_000, 180_000, 240_000])
      }),
    { rateLimit: { limit: 10, window: "1 second" } }
  )

  it.effect("keeps its limit though the server stands still, and each request times out", () => {
    // It stands still from 1 s to 4 s: what is sent meanwhile arrives then.
    const arrivals: Array<number> = []
    const { layer } = scripted(
      [({ at }) => {
        const arrivesAt = at < 1_000 ? at : Math.max(at, 4_000)
        arrivals.push(arrivesAt)
        return Effect.delay(Effect.succeed(new Response(page)), arrivesAt + 10 - at)
      }],
      { rateLimit: { limit: 10, window: "1 second" }, timeout: "500 millis" }
    )
    return Effect.gen(function*() {
      const users = yield* UsersService
      const calls = Effect.forEach(Arr.range(1, 100), () => Effect.exit(users.list()), { concurrency: 32 })
      yield* Effect.flatMap(
        Effect.fork(calls),
        (fiber) => Effect.zipRight(Effect.zipRight(TestClock.adjust("10 minutes"), settle), ended(fiber))
      )
      expect(arrivals.length).toBeGreaterThan(50)
      const inWindow = arrivals.map((first) => arrivals.filter((at) => at >= first && at < first + 1_000).length)
      expect(Math.max(...inWindow)).toBeLessThanOrEqual(10)
    }).pipe(Effect.provide(layer))
  })

  it.effect("ends the calls that wait for it when its scope closes, as stopped", () => {
    const { layer, sent } = scripted([answer(200, page)])
    return Effect.gen(function*() {
      const scope = yield* Scope.make()
      const limiter = yield* Scope.extend(RateLimiter.make({ limit: 1, window: "1 second" }), scope)
      yield* limiter.pause("1 minute")
      const client = yield* Effect.provideService(Client.make(Sandbox.credentials), RateLimiter.RateLimiter, limiter)
      const call = client.execute({ call: "test", method: "GET", template: "/v1/user/" })
      const waiting = yield* Effect.fork(Effect.flip(call))
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      yield* settle
      for (const error of [yield* ended(waiting), yield* Effect.flip(call)]) {
        expect(error).toMatchObject({ _tag: "SuprsendUnavailable", reason: "Interrupted", attempts: 0, applied: "no" })
      }
      expect(sent).toEqual([])
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("counts a Retry-After date from the Date of the response", () => {
    const server = Date.UTC(2026, 10, 6, 8)
    const { layer, times } = scripted([
      answer(429, "", {
        date: new Date(server).toUTCString(),
        "retry-after": `2, ${new Date(server + 5_000).toUTCString()}`
      }),
      answer(200, page)
    ])
    return Effect.gen(function*() {
      const users = yield* UsersService
      yield* inAnHour(users.list())
      expect(times()).toEqual([0, 5_000])
    }).pipe(Effect.provide(layer))
  })

  const paused: Array<number> = []

  it.scoped("is told to pause for a 429 alone, and for as long as it says", () => {
    const { layer } = scripted([
      answer(503, "", { "retry-after": "1" }),
      answer(429, "", { "retry-after": "2" }),
      answer(400)
    ])
    return Effect.gen(function*() {
      const client = yield* Client.make(Sandbox.credentials)
      yield* inAnHour(Effect.flip(client.execute({ call: "test", method: "GET", template: "/v1/user/" })))
      expect(paused).toEqual([2_000])
    }).pipe(
      Effect.provideService(RateLimiter.RateLimiter, {
        limit: (attempt) => attempt,
        limitCost: (attempt) => attempt,
        pause: (duration) => Effect.sync(() => paused.push(Duration.toMillis(duration)))
      }),
      Effect.provide(layer)
    )
  })
})

describe("a limiter of your own that asks how an attempt ended", () => {
  const scripts = {
    noResponse: [never],
    refusal: [answer(503)],
    response: [answer(200)]
  }
  for (const [expected, script] of Object.entries(scripts)) {
    it.scoped(`is told of a ${expected}, also of an attempt that was interrupted`, () => {
      const outcomes: Array<RateLimiter.RateLimiter.Outcome | undefined> = []
      return Effect.gen(function*() {
        const client = yield* Client.make(Sandbox.credentials)
        const fiber = yield* Effect.fork(
          Effect.exit(client.execute({ call: "test", method: "GET", template: "/v1/user/" }))
        )
        yield* TestClock.adjust("1 millis")
        yield* Fiber.interrupt(fiber)
        expect(outcomes).toEqual([expected])
      }).pipe(
        Effect.provideService(RateLimiter.RateLimiter, {
          limit: (attempt, options) =>
            Effect.onExit(attempt, (exit) => Effect.sync(() => outcomes.push(options?.outcome?.(exit)))),
          limitCost: (attempt) => attempt,
          pause: () => Effect.void
        }),
        Effect.provide(scripted(script).layer)
      )
    })
  }
})

describe("a request that is not idempotent", () => {
  const never: Record<string, Sandbox.Fault> = {
    "a connection that is cut": Sandbox.resetPeer,
    "a connection that is cut after the request was applied": Sandbox.resetPeerApplied,
    "an answer that breaks off": Sandbox.truncateBody,
    "an answer that does not end": Sandbox.stall,
    "408": Sandbox.status(408),
    "425": Sandbox.status(425),
    "500": Sandbox.status(500),
    "502": Sandbox.status(502),
    "503": Sandbox.status(503),
    "503 with Retry-After": Sandbox.status(503, { retryAfter: "1" }),
    "504": Sandbox.status(504)
  }
  for (const [name, fault] of Object.entries(never)) {
    test(`is not retried after ${name}`, ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script([fault])
        const { error } = yield* failure(users.edit(visit))
        expect(error).toMatchObject({ _tag: "SuprsendUnavailable", attempts: 1, retryable: false })
        expect(yield* sandbox.requests).toHaveLength(1)
      }))
  }

  test("is retried after 429, as often as the policy allows", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script(times(3, Sandbox.status(429, { retryAfter: "1" })))
      expect((yield* inAnHour(users.edit(visit))).properties).toEqual({ visits: 1 })
      expect(yield* sandbox.requests).toHaveLength(4)
    }))

  for (const code of ["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]) {
    testScript(`is tried again after ${code}: nothing left this machine`, [
      broken(code),
      broken(code),
      answer(202, "{\"distinct_id\":\"ada\"}")
    ], (users, sent) =>
      Effect.gen(function*() {
        expect((yield* inAnHour(users.edit(visit))).distinctId).toBe("ada")
        expect(sent).toHaveLength(3)
      }))
  }

  for (const code of ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "ETIMEDOUT"]) {
    testScript(
      `is not tried again after ${code}, which comes too late to know`,
      [broken(code)],
      (users, sent) =>
        Effect.gen(function*() {
          expect((yield* failure(users.edit(visit))).error).toMatchObject({ applied: "unknown", retryable: false })
          expect(sent).toHaveLength(1)
        })
    )
  }

  for (
    const [code, syscall] of [["EHOSTUNREACH", "read"], ["ENETUNREACH", "write"], ["ECONNREFUSED", "read"]] as const
  ) {
    const lost: Answer = () =>
      Effect.fail(
        new TypeError("fetch failed", { cause: Object.assign(new Error(`${syscall} ${code}`), { code, syscall }) })
      )
    testScript(
      `is a request on a connection that was made, and is lost with ${code}`,
      [lost],
      (users, sent) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(users.edit(visit))
          expect(error).toMatchObject({ applied: "unknown", attempts: 1, retryable: false })
          expect(sent).toHaveLength(1)
        })
    )
  }

  const edits: Record<string, readonly [edit: UserEdit.UserEdit, idempotent: boolean]> = {
    set: [ada, true],
    setOnce: [UserEdit.setOnce(UserEdit.edit("ada"), "plan", "pro"), true],
    remove: [UserEdit.remove(UserEdit.edit("ada"), "games", "chess"), true],
    unset: [UserEdit.unset(UserEdit.edit("ada"), "plan"), true],
    increment: [visit, false],
    append: [UserEdit.append(UserEdit.edit("ada"), "games", "chess"), false],
    addEmail: [UserEdit.addEmail(UserEdit.edit("ada"), "ada@example.com"), false],
    "an operation that is not known": [UserEdit.appendOperation(UserEdit.edit("ada"), { $multiply: { n: 2 } }), false],
    "one increment among others": [UserEdit.set(visit, "plan", "pro"), false]
  }
  for (const [name, [edit, idempotent]] of Object.entries(edits)) {
    testScript(
      `${idempotent ? "is not" : "is"} an edit with ${name}`,
      [answer(500), answer(202, "{\"distinct_id\":\"ada\"}")],
      (users, sent) =>
        Effect.gen(function*() {
          yield* inAnHour(Effect.exit(users.edit(edit)))
          expect(sent).toHaveLength(idempotent ? 2 : 1)
        })
    )
  }

  test("is never an event, because its insert id makes retries safe", ({ sandbox, users }) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.resetPeerApplied, Sandbox.status(500)])
      yield* inAnHour(users.asyncEdit(visit))
      expect(yield* sandbox.requests).toHaveLength(3)
      expect((yield* sandbox.users)[0]?.properties).toEqual({ visits: 1 })
    }))
})

describe("applied", () => {
  const table: ReadonlyArray<readonly [name: string, faults: ReadonlyArray<Sandbox.Fault>, applied: "no" | "unknown"]> =
    [
      ["a server that says 4xx did nothing", [Sandbox.status(400)], "no"],
      ["nor did one that says 429", times(4, Sandbox.status(429, { retryAfter: "0" })), "no"],
      ["nor did one that refuses the credentials", [Sandbox.status(401)], "no"],
      ["nor did one that redirects", [Sandbox.status(302)], "no"],
      ["nor did one that says it is too early", times(4, Sandbox.status(425, { retryAfter: "0" })), "no"],
      ["one that says 5xx may have", times(4, Sandbox.status(503, { retryAfter: "0" })), "unknown"],
      ["so may one that says 408", times(4, Sandbox.status(408, { retryAfter: "0" })), "unknown"],
      ["so may one that cut the connection", times(4, Sandbox.resetPeer), "unknown"],
      ["so may one that does not answer", times(2, Sandbox.delay("1 hour")), "unknown"],
      ["an attempt before may have, though the last one did not", [Sandbox.resetPeer, Sandbox.status(400)], "unknown"],
      ["one long before, too", [
        Sandbox.status(500),
        Sandbox.status(429, { retryAfter: "0" }),
        Sandbox.status(429, { retryAfter: "0" }),
        Sandbox.status(429, { retryAfter: "0" })
      ], "unknown"]
    ]
  for (const [name, faults, applied] of table) {
    test(`${applied}: ${name}`, ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script(faults)
        const { error } = yield* failure(users.asyncEdit(UserEdit.withInsertId(ada, "job-7")))
        expect(error).toMatchObject({ applied, attempts: faults.length, insertId: "job-7" })
      }))
  }

  testScript("no: nothing reached the server", [broken("ECONNREFUSED")], (users) =>
    Effect.gen(function*() {
      const { error } = yield* failure(users.edit(visit))
      expect(error).toMatchObject({
        _tag: "SuprsendUnavailable",
        reason: "Transport",
        applied: "no",
        attempts: 4,
        retryable: true,
        description: "connect ECONNREFUSED 127.0.0.1:1"
      })
    }))

  testScript("unknown: an attempt is under way when the time is over", [
    answer(429, "", { "retry-after": "1" }),
    never
  ], (users) =>
    Effect.gen(function*() {
      const { at, error } = yield* failure(users.edit(visit))
      expect(at).toBe(20_000)
      // Not the 429 of the first attempt: it would tell that sending the increment again is safe.
      expect(error).toMatchObject({
        _tag: "SuprsendUnavailable",
        reason: "Timeout",
        applied: "unknown",
        attempts: 2,
        retryable: false
      })
    }), { retry: { elapsed: "20 seconds" } })

  testScript(
    "no: the time is over between attempts that did nothing",
    [answer(429, "", { "retry-after": "19" })],
    (users) =>
      Effect.gen(function*() {
        const { error } = yield* failure(users.edit(visit))
        expect(error).toMatchObject({ _tag: "SuprsendRateLimited", applied: "no", attempts: 2, retryable: true })
      }),
    { retry: { elapsed: "20 seconds" } }
  )
})

describe("interruption", () => {
  const nothingMore = ({ sandbox, times: instants }: Tools) =>
    Effect.gen(function*() {
      const before = yield* instants
      yield* TestClock.adjust("1 hour")
      expect(yield* instants).toEqual(before)
      return (yield* sandbox.requests).length
    })

  /** Interrupts a call after a while, and says how long that took: it must take no time. */
  const interruptAfter = <A, E>(call: Effect.Effect<A, E>, after: Duration.DurationInput) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(call)
      yield* settle
      yield* TestClock.adjust(after)
      const before = yield* Clock.currentTimeMillis
      const exit = yield* Fiber.interrupt(fiber)
      expect(Exit.isInterrupted(exit)).toBe(true)
      expect(yield* Clock.currentTimeMillis).toBe(before)
    })

  const limited = { rateLimit: { limit: 1, window: "10 seconds" } } as const

  test("while it waits in the limiter", (tools) =>
    Effect.gen(function*() {
      const { times: instants, users } = tools
      yield* users.list()
      yield* interruptAfter(users.list(), "3 seconds")
      // Its place in the queue is free at once: the next one is not later for it.
      yield* inAnHour(users.list())
      expect(yield* instants).toEqual([0, 10_000])
      expect(yield* nothingMore(tools)).toBe(2)
    }), limited)

  test("while it sleeps between two attempts", (tools) =>
    Effect.gen(function*() {
      const { sandbox, times: instants, users } = tools
      yield* sandbox.script([Sandbox.status(503, { retryAfter: "30" })])
      yield* interruptAfter(users.list(), "15 seconds")
      expect(yield* nothingMore(tools)).toBe(1)
      yield* inAnHour(users.list())
      expect(yield* instants).toEqual([0, 3_615_000])
    }), limited)

  const sending: Record<string, Sandbox.Fault> = {
    "while it sends": Sandbox.delay("1 hour"),
    "while it reads the body": Sandbox.stall
  }
  for (const [name, fault] of Object.entries(sending)) {
    test(name, (tools) =>
      Effect.gen(function*() {
        const { sandbox, times: instants, users } = tools
        yield* sandbox.script([fault])
        yield* interruptAfter(users.list(), "4 seconds")
        // The request may arrive for ten seconds more, and then holds its slot for one window.
        yield* inAnHour(users.list())
        expect(yield* instants).toEqual([0, 24_000])
        expect(yield* nothingMore(tools)).toBe(2)
      }), limited)
  }

  const credentials = { workspaceKey: "workspace-key", workspaceSecret: Redacted.make("workspace-secret") }

  it.scoped("before its request has left, over a transport that knows", () =>
    Effect.gen(function*() {
      const started = yield* Ref.make<ReadonlyArray<number>>([])
      const clock = yield* Effect.clock
      let aborted = 0
      const connecting: Transport = {
        start: () => {
          Effect.runSync(Ref.update(started, (times) => [...times, clock.unsafeCurrentTimeMillis()]))
          return { isSent: () => false, abort: () => void aborted++ }
        },
        yieldToEventLoop: Effect.void,
        isTraced: false,
        endsAtOnce: true
      }
      const http = register(HttpClient.make(() => Effect.dieMessage("it has a transport of its own")), connecting)
      const client = yield* Client.layer({ ...credentials, ...limited, timeout: "1 minute", retry: { attempts: 1 } })
        .pipe(
          Layer.provide(Layer.succeed(HttpClient.HttpClient, http)),
          Layer.build
        )
      const call = Context.get(client, Client.SuprsendClient).execute({ call: "test", method: "GET", template: "/" })
      yield* interruptAfter(call, "4 seconds")
      expect(aborted).toBe(1)
      // Nothing can arrive late of it: its slot is held for one window, and for no ten seconds more.
      yield* inAnHour(Effect.either(call))
      expect(yield* started).toEqual([0, 14_000])
      expect(aborted).toBe(2)
    }))

  test("while it waits out a pause", (tools) =>
    Effect.gen(function*() {
      const { sandbox, times: instants, users } = tools
      yield* sandbox.script([Sandbox.status(429, { retryAfter: "20" })])
      yield* interruptAfter(users.list(), "1 second")
      expect(yield* instants).toEqual([0])
      // The pause was asked for by the server, and stays.
      yield* inAnHour(users.list())
      expect(yield* instants).toEqual([0, 20_000])
    }), limited)

  test("by a timeout of the caller's own", (tools) =>
    Effect.gen(function*() {
      const { sandbox, users } = tools
      yield* sandbox.script([Sandbox.stall])
      const result = yield* inAnHour(Effect.timeoutOption(users.list(), "2 seconds"))
      expect(result._tag).toBe("None")
      expect(yield* nothingMore(tools)).toBe(1)
    }))

  test("of one of many leaves the others alone", (tools) =>
    Effect.gen(function*() {
      const { sandbox, times: instants, users } = tools
      yield* sandbox.script([Sandbox.delay("1 second")])
      const fibers = yield* Effect.all(Arr.replicate(Effect.fork(users.list()), 5))
      yield* settle
      yield* Effect.forEach(fibers.filter((_, i) => i % 2 === 1), Fiber.interrupt)
      yield* TestClock.adjust("1 hour")
      const exits = yield* Effect.forEach(fibers, Fiber.await)
      expect(exits.map((exit) => exit._tag)).toEqual(["Success", "Failure", "Success", "Failure", "Success"])
      expect(yield* instants).toEqual([0, 11_000, 21_000])
    }), limited)
})

describe("errors", () => {
  interface Case {
    readonly faults: ReadonlyArray<Sandbox.Fault>
    readonly call: (users: UsersService.Service) => Effect.Effect<unknown, SuprsendError>
    readonly expected: Record<string, unknown>
    readonly fix: RegExp
  }
  const cases: ReadonlyArray<Case> = [
    {
      faults: [],
      call: (users) => users.asyncEdit(UserEdit.setTimezone(ada, "Mars/Olympus")),
      expected: { _tag: "InvalidUserEdit", call: "UsersService.asyncEdit", attempts: 0, retryable: false },
      fix: /no request was sent.*must be an IANA time zone such as/
    },
    {
      faults: [],
      call: (users) => users.get(".."),
      expected: { _tag: "InvalidDistinctId", call: "UsersService.get", attempts: 0, retryable: false },
      fix: /no request was sent.*must not be "\.\."/
    },
    {
      faults: [],
      call: (users) => users.delete("nobody"),
      expected: { _tag: "SuprsendUserNotFound", call: "UsersService.delete", attempts: 1, retryable: false },
      fix: /create it with an edit, or check the distinct id/
    },
    {
      faults: [Sandbox.status(503), Sandbox.status(401)],
      call: (users) => users.list(),
      expected: { _tag: "SuprsendUnauthorized", call: "UsersService.list", attempts: 2, status: 401, retryable: false },
      fix: /401: scripted.*check the workspace key and secret or the API key, and the clock/
    },
    {
      faults: [Sandbox.status(400, { body: "{\"code\":400,\"message\":\"invalid_request_error\"}" })],
      call: (users) => users.edit(ada),
      expected: { _tag: "SuprsendRejected", call: "UsersService.edit", attempts: 1, status: 400, retryable: false },
      fix: /400: invalid_request_error.*correct it before sending it again/
    },
    {
      faults: [Sandbox.status(308)],
      call: (users) => users.edit(ada),
      expected: { _tag: "SuprsendRejected", call: "UsersService.edit", attempts: 1, status: 308, retryable: false },
      fix: /redirect.*not followed: check the base URL/
    },
    {
      faults: times(4, Sandbox.status(429, { retryAfter: "0" })),
      call: (users) => users.getObjectsSubscribedTo("ada"),
      expected: {
        _tag: "SuprsendRateLimited",
        call: "UsersService.getObjectsSubscribedTo",
        attempts: 4,
        retryable: true
      },
      fix: /after 4 requests; retry .*or lower the rateLimit/
    },
    {
      faults: times(4, Sandbox.status(429)),
      call: (users) => users.list(),
      expected: { _tag: "SuprsendRateLimited", call: "UsersService.list", attempts: 4, retryAfter: undefined },
      fix: /retry later, or lower the rateLimit/
    },
    {
      faults: times(4, Sandbox.status(503, { body: "<html>busy</html>", contentType: "text/html" })),
      call: (users) => users.getListsSubscribedTo("ada"),
      expected: {
        _tag: "SuprsendUnavailable",
        call: "UsersService.getListsSubscribedTo",
        attempts: 4,
        reason: "ServerError",
        serverMessage: undefined,
        retryable: true
      },
      fix: /ServerError: 503\), after 4 requests: the server may have applied it; sending it again is safe/
    },
    {
      faults: [Sandbox.resetPeer],
      call: (users) => users.edit(visit),
      expected: {
        _tag: "SuprsendUnavailable",
        call: "UsersService.edit",
        attempts: 1,
        reason: "Transport",
        description: "socket hang up (ECONNRESET)",
        retryable: false
      },
      fix:
        /Transport: socket hang up \(ECONNRESET\)\), after 1 request: the server may have applied it: look before sending it again, or use asyncEdit/
    },
    {
      faults: [Sandbox.status(501)],
      call: (users) => users.asyncEdit(ada),
      expected: { _tag: "SuprsendUnavailable", attempts: 1, reason: "ServerError", status: 501, retryable: false },
      fix: /ServerError: 501: scripted\), after 1 request: the server cannot do this, so sending it again does not help/
    },
    {
      faults: times(4, Sandbox.stall),
      call: (users) => users.list(),
      expected: { _tag: "SuprsendUnavailable", attempts: 2, reason: "Timeout", retryable: true },
      fix: /Timeout: no complete response within 1m\), after 2 requests/
    },
    {
      faults: [Sandbox.status(200, { body: "[]" })],
      call: (users) => users.get("ada"),
      expected: {
        _tag: "SuprsendUnexpectedResponse",
        call: "UsersService.get",
        attempts: 1,
        status: 200,
        retryable: false
      },
      fix: /response \(200\) is not .*must be a JSON object, got an array\. Check that the base URL is SuprSend's/
    }
  ]
  for (const { call, expected, faults, fix } of cases) {
    test(`${expected._tag} names the call, the attempts and the remedy: ${fix.source.slice(0, 50)}`, ({ sandbox, users }) =>
      Effect.gen(function*() {
        yield* sandbox.script(faults)
        const { error } = yield* failure(call(users))
        expect(isSuprsendError(error)).toBe(true)
        expect(error).toMatchObject(expected)
        expect(error.message.startsWith(`${error.call}: `)).toBe(true)
        expect(error.message).toMatch(fix)
        expect(String(error)).toContain(error.message)
      }))
  }
})

describe("params of a path", () => {
  const get = (params: Record<string, string>) => ({
    call: "test",
    method: "GET" as const,
    template: "/v1/object/{type}/{id}/",
    params
  })

  for (
    const [name, params] of [
      ["a dot", { type: "a", id: "." }],
      ["two dots", { type: "..", id: "a" }],
      ["nothing", { type: "a", id: "" }],
      ["left out", { type: "a" }]
    ] as const
  ) {
    test(`cannot be ${name}, which would be another path`, ({ client, sandbox }) =>
      Effect.gen(function*() {
        const exit = yield* Effect.exit(client.execute(get(params)))
        expect(exit).toMatchObject({ _tag: "Failure", cause: { _tag: "Die" } })
        expect(yield* sandbox.requests).toEqual([])
      }))
  }

  test("are one segment each", ({ client, sandbox }) =>
    Effect.gen(function*() {
      yield* Effect.exit(client.execute(get({ type: "a/b", id: "../c?d#e" })))
      expect((yield* sandbox.requests)[0]?.uri).toBe("/v1/object/a%2Fb/..%2Fc%3Fd%23e/")
    }))
})

describe("whatever the server does", () => {
  const fault: FastCheck.Arbitrary<Sandbox.Fault> = FastCheck.letrec<{ fault: Sandbox.Fault; plain: Sandbox.Fault }>(
    (tie) => ({
      plain: FastCheck.oneof(
        FastCheck.constantFrom(Sandbox.resetPeer, Sandbox.resetPeerApplied, Sandbox.truncateBody, Sandbox.stall),
        FastCheck.record({
          status: FastCheck.constantFrom(302, 400, 401, 404, 408, 425, 429, 429, 429, 500, 501, 502, 503, 503),
          retryAfter: FastCheck.option(FastCheck.nat(40).map(String), { nil: undefined })
        }).map(({ retryAfter, status }) => Sandbox.status(status, { retryAfter }))
      ),
      fault: FastCheck.oneof(
        tie("plain"),
        FastCheck.tuple(FastCheck.nat(40_000), tie("plain")).map(([millis, then]) => Sandbox.delay(millis, then))
      )
    })
  ).fault

  it.effect.prop(
    "a call ends within its attempts and its time, says how many requests there were, and sends the same thing",
    {
      faults: FastCheck.array(fault, { maxLength: 8 }),
      attempts: FastCheck.integer({ min: 1, max: 6 }),
      elapsed: FastCheck.integer({ min: 1_000, max: 90_000 }),
      idempotent: FastCheck.boolean(),
      limit: FastCheck.integer({ min: 1, max: 3 })
    },
    ({ attempts, elapsed, faults, limit, idempotent }) =>
      Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const client = yield* SuprsendClient
        yield* sandbox.script(faults)
        const call = client.execute({
          call: "test",
          method: "PATCH",
          template: "/v1/user/{id}/",
          params: { id: "ada" },
          body: JSON.stringify({ operations: [{ $add: { n: 1 } }] }),
          idempotent: idempotent
        })
        const { at, exit } = yield* inAnHour(
          Effect.flatMap(Effect.exit(call), (exit) => Effect.map(Clock.currentTimeMillis, (at) => ({ at, exit })))
        )
        const requests = yield* sandbox.requests
        const counter = (yield* sandbox.user("ada")).pipe((user) => user._tag === "Some" ? user.value.properties.n : 0)

        expect(at).toBeLessThanOrEqual(elapsed)
        expect(requests.length).toBeLessThanOrEqual(attempts)
        // A slot that comes free at the very instant of the deadline may still be taken.
        expect(requests.every((request) => request.at <= elapsed)).toBe(true)
        expect(new Set(requests.map(({ body, uri }) => body + uri)).size).toBeLessThanOrEqual(1)
        expect((Exit.isSuccess(exit) ? exit.value : yield* Effect.flip(exit)).attempts).toBe(requests.length)
        // What must not happen twice does not.
        if (!idempotent) expect(counter).toBeLessThanOrEqual(1)
        if (Exit.isFailure(exit)) {
          const error = yield* Effect.flip(exit)
          if (error.applied === "no") expect(counter).toBe(0)
          if (!idempotent && error.applied === "unknown") expect(error.retryable).toBe(false)
        }
      }).pipe(
        Effect.provide(
          sandboxed({
            retry: { attempts, elapsed },
            timeout: "20 seconds",
            rateLimit: { limit, window: "1 second" }
          })
        )
      ),
    { fastCheck: { numRuns: 40 } }
  )
})
