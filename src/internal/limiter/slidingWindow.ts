/**
 * The arithmetic of the rate limiter: plain functions of a state, an event and its instant.
 *
 * The law: never more than `limit` requests in any half-open window of `window`, however it is placed, as the server
 * counts them. A request arrives between its start and its response; without a response, up to `lateArrival` after its
 * attempt ended. So it holds its slots from its start until one window after the last instant at which it may arrive. Of
 * all requests that arrive within one window, each still holds its slots when the one that started last takes its own:
 * together they can never be more than there are slots.
 *
 * All instants and durations are milliseconds, fractions included.
 *
 * @internal
 */

import type { RateLimiter } from "../../RateLimiter.js"

/** @internal */
export interface Options {
  readonly limit: number
  readonly window: number
  readonly burst?: number | undefined
  readonly lateArrival?: number | undefined
  readonly probeInterval?: number | undefined
}

/** @internal */
export interface Rule {
  readonly limit: number
  readonly window: number
  /** How many may start at once after a rest. */
  readonly burst: number
  /** The pace of starts beyond the burst. 0 where the burst covers the limit, which leaves nothing to pace. */
  readonly interval: number
  /** How much too late a slot may come back, so that neighbours share one entry of a queue. */
  readonly quantum: number
  /** The same for slots of requests that may still arrive. */
  readonly lateQuantum: number
  /** How long after its attempt ended a request without a response may still arrive. */
  readonly lateArrival: number
  /** How long a pause is obeyed to the letter, and the time from one probe to the next after that. */
  readonly probeInterval: number
}

/**
 * Slots of attempts that ended: how many, and the instant at which they are free again.
 *
 * @internal
 */
export interface Cooling {
  readonly at: number
  readonly cost: number
  readonly next: Cooling | undefined
}

/**
 * Cooling slots in their order, as two lists, which makes every step O(1), where one array would be copied at each end of
 * an attempt: `oldest` is ascending and leaves from the front, `newest` is descending and grows at the front.
 *
 * @internal
 */
export interface Queue {
  readonly oldest: Cooling | undefined
  readonly newest: Cooling | undefined
  /** Where the queue ends. */
  readonly lastAt: number
  /** All slots in it, those included that have cooled and were not dropped yet. */
  readonly cost: number
}

/** @internal */
export interface State {
  readonly rule: Rule
  readonly inFlight: number
  /** Slots of requests that do not arrive any more. */
  readonly cooling: Queue
  /** Slots of requests that may still arrive: they cool longer, so that each queue is in order by itself. */
  readonly late: Queue
  /** The "theoretical arrival time" of GCRA: when the bucket of starts would be full again. */
  readonly nextPaced: number
  readonly pausedUntil: number
  /** From when on one attempt may start within a pause. */
  readonly probeAt: number
  /** Counts the pauses, so that a probe of one does not end another. */
  readonly epoch: number
}

/**
 * Up to this many slots each keep their own instant. A larger limit shares instants, so that the state stays this small
 * at a price of at most a thousandth of the throughput.
 *
 * @internal
 */
export const maxEntries = 1_000

const nothing: Queue = { oldest: undefined, newest: undefined, lastAt: -Infinity, cost: 0 }

/** @internal */
export const make = (options: Options): State => {
  const { lateArrival = 10_000, limit, probeInterval = 60_000, window } = options
  const burst = options.burst ?? Math.min(limit, Math.max(10, Math.ceil(limit / 100)))
  return {
    rule: {
      limit,
      window,
      burst,
      interval: burst >= limit ? 0 : window / limit,
      quantum: limit > maxEntries ? window / maxEntries : 0,
      lateQuantum: limit > maxEntries ? (lateArrival + window) / maxEntries : 0,
      lateArrival,
      probeInterval
    },
    inFlight: 0,
    cooling: nothing,
    late: nothing,
    nextPaced: -Infinity,
    pausedUntil: -Infinity,
    probeAt: -Infinity,
    epoch: 0
  }
}

/** @internal */
export const canPass = (rule: Rule, cost: number): boolean => Number.isInteger(cost) && cost > 0 && cost <= rule.limit

const reverse = (list: Cooling | undefined): Cooling | undefined => {
  let reversed: Cooling | undefined
  for (let entry = list; entry !== undefined; entry = entry.next) {
    reversed = { at: entry.at, cost: entry.cost, next: reversed }
  }
  return reversed
}

/** Drops what has cooled. */
const drop = (queue: Queue, now: number): Queue => {
  let { cost, newest, oldest } = queue
  while (true) {
    if (oldest === undefined) {
      oldest = reverse(newest)
      newest = undefined
    }
    if (oldest === undefined || oldest.at > now) {
      break
    }
    cost -= oldest.cost
    oldest = oldest.next
  }
  return oldest === queue.oldest && newest === queue.newest ? queue : { oldest, newest, lastAt: queue.lastAt, cost }
}

const add = (queue: Queue, cost: number, due: number, quantum: number): Queue => {
  const { newest, oldest } = queue
  // To be free later than due keeps the law; to join the last entry keeps the order, even if the clock was set back.
  const at = due <= queue.lastAt ? queue.lastAt : due + quantum
  return {
    oldest,
    newest: newest !== undefined && newest.at === at
      ? { at, cost: newest.cost + cost, next: newest.next }
      : { at, cost, next: newest },
    lastAt: at,
    cost: queue.cost + cost
  }
}

/** The entries of a queue, one after the other. */
class Cursor {
  entry: Cooling | undefined
  private newest: Cooling | undefined

  constructor(queue: Queue) {
    this.newest = queue.newest
    this.moveTo(queue.oldest)
  }

  get at(): number {
    return this.entry === undefined ? Infinity : this.entry.at
  }

  moveTo(entry: Cooling | undefined): void {
    this.entry = entry ?? reverse(this.newest)
    if (entry === undefined) this.newest = undefined
  }
}

/** Tells when cooling slots make up what is missing; infinity if attempts that still run are needed. */
const slotsAt = (state: State, cost: number): number => {
  const { cooling, inFlight, late, rule } = state
  let missing = inFlight + cooling.cost + late.cost + cost - rule.limit
  if (missing <= 0) {
    return -Infinity
  }
  const { oldest } = cooling
  // Nearly always the first entry will do.
  if (
    oldest !== undefined && oldest.cost >= missing &&
    (late.cost === 0 || (late.oldest !== undefined && oldest.at <= late.oldest.at))
  ) {
    return oldest.at
  }
  const ofCooling = new Cursor(cooling)
  const ofLate = new Cursor(late)
  while (true) {
    const first = ofCooling.at <= ofLate.at ? ofCooling : ofLate
    const { entry } = first
    if (entry === undefined) {
      return Infinity
    }
    missing -= entry.cost
    if (missing <= 0) {
      return entry.at
    }
    first.moveTo(entry.next)
  }
}

/**
 * The earliest instant, not before `now`, at which a request of that cost may start, as far as is known now. `Infinity`
 * while it depends on responses that are still out, and always for a cost above the limit.
 *
 * @internal
 */
export const startAt = (state: State, cost: number, now: number): number => {
  const { burst, interval } = state.rule
  // A cost above the burst asks for a full bucket and leaves a debt: it would wait for ever if it asked for its cost.
  const pacedAt = state.nextPaced - (burst - Math.min(cost, burst)) * interval
  return Math.max(now, slotsAt(state, cost), pacedAt, Math.min(state.pausedUntil, state.probeAt))
}

/**
 * Tells whether what starts now is a probe of a pause, and of which: its epoch, or 0.
 *
 * @internal
 */
export const probe = (state: State, now: number): number => now < state.pausedUntil ? state.epoch : 0

/**
 * Takes the slots. Only for a request that may start: `startAt(state, cost, now) <= now`.
 *
 * @internal
 */
export const start = (state: State, cost: number, now: number): State => {
  const { rule } = state
  // Written out field by field: to spread states was measured to be ten times slower.
  return {
    rule,
    inFlight: state.inFlight + cost,
    cooling: drop(state.cooling, now),
    late: drop(state.late, now),
    nextPaced: Math.max(state.nextPaced, now) + cost * rule.interval,
    pausedUntil: state.pausedUntil,
    probeAt: now < state.pausedUntil ? now + rule.probeInterval : state.probeAt,
    epoch: state.epoch
  }
}

/**
 * Ends an attempt: its slots cool for one window from the last instant at which its request may arrive.
 *
 * A probe that gets a response ends its pause; after any other end of a probe the next one has to wait again.
 *
 * @param probed what `probe` said when the attempt started
 *
 * @internal
 */
export const end = (state: State, cost: number, now: number, outcome: RateLimiter.Outcome, probed: number): State => {
  const { lateArrival, lateQuantum, probeInterval, quantum, window } = state.rule
  const isLate = outcome === "noResponse"
  const cooling = drop(state.cooling, now)
  const late = drop(state.late, now)
  const endsPause = probed !== 0 && probed === state.epoch && outcome === "response"
  return {
    rule: state.rule,
    inFlight: state.inFlight - cost,
    cooling: isLate ? cooling : add(cooling, cost, now + window, quantum),
    late: isLate ? add(late, cost, now + lateArrival + window, lateQuantum) : late,
    nextPaced: state.nextPaced,
    pausedUntil: endsPause ? -Infinity : state.pausedUntil,
    probeAt: probed !== 0 && outcome !== "response" ? Math.max(state.probeAt, now + probeInterval) : state.probeAt,
    epoch: state.epoch
  }
}

/**
 * Gives back what `start` took for an attempt that never ran: the slots, its place in the pace, and the probe, at once.
 *
 * @internal
 */
export const cancel = (state: State, cost: number, probed: number): State => ({
  ...state,
  inFlight: state.inFlight - cost,
  nextPaced: state.nextPaced - cost * state.rule.interval,
  probeAt: probed !== 0 && probed === state.epoch ? -Infinity : state.probeAt
})

/**
 * Lets nothing start before `until`, but for one probe at a time once the pause has lasted for `probeInterval`.
 *
 * A pause is never shortened.
 *
 * @internal
 */
export const pause = (state: State, until: number, now: number): State =>
  until > now
    ? {
      ...state,
      pausedUntil: Math.max(state.pausedUntil, until),
      probeAt: Math.max(state.probeAt, Math.min(until, now + state.rule.probeInterval)),
      epoch: state.epoch + 1
    }
    : state
