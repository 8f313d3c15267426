import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Deadline } from "../support/deadlines.js"
import type * as signal from "../support/signal.js"
import { maximumBodyBytes, maximumIgnoredBytes } from "../transport/bodyLimits.js"
import * as failure from "../transport/failure.js"
import type { Exchange, Head, Listener, Request, Transport } from "../transport/transport.js"
import type { Timeouts } from "./timeouts.js"

/**
 * The outcome of an attempt: a response, possibly with a partial body, or a failure before a head.
 *
 * @internal
 */
export type Outcome = Answered | failure.Failed

/**
 * A response, as far as it arrived.
 *
 * @internal
 */
export class Answered {
  readonly _tag = "Answered"

  /**
   * @param body the part of the body that arrived and was kept
   * @param incomplete why the body is not complete
   */
  constructor(readonly head: Head, readonly body: string, readonly incomplete: failure.Failed | undefined) {}
}

/**
 * One request in flight, until it has a response, times out or is aborted.
 *
 * @internal
 */
export class Attempt implements Listener {
  private chunk: Uint8Array | undefined
  private chunks: Array<Uint8Array> | undefined
  private bytes = 0
  private head: Head | undefined
  private exchange: Exchange | undefined
  private hasEnded = false
  private wasSent = false
  private deadline: Deadline | undefined
  private listener: signal.Listener | undefined
  private resume: ((effect: Effect.Effect<Outcome>) => void) | undefined

  /**
   * @param milliseconds the timeout, from the start of the attempt
   * @param timeout the timeout as error messages show it
   * @param abort ends the attempt before its timeout
   * @param ignoreBody whether the status settles the request; then only as much of the body is kept
   * as messages show
   */
  constructor(
    private readonly transport: Transport,
    private readonly timeouts: Timeouts,
    private readonly milliseconds: number,
    private readonly timeout: Duration.Duration,
    private readonly abort: signal.Signal,
    private readonly ignoreBody: boolean
  ) {}

  /**
   * Sends the request and waits for its response. Run it at most once.
   *
   * @param isAbortedOutside whether the caller calls `interrupt` when it is interrupted; then the
   * effect needs no cleanup of its own, which the runtime would have to keep for each request
   * (`npm run bench -- --only single`)
   */
  run(
    request: Request,
    fiber: Fiber.RuntimeFiber<unknown, unknown>,
    isAbortedOutside: boolean
  ): Effect.Effect<Outcome> {
    return Effect.async((resume) => {
      this.resume = resume
      this.listener = this.abort.listen(() => this.leave(failure.fromInterruption(this.isSent)))
      this.deadline = this.timeouts.after(
        this.milliseconds,
        () => this.leave(failure.tooLate(this.timeout, this.isSent))
      )
      const exchange = this.transport.start(request, this, fiber)
      // A transport may fail synchronously, and an abort may happen while it starts.
      if (this.hasEnded) exchange.abort()
      else this.exchange = exchange
      return isAbortedOutside ? undefined : Effect.suspend(() => this.interrupt())
    })
  }

  /** Ends the attempt without an outcome, and waits until all its resources are released. */
  interrupt(): Effect.Effect<void> {
    const { exchange } = this
    this.end()
    return exchange?.abort() ?? Effect.void
  }

  /** Whether a byte of the request may have been sent. */
  get isSent(): boolean {
    return this.exchange?.isSent() ?? this.wasSent
  }

  onHead(head: Head): void {
    if (this.hasEnded) return
    this.head = head
  }

  onData(chunk: Uint8Array): void {
    if (this.hasEnded) return
    const maximum = this.isIgnored ? maximumIgnoredBytes : maximumBodyBytes
    const room = maximum - this.bytes
    this.keep(chunk.length <= room ? chunk : chunk.subarray(0, room))
    this.bytes += chunk.length
    if (this.bytes > maximum) {
      this.leave(failure.fromCause(new Error(`the body of the response has more than ${maximum} bytes`), true))
    }
  }

  onEnd(text?: string): void {
    this.settle(text ?? this.text(), undefined)
  }

  onFailure(cause: unknown, isSent: boolean | undefined): void {
    this.fail(failure.fromCause(cause, isSent))
  }

  onDefect(cause: Cause.Cause<never>): void {
    this.finish(Effect.failCause(cause))
  }

  private get isIgnored(): boolean {
    return this.ignoreBody || (this.head !== undefined && (this.head.status < 200 || this.head.status >= 300))
  }

  private keep(chunk: Uint8Array): void {
    // Most bodies arrive in one chunk.
    if (this.chunk === undefined) this.chunk = chunk
    else if (this.chunks === undefined) this.chunks = [this.chunk, chunk]
    else this.chunks.push(chunk)
  }

  private text(): string {
    if (this.chunk === undefined) return ""
    if (this.chunks === undefined) return decoder.decode(this.chunk)
    const decoding = new TextDecoder()
    return this.chunks.map((chunk) => decoding.decode(chunk, { stream: true })).join("") + decoding.decode()
  }

  /** Ends the attempt from this side, with the part of the response that arrived. */
  private leave(failed: failure.Failed): void {
    if (this.hasEnded) return
    const { exchange } = this
    this.fail(failed)
    // An attempt that fails does not wait for its resources.
    exchange?.abort()
  }

  private fail(failed: failure.Failed): void {
    if (this.head !== undefined) this.settle(this.text(), failed)
    else this.finish(Effect.succeed(failed))
  }

  private settle(body: string, incomplete: failure.Failed | undefined): void {
    const { head } = this
    this.finish(
      head === undefined
        ? Effect.dieMessage("a response without a head")
        : Effect.succeed(new Answered(head, body, incomplete))
    )
  }

  private finish(effect: Effect.Effect<Outcome>): void {
    if (this.hasEnded) return
    const { resume } = this
    this.end()
    resume?.(effect)
  }

  private end(): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.wasSent = this.isSent
    if (this.deadline !== undefined) this.timeouts.cancel(this.deadline)
    if (this.listener !== undefined) this.abort.forget(this.listener)
    // Releases the fiber for code that still references the attempt.
    this.resume = undefined
    this.exchange = undefined
    this.deadline = undefined
    this.listener = undefined
    this.chunk = undefined
    this.chunks = undefined
    this.head = undefined
  }
}

const decoder = new TextDecoder()
