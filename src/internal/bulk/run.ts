import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type * as Bulk from "../../Bulk.js"
import { InsertId } from "../../InsertId.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import * as SuprsendConfig from "../../SuprsendConfig.js"
import type { RequestError } from "../../SuprsendError.js"
import { type UserEdit, withInsertId } from "../../UserEdit.js"
import * as calls from "../client/call.js"
import { eventAccepted } from "../client/response.js"
import { idsOf } from "../edit/ids.js"
import { fromCrypto } from "../event/insertId.js"
import { count } from "../support/format.js"
import { member } from "../support/json.js"
import { tokens } from "../support/mask.js"
import type { Signal } from "../support/signal.js"
import * as spans from "../telemetry/span.js"
import type { Batch, Placed } from "./batch.js"
import { BatchBuilder, type Next } from "./batchBuilder.js"
import { mayBlameOne, sendHalves } from "./bisect.js"
import * as counts from "./counts.js"
import { type Failure, Halt, type Reason } from "./halt.js"
import * as race from "./race.js"
import { jsonOrLine, summary, Tally } from "./report.js"
import * as source from "./source.js"

/** @internal */
export type Settings = Either.Either.Right<ReturnType<typeof SuprsendConfig.inBulk>>

/**
 * Validates the options of a call. Invalid ones are a programming error, so the call dies.
 *
 * @internal
 */
export const settings = (client: SuprsendClient.Service, options: Bulk.StreamOptions): Effect.Effect<Settings> =>
  Effect.orDie(SuprsendConfig.inBulk(client, options))

/**
 * The parts of a bulk run.
 *
 * @internal
 */
export interface Run<E, R> {
  readonly client: SuprsendClient.Service
  readonly call: string
  /** The span of the call. Without it, each request has a span without a parent. */
  readonly span?: Tracer.Span | undefined
  readonly open: (arrived: () => void) => Effect.Effect<source.Source<E>, never, R | Scope.Scope>
  readonly settings: Settings
  readonly stopped: Deferred.Deferred<unknown>
  /** Called with the outcome of each request, and the response if it was accepted. */
  readonly settle: (outcome: Bulk.BulkOutcome, response?: SuprsendClient.Response) => Effect.Effect<void>
  /**
   * The callers of single edits, which can be interrupted separately.
   *
   * Without it, all edits belong to one caller.
   */
  readonly callers?: Callers | undefined
}

/**
 * The callers that submitted the edits of a run, one per edit.
 *
 * @internal
 */
export interface Callers {
  /** Checks whether the caller of an edit is still waiting. */
  readonly isWaiting: (edit: UserEdit) => boolean
  /** Returns a signal that is aborted when no caller of these edits waits any more. */
  readonly allGone: (edits: ReadonlyArray<UserEdit>) => Signal
  /** Called with the span of the request that carries these edits. */
  readonly sentIn: (edits: ReadonlyArray<UserEdit>, span: Tracer.Span) => void
  /** Called with the defect of a request. Without callers, the whole run dies. */
  readonly died: (edits: ReadonlyArray<UserEdit>, cause: Cause.Cause<never>) => void
}

/**
 * Batches edits and sends the batches, at most `concurrency` at a time.
 *
 * A batch is built only when it can be sent immediately. Back-pressure follows: the source is
 * pulled only as fast as requests are sent, and requests are sent only as fast as their outcomes
 * are consumed. Each request has its own fiber, so there are never more fibers than requests in
 * flight.
 *
 * @internal
 */
export const run = <E, R>(
  { call, callers, client, open, settings, settle, span, stopped }: Run<E, R>
): Effect.Effect<void, E, R> =>
  Effect.scoped(Effect.gen(function*() {
    const { concurrency, grace, linger } = settings
    // A batch of single calls is not a bulk.
    const counted = span === undefined ? undefined : yield* counts.make(client, span)
    const opened = yield* open(() => builder.call())
    const builder = new BatchBuilder(opened, { client, call, concurrency, linger, keepsEdits: callers !== undefined })
    const clock = yield* Effect.clock
    // Lets started requests reach their sockets before the next batch is built.
    const pause = Effect.zipRight(Effect.yieldNow(), client.yieldToEventLoop ?? Effect.void)
    const halt = new Halt(call, {
      whenBroken: "the run ended before this was sent",
      whenStopped: "the run was stopped before this was sent"
    })
    const inFlight = new InFlight(concurrency)

    const breakOff = (cause: Cause.Cause<never>) => {
      builder.stop()
      halt.breakOff(cause)
    }

    const haltBecause = (reason: Reason) => {
      halt.because(reason)
      // The rest of a collection gets outcomes. Other sources are not pulled further, because they
      // may be endless.
      if (!opened.isCollection) builder.stop()
    }

    const account = (outcome: Bulk.BulkOutcome, response?: SuprsendClient.Response): Effect.Effect<void> => {
      if (counted !== undefined) {
        counted.add("accepted", outcome.success)
        for (const failed of outcome.failedRecords) counted.add(failed.outcome, 1)
        counted.addBody(outcome.bytes, outcome.attempts)
      }
      return Effect.catchAllCause(
        Effect.suspend(() => settle(outcome, response)),
        (cause) => Effect.sync(() => breakOff(cause))
      )
    }

    // Runs once, however often it is needed: its time limit starts with the stop.
    const pullEnded = yield* Deferred.make<void>()
    let isEndingPull = false
    const endPull = Effect.suspend(() => {
      if (isEndingPull) return Deferred.await(pullEnded)
      isEndingPull = true
      return Effect.asVoid(Effect.zipRight(opened.endPull, Deferred.succeed(pullEnded, undefined)))
    })

    const scope = yield* Effect.scope
    yield* halt.onStop(
      stopped,
      grace,
      Effect.zipRight(Effect.sync(() => builder.stop()), Effect.forkIn(Effect.interruptible(endPull), scope))
    )

    // `isPart`: whether this is a part of a batch that was sent and bisected, so that it belongs to a
    // request in flight; `uncertain`: whether that batch may have been applied.
    const send = (
      whole: Batch,
      first: number,
      end: number,
      isPart: boolean,
      uncertain: boolean
    ): Effect.Effect<void> => {
      // Narrowed to the edits that are still wanted when the request is sent.
      let pack = whole
      let from = first
      let to = end
      const narrow = ({ isWaiting }: Callers) => {
        pack = pack.only(from, to, isWaiting)
        from = 0
        to = pack.count
        return pack.body
      }
      if (callers !== undefined) narrow(callers)
      if (from === to) return Effect.void
      const unsent = halt.unsent(uncertain)
      if (unsent !== undefined) return account(notSent(failed(pack.placed(from, to), unsent)))
      const started = clock.unsafeCurrentTimeMillis()
      let body = pack.slice(from, to)
      const outcome = (
        success: number,
        failedRecords: ReadonlyArray<Bulk.FailedRecord>,
        attempts: number,
        response?: SuprsendClient.Response
      ) => {
        const elapsed = Duration.millis(clock.unsafeCurrentTimeMillis() - started)
        const accepted = () => success === 0 ? [] : pack.edits(from, to)
        const indexes = () => success === 0 ? [] : pack.indexes(from, to)
        return account(new Outcome(accepted, indexes, success, failedRecords, body.length, attempts, elapsed), response)
      }
      const onError = (error: RequestError): Effect.Effect<void> => {
        if (callers === undefined) {
          const reason = halt.reasonAfter(error)
          if (reason !== undefined) haltBecause(reason)
        }
        const failure = halt.failure(error, uncertain)
        if (mayBlameOne(error) && to - from > 1) {
          counted?.addBody(body.length, error.attempts)
          return sendHalves(from, to, (from, to) => send(pack, from, to, true, failure.outcome === "unknown"))
        }
        return outcome(0, failed(pack.placed(from, to), failure), error.attempts)
      }
      const onDefect = (defect: Cause.Cause<never>, error: RequestError): Effect.Effect<void> => {
        if (callers !== undefined) return Effect.sync(() => callers.died(pack.edits(from, to), defect))
        breakOff(defect)
        return onError(error)
      }
      const waits = callers === undefined && !isPart ? halt.waits() : undefined
      const request: SuprsendClient.Request = {
        call,
        method: "POST",
        template: "/event/",
        body,
        bodyAtStart: () => {
          // A stop ends only the wait for the first slot.
          waits?.leaveSecond()
          return callers === undefined ? body : body = narrow(callers)
        },
        ignoreBody: true,
        expected: eventAccepted,
        abort: halt.abort,
        abortWaiting: callers === undefined
          ? waits ?? halt.abortWaiting
          : callers.allGone(pack.edits(from, to)),
        secrets: () => pack.edits(from, to).flatMap((edit) => tokens(edit.operations)),
        ids: () => pack.edits(from, to).flatMap(idsOf)
      }
      const sending = spans.use(
        `${call}.request`,
        { ...spans.plain, parent: span, root: span === undefined, attributes: { "suprsend.bulk.records": to - from } },
        (span) => {
          callers?.sentIn(pack.edits(from, to), span)
          return client.execute({ ...request, span })
        }
      )
      return Effect.matchCauseEffect(sending, {
        onSuccess: (response) => {
          waits?.leave()
          return outcome(to - from, [], response.attempts, response)
        },
        onFailure: (cause) => {
          waits?.leave()
          return halt.match(cause, { onError, onDefect })
        }
      })
    }

    const sendAll = ({ invalid, pack }: Next): Effect.Effect<void> => {
      const sent = pack.count === 0 ? Effect.void : send(pack, 0, pack.count, false, false)
      return invalid.length === 0 ? sent : Effect.zipRight(account(notSent(invalid)), sent)
    }

    const next = Effect.flatMap(inFlight.room, () => Effect.flatMap(pause, () => builder.next))
    const sendNext: Effect.Effect<void> = Effect.flatMap(next, (next) => {
      if (next === undefined) return Effect.void
      inFlight.begin()
      const ended = () => {
        builder.release(next.pack)
        inFlight.end()
      }
      const sending = Effect.matchCause(Effect.suspend(() => sendAll(next)), {
        onFailure: (cause) => {
          breakOff(cause)
          ended()
        },
        onSuccess: ended
      })
      return Effect.zipRight(Effect.fork(sending), sendNext)
    })

    yield* sendNext
    yield* inFlight.none
    if (builder.isStopped) yield* endPull
    const { invalid, unsent } = builder.rest()
    if (invalid.length > 0) yield* account(notSent(invalid))
    if (unsent.length > 0) {
      const pinned = Effect.forEach(unsent, pin)
      // A custom source of insert ids may be slow, for which there is no time now, or may be what
      // failed.
      const atOnce = Effect.provideService(pinned, InsertId, fromCrypto)
      const placed = yield* builder.defect !== undefined
        ? atOnce
        : race.by(pinned, [Effect.as(halt.abort.whenAborted, atOnce)])
      yield* account(notSent(failed(placed, halt.unsent(false) ?? halt.notStarted)))
    }
    const broken = halt.defect ?? builder.defect
    if (broken !== undefined) return yield* Effect.failCause(broken)
    // A failing source does not affect the requests in flight.
    const exit = opened.exit()
    if (exit !== undefined) yield* exit
  }))

/** Counts requests in flight, and waits until there are fewer. Only one fiber may wait. */
class InFlight {
  private count = 0
  private wake: () => void = constVoid

  constructor(private readonly most: number) {}

  begin(): void {
    this.count++
  }

  end(): void {
    this.count--
    this.wake()
  }

  /** Waits until one more is allowed. */
  readonly room: Effect.Effect<void> = this.until(() => this.count < this.most)

  /** Waits until none is left. */
  readonly none: Effect.Effect<void> = this.until(() => this.count === 0)

  private until(condition: () => boolean): Effect.Effect<void> {
    return Effect.async((resume) => {
      const look = () => {
        if (!condition()) return
        this.wake = constVoid
        resume(Effect.void)
      }
      this.wake = look
      look()
    })
  }
}

const call = "UsersService.bulkEdit"

/**
 * The maximum number of unconsumed outcomes of a stream, because each keeps its body in memory.
 *
 * @internal
 */
export const outcomesAhead = 16

/** @internal */
export const stream = <E, R>(
  client: SuprsendClient.Service,
  edits: Bulk.Source<E, R>,
  options: Bulk.StreamOptions = {}
): Stream.Stream<Bulk.BulkOutcome, E | Cause.UnknownException, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    let ended: Exit.Exit<unknown, unknown> | undefined
    const span = yield* calls.scoped(client, call, () => ended)
    const checked = yield* settings(client, options)
    const outcomes = yield* Mailbox.make<Bulk.BulkOutcome, E | Cause.UnknownException>({
      capacity: Math.min(checked.concurrency, outcomesAhead)
    })
    const stopped = yield* stopping(options)
    yield* run({
      client,
      call,
      span,
      open: (arrived) => source.open(edits, arrived),
      settings: checked,
      stopped,
      settle: (outcome) => Effect.asVoid(outcomes.offer(outcome))
    }).pipe(
      Effect.withParentSpan(span),
      Effect.onExit((exit) =>
        Effect.sync(() => {
          ended = exit
        })
      ),
      Mailbox.into(outcomes),
      Effect.interruptible,
      Effect.forkScoped
    )
    return Mailbox.toStream(outcomes)
  }))

/** @internal */
export const report = <E, R>(
  client: SuprsendClient.Service,
  edits: Bulk.Source<E, R>,
  options: Bulk.EditOptions = {}
): Effect.Effect<Bulk.BulkReport, E | Cause.UnknownException, R> =>
  calls.run(client, call, (span) =>
    Effect.scoped(Effect.gen(function*() {
      const tally = new Tally()
      const checked = yield* settings(client, options)
      const stopped = yield* stopping(options)
      const running = run({
        client,
        call,
        span,
        open: (arrived) => source.open(edits, arrived),
        settings: checked,
        stopped,
        settle: (outcome) => {
          tally.add(outcome)
          return options.onOutcome?.(outcome) ?? Effect.void
        }
      })
      const tell = options.onError ?? logLost(call)
      yield* inOrder(
        Effect.withParentSpan(running, span),
        Deferred.succeed(stopped, undefined),
        (cause) => tell(tally.report(), cause)
      )
      return tally.report()
    })))

/**
 * Runs an effect that stops gracefully when interrupted, and waits for its end.
 *
 * If it does not complete, the partial result is reported.
 *
 * @internal
 */
export const inOrder = <A, E, R>(
  running: Effect.Effect<A, E, R>,
  stop: Effect.Effect<unknown>,
  tell: (cause: Cause.Cause<E>) => Effect.Effect<void>
): Effect.Effect<A, E, R> =>
  // Runs in a fiber of its own, because an interruption would otherwise end it before it can stop
  // gracefully.
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.forkDaemon(restore(running)), (fiber) =>
      restore(Fiber.join(fiber)).pipe(
        Effect.onInterrupt(() => Effect.zipRight(stop, Fiber.await(fiber))),
        Effect.onError(tell)
      ))
  )

/**
 * Logs the report of a call that ends without returning it.
 *
 * @internal
 */
export const logLost = (call: string) => (report: Lost, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  report.total === 0
    ? Effect.void
    : Effect.logWarning(`${call} ${Cause.isInterruptedOnly(cause) ? "was interrupted" : "failed"} after ${report}`)

type Lost = Bulk.BulkReport | Bulk.BulkIdReport

const stopping = (options: Bulk.StreamOptions) =>
  Effect.gen(function*() {
    const stopped = yield* Deferred.make<unknown>()
    if (options.stopWhen !== undefined) {
      yield* options.stopWhen.pipe(
        Effect.catchAllCause((cause) => Effect.logError("bulk: stopWhen died, so the run stops", cause)),
        Effect.zipRight(Deferred.succeed(stopped, undefined)),
        Effect.interruptible,
        Effect.forkScoped
      )
    }
    return stopped
  })

// Adds the insert id, so that the record can be retried from a file like any other.
const pin = ({ edit, index }: Placed): Effect.Effect<Placed> =>
  member(edit, "insertId") !== undefined
    ? Effect.succeed({ edit, index })
    : Effect.flatMap(InsertId, Effect.map((id) => ({ edit: withInsertId(edit, id), index })))

const failed = (
  placed: ReadonlyArray<Placed>,
  { error, outcome }: Failure
): ReadonlyArray<Bulk.FailedRecord> => placed.map(({ edit, index }) => ({ outcome, index, edit, error }))

const notSent = (failedRecords: ReadonlyArray<Bulk.FailedRecord>): Bulk.BulkOutcome =>
  new Outcome(() => [], () => [], 0, failedRecords, 0, 0, Duration.zero)

/** The outcome of a request. Accepted edits are decoded only if they are read. */
class Outcome implements Bulk.BulkOutcome {
  private edits: ReadonlyArray<UserEdit> | undefined

  constructor(
    private readonly read: () => ReadonlyArray<UserEdit>,
    private readonly indexes: () => ReadonlyArray<number>,
    readonly success: number,
    readonly failedRecords: ReadonlyArray<Bulk.FailedRecord>,
    readonly bytes: number,
    readonly attempts: number,
    readonly elapsed: Duration.Duration
  ) {}

  get failure(): number {
    return this.failedRecords.length
  }

  get accepted(): ReadonlyArray<UserEdit> {
    return this.edits ??= this.read()
  }

  get acceptedIndexes(): ReadonlyArray<number> {
    return this.indexes()
  }

  toJSON(): unknown {
    const { attempts, bytes, elapsed, failedRecords, failure, success } = this
    const json = { success, failure, bytes, attempts, elapsed: Duration.format(elapsed), failedRecords }
    return jsonOrLine(json, () => this.toString())
  }

  toString(): string {
    const { attempts, bytes, elapsed } = this
    return bytes === 0
      ? summary(this)
      : `${summary(this)}; ${count(bytes, "byte")} in ${count(attempts, "request")}, ${Duration.format(elapsed)}`
  }

  [Inspectable.NodeInspectSymbol](): string {
    return this.toString()
  }
}
