import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { FailedRecord } from "../../Bulk.js"
import { InsertId } from "../../InsertId.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import * as UserEdit from "../../UserEdit.js"
import type { LazyInsertId } from "../edit/lazyInsertId.js"
import { insertIdOf, isUserEdit, own, withInsertId } from "../edit/userEdit.js"
import * as validate from "../edit/validate.js"
import { Encoder } from "../event/encoder.js"
import * as insertId from "../event/insertId.js"
import * as requestLimits from "../event/requestLimits.js"
import { Fifo } from "../support/fifo.js"
import type { Issue } from "../support/json.js"
import { Signal } from "../support/signal.js"
import * as timer from "../support/timer.js"
import { Batch, closeBracket, comma, type KeyLock, openBracket, type Placed } from "./batch.js"
import * as race from "./race.js"
import type { Source } from "./source.js"

/** @internal */
export interface Options {
  readonly client: SuprsendClient.Service
  readonly call: string
  readonly concurrency: number
  readonly linger: Duration.Duration
  /** Whether batches keep the original edits. */
  readonly keepsEdits: boolean
}

/**
 * The next batch to send, and the records that are not sent because they are invalid.
 *
 * @internal
 */
export interface Next {
  readonly pack: Batch
  readonly invalid: ReadonlyArray<FailedRecord>
}

/**
 * Edits that were pulled but are in no batch.
 *
 * @internal
 */
export interface Rest {
  readonly unsent: ReadonlyArray<Placed>
  readonly invalid: ReadonlyArray<FailedRecord>
}

/** A batch that is being filled. */
interface Filling {
  readonly pack: Batch
  readonly invalid: Array<FailedRecord>
  readonly clock: Clock.Clock
  readonly makeId: Effect.Effect<string>
  timer: Fiber.RuntimeFiber<void> | undefined
  /** Whether `linger` is over. */
  expired: boolean
}

const pinned = (edit: UserEdit.UserEdit, id: string | LazyInsertId): UserEdit.UserEdit =>
  insertIdOf(edit) === undefined ? withInsertId(edit, id) : edit

// A value that looks like an edit is read once, so that later changes have no effect. Encoding
// refuses any other value.
const read = (edit: UserEdit.UserEdit): UserEdit.UserEdit => isUserEdit(edit) ? own(edit) : edit

// The map of users is swept when it has grown by this much since the last sweep, so that each user
// is visited only a few times.
const sweptAtLeast = 4 * requestLimits.limits.records

/**
 * The maximum number of edits that wait for batches of their users, in full batches.
 *
 * A lower concurrency lowers it.
 *
 * @internal
 */
export const mostWaiting = 16

/**
 * Builds batches of edits, as full as possible.
 *
 * An edit of a user with a batch in flight waits for that batch, while edits of other users
 * overtake it. So the edits of each user keep their order, and no batch ever waits for another.
 *
 * @internal
 */
export class BatchBuilder<E> {
  private readonly encoder: Encoder
  /** The batch that holds each user. */
  private holders = new Map<string, KeyLock>()
  private sweptAt = sweptAtLeast
  /** Edits whose users are free again. They come before further edits of the source. */
  private readonly ready = new Fifo<Placed>()
  /** The number of edits that wait for a batch in flight. */
  private waiting = 0
  private readonly mostWaiting: number
  private held: Placed | undefined
  /** The number of edits pulled from the source. */
  private pulled = 0
  /** The position of the edit that was taken last. */
  private taken = 0
  /** The insert id made for that edit. */
  private madeId: string | undefined
  private readonly stopped = new Signal()
  private called = false
  private wake: (() => void) | undefined
  /** The defect that ended the building of a batch, such as one of the caller's `InsertId`. */
  defect: Cause.Cause<never> | undefined

  constructor(private readonly source: Source<E>, private readonly options: Options) {
    this.encoder = new Encoder(options.client, requestLimits.limits.bytes)
    this.mostWaiting = Math.min(options.concurrency, mostWaiting) * requestLimits.limits.records
  }

  get isStopped(): boolean {
    return this.stopped.aborted
  }

  /** Wakes `next` after a change. */
  call(): void {
    this.called = true
    this.wake?.()
  }

  /** Prevents further batches. */
  stop(): void {
    this.stopped.abort()
    this.source.stop()
    this.call()
  }

  /** Releases the users of a batch that has ended. */
  release({ hold }: Batch): void {
    hold.ended = true
    this.sweep()
    for (const placed of hold.later) this.ready.push(placed)
    this.waiting -= hold.later.length
    hold.later.length = 0
    this.call()
  }

  /**
   * Removes the users of batches that have ended.
   *
   * Sweeping now and then is cheaper than removing one user at a time
   * (`npm run bench -- --only bulk`).
   */
  private sweep(): void {
    if (this.holders.size < this.sweptAt) return
    const holders = new Map<string, KeyLock>()
    // `forEach`, because V8 repeatedly optimises and deoptimises a `for` loop over this map.
    this.holders.forEach((hold, distinctId) => {
      if (!hold.ended) holders.set(distinctId, hold)
    })
    this.holders = holders
    this.sweptAt = Math.max(sweptAtLeast, 4 * holders.size)
  }

  /** Returns the edits that were pulled but are in no batch. Call it after the last batch. */
  rest(): Rest {
    const placed = [
      ...(this.held === undefined ? [] : [this.held]),
      ...this.ready.drain(),
      ...this.source.rest().map((edit) => ({ edit: read(edit), index: this.pulled++ }))
    ]
    const unsent: Array<Placed> = []
    const invalid: Array<FailedRecord> = []
    for (const { edit, index } of placed) {
      this.taken = index
      this.encoder.rewind(0)
      try {
        const issues = this.encoder.event(edit, edit.insertId, 0)
        if (issues.length === 0) unsent.push({ edit, index })
        else invalid.push(this.reject(pinned(edit, insertId.generate()), issues))
      } catch (error) {
        invalid.push(unreadable(this.options.call, index, error))
      }
    }
    return { unsent, invalid }
  }

  /**
   * Builds the next batch, or returns undefined if there is none. Only one call may run at a time.
   */
  readonly next: Effect.Effect<Next | undefined> = Effect.withFiberRuntime((fiber) => {
    this.encoder.rewind(0)
    this.encoder.ascii(openBracket)
    return this.complete({
      pack: new Batch(this.options.keepsEdits ? [] : undefined),
      invalid: [],
      clock: Context.get(fiber.currentDefaultServices, Clock.Clock),
      makeId: Context.get(fiber.currentContext, InsertId),
      timer: undefined,
      expired: false
    })
  })

  /** Fills a batch as far as possible, and continues whenever more edits arrive. */
  private complete(filling: Filling): Effect.Effect<Next | undefined> {
    const { invalid, pack } = filling
    const stop = this.stopped.aborted ? "stopped" : this.fill(filling)
    if (stop === "id") return Effect.flatMap(this.makeId(filling), () => this.complete(filling))
    const isEmpty = pack.count === 0 && invalid.length === 0
    if (
      stop === "full" || stop === "stopped" || (!isEmpty && filling.expired) ||
      (stop === "ended" && (this.waiting === 0 || !isEmpty))
    ) {
      const next = Effect.sync(() => this.close(filling))
      return filling.timer === undefined ? next : Effect.zipRight(Fiber.interruptFork(filling.timer), next)
    }
    this.source.request(isEmpty ? 1 : this.room(pack))
    const goOn = Effect.flatMap(this.turn, () => this.complete(filling))
    return isEmpty || filling.timer !== undefined ? goOn : Effect.zipRight(this.startTimer(filling), goOn)
  }

  /** Makes the insert id of the current edit, which may take long, never complete, or fail. */
  private makeId({ makeId }: Filling): Effect.Effect<void> {
    return race.by<string | undefined, never>(makeId, [Effect.as(this.stopped.whenAborted, Effect.succeed(undefined))])
      .pipe(
        Effect.matchCauseEffect({
          onSuccess: (id) =>
            Effect.sync(() => {
              this.madeId = id
            }),
          onFailure: (cause) =>
            Cause.isInterruptedOnly(cause) ? Effect.failCause(cause) : Effect.sync(() => {
              this.defect = cause
              this.stop()
            })
        })
      )
  }

  /** Estimates how many more edits fit in a batch, from the size of those in it. */
  private room({ count }: Batch): number {
    const bytes = this.encoder.position / Math.max(1, count)
    return Math.max(
      1,
      Math.min(requestLimits.limits.records - count, Math.ceil(requestLimits.limits.bytes / bytes) - count)
    )
  }

  /** Closes a partial batch after `linger`. */
  private startTimer(filling: Filling): Effect.Effect<void> {
    const expire = Effect.sync(() => {
      filling.expired = true
      this.call()
    })
    return Effect.map(
      Effect.fork(Effect.interruptible(Effect.zipRight(timer.sleep(this.options.linger), expire))),
      (timer) => {
        filling.timer = timer
      }
    )
  }

  private close({ invalid, pack }: Filling): Next | undefined {
    if (this.stopped.aborted) {
      // The edits in here were pulled earlier, so they are returned first.
      this.encoder.ascii(closeBracket)
      pack.body = this.encoder.copy(0, this.encoder.position)
      const later = [...(this.held === undefined ? [] : [this.held]), ...this.ready.drain()]
      this.held = undefined
      for (const placed of [...pack.placed(0, pack.count), ...later]) this.ready.push(placed)
      return invalid.length === 0 ? undefined : { pack: new Batch(undefined), invalid }
    }
    if (pack.count === 0 && invalid.length === 0) return undefined
    this.encoder.ascii(closeBracket)
    pack.body = this.encoder.copy(0, this.encoder.position)
    return { pack, invalid }
  }

  /** Waits until something changes. */
  private readonly turn: Effect.Effect<void> = Effect.async((resume) => {
    const go = () => {
      this.called = false
      this.wake = undefined
      resume(Effect.void)
    }
    if (this.called) go()
    else this.wake = go
    return Effect.sync(() => {
      this.wake = undefined
    })
  })

  /** Adds available edits until the batch is full or none is left. */
  private fill({ clock, invalid, makeId, pack }: Filling): "full" | "starved" | "ended" | "id" {
    const { encoder } = this
    // The time of the events: read here, because a batch may have waited long for its first edit.
    const time = clock.unsafeCurrentTimeMillis()
    // Edits that are kept need their insert ids stored in them.
    const isMinted = makeId === insertId.fromCrypto && pack.kept === undefined
    while (true) {
      // Bounds a batch that has only invalid edits so far.
      if (pack.count === requestLimits.limits.records || invalid.length >= requestLimits.limits.records) return "full"
      const edit = this.take()
      if (edit === undefined) {
        return this.source.exit() !== undefined && this.ready.length === 0 ? "ended" : "starved"
      }
      const before = encoder.position
      try {
        const stop = this.write(edit, pack, invalid, time, isMinted)
        if (stop !== undefined) return stop
      } catch (error) {
        // A value that this package did not make may throw on any access.
        encoder.rewind(before)
        this.madeId = undefined
        invalid.push(unreadable(this.options.call, this.taken, error))
      }
    }
  }

  /** Encodes the current edit, unless the batch has no space for it, or it has to wait. */
  private write(
    edit: UserEdit.UserEdit,
    pack: Batch,
    invalid: Array<FailedRecord>,
    time: number,
    isMinted: boolean
  ): "full" | "id" | undefined {
    const { encoder } = this
    const { distinctId } = edit
    const holder = this.holders.get(distinctId)
    if (holder !== undefined && holder !== pack.hold && !holder.ended) {
      holder.later.push({ edit, index: this.taken })
      this.waiting++
      return undefined
    }
    // An insert id of null, which only JavaScript can pass, is invalid instead of missing.
    const given = insertIdOf(edit)
    const id = given === undefined ? (isMinted ? undefined : this.madeId) : given
    if (id === undefined && !isMinted) {
      this.held = { edit, index: this.taken }
      return "id"
    }
    this.madeId = undefined
    const before = encoder.position
    if (pack.count > 0) encoder.ascii(comma)
    const issues = encoder.event(edit, id, time)
    if (issues.length > 0) {
      encoder.rewind(before)
      invalid.push(this.reject(pinned(edit, id ?? insertId.generate()), issues))
    } else if (encoder.position + 1 > requestLimits.limits.bytes) {
      encoder.rewind(before)
      this.held = { edit: id === undefined ? edit : pinned(edit, id), index: this.taken }
      return "full"
    } else {
      pack.add(encoder.position, this.taken, pack.kept === undefined || id === undefined ? undefined : pinned(edit, id))
      this.holders.set(distinctId, pack.hold)
    }
    return undefined
  }

  private take(): UserEdit.UserEdit | undefined {
    const placed = this.held ?? this.ready.shift()
    if (placed !== undefined) {
      this.held = undefined
      this.taken = placed.index
      return placed.edit
    }
    // Bounds the waiting edits: otherwise an endless source with one busy user would exhaust the
    // memory.
    if (this.waiting >= this.mostWaiting) return undefined
    const edit = this.source.next()
    if (edit === undefined) return undefined
    this.taken = this.pulled++
    return read(edit)
  }

  private reject(edit: UserEdit.UserEdit, issues: ReadonlyArray<Issue>): FailedRecord {
    return { outcome: "invalid", index: this.taken, edit, error: validate.invalid(this.options.call, edit, issues) }
  }
}

/** Makes the record of a value that cannot be read, with an empty edit in its place. */
const unreadable = (call: string, index: number, error: unknown): FailedRecord => {
  const edit = UserEdit.edit("<unreadable>", { insertId: insertId.generate() })
  const issue = { path: [], message: `cannot be read: ${messageOf(error)}` }
  return { outcome: "invalid", index, edit, error: validate.invalid(call, edit, [issue]) }
}

const messageOf = (error: unknown): string => {
  try {
    return error instanceof Error ? String(error.message) : "something in it throws"
  } catch {
    return "something in it throws"
  }
}
