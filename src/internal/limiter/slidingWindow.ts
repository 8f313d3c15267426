/**
 * The arithmetic of the rate limiter: pure functions of a state, an event and its instant.
 *
 * The law: the server never counts more than `limit` requests in any half-open window of length
 * `window`, wherever it starts. A request arrives between its start and its response. Without a
 * response, it arrives at most `lateArrival` after its attempt ended. It therefore holds its slots
 * from its start until one window after the last instant at which it may arrive. Consider all
 * requests that arrive within one window: when the last of them starts, each of the others still
 * holds its slots. Together they can never exceed the number of slots.
 *
 * All instants and durations are in milliseconds, including fractions.
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
  /** The number of requests that may start at once after an idle time. */
  readonly burst: number
  /** The interval between starts beyond the burst, or 0 if the burst covers the limit. */
  readonly interval: number
  /** How late a slot may be released, so that neighbours share one entry of a queue. */
  readonly quantum: number
  /** The same for slots of requests that may still arrive. */
  readonly lateQuantum: number
  /** How long after its attempt ended a request without a response may still arrive. */
  readonly lateArrival: number
  /** How long no probe may start in a pause, and the interval between probes after that. */
  readonly probeInterval: number
}

/**
 * Slots of attempts that ended: their number, and when they are free again.
 *
 * @internal
 */
export interface Cooling {
  readonly at: number
  readonly cost: number
  readonly next: Cooling | undefined
}

/**
 * Cooling slots in order, as two lists, so that every step takes amortised O(1).
 *
 * A single array would be copied at the end of each attempt. `oldest` is ascending and shrinks at
 * the front; `newest` is descending and grows at the front.
 *
 * @internal
 */
export interface Queue {
  readonly oldest: Cooling | undefined
  readonly newest: Cooling | undefined
  /** The instant of the last entry. */
  readonly lastAt: number
  /**
   * The number of slots in the queue, including those that have cooled but were not dropped yet.
   */
  readonly cost: number
}

/** @internal */
export interface State {
  readonly rule: Rule
  readonly inFlight: number
  /** Slots of requests that can no longer arrive. */
  readonly cooling: Queue
  /**
   * Slots of requests that may still arrive. They cool longer; a separate queue keeps both in
   * order.
   */
  readonly late: Queue
  /** The "theoretical arrival time" of GCRA: when the bucket of starts would be full again. */
  readonly nextPaced: number
  readonly pausedUntil: number
  /** When a probe may start within a pause. */
  readonly probeAt: number
  /** The number of pauses, so that a probe of one pause does not end another. */
  readonly epoch: number
  /** The last instant at which a request may start, unless it is extended; a lease has an end. */
  readonly validUntil: number
}

/**
 * The maximum number of entries with an instant of their own.
 *
 * A larger limit shares instants between slots. That bounds the state, at the cost of at most a
 * thousandth of the throughput.
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
    epoch: 0,
    validUntil: Infinity
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

/** Drops slots that have cooled. */
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
  // Releasing a slot later than due keeps the law. Joining the last entry keeps the order, even if
  // the clock was set back.
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

/** A cursor over the entries of a queue. */
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

/** Returns when enough slots have cooled, or infinity if running attempts must end first. */
const slotsAt = (state: State, cost: number): number => {
  const { cooling, inFlight, late, rule } = state
  let missing = inFlight + cooling.cost + late.cost + cost - rule.limit
  if (missing <= 0) {
    return -Infinity
  }
  const { oldest } = cooling
  // Usually the first entry is sufficient.
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
 * Returns the earliest instant, not before `now`, at which a request of this cost may start.
 *
 * It is `Infinity` while that depends on attempts in flight or on a longer lease, and always if the
 * cost is above the limit.
 *
 * @internal
 */
export const startAt = (state: State, cost: number, now: number): number => {
  const { burst, interval } = state.rule
  // A cost above the burst needs a full bucket and leaves a debt. Needing its full cost, it would
  // wait forever.
  const pacedAt = state.nextPaced - (burst - Math.min(cost, burst)) * interval
  const at = Math.max(now, slotsAt(state, cost), pacedAt, Math.min(state.pausedUntil, state.probeAt))
  return at > state.validUntil ? Infinity : at
}

/**
 * Returns the epoch of the pause that a start would probe, or 0.
 *
 * @internal
 */
export const probe = (state: State, now: number): number => now < state.pausedUntil ? state.epoch : 0

/**
 * Takes the slots of a request that may start: `startAt(state, cost, now) <= now`.
 *
 * @internal
 */
export const start = (state: State, cost: number, now: number): State => {
  const { rule } = state
  // Every field is written out, because spreading the state is much slower
  // (`npm run bench -- --only limiter`).
  return {
    rule,
    inFlight: state.inFlight + cost,
    cooling: drop(state.cooling, now),
    late: drop(state.late, now),
    nextPaced: Math.max(state.nextPaced, now) + cost * rule.interval,
    pausedUntil: state.pausedUntil,
    probeAt: now < state.pausedUntil ? now + rule.probeInterval : state.probeAt,
    epoch: state.epoch,
    validUntil: state.validUntil
  }
}

/**
 * Ends an attempt: its slots cool for one window after the last instant at which its request may
 * arrive.
 *
 * A probe with a response ends its pause. After any other outcome, the next probe has to wait
 * again.
 *
 * @param probed the result of `probe` when the attempt started
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
    epoch: state.epoch,
    validUntil: state.validUntil
  }
}

/**
 * Reverts `start` for an attempt that did not run: the slots, its place in the pace, and the probe.
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
 * Prevents starts before `until`, except for one probe at a time after `probeInterval`.
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

/**
 * Returns the number of slots that are in flight or cooling.
 *
 * @internal
 */
export const busy = (state: State, now: number): number =>
  state.inFlight + drop(state.cooling, now).cost + drop(state.late, now).cost

/**
 * Changes the number of slots. The pace stays that of the limit with which the state was made.
 *
 * Fewer slots than are busy let nothing start until enough of them have cooled.
 *
 * @internal
 */
export const resize = (state: State, limit: number): State =>
  limit === state.rule.limit ? state : { ...state, rule: { ...state.rule, limit } }
