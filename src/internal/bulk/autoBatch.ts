import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { constVoid } from "effect/Function"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type * as Bulk from "../../Bulk.js"
import { InsertId } from "../../InsertId.js"
import { RequestOptions } from "../../RequestOptions.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import { type InvalidUserEdit, type RequestError, withInsertId } from "../../SuprsendError.js"
import * as UserEdit from "../../UserEdit.js"
import type { UsersService } from "../../UsersService.js"
import * as calls from "../client/call.js"
import * as redact from "../client/redact.js"
import { isUserEdit, own } from "../edit/userEdit.js"
import * as validate from "../edit/validate.js"
import * as insertId from "../event/insertId.js"
import { Fifo } from "../support/fifo.js"
import { member } from "../support/json.js"
import { tokens } from "../support/mask.js"
import { Signal } from "../support/signal.js"
import * as bulk from "./run.js"

const call = "UsersService.asyncEdit"

/** @internal */
export const defaultLinger = "5 millis"

type Result = Effect.Effect<UsersService.Accepted, InvalidUserEdit | RequestError>

/** A caller that submitted an edit and waits for its result. */
interface Caller {
  readonly resume: (result: Result) => void
  /** The span of the call, which links to that of the request. */
  readonly span: Tracer.Span
  /** The callers of the batch that holds the edit, while that batch exists. */
  request: Audience | undefined
}

/** Counts the callers of a batch that still wait. */
class Audience {
  /** Aborted as soon as no caller waits any more. */
  readonly gone = new Signal()

  constructor(private waiting: number) {
    this.leave(0)
  }

  leave(callers = 1): void {
    this.waiting -= callers
    if (this.waiting === 0) this.gone.abort()
  }
}

/**
 * Makes an `asyncEdit` that batches concurrent edits.
 *
 * A bulk run takes the edits from their callers for as long as the scope lives, and returns each
 * result to its caller.
 *
 * @internal
 */
export const asyncEdit = (
  client: SuprsendClient.Service,
  alone: UsersService.Service["asyncEdit"],
  options: UsersService.BatchOptions = {}
): Effect.Effect<UsersService.Service["asyncEdit"], never, Scope.Scope> =>
  Effect.gen(function*() {
    const settings = yield* bulk.settings(client, { linger: options.linger ?? defaultLinger })
    const callers = new Map<UserEdit.UserEdit, Caller>()
    const stopped = yield* Deferred.make<unknown>()
    const queue = new Fifo<UserEdit.UserEdit>()
    let closed = false
    let arrived = () => {}

    const next = (): UserEdit.UserEdit | undefined => {
      let edit = queue.shift()
      // Skips edits whose caller was interrupted, before they take space in a batch.
      while (edit !== undefined && !callers.has(edit)) edit = queue.shift()
      return edit
    }

    const end = (edit: UserEdit.UserEdit, result: Result) => {
      const caller = callers.get(edit)
      callers.delete(edit)
      caller?.resume(result)
    }

    const settle = (outcome: Bulk.BulkOutcome, response?: SuprsendClient.Response) =>
      Effect.sync(() => {
        const secrets = () => outcome.accepted.flatMap((edit) => tokens(edit.operations))
        const message = response === undefined ? "" : redact.make(secrets)(response.body)
        for (const edit of outcome.accepted) {
          const accepted = { insertId: edit.insertId ?? "", status: response?.status ?? 202, message }
          end(edit, Effect.succeed(accepted))
        }
        for (const { edit, error } of outcome.failedRecords) {
          const own = error._tag === "InvalidUserEdit" ? error : withInsertId(error, edit.insertId)
          end(edit, Effect.fail(own))
        }
      })

    const fiber = yield* bulk.run<never, never>({
      client,
      call,
      open: (more) =>
        Effect.sync(() => {
          arrived = more
          return {
            next,
            exit: () => closed && queue.length === 0 ? Exit.void : undefined,
            request: constVoid,
            stop: constVoid,
            endPull: Effect.void,
            rest: () => [],
            isCollection: false
          }
        }),
      settings,
      stopped,
      settle,
      callers: {
        isWaiting: (edit) => callers.has(edit),
        allGone: (edits) => {
          const waiting = edits.flatMap((edit) => callers.get(edit) ?? [])
          const audience = new Audience(waiting.length)
          for (const caller of waiting) caller.request = audience
          return audience.gone
        },
        sentIn: (edits, span) => {
          const links = [{ _tag: "SpanLink", span, attributes: {} }] as const
          for (const edit of edits) callers.get(edit)?.span.addLinks(links)
        },
        died: (edits, cause) => {
          for (const edit of edits) end(edit, Effect.failCause(cause))
        }
      }
    }).pipe(
      // The run has failed: this ends all waiting callers, and later edits are sent alone.
      Effect.onError((cause) =>
        Effect.sync(() => {
          closed = true
          for (const edit of [...callers.keys()]) end(edit, Effect.failCause(cause))
        })
      ),
      Effect.interruptible,
      Effect.forkDaemon
    )

    // Sends all submitted edits before the scope closes.
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        closed = true
        arrived()
        return Fiber.await(fiber)
      })
    )

    const together = (edit: UserEdit.UserEdit, insertId: string): Result => {
      const pinned = pin(edit, insertId)
      if (Either.isLeft(pinned)) return validate.invalid(call, edit, [pinned.left])
      const mine = pinned.right
      // The scope may have closed while the insert id was made.
      if (closed) return alone(mine)
      return calls.run(client, call, (span) =>
        Effect.async((resume) => {
          const caller: Caller = { resume, span, request: undefined }
          callers.set(mine, caller)
          queue.push(mine)
          arrived()
          return Effect.sync(() => {
            if (callers.delete(mine)) caller.request?.leave()
          })
        }))
    }

    return (unread) =>
      Effect.withFiberRuntime((fiber): Result => {
        // The single call refuses a value that is not an edit. Any other value is read once, so
        // that later changes have no effect.
        if (!isUserEdit(unread)) return alone(unread)
        const edit = own(unread)
        // Request options apply to a single call, so an edit with options of its own is sent alone.
        if (closed || !isEmpty(Context.get(fiber.currentContext, RequestOptions))) return alone(edit)
        const given = member(edit, "insertId")
        if (given !== undefined) return together(edit, given)
        const source = Context.get(fiber.currentContext, InsertId)
        return source === insertId.fromCrypto
          ? together(edit, insertId.generate())
          : Effect.flatMap(source, (insertId) => together(edit, insertId))
      })
  })

// Accessors of an edit that was not made by this package may throw.
const pin = (edit: UserEdit.UserEdit, insertId: string) =>
  Either.try({ try: () => UserEdit.withInsertId(edit, insertId), catch: validate.unreadable })

const isEmpty = (options: object): boolean => Object.values(options).every((option) => option === undefined)
