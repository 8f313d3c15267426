// The rows of the fault matrix: one call each, and the promises that hold under every fault. They depend on neither the fault nor the
// transport: `sandbox/faultMatrix.test.ts` runs them in memory, and `integration/faultMatrix.test.ts` over sockets.
import { expect } from "@effect/vitest"
import type * as Bulk from "effect-suprsend/Bulk"
import type * as Sandbox from "effect-suprsend/Sandbox"
import type { SuprsendError } from "effect-suprsend/SuprsendError"
import * as UserEdit from "effect-suprsend/UserEdit"
import type { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"

/** The users under test, and the sandbox behind them. */
export interface World {
  readonly users: UsersService.Service
  readonly sandbox: Sandbox.Sandbox.Service
}

// Applying it twice is visible.
const counted = (id: string) => UserEdit.increment(UserEdit.edit(id, { insertId: `insert-${id}` }), "visits", 1)

/** A call. Each run of it fills a cell of the table. */
export interface Row {
  /** Prepares the sandbox, without faults. */
  readonly prepare: (world: World) => Effect.Effect<void>
  /** Makes the call, and the check of its promises. */
  readonly start: (world: World) => Effect.Effect<Run>
}

export interface Run {
  readonly call: Effect.Effect<void>
  /** Checks the promises once faults are removed, and returns the outcome of the call. */
  readonly check: (world: World, wasInterrupted: boolean) => Effect.Effect<string>
}

const appliedOf = (error: SuprsendError): "no" | "unknown" => "applied" in error ? error.applied : "no"

/** The word for the result of a call, which is missing if the call was interrupted. */
const outcomeOf = (result: Either.Either<unknown, SuprsendError> | undefined, done: string, notDone: string): string =>
  result === undefined
    ? "interrupted"
    : Either.isRight(result)
    ? done
    : appliedOf(result.left) === "no"
    ? notDone
    : "unknown"

const visits = ({ sandbox }: World, id: string) =>
  Effect.map(sandbox.user(id), (user) => Option.isSome(user) ? user.value.properties.visits : undefined)

const single: Row = {
  prepare: () => Effect.void,
  start: ({ users }) =>
    Effect.map(Ref.make(Option.none<Either.Either<unknown, SuprsendError>>()), (outcome) => ({
      call: Effect.flatMap(Effect.either(users.asyncEdit(counted("ada"))), (either) =>
        Ref.set(outcome, Option.some(either))),
      check: (world) =>
        Effect.gen(function*() {
          const found = Option.getOrUndefined(yield* Ref.get(outcome))
          const arrived = (yield* world.sandbox.acceptedInsertIds).includes("insert-ada")
          if (found !== undefined && Either.isRight(found)) {
            expect(arrived).toBe(true)
          } else {
            // Not lost: the error says whether it may have been applied, and it can be sent again.
            if (found !== undefined && appliedOf(found.left) === "no") {
              expect(arrived).toBe(false)
            }
            yield* world.users.asyncEdit(counted("ada")).pipe(Effect.orDie)
          }
          expect(yield* visits(world, "ada")).toBe(1)
          expect((yield* world.sandbox.deliveries).map(({ applied }) =>
            applied.length
          )).toEqual([1])
          return outcomeOf(found, "accepted", "unsent")
        })
    }))
}

const bulk = (ids: ReadonlyArray<string>): Row => ({
  prepare: () => Effect.void,
  start: ({ users }) =>
    Effect.gen(function*() {
      const accepted = yield* Ref.make<ReadonlyArray<UserEdit.UserEdit>>([])
      const failed = yield* Ref.make<ReadonlyArray<Bulk.FailedRecord>>([])
      const pulled = new Set<string>()
      function* edits() {
        for (const id of ids) {
          pulled.add(id)
          yield counted(id)
        }
      }
      // The report of the call, or the partial report of an interrupted one.
      const report = yield* Ref.make(Option.none<Bulk.BulkReport>())
      return {
        call: users.bulkEdit(edits(), {
          concurrency: 4,
          onError: (known) => Ref.set(report, Option.some(known))
        }).pipe(
          Effect.orDie,
          Effect.flatMap((known) => Ref.set(report, Option.some(known)))
        ),
        check: (world: World) =>
          Effect.gen(function*() {
            const known = Option.getOrThrow(yield* Ref.get(report))
            yield* Ref.set(failed, known.failedRecords)
            const failures = new Map(known.failedRecords.map((record) => [record.edit.distinctId, record]))
            // Exactly one outcome for each record that was pulled.
            expect(failures.size).toBe(known.failure)
            expect(known.total).toBe(pulled.size)
            for (const id of failures.keys()) expect(pulled.has(id)).toBe(true)
            yield* Ref.set(accepted, [...pulled].filter((id) => !failures.has(id)).map(counted))
            const arrived = new Set(yield* world.sandbox.acceptedInsertIds)
            for (const edit of yield* Ref.get(accepted)) expect(arrived.has(edit.insertId ?? "")).toBe(true)
            for (const record of failures.values()) {
              if (record.outcome !== "unknown") expect(arrived.has(record.edit.insertId ?? "")).toBe(false)
            }
            // The caller still has the edits that were never pulled.
            const rest = ids.filter((id) => !pulled.has(id)).map(counted)
            const again = yield* world.users.bulkEdit([...known.failedRecords.map(({ edit }) => edit), ...rest]).pipe(
              Effect.orDie
            )
            expect(again.failure).toBe(0)
            const deliveries = yield* world.sandbox.deliveries
            expect(deliveries.length).toBe(ids.length)
            for (const delivery of deliveries) expect(delivery.applied.length).toBe(1)
            for (const user of yield* world.sandbox.users) expect(user.properties.visits).toBe(1)
            const outcomes = new Set(known.failedRecords.map(({ outcome }) => outcome))
            return known.failure === 0
              ? "accepted"
              : `${known.success === 0 ? "" : "accepted, "}${[...outcomes].sort().join(", ")}`
          })
      }
    })
})

const list = (ids: ReadonlyArray<string>): Row => ({
  prepare: ({ users }) =>
    Effect.asVoid(Effect.orDie(users.bulkEdit(ids.map((id) => UserEdit.set(UserEdit.edit(id), "a", 1))))),
  start: ({ users }) =>
    Effect.map(
      Effect.zip(Ref.make<ReadonlyArray<string>>([]), Ref.make(Option.none<Either.Either<void, SuprsendError>>())),
      ([seen, outcome]) => ({
        call: users.listStream({ limit: 100 }).pipe(
          Stream.runForEachChunk((chunk) =>
            Ref.update(seen, (all) => [...all, ...Array.from(chunk, (user) => user.distinctId)])
          ),
          Effect.either,
          Effect.flatMap((either) => Ref.set(outcome, Option.some(either)))
        ),
        check: (world) =>
          Effect.gen(function*() {
            const found = Option.getOrUndefined(yield* Ref.get(outcome))
            const whole = (yield* world.users.listStream({ limit: 100 }).pipe(Stream.runCollect, Effect.orDie)).pipe((
              all
            ) => Array.from(all, (user) => user.distinctId))
            expect(new Set(whole).size).toBe(ids.length)
            // No user is missing or repeated: the users seen are the first of the list.
            const got = yield* Ref.get(seen)
            expect(got).toEqual(whole.slice(0, got.length))
            if (found !== undefined && Either.isRight(found)) expect(got.length).toBe(ids.length)
            return found === undefined
              ? "interrupted"
              : Either.isRight(found)
              ? "all users"
              : `${got.length === 0 ? "" : "first users, "}${found.left._tag}`
          })
      })
    )
})

const remove: Row = {
  prepare: ({ users }) => Effect.asVoid(Effect.orDie(users.asyncEdit(counted("ada")))),
  start: ({ users }) =>
    Effect.map(Ref.make(Option.none<Either.Either<void, SuprsendError>>()), (outcome) => ({
      call: Effect.flatMap(Effect.either(users.delete("ada")), (either) => Ref.set(outcome, Option.some(either))),
      check: (world) =>
        Effect.gen(function*() {
          const found = Option.getOrUndefined(yield* Ref.get(outcome))
          const isThere = Option.isSome(yield* world.sandbox.user("ada"))
          if (found !== undefined && Either.isRight(found)) expect(isThere).toBe(false)
          if (found !== undefined && Either.isLeft(found) && appliedOf(found.left) === "no") expect(isThere).toBe(true)
          const again = yield* Effect.either(world.users.delete("ada"))
          if (Either.isLeft(again)) expect(again.left._tag).toBe("SuprsendUserNotFound")
          expect(Option.isNone(yield* world.sandbox.user("ada"))).toBe(true)
          return outcomeOf(found, "deleted", "not deleted")
        })
    }))
}

/** Ids of users, for the bulk and for the list. */
export const idsOf = (records: number): ReadonlyArray<string> => Array.from({ length: records }, (_, n) => `user-${n}`)

/** The four rows, by the names of the table in docs/reliability.md. */
export const rowsOver = (ids: ReadonlyArray<string>) => ({
  "single edit": single,
  "bulk of 5,000": bulk(ids),
  "list of 5,000 as a stream": list(ids),
  delete: remove
})
