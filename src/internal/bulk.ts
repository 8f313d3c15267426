import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Inspectable from "effect/Inspectable"
import * as Mailbox from "effect/Mailbox"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Bulk from "../Bulk.js"
import { InsertId } from "../InsertId.js"
import type { SuprsendClient } from "../SuprsendClient.js"
import * as SuprsendConfig from "../SuprsendConfig.js"
import { type RequestError, type SuprsendUnauthorized, SuprsendUnavailable } from "../SuprsendError.js"
import { type UserEdit, withInsertId } from "../UserEdit.js"
import { eventAccepted } from "./client/response.js"
import * as cut from "./cut.js"
import { fromCrypto } from "./insertId.js"
import { tokens } from "./mask.js"
import type { Pack } from "./pack.js"
import { type Next, Packer } from "./packer.js"
import { Tally } from "./report.js"
import { Signal } from "./signal.js"
import * as source from "./source.js"
import { Turns } from "./turns.js"

/** @internal */
export type Settings = Either.Either.Right<ReturnType<typeof SuprsendConfig.inBulk>>

/**
 * Options that are of no use are a mistake in a program, and have no place among the errors of each bulk.
 *
 * @internal
 */
export const settings = (client: SuprsendClient.Service, options: Bulk.StreamOptions): Effect.Effect<Settings> =>
  Effect.orDie(SuprsendConfig.inBulk(client, options))

/**
 * What a run is made of.
 *
 * @internal
 */
export interface Run<E, R> {
  readonly client: SuprsendClient.Service
  readonly call: string
  readonly open: (arrived: () => void) => Effect.Effect<source.Source<E>, never, R | Scope.Scope>
  readonly settings: Settings
  readonly stopped: Deferred.Deferred<unknown>
  /** Takes what came of a request, with the answer that accepted it. */
  readonly settle: (outcome: Bulk.BulkOutcome, response?: SuprsendClient.Response) => Effect.Effect<void>
  readonly isWanted?: ((edit: UserEdit) => boolean) | undefined
  /** Takes the defect of a request, which is that of the whole run otherwise. */
  readonly died?: ((edits: ReadonlyArray<UserEdit>, cause: Cause.Cause<never>) => void) | undefined
  /** Whether a request whose credentials are refused leaves nothing to hope for the others. */
  readonly endsWhenRefused: boolean
}

/**
 * Cuts the edits into requests and sends them, `concurrency` at a time. The source is pulled only as fast as they go out, and
 * they go out only as fast as their outcomes are taken.
 *
 * @internal
 */
export const run = <E, R>(
  { call, client, died, endsWhenRefused, isWanted, open, settings, settle, stopped }: Run<E, R>
): Effect.Effect<void, E, R> =>
  Effect.scoped(Effect.gen(function*() {
    const { concurrency, grace, linger } = settings
    const opened = yield* open(() => packer.call())
    const packer = new Packer(opened, { client, call, concurrency, linger, isWanted })
    const turns = new Turns()
    const clock = yield* Effect.clock
    const breathe = client.breathe ?? Effect.void
    const giveUp = new Signal()
    // Once the credentials are refused, nothing more is sent.
    let refused: SuprsendUnauthorized | undefined

    // What is forked here ends by an interruption, also where the call itself cannot be interrupted, as in a finalizer.
    yield* Deferred.await(stopped).pipe(
      Effect.zipRight(Effect.sync(() => packer.stop())),
      Effect.zipRight(Effect.sleep(grace)),
      Effect.zipRight(Effect.sync(() => giveUp.give())),
      Effect.interruptible,
      Effect.forkScoped
    )

    // `uncertain`: whether a request that held these edits, and was halved, may have been carried out.
    const send = (pack: Pack, from: number, to: number, uncertain: boolean): Effect.Effect<void> => {
      if (refused !== undefined) {
        return settle(notSent(failed(pack.edits(from, to), uncertain ? "unknown" : "unsent", refused)))
      }
      const started = clock.unsafeCurrentTimeMillis()
      const body = pack.slice(from, to)
      const outcome = (
        success: number,
        failedRecords: ReadonlyArray<Bulk.FailedRecord>,
        attempts: number,
        response?: SuprsendClient.Response
      ) => {
        const elapsed = Duration.millis(clock.unsafeCurrentTimeMillis() - started)
        const accepted = () => success === 0 ? [] : pack.edits(from, to)
        return settle(new Outcome(accepted, success, failedRecords, body.length, attempts, elapsed), response)
      }
      const execute = client.execute({
        call,
        method: "POST",
        template: "/event/",
        body,
        discard: true,
        expected: eventAccepted,
        giveUp,
        secrets: () => pack.edits(from, to).flatMap((edit) => tokens(edit.operations))
      })
      const sent = Effect.matchEffect(execute, {
        onSuccess: (response) => outcome(to - from, [], response.attempts, response),
        onFailure: (error) => {
          if (endsWhenRefused && error._tag === "SuprsendUnauthorized") {
            refused = error
            // Of a collection all that is left has its outcome. What else there would have been to pull has none, and may have no end.
            if (!opened.isCollection) packer.stop()
          }
          const lost = uncertain || error.applied === "unknown"
          if (blamesOneRecord(error) && to - from > 1) {
            const middle = from + Math.ceil((to - from) / 2)
            return Effect.zipRight(
              send(pack, from, middle, lost),
              Effect.suspend(() => send(pack, middle, to, lost))
            )
          }
          return outcome(0, failed(pack.edits(from, to), lost ? "unknown" : outcomeOf(error), error), error.attempts)
        }
      })
      if (died === undefined) return sent
      return Effect.catchAllCause(
        sent,
        (cause) =>
          Cause.isInterrupted(cause) ? Effect.failCause(cause) : Effect.sync(() => died(pack.edits(from, to), cause))
      )
    }

    const sendAll = ({ invalid, pack }: Next): Effect.Effect<void> => {
      const sent = pack.count === 0 ? Effect.void : send(pack, 0, pack.count, false)
      return invalid.length === 0 ? sent : Effect.zipRight(settle(notSent(invalid)), sent)
    }

    const next = Effect.flatMap(turns.take, () => Effect.flatMap(breathe, () => packer.next))
    const worker: Effect.Effect<void> = Effect.flatMap(next, (next) => {
      turns.pass()
      if (next === undefined) return Effect.void
      return Effect.flatMap(sendAll(next), () => {
        packer.release(next.pack)
        return worker
      })
    })

    yield* Effect.forEach(Array.from({ length: concurrency }), () => worker, {
      concurrency: "unbounded",
      discard: true
    })
    const rest = packer.rest()
    if (rest.length > 0) {
      const pinned = Effect.forEach(rest, pin)
      // Ids of one's own may take their time, and nobody has any.
      const atOnce = Effect.provideService(pinned, InsertId, fromCrypto)
      const edits = yield* cut.by(pinned, [Effect.as(giveUp.heard, atOnce)])
      yield* settle(notSent(failed(edits, "unsent", refused ?? notBegun(call))))
    }
    // A source that fails costs none of the requests that were under way.
    const exit = opened.exit()
    if (exit !== undefined) yield* exit
  }))

const call = "UsersService.bulkEdit"

/** @internal */
export const stream = <E, R>(
  client: SuprsendClient.Service,
  edits: Bulk.Source<E, R>,
  options: Bulk.StreamOptions = {}
): Stream.Stream<Bulk.BulkOutcome, E | Cause.UnknownException, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const checked = yield* settings(client, options)
    const outcomes = yield* Mailbox.make<Bulk.BulkOutcome, E | Cause.UnknownException>({
      capacity: checked.concurrency
    })
    const stopped = yield* stopping(options)
    yield* run({
      client,
      call,
      open: (arrived) => source.open(edits, arrived),
      settings: checked,
      stopped,
      settle: (outcome) => Effect.asVoid(outcomes.offer(outcome)),
      endsWhenRefused: true
    }).pipe(
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
  Effect.scoped(Effect.gen(function*() {
    const tally = new Tally()
    const checked = yield* settings(client, options)
    const stopped = yield* stopping(options)
    const running = run({
      client,
      call,
      open: (arrived) => source.open(edits, arrived),
      settings: checked,
      stopped,
      settle: (outcome) => Effect.sync(() => tally.add(outcome)),
      endsWhenRefused: true
    })
    // A fiber of its own, or the interruption would reach it before it can be stopped in order.
    yield* Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Effect.forkDaemon(restore(running)), (fiber) =>
        restore(Fiber.join(fiber)).pipe(
          Effect.onInterrupt(() => Effect.zipRight(Deferred.succeed(stopped, undefined), Fiber.await(fiber))),
          Effect.onError((cause) => options.onError?.(tally.report(), cause) ?? Effect.void)
        ))
    )
    return tally.report()
  }))

const stopping = (options: Bulk.StreamOptions) =>
  Effect.gen(function*() {
    const stopped = yield* Deferred.make<unknown>()
    if (options.stopWhen !== undefined) {
      yield* options.stopWhen.pipe(
        Effect.catchAllCause((cause) => Effect.logError("bulk: what was to stop it died, so it stops", cause)),
        Effect.zipRight(Deferred.succeed(stopped, undefined)),
        Effect.interruptible,
        Effect.forkScoped
      )
    }
    return stopped
  })

// So that it can be sent twice from a file, as everything that failed.
const pin = (edit: UserEdit): Effect.Effect<UserEdit> =>
  edit.insertId !== undefined
    ? Effect.succeed(edit)
    : Effect.flatMap(InsertId, Effect.map((id) => withInsertId(edit, id)))

const notBegun = (call: string) =>
  new SuprsendUnavailable({
    call,
    reason: "Interrupted",
    attempts: 0,
    applied: "no",
    retryable: true,
    description: "the run was stopped before this was sent"
  })

// With these the server may mean a single record, or the size of the whole: smaller requests find out.
const blamesOneRecord = (error: RequestError): boolean =>
  error._tag === "SuprsendRejected" && (error.status === 400 || error.status === 413 || error.status === 422)

/**
 * What a failed request means for each record in it.
 *
 * @internal
 */
export const outcomeOf = (error: RequestError): Bulk.FailedRecord["outcome"] => {
  if (error.applied === "unknown") return "unknown"
  return error._tag === "SuprsendRejected" || error._tag === "SuprsendUnauthorized" ? "rejected" : "unsent"
}

const failed = (
  edits: ReadonlyArray<UserEdit>,
  outcome: Bulk.FailedRecord["outcome"],
  error: RequestError
): ReadonlyArray<Bulk.FailedRecord> => edits.map((edit) => ({ outcome, edit, error }))

const notSent = (failedRecords: ReadonlyArray<Bulk.FailedRecord>): Bulk.BulkOutcome =>
  new Outcome(() => [], 0, failedRecords, 0, 0, Duration.zero)

/**
 * What came of a request. Which edits were accepted is only looked up if somebody asks.
 */
class Outcome extends Inspectable.Class implements Bulk.BulkOutcome {
  private edits: ReadonlyArray<UserEdit> | undefined

  constructor(
    private readonly read: () => ReadonlyArray<UserEdit>,
    readonly success: number,
    readonly failedRecords: ReadonlyArray<Bulk.FailedRecord>,
    readonly bytes: number,
    readonly attempts: number,
    readonly elapsed: Duration.Duration
  ) {
    super()
  }

  get failure(): number {
    return this.failedRecords.length
  }

  get accepted(): ReadonlyArray<UserEdit> {
    return this.edits ??= this.read()
  }

  toJSON(): unknown {
    const { attempts, bytes, elapsed, failedRecords, failure, success } = this
    return { success, failure, bytes, attempts, elapsed: Duration.format(elapsed), failedRecords }
  }
}
