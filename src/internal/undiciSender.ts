import type * as Undici from "@effect/platform-node/Undici"
import * as Headers from "@effect/platform/Headers"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberId from "effect/FiberId"
import type * as Scope from "effect/Scope"
import * as answer from "./answer.js"
import { type Deadline, Deadlines } from "./deadlines.js"
import type { Head, Outgoing, Progress, Send, Sender } from "./sender.js"
import * as Timer from "./timer.js"

/**
 * Sends straight over a dispatcher of undici.
 *
 * The platform's client over the same dispatcher makes a URL, a controller for interruption, a readable stream and a promise or two
 * of each request, which was measured to cost more than everything else that a call of this package does.
 *
 * @internal
 */
export const make = (dispatcher: Undici.Dispatcher): Effect.Effect<Sender["Type"], never, Scope.Scope> =>
  Effect.map(makeTimeouts, (timeouts) => ({ send: send(dispatcher, timeouts), breathe }))

// Fibers hand over to one another without the runtime ever turning to its sockets: of many requests that are made in a row, the first
// would only leave once the last is made.
const breathe: Effect.Effect<void> = Effect.async((resume) => {
  setImmediate(() => resume(Effect.void))
})

const send =
  (dispatcher: Undici.Dispatcher, timeouts: Timeouts): Send => (request, progress, { after, signal, timeout }) =>
    Effect.async((resume) => {
      const tooLate = () => exchange.abandon(Exit.fail(answer.tooLate(timeout, exchange.isSent)))
      const givenUp = () => exchange.abandon(Exit.fail(answer.fromInterruption(exchange.isSent)))
      const deadline = timeouts.add(after, tooLate)
      const exchange = new Exchange(progress, (result) => {
        timeouts.remove(deadline)
        signal?.forget(givenUp)
        resume(result)
      })
      signal?.listen(givenUp)
      if (signal?.isGiven === true) givenUp()
      else exchange.begin(dispatcher, request)
      return Effect.sync(() => exchange.abandon(Exit.interrupt(FiberId.none)))
    })

// An idle timer keeps a process from its end, and making one anew for each request costs more than the request. So it looks up from
// time to time, and ends when there is nothing to wait for.
const longestNap = 500

interface Timeouts {
  readonly add: (milliseconds: number, due: () => void) => Deadline
  readonly remove: (deadline: Deadline) => void
}

/** The timeouts of all requests, by the clock of Effect, as all times here. */
const makeTimeouts: Effect.Effect<Timeouts, never, Scope.Scope> = Effect.gen(function*() {
  const clock = yield* Effect.clock
  const fork = yield* Timer.fork
  const deadlines = new Deadlines()
  const now = Timer.monotonic(clock)
  const next = () => Math.min(deadlines.first, now() + longestNap)
  const timer = yield* Effect.acquireRelease(
    Effect.sync(() =>
      new Timer.Timer(clock, now, fork, () => {
        deadlines.pass(now())
        return deadlines.first === Infinity ? Infinity : next()
      })
    ),
    (timer) => Effect.sync(() => timer.stop())
  )
  return {
    add: (milliseconds, due) => {
      const deadline = deadlines.add(now() + milliseconds, due)
      timer.wakeBy(next())
      return deadline
    },
    remove: (deadline) => deadlines.remove(deadline)
  }
})

const options = ({ body, headers, method, origin, target }: Outgoing): Undici.Dispatcher.DispatchOptions => ({
  origin,
  path: target,
  method,
  headers,
  body: body ?? null,
  // The timer of the attempt knows better.
  headersTimeout: 0,
  bodyTimeout: 0
})

const decoder = new TextDecoder()

type Result = Exit.Exit<string, answer.Failed>

/**
 * One request and its answer, as undici tells about it.
 */
class Exchange implements Undici.Dispatcher.DispatchHandler {
  private readonly chunks: Array<Uint8Array> = []
  private controller: Undici.Dispatcher.DispatchController | undefined
  private abandoned = false
  private ended = false

  /**
   * @param done is told how it ended, once
   */
  constructor(private readonly progress: Progress, private readonly done: (result: Result) => void) {}

  /** Undici says so before the first byte: what still waits for a connection has certainly done nothing. */
  get isSent(): boolean {
    return this.controller !== undefined
  }

  begin(dispatcher: Undici.Dispatcher, request: Outgoing): void {
    try {
      dispatcher.dispatch(options(request), this)
    } catch (error) {
      this.fail(error)
    }
  }

  private fail(error: unknown): void {
    this.end(Exit.fail(answer.fromCause(error, undefined, this.isSent)))
  }

  private end(result: Result): void {
    if (this.ended) return
    this.ended = true
    this.done(result)
  }

  /** Whatever still comes is of no interest. What waits for a connection is not sent any more. */
  abandon(result: Result): void {
    this.abandoned = true
    this.end(result)
    this.controller?.abort(new Error("nobody waits for it any more"))
  }

  onRequestStart(controller: Undici.Dispatcher.DispatchController): void {
    this.controller = controller
    if (this.abandoned) controller.abort(new Error("nobody waits for it any more"))
  }

  onResponseStart(_: unknown, status: number, headers: Headers.Input & RawHeaders): void {
    // 1xx only announces the answer.
    if (status >= 200) this.progress.head = new RawHead(status, headers)
  }

  onResponseData(_: unknown, chunk: Uint8Array): void {
    this.chunks.push(chunk)
  }

  onResponseEnd(): void {
    const [first] = this.chunks
    this.end(Exit.succeed(
      first === undefined ? "" : decoder.decode(this.chunks.length === 1 ? first : Buffer.concat(this.chunks))
    ))
  }

  onResponseError(_: unknown, error: Error): void {
    this.fail(error)
  }
}

type RawHeaders = Readonly<Record<string, string | ReadonlyArray<string> | undefined>>

/** Its headers are only read if somebody asks for them. */
class RawHead implements Head {
  private read: Headers.Headers | undefined

  constructor(readonly status: number, private readonly raw: Headers.Input) {}

  get headers(): Headers.Headers {
    return this.read ??= Headers.fromInput(this.raw)
  }
}
