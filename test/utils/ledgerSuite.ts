// The tests of every ledger, over PGlite and over a PostgreSQL server.
import * as SqlClient from "@effect/sql/SqlClient"
import { describe, expect, type Vitest } from "@effect/vitest"
import { BackfillLedger } from "effect-suprsend/BackfillLedger"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Checkpoint, Claim, Definition, FailureRow } from "../../src/internal/backfill/ledger/ledger.js"

const definition: Definition = { version: "1", range: "number", ranges: ["1", "2"], workspace: undefined }

const options = { owner: "runner-1", duration: Duration.minutes(1) }

const failureOf = (key: string): FailureRow => ({
  key,
  insertId: `id-${key}`,
  outcome: "rejected",
  type: "SuprsendRejected",
  message: "no",
  edit: "{}"
})

const step = (claim: Claim, more: Partial<Checkpoint> = {}): Checkpoint => ({
  number: claim.checkpoints,
  cursor: "c",
  records: 10,
  accepted: 10,
  failures: [],
  done: false,
  releases: false,
  problem: undefined,
  duration: Duration.minutes(1),
  ...more
})

/** A job of two partitions. */
const start = (name: string) =>
  Effect.gen(function*() {
    const { ledger } = yield* BackfillLedger
    yield* ledger.create(name, definition, [{ range: "1", total: 5 }, { range: "2", total: undefined }])
    return ledger
  })

/** Ends all claims of a job, as if their time was over. */
const expire = (name: string) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) =>
      sql`UPDATE suprsend_backfill_partition SET claimed_until = clock_timestamp() - interval '1 second'
      WHERE job = ${name} AND claimed_until IS NOT NULL`
  )

const claimOf = (name: string) =>
  Effect.flatMap(start(name), (ledger) => Effect.map(ledger.claimNext(name, options), Option.getOrThrow))

const countsOf = (name: string) =>
  Effect.gen(function*() {
    const { ledger } = yield* BackfillLedger
    const { partitions } = Option.getOrThrow(yield* ledger.status(name))
    return partitions.map(({ accepted, cursor, done, failed, records }) => ({
      accepted,
      cursor,
      done,
      failed,
      records
    }))
  })

const untouched = { accepted: 0, cursor: undefined, done: false, failed: 0, records: 0 }

/** Declares the tests. */
export const ledgerSuite = (it: Vitest.MethodsNonLive<BackfillLedger | SqlClient.SqlClient, true>): void => {
  describe("a job", () => {
    it.effect("is created once, and keeps its first definition", () =>
      Effect.gen(function*() {
        const { ledger } = yield* BackfillLedger
        expect(yield* ledger.find("created")).toEqual(Option.none())
        expect(yield* ledger.status("created")).toEqual(Option.none())
        const create = (version: string) => ledger.create("created", { ...definition, version }, [])
        const rows = yield* Effect.all(["a", "b", "c"].map(create), { concurrency: "unbounded" })
        expect(new Set(rows.map(({ definition }) => definition.version)).size).toBe(1)
        expect(yield* ledger.find("created")).toEqual(Option.some(rows[0]))
        expect(rows[0]).toMatchObject({ state: "running", definition: { range: "number", ranges: ["1", "2"] } })
      }))

    it.effect("of thousands of partitions is created in one transaction", () =>
      Effect.gen(function*() {
        const { ledger } = yield* BackfillLedger
        const planned = Array.from({ length: 2_500 }, (_, n) => ({ range: String(n), total: n }))
        yield* ledger.create("thousands", definition, planned)
        const { partitions } = Option.getOrThrow(yield* ledger.status("thousands"))
        expect(partitions.map(({ range, total }) => ({ range, total }))).toEqual(planned)
      }))

    it.effect("has names and texts of any characters", () =>
      Effect.gen(function*() {
        const { ledger } = yield* BackfillLedger
        const name = "'; DROP TABLE x; -- \" \\ ü 名 \u{1f600}\n"
        yield* ledger.create(name, { ...definition, version: name }, [{ range: JSON.stringify(name), total: 1 }])
        expect(Option.getOrThrow(yield* ledger.status(name))).toMatchObject({
          name,
          definition: { version: name },
          partitions: [{ range: JSON.stringify(name) }]
        })
        expect(yield* ledger.names).toContain(name)
      }))
  })

  describe("a claim", () => {
    it.effect("has its partition for itself", () =>
      Effect.gen(function*() {
        const ledger = yield* start("claims")
        const claims = yield* Effect.all(Array.from({ length: 4 }, () => ledger.claimNext("claims", options)), {
          concurrency: "unbounded"
        })
        expect(claims.flatMap(Option.toArray).map(({ partition }) => partition).sort()).toEqual([0, 1])
        expect(yield* ledger.claim("claims", 0, options)).toEqual(Option.none())
        expect(Option.getOrThrow(yield* ledger.status("claims")).partitions).toMatchObject([
          { isClaimed: true, owner: "runner-1" },
          { isClaimed: true, owner: "runner-1" }
        ])
      }))

    it.effect("can be made of a certain partition", () =>
      Effect.gen(function*() {
        const ledger = yield* start("certain")
        expect(yield* ledger.claim("certain", 1, options)).toMatchObject(Option.some({ partition: 1, range: "2" }))
        expect(yield* ledger.claim("certain", 1, options)).toEqual(Option.none())
        expect(yield* ledger.claim("certain", 7, options)).toEqual(Option.none())
      }))

    it.effect("is not made of a job that is paused, cancelled or done", () =>
      Effect.gen(function*() {
        for (const state of ["paused", "cancelled"] as const) {
          const ledger = yield* start(state)
          expect(yield* ledger.setState(state, ["running"], state)).toBe(true)
          expect(yield* ledger.claimNext(state, options)).toEqual(Option.none())
          expect(yield* ledger.claim(state, 0, options)).toEqual(Option.none())
        }
        const claim = yield* claimOf("one is done")
        const { ledger } = yield* BackfillLedger
        yield* ledger.save(claim, step(claim, { done: true, releases: true }))
        expect(yield* ledger.claim("one is done", 0, options)).toEqual(Option.none())
      }))

    it.effect("that expired is taken over from its cursor, with a higher epoch", () =>
      Effect.gen(function*() {
        const first = yield* claimOf("expired")
        const { ledger } = yield* BackfillLedger
        yield* ledger.save(first, step(first))
        yield* expire("expired")
        const second = Option.getOrThrow(yield* ledger.claim("expired", 0, options))
        expect(second).toEqual({ ...first, epoch: first.epoch + 1, cursor: "c", checkpoints: 1 })
      }))

    it.effect("that was taken over can neither save nor be extended", () =>
      Effect.gen(function*() {
        const first = yield* claimOf("fenced")
        const { ledger } = yield* BackfillLedger
        yield* expire("fenced")
        const second = Option.getOrThrow(yield* ledger.claim("fenced", 0, options))
        expect(yield* ledger.save(first, step(first, { failures: [failureOf("a")], done: true }))).toEqual(
          Option.none()
        )
        expect(yield* ledger.extend(first, Duration.minutes(1), "late")).toEqual(Option.none())
        expect((yield* countsOf("fenced"))[0]).toEqual(untouched)
        expect(yield* ledger.failures("fenced", undefined, 10)).toEqual([])
        expect(yield* ledger.save(second, step(second))).toEqual(Option.some("running"))
        // Nor can it after its successor saved the step of the same number.
        expect(yield* ledger.save(first, step(first))).toEqual(Option.none())
        expect((yield* countsOf("fenced"))[0]).toMatchObject({ records: 10 })
      }))

    it.effect("of a removed job is not valid for a new one of the same name", () =>
      Effect.gen(function*() {
        const first = yield* claimOf("removed")
        const { ledger } = yield* BackfillLedger
        yield* ledger.setState("removed", ["running"], "cancelled")
        yield* expire("removed")
        expect(yield* ledger.remove("removed")).toBe(true)
        yield* claimOf("removed")
        expect(yield* ledger.save(first, step(first))).toEqual(Option.none())
        expect(yield* ledger.extend(first, Duration.minutes(1), undefined)).toEqual(Option.none())
        expect((yield* countsOf("removed"))[0]).toEqual(untouched)
      }))

    it.effect("that was released stays free, if a late heartbeat extends it", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("heartbeat")
        const { ledger } = yield* BackfillLedger
        yield* ledger.save(claim, step(claim, { releases: true }))
        yield* ledger.extend(claim, Duration.minutes(1), undefined)
        expect(Option.isSome(yield* ledger.claim("heartbeat", 0, options))).toBe(true)
      }))

    it.effect("that expired but was not taken over still saves", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("late")
        const { ledger } = yield* BackfillLedger
        yield* expire("late")
        expect(yield* ledger.extend(claim, Duration.minutes(1), undefined)).toEqual(Option.some("running"))
        expect(yield* ledger.claim("late", 0, options)).toEqual(Option.none())
        expect(yield* ledger.save(claim, step(claim))).toEqual(Option.some("running"))
      }))

    it.effect("shows its problem until the next step", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("problem")
        const { ledger } = yield* BackfillLedger
        const problem = Effect.map(
          ledger.status("problem"),
          (status) => Option.getOrThrow(status).partitions[0]?.problem
        )
        yield* ledger.extend(claim, Duration.minutes(1), "503\0")
        expect(yield* problem).toBe("503")
        yield* ledger.save(claim, step(claim))
        expect(yield* problem).toBeUndefined()
      }))
  })

  describe("a step", () => {
    it.effect("adds to the counts, moves the cursor, and learns the state of the job", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("steps")
        const { ledger } = yield* BackfillLedger
        expect(yield* ledger.save(claim, step(claim, { failures: [failureOf("a")], accepted: 9 }))).toEqual(
          Option.some("running")
        )
        yield* ledger.setState("steps", ["running"], "paused")
        expect(yield* ledger.save(claim, step(claim, { number: 1, cursor: undefined, records: 0, accepted: 0 })))
          .toEqual(Option.some("paused"))
        expect((yield* countsOf("steps"))[0]).toEqual({ accepted: 9, cursor: "c", done: false, failed: 1, records: 10 })
        expect(Option.getOrThrow(yield* ledger.status("steps")).partitions[0]?.recent).toBe(10)
      }))

    it.effect("that is repeated, because its response was lost, counts once", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("repeated")
        const { ledger } = yield* BackfillLedger
        const saved = step(claim, { failures: [failureOf("a")], accepted: 9, done: true, releases: true })
        for (let i = 0; i < 3; i++) expect(yield* ledger.save(claim, saved)).toEqual(Option.some("running"))
        expect((yield* countsOf("repeated"))[0]).toEqual({
          accepted: 9,
          cursor: "c",
          done: true,
          failed: 1,
          records: 10
        })
        expect(yield* ledger.failures("repeated", undefined, 10)).toHaveLength(1)
      }))

    it.effect("that skips one is refused", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("skipped")
        const { ledger } = yield* BackfillLedger
        expect(yield* ledger.save(claim, step(claim, { number: 1 }))).toEqual(Option.none())
        expect((yield* countsOf("skipped"))[0]).toEqual(untouched)
      }))

    it.effect("is saved as a whole or not at all, and its error holds no values", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("atomic")
        const { ledger } = yield* BackfillLedger
        const sql = yield* SqlClient.SqlClient
        yield* sql`ALTER TABLE suprsend_backfill_failure ADD CONSTRAINT no_such CHECK (key <> 'refused')`
        const failures = [failureOf("a"), { ...failureOf("refused"), edit: "{\"token\":\"apns-secret\"}" }]
        const error = yield* Effect.flip(ledger.save(claim, step(claim, { failures, accepted: 8 })))
        yield* sql`ALTER TABLE suprsend_backfill_failure DROP CONSTRAINT no_such`
        expect(error).toMatchObject({ _tag: "SuprsendLedgerError", operation: "save a checkpoint" })
        expect(error.message).toContain("no_such")
        expect(`${error.message} ${JSON.stringify(error)} ${error.stack}`).not.toContain("apns-secret")
        expect((yield* countsOf("atomic"))[0]).toEqual(untouched)
        expect(yield* ledger.failures("atomic", undefined, 10)).toEqual([])
        // The same step passes once it can.
        expect(yield* ledger.save(claim, step(claim, { failures, accepted: 8 }))).toEqual(Option.some("running"))
        expect((yield* countsOf("atomic"))[0]).toMatchObject({ accepted: 8, failed: 2 })
      }))

    it.effect("that releases its claim lets another runner go on", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("released")
        const { ledger } = yield* BackfillLedger
        yield* ledger.save(claim, step(claim, { releases: true }))
        expect(yield* ledger.claim("released", 0, options)).toMatchObject(Option.some({ cursor: "c", checkpoints: 1 }))
      }))

    it.effect("counts for the rate of its claim only, which a pause is no part of", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("paced")
        const { ledger } = yield* BackfillLedger
        const sql = yield* SqlClient.SqlClient
        yield* ledger.save(claim, step(claim, { releases: true }))
        yield* sql`UPDATE suprsend_backfill_partition SET started_at = started_at - interval '1 hour',
          claimed_at = claimed_at - interval '1 hour' WHERE job = 'paced'`
        const first = Option.map(yield* ledger.status("paced"), ({ partitions }) => partitions[0])
        expect(first).toMatchObject(Option.some({ recent: 10 }))
        expect(Option.getOrThrow(first)?.age).toBeGreaterThan(3_500)
        const again = Option.getOrThrow(yield* ledger.claim("paced", 0, options))
        yield* ledger.save(again, step(again, { records: 7, accepted: 7 }))
        const second = Option.map(yield* ledger.status("paced"), ({ partitions }) => partitions[0])
        expect(second).toMatchObject(Option.some({ recent: 7 }))
        expect(Option.getOrThrow(second)?.age).toBeLessThan(60)
      }))
  })

  describe("placements", () => {
    it.effect("are of free partitions, each once until the time is over or it is postponed", () =>
      Effect.gen(function*() {
        const ledger = yield* start("placed")
        expect(yield* ledger.place("placed", 1, Duration.minutes(1))).toEqual([{ partition: 0, placement: 1 }])
        expect(yield* ledger.place("placed", 5, Duration.minutes(1))).toEqual([{ partition: 1, placement: 1 }])
        expect(yield* ledger.place("placed", 5, Duration.minutes(1))).toEqual([])
        yield* ledger.postpone("placed", 1, Duration.zero, "busy")
        expect(yield* ledger.place("placed", 5, Duration.minutes(1))).toEqual([{ partition: 1, placement: 2 }])
        yield* ledger.postpone("placed", 0, Duration.minutes(1), undefined)
        expect(yield* ledger.place("placed", 5, Duration.minutes(1))).toEqual([])
        // A claim that ended can be placed at once.
        const claim = Option.getOrThrow(yield* ledger.claim("placed", 0, options))
        expect(yield* ledger.place("placed", 5, Duration.zero)).toEqual([])
        yield* ledger.save(claim, step(claim, { releases: true }))
        expect(yield* ledger.place("placed", 5, Duration.minutes(1))).toEqual([{ partition: 0, placement: 2 }])
      }))
  })

  describe("failures", () => {
    it.effect("are read page by page, in the order of the bytes of their keys", () =>
      Effect.gen(function*() {
        const claim = yield* claimOf("ordered")
        const { ledger } = yield* BackfillLedger
        const keys = ["a", "B", "ä", "z", "_", "10", "9", "Z", "\u{1f600}", "\uffee"]
        yield* ledger.save(claim, step(claim, { failures: keys.map(failureOf), accepted: 0 }))
        const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        const read: Array<string> = []
        for (;;) {
          const page = yield* ledger.failures("ordered", read[read.length - 1], 3)
          if (page.length === 0) break
          read.push(...page.map(({ key }) => key))
        }
        expect(read).toEqual(sorted)
      }))

    it.effect("that are settled move the counts of their partitions, once", () =>
      Effect.gen(function*() {
        const ledger = yield* start("settled")
        for (const keys of [["a", "b", "c"], ["d", "e"]]) {
          const claim = Option.getOrThrow(yield* ledger.claimNext("settled", options))
          yield* ledger.save(claim, step(claim, { records: keys.length, accepted: 0, failures: keys.map(failureOf) }))
        }
        const settled = {
          accepted: ["a", "c", "d"],
          failed: [{ key: "b", outcome: "unknown", type: "SuprsendUnavailable", message: "503\0" }]
        } as const
        yield* ledger.settle("settled", settled)
        yield* ledger.settle("settled", settled)
        expect(yield* countsOf("settled")).toMatchObject([
          { records: 3, accepted: 2, failed: 1 },
          { records: 2, accepted: 1, failed: 1 }
        ])
        expect(yield* ledger.failures("settled", undefined, 10)).toMatchObject([
          { key: "b", outcome: "unknown", type: "SuprsendUnavailable", message: "503", insertId: "id-b" },
          { key: "e", outcome: "rejected" }
        ])
      }))
  })
}
