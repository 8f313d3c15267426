import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { FailedRecord } from "../Bulk.js"
import { InsertId } from "../InsertId.js"
import type { SuprsendClient } from "../SuprsendClient.js"
import * as UserEdit from "../UserEdit.js"
import * as chunk from "./chunk.js"
import * as cut from "./cut.js"
import { Encoder } from "./encoder.js"
import * as insertId from "./insertId.js"
import type { Issue } from "./json.js"
import { closeBracket, comma, type Hold, keep, openBracket, Pack } from "./pack.js"
import { Signal } from "./signal.js"
import type { Source } from "./source.js"
import * as validate from "./validate.js"

/** @internal */
export interface Options {
  readonly client: SuprsendClient.Service
  readonly call: string
  readonly concurrency: number
  readonly linger: Duration.Duration
  /** False for an edit that nobody waits for any more, and which is not sent if that is known in time. */
  readonly isWanted?: ((edit: UserEdit.UserEdit) => boolean) | undefined
}

/**
 * What is to be sent next, and what is not to be sent at all.
 *
 * @internal
 */
export interface Next {
  readonly pack: Pack
  readonly invalid: ReadonlyArray<FailedRecord>
}

/** A request as far as it is filled. */
interface Filling {
  readonly pack: Pack
  readonly invalid: Array<FailedRecord>
  readonly clock: Clock.Clock
  readonly makeId: Effect.Effect<string>
  timer: Fiber.RuntimeFiber<void> | undefined
  /** It has waited long enough for more. */
  expired: boolean
}

const pinned = (edit: UserEdit.UserEdit, id: string): UserEdit.UserEdit =>
  edit.insertId === undefined ? UserEdit.withInsertId(edit, id) : edit

const sweptAt = 4 * chunk.limits.records

/**
 * Makes requests of edits, as full as they can be.
 *
 * An edit of a user of whom a request is under way waits for that request, and all others pass it, so the edits of each user keep
 * their order, and no request ever waits for another one.
 *
 * @internal
 */
export class Packer<E> {
  private readonly encoder: Encoder
  /** What holds a user. */
  private holders = new Map<string, Hold>()
  /** Edits whose users are free again. They come before everything that the source has. */
  private ready: Array<UserEdit.UserEdit> = []
  private readyPosition = 0
  /** How many edits wait for requests that are under way. */
  private waiting = 0
  private held: UserEdit.UserEdit | undefined
  /** The insert id that was made for it. */
  private madeId: string | undefined
  private readonly stopped = new Signal()
  private called = false
  private wake: (() => void) | undefined

  constructor(private readonly source: Source<E>, private readonly options: Options) {
    this.encoder = new Encoder(options.client, chunk.limits.bytes)
  }

  /** Something has changed: whoever waits should look again. */
  call(): void {
    this.called = true
    this.wake?.()
  }

  /** Begins nothing any more. */
  stop(): void {
    this.stopped.give()
    this.source.stop()
    this.call()
  }

  /** The request has ended. */
  release({ hold }: Pack): void {
    hold.ended = true
    this.sweep()
    for (const edit of hold.later) this.ready.push(edit)
    this.waiting -= hold.later.length
    hold.later.length = 0
    this.call()
  }

  /**
   * Forgets requests that have ended. Not each time and one user at a time, which was measured to cost as much as writing an edit.
   */
  private sweep(): void {
    if (this.holders.size < sweptAt * this.options.concurrency) return
    const holders = new Map<string, Hold>()
    // A loop over the map is optimised anew each time, and each time in vain.
    this.holders.forEach((hold, distinctId) => {
      if (!hold.ended) holders.set(distinctId, hold)
    })
    this.holders = holders
  }

  /** After the last request: what was pulled, and will not be sent. */
  rest(): ReadonlyArray<UserEdit.UserEdit> {
    return [
      ...(this.held === undefined ? [] : [this.held]),
      ...this.ready.slice(this.readyPosition),
      ...this.source.rest()
    ]
  }

  /** The next request; undefined if there is none. To be asked by one at a time. */
  readonly next: Effect.Effect<Next | undefined> = Effect.withFiberRuntime((fiber) => {
    this.encoder.rewind(0)
    this.encoder.ascii(openBracket)
    return this.complete({
      pack: new Pack(this.options.isWanted === undefined ? undefined : []),
      invalid: [],
      clock: Context.get(fiber.currentDefaultServices, Clock.Clock),
      makeId: Context.get(fiber.currentContext, InsertId),
      timer: undefined,
      expired: false
    })
  })

  /** Fills a request as far as it goes, and goes on whenever there is more. */
  private complete(filling: Filling): Effect.Effect<Next | undefined> {
    const { invalid, makeId, pack } = filling
    const stop = this.stopped.isGiven ? "stopped" : this.fill(filling)
    if (stop === "id") {
      // It may take its time, or never come.
      const made = cut.by<string | undefined, never>(makeId, [Effect.as(this.stopped.heard, Effect.succeed(undefined))])
      return Effect.flatMap(made, (id) => {
        this.madeId = id
        return this.complete(filling)
      })
    }
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

  /** How many more a request takes, if they are as large as those in it. */
  private room({ count }: Pack): number {
    const bytes = this.encoder.position / Math.max(1, count)
    return Math.max(1, Math.min(chunk.limits.records - count, Math.ceil(chunk.limits.bytes / bytes) - count))
  }

  /** Nobody waits for the rest of a request for longer than `linger`. */
  private startTimer(filling: Filling): Effect.Effect<void> {
    const expire = Effect.sync(() => {
      filling.expired = true
      this.call()
    })
    return Effect.map(Effect.fork(Effect.interruptible(Effect.delay(expire, this.options.linger))), (timer) => {
      filling.timer = timer
    })
  }

  private close({ invalid, pack }: Filling): Next | undefined {
    this.encoder.ascii(closeBracket)
    pack.body = this.encoder.copy(0, this.encoder.position)
    if (this.stopped.isGiven) {
      // What is in here was pulled, and goes back, before what was pulled after it.
      const held = this.held === undefined ? [] : [this.held]
      this.held = undefined
      this.ready = [...pack.edits(0, pack.count), ...held, ...this.ready.slice(this.readyPosition)]
      this.readyPosition = 0
      return invalid.length === 0 ? undefined : { pack: new Pack(undefined), invalid }
    }
    if (pack.count === 0 && invalid.length === 0) return undefined
    if (this.options.isWanted !== undefined) keep(pack, this.options.isWanted)
    return { pack, invalid }
  }

  /** Waits until something has changed. */
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

  /** Adds what is there, until there is no room, or nothing more. */
  private fill({ clock, invalid, makeId, pack }: Filling): "full" | "starved" | "ended" | "id" {
    const { encoder, holders } = this
    // The time of events: a request may have waited long for the first of them.
    const time = clock.unsafeCurrentTimeMillis()
    // Edits that are kept as they are need their ids in them.
    const isMinted = makeId === insertId.fromCrypto && pack.kept === undefined
    while (true) {
      // A request of invalid edits only must not grow without end.
      if (pack.count === chunk.limits.records || invalid.length >= chunk.limits.records) return "full"
      const edit = this.take()
      if (edit === undefined) {
        return this.source.exit() !== undefined && this.readyPosition >= this.ready.length ? "ended" : "starved"
      }
      const holder = holders.get(edit.distinctId)
      if (holder !== undefined && holder !== pack.hold && !holder.ended) {
        holder.later.push(edit)
        this.waiting++
        continue
      }
      const id = edit.insertId ?? (isMinted ? undefined : this.madeId)
      if (id === undefined && !isMinted) {
        this.held = edit
        return "id"
      }
      this.madeId = undefined
      const before = encoder.position
      if (pack.count > 0) encoder.ascii(comma)
      const issues = encoder.event(edit, id, time)
      if (issues.length > 0) {
        encoder.rewind(before)
        invalid.push(this.reject(pinned(edit, id ?? globalThis.crypto.randomUUID()), issues))
      } else if (encoder.position + 1 > chunk.limits.bytes) {
        encoder.rewind(before)
        this.held = id === undefined ? edit : pinned(edit, id)
        return "full"
      } else {
        if (id !== undefined) pack.kept?.push(pinned(edit, id))
        pack.ends.push(encoder.position)
        holders.set(edit.distinctId, pack.hold)
      }
    }
  }

  private take(): UserEdit.UserEdit | undefined {
    if (this.held !== undefined) {
      const { held } = this
      this.held = undefined
      return held
    }
    const ready = this.ready[this.readyPosition]
    if (ready !== undefined) {
      this.readyPosition++
      return ready
    }
    if (this.readyPosition > 0) {
      this.ready = []
      this.readyPosition = 0
    }
    // Only so many may wait, or an endless source with one busy user would fill the memory.
    return this.waiting < this.options.concurrency * chunk.limits.records ? this.source.next() : undefined
  }

  private reject(edit: UserEdit.UserEdit, issues: ReadonlyArray<Issue>): FailedRecord {
    return { outcome: "rejected", edit, error: validate.invalid(this.options.call, edit, issues) }
  }
}
