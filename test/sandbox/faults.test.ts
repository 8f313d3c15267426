import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { Faults } from "../../src/internal/sandbox/faults/faultJson.js"
import * as fault from "../../src/internal/sandbox/faults/script.js"
import { loosely } from "../utils/loosely.js"

const request = (method: string, uri: string, body = "") =>
  new Sandbox.RecordedRequest({ method, uri, headers: {}, body, at: 0, status: undefined })

const event = request("POST", "/event/")
const read = request("GET", "/v1/user/ada/")

/** What the faults do with requests that arrive at these times. */
const run = (
  faults: ReadonlyArray<Sandbox.Fault>,
  arrivals: ReadonlyArray<
    { readonly request?: Sandbox.RecordedRequest; readonly at?: number; readonly random?: number }
  >
): ReadonlyArray<fault.Treatment> =>
  Arr.mapAccum(
    arrivals,
    fault.add(fault.empty, faults, 0),
    (script, { at = 0, random = 0.5, request = event }) => {
      const [treatment, next] = fault.step(script, request, at, random)
      return [next, treatment]
    }
  )[1]

/** How it ended: the status, the tag, or "-" for the ordinary answer; after how long, if not at once. */
const shown = ({ delay, outcome }: fault.Treatment): string => {
  const end = Option.match(outcome, {
    onNone: () => "-",
    onSome: (one) => one._tag === "Status" ? String(one.status) : one._tag
  })
  return Duration.toMillis(delay) === 0 ? end : `${end} after ${Duration.toMillis(delay)}`
}

const show = (...parameters: Parameters<typeof run>): ReadonlyArray<string> => run(...parameters).map(shown)

const arrivalTimes = FastCheck.array(FastCheck.integer({ min: 0, max: 40 }), { maxLength: 60 }).map((gaps) =>
  Arr.scan(gaps, 0, (at, gap) => at + gap)
)

const leaf: FastCheck.Arbitrary<Sandbox.Fault> = FastCheck.oneof(
  FastCheck.constantFrom(
    Sandbox.resetPeer,
    Sandbox.resetPeerApplied,
    Sandbox.truncateBody,
    Sandbox.stall,
    Sandbox.maintenance({ retryAfter: "5" }),
    Sandbox.status(429, { retryAfter: "1", body: "<html>", contentType: "text/html", applied: true }),
    Sandbox.noResponse(),
    Sandbox.noResponse({ applied: true }),
    Sandbox.malformedBody(),
    Sandbox.slowBody({ bytes: 3, interval: "1 second" }),
    Sandbox.latency("20 millis")
  ),
  FastCheck.nat(9).map((bytes) => Sandbox.truncateBodyAfter(bytes, { applied: bytes % 2 === 0 })),
  FastCheck.tuple(FastCheck.nat(3), FastCheck.integer({ min: 1, max: 100 })).map(([limit, window]) =>
    Sandbox.rateLimit({ limit, window })
  )
)

const anyFault: FastCheck.Arbitrary<Sandbox.Fault> = FastCheck.letrec<{ any: Sandbox.Fault }>((tie) => ({
  any: FastCheck.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    FastCheck.tuple(FastCheck.constantFrom("POST /event/" as const, "GET /v1/user/*/" as const), tie("any")).map((
      [endpoint, fault]
    ) => Sandbox.on(endpoint, fault)),
    FastCheck.tuple(FastCheck.nat(3), tie("any")).map(([times, fault]) => Sandbox.failNext(times, fault)),
    FastCheck.tuple(FastCheck.nat(100), tie("any")).map(([millis, fault]) => Sandbox.lasting(millis, fault)),
    FastCheck.tuple(FastCheck.nat(100), tie("any")).map(([millis, fault]) => Sandbox.delay(millis, fault)),
    FastCheck.tuple(FastCheck.double({ min: 0, max: 1, noNaN: true }), tie("any")).map(([p, fault]) =>
      Sandbox.sometimes(p, fault)
    ),
    FastCheck.array(tie("any"), { maxLength: 3 }).map((faults) => Sandbox.inOrder(...faults)),
    FastCheck.array(tie("any"), { maxLength: 3 }).map((faults) => Sandbox.together(...faults))
  )
})).any

const arrivals = FastCheck.array(
  FastCheck.record({
    request: FastCheck.constantFrom(event, read),
    random: FastCheck.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    gap: FastCheck.nat(40)
  }),
  { maxLength: 20 }
).map((all) => Arr.mapAccum(all, 0, (at, { gap, random, request }) => [at + gap, { at: at + gap, random, request }])[1])

describe("laws", () => {
  it.prop(
    "a rate limit never lets more than its limit pass in any window, and refuses none that there is room for",
    [FastCheck.nat(5), FastCheck.integer({ min: 1, max: 100 }), arrivalTimes],
    ([limit, window, times]) => {
      const treatments = run([Sandbox.rateLimit({ limit, window })], times.map((at) => ({ at })))
      const passed = times.filter((_, i) => Option.isNone(treatments[i]?.outcome ?? Option.none()))
      for (const from of passed) {
        expect(passed.filter((at) => at >= from && at < from + window).length).toBeLessThanOrEqual(limit)
      }
      times.forEach((at, i) => {
        if (Option.isNone(treatments[i]?.outcome ?? Option.none())) return
        const earlier = times.filter((other, j) =>
          j < i && other > at - window && Option.isNone(treatments[j]?.outcome ?? Option.none())
        )
        expect(earlier.length).toBe(limit)
      })
    }
  )

  it.prop(
    "who comes back when `Retry-After` says so passes, and a second earlier does not",
    [FastCheck.integer({ min: 1, max: 4 }), FastCheck.integer({ min: 1, max: 5000 }), FastCheck.nat(4000)],
    ([limit, window, pause]) => {
      const faults = [Sandbox.rateLimit({ limit, window })]
      const full = Arr.makeBy(limit, () => ({ at: 0 }))
      const refused = run(faults, [...full, { at: pause }]).at(-1)?.outcome ?? Option.none()
      expect(Option.isSome(refused)).toBe(pause < window)
      if (pause >= window) return
      const retryAfter = Option.isSome(refused) && refused.value._tag === "Status"
        ? Number(refused.value.headers["retry-after"])
        : NaN
      const again = (at: number) => show(faults, [...full, { at: pause }, { at }]).at(-1)
      expect(again(pause + retryAfter * 1000)).toBe("-")
      if (retryAfter > 1) expect(again(pause + (retryAfter - 1) * 1000)).toBe("429")
    }
  )

  it.prop("failNext happens exactly so many times", [FastCheck.nat(6), FastCheck.nat(10)], ([times, more]) => {
    const ends = show([Sandbox.failNext(times)], Arr.replicate({}, times + more + 1))
    expect(ends.map((end) => end === "503")).toEqual(ends.map((_, i) => i < times))
  })

  it.prop("on changes nothing for other endpoints", [anyFault, arrivals], ([fault, all]) => {
    const others = all.map((arrival) => ({ ...arrival, request: read }))
    expect(show([Sandbox.on("POST /event/", fault)], others)).toEqual(others.map(() => "-"))
  })

  it.prop("on changes nothing else for its own", [anyFault, arrivals], ([fault, all]) => {
    const events = all.map((arrival) => ({ ...arrival, request: event }))
    expect(run([Sandbox.on("POST /event/", fault)], events)).toEqual(run([fault], events))
  })

  it.prop("one fault together is that fault, and so is one in order", [anyFault, arrivals], ([fault, all]) => {
    expect(run([Sandbox.together(fault)], all)).toEqual(run([fault], all))
    expect(run([Sandbox.inOrder(fault)], all)).toEqual(run([fault], all))
  })

  it.prop(
    "together is associative, and faults that stand are together",
    [anyFault, anyFault, anyFault, arrivals],
    ([a, b, c, all]) => {
      const flat = run([a, b, c], all).map(shown)
      expect(run([Sandbox.together(a, b, c)], all).map(shown)).toEqual(flat)
      expect(run([Sandbox.together(Sandbox.together(a, b), c)], all).map(shown)).toEqual(flat)
      expect(run([Sandbox.together(a, Sandbox.together(b, c))], all).map(shown)).toEqual(flat)
    }
  )

  it.prop("a fault is unchanged by use, and equal by content", [anyFault, arrivals], ([fault, all]) => {
    expect(run([fault], all)).toEqual(run([fault], all))
  })

  it.prop("they survive JSON, and so does what is left of them after use", [anyFault, arrivals], ([one, all]) => {
    const script = all.reduce(
      (script, { at, random, request }) => fault.step(script, request, at, random)[1],
      fault.add(fault.empty, [one], 0)
    )
    for (const faults of [[one], fault.toFaults(script)]) {
      const json = JSON.stringify(Schema.encodeSync(Faults)(faults))
      const again = Schema.decodeUnknownSync(Faults)(JSON.parse(json))
      expect(Equal.equals(Chunk.fromIterable(again), Chunk.fromIterable(faults))).toBe(true)
    }
  })

  it.prop(
    "a probability is what it says, also within another one",
    [FastCheck.double({ min: 0, max: 1, noNaN: true }), FastCheck.double({ min: 0, max: 1, noNaN: true })],
    ([p, q]) => {
      const n = 1000
      const even = Arr.makeBy(n, (i) => ({ random: (i + 0.5) / n }))
      const share = (...faults: ReadonlyArray<Sandbox.Fault>) =>
        show(faults, even).filter((end) => end === "ResetPeer").length / n
      expect(share(Sandbox.sometimes(p, Sandbox.resetPeer))).toBeCloseTo(p, 2)
      expect(share(Sandbox.sometimes(p, Sandbox.sometimes(q, Sandbox.resetPeer)))).toBeCloseTo(p * q, 2)
      expect(share(Sandbox.sometimes(p, Sandbox.resetPeerApplied), Sandbox.sometimes(q, Sandbox.resetPeer)))
        .toBeCloseTo(p + (1 - p) * q, 2)
    }
  )
})

describe("when a fault happens", () => {
  it("on an endpoint, by method and path, whatever stands in a segment", () => {
    const on = loosely(Sandbox.on)
    const hits = (endpoint: string, ...requests: ReadonlyArray<readonly [string, string]>) =>
      show([on(endpoint, Sandbox.resetPeer)], requests.map(([method, uri]) => ({ request: request(method, uri) })))
    expect(hits("POST /event/", ["POST", "/event/"], ["GET", "/event/"], ["POST", "/event"])).toEqual([
      "ResetPeer",
      "-",
      "-"
    ])
    expect(hits("GET /v1/user/", ["GET", "/v1/user/?limit=5"], ["GET", "/v1/user/ada/"])).toEqual(["ResetPeer", "-"])
    for (const segment of ["*", "{distinct_id}"]) {
      expect(
        hits(`GET /v1/user/${segment}/`, ["GET", "/v1/user/a%2Fb/"], ["GET", "/v1/user//"], ["GET", "/v1/user/a/b/"])
      ).toEqual(["ResetPeer", "-", "-"])
    }
    expect(hits("* /v1/user/a b/", ["GET", "/v1/user/a%20b/"], ["DELETE", "/v1/user/a%20b/"])).toEqual([
      "ResetPeer",
      "ResetPeer"
    ])
    expect(hits("/event/", ["POST", "/event/"])).toEqual(["ResetPeer"])
    expect(hits("GET /v1/user/*/", ["GET", "/v1/user/%ff/"])).toEqual(["-"])
  })

  it("on an endpoint that is served; another one would never happen, and is refused with the nearest that is", () => {
    const on = loosely(Sandbox.on)
    const nearest = (endpoint: string) => {
      const message = String(Either.getOrThrow(Either.flip(Either.try({
        try: () => on(endpoint, Sandbox.resetPeer),
        catch: (error) => error
      }))))
      expect(message).toContain("Sandbox.on: the sandbox has no endpoint \"")
      return /did you mean "(.*)"\?$/.exec(message)?.[1]
    }
    expect(nearest("POST /events")).toBe("POST /event/")
    expect(nearest("/event")).toBe("/event/")
    expect(nearest("GET /event/")).toBe("POST /event/")
    expect(nearest("PUT /v1/user/*/")).toBe("GET /v1/user/{id}/")
    expect(nearest("POST /v1/user/{id}/mrege/")).toBe("POST /v1/user/{id}/merge/")
    expect(nearest("GET /v1/users/")).toBe("GET /v1/user/")
    expect(nearest("PATCH /v1/user/{id}/preferences/")).toBe("PATCH /v1/user/{id}/preference/")
    expect(nearest("POST https://hub.suprsend.com/event/")).toBeDefined()
    expect(nearest("")).toBeDefined()
    expect(nearest("/".repeat(1_000_000))).toBeDefined()
    for (const endpoint of ["*", "post /event/", " * /v1/user/ada/ ", "/v1/*/{id}/", "GET /v1/user/*/preference/*/"]) {
      expect(on(endpoint, Sandbox.resetPeer)).toMatchObject({ _tag: "On" })
    }
  })

  it.effect("on an endpoint that is served, however the fault was made", () =>
    Effect.gen(function*() {
      const { faults, script } = yield* Sandbox.Sandbox
      const wrong: Sandbox.Fault = {
        _tag: "Delay",
        duration: Duration.zero,
        then: Option.some({
          _tag: "InOrder",
          faults: [Sandbox.resetPeer, { _tag: "On", endpoint: "/evnt/", fault: Sandbox.resetPeer }]
        })
      }
      for (const give of [faults.add(wrong), faults.replace([wrong]), script([Sandbox.resetPeer, wrong])]) {
        const exit = yield* Effect.exit(give)
        expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("did you mean \"/event/\"?")
      }
      expect(yield* faults.all).toEqual([])
    }).pipe(Effect.provide(Sandbox.layer)))

  it("on every endpoint, where it is `*`", () => {
    expect(
      show([Sandbox.on("*", Sandbox.resetPeer)], [{ request: read }, { request: event }, {
        request: request("PUT", "/%ff")
      }])
    ).toEqual(["ResetPeer", "ResetPeer", "ResetPeer"])
  })

  it("one after another, of any number", () => {
    const none = Arr.replicate(Sandbox.failNext(0), 20_000)
    expect(show([Sandbox.inOrder(...none, Sandbox.resetPeer)], [{}])).toEqual(["ResetPeer"])
  })

  it("by a predicate over the request", () => {
    expect(
      show([Sandbox.when((request) => request.body.length > 3, Sandbox.status(413))], [
        { request: request("POST", "/event/", "[]") },
        { request: request("POST", "/event/", "[{}]") }
      ])
    ).toEqual(["-", "413"])
  })

  it("for a while, which begins when it is given", () => {
    const faults = [Sandbox.lasting("1 minute", Sandbox.maintenance())]
    expect(show(faults, [{ at: 0 }, { at: 59_999 }, { at: 60_000 }, { at: 70_000 }])).toEqual(["503", "503", "-", "-"])
  })

  it("one after another", () => {
    const faults = [
      Sandbox.inOrder(Sandbox.failNext(2, Sandbox.resetPeer), Sandbox.lasting(10, Sandbox.status(500)), Sandbox.stall)
    ]
    expect(show(faults, [0, 5, 14, 15, 99].map((at) => ({ at })))).toEqual([
      "ResetPeer",
      "ResetPeer",
      "500",
      "TruncateBody",
      "TruncateBody"
    ])
  })

  it("as the first that settles it says, after the delays before it", () => {
    const faults = [
      Sandbox.latency(20),
      Sandbox.failNext(1, Sandbox.delay(5, Sandbox.status(500))),
      Sandbox.failNext(1, Sandbox.resetPeer),
      Sandbox.latency(7)
    ]
    expect(show(faults, [{}, {}, {}])).toEqual(["500 after 25", "ResetPeer after 20", "- after 27"])
  })

  it("is not asked behind one that settles the answer, so that nothing of it is used up", () => {
    const faults = [Sandbox.failNext(2, Sandbox.resetPeer), Sandbox.rateLimit({ limit: 1, window: 100 })]
    expect(show(faults, [{}, {}, {}, {}])).toEqual(["ResetPeer", "ResetPeer", "-", "429"])
  })
})

describe("as JSON", () => {
  const decode = Schema.decodeUnknownEither(Faults)

  it("they may leave out what the functions fill in, and say times as a text", () => {
    const json = [
      { _tag: "On", endpoint: "POST /event/", fault: { _tag: "Next", times: 2, fault: { _tag: "ResetPeer" } } },
      { _tag: "Lasting", duration: "10 minutes", fault: { _tag: "NoResponse" } },
      { _tag: "RateLimit", limit: 5, window: "1 second" },
      { _tag: "Delay", duration: 20 },
      { _tag: "TruncateBody" },
      { _tag: "MalformedBody" },
      { _tag: "Status", status: 503, body: "{}" }
    ]
    const faults = [
      Sandbox.on("POST /event/", Sandbox.failNext(2, Sandbox.resetPeer)),
      Sandbox.lasting("10 minutes", Sandbox.noResponse()),
      Sandbox.rateLimit({ limit: 5, window: "1 second" }),
      Sandbox.latency("20 millis"),
      Sandbox.truncateBody,
      Sandbox.malformedBody(),
      Sandbox.status(503, { body: "{}" })
    ]
    expect(Either.map(decode(json), Chunk.fromIterable)).toEqual(Either.right(Chunk.fromIterable(faults)))
  })

  it("they are refused where they make no sense", () => {
    for (
      const one of [
        { _tag: "Nonsense" },
        { _tag: "Status", status: 99 },
        { _tag: "Sometimes", probability: 2, fault: { _tag: "ResetPeer" } },
        { _tag: "Next", times: -1, fault: { _tag: "ResetPeer" } },
        { _tag: "Delay", duration: "soon" },
        { _tag: "When", fault: { _tag: "ResetPeer" } },
        { _tag: "Status", status: 503, headers: { "a b": "c" } },
        { _tag: "Status", status: 503, headers: { a: "b\nc" } },
        { _tag: "RateLimit", limit: 100_001, window: 1 },
        { _tag: "On", endpoint: "POST /events", fault: { _tag: "ResetPeer" } }
      ]
    ) {
      expect(Either.isLeft(decode([one]))).toBe(true)
    }
  })

  it("a predicate cannot travel, and that is said", () => {
    const encoded = Schema.encodeEither(Faults)([Sandbox.on("*", Sandbox.when(() => true, Sandbox.resetPeer))])
    expect(Either.isLeft(encoded) && encoded.left.message).toContain("a predicate cannot travel as JSON")
  })
})

describe("over the client", () => {
  const edit = Effect.flatMap(UsersService, (users) => users.asyncEdit(UserEdit.edit("ada")))
  const statuses = Effect.flatMap(
    Sandbox.Sandbox,
    (sandbox) => Effect.map(sandbox.requests, Arr.map((request) => request.status))
  )
  const existing = Effect.flatMap(
    Sandbox.Sandbox,
    (sandbox) => Effect.map(sandbox.users, Arr.map((user) => user.distinctId))
  )
  /** One request, not signed, as nobody repeats it. */
  const raw = Effect.flatMap(HttpClient.HttpClient, (client) => client.get("http://sandbox.localhost/v1/user/"))

  it.effect("faults stand until they are taken away, those of the script behind them", () =>
    Effect.gen(function*() {
      const { faults, script } = yield* Sandbox.Sandbox
      const answers = (n: number) =>
        Effect.map(Effect.all(Arr.makeBy(n, () => raw)), Arr.map((response) => response.status))
      yield* script([Sandbox.status(500)])
      yield* faults.add(Sandbox.maintenance())
      expect(yield* answers(2)).toEqual([503, 503])
      expect((yield* faults.all).length).toBe(2)
      yield* faults.replace([Sandbox.failNext(1, Sandbox.status(502))])
      expect(yield* answers(2)).toEqual([502, 401])
      yield* script([Sandbox.status(500), Sandbox.status(504)])
      yield* faults.add(Sandbox.failNext(1, Sandbox.status(502)))
      expect(yield* answers(2)).toEqual([502, 500])
      yield* faults.clear
      expect(yield* answers(1)).toEqual([401])
      expect(yield* faults.all).toEqual([])
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("what is scripted later waits for what was scripted before, although that only delays", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script([Sandbox.delay(0)])
      yield* sandbox.script([Sandbox.status(500)])
      expect([(yield* raw).status, (yield* raw).status]).toEqual([401, 500])
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("a call gets through a strict rate limit, and a second one by when `Retry-After` says", () =>
    Effect.gen(function*() {
      const { faults } = yield* Sandbox.Sandbox
      yield* faults.add(Sandbox.rateLimit({ limit: 1, window: "3 seconds" }))
      yield* edit
      const fiber = yield* Effect.fork(edit)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      expect(yield* statuses).toEqual([202, 429, 202])
      const requests = yield* Effect.flatMap(Sandbox.Sandbox, (sandbox) => sandbox.requests)
      expect(requests[2]?.at).toBeGreaterThanOrEqual(3_000)
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("maintenance is over after a while", () =>
    Effect.gen(function*() {
      const { faults } = yield* Sandbox.Sandbox
      yield* faults.add(Sandbox.lasting("1 second", Sandbox.maintenance({ retryAfter: "2" })))
      const fiber = yield* Effect.fork(edit)
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      expect(yield* statuses).toEqual([503, 202])
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("latency takes the time of the test clock", () =>
    Effect.gen(function*() {
      const { faults } = yield* Sandbox.Sandbox
      yield* faults.add(Sandbox.latency("20 millis"))
      const fiber = yield* Effect.fork(edit)
      yield* TestClock.adjust("19 millis")
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(fiber)
      expect((yield* statuses).length).toBe(1)
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("chance is that of Effect's Random, and a seed repeats it", () =>
    Effect.gen(function*() {
      const round = Effect.suspend(() => Effect.withRandom(rounds, Random.make("seed")))
      const rounds = Effect.gen(function*() {
        const { faults } = yield* Sandbox.Sandbox
        yield* faults.add(Sandbox.sometimes(0.5, Sandbox.status(500)))
        yield* Effect.repeatN(raw, 29)
        return yield* statuses
      }).pipe(Effect.provide(Sandbox.layer))
      const first = yield* round
      expect(first.length).toBe(30)
      expect(new Set(first)).toEqual(new Set([401, 500]))
      expect(yield* round).toEqual(first)
    }))

  it.effect("no dice are thrown where nothing is left to chance", () =>
    Effect.gen(function*() {
      const thrown = yield* Ref.make(0)
      const live = yield* Effect.randomWith(Effect.succeed)
      const counting: Random.Random = {
        ...live,
        [Random.RandomTypeId]: Random.RandomTypeId,
        next: Effect.zipLeft(live.next, Ref.update(thrown, (n) => n + 1))
      }
      const { faults } = yield* Sandbox.Sandbox
      yield* faults.add(Sandbox.failNext(9))
      yield* Effect.withRandom(raw, counting)
      expect(yield* Ref.get(thrown)).toBe(0)
      yield* faults.replace([Sandbox.on("/event/", Sandbox.sometimes(1, Sandbox.resetPeer))])
      yield* Effect.withRandom(raw, counting)
      expect(yield* Ref.get(thrown)).toBe(1)
    }).pipe(Effect.provide(Sandbox.layer)))

  const applied: ReadonlyArray<readonly [name: string, Sandbox.Fault, applied: boolean]> = [
    ["status", Sandbox.status(500), false],
    ["status, applied", Sandbox.status(500, { applied: true }), true],
    ["truncateBodyAfter", Sandbox.truncateBodyAfter(1), true],
    ["truncateBodyAfter, not applied", Sandbox.truncateBodyAfter(1, { applied: false }), false],
    ["garbage", Sandbox.malformedBody(), true],
    ["garbage, not applied", Sandbox.malformedBody({ applied: false }), false],
    ["silence", Sandbox.noResponse(), false],
    ["silence, applied", Sandbox.noResponse({ applied: true }), true],
    ["drip", Sandbox.slowBody({ bytes: 64, interval: 1 }), true]
  ]
  for (const [name, fault, expected] of applied) {
    it.effect(`${name} is ${expected ? "" : "not "}applied`, () =>
      Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(fault)
        const fiber = yield* Effect.fork(edit)
        yield* TestClock.adjust("5 seconds")
        yield* Fiber.interrupt(fiber)
        expect(yield* existing).toEqual(expected ? ["ada"] : [])
      }).pipe(Effect.provide(Suprsend.layerTest)))
  }

  it.effect("an answer breaks off after exactly so many bytes", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.faults.add(Sandbox.truncateBodyAfter(5))
      const response = yield* raw
      expect(response.status).toBe(401)
      const seen = yield* Ref.make(0)
      const exit = yield* Effect.exit(
        Stream.runForEach(response.stream, (bytes) => Ref.update(seen, (n) => n + bytes.length))
      )
      expect(Exit.isFailure(exit)).toBe(true)
      expect(yield* Ref.get(seen)).toBe(5)
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("an answer that drips takes its time, and is whole in the end", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.faults.add(Sandbox.slowBody({ bytes: 10, interval: "1 second" }))
      const response = yield* raw
      const expected = `{"code":401,"message":"signature mismatch"}`
      const fiber = yield* Effect.fork(response.text)
      yield* TestClock.adjust("4 seconds")
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      yield* TestClock.adjust("1 second")
      expect(yield* Fiber.join(fiber)).toBe(expected)
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("silence is never answered, and can be interrupted", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.faults.add(Sandbox.noResponse())
      const fiber = yield* Effect.fork(raw)
      yield* TestClock.adjust("1 day")
      expect(Option.isNone(yield* Fiber.poll(fiber))).toBe(true)
      yield* Fiber.interrupt(fiber)
      expect(yield* statuses).toEqual([undefined])
    }).pipe(Effect.provide(Sandbox.layer)))

  it.effect("garbage is a 200 that is no JSON", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.faults.add(Sandbox.malformedBody())
      const response = yield* raw
      expect(response.status).toBe(200)
      expect(Exit.isFailure(yield* Effect.exit(response.json))).toBe(true)
      const error = yield* Effect.flip(Effect.flatMap(UsersService, (users) => users.get("ada")))
      expect(error._tag).toBe("SuprsendUnexpectedResponse")
    }).pipe(Effect.provide(Suprsend.layerTest), Effect.provide(Sandbox.layer)))
})
