import { describe, expect, it } from "@effect/vitest"
import type { RateLimiter } from "effect-suprsend/RateLimiter"
import * as FastCheck from "effect/FastCheck"
import * as SlidingWindow from "../../src/internal/limiter/slidingWindow.js"
import { type Entry, insert } from "../utils/agenda.js"

/** The core as the simulation sees it. `end` is told the start as well, so that a wrong core can be written. */
interface Core {
  readonly make: (options: SlidingWindow.Options) => SlidingWindow.State
  readonly startAt: (state: SlidingWindow.State, cost: number, now: number) => number
  readonly probe: (state: SlidingWindow.State, now: number) => number
  readonly start: (state: SlidingWindow.State, cost: number, now: number) => SlidingWindow.State
  readonly end: (
    state: SlidingWindow.State,
    cost: number,
    now: number,
    outcome: RateLimiter.Outcome,
    probed: number,
    startedAt: number
  ) => SlidingWindow.State
  readonly cancel: (state: SlidingWindow.State, cost: number, probed: number) => SlidingWindow.State
  readonly pause: (state: SlidingWindow.State, until: number, now: number) => SlidingWindow.State
}

interface Job {
  readonly at: number
  readonly cost: number
  readonly latency: number
  /** Where between start and response it arrives at the server: 0 to 1. */
  readonly arrival: number
  /** What the response says. */
  readonly response: "response" | "refusal"
  /** Ends the attempt without a response: a timeout, an interruption, or a connection that is lost. */
  readonly timeout: number
  /** "drops" is interrupted between its admission and its first step. */
  readonly fate: "stays" | "leaves" | "drops"
  readonly waitTimeout: number
}

interface Server {
  /** While it stands still, requests wait at its door, and arrive all at once when it goes on. */
  readonly stalls: ReadonlyArray<{ readonly at: number; readonly duration: number }>
  /** How long it takes to accept one request. */
  readonly accepts: number
}

interface Plan {
  readonly options: SlidingWindow.Options
  readonly jobs: ReadonlyArray<Job>
  readonly pauses: ReadonlyArray<{ readonly at: number; readonly duration: number }>
  readonly server: Server
  /** Timers wake at the exact instant (0), or at the next multiple of this. */
  readonly tick: number
}

interface Event {
  readonly id: number
  readonly at: number
  readonly cost: number
}

interface Start extends Event {
  readonly probed: boolean
  readonly endsAt: number
  readonly outcome: RateLimiter.Outcome
}

interface Trace {
  readonly plan: Plan
  readonly rule: SlidingWindow.Rule
  readonly starts: ReadonlyArray<Start>
  readonly arrivals: ReadonlyArray<Event>
  readonly unserved: number
  readonly state: SlidingWindow.State
  readonly end: number
  readonly wakes: number
}

const steady: Server = { stalls: [], accepts: 0 }

/** Runs a plan against a core as the limiter does: first come, first served, one timer; probes are the newest. */
const simulate = (core: Core, plan: Plan): Trace => {
  const agenda: Array<Entry> = []
  const schedule = (at: number, run: () => void) => insert(agenda, { at, run })
  const starts: Array<Start> = []
  const arrivals: Array<Event> = []
  const waiting = new Map<number, Job>()
  const { rule } = SlidingWindow.make(plan.options)
  let state = core.make(plan.options)
  let now = 0
  let wakeAt = Infinity
  let wakes = 0
  let accepted = -Infinity

  const accept = (at: number): number => {
    const { accepts, stalls } = plan.server
    const free = accepts === 0 ? at : Math.max(at, accepted + accepts)
    accepted = stalls.reduce((at, stall) => at >= stall.at ? Math.max(at, stall.at + stall.duration) : at, free)
    return accepted
  }

  const begin = (id: number, job: Job, probed: number) => {
    const startedAt = now
    const arrivesAt = accept(now + job.latency * job.arrival)
    const respondsAt = Math.max(arrivesAt, arrivesAt + job.latency * (1 - job.arrival))
    const endsAt = Math.min(respondsAt, now + job.timeout)
    const outcome = endsAt < respondsAt ? "noResponse" : job.response
    starts.push({ id, at: now, cost: job.cost, probed: probed !== 0, endsAt, outcome })
    // What would be later than the bound does not arrive at all: so the law says.
    if (arrivesAt <= endsAt + rule.lateArrival) arrivals.push({ id, at: arrivesAt, cost: job.cost })
    schedule(endsAt, () => {
      state = core.end(state, job.cost, now, outcome, probed, startedAt)
      admit()
    })
  }
  const admitOne = (id: number, job: Job, probed: number) => {
    waiting.delete(id)
    state = core.start(state, job.cost, now)
    if (job.fate === "drops") {
      state = core.cancel(state, job.cost, probed)
    } else {
      begin(id, job, probed)
    }
  }
  const admit = () => {
    for (const [id, job] of waiting) {
      const at = core.startAt(state, job.cost, now)
      if (at > now) {
        if (at < wakeAt) {
          wakeAt = at
          schedule(plan.tick === 0 ? at : Math.max(at, Math.ceil(at / plan.tick) * plan.tick), () => {
            wakes += 1
            wakeAt = Infinity
            admit()
          })
        }
        return
      }
      const probed = core.probe(state, now)
      const newest = probed === 0 ? undefined : [...waiting].at(-1)
      if (newest !== undefined && core.startAt(state, newest[1].cost, now) <= now) {
        admitOne(...newest, probed)
        admit()
        return
      }
      admitOne(id, job, probed)
    }
  }

  plan.jobs.forEach((job, id) => {
    agenda.push({
      at: job.at,
      run: () => {
        waiting.set(id, job)
        admit()
      }
    })
    if (job.fate === "leaves") {
      agenda.push({
        at: job.at + job.waitTimeout,
        run: () => {
          if (waiting.delete(id)) {
            admit()
          }
        }
      })
    }
  })
  for (const { at, duration } of plan.pauses) {
    agenda.push({
      at,
      run: () => {
        state = core.pause(state, now + duration, now)
        // What has its time from before the pause is looked at again.
        wakeAt = Infinity
        admit()
      }
    })
  }
  agenda.sort((a, b) => a.at - b.at).reverse()
  for (let next = agenda.pop(); next !== undefined; next = agenda.pop()) {
    now = next.at
    next.run()
  }
  return { plan, rule, starts, arrivals, unserved: waiting.size, state, end: now, wakes }
}

/** The most that the server counts in any window; it is enough to look at windows that begin with an arrival. */
const worstWindow = (arrivals: ReadonlyArray<Event>, window: number): number => {
  const sorted = [...arrivals].sort((a, b) => a.at - b.at)
  let worst = 0
  let sum = 0
  let end = 0
  for (const first of sorted) {
    for (let next = sorted[end]; next !== undefined && next.at < first.at + window; next = sorted[end]) {
      sum += next.cost
      end += 1
    }
    worst = Math.max(worst, sum)
    sum -= first.cost
  }
  return worst
}

/** The pauses that hold at an instant: none that is over, nor one that a response to a probe has ended by `heard`. */
const pausesAt = ({ plan, starts }: Trace, instant: number, heard = instant): Plan["pauses"] => {
  // A pause of no time, or of less than the instant can tell, is none.
  const pauses = plan.pauses.filter(({ at, duration }) => at + duration > at && at < instant)
  const ended = starts.filter(({ at, endsAt, outcome, probed }) =>
    probed && outcome === "response" && endsAt <= heard &&
    pauses.every((pause) => pause.at <= at || pause.at >= endsAt)
  )
  const lastEnded = Math.max(...ended.map(({ endsAt }) => endsAt))
  return pauses.filter(({ at, duration }) => at >= lastEnded && instant < at + duration)
}

const laws: Record<string, (trace: Trace) => boolean> = {
  "the server never counts more than the limit in any window": ({ arrivals, plan }) =>
    worstWindow(arrivals, plan.options.window) <= plan.options.limit,
  "starts are paced: in any time never more than the burst and what the pace allows": ({ plan, starts }) => {
    const { burst, interval } = SlidingWindow.make(plan.options).rule
    return starts.every((first, i) => {
      let sum = 0
      return starts.slice(i).every((next) => {
        sum += next.cost
        const allowed = Math.max(burst, next.cost) * interval + next.at - first.at
        return sum * interval <= allowed + 1e-6
      })
    })
  },
  "nothing starts during a pause, or its first minute if it is longer": ({ plan, rule, starts }) =>
    plan.pauses.every(({ at, duration }) =>
      starts.every((start) => start.at <= at || start.at >= at + Math.min(duration, rule.probeInterval))
    ),
  "in a longer pause one starts in a minute, alone, until one of them gets a response": (trace) =>
    trace.starts.every((start, i) => {
      if (pausesAt(trace, start.at).length === 0) return true
      const lastPause = Math.max(...trace.plan.pauses.map(({ at }) => at).filter((at) => at < start.at))
      const probes = trace.starts.filter((other, j) => j < i && other.at > lastPause)
      const failed = probes.filter(({ endsAt, outcome }) => endsAt < start.at && outcome !== "response")
      return probes.every(({ at }) => at + trace.rule.probeInterval <= start.at) &&
        failed.every(({ endsAt }) => endsAt + trace.rule.probeInterval <= start.at)
    }),
  "a pause is over with the first response to a probe": (trace) =>
    trace.starts.every(({ at, probed }) => !probed || pausesAt(trace, at, at * (1 - 1e-12)).length > 0),
  "no pause is so long that nothing starts any more": ({ starts }) => starts.every(({ at }) => at < absurd / 2),
  "first come, first served, but for probes": ({ plan, starts }) => {
    const served = starts.filter(({ probed }) => !probed)
    return served.every(({ id }, i) => {
      const before = served[i - 1]
      return before === undefined || (plan.jobs[before.id]?.at ?? 0) <= (plan.jobs[id]?.at ?? 0)
    })
  },
  "all that stay are served": ({ plan, starts, unserved }) =>
    unserved === 0 && plan.jobs.every((job, id) => job.fate !== "stays" || starts.some((start) => start.id === id)),
  "no slot is lost: once nothing can arrive any more, all are free a window later": ({ end, rule, state }) => {
    const later = Math.max(end + (rule.lateArrival + rule.window) * 1.01 + 3, state.pausedUntil)
    return SlidingWindow.startAt(state, rule.limit, later) === later
  }
}

/** How long a pause is that a server surely did not mean. */
const absurd = 1e12

const broken = (trace: Trace): ReadonlyArray<string> =>
  Object.entries(laws).flatMap(([name, holds]) => holds(trace) ? [] : [name])

const double = (max: number) => FastCheck.double({ min: 0, max, noNaN: true })

const fates: ReadonlyArray<Job["fate"]> = ["stays", "stays", "stays", "leaves", "drops"]
const responses: ReadonlyArray<Job["response"]> = ["response", "response", "response", "refusal"]
const outcomes: ReadonlyArray<RateLimiter.Outcome> = ["response", "refusal", "noResponse"]

const Plans: FastCheck.Arbitrary<Plan> = FastCheck.record({
  limit: FastCheck.oneof(FastCheck.integer({ min: 1, max: 30 }), FastCheck.integer({ min: 1_001, max: 5_000 })),
  window: FastCheck.constantFrom(1, 10, 100 / 3, 1_000),
  burst: FastCheck.option(FastCheck.integer({ min: 1, max: 35 }), { nil: undefined }),
  late: FastCheck.constantFrom(0, 0.5, 1, 3),
  minute: FastCheck.constantFrom(1, 2.5)
}).map(({ late, minute, window, ...rest }): SlidingWindow.Options => ({
  ...rest,
  window,
  lateArrival: late * window,
  probeInterval: minute * window
})).chain((options) => {
  const { limit, window } = options
  // Much happens at one and the same instant, or one window apart: that is where off-by-one errors live.
  const duration = FastCheck.oneof(
    { weight: 2, arbitrary: double(window / 4) },
    { weight: 2, arbitrary: FastCheck.constantFrom(0, window / 2, window) },
    double(2 * window)
  )
  const job = FastCheck.record({
    gap: FastCheck.oneof({ weight: 2, arbitrary: FastCheck.constant(0) }, double(window / 2)),
    cost: FastCheck.oneof(
      FastCheck.constant(1),
      FastCheck.integer({ min: 1, max: Math.ceil(limit / 5) }),
      FastCheck.integer({ min: 1, max: limit })
    ),
    latency: duration,
    arrival: FastCheck.oneof(FastCheck.constantFrom(0, 1), double(1)),
    response: FastCheck.constantFrom(...responses),
    timeout: FastCheck.oneof({ weight: 2, arbitrary: FastCheck.constant(Infinity) }, duration),
    fate: FastCheck.constantFrom(...fates),
    waitTimeout: duration
  })
  return FastCheck.record({
    options: FastCheck.constant(options),
    jobs: FastCheck.array(job, { minLength: 1, maxLength: 60, size: "max" }).map((jobs) => {
      let at = 0
      return jobs.map(({ gap, ...rest }): Job => {
        at += gap
        return { at, ...rest }
      })
    }),
    pauses: FastCheck.array(
      FastCheck.record({
        at: FastCheck.oneof(double(window), double(10 * window)),
        duration: FastCheck.oneof(duration, double(20 * window), FastCheck.constant(absurd))
      }),
      { maxLength: 4, size: "max" }
    ),
    server: FastCheck.record({
      stalls: FastCheck.array(FastCheck.record({ at: double(10 * window), duration: double(4 * window) }), {
        maxLength: 2,
        size: "max"
      }),
      accepts: FastCheck.constantFrom(0, 0, window / 20, window / 2)
    }),
    tick: FastCheck.constantFrom(0, 1)
  })
})

const plain: Job = {
  at: 0,
  cost: 1,
  latency: 20,
  arrival: 1,
  response: "response",
  timeout: Infinity,
  fate: "stays",
  waitTimeout: 0
}

/** A second pause begins while the first is probed, which chance hardly ever comes upon. */
const probedTwice: Plan = {
  options: { limit: 10, window: 1_000, probeInterval: 5_000 },
  jobs: Array.from({ length: 20 }, () => ({ ...plain, latency: 500 })),
  pauses: [{ at: 0, duration: absurd }, { at: 5_100, duration: absurd }],
  server: steady,
  tick: 0
}

/** A state that can be reached, with the time it is reached at and what is in flight. */
const Reached = FastCheck.record({
  options: FastCheck.record({
    limit: FastCheck.oneof(FastCheck.integer({ min: 1, max: 12 }), FastCheck.integer({ min: 1_001, max: 1_100 })),
    window: FastCheck.constantFrom(10, 1_000),
    burst: FastCheck.option(FastCheck.integer({ min: 1, max: 15 }), { nil: undefined })
  }),
  events: FastCheck.array(
    FastCheck.record({
      pass: FastCheck.oneof(FastCheck.constant(0), double(700)),
      kind: FastCheck.constantFrom("start", "start", "end", "end", "pause", "longPause"),
      cost: FastCheck.integer({ min: 1, max: 400 }),
      outcome: FastCheck.constantFrom(...outcomes)
    }),
    { maxLength: 60, size: "max" }
  )
}).map(({ events, options }) => {
  let state = SlidingWindow.make({ ...options, probeInterval: 2_000 })
  let now = 0
  const inFlight: Array<{ readonly cost: number; readonly probed: number }> = []
  for (const { cost, kind, outcome, pass } of events) {
    now += pass * options.window / 1_000
    const capped = Math.min(cost, options.limit)
    if (kind === "pause" || kind === "longPause") {
      state = SlidingWindow.pause(state, now + cost * (kind === "pause" ? 1 : 100), now)
    } else if (kind === "end") {
      const ended = inFlight.shift()
      state = ended === undefined ? state : SlidingWindow.end(state, ended.cost, now, outcome, ended.probed)
    } else if (SlidingWindow.startAt(state, capped, now) <= now) {
      const probed = SlidingWindow.probe(state, now)
      state = SlidingWindow.start(state, capped, now)
      inFlight.push({ cost: capped, probed })
    }
  }
  return { state, now, inFlight }
})

const Cost = FastCheck.integer({ min: 1, max: 1_200 })

describe("slots", () => {
  describe("the limiter as the server sees it", () => {
    for (const [name, holds] of Object.entries(laws)) {
      it(name, () => {
        FastCheck.assert(FastCheck.property(Plans, (plan) => holds(simulate(SlidingWindow, plan))), {
          numRuns: 400,
          examples: [[probedTwice]]
        })
      })
    }
  })

  describe("the laws are able to fail", () => {
    const counts = "the server never counts more than the limit in any window"
    const alone = "in a longer pause one starts in a minute, alone, until one of them gets a response"
    const mutants: Record<string, { readonly core: Core; readonly breaks: string }> = {
      "slots that come back one window after the start": {
        core: {
          ...SlidingWindow,
          end: (state, cost, _now, outcome, probed, startedAt) =>
            SlidingWindow.end(state, cost, startedAt, outcome, probed)
        },
        breaks: counts
      },
      "slots that come back a little before the window is over": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) =>
            SlidingWindow.end(state, cost, now - state.rule.window / 500, outcome, probed)
        },
        breaks: counts
      },
      "slots without a response that come back as if there had been one": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) =>
            SlidingWindow.end(state, cost, now, outcome === "noResponse" ? "refusal" : outcome, probed)
        },
        breaks: counts
      },
      "slots without a response that are held for the time of a late arrival, and no window": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) =>
            SlidingWindow.end(state, cost, outcome === "noResponse" ? now - state.rule.window : now, outcome, probed)
        },
        breaks: counts
      },
      "slots without a response that never come back": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) =>
            outcome === "noResponse" ? state : SlidingWindow.end(state, cost, now, outcome, probed)
        },
        breaks: "no slot is lost: once nothing can arrive any more, all are free a window later"
      },
      "a pace that ignores costs": {
        core: {
          ...SlidingWindow,
          start: (state, cost, now) => ({
            ...SlidingWindow.start(state, cost, now),
            nextPaced: SlidingWindow.start(state, 1, now).nextPaced
          })
        },
        breaks: "starts are paced: in any time never more than the burst and what the pace allows"
      },
      "a pause that does nothing": {
        core: { ...SlidingWindow, pause: (state) => state },
        breaks: "nothing starts during a pause, or its first minute if it is longer"
      },
      "a pause that a probe may break at once": {
        core: {
          ...SlidingWindow,
          pause: (state, until, now) => ({ ...SlidingWindow.pause(state, until, now), probeAt: -Infinity })
        },
        breaks: "nothing starts during a pause, or its first minute if it is longer"
      },
      "a pause without probes": {
        core: {
          ...SlidingWindow,
          pause: (state, until, now) => ({ ...SlidingWindow.pause(state, until, now), probeAt: Infinity })
        },
        breaks: "no pause is so long that nothing starts any more"
      },
      "a probe that gets a response, and ends nothing": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) => ({
            ...SlidingWindow.end(state, cost, now, outcome, probed),
            pausedUntil: state.pausedUntil
          })
        },
        breaks: "a pause is over with the first response to a probe"
      },
      "probes that are not alone": {
        core: {
          ...SlidingWindow,
          start: (state, cost, now) => ({ ...SlidingWindow.start(state, cost, now), probeAt: state.probeAt })
        },
        breaks: alone
      },
      "a probe that ends the pause, however it ends": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) =>
            SlidingWindow.end(state, cost, now, probed === 0 ? outcome : "response", probed)
        },
        breaks: alone
      },
      "a failed probe that the next one follows at once": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) =>
            SlidingWindow.end(state, cost, now, outcome, outcome === "response" ? probed : 0)
        },
        breaks: alone
      },
      "an attempt from before the pause that ends it": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome) => SlidingWindow.end(state, cost, now, outcome, state.epoch)
        },
        breaks: alone
      },
      "a probe of one pause that ends the next": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) =>
            SlidingWindow.end(state, cost, now, outcome, probed === 0 ? 0 : state.epoch)
        },
        breaks: "nothing starts during a pause, or its first minute if it is longer"
      },
      "interrupted waiters that keep their slots": {
        core: { ...SlidingWindow, cancel: (state) => state },
        breaks: "all that stay are served"
      },
      "an end that leaves a slot behind": {
        core: {
          ...SlidingWindow,
          end: (state, cost, now, outcome, probed) =>
            SlidingWindow.end(SlidingWindow.start(state, 1, now), cost, now, outcome, probed)
        },
        breaks: "no slot is lost: once nothing can arrive any more, all are free a window later"
      }
    }
    for (const [name, { breaks, core }] of Object.entries(mutants)) {
      it(name, () => {
        const found = new Set<string>()
        FastCheck.check(
          FastCheck.property(Plans, (plan) => {
            broken(simulate(core, plan)).forEach((law) => found.add(law))
          }),
          { numRuns: 300, seed: 1, examples: [[probedTwice]] }
        )
        expect(found).toContain(breaks)
      })
    }
  })

  describe("startAt", () => {
    it.prop("is never before now, and holds when its time has come", [Reached, Cost], ([{ now, state }, cost]) => {
      const at = SlidingWindow.startAt(state, cost, now)
      expect(at).toBeGreaterThanOrEqual(now)
      if (at < Infinity) {
        expect(SlidingWindow.startAt(state, cost, at)).toBe(at)
      }
    })

    it.prop("only time passes: it does not move", [Reached, Cost, double(3_000)], ([{ now, state }, cost, pass]) => {
      expect(SlidingWindow.startAt(state, cost, now + pass)).toBe(
        Math.max(now + pass, SlidingWindow.startAt(state, cost, now))
      )
    })

    it.prop("a larger cost is never earlier", [Reached, Cost, Cost], ([{ now, state }, a, b]) => {
      expect(SlidingWindow.startAt(state, Math.min(a, b), now)).toBeLessThanOrEqual(
        SlidingWindow.startAt(state, Math.max(a, b), now)
      )
    })

    it.prop(
      "the end of an attempt never makes it later, but for a probe that gets no response",
      [Reached, Cost, double(50), FastCheck.constantFrom(...outcomes)],
      ([{ inFlight, now, state }, cost, pass, outcome]) => {
        const [first] = inFlight
        if (first === undefined || (first.probed !== 0 && outcome !== "response")) return
        const ended = SlidingWindow.end(state, first.cost, now + pass, outcome, first.probed)
        expect(SlidingWindow.startAt(ended, cost, now + pass)).toBeLessThanOrEqual(
          SlidingWindow.startAt(state, cost, now + pass)
        )
      }
    )

    it.prop(
      "a slot without a response is never free before one with",
      [Reached, Cost],
      ([{ inFlight, now, state }, cost]) => {
        const [first] = inFlight
        if (first === undefined) return
        const late = SlidingWindow.end(state, first.cost, now, "noResponse", 0)
        const cooled = SlidingWindow.end(state, first.cost, now, "response", 0)
        expect(SlidingWindow.startAt(late, cost, now)).toBeGreaterThanOrEqual(SlidingWindow.startAt(cooled, cost, now))
      }
    )

    it.prop("neither a start nor a pause makes it earlier", [Reached, Cost, Cost], ([{ now, state }, cost, other]) => {
      const at = SlidingWindow.startAt(state, cost, now)
      expect(SlidingWindow.startAt(SlidingWindow.pause(state, now + other, now), cost, now)).toBe(
        Math.max(at, now + other)
      )
      const otherAt = SlidingWindow.startAt(state, other, now)
      if (otherAt < Infinity) {
        const started = SlidingWindow.start(state, other, otherAt)
        expect(SlidingWindow.startAt(started, cost, otherAt)).toBeGreaterThanOrEqual(at)
      }
    })

    it.prop("cancel undoes start", [Reached, Cost, Cost], ([{ now, state }, cost, other]) => {
      const at = SlidingWindow.startAt(state, other, now)
      if (at < Infinity) {
        const cancelled = SlidingWindow.cancel(
          SlidingWindow.start(state, other, at),
          other,
          SlidingWindow.probe(state, at)
        )
        expect(SlidingWindow.startAt(cancelled, cost, at)).toBeCloseTo(SlidingWindow.startAt(state, cost, at), 6)
      }
    })

    it.prop("with nothing in flight it is known for every cost up to the limit", [Reached], ([reached]) => {
      const { inFlight, now } = reached
      const state = inFlight.reduce(
        (state, { cost, probed }, i) => SlidingWindow.end(state, cost, now, outcomes[i % 3] ?? "response", probed),
        reached.state
      )
      expect(SlidingWindow.startAt(state, state.rule.limit, now)).toBeLessThan(Infinity)
      expect(SlidingWindow.startAt(state, state.rule.limit + 1, now)).toBe(Infinity)
    })
  })

  it.prop("a pause is never shortened", [Reached, Cost, Cost], ([{ now, state }, a, b]) => {
    const paused = SlidingWindow.pause(SlidingWindow.pause(state, now + a, now), now + b, now)
    expect(paused.pausedUntil).toBe(Math.max(state.pausedUntil, now + a, now + b))
  })

  it("a clock that is set back makes slots late, never early", () => {
    let state = SlidingWindow.make({ limit: 2, window: 100 })
    state = SlidingWindow.end(SlidingWindow.start(state, 1, 50), 1, 50, "response", 0)
    state = SlidingWindow.end(SlidingWindow.start(state, 1, 10), 1, 10, "response", 0)
    expect(SlidingWindow.startAt(state, 1, 10)).toBe(150)
    expect(SlidingWindow.startAt(state, 2, 10)).toBe(150)
  })

  it("cost: a positive integer up to the limit can pass", () => {
    const { rule } = SlidingWindow.make({ limit: 5, window: 1_000 })
    expect([1, 5].every((cost) => SlidingWindow.canPass(rule, cost))).toBe(true)
    expect([0, -1, 0.5, 6, NaN, Infinity].some((cost) => SlidingWindow.canPass(rule, cost))).toBe(false)
  })

  it("burst: by default a hundredth of the limit, at least ten; as large as the limit it paces nothing", () => {
    const rule = (limit: number, burst?: number) => SlidingWindow.make({ limit, window: 1_000, burst }).rule
    expect(rule(5)).toMatchObject({ burst: 5, interval: 0 })
    expect(rule(100)).toMatchObject({ burst: 10, interval: 10 })
    expect(rule(1_000)).toMatchObject({ burst: 10, interval: 1 })
    expect(rule(5_000)).toMatchObject({ burst: 50, interval: 0.2 })
    expect(rule(1_000, 1_000)).toMatchObject({ burst: 1_000, interval: 0 })
  })

  describe("requests without a response", () => {
    const limit = 10
    const options: SlidingWindow.Options = { limit, window: 1_000, lateArrival: 10_000 }
    const asBefore: Core = {
      ...SlidingWindow,
      end: (state, cost, now, _outcome, probed) => SlidingWindow.end(state, cost, now, "refusal", probed)
    }
    const worst = (core: Core, server: Server, job: Partial<Job>) => {
      const jobs = Array.from({ length: 100 }, (): Job => ({ ...plain, arrival: 0.5, ...job }))
      const trace = simulate(core, { options, jobs, pauses: [], server, tick: 1 })
      expect(trace.arrivals).toHaveLength(100)
      return worstWindow(trace.arrivals, 1_000)
    }
    const servers: Record<string, readonly [server: Server, job: Partial<Job>]> = {
      "a server that stands still for three seconds": [
        { stalls: [{ at: 1_500, duration: 3_000 }], accepts: 0 },
        { timeout: 200 }
      ],
      "a server that stands still for as long as a request may be late": [
        { stalls: [{ at: 1_500, duration: 10_000 }], accepts: 0 },
        { timeout: 200 }
      ],
      "interruptions at once, of requests that arrive all together": [
        { stalls: [{ at: 0, duration: 4_000 }], accepts: 0 },
        { timeout: 0 }
      ]
    }
    for (const [name, [server, job]] of Object.entries(servers)) {
      it(`${name}: counted within the limit`, () => {
        expect(worst(asBefore, server, job)).toBeGreaterThan(2 * limit)
        expect(worst(SlidingWindow, server, job)).toBeLessThanOrEqual(limit)
      })
    }

    it("a server that is slow to accept: counted within the limit, and slower than the limit", () => {
      const server = { stalls: [], accepts: 150 }
      expect(worst(SlidingWindow, server, { timeout: 200 })).toBeLessThanOrEqual(limit)
    })

    it("if one attempt in ten times out, half of the limit remains", () => {
      const windows = 60
      const jobs = Array.from({ length: limit * windows }, (_, n): Job => ({
        ...plain,
        latency: 0,
        ...(n % 10 === 0 ? { latency: 1, timeout: 0 } : undefined)
      }))
      const trace = simulate(SlidingWindow, { options, jobs, pauses: [], server: steady, tick: 0 })
      const started = trace.starts.filter(({ at }) => at < windows * 1_000).length
      expect(started / (limit * windows)).toBeGreaterThan(0.45)
      expect(started / (limit * windows)).toBeLessThan(0.55)
    })
  })

  describe("a pause of a day", () => {
    const minute = 60_000
    const day = 24 * 60 * minute
    const starts = (probes: ReadonlyArray<Partial<Job>>) => {
      const jobs = Array.from({ length: 20 }, (_, n): Job => ({ ...plain, at: n, latency: 0, ...probes[n] }))
      return simulate(SlidingWindow, {
        options: { limit: 10, window: 1_000 },
        jobs,
        pauses: [{ at: -1, duration: day }],
        server: steady,
        tick: 0
      }).starts
    }

    it("is over as soon as the first probe gets a response", () => {
      const [probe, next, ...others] = starts([])
      expect(probe).toMatchObject({ at: minute - 1, id: 19, probed: true })
      expect(next).toMatchObject({ at: minute - 1, id: 0, probed: false })
      expect(others.at(-1)?.at).toBeLessThan(minute + 2_000)
    })

    it("continues while probes fail, with a minute from the end of one to the start of the next", () => {
      const fails: ReadonlyArray<Partial<Job>> = Array.from(
        { length: 20 },
        (_, n) => n >= 17 ? { response: "refusal" } : {}
      )
      const refused = starts(fails)
      expect(refused.slice(0, 5)).toMatchObject([
        { at: minute - 1, id: 19, probed: true },
        { at: 2 * minute - 1, id: 18, probed: true },
        { at: 3 * minute - 1, id: 17, probed: true },
        { at: 4 * minute - 1, id: 16, probed: true },
        { at: 4 * minute - 1, id: 0, probed: false }
      ])
      const slow = starts(fails.map((job) => ({ ...job, latency: 5_000 })))
      expect(slow.slice(0, 3)).toMatchObject([
        { at: minute - 1 },
        { at: 2 * minute + 4_999 },
        { at: 3 * minute + 9_999 }
      ])
    })
  })

  describe("throughput under saturation", () => {
    const windows = 20
    const saturated = (limit: number, latency: number, tick: number) => {
      const job: Job = { ...plain, latency, arrival: 0.5 }
      const options = { limit, window: 1_000 }
      const jobs = Array.from({ length: limit * (windows + 1) }, () => job)
      const trace = simulate(SlidingWindow, { options, jobs, pauses: [], server: steady, tick })
      expect(worstWindow(trace.arrivals, 1_000)).toBeLessThanOrEqual(limit)
      return trace.starts.filter(({ at }) => at < windows * 1_000).length
    }
    for (const [limit, tick] of [[5, 0], [100, 0], [1_000, 0], [1_000, 1], [300, 1]] as const) {
      it(`no latency, ${limit} per second, timers of ${tick} ms: the limit, within the burst`, () => {
        const { burst } = SlidingWindow.make({ limit, window: 1_000 }).rule
        expect(saturated(limit, 0, tick)).toBeGreaterThanOrEqual(limit * windows - burst)
      })
    }
    it("20 ms of latency: at least 97 %", () => {
      expect(saturated(1_000, 20, 1)).toBeGreaterThanOrEqual(0.97 * 1_000 * windows)
    })
    it("a limit so large that slots share instants: at least 99.8 %", () => {
      expect(saturated(5_000, 0, 1)).toBeGreaterThanOrEqual(0.998 * 5_000 * windows)
    })
  })

  describe("cost of the limiter itself", () => {
    const work = (count: number) => {
      let calls = 0
      const counted = <Args extends ReadonlyArray<unknown>, A>(f: (...args: Args) => A) => (...args: Args): A => {
        calls += 1
        return f(...args)
      }
      const core: Core = {
        make: SlidingWindow.make,
        startAt: counted(SlidingWindow.startAt),
        probe: SlidingWindow.probe,
        start: counted(SlidingWindow.start),
        end: counted(SlidingWindow.end),
        cancel: counted(SlidingWindow.cancel),
        pause: counted(SlidingWindow.pause)
      }
      const options = { limit: 1_000, window: 1_000 }
      const jobs = Array.from({ length: count }, () => plain)
      const trace = simulate(core, { options, jobs, pauses: [], server: steady, tick: 1 })
      expect(trace.starts).toHaveLength(count)
      return { calls: calls / count, wakes: trace.wakes / count }
    }

    it("each of 10,000 waiters costs as much as each of 1,000", () => {
      const few = work(1_000)
      const many = work(10_000)
      expect(many.calls).toBeLessThanOrEqual(few.calls + 1)
      expect(many.calls).toBeLessThan(8)
      expect(many.wakes).toBeLessThanOrEqual(1)
    })

    const entries = (state: SlidingWindow.State) => {
      let count = 0
      const { cooling, late } = state
      for (const list of [cooling.oldest, cooling.newest, late.oldest, late.newest]) {
        for (let entry = list; entry !== undefined; entry = entry.next) {
          count += 1
        }
      }
      return count
    }

    it("the state stays small, whatever the limit", () => {
      for (const limit of [5, 1_000, 1_000_000]) {
        let state = SlidingWindow.make({ limit, window: 1_000 })
        let worst = 0
        for (let i = 0, now = 0; i < 30_000; i++) {
          now = SlidingWindow.startAt(state, 1, now) + 0.05
          state = SlidingWindow.end(
            SlidingWindow.start(state, 1, now),
            1,
            now,
            i % 100 === 0 ? "noResponse" : "response",
            0
          )
          worst = Math.max(worst, entries(state))
        }
        expect(worst).toBeLessThanOrEqual(Math.min(limit, 2_004))
      }
    })
  })
})
