import { describe, expect, it } from "@effect/vitest"
import { type Options, RequestOptions, withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Sandbox from "effect-suprsend/Sandbox"
import { edit, set } from "effect-suprsend/UserEdit"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { sandboxed, testOver } from "./utils/sandbox.js"
import { inAnHour } from "./utils/time.js"

const settings = {
  timeout: "20 seconds",
  retry: { attempts: 3 },
  headers: { "x-layer": "layer", "x-both": "layer" }
} as const

const test = testOver(sandboxed(settings))

const failing = (n: number) => Arr.makeBy(n, () => Sandbox.status(503, { retryAfter: "0" }))

const sent = (sandbox: Sandbox.Sandbox.Service, header: string) =>
  Effect.map(sandbox.requests, (requests) => requests.map((request) => request.headers[header]))

const waited = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.gen(function*() {
    const started = yield* Clock.currentTimeMillis
    const error = yield* inAnHour(
      Effect.flatMap(Effect.flip(effect), (error) => Effect.map(Clock.currentTimeMillis, (now) => ({ error, now })))
    )
    return { error: error.error, after: error.now - started }
  })

describe("a query", () => {
  const urls = (sandbox: Sandbox.Sandbox.Service) =>
    Effect.map(sandbox.requests, (requests) => requests.map(({ uri }) => uri))

  test(
    "goes with whatever is called, is signed, and is the inner region's member by member",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* users.asyncEdit(edit("ada"))
        yield* Effect.all([
          users.get("ada"),
          users.upsert("ada", {}).pipe(
            withRequestOptions({ query: { fields: "none", strict: true, left: undefined } })
          ),
          users.edit(set(edit("ada"), "plan", "pro")),
          users.getForTenant("ada", "acme").pipe(Effect.ignore),
          users.upsertForTenant("ada", "acme", {})
        ]).pipe(withRequestOptions({ query: { fields: "a b", page: 2 } }))
        expect((yield* urls(sandbox)).slice(1)).toEqual([
          "/v1/user/ada/?fields=a+b&page=2",
          "/v1/user/ada/?fields=none&page=2&strict=true",
          "/v1/user/ada/?fields=a+b&page=2",
          "/v1/user/ada/tenant/acme/?fields=a+b&page=2",
          "/v1/user/ada/tenant/acme/?fields=a+b&page=2"
        ])
      })
  )

  test("does not replace what a call says itself", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.list({ limit: 3 }).pipe(withRequestOptions({ query: { limit: 1, fields: "all" } }))
      expect(yield* urls(sandbox)).toEqual(["/v1/user/?limit=3&fields=all"])
    }))
})

describe("one call", () => {
  test("has another timeout", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.stall, Sandbox.stall])
      const once = users.list().pipe(withRequestOptions({ retry: { attempts: 1 } }))
      expect(yield* waited(once)).toMatchObject({
        after: 20_000,
        error: { reason: "Timeout", description: "no complete response within 20s" }
      })
      expect(yield* waited(withRequestOptions(once, { timeout: "2 seconds" }))).toMatchObject({
        after: 2_000,
        error: { reason: "Timeout", description: "no complete response within 2s" }
      })
    }))

  test(
    "has another retry policy, the rest of which stays that of the layer",
    (users, sandbox) =>
      Effect.gen(function*() {
        yield* sandbox.script(failing(9))
        expect(yield* Effect.flip(users.list())).toMatchObject({ attempts: 3 })
        expect(yield* Effect.flip(users.list().pipe(withRequestOptions({ retry: { attempts: 2 } })))).toMatchObject({
          attempts: 2
        })
        const { error } = yield* waited(
          users.list().pipe(withRequestOptions({ retry: { initialDelay: "3 seconds", maximumDelay: "3 seconds" } }))
        )
        expect(error).toMatchObject({ attempts: 3 })
        yield* users.list().pipe(withRequestOptions({ retry: { attempts: 4 } }))
      })
  )

  test("has another deadline", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script(Arr.makeBy(3, () => Sandbox.delay("1 minute")))
      const result = yield* waited(users.list().pipe(withRequestOptions({ retry: { elapsed: "7 seconds" } })))
      expect(result).toMatchObject({ after: 7_000, error: { reason: "Timeout", attempts: 1 } })
    }))

  test("has further headers, which win over those of the layer", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.list().pipe(withRequestOptions({ headers: { "X-Call": "call", "X-Both": "call" } }))
      const [request] = yield* sandbox.requests
      expect(request?.headers).toMatchObject({ "x-layer": "layer", "x-call": "call", "x-both": "call" })
      expect(request?.status).toBe(200)
    }))

  test("keeps those headers in each attempt", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script(failing(2))
      yield* users.list().pipe(withRequestOptions({ headers: { "x-call": "call" } }))
      expect(yield* sent(sandbox, "x-call")).toEqual(["call", "call", "call"])
    }))

  test("leaves the next one alone", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.list().pipe(withRequestOptions({ headers: { "x-call": "call" } }))
      yield* users.list()
      expect(yield* sent(sandbox, "x-call")).toEqual(["call", undefined])
    }))

  test("takes what is undefined for left out", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script(failing(3))
      const error = yield* users.list().pipe(
        withRequestOptions({ timeout: undefined, headers: undefined, retry: { attempts: undefined } }),
        Effect.flip
      )
      expect(error).toMatchObject({ attempts: 3 })
      expect(yield* sent(sandbox, "x-layer")).toEqual(["layer", "layer", "layer"])
    }))
})

describe("a region", () => {
  test("holds for every call in it, and ends", (users, sandbox) =>
    Effect.gen(function*() {
      yield* Effect.zipRight(users.list(), users.asyncEdit(edit("ada"))).pipe(
        withRequestOptions({ headers: { "x-region": "1" } })
      )
      yield* users.list()
      expect(yield* sent(sandbox, "x-region")).toEqual(["1", "1", undefined])
    }))

  test("may lie in another one: the inner one wins, member by member", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script([Sandbox.stall])
      const result = yield* waited(
        users.list().pipe(
          withRequestOptions({ headers: { "x-inner": "inner", "x-shared": "inner" }, retry: { attempts: 1 } }),
          withRequestOptions({
            timeout: "2 seconds",
            headers: { "x-outer": "outer", "x-shared": "outer" },
            retry: { attempts: 7, elapsed: "1 hour" }
          })
        )
      )
      expect(result).toMatchObject({ after: 2_000, error: { attempts: 1 } })
      expect((yield* sandbox.requests)[0]?.headers).toMatchObject({
        "x-inner": "inner",
        "x-outer": "outer",
        "x-shared": "inner",
        "x-layer": "layer"
      })
    }))

  const header = FastCheck.constantFrom("x-a", "X-A", "x-b", "X-b")
  const options: FastCheck.Arbitrary<Options> = FastCheck.record({
    timeout: FastCheck.option(FastCheck.integer({ min: 1, max: 9 }), { nil: undefined }),
    retry: FastCheck.option(
      FastCheck.record({
        attempts: FastCheck.option(FastCheck.integer({ min: 1, max: 9 }), { nil: undefined }),
        elapsed: FastCheck.option(FastCheck.integer({ min: 1, max: 9 }), { nil: undefined })
      }, { requiredKeys: [] }),
      { nil: undefined }
    ),
    headers: FastCheck.option(FastCheck.dictionary(header, FastCheck.constantFrom("1", "2")), { nil: undefined })
  }, { requiredKeys: [] })

  it.effect.prop(
    "has, of each member, the innermost that is defined; names of headers are one in any case",
    { regions: FastCheck.array(options, { maxLength: 5 }) },
    ({ regions }) =>
      Effect.gen(function*() {
        const merged: Options = yield* regions.reduceRight(
          (inner, options) => withRequestOptions(inner, options),
          Effect.flatMap(RequestOptions, (options) => Effect.succeed<Options>(options))
        )
        const innermost = [...regions].reverse()
        expect(merged.timeout).toBe(innermost.find((region) => region.timeout !== undefined)?.timeout)
        for (const key of ["attempts", "elapsed"] as const) {
          expect(merged.retry?.[key]).toBe(
            innermost.find((region) => region.retry?.[key] !== undefined)?.retry?.[key]
          )
        }
        const headers = new Map<string, string>()
        for (const region of regions) {
          for (const [name, value] of Object.entries(region.headers ?? {})) headers.set(name.toLowerCase(), value)
        }
        expect({ ...merged.headers }).toEqual(Object.fromEntries(headers))
      })
  )

  test("holds in streams", (users, sandbox) =>
    Effect.gen(function*() {
      yield* users.bulkEdit(Arr.makeBy(5, (n) => edit(`user-${n}`)))
      const all = users.listStream({ limit: 2 }).pipe(
        Stream.runCollect,
        withRequestOptions({ headers: { "x-region": "stream" } })
      )
      expect(yield* all).toHaveLength(5)
      // The region may also lie within the stream.
      const provided = users.listStream({ limit: 2 }).pipe(
        Stream.provideService(RequestOptions, { headers: { "x-region": "provided" } }),
        Stream.runCount
      )
      expect(yield* provided).toBe(5)
      expect(yield* sent(sandbox, "x-region")).toEqual([
        undefined,
        ...Arr.replicate("stream", 3),
        ...Arr.replicate("provided", 3)
      ])
    }))

  test("holds in the fibers of a bulk", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script(failing(3))
      const report = yield* users.bulkEdit(Arr.makeBy(900, (n) => set(edit(`user-${n}`), "n", n)), { concurrency: 3 })
        .pipe(
          withRequestOptions({ headers: { "x-region": "bulk" }, retry: { attempts: 1 } })
        )
      expect(report).toMatchObject({ status: "fail", failure: 900 })
      expect(yield* sent(sandbox, "x-region")).toEqual(["bulk", "bulk", "bulk"])
    }))

  test("holds in fibers that begin in it, even after it has ended", (users, sandbox) =>
    Effect.gen(function*() {
      const fiber = yield* Effect.fork(Effect.delay(users.list(), "1 minute")).pipe(
        withRequestOptions({ headers: { "x-region": "fork" } })
      )
      yield* inAnHour(Fiber.join(fiber))
      yield* users.list()
      expect(yield* sent(sandbox, "x-region")).toEqual(["fork", undefined])
    }))

  test("is not seen by calls that run beside it", (users, sandbox) =>
    Effect.gen(function*() {
      yield* sandbox.script(Arr.makeBy(4, () => Sandbox.delay("1 second")))
      const calls = Effect.forEach(
        ["a", "b", "c"],
        (region) => users.list().pipe(withRequestOptions({ headers: { "x-region": region } })),
        { concurrency: "unbounded" }
      )
      yield* inAnHour(Effect.zip(calls, users.list(), { concurrent: true }))
      const regions = yield* sent(sandbox, "x-region")
      expect(regions.map((region) => region ?? "none").sort()).toEqual(["a", "b", "c", "none"])
    }))
})

describe("options that are of no use", () => {
  /** What a program that is written in JavaScript may pass. */
  const untyped = (options: unknown): Options => Object.assign({}, options)

  const wrong: ReadonlyArray<readonly [string, Options]> = [
    ["timeout", { timeout: 0 }],
    ["retry.attempts", { retry: { attempts: 0 } }],
    ["retry.attempts", { retry: { attempts: NaN } }],
    ["retry.elapsed", { retry: { elapsed: Duration.zero } }],
    ["headers", { headers: { "x-trace": "t0ken\r\nx-evil: 1" } }],
    ["headers", { headers: { "x-trace": "t0ken\n" } }],
    ["headers", { headers: { "x trace": "t0ken" } }],
    ["headers", { headers: { "Transfer-Encoding": "chunked" } }],
    ["headers", { headers: { "Content-Length": "5" } }],
    ["headers", { headers: { ":authority": "t0ken" } }],
    ["headers", { headers: { "X-Trace": "t0ken", "x-trace": "t0ken" } }],
    ["headers", untyped({ headers: { "x-trace": undefined } })],
    ["headers", untyped({ headers: { "x-trace": ["t0ken", "t0ken"] } })],
    ["headers", untyped({ headers: new Headers({ "x-trace": "t0ken" }) })],
    ["headers", untyped({ headers: "x-trace: t0ken" })],
    ["timeout", { timeout: -1 }],
    ["timeout", untyped({ timeout: "soon" })],
    ["retry", untyped({ retry: 3 })],
    ["retry.initialDelay", { retry: { initialDelay: -1 } }],
    ["retry.maximumDelay", untyped({ retry: { maximumDelay: "soon" } })],
    ["query", untyped({ query: "fields=all" })],
    ["query.fields", untyped({ query: { fields: ["all"] } })],
    ["query.limit", { query: { limit: NaN } }]
  ]
  for (const [field, options] of wrong) {
    test(
      `are a defect that names them, and nothing is sent: ${JSON.stringify(options)}`,
      (users, sandbox) =>
        Effect.gen(function*() {
          const exit = yield* Effect.exit(users.list().pipe(withRequestOptions(options)))
          expect(exit).toMatchObject({ _tag: "Failure", cause: { _tag: "Die", defect: { path: field.split(".") } } })
          expect(String(exit)).toContain(`${field} must`)
          expect(String(exit)).not.toContain("t0ken")
          expect(yield* sandbox.requests).toEqual([])
        })
    )
    test(
      `are one where a region is provided as a service: ${JSON.stringify(options)}`,
      (users, sandbox) =>
        Effect.gen(function*() {
          const exit = yield* Effect.exit(Effect.provideService(users.list(), RequestOptions, options))
          expect(exit).toMatchObject({ _tag: "Failure", cause: { _tag: "Die", defect: { path: field.split(".") } } })
          expect(yield* sandbox.requests).toEqual([])
        })
    )
  }

  test("are one of the region around, too", (users, sandbox) =>
    Effect.gen(function*() {
      const exit = yield* users.list().pipe(
        withRequestOptions({ headers: { "x-inner": "1" } }),
        withRequestOptions({ headers: { "X-Outer": "1", "x-outer": "2" } }),
        Effect.exit
      )
      expect(exit).toMatchObject({ _tag: "Failure", cause: { _tag: "Die", defect: { path: ["headers"] } } })
      expect(yield* sandbox.requests).toEqual([])
    }))
})
