// A fleet in virtual time: processes with the side of `lease.ts`, a Redis with that of `core.ts`, a network between them, and a server.
import type { RateLimiter } from "effect-suprsend/RateLimiter"
import * as Core from "../../../src/internal/limiter/redis/core.js"
import * as Lease from "../../../src/internal/limiter/redis/lease.js"
import * as SlidingWindow from "../../../src/internal/limiter/slidingWindow.js"
import { type Entry, insert } from "../../utils/agenda.js"

/** Both sides, so that wrong ones can be written. */
export interface Sides {
  readonly exchange: typeof Core.exchange
  readonly ask: typeof Lease.ask
  readonly receive: typeof Lease.receive
  readonly fail: typeof Lease.fail
  readonly leave: typeof Lease.leave
  readonly end: typeof SlidingWindow.end
}

export const sides: Sides = {
  exchange: Core.exchange,
  ask: Lease.ask,
  receive: Lease.receive,
  fail: Lease.fail,
  leave: Lease.leave,
  end: SlidingWindow.end
}

export interface Job {
  readonly at: number
  readonly process: number
  readonly cost: number
  readonly latency: number
  /** Where between start and response it arrives at the server: 0 to 1. */
  readonly arrival: number
  readonly response: "response" | "refusal"
  /** Ends the attempt without a response. */
  readonly timeout: number
}

export type Fault =
  /** A process ends at once; what it has sent still arrives. */
  | { readonly kind: "kill" | "close"; readonly at: number; readonly process: number }
  /** All data are lost. */
  | { readonly kind: "flush"; readonly at: number }
  /** Another server with an older state and another clock takes over. */
  | { readonly kind: "failover"; readonly at: number; readonly lost: number; readonly clock: number }
  /** The clock of Redis is put right. */
  | { readonly kind: "clock"; readonly at: number; readonly clock: number }
  /** Redis stands still, and then goes on with all that has arrived. */
  | { readonly kind: "stop"; readonly at: number; readonly duration: number }
  /** Connections are refused; of all processes, or of one. */
  | { readonly kind: "down"; readonly at: number; readonly duration: number; readonly process?: number | undefined }
  /** Messages, or replies, are lost. */
  | { readonly kind: "lossy"; readonly at: number; readonly duration: number; readonly what: "message" | "reply" }

export interface Plan {
  readonly limit: number
  readonly window: number
  readonly burst: number | undefined
  readonly slots: number
  readonly lateArrival: number
  readonly deadAfter: number
  readonly probeInterval: number
  readonly whenUnavailable: Lease.WhenUnavailable
  readonly processes: number
  readonly jobs: ReadonlyArray<Job>
  readonly pauses: ReadonlyArray<{ readonly at: number; readonly process: number; readonly duration: number }>
  readonly faults: ReadonlyArray<Fault>
  /** The delays of messages and of replies, in turn. */
  readonly delays: ReadonlyArray<number>
  /** Timers wake at the exact instant (0), or at the next multiple of this. */
  readonly tick: number
}

export interface Start {
  readonly at: number
  readonly id: number
  readonly process: number
  readonly cost: number
  readonly probed: boolean
  readonly endsAt: number
  readonly outcome: RateLimiter.Outcome
}

export interface Trace {
  readonly plan: Plan
  readonly starts: ReadonlyArray<Start>
  readonly arrivals: ReadonlyArray<{ readonly at: number; readonly cost: number }>
  /** Jobs of processes that live which were never started. */
  readonly unserved: number
  readonly messages: ReadonlyArray<{ readonly at: number; readonly process: number; readonly isPause: boolean }>
  /** The slots that are held in the end, by the state of Redis. */
  readonly held: number
  /** The number of slots that a new process gets in the end. */
  readonly available: number
}

interface Process {
  readonly id: number
  readonly origin: number
  lease: Lease.Lease
  window: SlidingWindow.State
  readonly waiting: Map<number, Job>
  isAlive: boolean
  wakeAt: number
  dueAt: number
}

/** How long a plan is played, in milliseconds. */
export const horizon = 60_000

export const simulate = (sides: Sides, plan: Plan): Trace => {
  const agenda: Array<Entry> = []
  const schedule = (at: number, run: () => void) => insert(agenda, { at, run })
  const initial = SlidingWindow.make(plan)
  const rule = Core.makeRule({ ...plan, burst: initial.rule.burst })
  const starts: Array<Start> = []
  const arrivals: Array<{ at: number; cost: number }> = []
  const messages: Array<{ at: number; process: number; isPause: boolean }> = []
  let now = 0
  let sent = 0

  // Redis.
  let state: Core.State | undefined
  const history: Array<{ readonly at: number; readonly state: Core.State }> = []
  let server = "first"
  let clock = 1_700_000_000_000_000
  let stoppedUntil = 0
  const time = () => Math.round(now * 1_000) + clock
  const isIn = (kind: Fault["kind"], process: number, what?: string) =>
    plan.faults.some((fault) =>
      fault.kind === kind && "duration" in fault && now >= fault.at && now < fault.at + fault.duration &&
      (!("process" in fault) || fault.process === undefined || fault.process === process) &&
      (!("what" in fault) || fault.what === what)
    )
  const answer = (message: Core.Message) => {
    const [next, reply] = sides.exchange(rule, state, message, { time: time(), server })
    state = next
    history.push({ at: now, state: next })
    return reply
  }

  // Processes.
  const makeProcess = (id: number, index: number): Process => {
    const { deadAfter, limit, probeInterval, slots, whenUnavailable, window } = plan
    const lease = Lease.make({ process: `p${id}`, limit, window, slots, deadAfter, probeInterval, whenUnavailable })
    return {
      id,
      // Their clocks do not agree.
      origin: 5_000 * index,
      lease,
      window: Lease.applied(lease, initial),
      waiting: new Map(),
      isAlive: true,
      wakeAt: Infinity,
      dueAt: Infinity
    }
  }
  const processes = Array.from({ length: plan.processes }, (_, n) => makeProcess(n, n))
  const local = (process: Process) => now + process.origin
  const demand = (process: Process): Lease.Demand => {
    const jobs = [...process.waiting.values()]
    return {
      waiting: Math.min(plan.limit, jobs.reduce((sum, { cost }) => sum + cost, 0)),
      first: jobs[0]?.cost ?? 0
    }
  }
  const delay = () => plan.delays[sent++ % plan.delays.length] ?? 0
  const send = (process: Process) => {
    const [lease, window, message] = sides.ask(process.lease, process.window, demand(process), local(process))
    process.lease = lease
    process.window = window
    messages.push({ at: now, process: process.id, isPause: message.pause > 0 })
    const fail = () => {
      if (!process.isAlive || !process.lease.isAsking || process.lease.seq !== message.seq) return
      const [lease, window] = sides.fail(process.lease, process.window, local(process))
      process.lease = lease
      process.window = window
      settle(process)
    }
    if (isIn("down", process.id)) return fail()
    if (isIn("lossy", process.id, "message")) return
    const deliver = () => {
      if (now < stoppedUntil) return schedule(stoppedUntil, deliver)
      const reply = answer(message)
      if (isIn("lossy", process.id, "reply")) return
      schedule(now + delay(), () => {
        if (!process.isAlive || !process.lease.isAsking || process.lease.seq !== message.seq) return
        if (reply === undefined) return fail()
        const [lease, window] = sides.receive(process.lease, process.window, message, reply, local(process))
        process.lease = lease
        process.window = window
        settle(process)
      })
    }
    schedule(now + delay(), deliver)
  }
  const exchange = (process: Process) => {
    if (process.lease.isAsking) {
      const [lease, window] = sides.fail(process.lease, process.window, local(process))
      process.lease = lease
      process.window = window
    } else {
      send(process)
    }
  }
  const begin = (process: Process, id: number, job: Job, probed: number) => {
    const arrivesAt = now + job.latency * job.arrival
    const respondsAt = Math.max(arrivesAt, now + job.latency)
    const endsAt = Math.min(respondsAt, now + job.timeout)
    const outcome = endsAt < respondsAt ? "noResponse" : job.response
    starts.push({ at: now, id, process: process.id, cost: job.cost, probed: probed !== 0, endsAt, outcome })
    if (arrivesAt <= endsAt + plan.lateArrival) arrivals.push({ at: arrivesAt, cost: job.cost })
    schedule(endsAt, () => {
      if (!process.isAlive) return
      process.window = sides.end(process.window, job.cost, local(process), outcome, probed)
      if (probed !== 0) process.lease = Lease.probed(process.lease, outcome)
      settle(process)
    })
  }
  const admit = (process: Process) => {
    for (const [oldest, job] of process.waiting) {
      const at = SlidingWindow.startAt(process.window, job.cost, local(process))
      if (at > local(process)) return at
      const probed = SlidingWindow.probe(process.window, local(process))
      const newest = probed === 0 ? undefined : [...process.waiting].at(-1)
      const [id, next] =
        newest !== undefined && SlidingWindow.startAt(process.window, newest[1].cost, local(process)) <= local(process)
          ? newest
          : [oldest, job] as const
      process.waiting.delete(id)
      process.window = SlidingWindow.start(process.window, next.cost, local(process))
      begin(process, id, next, probed)
      if (id !== oldest) return local(process)
    }
    return Infinity
  }
  const rounded = (at: number) => plan.tick === 0 ? at : Math.max(at, Math.ceil(at / plan.tick) * plan.tick)
  const settle = (process: Process) => {
    if (!process.isAlive) return
    const startsAt = admit(process) - process.origin
    if (startsAt < process.wakeAt) {
      process.wakeAt = startsAt
      schedule(rounded(Math.max(startsAt, now + 0.001)), () => {
        if (process.wakeAt !== startsAt) return
        process.wakeAt = Infinity
        settle(process)
      })
    }
    const due = () => Lease.nextAt(process.lease, process.window, demand(process), local(process)) - process.origin
    if (due() <= now) exchange(process)
    const at = due()
    if (at < process.dueAt) {
      process.dueAt = at
      schedule(rounded(Math.max(at, now + 0.001)), () => {
        if (process.dueAt !== at) return
        process.dueAt = Infinity
        settle(process)
      })
    }
  }

  for (const process of processes) schedule(0, () => send(process))
  plan.jobs.forEach((job, id) =>
    schedule(job.at, () => {
      const process = processes[job.process]
      if (process === undefined || !process.isAlive) return
      process.waiting.set(id, job)
      settle(process)
    })
  )
  for (const { at, duration, process: index } of plan.pauses) {
    schedule(at, () => {
      const process = processes[index]
      if (process === undefined || !process.isAlive) return
      process.window = SlidingWindow.pause(process.window, local(process) + duration, local(process))
      process.lease = Lease.pause(process.lease, duration, local(process))
      process.wakeAt = Infinity
      if (!process.lease.isAsking && local(process) - process.lease.sentAt >= Lease.shortestInterval) send(process)
      settle(process)
    })
  }
  for (const fault of plan.faults) {
    schedule(fault.at, () => {
      if (fault.kind === "kill" || fault.kind === "close") {
        const process = processes[fault.process]
        if (process === undefined || !process.isAlive) return
        process.isAlive = false
        process.waiting.clear()
        if (fault.kind === "close") {
          const message = sides.leave(process.lease, process.window, local(process))
          schedule(now + delay(), () => answer(message))
        }
      } else if (fault.kind === "flush") {
        state = undefined
      } else if (fault.kind === "failover") {
        state = history.filter(({ at }) => at <= now - fault.lost).at(-1)?.state
        clock += fault.clock * 1_000
        server = `server of ${now}`
      } else if (fault.kind === "clock") {
        clock += fault.clock * 1_000
      } else if (fault.kind === "stop") {
        stoppedUntil = Math.max(stoppedUntil, now + fault.duration)
      }
    })
  }
  // A wrong side may never come to an end.
  let events = 0
  for (let next = agenda.pop(); next !== undefined && next.at <= horizon; next = agenda.pop()) {
    if (++events > 500_000) break
    now = next.at
    next.run()
  }

  // What is left to a process that comes when all is over.
  now = horizon
  const held = [...state?.processes.values() ?? []].reduce(
    (sum, { leased, until }) => sum + (until > time() + (state?.offset ?? 0) ? leased : 0),
    0
  )
  const late = makeProcess(processes.length, 0)
  let available = 0
  for (let turn = 0; turn < 100; turn++) {
    now += 100
    const [lease, , message] = Lease.ask(late.lease, late.window, { waiting: plan.limit, first: 1 }, now)
    const reply = answer(message)
    if (reply === undefined) break
    ;[late.lease, late.window] = Lease.receive(lease, late.window, message, reply, now)
    available = reply.leased
  }
  return {
    plan,
    starts,
    arrivals,
    unserved: processes.reduce((sum, { isAlive, waiting }) => sum + (isAlive ? waiting.size : 0), 0),
    messages,
    held,
    available
  }
}
