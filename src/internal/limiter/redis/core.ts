/**
 * The state of a fleet's rate limit, as pure transitions. `script.ts` is the same in Lua.
 *
 * A process leases slots, and runs the limiter in memory over the slots that it holds. Together the
 * processes never hold more than `limit`, so the law of `slidingWindow.ts` for each of them is the
 * law for all. A process returns a slot when nothing holds it any more: one window after the last
 * instant at which its request may arrive.
 *
 * The process knows best what it holds, because its slots change only with a reply that it has
 * received. So each message states it, and the state follows. A message that is lost, late or
 * repeated can therefore only leave slots unused.
 *
 * All instants and durations are whole microseconds.
 *
 * @internal
 */

/** @internal */
export interface Rule {
  readonly limit: number
  /** One slot is granted in each interval, beyond the allowance; 0 grants without a pace. */
  readonly interval: number
  /** The number of slots that may be granted at once after an idle time. */
  readonly allowance: number
  readonly window: number
  /** How long after a process was last heard its requests may still arrive. */
  readonly deadAfter: number
  /** How long the processes have to state what they hold, after the state may have been lost. */
  readonly settle: number
  /** How long a process that holds slots, or waits for some, may be silent without a fault. */
  readonly silence: number
  readonly probeInterval: number
}

/** @internal */
export const makeRule = (options: {
  readonly limit: number
  /** In milliseconds, as the other durations. */
  readonly window: number
  readonly burst: number
  readonly deadAfter: number
  readonly probeInterval: number
}): Rule => {
  const { burst, limit } = options
  const window = micros(options.window)
  const interval = burst >= limit ? 0 : Math.ceil(window / limit)
  return {
    limit,
    window,
    interval,
    // A process that asks for slots every 25 milliseconds has to get those of as much time.
    allowance: interval === 0 ? limit : Math.min(limit, burst + Math.ceil(50_000 / interval)),
    deadAfter: micros(options.deadAfter),
    settle: 2_000_000,
    silence: 1_000_000,
    probeInterval: micros(options.probeInterval)
  }
}

/**
 * Converts milliseconds, rounding up: all durations may be longer, and none shorter.
 *
 * @internal
 */
export const micros = (milliseconds: number): number => Math.ceil(milliseconds * 1_000)

/** @internal */
export interface Process {
  /** The slots that it holds. */
  readonly leased: number
  /** The number of its last message. */
  readonly seq: number
  readonly seen: number
  /** Since when it has been waiting for slots, 0 if it is not, -1 if it has left. */
  readonly since: number
  /** The cost of the attempt that waits first, 0 if none does. */
  readonly need: number
  /** When its slots are free, unless it is heard before. */
  readonly until: number
}

/** @internal */
export interface State {
  /** Names this state, so that a process recognizes its loss. */
  readonly epoch: string
  /** The Redis server that wrote it. */
  readonly server: string
  /** The time of the state, which is never set back. */
  readonly time: number
  /** What is added to the time of the server. */
  readonly offset: number
  /** No slots are granted before. */
  readonly openAt: number
  /** The "theoretical arrival time" of the grants. */
  readonly pacedAt: number
  readonly pausedUntil: number
  readonly probeAt: number
  /** The number of pauses, so that a probe of one pause does not end another. */
  readonly pauses: number
  /** The last pause that a probe ended. */
  readonly ended: number
  /** The process that gathers slots for an attempt with a cost above its share, or "-". */
  readonly gathering: string
  readonly processes: ReadonlyMap<string, Process>
}

/** @internal */
export interface Message {
  readonly process: string
  readonly seq: number
  /** The epoch of the last reply, or "". */
  readonly epoch: string
  /** The slots that the process holds after what it returns with this message. */
  readonly leased: number
  /** How many more it can use. */
  readonly want: number
  readonly need: number
  /** How long no attempt may start, from now; or 0. */
  readonly pause: number
  /** Whether a waiting attempt could probe the pause: 0 or 1. */
  readonly probe: number
  /** The pause that was ended by a probe's response, or 0. */
  readonly ended: number
  /** The pause whose probe got no response, or 0. */
  readonly failed: number
  /** How long the slots stay held after the process has left, or -1 if it stays. */
  readonly leave: number
}

/** @internal */
export interface Reply {
  readonly epoch: string
  readonly leased: number
  /** How many slots the process should hold at most, because others wait. */
  readonly target: number
  /** The number of processes. */
  readonly processes: number
  /** How much longer no attempt may start. */
  readonly paused: number
  readonly pauses: number
  readonly ended: number
  /** 1 if one waiting attempt may probe the pause. */
  readonly probe: number
}

/** @internal */
export interface Clock {
  readonly time: number
  /** The identity of the Redis server: it changes with a restart and with a failover. */
  readonly server: string
}

const fresh = (clock: Clock, rule: Rule): State => ({
  epoch: `${clock.time}-${clock.server}`,
  server: clock.server,
  time: clock.time,
  offset: 0,
  openAt: clock.time + rule.settle,
  pacedAt: 0,
  pausedUntil: 0,
  probeAt: 0,
  pauses: 0,
  ended: 0,
  gathering: "-",
  processes: new Map()
})

/**
 * Answers a message.
 *
 * It returns no reply to a message that a later one of the process has overtaken.
 *
 * @internal
 */
export const exchange = (
  rule: Rule,
  state: State | undefined,
  message: Message,
  clock: Clock
): readonly [State, Reply | undefined] => {
  const previous = state ?? fresh(clock, rule)
  const known = previous.processes.get(message.process)
  if (known !== undefined && message.seq <= known.seq) return [previous, undefined]

  // The server's clock may be set back, also by a failover: the time of the state stands still instead.
  const offset = Math.max(previous.offset, previous.time - clock.time)
  const now = clock.time + offset

  // After a loss, a failover or an outage, all processes first state what they hold.
  const isForeign = message.epoch !== "" && message.epoch !== previous.epoch
  const isMoved = clock.server !== previous.server
  const isSilent = now - previous.time > rule.silence &&
    [...previous.processes.values()].some(({ leased, since, until }) =>
      leased > 0 && since >= 0 && until - now <= rule.settle
    )
  const openAt = isForeign || isMoved || isSilent
    ? Math.max(previous.openAt, now + rule.settle + rule.window)
    : previous.openAt
  const isOpen = now >= openAt

  const others = new Map(
    [...previous.processes].filter(([id, { until }]) => id !== message.process && (now < until || !isOpen))
  )

  // The slots of a process that was considered dead may be others' by now.
  const isDead = isOpen && message.epoch === previous.epoch &&
    (known === undefined || known.since < 0 || now >= known.until)
  const held = isDead ? 0 : message.leased

  const isWaiting = ({ seen, since }: Process) => since > 0 && now - seen <= rule.silence
  const gatherer = others.get(previous.gathering)
  // One that needs more than its share, such as an attempt with a high cost, gathers slots first.
  const gathered = gatherer !== undefined && isWaiting(gatherer) && gatherer.need > gatherer.leased
    ? { need: gatherer.need, missing: gatherer.need - gatherer.leased }
    : undefined
  const since = message.want > 0 ? known !== undefined && known.since > 0 ? known.since : now : 0

  let free = rule.limit - held
  let shared = rule.limit
  let waiting = 0
  let staying = 0
  let without = 0
  let ahead = 0
  const leases: Array<number> = []
  for (const [id, process] of others) {
    free -= process.leased
    if (process.since >= 0) staying += 1
    if (gathered !== undefined && id === previous.gathering) {
      shared -= gathered.need
    } else if (isWaiting(process)) {
      waiting += 1
      if (process.leased > 0) leases.push(process.leased)
      if (process.leased === 0) {
        without += 1
        if (held > 0 || process.since < since) ahead += 1
      }
    } else {
      shared -= process.leased
    }
  }
  // All that wait get the same share, or one more where they do not divide it evenly; and one slot in
  // turn if there are too few.
  const even = Math.max(0, Math.floor(shared / (waiting + 1)))
  const more = leases.filter((leased) => leased > even).length
  const share = waiting === 0 && gathered === undefined
    ? rule.limit
    : even === 0 && gathered === undefined
    ? held > 0 && without > 0 ? 0 : 1
    : gathered === undefined && more < shared - even * (waiting + 1)
    ? even + 1
    : even
  const isGathering = gathered === undefined && message.need > Math.max(1, share)
  const target = isGathering ? Math.max(share, message.need) : share

  const { interval } = rule
  const pacedAt = Math.max(previous.pacedAt, now - rule.allowance * interval)
  const paced = interval === 0 ? rule.limit : Math.floor((now - pacedAt) / interval)
  const available = isGathering ? free : free - ahead - (gathered?.missing ?? 0)
  const granted = isOpen && message.leave < 0
    ? Math.max(0, Math.min(message.want, available, target - held, paced))
    : 0
  const leased = held + granted
  const isShort = message.want > granted

  const endsPause = message.ended > 0 && message.ended === previous.pauses
  const failsPause = message.failed > 0 && message.failed === previous.pauses
  const pauses = message.pause > 0 ? previous.pauses + 1 : previous.pauses
  const pausedUntil = Math.max(endsPause ? 0 : previous.pausedUntil, message.pause > 0 ? now + message.pause : 0)
  const probeAt = Math.max(
    previous.probeAt,
    failsPause ? now + rule.probeInterval : 0,
    message.pause > 0 ? now + Math.min(message.pause, rule.probeInterval) : 0
  )
  const mayProbe = message.probe > 0 && now < pausedUntil && probeAt <= now

  if (message.leave < 0) {
    others.set(message.process, {
      leased,
      seq: message.seq,
      seen: now,
      // Of those without slots, it is the turn of the one that has been without for longest.
      since: isShort ? leased > 0 ? now : since : 0,
      need: isShort ? message.need : 0,
      until: now + rule.deadAfter + rule.window
    })
  } else if (leased > 0) {
    others.set(message.process, {
      leased,
      seq: message.seq,
      seen: now,
      since: -1,
      need: 0,
      until: now + message.leave
    })
  }

  return [
    {
      epoch: previous.epoch,
      server: clock.server,
      time: now,
      offset,
      openAt,
      pacedAt: pacedAt + granted * interval,
      pausedUntil,
      probeAt: mayProbe ? now + rule.probeInterval : probeAt,
      pauses,
      ended: endsPause ? previous.pauses : previous.ended,
      gathering: gathered !== undefined
        ? previous.gathering
        : isGathering && isShort && leased < message.need
        ? message.process
        : "-",
      processes: others
    },
    {
      epoch: previous.epoch,
      leased,
      // A probe starts with the slots that its process has.
      target: mayProbe ? Math.max(target, leased) : target,
      processes: message.leave < 0 ? staying + 1 : staying,
      paused: Math.max(0, pausedUntil - now),
      pauses,
      ended: endsPause ? previous.pauses : previous.ended,
      probe: mayProbe ? 1 : 0
    }
  ]
}
