import * as SqlClient from "@effect/sql/SqlClient"
import { describe, expect, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as Sandbox from "effect-suprsend/Sandbox"
import { addIosPush, edit, increment, set, withInsertId } from "effect-suprsend/UserEdit"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as insertId from "../../src/internal/backfill/insertId.js"
import { layerMemoryWithSqlClient } from "../../src/internal/backfill/ledger/pglite.js"
import { after, ids, overSandbox, quick, visits } from "../utils/backfill.js"
import { untyped } from "../utils/untyped.js"

const failedOf = (name: string) => Effect.map(Stream.runCollect(Backfill.failed(name)), Chunk.toReadonlyArray)

/** Refuses the edits whose body has a text, alone or in a batch. */
const refuse = (text: string, status: number) => Sandbox.when(({ body }) => body.includes(text), Sandbox.status(status))

/** Rows of which each seventh is refused with 400, each eleventh with 422, and each thirteenth is invalid. */
const mixed = ids(500).map((id, n) => n % 7 === 0 ? `${id}-refused` : n % 11 === 0 ? `${id}-unwanted` : id)
const isInvalid = (id: string) => mixed.indexOf(id) % 13 === 1
const rowsOf = (what: "refused" | "unwanted" | "invalid") =>
  mixed.filter((id) => what === "invalid" ? isInvalid(id) : id.endsWith(what) && !isInvalid(id))

const editOf = (id: string) => isInvalid(id) ? set(edit(id), "", true) : increment(edit(id), "visits", 1)

const job = (name: string) =>
  Backfill.make({ name, rows: (cursor) => after(mixed, cursor), key: (id) => id, edit: editOf })

layer(layerMemoryWithSqlClient, { excludeTestServices: true, timeout: "60 seconds" })("over PGlite", (it) => {
  describe("failed records", () => {
    it.effect("are stored with reason and insert id, while the others are sent", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(refuse("-refused", 400), refuse("-unwanted", 422))
        const status = yield* Backfill.run(job("mixed"))
        const keys = [...rowsOf("refused"), ...rowsOf("unwanted"), ...rowsOf("invalid")].sort()
        expect(status).toMatchObject({
          state: "completed",
          records: 500,
          accepted: 500 - keys.length,
          failed: keys.length
        })
        expect(String(status)).toBe(`mixed completed: 500 records, ${keys.length} failed`)
        const failed = yield* failedOf("mixed")
        expect(failed.map(({ key }) => key)).toEqual(keys)
        const derived = insertId.derive("mixed")
        const idOf = (key: string) => derived(key).toString()
        for (const { edit, error, failedAt, insertId, key, outcome, partition } of failed) {
          expect(insertId).toBe(idOf(key))
          expect(partition).toBe(0)
          expect(failedAt).toBeInstanceOf(Date)
          expect(outcome).toBe(isInvalid(key) ? "invalid" : "rejected")
          expect(error.type).toBe(isInvalid(key) ? "InvalidUserEdit" : "SuprsendRejected")
          expect(error.message).toContain(isInvalid(key) ? "empty key" : key.endsWith("refused") ? "400" : "422")
          expect(Equal.equals(edit, withInsertId(editOf(key), insertId))).toBe(true)
        }
        const accepted = new Set((yield* sandbox.deliveries).map(({ distinctId }) => distinctId))
        expect(accepted.size).toBe(status.accepted)
        expect(keys.some((key) => accepted.has(key))).toBe(false)
      })))

    it.effect("that are sent again leave the ledger if they are accepted, with the same insert ids", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(refuse("-refused", 400), refuse("-unwanted", 422))
        const { accepted, failed } = yield* Backfill.run(job("again"))
        const [bad, worse, invalid] = [rowsOf("refused"), rowsOf("unwanted"), rowsOf("invalid")].map((rows) =>
          rows.length
        )
        // The worse ones are refused again, now for another reason.
        yield* sandbox.faults.replace([Sandbox.on("POST /event/", refuse("-unwanted", 400))])
        const first = yield* Backfill.retryFailed("again")
        expect(first).toMatchObject({ total: (bad ?? 0) + (worse ?? 0), success: bad, failure: worse })
        expect(yield* Backfill.status("again")).toMatchObject({
          state: "completed",
          records: 500,
          accepted: accepted + (bad ?? 0),
          failed: failed - (bad ?? 0)
        })
        const left = yield* failedOf("again")
        expect(left.length).toBe((worse ?? 0) + (invalid ?? 0))
        expect(left.filter(({ outcome }) => outcome === "rejected").every(({ error }) => error.message.includes("400")))
          .toBe(true)
        yield* sandbox.faults.clear
        expect(yield* Backfill.retryFailed("again")).toMatchObject({ success: worse, failure: 0 })
        expect((yield* failedOf("again")).map(({ key }) => key)).toEqual(rowsOf("invalid"))
        expect(yield* Backfill.status("again")).toMatchObject({ records: 500, failed: invalid })
        expect(yield* Backfill.retryFailed("again")).toMatchObject({ total: 0 })
        const derived = insertId.derive("again")
        const idOf = (key: string) => derived(key).toString()
        expect(new Set(yield* sandbox.acceptedInsertIds)).toEqual(
          new Set(mixed.filter((id) => !isInvalid(id)).map(idOf))
        )
        expect((yield* sandbox.deliveries).every(({ applied }) => applied.length === 1)).toBe(true)
      })))

    it.effect("that are sent again while SuprSend refuses everything keep their reason", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(refuse("-refused", 400))
        yield* Backfill.run(visits("kept", ["a-refused", "b", "c-refused"]))
        yield* sandbox.faults.replace([Sandbox.status(401)])
        expect(yield* Backfill.retryFailed("kept")).toMatchObject({ total: 2, success: 0 })
        expect(yield* failedOf("kept")).toMatchObject([
          { key: "a-refused", error: { type: "SuprsendRejected" } },
          { key: "c-refused", error: { type: "SuprsendRejected" } }
        ])
        expect(yield* Backfill.status("kept")).toMatchObject({ records: 3, accepted: 1, failed: 2 })
        yield* sandbox.faults.clear
        yield* Backfill.retryFailed("kept")
        expect(yield* Backfill.status("kept")).toMatchObject({ records: 3, accepted: 3, failed: 0 })
      })))

    it.effect("of many pages are not all sent again if the credentials are refused", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.status(400))
        expect(yield* Backfill.run(visits("refused pages", ids(1_100)))).toMatchObject({ failed: 1_100 })
        yield* sandbox.faults.replace([Sandbox.status(401)])
        // The first page.
        expect(yield* Backfill.retryFailed("refused pages")).toMatchObject({ total: 1_000, success: 0 })
        expect((yield* failedOf("refused pages")).every(({ error }) => error.type === "SuprsendRejected")).toBe(true)
        yield* sandbox.faults.clear
        expect(yield* Backfill.retryFailed("refused pages")).toMatchObject({ total: 1_100, success: 1_100 })
        expect(yield* Backfill.status("refused pages")).toMatchObject({ accepted: 1_100, failed: 0 })
      })))

    it.effect("of many pages are streamed in the order of their keys, and all sent again", () =>
      overSandbox(Effect.gen(function*() {
        const rows = ids(2_500)
        const invalid = Backfill.make({
          name: "pages",
          rows: (cursor) => after(rows, cursor),
          key: (id) => id,
          edit: (id) => edit(" ", { insertId: id })
        })
        expect(yield* Backfill.run(invalid)).toMatchObject({ records: 2_500, failed: 2_500 })
        expect((yield* failedOf("pages")).map(({ key }) => key)).toEqual(rows)
        // Invalid ones are not sent.
        expect(yield* Backfill.retryFailed("pages")).toMatchObject({ total: 0 })
        expect((yield* (yield* Sandbox.Sandbox).requests).length).toBe(0)
      })))

    it.effect("of every kind that JavaScript allows are stored, and read as invalid as they were", () =>
      overSandbox(Effect.gen(function*() {
        const cyclic: Record<string, unknown> = {}
        cyclic["self"] = cyclic
        const values: Record<string, unknown> = {
          bigint: 1n,
          cyclic,
          nan: Number.NaN,
          nul: "a\0b",
          half: "\ud800",
          symbol: Symbol("s"),
          deep: Array.from({ length: 5_000 }).reduce<unknown>((inner) => [inner], 1)
        }
        const odd = Backfill.make({
          name: "odd edits",
          rows: () => Stream.fromIterable(Object.keys(values).sort()),
          key: (kind) => kind,
          edit: (kind) => untyped(set)(edit(" "), kind, values[kind])
        })
        const count = Object.keys(values).length
        expect(yield* Backfill.run(odd)).toMatchObject({ state: "completed", records: count, failed: count })
        expect((yield* failedOf("odd edits")).map(({ key }) => key)).toEqual(Object.keys(values).sort())
      })))

    it.effect("are stored whatever their texts are: U+0000 in an insert id, a message, a value", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const body = JSON.stringify({ code: 400, message: "no\0\ud800" })
        yield* sandbox.faults.add(Sandbox.status(400, { body }))
        const odd = Backfill.make({
          name: "odd texts",
          rows: () => Stream.make("a", "b"),
          key: (id) => id,
          edit: (id) => set(edit(id, { insertId: `${id}\0x` }), "name", "\0")
        })
        expect(yield* Backfill.run(odd)).toMatchObject({ state: "completed", records: 2, failed: 2 })
        yield* sandbox.faults.clear
        expect(yield* Backfill.retryFailed("odd texts")).toMatchObject({ success: 2 })
        expect(yield* sandbox.acceptedInsertIds).toEqual(["a\0x", "b\0x"])
        expect(yield* Backfill.status("odd texts")).toMatchObject({ accepted: 2, failed: 0 })
      })))

    it.effect("of a key that two rows have do not stop the run", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.status(400))
        const twice = Backfill.make({
          name: "twice",
          rows: () => Stream.make("a", "b", "a"),
          key: (id) => id,
          cursor: (id) => id,
          edit
        })
        expect(yield* Backfill.run(twice)).toMatchObject({ state: "completed", records: 3, failed: 3 })
        expect((yield* failedOf("twice")).map(({ key }) => key)).toEqual(["a", "b"])
      })))

    it.effect("contain the edit in clear, which the table of failures needs to send it again", () =>
      overSandbox(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.status(422))
        yield* Backfill.run(Backfill.make({
          name: "tokens",
          rows: () => Stream.make("a"),
          key: (id) => id,
          edit: (id) => addIosPush(edit(id), "apns-token-1")
        }))
        const rows = yield* sql<{ readonly edit: string; readonly message: string }>`
          SELECT edit, message FROM suprsend_backfill_failure WHERE job = 'tokens'`
        expect(rows).toHaveLength(1)
        expect(rows[0]?.edit).toContain("apns-token-1")
        expect(rows[0]?.message).not.toContain("apns-token-1")
      })))

    it.effect("of a name that is not there cannot be read or sent", () =>
      overSandbox(Effect.gen(function*() {
        const missing = { _tag: "SuprsendBackfillNotFound", backfill: "nowhere" }
        expect(yield* Effect.flip(Stream.runDrain(Backfill.failed("nowhere")))).toMatchObject(missing)
        expect(yield* Effect.flip(Backfill.retryFailed("nowhere"))).toMatchObject(missing)
      })))

    it.effect("leave with their backfill when that is removed", () =>
      overSandbox(Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.status(422))
        expect(yield* Backfill.run(visits("removed", ids(3)), quick)).toMatchObject({ failed: 3 })
        yield* Backfill.remove("removed")
        for (const table of ["job", "partition", "checkpoint", "failure"]) {
          const column = table === "job" ? "name" : "job"
          const left = yield* sql`SELECT 1 FROM ${sql(`suprsend_backfill_${table}`)} WHERE ${sql(column)} = 'removed'`
          expect(left).toEqual([])
        }
        expect(Option.isNone(yield* Effect.option(Backfill.status("removed")))).toBe(true)
      })))
  })
})
