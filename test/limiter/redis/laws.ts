// The laws of a fleet, and the plans that they are tried with.
import * as FastCheck from "effect/FastCheck"
import type { Fault, Job, Plan, Trace } from "./simulation.js"

/** What is lost where the instants of one clock become those of another, in milliseconds. */
const rounding = 1e-6

/** The most that the server counts in any window; it is enough to look at windows that begin with an arrival. */
export const worstWindow = ({ arrivals, plan }: Trace): number => {
  const sorted = [...arrivals].sort((a, b) => a.at - b.at)
  let worst = 0
  let sum = 0
  let end = 0
  for (const first of sorted) {
    for (
      let next = sorted[end];
      next !== undefined && next.at < first.at + plan.window - rounding;
      next = sorted[end]
    ) {
      sum += next.cost
      end += 1
    }
    worst = Math.max(worst, sum)
    sum -= first.cost
  }
  return worst
}

/** How long after a pause another process may start, if messages take no time. */
const known = 100

const slowest = ({ delays }: Plan) => Math.max(...delays)

/** Pauses that Redis could pass on at once: nothing was wrong with it, nor with the process that paused. */
const reliable = ({ faults, pauses }: Plan) =>
  faults.every(({ kind }) => kind === "kill" || kind === "close")
    ? pauses.filter((pause) =>
      !faults.some((fault) => "process" in fault && fault.process === pause.process && fault.at <= pause.at + known)
    )
    : []

/** With "share", a process that alone is cut off for longer than `deadAfter` sends beside the others: that is no promise. */
const isAlone = ({ deadAfter, faults, whenUnavailable }: Plan) =>
  whenUnavailable === "share" &&
  faults.reduce((sum, fault) => sum + ("process" in fault && "duration" in fault ? fault.duration : 0), 0) >
    deadAfter / 2

export const laws: Record<string, (trace: Trace) => boolean> = {
  "the server never counts more than the limit in any window": (trace) =>
    isAlone(trace.plan) || worstWindow(trace) <= trace.plan.limit,
  "nothing starts anywhere 100 ms after a pause, or in its first minute if it is longer": ({ plan, starts }) =>
    reliable(plan).every(({ at, duration, process }) =>
      starts.every((start) =>
        start.at <= at + (start.process === process ? 0 : known + 2 * slowest(plan)) ||
        start.at >= at + Math.min(duration, plan.probeInterval)
      )
    ),
  "one attempt in the fleet probes a long pause in each minute": ({ plan, starts }) =>
    plan.faults.length > 0 ||
    starts.every((start, i) =>
      !start.probed ||
      starts.every((other, j) => j >= i || !other.probed || other.at + plan.probeInterval <= start.at + 1e-6)
    ),
  "a pause is over everywhere with the first response to a probe": (trace) => {
    const { plan, starts } = trace
    const answered = starts.filter(({ outcome, probed }) => probed && outcome === "response")
    return plan.faults.length > 0 ||
      starts.every((start) =>
        !start.probed || !answered.some(({ at, endsAt }) =>
          endsAt + 2 * known + 2 * slowest(plan) < start.at &&
          plan.pauses.every((pause) => pause.at < at - known || pause.at > start.at)
        )
      )
  },
  "no pause is so long that nothing starts any more, and all that wait are served": ({ unserved }) => unserved === 0,
  "no slot is lost: in the end all are free": ({ available, plan }) => available === plan.limit,
  "a process that has nothing to send holds nothing": ({ held, plan }) =>
    held === 0 || plan.faults.some(({ kind }) => kind === "kill"),
  "at most 60 messages a second from each process": ({ messages, plan }) =>
    Array.from({ length: plan.processes }, (_, process) => {
      const sent = messages.filter((message) => message.process === process && !message.isPause)
      return sent.every(({ at }, i) => (sent[i + 60]?.at ?? Infinity) >= at + 1_000)
    }).every((holds) => holds)
}

export const broken = (trace: Trace): ReadonlyArray<string> =>
  Object.entries(laws).flatMap(([name, holds]) => holds(trace) ? [] : [name])

/** How long a pause is that a server surely did not mean. */
const absurd = 1e12

const double = (max: number) => FastCheck.double({ min: 0, max, noNaN: true })

const instant = FastCheck.integer({ min: 2_000, max: 9_000 })

const nth = FastCheck.nat(3)

const faultsOf = (slots: FastCheck.Arbitrary<Fault>) => FastCheck.array(slots, { maxLength: 3, size: "max" })

// A promise covers one kind of fault at a time: a process that dies while the data are lost is known to nobody.
const Faults: FastCheck.Arbitrary<ReadonlyArray<Fault>> = FastCheck.oneof(
  FastCheck.constant<ReadonlyArray<Fault>>([]),
  faultsOf(FastCheck.record({
    kind: FastCheck.constantFrom(...["kill", "close"] as const),
    at: instant,
    process: nth
  })),
  faultsOf(FastCheck.oneof(
    FastCheck.record({ kind: FastCheck.constant("flush" as const), at: instant }),
    FastCheck.record({
      kind: FastCheck.constant("failover" as const),
      at: instant,
      lost: double(1_000),
      clock: FastCheck.integer({ min: -5_000, max: 5_000 })
    }),
    FastCheck.record({
      kind: FastCheck.constant("clock" as const),
      at: instant,
      clock: FastCheck.integer({ min: -5_000, max: 10_000 })
    }),
    FastCheck.record({ kind: FastCheck.constant("stop" as const), at: instant, duration: double(10_000) }),
    FastCheck.record({ kind: FastCheck.constant("down" as const), at: instant, duration: double(10_000) })
  )),
  faultsOf(FastCheck.oneof(
    FastCheck.record({ kind: FastCheck.constant("down" as const), at: instant, duration: double(6_000), process: nth }),
    FastCheck.record({
      kind: FastCheck.constant("lossy" as const),
      at: instant,
      duration: double(900),
      what: FastCheck.constantFrom(...["message", "reply"] as const)
    })
  ))
)

export const Plans: FastCheck.Arbitrary<Plan> = FastCheck.record({
  limit: FastCheck.oneof(FastCheck.integer({ min: 1, max: 6 }), FastCheck.integer({ min: 7, max: 40 })),
  processes: FastCheck.integer({ min: 1, max: 4 })
}).chain(({ limit, processes }) =>
  FastCheck.record({
    limit: FastCheck.constant(limit),
    processes: FastCheck.constant(processes),
    window: FastCheck.constantFrom(300, 1_000),
    burst: FastCheck.option(FastCheck.integer({ min: 1, max: 50 }), { nil: undefined }),
    slots: FastCheck.integer({ min: 1, max: 16 }).map((slots) => Math.min(slots, limit)),
    lateArrival: FastCheck.constantFrom(0, 300),
    deadAfter: FastCheck.constant(2_000),
    probeInterval: FastCheck.constant(2_000),
    whenUnavailable: FastCheck.constantFrom(...["share", "wait", "fail"] as const),
    jobs: FastCheck.array(
      FastCheck.record({
        gap: FastCheck.oneof({ weight: 4, arbitrary: FastCheck.constant(0) }, double(500)),
        process: FastCheck.nat(processes - 1),
        cost: FastCheck.oneof(
          { weight: 8, arbitrary: FastCheck.constant(1) },
          FastCheck.integer({ min: 1, max: limit })
        ),
        latency: FastCheck.oneof(double(20), double(300)),
        arrival: FastCheck.oneof(FastCheck.constantFrom(0, 1), double(1)),
        response: FastCheck.constantFrom(...["response", "response", "response", "refusal"] as const),
        timeout: FastCheck.oneof({ weight: 4, arbitrary: FastCheck.constant(Infinity) }, double(200))
      }),
      { minLength: 1, maxLength: Math.min(150, 12 * limit), size: "max" }
    ).map((jobs) => {
      let at = 1_900
      return jobs.map(({ gap, ...rest }): Job => {
        at += gap
        return { at, ...rest }
      })
    }),
    pauses: FastCheck.array(
      FastCheck.record({
        at: instant,
        process: FastCheck.nat(processes - 1),
        duration: FastCheck.oneof(double(3_000), FastCheck.constant(absurd))
      }),
      { maxLength: 2 }
    ),
    faults: Faults,
    delays: FastCheck.array(FastCheck.oneof(FastCheck.constant(0), double(5), double(30)), {
      minLength: 1,
      maxLength: 20
    }),
    tick: FastCheck.constantFrom(0, 1)
  })
)

const busy: Plan = {
  limit: 20,
  window: 1_000,
  burst: 20,
  slots: 4,
  lateArrival: 0,
  deadAfter: 2_000,
  probeInterval: 2_000,
  whenUnavailable: "share",
  processes: 2,
  jobs: Array.from({ length: 240 }, (_, n): Job => ({
    at: 1_900,
    process: n % 2,
    cost: 1,
    latency: 300,
    arrival: 1,
    response: "response",
    timeout: Infinity
  })),
  pauses: [],
  faults: [],
  delays: [1],
  tick: 1
}

const one = (at: number, process: number): Job => ({
  at,
  process,
  cost: 1,
  latency: 1,
  arrival: 1,
  response: "response",
  timeout: Infinity
})

/** What chance hardly ever comes upon. */
export const examples: ReadonlyArray<Plan> = [
  // A process leaves while all slots are in flight.
  { ...busy, faults: [{ kind: "close", at: 3_500, process: 0 }] },
  // A process dies with requests in flight, and others wait for its slots.
  {
    ...busy,
    window: 300,
    jobs: busy.jobs.map((job) => ({ ...job, latency: job.process === 0 ? 800 : 1 })),
    faults: [{ kind: "kill", at: 2_450, process: 0 }]
  },
  // Redis is away while all have something to send.
  { ...busy, faults: [{ kind: "down", at: 4_000, duration: 3_000 }] },
  // The first process gets all slots, and another server does not know of it.
  {
    ...busy,
    jobs: [
      ...Array.from({ length: 20 }, () => one(5_000, 0)),
      ...Array.from({ length: 20 }, () => one(5_031, 1))
    ],
    faults: [{ kind: "failover", at: 5_030, lost: 40, clock: 0 }]
  },
  // A pause begins while another process is busy.
  {
    ...busy,
    jobs: Array.from({ length: 400 }, (_, n) => one(3_000 + 7 * n, 1)),
    pauses: [{ at: 4_001, process: 0, duration: 1_500 }]
  },
  // A probe of one process is answered, and all others wait.
  {
    ...busy,
    jobs: [...Array.from({ length: 200 }, (_, n) => one(3_000 + 7 * n, 0)), one(3_000, 1), one(8_000, 1)],
    pauses: [{ at: 4_000, process: 0, duration: absurd }]
  }
]
