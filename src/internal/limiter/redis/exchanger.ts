import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type Fork, Timer } from "../../support/timer.js"
import type { LimiterMeters } from "../../telemetry/meters.js"
import * as Queue from "../queue.js"
import type * as SlidingWindow from "../slidingWindow.js"
import type * as Core from "./core.js"
import * as Lease from "./lease.js"

/**
 * The way to Redis.
 *
 * @internal
 */
export interface Connection {
  /** Where Redis is, for a log. */
  readonly name: string
  /** The last error of the connection since it was ready. */
  readonly lastError: () => unknown
  /** Whether a message has a chance to be answered. */
  readonly isUsable: () => boolean
  /** Resolves to `undefined` for a message that has been overtaken. */
  readonly send: (message: Core.Message) => Promise<Core.Reply | undefined>
}

/**
 * A queue of waiting attempts, with slots that are leased from Redis.
 *
 * At most one message at a time waits for its reply.
 *
 * @internal
 */
export interface Exchanger {
  readonly queue: Queue.Queue
  readonly pause: (duration: Duration.DurationInput) => Effect.Effect<void>
  /** Whether no attempt starts, because Redis has not replied for too long. */
  readonly isUnavailable: () => boolean
  /** Sends the next message now, for example once there is a connection again. */
  readonly wake: () => void
  /** Ends all waits, and returns the slots. */
  readonly close: Effect.Effect<void>
}

/** @internal */
export const unsafeMake = (
  options: Lease.Options,
  initial: SlidingWindow.State,
  clock: Clock.Clock,
  fork: Fork,
  meters: LimiterMeters,
  connection: Connection
): Exchanger => {
  let lease = Lease.make(options)
  let isClosed = false
  let dueAt = Infinity
  /** The reply to the last message. */
  let replied: Promise<Core.Reply | undefined> = Promise.resolve(undefined)

  const queue = Queue.unsafeMake(Lease.applied(lease, initial), clock, fork, meters, {
    onWait: () => {
      // Each of many waiting attempts would otherwise look at all the others.
      if (!lease.isAsking && dueAt - queue.now() > Lease.shortestInterval) schedule()
    },
    onProbe: (outcome) => {
      lease = Lease.probed(lease, outcome)
      schedule()
    }
  })

  const nextAt = () => {
    const { first, state, waiting } = queue.inspect(options.limit)
    return Lease.nextAt(lease, state, { waiting, first }, queue.now())
  }

  const transition = (f: (lease: Lease.Lease, window: SlidingWindow.State, now: number) => Lease.Pair) => {
    const before = lease
    queue.modify((window, now) => {
      const [next, state] = f(before, window, now)
      lease = next
      return state
    })
  }

  const fail = (reason: string) => {
    const wasUnavailable = lease.isUnavailable
    transition(Lease.fail)
    if (lease.isUnavailable && !wasUnavailable) {
      const error = connection.lastError()
      const why = error === undefined ? reason : reasonOf(error)
      fork(
        Effect.logWarning(`rate limiter: Redis is unavailable at ${connection.name} (${why}); ${continuation(lease)}`)
      )
    }
    if (lease.isUnavailable && options.whenUnavailable === "fail") queue.expireAll()
  }

  const receive = (message: Core.Message, reply: Core.Reply) => {
    const wasUnavailable = lease.isUnavailable
    transition((lease, window, now) => Lease.receive(lease, window, message, reply, now))
    if (wasUnavailable) fork(Effect.logInfo("rate limiter: Redis is available again"))
  }

  const exchange = () => {
    const { first, state, waiting } = queue.inspect(options.limit)
    const [next, , message] = Lease.ask(lease, state, { waiting, first }, queue.now())
    lease = next
    queue.modify((window) => Lease.applied(next, window))
    if (!connection.isUsable()) return fail("no connection")
    const isCurrent = () => !isClosed && lease.isAsking && lease.seq === message.seq
    replied = connection.send(message)
    replied.then(
      (reply) => {
        if (!isCurrent()) return
        if (reply === undefined) fail("a reply that is not understood")
        else receive(message, reply)
        schedule()
      },
      (error: unknown) => {
        if (!isCurrent()) return
        fail(reasonOf(error))
        schedule()
      }
    )
  }

  /** Does what is due, and returns when there will be more. */
  const step = (): number => {
    if (isClosed) return Infinity
    if (nextAt() - queue.now() < resolution) {
      if (lease.isAsking) fail("no reply")
      else exchange()
    }
    dueAt = nextAt()
    return dueAt
  }

  const timer = new Timer(clock, queue.now, fork, step)

  const schedule = () => {
    if (!isClosed) timer.wakeBy(step())
  }

  const wake = () => {
    if (isClosed || lease.isAsking) return
    exchange()
    schedule()
  }

  /** Returns the slots, also those that a first reply on its way grants. */
  const leave = async () => {
    const epoch = lease.epoch === "" ? (await replied)?.epoch : lease.epoch
    if (epoch === undefined) return
    const { state } = queue.inspect(0)
    await connection.send(Lease.leave({ ...lease, epoch }, state, queue.now()))
  }

  return {
    queue,
    isUnavailable: () => lease.isUnavailable && (options.whenUnavailable !== "share" || lease.processes === 0),
    wake,
    pause: (duration) =>
      Effect.zipRight(
        queue.pause(duration),
        Effect.sync(() => {
          const now = queue.now()
          lease = Lease.pause(lease, Duration.toMillis(duration), now)
          // One of many pauses at once is enough.
          if (now - lease.sentAt >= Lease.shortestInterval) wake()
          else schedule()
        })
      ),
    close: Effect.promise(async () => {
      isClosed = true
      timer.stop()
      queue.close()
      if (!connection.isUsable()) return
      await within(Lease.patience, leave())
    })
  }
}

// In milliseconds: no timer sleeps for less.
const resolution = 0.001

/** What attempts do while Redis is unavailable. */
const continuation = ({ options: { whenUnavailable }, processes }: Lease.Lease): string =>
  whenUnavailable === "fail"
    ? "attempts fail until it is available"
    : whenUnavailable === "share" && processes > 0
    ? "attempts go on with the slots of this process"
    : "attempts wait until it is available"

/** The message of an error may contain a password, except that of a failed system call. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "an unknown error"
  if ("syscall" in error || error.message === noSuchDatabase) return error.message
  if (error.message.startsWith("All sentinels are unreachable")) return "no sentinel responds"
  const code = "code" in error && typeof error.code === "string" ? error.code : error.message
  return /^[A-Z][A-Z_]+\b/.exec(code)?.[0] ?? error.name
}

/**
 * The error of Redis for a URL with a database that it does not have.
 *
 * @internal
 */
export const noSuchDatabase = "ERR DB index is out of range"

const within = (milliseconds: number, promise: Promise<unknown>): Promise<void> =>
  new Promise((resolve) => {
    const timeout = setTimeout(resolve, milliseconds)
    const end = () => {
      clearTimeout(timeout)
      resolve()
    }
    promise.then(end, end)
  })
