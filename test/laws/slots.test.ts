import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Slots from "../../src/internal/slots.js"

/** The core as the simulation sees it. `answer` is told the start as well, so that a wrong core can be written. */
interface Core {
  readonly make: (options: Slots.Options) => Slots.State
  readonly startAt: (state: Slots.State, cost: number, now: number) => number
  readonly start: (state: Slots.State, cost: number, now: number) => Slots.State
  readonly answer: (state: Slots.State, cost: number, now: number, startedAt: number) => Slots.State
  readonly cancel: (state: Slots.State, cost: number) => Slots.State
  readonly pause: (state: Slots.State, until: number) => Slots.State
}

interface Job {
  readonly at: number
  readonly cost: number
  readonly latency: number
  /** Where between start and answer it arrives at the server: 0 to 1. */
  readonly arrival: number
  /** "drops" is interrupted between its admission and its first step. */
  readonly fate: "stays" | "leaves" | "drops"
  readonly patience: number
}

interface Plan {
  readonly options: Slots.Options
  readonly jobs: ReadonlyArray<Job>
  readonly pauses: ReadonlyArray<{ readonly at: number; readonly duration: number }>
  /** Timers wake at the exact instant (0), or at the next multiple of this. */
  readonly tick: number
}

interface Event {
  readonly id: number
  readonly at: number
  readonly cost: number
}

interface Trace {
  readonly plan: Plan
  readonly starts: ReadonlyArray<Event>
  readonly arrivals: ReadonlyArray<Event>
  readonly unserved: number
  readonly state: Slots.State
  readonly end: number
  readonly wakes: number
}

/** Runs a plan against a core as the limiter does: first come, first served, one timer. */
const simulate = (core: Core, plan: Plan): Trace => {
  // Latest first, so that the next one is taken off the end. Of several at one instant it is the one scheduled first.
  const agenda: Array<{ readonly at: number; readonly run: () => void }> = []
  const schedule = (at: number, run: () => void) => {
    let low = 0
    let high = agenda.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((agenda[middle]?.at ?? 0) > at) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    agenda.splice(low, 0, { at, run })
  }
  const starts: Array<Event> = []
  const arrivals: Array<Event> = []
  const waiting = new Map<number, Job>()
  let state = core.make(plan.options)
  let now = 0
  let wakeAt = Infinity
  let wakes = 0

  const begin = (id: number, job: Job) => {
    const startedAt = now
    const answeredAt = now + job.latency
    starts.push({ id, at: now, cost: job.cost })
    arrivals.push({ id, at: Math.min(answeredAt, now + job.latency * job.arrival), cost: job.cost })
    schedule(answeredAt, () => {
      state = core.answer(state, job.cost, now, startedAt)
      admit()
    })
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
      waiting.delete(id)
      state = core.start(state, job.cost, now)
      if (job.fate === "drops") {
        state = core.cancel(state, job.cost)
      } else {
        begin(id, job)
      }
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
        at: job.at + job.patience,
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
        state = core.pause(state, now + duration)
      }
    })
  }
  agenda.sort((a, b) => a.at - b.at).reverse()
  for (let next = agenda.pop(); next !== undefined; next = agenda.pop()) {
    now = next.at
    next.run()
  }
  return { plan, starts, arrivals, unserved: waiting.size, state, end: now, wakes }
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

const laws: Record<string, (trace: Trace) => boolean> = {
  "the server never counts more than the limit in any window": ({ arrivals, plan }) =>
    worstWindow(arrivals, plan.options.window) <= plan.options.limit,
  "starts are paced: in any time never more than the burst and what the pace allows": ({ plan, starts }) => {
    const { burst, interval } = Slots.make(plan.options).rule
    return starts.every((first, i) => {
      let sum = 0
      return starts.slice(i).every((next) => {
        sum += next.cost
        const allowed = Math.max(burst, next.cost) * interval + next.at - first.at
        return sum * interval <= allowed + 1e-6
      })
    })
  },
  "nobody starts during a pause": ({ plan, starts }) =>
    plan.pauses.every(({ at, duration }) => starts.every((start) => start.at <= at || start.at >= at + duration)),
  "first come, first served": ({ plan, starts }) =>
    starts.every(({ id }, i) => {
      const before = starts[i - 1]
      return before === undefined || (plan.jobs[before.id]?.at ?? 0) <= (plan.jobs[id]?.at ?? 0)
    }),
  "whoever stays is served": ({ plan, starts, unserved }) =>
    unserved === 0 && plan.jobs.every((job, id) => job.fate !== "stays" || starts.some((start) => start.id === id)),
  "no slot is lost: a window after all is over, all are free": ({ end, plan, state }) => {
    const later = Math.max(end + plan.options.window * 1.01 + 3, state.pausedUntil)
    return Slots.startAt(state, plan.options.limit, later) === later
  }
}

const broken = (trace: Trace): ReadonlyArray<string> =>
  Object.entries(laws).flatMap(([name, holds]) => holds(trace) ? [] : [name])

const double = (max: number) => FastCheck.double({ min: 0, max, noNaN: true })

const fates: ReadonlyArray<Job["fate"]> = ["stays", "stays", "stays", "leaves", "drops"]

const Plans: FastCheck.Arbitrary<Plan> = FastCheck.record({
  limit: FastCheck.oneof(FastCheck.integer({ min: 1, max: 30 }), FastCheck.integer({ min: 1_001, max: 5_000 })),
  window: FastCheck.constantFrom(1, 10, 100 / 3, 1_000),
  burst: FastCheck.option(FastCheck.integer({ min: 1, max: 35 }), { nil: undefined })
}).chain((options) => {
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
    fate: FastCheck.constantFrom(...fates),
    patience: duration
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
    pauses: FastCheck.array(FastCheck.record({ at: double(10 * window), duration }), { maxLength: 3, size: "max" }),
    tick: FastCheck.constantFrom(0, 1)
  })
})

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
      kind: FastCheck.constantFrom("start", "start", "answer", "answer", "pause"),
      cost: FastCheck.integer({ min: 1, max: 400 })
    }),
    { maxLength: 60, size: "max" }
  )
}).map(({ events, options }) => {
  let state = Slots.make(options)
  let now = 0
  const inFlight: Array<number> = []
  for (const { cost, kind, pass } of events) {
    now += pass * options.window / 1_000
    const capped = Math.min(cost, options.limit)
    if (kind === "pause") {
      state = Slots.pause(state, now + cost)
    } else if (kind === "answer") {
      const answered = inFlight.shift()
      state = answered === undefined ? state : Slots.answer(state, answered, now)
    } else if (Slots.startAt(state, capped, now) <= now) {
      state = Slots.start(state, capped, now)
      inFlight.push(capped)
    }
  }
  return { state, now, inFlight }
})

const Cost = FastCheck.integer({ min: 1, max: 1_200 })

describe("slots", () => {
  describe("the limiter as the server sees it", () => {
    for (const [name, holds] of Object.entries(laws)) {
      it(name, () => {
        FastCheck.assert(FastCheck.property(Plans, (plan) => holds(simulate(Slots, plan))), { numRuns: 400 })
      })
    }
  })

  describe("the laws are able to fail", () => {
    const mutants: Record<string, { readonly core: Core; readonly breaks: string }> = {
      "slots that come back one window after the start": {
        core: { ...Slots, answer: (state, cost, _now, startedAt) => Slots.answer(state, cost, startedAt) },
        breaks: "the server never counts more than the limit in any window"
      },
      "slots that come back a little before the window is over": {
        core: { ...Slots, answer: (state, cost, now) => Slots.answer(state, cost, now - state.rule.window / 500) },
        breaks: "the server never counts more than the limit in any window"
      },
      "a pace that ignores costs": {
        core: {
          ...Slots,
          start: (state, cost, now) => ({
            ...Slots.start(state, cost, now),
            nextPaced: Slots.start(state, 1, now).nextPaced
          })
        },
        breaks: "starts are paced: in any time never more than the burst and what the pace allows"
      },
      "a pause that does nothing": {
        core: { ...Slots, pause: (state) => state },
        breaks: "nobody starts during a pause"
      },
      "interrupted waiters that keep their slots": {
        core: { ...Slots, cancel: (state) => state },
        breaks: "whoever stays is served"
      },
      "an answer that leaves a slot behind": {
        core: { ...Slots, answer: (state, cost, now) => Slots.answer(Slots.start(state, 1, now), cost, now) },
        breaks: "no slot is lost: a window after all is over, all are free"
      }
    }
    for (const [name, { breaks, core }] of Object.entries(mutants)) {
      it(name, () => {
        const found = new Set<string>()
        FastCheck.check(
          FastCheck.property(Plans, (plan) => {
            broken(simulate(core, plan)).forEach((law) => found.add(law))
          }),
          { numRuns: 300, seed: 1 }
        )
        expect(found).toContain(breaks)
      })
    }
  })

  describe("startAt", () => {
    it.prop("is never before now, and holds when its time has come", [Reached, Cost], ([{ now, state }, cost]) => {
      const at = Slots.startAt(state, cost, now)
      expect(at).toBeGreaterThanOrEqual(now)
      if (at < Infinity) {
        expect(Slots.startAt(state, cost, at)).toBe(at)
      }
    })

    it.prop("only time passes: it does not move", [Reached, Cost, double(3_000)], ([{ now, state }, cost, pass]) => {
      expect(Slots.startAt(state, cost, now + pass)).toBe(Math.max(now + pass, Slots.startAt(state, cost, now)))
    })

    it.prop("a larger cost is never earlier", [Reached, Cost, Cost], ([{ now, state }, a, b]) => {
      expect(Slots.startAt(state, Math.min(a, b), now)).toBeLessThanOrEqual(Slots.startAt(state, Math.max(a, b), now))
    })

    it.prop("an answer never makes it later", [Reached, Cost, double(50)], ([{ inFlight, now, state }, cost, pass]) => {
      const [first] = inFlight
      if (first !== undefined) {
        const answered = Slots.answer(state, first, now + pass)
        expect(Slots.startAt(answered, cost, now + pass)).toBeLessThanOrEqual(Slots.startAt(state, cost, now + pass))
      }
    })

    it.prop("neither a start nor a pause makes it earlier", [Reached, Cost, Cost], ([{ now, state }, cost, other]) => {
      const at = Slots.startAt(state, cost, now)
      expect(Slots.startAt(Slots.pause(state, now + other), cost, now)).toBe(Math.max(at, now + other))
      const otherAt = Slots.startAt(state, other, now)
      if (otherAt < Infinity) {
        const started = Slots.start(state, other, otherAt)
        expect(Slots.startAt(started, cost, otherAt)).toBeGreaterThanOrEqual(at)
      }
    })

    it.prop("cancel undoes start", [Reached, Cost, Cost], ([{ now, state }, cost, other]) => {
      const at = Slots.startAt(state, other, now)
      if (at < Infinity) {
        const cancelled = Slots.cancel(Slots.start(state, other, at), other)
        expect(Slots.startAt(cancelled, cost, at)).toBeCloseTo(Slots.startAt(state, cost, at), 6)
      }
    })

    it.prop("with nothing in flight it is known for every cost up to the limit", [Reached], ([reached]) => {
      const { inFlight, now } = reached
      const state = inFlight.reduce((state, cost) => Slots.answer(state, cost, now), reached.state)
      expect(Slots.startAt(state, state.rule.limit, now)).toBeLessThan(Infinity)
      expect(Slots.startAt(state, state.rule.limit + 1, now)).toBe(Infinity)
    })
  })

  it.prop("a pause is never shortened", [Reached, Cost, Cost], ([{ now, state }, a, b]) => {
    const paused = Slots.pause(Slots.pause(state, now + a), now + b)
    expect(paused.pausedUntil).toBe(Math.max(state.pausedUntil, now + a, now + b))
  })

  it("a clock that is set back makes slots late, never early", () => {
    let state = Slots.make({ limit: 2, window: 100 })
    state = Slots.answer(Slots.start(state, 1, 50), 1, 50)
    state = Slots.answer(Slots.start(state, 1, 10), 1, 10)
    expect(Slots.startAt(state, 1, 10)).toBe(150)
    expect(Slots.startAt(state, 2, 10)).toBe(150)
  })

  it("cost: a positive integer up to the limit can pass", () => {
    const { rule } = Slots.make({ limit: 5, window: 1_000 })
    expect([1, 5].every((cost) => Slots.canPass(rule, cost))).toBe(true)
    expect([0, -1, 0.5, 6, NaN, Infinity].some((cost) => Slots.canPass(rule, cost))).toBe(false)
  })

  it("burst: by default a hundredth of the limit, at least ten; as large as the limit it paces nothing", () => {
    const rule = (limit: number, burst?: number) => Slots.make({ limit, window: 1_000, burst }).rule
    expect(rule(5)).toMatchObject({ burst: 5, interval: 0 })
    expect(rule(100)).toMatchObject({ burst: 10, interval: 10 })
    expect(rule(1_000)).toMatchObject({ burst: 10, interval: 1 })
    expect(rule(5_000)).toMatchObject({ burst: 50, interval: 0.2 })
    expect(rule(1_000, 1_000)).toMatchObject({ burst: 1_000, interval: 0 })
  })

  describe("throughput under saturation", () => {
    const windows = 20
    const saturated = (limit: number, latency: number, tick: number) => {
      const job: Job = { at: 0, cost: 1, latency, arrival: 0.5, fate: "stays", patience: 0 }
      const options = { limit, window: 1_000 }
      const jobs = Array.from({ length: limit * (windows + 1) }, () => job)
      const trace = simulate(Slots, { options, jobs, pauses: [], tick })
      expect(worstWindow(trace.arrivals, 1_000)).toBeLessThanOrEqual(limit)
      return trace.starts.filter(({ at }) => at < windows * 1_000).length
    }
    for (const [limit, tick] of [[5, 0], [100, 0], [1_000, 0], [1_000, 1], [300, 1]] as const) {
      it(`no latency, ${limit} per second, timers of ${tick} ms: the limit, within the burst`, () => {
        const { burst } = Slots.make({ limit, window: 1_000 }).rule
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
        make: Slots.make,
        startAt: counted(Slots.startAt),
        start: counted(Slots.start),
        answer: counted(Slots.answer),
        cancel: counted(Slots.cancel),
        pause: counted(Slots.pause)
      }
      const job: Job = { at: 0, cost: 1, latency: 20, arrival: 1, fate: "stays", patience: 0 }
      const options = { limit: 1_000, window: 1_000 }
      const trace = simulate(core, { options, jobs: Array.from({ length: count }, () => job), pauses: [], tick: 1 })
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

    const entries = (state: Slots.State) => {
      let count = 0
      for (const list of [state.oldest, state.newest]) {
        for (let entry = list; entry !== undefined; entry = entry.next) {
          count += 1
        }
      }
      return count
    }

    it("the state stays small, whatever the limit", () => {
      for (const limit of [5, 1_000, 1_000_000]) {
        let state = Slots.make({ limit, window: 1_000 })
        let worst = 0
        for (let i = 0, now = 0; i < 30_000; i++) {
          now = Slots.startAt(state, 1, now) + 0.05
          state = Slots.answer(Slots.start(state, 1, now), 1, now)
          worst = Math.max(worst, entries(state))
        }
        expect(worst).toBeLessThanOrEqual(Math.min(limit, 1_002))
      }
    })
  })
})
