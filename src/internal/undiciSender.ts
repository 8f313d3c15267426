import type * as Undici from "@effect/platform-node/Undici"
import * as Headers from "@effect/platform/Headers"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as FiberId from "effect/FiberId"
import * as answer from "./answer.js"
import type { Head, Outgoing, Progress, Send } from "./sender.js"

/**
 * Sends straight over a dispatcher of undici.
 *
 * The platform's client over the same dispatcher makes a URL, a controller for interruption, a readable stream and a promise or two
 * of each request, which was measured to cost more than everything else that a call of this package does.
 *
 * @internal
 */
export const make = (dispatcher: Undici.Dispatcher): Send => (request, progress, timeout) =>
  Effect.uninterruptibleMask((restore) => {
    const exchange = new Exchange(progress)
    return Effect.flatMap(
      // By the clock of Effect, as all times here.
      Effect.fork(Effect.flatMap(
        restore(Effect.sleep(timeout)),
        () => Effect.sync(() => exchange.abandon(Exit.fail(answer.tooLate(timeout))))
      )),
      (timer) =>
        restore(Effect.async<string, answer.Failed>((resume) => {
          exchange.begin(timer, resume)
          try {
            dispatcher.dispatch(options(request), exchange)
          } catch (error) {
            exchange.end(Exit.fail(answer.fromCause(error)))
          }
          return Effect.sync(() => exchange.abandon(Exit.interrupt(FiberId.none)))
        }))
    )
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
  private timer: Fiber.RuntimeFiber<void> | undefined
  private resume: ((result: Result) => void) | undefined
  private abandoned = false

  constructor(private readonly progress: Progress) {}

  begin(timer: Fiber.RuntimeFiber<void>, resume: (result: Result) => void): void {
    this.timer = timer
    this.resume = resume
  }

  end(result: Result): void {
    const { resume, timer } = this
    this.resume = undefined
    timer?.unsafeInterruptAsFork(FiberId.none)
    resume?.(result)
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
    this.end(Exit.fail(answer.fromCause(error)))
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
