import { describe, expect, it } from "@effect/vitest"
import * as RetryPolicy from "effect-suprsend/RetryPolicy"
import * as Arr from "effect/Array"
import * as Duration from "effect/Duration"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"

const status = FastCheck.oneof(
  FastCheck.constantFrom(400, 401, 404, 408, 413, 425, 429, 500, 501, 502, 503, 504, 505),
  FastCheck.integer({ min: 300, max: 599 })
)

const retryAfter = FastCheck.option(FastCheck.integer({ min: 0, max: 200_000 }), { nil: undefined })

const failure: FastCheck.Arbitrary<RetryPolicy.Failure> = FastCheck.oneof(
  { weight: 4, arbitrary: FastCheck.record({ status, retryAfter }) },
  { weight: 1, arbitrary: FastCheck.constantFrom("NoResponse" as const, "NotSent" as const) }
).map((made): RetryPolicy.Failure =>
  typeof made === "string"
    ? { _tag: made }
    : {
      _tag: "Status",
      status: made.status,
      retryAfter: Option.map(Option.fromNullable(made.retryAfter), Duration.millis)
    }
)

const policy: FastCheck.Arbitrary<RetryPolicy.RetryPolicy> = FastCheck.record({
  attempts: FastCheck.integer({ min: 1, max: 12 }),
  elapsed: FastCheck.integer({ min: 1, max: 120_000 }),
  initialDelay: FastCheck.integer({ min: 0, max: 5_000 }),
  maximumDelay: FastCheck.integer({ min: 0, max: 60_000 })
}).map((options) => RetryPolicy.make(options))

/** As `Math.random` and Effect's `Random` give it: in [0, 1). */
const random = FastCheck.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

const state = FastCheck.record({
  attempts: FastCheck.integer({ min: 1, max: 14 }),
  elapsed: FastCheck.integer({ min: 0, max: 130_000 }),
  failure,
  idempotent: FastCheck.boolean(),
  random
})

const waitOf = (wait: Option.Option<Duration.Duration>): number | undefined =>
  Option.getOrUndefined(Option.map(wait, Duration.toMillis))

const asked = (failure: RetryPolicy.Failure): number | undefined =>
  failure._tag === "Status" ? waitOf(failure.retryAfter) : undefined

/** The cap of the backoff, doubled step by step instead of by a power. */
const capOf = (policy: RetryPolicy.RetryPolicy, attempts: number): number => {
  let cap = Duration.toMillis(policy.initialDelay)
  for (let i = 1; i < attempts; i++) cap = cap * 2
  return Math.min(cap, Duration.toMillis(policy.maximumDelay))
}

const patient = (policy: RetryPolicy.RetryPolicy): RetryPolicy.RetryPolicy =>
  RetryPolicy.make({ attempts: 1_000, elapsed: Duration.infinity }, policy)

/** Written out, where the code has rules. */
const transient = new Set([408, 425, 429, ...Arr.range(500, 599).filter((status) => status !== 501 && status !== 505)])

const runs = { fastCheck: { numRuns: 1_000 } }

describe("decide", () => {
  it.prop("never allows more than the attempts of the policy", { policy, state }, ({ policy, state }) => {
    if (state.attempts >= policy.attempts) expect(RetryPolicy.decide(policy, state)).toEqual(Option.none())
  }, runs)

  it.prop("never begins a wait that ends at the deadline or later", { policy, state }, ({ policy, state }) => {
    const wait = waitOf(RetryPolicy.decide(policy, state))
    if (wait !== undefined) expect(state.elapsed + wait).toBeLessThan(Duration.toMillis(policy.elapsed))
  }, runs)

  it.prop(
    "takes the deadline itself for too late, and the millisecond before it for in time",
    { policy, elapsed: FastCheck.nat(130_000) },
    ({ elapsed, policy }) => {
      const left = Duration.toMillis(policy.elapsed) - elapsed
      if (left <= 0 || policy.attempts === 1) return
      const decide = (after: number) =>
        RetryPolicy.decide(policy, {
          attempts: 1,
          elapsed,
          failure: { _tag: "Status", status: 429, retryAfter: Option.some(Duration.millis(after)) },
          idempotent: false,
          random: 0
        })
      expect(decide(left)).toEqual(Option.none())
      expect(waitOf(decide(left - 1))).toBe(left - 1)
    },
    runs
  )

  it.prop("waits between nothing and the cap of the backoff", { policy, state }, ({ policy, state }) => {
    const wait = waitOf(RetryPolicy.decide(policy, state))
    if (wait === undefined || asked(state.failure) !== undefined) return
    expect(wait).toBeGreaterThanOrEqual(0)
    expect(wait).toBeLessThanOrEqual(capOf(policy, state.attempts))
  }, runs)

  it.prop("reaches both ends of the backoff", { policy, state }, ({ policy, state }) => {
    const of = (random: number) =>
      waitOf(RetryPolicy.decide(patient(policy), { ...state, failure: { _tag: "NotSent" }, random }))
    expect(of(0)).toBe(0)
    expect(of(0.5)).toBe(Math.floor(capOf(policy, state.attempts) / 2))
  }, runs)

  it.prop("waits exactly as long as the server asks", { policy, state }, ({ policy, state }) => {
    const wait = waitOf(RetryPolicy.decide(policy, state))
    const after = asked(state.failure)
    if (wait !== undefined && after !== undefined) expect(wait).toBe(after)
  }, runs)

  it.prop("never lets the cap shrink from one attempt to the next", { policy, state }, ({ policy, state }) => {
    const of = (attempts: number) =>
      waitOf(RetryPolicy.decide(patient(policy), { ...state, attempts, failure: { _tag: "NotSent" } })) ?? NaN
    expect(of(state.attempts + 1)).toBeGreaterThanOrEqual(of(state.attempts))
  }, runs)

  it.prop(
    "has a finite wait however many attempts there were",
    { policy, random, attempts: FastCheck.integer({ min: 1, max: 10_000 }) },
    ({ attempts, policy, random }) => {
      const forever = RetryPolicy.make({ attempts: Number.MAX_SAFE_INTEGER, elapsed: Duration.infinity }, policy)
      const wait = RetryPolicy.decide(forever, {
        attempts,
        elapsed: 0,
        failure: { _tag: "NotSent" },
        idempotent: true,
        random
      })
      expect(waitOf(wait)).toBeGreaterThanOrEqual(0)
      expect(waitOf(wait)).toBeLessThanOrEqual(Duration.toMillis(policy.maximumDelay))
    },
    runs
  )

  it.prop(
    "retries a request that is not idempotent only if it was not applied",
    { policy, state },
    ({ policy, state }) => {
      const wait = RetryPolicy.decide(policy, { ...state, idempotent: false })
      if (Option.isNone(wait)) return
      expect(
        state.failure._tag === "NotSent" || (state.failure._tag === "Status" && state.failure.status === 429)
      ).toBe(true)
    },
    runs
  )

  it.prop("retries passing failures, as long as the policy allows", { policy, state }, ({ policy, state }) => {
    const { failure } = state
    const wait = asked(failure) ?? Math.floor(capOf(policy, state.attempts) * state.random)
    const mayPass = failure._tag === "NotSent" ||
      (failure._tag === "NoResponse" && state.idempotent) ||
      (failure._tag === "Status" && (state.idempotent ? transient.has(failure.status) : failure.status === 429))
    const expected = mayPass && state.attempts < policy.attempts &&
      state.elapsed + wait < Duration.toMillis(policy.elapsed)
    expect(Option.isSome(RetryPolicy.decide(policy, state))).toBe(expected)
  }, runs)

  it.prop(
    "ends, within its attempts and its time, whatever the server does",
    {
      policy,
      random,
      // How each request ends, and how long it takes to.
      server: FastCheck.array(FastCheck.tuple(failure, FastCheck.integer({ min: 0, max: 5_000 })), { minLength: 1 })
    },
    ({ policy, random, server }) => {
      let elapsed = 0
      let attempts = 0
      for (let i = 0; i < 100; i++) {
        const [failure, duration] = server[i % server.length] ?? [{ _tag: "NoResponse" }, 0]
        // No attempt begins at the deadline or later.
        expect(elapsed).toBeLessThan(Duration.toMillis(policy.elapsed))
        attempts++
        elapsed += duration
        const wait = RetryPolicy.decide(policy, { attempts, elapsed, failure, idempotent: true, random })
        if (Option.isNone(wait)) break
        elapsed += Duration.toMillis(wait.value)
      }
      expect(attempts).toBeLessThanOrEqual(policy.attempts)
    },
    runs
  )
})

describe("isTransient", () => {
  it("is true of 408, 425, 429 and 5xx, save 501 and 505", () => {
    for (const status of Arr.range(100, 599)) {
      const failure: RetryPolicy.Failure = { _tag: "Status", status, retryAfter: Option.none() }
      expect(RetryPolicy.isTransient(failure, true), `${status}`).toBe(transient.has(status))
      expect(RetryPolicy.isTransient(failure, false), `${status}, not idempotent`).toBe(status === 429)
    }
  })

  it("is true of every failure of the connection, unless what may have arrived must not happen twice", () => {
    expect(RetryPolicy.isTransient({ _tag: "NotSent" }, true)).toBe(true)
    expect(RetryPolicy.isTransient({ _tag: "NotSent" }, false)).toBe(true)
    expect(RetryPolicy.isTransient({ _tag: "NoResponse" }, true)).toBe(true)
    expect(RetryPolicy.isTransient({ _tag: "NoResponse" }, false)).toBe(false)
  })
})

describe("make", () => {
  it.prop("takes what is left out, or undefined, from the base", { base: policy, over: policy }, ({ base, over }) => {
    expect(RetryPolicy.make({}, base)).toEqual(base)
    expect(
      RetryPolicy.make(
        { attempts: undefined, elapsed: undefined, initialDelay: undefined, maximumDelay: undefined },
        base
      )
    ).toEqual(base)
    expect(RetryPolicy.make(over, base)).toEqual(over)
    expect(RetryPolicy.make({ elapsed: over.elapsed }, base)).toEqual({ ...base, elapsed: over.elapsed })
  })

  it("is four attempts within a minute by default, and one attempt for `once`", () => {
    expect(RetryPolicy.make({})).toEqual(RetryPolicy.defaultPolicy)
    expect(RetryPolicy.defaultPolicy.attempts).toBe(4)
    expect(Duration.toMillis(RetryPolicy.defaultPolicy.elapsed)).toBe(60_000)
    expect(RetryPolicy.once).toEqual({ ...RetryPolicy.defaultPolicy, attempts: 1 })
  })
})

const days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
const longDays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const two = (n: number) => String(n).padStart(2, "0")
const time = (date: Date) => `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`

/** The three forms of RFC 9110, section 5.6.7. */
const forms: Record<string, (date: Date) => string> = {
  "IMF-fixdate": (date) =>
    `${days[date.getUTCDay()]}, ${two(date.getUTCDate())} ${months[date.getUTCMonth()]} ${date.getUTCFullYear()} ${
      time(date)
    } GMT`,
  "RFC 850": (date) =>
    `${longDays[date.getUTCDay()]}, ${two(date.getUTCDate())}-${months[date.getUTCMonth()]}-${
      two(date.getUTCFullYear() % 100)
    } ${time(date)} GMT`,
  asctime: (date) =>
    `${days[date.getUTCDay()]} ${months[date.getUTCMonth()]} ${String(date.getUTCDate()).padStart(2)} ${
      time(date)
    } ${date.getUTCFullYear()}`
}

// A year of two digits means this century or the last one.
const seconds = FastCheck.integer({
  min: Date.UTC(1970, 0, 1) / 1_000,
  max: Date.UTC(2049, 11, 31) / 1_000
})

const parse = (header: string | undefined, now: number, date?: string) =>
  waitOf(RetryPolicy.parseRetryAfter({ "retry-after": header, date }, now))

const anyForm = FastCheck.constantFrom(...Object.values(forms))

describe("parseRetryAfter", () => {
  it.prop("reads seconds, whatever the time is", { n: FastCheck.nat(), now: FastCheck.integer() }, ({ n, now }) => {
    expect(parse(`${n}`, now)).toBe(n * 1_000)
    expect(parse(`  ${n} `, now)).toBe(n * 1_000)
  })

  it("reads fractions of a second", () => {
    expect(parse("0.25", 0)).toBe(250)
    expect(parse("1.5", 0)).toBe(1_500)
  })

  for (const [name, format] of Object.entries(forms)) {
    it.prop(`reads a date as ${name}`, { at: seconds, now: seconds }, ({ at, now }) => {
      expect(parse(format(new Date(at * 1_000)), now * 1_000)).toBe(Math.max(0, at - now) * 1_000)
    }, runs)
  }

  it("reads the examples of RFC 9110, all one instant", () => {
    const now = Date.UTC(1994, 10, 6, 8, 49, 7)
    expect(parse("Sun, 06 Nov 1994 08:49:37 GMT", now)).toBe(30_000)
    expect(parse("Sunday, 06-Nov-94 08:49:37 GMT", now)).toBe(30_000)
    expect(parse("Sun Nov  6 08:49:37 1994", now)).toBe(30_000)
  })

  it("treats a past date as no wait", () => {
    expect(parse("Sun, 06 Nov 1994 08:49:37 GMT", Date.UTC(2024, 0, 1))).toBe(0)
  })

  it("needs no header at all", () => {
    expect(RetryPolicy.parseRetryAfter({}, 0)).toEqual(Option.none())
  })

  it.prop(
    "counts a date from the date of the response, whatever our own clock says",
    { at: seconds, date: seconds, now: seconds, format: anyForm, formatOfDate: anyForm },
    ({ at, date, format, formatOfDate, now }) => {
      expect(parse(format(new Date(at * 1_000)), now * 1_000, formatOfDate(new Date(date * 1_000)))).toBe(
        Math.max(0, at - date) * 1_000
      )
    },
    runs
  )

  it("neither waits for the hour that a server is ahead, nor asks one again at once that is behind", () => {
    const now = Date.UTC(2026, 10, 6, 8, 49, 7)
    for (const skew of [3_600_000, -3_600_000]) {
      const server = now + skew
      const date = new Date(server).toUTCString()
      expect(parse(new Date(server + 5_000).toUTCString(), now, date)).toBe(5_000)
    }
  })

  it("measures a date from the local clock if the response's date cannot be read", () => {
    for (const date of [undefined, "", "today", "1994-11-06T08:49:07Z", "0", "Sun, 99 Nov 1994 08:49:07 GMT"]) {
      expect(parse("Sun, 06 Nov 1994 08:49:37 GMT", Date.UTC(1994, 10, 6, 8, 49, 7), date)).toBe(30_000)
    }
  })

  it("reads the first date of a response that has several", () => {
    const date = "Sun, 06 Nov 1994 08:49:07 GMT, Sun, 06 Nov 1994 08:00:00 GMT"
    expect(parse("Sun, 06 Nov 1994 08:49:37 GMT", 0, date)).toBe(30_000)
  })

  const part = FastCheck.oneof(
    FastCheck.nat(200_000).map((wait) => ({ wait, text: `${wait / 1_000}` })),
    FastCheck.record({ wait: FastCheck.integer({ min: -90_000, max: 90_000 }), format: anyForm }).map(
      ({ format, wait }) => ({ wait: wait * 1_000, text: format(new Date(Date.UTC(2026, 10, 6) + wait * 1_000)) })
    ),
    FastCheck.constantFrom(
      "",
      "soon",
      "-1",
      "Sun",
      "Monday, later",
      "5 s",
      "9".repeat(400),
      "Sun, 99 Nov 1994 08:49:37 GMT"
    )
      .map((text) => ({ wait: undefined, text }))
  )

  it.prop(
    "takes the longest of several values, and leaves out those that cannot be read",
    { parts: FastCheck.array(part, { maxLength: 6 }), separator: FastCheck.constantFrom(", ", ",", " , ") },
    ({ parts, separator }) => {
      const waits = parts.flatMap(({ wait }) => wait === undefined ? [] : [Math.max(0, wait)])
      const wait = parse(
        parts.map(({ text }) => text).join(separator),
        Date.UTC(1994, 10, 6),
        "Fri, 06 Nov 2026 00:00:00 GMT"
      )
      if (waits.length === 0) expect(wait).toBeUndefined()
      else expect(wait).toBeCloseTo(Math.max(...waits), 6)
    },
    runs
  )

  it("reads several values of a repeated header", () => {
    const now = Date.UTC(1994, 10, 6, 8, 49, 7)
    expect(parse("120, 240", now)).toBe(240_000)
    expect(parse("240, 120", now)).toBe(240_000)
    expect(parse("10, Sun, 06 Nov 1994 08:49:37 GMT", now)).toBe(30_000)
    expect(parse("Sun, 06 Nov 1994 08:49:37 GMT, 40", now)).toBe(40_000)
    expect(parse("Sunday, 06-Nov-94 08:49:37 GMT, Sun Nov  6 08:49:47 1994, Sun, 06 Nov 1994 08:49:17 GMT", now)).toBe(
      40_000
    )
    expect(parse("Sun, 120", now)).toBe(120_000)
  })

  it("reads a wait as long as a day, or a month, or until a date far away", () => {
    expect(parse("86400", 0)).toBe(86_400_000)
    expect(parse("2160000", 0)).toBe(2_160_000_000)
    expect(parse("Fri, 31 Dec 9999 23:59:59 GMT", 0)).toBe(253_402_300_799_000)
  })

  it("reads nothing that could not be printed", () => {
    for (const digits of [13, 14, 300, 308, 309]) {
      const wait = RetryPolicy.parseRetryAfter({ "retry-after": "9".repeat(digits) }, 0)
      expect(() => Option.map(wait, Duration.format)).not.toThrow()
    }
  })

  const garbage = [
    undefined,
    "",
    " ",
    "soon",
    "-1",
    "-0",
    "+1",
    "1e3",
    "0x10",
    "1 second",
    "1s",
    ".5",
    "5.",
    "NaN",
    "Infinity",
    "null",
    "1994-11-06T08:49:37Z",
    "06 Nov 1994 08:49:37 GMT",
    "Monkey 5",
    "Wed",
    "Sun, ",
    "Sunday, soon 5",
    "Sun, 99 Nov 1994 08:49:37 GMT",
    "Sun, 06 Foo 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 99:49:37 GMT",
    "Sun, 06 Nov 1994 GMT",
    ", ,",
    "soon, later",
    "Sun, Mon",
    // Would be infinite.
    "9".repeat(400)
  ]
  for (const header of garbage) {
    it(`reads nothing in ${header === undefined ? "no header" : JSON.stringify(header.slice(0, 30))}`, () => {
      expect(parse(header, 0)).toBeUndefined()
    })
  }

  it.prop(
    "is never negative and never no number, whatever the header is",
    {
      header: FastCheck.oneof(
        FastCheck.string(),
        FastCheck.string({ unit: "binary" }),
        FastCheck.stringMatching(/^[\d.,:+-]{0,12}$/),
        FastCheck.tuple(FastCheck.constantFrom(...days, ...longDays), FastCheck.string()).map(([day, rest]) =>
          `${day}${rest}`
        ),
        FastCheck.tuple(FastCheck.constantFrom(...Object.values(forms)), seconds, FastCheck.nat(30), FastCheck.string())
          .map(([format, at, cut, rest]) => format(new Date(at * 1_000)).slice(0, cut) + rest)
      ),
      date: FastCheck.oneof(
        FastCheck.string(),
        FastCheck.tuple(anyForm, seconds).map(([format, at]) => format(new Date(at * 1_000)))
      ),
      now: FastCheck.oneof(seconds.map((n) => n * 1_000), FastCheck.integer())
    },
    ({ date, header, now }) => {
      const wait = parse(header, now, date)
      if (wait === undefined) return
      expect(wait).toBeGreaterThanOrEqual(0)
      expect(Number.isFinite(wait)).toBe(true)
    },
    { fastCheck: { numRuns: 3_000 } }
  )
})
