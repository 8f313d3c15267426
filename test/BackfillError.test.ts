import { describe, expect, it } from "@effect/vitest"
import * as BackfillError from "effect-suprsend/BackfillError"
import { SuprsendUnauthorized } from "effect-suprsend/SuprsendError"
import * as Schema from "effect/Schema"

const name = "plans \"2026\""

const unauthorized = new SuprsendUnauthorized({
  call: "UsersService.bulkEdit",
  attempts: 1,
  applied: "no",
  serverMessage: undefined,
  status: 401
})

const roundTrip = <A, I>(schema: Schema.Schema<A, I>, error: A) => {
  const json = Schema.parseJson(schema)
  return Schema.decodeSync(json)(Schema.encodeSync(json)(error))
}

describe("an error of a backfill", () => {
  it("names the backfill, and says what to do", () => {
    expect(new BackfillError.SuprsendBackfillNotFound({ backfill: name }).message).toBe(
      "the ledger has no backfill \"plans \\\"2026\\\"\": check the name (Backfill.list, or effect-suprsend backfill list), or start it"
    )
    expect(new BackfillError.SuprsendBackfillState({ backfill: name, state: "completed", action: "pause" }).message)
      .toBe(
        "cannot pause the backfill \"plans \\\"2026\\\"\", because it is completed: nothing is left to do"
      )
    const halted = new BackfillError.SuprsendBackfillHalted({ backfill: name, partition: 3, error: unauthorized })
    expect(halted.message).toContain("stopped in partition 3, and goes on from there when it is run again: ")
    expect(halted.message).toContain(unauthorized.message)
  })

  it("keeps the name of its class, as every error", () => {
    const missing = new BackfillError.SuprsendBackfillNotFound({ backfill: name })
    expect([missing.name, missing.backfill]).toEqual(["SuprsendBackfillNotFound", name])
  })

  it("is the same after JSON", () => {
    const changed = new BackfillError.SuprsendBackfillChanged({ backfill: name, changes: ["a", "b"] })
    expect(roundTrip(BackfillError.SuprsendBackfillChanged, changed)).toEqual(changed)
    const missing = new BackfillError.SuprsendBackfillNotFound({ backfill: name })
    expect(roundTrip(BackfillError.SuprsendBackfillNotFound, missing)).toEqual(missing)
    const halted = new BackfillError.SuprsendBackfillHalted({ backfill: name, partition: 3, error: unauthorized })
    expect(roundTrip(BackfillError.SuprsendBackfillHalted, halted).message).toBe(halted.message)
    for (const after of ["a", undefined]) {
      const row = new BackfillError.SuprsendBackfillInvalidRow({ backfill: name, row: 1, after, description: "no" })
      expect(roundTrip(BackfillError.SuprsendBackfillInvalidRow, row).message).toBe(row.message)
    }
    const ledger = new BackfillError.SuprsendLedgerError({ operation: "save a checkpoint", description: "no" })
    expect(roundTrip(BackfillError.SuprsendLedgerError, ledger)).toEqual(ledger)
  })
})
