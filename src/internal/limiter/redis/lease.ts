/**
 * The side of one process: what it holds of the fleet's slots, what it asks for, and what it may
 * start. Pure transitions, as `core.ts`; the slots themselves are those of `slidingWindow.ts`.
 *
 * All instants are milliseconds of the process's monotonic clock. Only durations are exchanged, so
 * the clocks of the processes need not agree.
 *
 * @internal
 */
import type { RateLimiter } from "../../../RateLimiter.js"
import * as SlidingWindow from "../slidingWindow.js"
import * as Core from "./core.js"

/** @internal */
export type WhenUnavailable = "share" | "wait" | "fail"

/** @internal */
export interface Options {
  readonly process: string
  readonly limit: number
  readonly window: number
  /** The slots to take in one round trip, and to keep while they are idle. */
  readonly slots: number
  readonly deadAfter: number
  readonly probeInterval: number
  readonly whenUnavailable: WhenUnavailable
}

/**
 * How long starts rely on the last reply. A pause that another process asked for is known by then.
 *
 * @internal
 */
export const freshFor = 70

/**
 * How long a process waits for a reply before Redis counts as unavailable.
 *
 * @internal
 */
export const patience = 500

/**
 * The same for the first reply, which needs a connection.
 *
 * @internal
 */
export const firstPatience = 2_000

/** The interval of messages while attempts wait or start, in a pause, while idle, and in an outage. */
const intervals = { busy: 25, paused: 100, idle: 500, unavailable: 250 }

/**
 * The shortest interval between two messages, but for those that start a pause.
 *
 * @internal
 */
export const shortestInterval = 17

/** How long after its last start a process keeps idle slots. */
const keepFor = 500

/** @internal */
export interface Lease {
  readonly options: Options
  readonly seq: number
  readonly epoch: string
  readonly leased: number
  /** How many it should hold at most. */
  readonly target: number
  /** The number of processes in the last reply, or 0. */
  readonly processes: number
  readonly sentAt: number
  /** Whether a message is waiting for its reply. */
  readonly isAsking: boolean
  /** When the last message with a reply was sent. */
  readonly answeredAt: number
  /** When the first message since then failed, or infinity. */
  readonly failedAt: number
  readonly isUnavailable: boolean
  readonly pauses: number
  readonly ended: number
  /** The end of a pause that Redis does not know yet, or -infinity. */
  readonly ownPause: number
  /** The pause which an attempt may probe, or 0. */
  readonly mayProbe: number
  readonly endedProbe: number
  readonly failedProbe: number
  /** The pace of the window when it was last looked at: it changes with each start. */
  readonly paced: number
  readonly startedAt: number
}

/** @internal */
export const make = (options: Options): Lease => ({
  options,
  seq: 0,
  epoch: "",
  leased: 0,
  target: options.limit,
  processes: 0,
  sentAt: -Infinity,
  isAsking: false,
  answeredAt: -Infinity,
  failedAt: Infinity,
  isUnavailable: false,
  pauses: 0,
  ended: 0,
  ownPause: -Infinity,
  mayProbe: 0,
  endedProbe: 0,
  failedProbe: 0,
  paced: -Infinity,
  startedAt: -Infinity
})

/** How many attempts wait, in slots. */
export interface Demand {
  readonly waiting: number
  /** The cost of the first. */
  readonly first: number
}

/** @internal */
export type Pair = readonly [Lease, SlidingWindow.State]

/** What one process may use if each has the same. */
const equalShare = ({ options, processes }: Lease): number =>
  processes === 0 ? 0 : Math.floor(options.limit / processes)

/**
 * Applies the lease to the window: how many slots there are, and until when they may be used.
 *
 * @internal
 */
export const applied = (lease: Lease, window: SlidingWindow.State): SlidingWindow.State => ({
  ...SlidingWindow.resize(window, Math.min(lease.leased, lease.target)),
  validUntil: lease.isUnavailable && lease.options.whenUnavailable === "share"
    ? Infinity
    : lease.answeredAt + freshFor
})

/**
 * Returns when the next message is due, or infinity if Redis does not know the process yet.
 *
 * @internal
 */
export const nextAt = (lease: Lease, window: SlidingWindow.State, demand: Demand, now: number): number => {
  const { sentAt } = lease
  if (lease.isAsking) return sentAt + (lease.epoch === "" ? firstPatience : patience)
  const hasNews = lease.ownPause > now || lease.endedProbe > 0 || lease.failedProbe > 0
  const isUsed = demand.waiting > 0 || window.inFlight > 0 || lease.leased > 0
  // Counted by the others, whose shares in an outage depend on the number of processes.
  const sign = lease.epoch === "" ? Infinity : sentAt + lease.options.deadAfter / 3
  if (lease.isUnavailable) {
    // Attempts that fail do not wait, so nothing else would notice that Redis is available again.
    const isAwaited = hasNews || isUsed || lease.options.whenUnavailable === "fail"
    return isAwaited ? sentAt + intervals.unavailable : sign
  }
  if (hasNews) return sentAt + shortestInterval
  const isPaused = now < window.pausedUntil
  if (demand.waiting > 0) {
    return sentAt + (isPaused ? intervals.paused : now > window.validUntil ? shortestInterval : intervals.busy)
  }
  if (lease.paced !== window.nextPaced || now - lease.startedAt < keepFor) return sentAt + intervals.busy
  return isUsed ? Math.min(sign, sentAt + intervals.idle) : sign
}

/**
 * Makes the next message. What it returns is gone from the window at once.
 *
 * @internal
 */
export const ask = (
  previous: Lease,
  window: SlidingWindow.State,
  demand: Demand,
  now: number
): readonly [Lease, SlidingWindow.State, Core.Message] => {
  const { limit, slots } = previous.options
  const startedAt = previous.paced === window.nextPaced ? previous.startedAt : now
  const busy = SlidingWindow.busy(window, now)
  const held = Math.max(busy, Math.min(previous.leased, previous.target))
  const idle = Math.max(0, held - busy)
  const isKept = demand.waiting > 0 || now - startedAt < keepFor
  // In "share", what is held is the share: an outage must not reduce it further.
  const surplus = previous.isUnavailable || demand.waiting > 0 ? 0 : Math.max(0, idle - (isKept ? slots : 0))
  const leased = Math.min(previous.leased, held) - surplus
  const spare = Math.max(0, Math.min(leased, previous.target) - busy)
  const wanted = demand.waiting > 0
    ? Math.max(demand.waiting, slots)
    : isKept && spare * 2 < slots
    ? slots
    : 0
  const want = Math.max(0, Math.min(wanted - spare, limit - leased))
  const isPaused = now < window.pausedUntil
  const lease: Lease = {
    ...previous,
    seq: previous.seq + 1,
    leased,
    sentAt: now,
    isAsking: true,
    paced: window.nextPaced,
    startedAt
  }
  return [lease, applied(lease, window), {
    process: lease.options.process,
    seq: lease.seq,
    epoch: lease.epoch,
    // More than it may use, where an outage has reduced its share.
    leased: Math.max(leased, busy),
    want,
    need: want > 0 ? demand.first : 0,
    pause: pauseOf(lease, now),
    probe: isPaused && couldProbe(window, demand, now) ? 1 : 0,
    ended: lease.endedProbe,
    failed: lease.failedProbe,
    leave: -1
  }]
}

/** Whether only the pause keeps an attempt from starting. */
const couldProbe = (window: SlidingWindow.State, { first, waiting }: Demand, now: number): boolean =>
  waiting > 0 &&
  SlidingWindow.startAt({ ...window, pausedUntil: -Infinity, validUntil: Infinity }, first, now) <= now

const pauseOf = ({ ownPause }: Lease, now: number): number =>
  ownPause > now ? Core.micros(Math.min(ownPause - now, longestPause)) : 0

/** A year, in milliseconds. */
const longestPause = 366 * 24 * 60 * 60 * 1_000

/**
 * Applies a reply.
 *
 * @internal
 */
export const receive = (
  previous: Lease,
  window: SlidingWindow.State,
  message: Core.Message,
  reply: Core.Reply,
  now: number
): Pair => {
  const isOther = previous.epoch !== "" && previous.epoch !== reply.epoch
  const lease: Lease = {
    ...previous,
    epoch: reply.epoch,
    leased: reply.leased,
    target: reply.target,
    processes: reply.processes,
    isAsking: false,
    answeredAt: previous.sentAt,
    failedAt: Infinity,
    isUnavailable: false,
    pauses: reply.pauses,
    ended: reply.ended,
    // A pause that was lost with the state is started again.
    ownPause: isOther && window.pausedUntil > now
      ? Math.min(window.pausedUntil, now + longestPause)
      : previous.ownPause > previous.sentAt + message.pause / 1_000 + 0.001
      ? previous.ownPause
      : -Infinity,
    endedProbe: previous.endedProbe === message.ended ? 0 : previous.endedProbe,
    failedProbe: previous.failedProbe === message.failed ? 0 : previous.failedProbe,
    mayProbe: reply.probe === 1 ? reply.pauses : previous.mayProbe
  }
  const isEnded = !isOther && reply.ended > previous.ended
  const isPaused = reply.paused > 0 && (isOther || reply.pauses !== previous.pauses)
  const left = isEnded ? { ...window, pausedUntil: lease.ownPause } : window
  const paused = isPaused ? SlidingWindow.pause(left, now + reply.paused / 1_000, now) : left
  // While Redis replies, it decides who probes.
  return [lease, applied(lease, { ...paused, probeAt: reply.probe === 1 ? -Infinity : Infinity })]
}

/**
 * A message got no reply.
 *
 * @internal
 */
export const fail = (previous: Lease, window: SlidingWindow.State, now: number): Pair => {
  const { deadAfter, limit, whenUnavailable } = previous.options
  const failedAt = Math.min(previous.failedAt, now)
  const share = equalShare(previous)
  const leased = whenUnavailable !== "share"
    ? previous.leased
    // By then the slots of all processes are free again, but for those that do the same.
    : now >= failedAt + deadAfter + previous.options.window
    ? share
    // Two thirds of the time are left for these requests to arrive, before others get the slots.
    : now >= previous.answeredAt + deadAfter / 3
    ? Math.min(previous.leased, share)
    : previous.leased
  const lease: Lease = {
    ...previous,
    isAsking: false,
    failedAt,
    // A connection that is made anew is no outage for calls that would fail.
    isUnavailable: whenUnavailable === "share" || now - failedAt >= patience,
    leased,
    target: whenUnavailable === "share" ? limit : previous.target
  }
  const probed = lease.isUnavailable && window.probeAt === Infinity
    ? { ...window, probeAt: Math.min(window.pausedUntil, now + lease.options.probeInterval) }
    : window
  return [lease, applied(lease, probed)]
}

/**
 * Starts a pause, of which all processes must know.
 *
 * @internal
 */
export const pause = (lease: Lease, duration: number, now: number): Lease =>
  duration > 0 ? { ...lease, ownPause: Math.max(lease.ownPause, now + Math.min(duration, longestPause)) } : lease

/**
 * A probe ended.
 *
 * @internal
 */
export const probed = (lease: Lease, outcome: RateLimiter.Outcome): Lease =>
  outcome === "response"
    ? { ...lease, endedProbe: lease.mayProbe, mayProbe: 0 }
    : { ...lease, failedProbe: lease.mayProbe, mayProbe: 0 }

/**
 * Makes the last message. Slots that are still held are free later, without the process.
 *
 * @internal
 */
export const leave = (lease: Lease, window: SlidingWindow.State, now: number): Core.Message => {
  const { deadAfter, process, window: length } = lease.options
  const leased = SlidingWindow.busy(window, now)
  return {
    process,
    seq: lease.seq + 1,
    epoch: lease.epoch,
    leased,
    want: 0,
    need: 0,
    pause: pauseOf(lease, now),
    probe: 0,
    ended: 0,
    failed: 0,
    leave: Core.micros(
      window.inFlight > 0
        ? deadAfter + length
        : Math.max(0, Math.max(window.cooling.lastAt, window.late.lastAt) - now)
    )
  }
}
