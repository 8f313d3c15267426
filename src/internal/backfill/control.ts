import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Backfill from "../../Backfill.js"
import { SuprsendBackfillNotFound, SuprsendBackfillState } from "../../BackfillError.js"
import { BackfillLedger } from "../../BackfillLedger.js"
import { isValidName } from "./job.js"
import type { Ledger } from "./ledger/ledger.js"
import { status } from "./status.js"

/** Applies a change of the ledger, or fails with the state that does not allow it. */
const change = (
  action: SuprsendBackfillState["action"],
  apply: (ledger: Ledger, name: string) => ReturnType<Ledger["remove"]>
) =>
(name: string): Effect.Effect<void, Backfill.ControlError, BackfillLedger> =>
  Effect.gen(function*() {
    const { ledger } = yield* BackfillLedger
    if (!isValidName(name)) return yield* new SuprsendBackfillNotFound({ backfill: name })
    if (yield* apply(ledger, name)) return
    if (Option.isNone(yield* ledger.find(name))) return yield* new SuprsendBackfillNotFound({ backfill: name })
    const { state } = yield* status(name)
    return yield* new SuprsendBackfillState({ backfill: name, state, action })
  })

/** @internal */
export const pause = change(
  "pause",
  (ledger, name) => ledger.setState(name, ["running", "paused"], "paused")
)

/** @internal */
export const resume = change(
  "resume",
  (ledger, name) => ledger.setState(name, ["running", "paused"], "running")
)

/** @internal */
export const cancel = change(
  "cancel",
  (ledger, name) => ledger.setState(name, ["running", "paused", "cancelled"], "cancelled")
)

/** @internal */
export const remove = change("remove", (ledger, name) => ledger.remove(name))
