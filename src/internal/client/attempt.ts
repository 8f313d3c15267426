import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import { maximumBodyBytes, maximumIgnoredBytes } from "../limits.js"
import type { Signal } from "../signal.js"
import * as failure from "../transport/failure.js"
import type { Exchange, Head, Listener, Request, Transport } from "../transport/transport.js"
import type { Timeouts } from "./timeouts.js"

/**
 * What an attempt ended with: a response, of which the body may be missing in part, or a failure before there was a head.
 *
 * @internal
 */
export type Outcome =
  | {
    readonly _tag: "Response"
    readonly head: Head
    /** As much of the body as came, and was kept. */
    readonly body: string
    /** Why the body is not complete. */
    readonly incomplete: failure.Failed | undefined
  }
  | { readonly _tag: "Failure"; readonly failed: failure.Failed }

/**
 * What bounds an attempt.
 *
 * @internal
 */
export interface Options {
  /** Milliseconds from its start. */
  readonly milliseconds: number
  /** The time that this stands for, as messages tell it. */
  readonly timeout: Duration.Duration
  /** Ends it before its time. */
  readonly abort: Signal
  /** Whether the status settles the request, so that no more of the body is kept than messages show. */
  readonly ignoreBody: boolean
}

/**
 * Sends one request and waits for its response, its timeout, or its abort. An interruption aborts it.
 *
 * @internal
 */
export const attempt = (
  transport: Transport,
  timeouts: Timeouts,
  request: Request,
  options: Options
): Effect.Effect<Outcome> =>
  Effect.withFiberRuntime<Outcome>((fiber) =>
    Effect.async((resume) => {
      const attempt = new Attempt(options, timeouts, resume)
      attempt.begin(transport, request, fiber)
      return Effect.suspend(() => attempt.interrupt())
    })
  )

class Attempt implements Listener {
  private readonly chunks: Array<Uint8Array> = []
  private bytes = 0
  private head: Head | undefined
  private exchange: Exchange | undefined
  private hasEnded = false
  private cancelTimeout: () => void = () => {}

  constructor(
    private readonly options: Options,
    private readonly timeouts: Timeouts,
    private readonly resume: (effect: Effect.Effect<Outcome>) => void
  ) {}

  begin(transport: Transport, request: Request, fiber: Fiber.RuntimeFiber<unknown, unknown>): void {
    const { abort, milliseconds } = this.options
    abort.listen(this.onAbort)
    this.cancelTimeout = this.timeouts.after(milliseconds, this.onTimeout)
    this.exchange = transport.start(request, this, fiber)
    // A transport may fail at once, and an abort may come while it starts.
    if (this.hasEnded) this.exchange.abort()
  }

  interrupt(): Effect.Effect<void> {
    this.end()
    return this.exchange?.abort() ?? Effect.void
  }

  readonly onHead = (head: Head): void => {
    this.head = head
  }

  readonly onData = (chunk: Uint8Array): void => {
    if (this.hasEnded) return
    const maximum = this.isIgnored ? maximumIgnoredBytes : maximumBodyBytes
    const room = maximum - this.bytes
    this.chunks.push(chunk.length <= room ? chunk : chunk.subarray(0, room))
    this.bytes += chunk.length
    if (this.bytes > maximum) {
      this.leave(failure.fromCause(new Error(`the body of the response has more than ${maximum} bytes`), true))
    }
  }

  readonly onEnd = (text?: string): void => this.settle(text ?? this.text(), undefined)

  readonly onFailure = (cause: unknown, isSent: boolean | undefined): void =>
    this.fail(failure.fromCause(cause, isSent))

  readonly onDefect = (cause: Cause.Cause<never>): void => {
    if (this.hasEnded) return
    this.end()
    this.resume(Effect.failCause(cause))
  }

  private readonly onTimeout = (): void => this.leave(failure.tooLate(this.options.timeout, this.isSent))

  private readonly onAbort = (): void => this.leave(failure.fromInterruption(this.isSent))

  private get isSent(): boolean {
    return this.exchange?.isSent() ?? false
  }

  private get isIgnored(): boolean {
    return this.options.ignoreBody || (this.head !== undefined && (this.head.status < 200 || this.head.status >= 300))
  }

  /** Ends the attempt from this side, with what came so far. */
  private leave(failed: failure.Failed): void {
    if (this.hasEnded) return
    this.fail(failed)
    // An attempt that ends because of this does not wait for what belongs to it.
    this.exchange?.abort()
  }

  private fail(failed: failure.Failed): void {
    if (this.head !== undefined) return this.settle(this.text(), failed)
    if (this.hasEnded) return
    this.end()
    this.resume(Effect.succeed({ _tag: "Failure", failed }))
  }

  private settle(body: string, incomplete: failure.Failed | undefined): void {
    if (this.hasEnded) return
    this.end()
    this.resume(
      this.head === undefined
        ? Effect.dieMessage("a response without a head")
        : Effect.succeed({ _tag: "Response", head: this.head, body, incomplete })
    )
  }

  private text(): string {
    const [first] = this.chunks
    if (first === undefined) return ""
    if (this.chunks.length === 1) return decoder.decode(first)
    const decoding = new TextDecoder()
    return this.chunks.map((chunk) => decoding.decode(chunk, { stream: true })).join("") + decoding.decode()
  }

  private end(): void {
    this.hasEnded = true
    this.cancelTimeout()
    this.options.abort.forget(this.onAbort)
  }
}

const decoder = new TextDecoder()
