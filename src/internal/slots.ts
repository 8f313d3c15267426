/**
 * The arithmetic of the rate limiter: plain functions of a state, an event and the instant at which it happens.
 *
 * The law: never more than `limit` requests in any half-open window of `window`, however it is placed, as the server
 * counts them. A request arrives somewhere between its start and its answer, so it holds its slots from its start until
 * one window after its answer. Of all requests that arrive within one window, each still holds its slots when the one
 * that started last takes its own: together they can never be more than there are slots.
 *
 * All instants and durations are milliseconds, fractions included.
 *
 * @internal
 */

/** @internal */
export interface Options {
  readonly limit: number
  readonly window: number
  readonly burst?: number | undefined
}

/** @internal */
export interface Rule {
  readonly limit: number
  readonly window: number
  /** How many may start at once after a rest. */
  readonly burst: number
  /** The pace of starts beyond the burst. 0 where the burst covers the limit, which leaves nothing to pace. */
  readonly interval: number
  /** How much too late a slot may come back, so that neighbours share one entry of `cooling`. */
  readonly quantum: number
}

/**
 * Slots whose answer is in: how many, and the instant at which they are free again.
 *
 * @internal
 */
export interface Cooling {
  readonly at: number
  readonly cost: number
  readonly next: Cooling | undefined
}

/**
 * The cooling slots are a queue of two lists, which makes every step O(1), where one array would be copied at each
 * answer: `oldest` is ascending and leaves from the front, `newest` is descending and grows at the front.
 *
 * @internal
 */
export interface State {
  readonly rule: Rule
  /** Slots that are in flight or in the queue, those included that have cooled and were not dropped yet. */
  readonly taken: number
  readonly oldest: Cooling | undefined
  readonly newest: Cooling | undefined
  /** Where the queue ends. */
  readonly lastAt: number
  /** The "theoretical arrival time" of GCRA: when the bucket of starts would be full again. */
  readonly nextPaced: number
  readonly pausedUntil: number
}

/**
 * Up to this many slots each keep their own instant. A larger limit shares instants, so that the state stays this small
 * at a price of at most a thousandth of the throughput.
 */
const maxEntries = 1_000

/** @internal */
export const make = (options: Options): State => {
  const { limit, window } = options
  const burst = options.burst ?? Math.min(limit, Math.max(10, Math.ceil(limit / 100)))
  return {
    rule: {
      limit,
      window,
      burst,
      interval: burst >= limit ? 0 : window / limit,
      quantum: limit > maxEntries ? window / maxEntries : 0
    },
    taken: 0,
    oldest: undefined,
    newest: undefined,
    lastAt: -Infinity,
    nextPaced: -Infinity,
    pausedUntil: -Infinity
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

/** Drops what has cooled. (States are written out field by field: spreading them was measured ten times slower.) */
const settle = (state: State, now: number): State => {
  let { newest, oldest, taken } = state
  while (true) {
    if (oldest === undefined) {
      oldest = reverse(newest)
      newest = undefined
    }
    if (oldest === undefined || oldest.at > now) {
      break
    }
    taken -= oldest.cost
    oldest = oldest.next
  }
  return {
    rule: state.rule,
    taken,
    oldest,
    newest,
    lastAt: state.lastAt,
    nextPaced: state.nextPaced,
    pausedUntil: state.pausedUntil
  }
}

/** When cooling slots make up what is missing; as far as is known never, if answers that are still out are needed. */
const slotsAt = (state: State, cost: number): number => {
  let missing = state.taken + cost - state.rule.limit
  if (missing <= 0) {
    return -Infinity
  }
  for (let entry = state.oldest; entry !== undefined; entry = entry.next) {
    missing -= entry.cost
    if (missing <= 0) {
      return entry.at
    }
  }
  for (let entry = reverse(state.newest); entry !== undefined; entry = entry.next) {
    missing -= entry.cost
    if (missing <= 0) {
      return entry.at
    }
  }
  return Infinity
}

/**
 * The earliest instant, not before `now`, at which a request of that cost may start, as far as is known now. `Infinity`
 * while it depends on answers that are still out, and always for a cost above the limit.
 *
 * @internal
 */
export const startAt = (state: State, cost: number, now: number): number => {
  const { burst, interval } = state.rule
  // A cost above the burst asks for a full bucket and leaves a debt: it would wait for ever if it asked for its cost.
  const pacedAt = state.nextPaced - (burst - Math.min(cost, burst)) * interval
  return Math.max(now, slotsAt(state, cost), pacedAt, state.pausedUntil)
}

/**
 * Takes the slots. Only for a request that may start: `startAt(state, cost, now) <= now`.
 *
 * @internal
 */
export const start = (state: State, cost: number, now: number): State => {
  const settled = settle(state, now)
  return {
    rule: settled.rule,
    taken: settled.taken + cost,
    oldest: settled.oldest,
    newest: settled.newest,
    lastAt: settled.lastAt,
    nextPaced: Math.max(settled.nextPaced, now) + cost * settled.rule.interval,
    pausedUntil: settled.pausedUntil
  }
}

/**
 * The attempt has ended, however it ended: its slots cool for one window from now.
 *
 * @internal
 */
export const answer = (state: State, cost: number, now: number): State => {
  const settled = settle(state, now)
  const { newest } = settled
  const due = now + state.rule.window
  // To be free later than due keeps the law; to join the last entry keeps the order, even if the clock was set back.
  const at = due <= state.lastAt ? state.lastAt : due + state.rule.quantum
  return {
    rule: settled.rule,
    taken: settled.taken,
    oldest: settled.oldest,
    newest: newest !== undefined && newest.at === at
      ? { at, cost: newest.cost + cost, next: newest.next }
      : { at, cost, next: newest },
    lastAt: at,
    nextPaced: settled.nextPaced,
    pausedUntil: settled.pausedUntil
  }
}

/**
 * Gives back what `start` took for a request that was never sent: the slots and its place in the pace, at once.
 *
 * @internal
 */
export const cancel = (state: State, cost: number): State => ({
  ...state,
  taken: state.taken - cost,
  nextPaced: state.nextPaced - cost * state.rule.interval
})

/**
 * Nothing starts before `until`. A pause is never shortened.
 *
 * @internal
 */
export const pause = (state: State, until: number): State =>
  until > state.pausedUntil ? { ...state, pausedUntil: until } : state
