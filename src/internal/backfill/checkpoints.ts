import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { SuprsendLedgerError } from "../../BackfillError.js"
import type { Ending } from "./ending.js"
import type { Claim, Ledger } from "./ledger/ledger.js"
import type { Window } from "./window.js"

/** The records that are read ahead of the last checkpoint, so that memory stays flat. */
const maximumWindow = 300_000

/** The records that make a checkpoint before its interval is over. */
const checkpointRecords = 100_000

/** @internal */
export interface Settings {
  readonly checkpointInterval: Duration.Duration
  readonly claimTimeout: Duration.Duration
}

/**
 * The checkpoints of a claim. One is saved at a time, and none after one that failed: it would skip
 * the records of that one.
 *
 * @internal
 */
export interface Checkpoints {
  /** Checks whether a checkpoint is due, and none is being saved. */
  readonly maySave: () => boolean
  readonly saveIfDue: Effect.Effect<void, SuprsendLedgerError>
  /** Saves the last checkpoint, which ends the claim, unless it is lost or a checkpoint failed. */
  readonly saveLast: (isComplete: boolean) => Effect.Effect<void, SuprsendLedgerError>
  /** Waits until records may be read. */
  readonly whenRoom: Effect.Effect<void>
}

/** @internal */
export const make = (
  claim: Claim,
  ledger: Ledger,
  window: Window,
  ending: Ending,
  { checkpointInterval, claimTimeout }: Settings
): Effect.Effect<Checkpoints> =>
  Effect.gen(function*() {
    const clock = yield* Effect.clock
    const room = yield* Effect.makeLatch(true)
    const oneAtATime = yield* Effect.makeSemaphore(1)
    let number = claim.checkpoints
    let savedAt = clock.unsafeCurrentTimeMillis()
    let isSaving = false
    // Whether the last one was begun or one failed, so that no other may follow.
    let hasEnded = false

    const isDue = () =>
      window.ready >= checkpointRecords ||
      (window.ready > 0 && clock.unsafeCurrentTimeMillis() - savedAt >= Duration.toMillis(checkpointInterval))

    const save = (releases: boolean, isComplete: boolean) =>
      oneAtATime.withPermits(1)(Effect.suspend(() => {
        // It may have waited for another one, after which there is little to save.
        if (ending.isLost || hasEnded || !(releases || isDue())) return Effect.void
        const { cursor, failures, records } = window.take()
        savedAt = clock.unsafeCurrentTimeMillis()
        isSaving = true
        hasEnded = releases
        return ledger.save(claim, {
          number: number++,
          cursor,
          records,
          accepted: records - failures.length,
          failures,
          done: isComplete && window.size === 0,
          releases,
          problem: ending.problem,
          duration: claimTimeout
        }).pipe(
          Effect.tapErrorCause((cause) =>
            Effect.sync(() => {
              hasEnded = true
              ending.broken ??= cause
            })
          ),
          Effect.ensuring(Effect.sync(() => {
            isSaving = false
          })),
          Effect.flatMap((state) => ending.heed(state)),
          Effect.zipRight(room.open),
          Effect.asVoid
        )
      }))

    // Does not wait for a save in progress: the claim must be extended meanwhile.
    const maySave = () => !isSaving && isDue()

    // While one is saved, the next one must not become much larger.
    const hasRoom = () => window.size < maximumWindow && !(isSaving && window.ready >= checkpointRecords)
    const whenRoom: Effect.Effect<void> = Effect.suspend(() => {
      if (hasRoom()) return Effect.void
      room.unsafeClose()
      return Effect.zipRight(room.await, whenRoom)
    })

    return {
      maySave,
      saveIfDue: Effect.suspend(() => maySave() ? save(false, false) : Effect.void),
      saveLast: (isComplete) => save(true, isComplete),
      whenRoom
    }
  })
