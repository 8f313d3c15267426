import { describe, expect, it } from "@effect/vitest"
import * as FastCheck from "effect/FastCheck"
import * as Core from "../../../src/internal/limiter/redis/core.js"
import * as SlidingWindow from "../../../src/internal/limiter/slidingWindow.js"
import { broken, examples, laws, Plans, worstWindow } from "./laws.js"
import { type Job, type Plan, type Sides, sides, simulate } from "./simulation.js"

describe("a fleet as the server sees it", () => {
  for (const [name, holds] of Object.entries(laws)) {
    it.prop(name, [Plans], ([plan]) => holds(simulate(sides, plan)), {
      fastCheck: { numRuns: 100, examples: examples.map((plan) => [plan]) },
      timeout: 120_000
    })
  }
})

const withReply =
  (change: (reply: Core.Reply, message: Core.Message) => Core.Reply): Sides["exchange"] =>
  (rule, state, message, clock) => {
    const [next, reply] = Core.exchange(rule, state, message, clock)
    return [next, reply === undefined ? undefined : change(reply, message)]
  }

const withRule = (change: (rule: Core.Rule) => Core.Rule): Sides["exchange"] => (rule, state, message, clock) =>
  Core.exchange(change(rule), state, message, clock)

const withMessage =
  (change: (message: Core.Message) => Core.Message): Sides["exchange"] => (rule, state, message, clock) =>
    Core.exchange(rule, state, change(message), clock)

const counts = "the server never counts more than the limit in any window"
const pauses = "nothing starts anywhere 100 ms after a pause, or in its first minute if it is longer"
const probes = "one attempt in the fleet probes a long pause in each minute"
const served = "no pause is so long that nothing starts any more, and all that wait are served"

const mutants: Record<string, { readonly wrong: Partial<Sides>; readonly breaks: string }> = {
  "slots that nobody has": {
    wrong: { exchange: withReply((reply, { want }) => ({ ...reply, leased: reply.leased + want })) },
    breaks: counts
  },
  "slots of a process that died that are free a window later": {
    wrong: { exchange: withRule((rule) => ({ ...rule, deadAfter: 0 })) },
    breaks: counts
  },
  "slots that are free at once where a process leaves": {
    wrong: { leave: (lease, window, now) => ({ ...sides.leave(lease, window, now), leased: 0 }) },
    breaks: counts
  },
  "slots that are free after the window where a process leaves with requests in flight": {
    wrong: {
      leave: (lease, window, now) => sides.leave(lease, { ...window, inFlight: 0 }, now)
    },
    breaks: counts
  },
  "grants at once after the data are lost": {
    wrong: { exchange: withRule((rule) => ({ ...rule, settle: -rule.window })) },
    breaks: counts
  },
  "another server that is not recognized": {
    wrong: {
      exchange: (rule, state, message, clock) => Core.exchange(rule, state, message, { ...clock, server: "the same" })
    },
    breaks: counts
  },
  "slots that are returned while they are busy": {
    wrong: {
      ask: (lease, window, demand, now) => {
        const [next, state, message] = sides.ask(lease, window, demand, now)
        return [next, state, { ...message, leased: Math.max(0, message.leased - SlidingWindow.busy(window, now)) }]
      }
    },
    breaks: counts
  },
  "slots without a response that come back as if there had been one": {
    wrong: {
      end: (state, cost, now, outcome, probed) =>
        SlidingWindow.end(state, cost, now, outcome === "noResponse" ? "refusal" : outcome, probed)
    },
    breaks: counts
  },
  "a process without Redis that takes the whole limit": {
    wrong: {
      fail: (lease, window, now) => {
        const [next] = sides.fail(lease, window, now)
        return [
          { ...next, leased: lease.options.limit },
          { ...SlidingWindow.resize(window, lease.options.limit), validUntil: Infinity }
        ]
      }
    },
    breaks: counts
  },
  "a pause that only its own process knows": {
    wrong: { exchange: withReply((reply) => ({ ...reply, paused: 0, pauses: 0 })) },
    breaks: pauses
  },
  "starts that rely on a reply for a second": {
    wrong: {
      ask: (lease, window, demand, now) => {
        const [next, state, message] = sides.ask(lease, window, demand, now)
        return [{ ...next, sentAt: now + 900 }, state, message]
      }
    },
    breaks: pauses
  },
  "probes of every process": {
    wrong: { exchange: withReply((reply, { probe }) => ({ ...reply, probe: reply.paused > 0 ? probe : 0 })) },
    breaks: probes
  },
  "probes of a process without slots, and of no other": {
    wrong: {
      ask: (lease, window, demand, now) => {
        const [next, state, message] = sides.ask(lease, window, demand, now)
        return [next, state, { ...message, probe: demand.waiting > 0 && next.leased === 0 ? 1 : 0 }]
      }
    },
    breaks: served
  },
  "a probe that gets a response, and ends the pause of its process only": {
    wrong: { exchange: withMessage((message) => ({ ...message, ended: 0 })) },
    breaks: "a pause is over everywhere with the first response to a probe"
  },
  "a process that may not gather slots for an attempt above its share": {
    wrong: {
      exchange: withReply((reply, { leased, need }) => ({
        ...reply,
        target: Math.max(leased, need > 1 ? 1 : reply.target)
      }))
    },
    breaks: served
  },
  "idle slots that are kept": {
    wrong: {
      ask: (lease, window, demand, now) => {
        const [next, state, message] = sides.ask(lease, window, demand, now)
        return [{ ...next, leased: lease.leased }, state, { ...message, leased: lease.leased }]
      }
    },
    breaks: "a process that has nothing to send holds nothing"
  },
  "slots that are not free when a process has left": {
    wrong: { leave: (lease, window, now) => ({ ...sides.leave(lease, window, now), leave: 1e12 }) },
    breaks: "no slot is lost: in the end all are free"
  },
  "a message for each attempt": {
    wrong: {
      ask: (lease, window, demand, now) => {
        const [next, state, message] = sides.ask(lease, window, demand, now)
        return [{ ...next, sentAt: now - 10 }, state, message]
      }
    },
    breaks: "at most 60 messages a second from each process"
  }
}

describe("the laws are able to fail", () => {
  for (const [name, { breaks, wrong }] of Object.entries(mutants)) {
    it(name, { timeout: 120_000 }, () => {
      const found = new Set<string>()
      const plays = (plan: Plan) => broken(simulate({ ...sides, ...wrong }, plan)).forEach((law) => found.add(law))
      examples.forEach(plays)
      for (let seed = 1; seed <= 8 && !found.has(breaks); seed++) {
        for (const plan of FastCheck.sample(Plans, { numRuns: 50, seed })) {
          plays(plan)
          if (found.has(breaks)) break
        }
      }
      expect(found).toContain(breaks)
    })
  }
})

const job: Omit<Job, "process" | "at"> = { cost: 1, latency: 10, arrival: 0.5, response: "response", timeout: Infinity }

const saturated = (limit: number, processes: number, seconds: number): Plan => ({
  limit,
  window: 1_000,
  burst: undefined,
  slots: Math.min(16, limit),
  lateArrival: 10_000,
  deadAfter: 60_000,
  probeInterval: 60_000,
  whenUnavailable: "share",
  processes,
  jobs: Array.from({ length: limit * seconds * 2 }, (_, n) => ({ ...job, at: 1_900, process: n % processes })),
  pauses: [],
  faults: [],
  delays: [0.5],
  tick: 1
})

describe("the shares of a fleet", () => {
  for (const [limit, processes] of [[200, 1], [200, 4], [203, 8], [5, 3]] as const) {
    it(`${processes} that send all they can use the whole of ${limit} per second, each as much as the others`, () => {
      const trace = simulate(sides, saturated(limit, processes, 8))
      expect(worstWindow(trace)).toBeLessThanOrEqual(limit)
      const last = trace.starts.filter(({ at }) => at >= 5_000 && at < 9_000)
      expect(last.length).toBeGreaterThanOrEqual(0.97 * 4 * limit)
      for (let process = 0; process < processes; process++) {
        const own = last.filter((start) => start.process === process).length
        expect(Math.abs(own - last.length / processes)).toBeLessThanOrEqual(0.05 * last.length / processes + 4)
      }
    })
  }

  it("more processes than slots take turns", () => {
    const trace = simulate(sides, saturated(3, 5, 20))
    expect(worstWindow(trace)).toBeLessThanOrEqual(3)
    const last = trace.starts.filter(({ at }) => at >= 5_000 && at < 20_000)
    for (let process = 0; process < 5; process++) {
      expect(last.filter((start) => start.process === process).length).toBeGreaterThanOrEqual(4)
    }
  })

  it("one that is idle still counts", () => {
    const plan = saturated(20, 2, 1)
    const trace = simulate(sides, {
      ...plan,
      deadAfter: 12_000,
      jobs: plan.jobs.filter(({ process }) => process === 0)
    })
    const signs = trace.messages.filter(({ at, process }) => process === 1 && at > 20_000).map(({ at }) => at)
    expect(signs.length).toBeGreaterThanOrEqual(9)
    expect(signs.length).toBeLessThanOrEqual(10)
  })

  it("one that comes later gets its share within two windows", () => {
    const plan = saturated(200, 2, 10)
    const trace = simulate(sides, {
      ...plan,
      jobs: plan.jobs.map((job) => job.process === 0 ? job : { ...job, at: 6_000 })
    })
    const own = trace.starts.filter(({ at, process }) => process === 1 && at >= 8_000 && at < 9_000)
    expect(own.length).toBeGreaterThanOrEqual(95)
  })
})
