import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Bulk from "../../Bulk.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import type { RequestError } from "../../SuprsendError.js"
import * as calls from "../client/call.js"
import { isUserNotFound } from "../client/response.js"
import * as validate from "../edit/validate.js"
import { encode } from "../support/bytes.js"
import * as spans from "../telemetry/span.js"
import { mayBlameOne, sendHalves } from "./bisect.js"
import * as counts from "./counts.js"
import { type Failure, Halt } from "./halt.js"
import { IdReport } from "./report.js"
import * as bulk from "./run.js"

/**
 * The maximum number of ids per request, as the vendor's documentation of errors states.
 *
 * @internal
 */
export const maximumIds = 100

/**
 * Runs a call for any number of users, in requests of at most 100, and reports each id.
 *
 * If a request is refused because of one user, it is bisected until that user stands alone. If the
 * credentials are refused, no further request is sent.
 *
 * @internal
 */
export const run = (
  client: SuprsendClient.Service,
  call: string,
  ids: Iterable<string>,
  request: (distinctIds: ReadonlyArray<string>) => Omit<SuprsendClient.Request, "call" | "body"> & {
    readonly body: string
  },
  options: Bulk.IdOptions & {
    /**
     * Whether a user that a retry does not find, after an attempt without a response, counts as
     * done.
     */
    readonly goneIsDone?: boolean
  } = {}
): Effect.Effect<Bulk.BulkIdReport> =>
  calls.run(client, call, (span) =>
    Effect.scoped(Effect.gen(function*() {
      const { concurrency, grace } = yield* bulk.settings(client, options)
      const counted = yield* counts.make(client, span)
      const failedRecords: Array<Bulk.FailedId> = []
      const valid: Array<string> = []
      // The position of each id in the input.
      const places: Array<number> = []
      const halt = new Halt(call, {
        whenBroken: "the call ended before this was sent",
        whenStopped: "the call was interrupted before this was sent"
      })
      let success = 0
      let total = 0

      for (const id of ids) {
        const index = total++
        Either.match(validate.distinctId(call, id), {
          onLeft: (error) => {
            failedRecords.push({ outcome: "invalid", index, distinctId: id, error })
            counted.add("invalid", 1)
          },
          onRight: (distinctId) => {
            valid.push(distinctId)
            places.push(index)
          }
        })
      }

      const fail = (from: number, to: number, { error, outcome }: Failure) => {
        for (let i = from; i < to; i++) {
          failedRecords.push({ outcome, index: places[i] ?? i, distinctId: valid[i] ?? "", error })
        }
        counted.add(outcome, to - from)
        return Effect.void
      }

      const succeed = (from: number, to: number) => {
        success += to - from
        counted.add("accepted", to - from)
        return Effect.void
      }

      // `isPart`: whether a larger request with these ids was bisected. `uncertain`: whether that one
      // may have been applied.
      const send = (from: number, to: number, isPart: boolean, uncertain: boolean): Effect.Effect<void> =>
        Effect.suspend(() => {
          const unsent = halt.unsent(uncertain) ?? (halt.isStopping && !isPart ? halt.notStarted : undefined)
          if (unsent !== undefined) return fail(from, to, unsent)
          const onError = (error: RequestError): Effect.Effect<void> => {
            const reason = halt.reasonAfter(error)
            if (reason !== undefined) halt.because(reason)
            const failure = halt.failure(error, uncertain)
            const lost = failure.outcome === "unknown"
            if (blamesOneId(error) && to - from > 1) {
              return sendHalves(from, to, (from, to) => send(from, to, true, lost))
            }
            if (options.goneIsDone === true && lost && error._tag === "SuprsendRejected" && isUserNotFound(error)) {
              return succeed(from, to)
            }
            return fail(from, to, failure)
          }
          const ids = valid.slice(from, to)
          const prepared = request(ids)
          const body = encode(prepared.body)
          const waits = isPart ? undefined : halt.waits()
          const sent: SuprsendClient.Request = {
            ...prepared,
            call,
            bodyAtStart: () => {
              // An interruption ends only the wait for the first slot.
              waits?.leaveSecond()
              return body
            },
            abort: halt.abort,
            abortWaiting: waits ?? halt.abortWaiting,
            ids: () => ids
          }
          return Effect.matchCauseEffect(
            spans.use(
              `${call}.request`,
              { ...spans.plain, parent: span, attributes: { "suprsend.bulk.records": to - from } },
              (span) => client.execute({ ...sent, span })
            ),
            {
              onSuccess: ({ attempts }) => {
                waits?.leave()
                counted.addBody(body.length, attempts)
                return succeed(from, to)
              },
              onFailure: (cause) => {
                waits?.leave()
                return halt.match(cause, {
                  onError: (error) => {
                    counted.addBody(body.length, error.attempts)
                    return onError(error)
                  },
                  onDefect: (defect, error) => {
                    halt.breakOff(defect)
                    return onError(error)
                  }
                })
              }
            }
          )
        })

      const starts = Array.from({ length: Math.ceil(valid.length / maximumIds) }, (_, request) => request * maximumIds)
      const sendAll = Effect.forEach(
        starts,
        (from) => send(from, Math.min(from + maximumIds, valid.length), false, false),
        {
          concurrency,
          discard: true
        }
      ).pipe(Effect.flatMap(() => halt.defect === undefined ? Effect.void : Effect.failCause(halt.defect)))
      const report = (): Bulk.BulkIdReport => new IdReport(success, failedRecords)
      const tell = options.onError ?? bulk.logLost(call)
      const stopped = yield* Deferred.make<unknown>()
      const stopping = halt.onStop(stopped, grace, Effect.void)
      yield* bulk.inOrder(
        Effect.scoped(Effect.zipRight(stopping, sendAll)),
        Deferred.succeed(stopped, undefined),
        (cause) => tell(report(), cause)
      )
      return report()
    })))

const blamesOneId = (error: RequestError): boolean =>
  error._tag === "SuprsendRejected" &&
  (isUserNotFound(error) || (mayBlameOne(error) && !meansRest.test(error.serverMessage ?? "")))

// The server blames the arguments of the call, not the ids: smaller requests would fail in the same
// way.
const meansRest = /^\W*(category|categories|channel_preferences|tenant)\b|"(categories|channel_preferences)"/
