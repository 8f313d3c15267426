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
 * What an attempt ended with: a response, of which the body may be missing in part, or a failure before there was a head.
 *
 * @internal
 */
export type Outcome = Answered | failure.Failed

/**
 * A response, as far as it came.
 *
 * @internal
 */
export class Answered {
  readonly _tag = "Answered"

  /**
   * @param body as much of it as came, and was kept
   * @param incomplete why it is not complete
   */
  constructor(readonly head: Head, readonly body: string, readonly incomplete: failure.Failed | undefined) {}
}

/**
 * One request on its way, until its response has come, its time is over, or it is aborted.
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
   * @param milliseconds how long it may take from its start
   * @param timeout the time that this stands for, as messages tell it
   * @param abort ends it before its time
   * @param ignoreBody whether the status settles the request, so that no more of the body is kept than messages show
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
   * Sends the request and waits for its response. To be run once.
   *
   * @param isAbortedOutside whether whoever interrupts it calls `interrupt`, so that the effect does not have to: what the runtime keeps
   * for an effect that cleans up after itself was measured to cost as much as the signature
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
      // A transport may fail at once, and an abort may come while it starts.
      if (this.hasEnded) exchange.abort()
      else this.exchange = exchange
      return isAbortedOutside ? undefined : Effect.suspend(() => this.interrupt())
    })
  }

  /** Ends it without an outcome. The effect waits until everything that belongs to it has ended. */
  interrupt(): Effect.Effect<void> {
    const { exchange } = this
    this.end()
    return exchange?.abort() ?? Effect.void
  }

  /** Whether a byte of the request may have left. */
  get isSent(): boolean {
    return this.exchange?.isSent() ?? this.wasSent
  }

  onHead(head: Head): void {
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
    // Nearly always it is one.
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

  /** Ends the attempt from this side, with what came so far. */
  private leave(failed: failure.Failed): void {
    if (this.hasEnded) return
    const { exchange } = this
    this.fail(failed)
    // An attempt that ends because of this does not wait for what belongs to it.
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
    // Whoever still holds the attempt holds nothing else by it.
    this.resume = undefined
    this.exchange = undefined
    this.deadline = undefined
    this.listener = undefined
    this.chunk = undefined
    this.chunks = undefined
  }
}

const decoder = new TextDecoder()
