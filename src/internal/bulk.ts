import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Mailbox from "effect/Mailbox"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { BulkOutcome, FailedRecord } from "../Bulk.js"
import { InsertId } from "../InsertId.js"
import type { SuprsendClient } from "../SuprsendClient.js"
import type { InvalidUserEdit, RequestError, SuprsendUnauthorized } from "../SuprsendError.js"
import * as UserEdit from "../UserEdit.js"
import { byteLength } from "./bytes.js"
import * as chunk from "./chunk.js"
import * as event from "./event.js"
import { tokens } from "./mask.js"
import * as validate from "./validate.js"

interface Event {
  readonly edit: UserEdit.UserEdit
  readonly json: string
  readonly bytes: number
}

/**
 * The edits of one request. It goes out when every earlier request that holds an edit of one of its users has ended, so that
 * the edits of a user keep their order at any concurrency; all others overtake.
 */
interface Pack {
  readonly events: ReadonlyArray<Event>
  readonly invalid: ReadonlyArray<FailedRecord>
  readonly after: ReadonlySet<Deferred.Deferred<void>>
  /** Lets those go that wait for this one. */
  readonly release: Effect.Effect<void>
}

const call = "UsersService.bulkEdit"

/**
 * Cuts the edits into requests and sends them, `concurrency` at a time. The source is pulled only as fast as they go out.
 *
 * @internal
 */
export const run = <E, R>(
  client: SuprsendClient.Service,
  edits: Stream.Stream<UserEdit.UserEdit, E, R>,
  concurrency: number
): Stream.Stream<BulkOutcome, E, R> =>
  Stream.unwrapScoped(Effect.gen(function*() {
    const next = yield* packer(client, edits)
    const outcomes = yield* Mailbox.make<BulkOutcome, E>({ capacity: concurrency })
    // Once the credentials are refused, nothing more is sent.
    let refused: SuprsendUnauthorized | undefined

    const settle = (outcome: BulkOutcome): Effect.Effect<void> => Effect.asVoid(outcomes.offer(outcome))

    // `uncertain`: whether a request that held these events, and was halved, may have been carried out.
    const send = (events: ReadonlyArray<Event>, uncertain: boolean): Effect.Effect<void> =>
      Effect.flatMap(Clock.currentTimeMillis, (started) => {
        if (refused !== undefined) {
          return settle(notSent(failed(events, uncertain ? "unknown" : "unsent", refused)))
        }
        const body = `[${events.map((event) => event.json).join(",")}]`
        const outcome = (fields: Pick<BulkOutcome, "accepted" | "failedRecords" | "attempts">) =>
          Effect.flatMap(Clock.currentTimeMillis, (now) =>
            settle({ ...fields, bytes: byteLength(body), elapsed: Duration.millis(now - started) }))
        return Effect.matchEffect(client.execute(request(body, events)), {
          onSuccess: ({ attempts }) =>
            outcome({
              accepted: events.map((event) =>
                event.edit
              ),
              failedRecords: [],
              attempts
            }),
          onFailure: (error) => {
            if (error._tag === "SuprsendUnauthorized") refused = error
            const lost = uncertain || error.applied === "unknown"
            if (blamesOneRecord(error) && events.length > 1) {
              const middle = Math.ceil(events.length / 2)
              return Effect.zipRight(send(events.slice(0, middle), lost), send(events.slice(middle), lost))
            }
            const failedRecords = failed(events, lost ? "unknown" : outcomeOf(error), error)
            return outcome({ accepted: [], failedRecords, attempts: error.attempts })
          }
        })
      })

    const settlePack = (pack: Pack): Effect.Effect<void> =>
      Effect.gen(function*() {
        if (pack.invalid.length > 0) yield* settle(notSent(pack.invalid))
        if (pack.events.length === 0) return
        yield* Effect.forEach(pack.after, Deferred.await, { discard: true })
        yield* send(pack.events, false)
      }).pipe(Effect.ensuring(pack.release))

    const worker: Effect.Effect<void, E, R> = Effect.flatMap(
      next,
      Option.match({
        onNone: () => Effect.void,
        onSome: (pack) => Effect.zipRight(settlePack(pack), Effect.suspend(() => worker))
      })
    )

    // The workers end before the mailbox does, so that a source that fails costs none of the requests under way.
    yield* Effect.forEach(Array.from({ length: concurrency }), () => Effect.exit(worker), { concurrency: "unbounded" })
      .pipe(
        Effect.flatMap((exits) => Effect.all(exits, { discard: true })),
        Mailbox.into(outcomes),
        Effect.forkScoped
      )
    return Mailbox.toStream(outcomes)
  }))

/**
 * Hands out one pack after another, to one caller at a time; none at the end of the source.
 */
const packer = <E, R>(client: SuprsendClient.Service, edits: Stream.Stream<UserEdit.UserEdit, E, R>) =>
  Effect.gen(function*() {
    const pull = yield* Stream.toPull(edits)
    const turn = yield* Effect.makeSemaphore(1)
    const newest = new Map<string, Deferred.Deferred<void>>()
    let pending: ReadonlyArray<UserEdit.UserEdit> = []
    let position = 0
    let end: Option.Option<E> | undefined
    let held: Event | undefined

    const refill: Effect.Effect<boolean, never, R> = Effect.suspend(() => {
      if (position < pending.length) return Effect.succeed(true)
      if (end !== undefined) return Effect.succeed(false)
      return Effect.matchEffect(pull, {
        onSuccess: (edits) => {
          pending = Chunk.toReadonlyArray(edits)
          position = 0
          return refill
        },
        onFailure: (reason) => {
          end = reason
          return Effect.succeed(false)
        }
      })
    })

    const fill = Effect.gen(function*() {
      const time = yield* Clock.currentTimeMillis
      const makeId = yield* InsertId
      const events: Array<Event> = []
      const invalid: Array<FailedRecord> = []
      let room: chunk.Fill = chunk.empty
      while (true) {
        if (held === undefined) {
          // A pack of invalid edits only must not grow without end.
          if (invalid.length >= chunk.limits.records || !(yield* refill)) break
          const edit = pending[position++]
          if (edit === undefined) break
          const made = prepare(client, edit, edit.insertId ?? (yield* makeId), time)
          if ("outcome" in made) {
            invalid.push(made)
            continue
          }
          held = made
        }
        const more = chunk.add(room, held.bytes)
        if (more === undefined) break
        room = more
        events.push(held)
        held = undefined
      }
      return { events, invalid }
    })

    return turn.withPermits(1)(Effect.gen(function*() {
      const { events, invalid } = yield* fill
      if (events.length === 0 && invalid.length === 0) {
        return yield* Option.match(end ?? Option.none(), {
          onNone: () => Effect.succeedNone,
          onSome: (error: E) => Effect.fail(error)
        })
      }
      const done = yield* Deferred.make<void>()
      const after = new Set<Deferred.Deferred<void>>()
      for (const { edit } of events) {
        const earlier = newest.get(edit.distinctId)
        if (earlier !== undefined && earlier !== done) after.add(earlier)
        newest.set(edit.distinctId, done)
      }
      const release = Effect.suspend(() => {
        for (const { edit } of events) {
          if (newest.get(edit.distinctId) === done) newest.delete(edit.distinctId)
        }
        return Effect.asVoid(Deferred.succeed(done, undefined))
      })
      return Option.some<Pack>({ events, invalid, after, release })
    }))
  })

const prepare = (
  client: SuprsendClient.Service,
  edit: UserEdit.UserEdit,
  insertId: string,
  time: number
): Event | FailedRecord => {
  const pinned = UserEdit.withInsertId(edit, insertId)
  const reject = (issues: InvalidUserEdit["issues"]): FailedRecord => ({
    outcome: "rejected",
    edit: pinned,
    error: validate.invalid(call, edit, issues)
  })
  const issues = validate.issues(pinned)
  if (issues.length > 0) return reject(issues)
  const json = event.encode(pinned, insertId, time, client)
  const bytes = byteLength(json)
  return bytes > validate.maximumEditBytes ? reject([validate.sizeIssue(bytes)]) : { edit: pinned, json, bytes }
}

const request = (body: string, events: ReadonlyArray<Event>): SuprsendClient.Request => ({
  call,
  method: "POST",
  template: "/event/",
  body,
  discard: true,
  secrets: () => events.flatMap((event) => tokens(event.edit.operations))
})

// With these the server may mean a single record, or the size of the whole: smaller requests find out.
const blamesOneRecord = (error: RequestError): boolean =>
  error._tag === "SuprsendRejected" && (error.status === 400 || error.status === 413 || error.status === 422)

/**
 * What a failed request means for each record in it.
 *
 * @internal
 */
export const outcomeOf = (error: RequestError): FailedRecord["outcome"] => {
  if (error.applied === "unknown") return "unknown"
  return error._tag === "SuprsendRejected" || error._tag === "SuprsendUnauthorized" ? "rejected" : "unsent"
}

const failed = (
  events: ReadonlyArray<Event>,
  outcome: FailedRecord["outcome"],
  error: RequestError
): ReadonlyArray<FailedRecord> => events.map(({ edit }) => ({ outcome, edit, error }))

const notSent = (failedRecords: ReadonlyArray<FailedRecord>): BulkOutcome => ({
  accepted: [],
  failedRecords,
  bytes: 0,
  attempts: 0,
  elapsed: Duration.zero
})
