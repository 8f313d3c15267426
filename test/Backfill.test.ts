import { describe, expect, layer } from "@effect/vitest"
import * as Backfill from "effect-suprsend/Backfill"
import * as BackfillLedgerPGlite from "effect-suprsend/BackfillLedgerPGlite"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import { edit, increment } from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Cause from "effect/Cause"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import { after, appliedOnce, ids, overSandbox, quick, untilStatus, visits } from "./utils/backfill.js"
import { loosely } from "./utils/loosely.js"
import { sandboxed } from "./utils/sandbox.js"
import { until } from "./utils/until.js"

/** Two ranges of users, each with a prefix of its own. */
const ranged = (name: string, ranges: ReadonlyArray<string>, count = 300) =>
  Backfill.makePartitioned({
    name,
    range: Schema.String,
    partitions: ranges,
    rows: (range, cursor) => after(ids(count, range), cursor, 50),
    key: (id) => id,
    edit: (id) => increment(edit(id), "visits", 1)
  })

const slowly = (sandbox: Sandbox.Sandbox.Service) => sandbox.faults.add(Sandbox.latency("25 millis"))

class SourceFailed extends Data.TaggedError("SourceFailed")<{ readonly at: string }> {}

// The database answers through promises, which a test clock does not wait for.
layer(BackfillLedgerPGlite.layerMemory, { excludeTestServices: true, timeout: "60 seconds" })("over PGlite", (it) => {
  describe("run", () => {
    it.effect("sends an edit for each row once, however often it is run", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("all", ids(1_000))
        const status = yield* Backfill.run(job)
        expect(String(status)).toBe("all completed: 1,000 records")
        expect(status).toMatchObject({ state: "completed", records: 1_000, accepted: 1_000, failed: 0 })
        expect((yield* sandbox.users).length).toBe(1_000)
        const requests = (yield* sandbox.requests).length
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 1_000 })
        expect((yield* sandbox.requests).length).toBe(requests)
      })))

    it.effect("completes a source without rows, and one without partitions", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        expect(yield* Backfill.run(visits("empty", []))).toMatchObject({ state: "completed", records: 0 })
        expect(yield* Backfill.run(ranged("no ranges", []))).toMatchObject({ state: "completed", partitions: [] })
        expect(yield* sandbox.requests).toEqual([])
      })))

    it.effect("returns as soon as its last partition is done", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* slowly(sandbox)
        const clock = yield* Effect.clock
        // All but one of the workers find no partition, and would look again after this second.
        const withoutSecond: Clock.Clock = {
          [Clock.ClockTypeId]: Clock.ClockTypeId,
          unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
          unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
          currentTimeMillis: clock.currentTimeMillis,
          currentTimeNanos: clock.currentTimeNanos,
          sleep: (duration) => Duration.toMillis(duration) === 1_000 ? Effect.never : clock.sleep(duration)
        }
        const job = visits("no second", ids(1_000))
        const run = Backfill.run(job, { ...quick, partitions: 4 })
        expect(yield* Effect.withClock(run, withoutSecond)).toMatchObject({ state: "completed", records: 1_000 })
      })))

    it.effect("works on as many partitions at once as it may", () =>
      overSandbox(Effect.gen(function*() {
        for (const most of [1, 3]) {
          const open = yield* Ref.make(0)
          const seen = yield* Ref.make(0)
          const job = Backfill.makePartitioned({
            name: `${most} at once`,
            range: Schema.Number,
            partitions: [0, 1, 2, 3, 4, 5],
            rows: (range, cursor) =>
              Stream.unwrapScoped(Effect.gen(function*() {
                yield* Effect.addFinalizer(() => Ref.update(open, (n) => n - 1))
                const now = yield* Ref.updateAndGet(open, (n) => n + 1)
                yield* Ref.update(seen, (n) => Math.max(n, now))
                // All that may be open are open at once.
                yield* until(Ref.get(seen), (seen) => seen >= most)
                return after(ids(50, `range-${range}`), cursor)
              })),
            key: (id) => id,
            edit: (id) => increment(edit(id), "visits", 1)
          })
          expect(yield* Backfill.run(job, { partitions: most })).toMatchObject({ records: 300, accepted: 300 })
          expect(yield* Ref.get(seen)).toBe(most)
        }
      })))

    it.effect("shares the partitions with another run of the same backfill", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* slowly(sandbox)
        const job = ranged("shared", ["a", "b", "c", "d"])
        const runs = yield* Effect.all([Backfill.run(job, { partitions: 2 }), Backfill.run(job, { partitions: 2 })], {
          concurrency: "unbounded"
        })
        expect(runs).toMatchObject([{ state: "completed", records: 1_200 }, { state: "completed", records: 1_200 }])
        expect(yield* appliedOnce(sandbox)).toBe(1_200)
        // Each row arrived once: no partition had two runners.
        expect((yield* sandbox.deliveries).every(({ arrivals }) => arrivals.length === 1)).toBe(true)
      })))

    it.effect("names an edit's insert id after the job and the key, unless the edit has its own", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = (name: string) =>
          Backfill.make({
            name,
            rows: (cursor) => after(["a", "b"], cursor),
            key: (id) => id,
            edit: (id) => id === "a" ? edit(id, { insertId: `own-${name}` }) : edit(id)
          })
        const one = job("ids-1")
        yield* Backfill.run(one)
        yield* Backfill.cancel("ids-1").pipe(Effect.ignore)
        yield* Backfill.remove("ids-1")
        yield* Backfill.run(one)
        const first = yield* sandbox.acceptedInsertIds
        expect(first).toHaveLength(2)
        expect(first[0]).toBe("own-ids-1")
        expect(first[1]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        yield* Backfill.run(job("ids-2"))
        expect(new Set(yield* sandbox.acceptedInsertIds).size).toBe(4)
      })))

    it.effect("reads on after the cursor of a row, where that is not its key", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const asked: Array<string | undefined> = []
        const rows = ids(3_000).map((id, offset) => ({ id, offset: offset + 1 }))
        const job = Backfill.make({
          name: "offsets",
          rows: (cursor) => {
            asked.push(cursor)
            return Stream.rechunk(Stream.fromIterable(rows.slice(Number(cursor ?? 0))), 100)
          },
          key: ({ id }) => id,
          cursor: ({ offset }) => String(offset),
          edit: ({ id }) => increment(edit(id), "visits", 1)
        })
        yield* slowly(sandbox)
        const fiber = yield* Effect.fork(Backfill.run(job, quick))
        yield* untilStatus("offsets", ({ records }) => records > 0)
        yield* Fiber.interrupt(fiber)
        const { partitions: [stopped], records } = yield* Backfill.status("offsets")
        expect(stopped?.cursor).toEqual(Option.some(String(records)))
        expect(yield* Backfill.run(job, quick)).toMatchObject({ state: "completed", records: 3_000 })
        expect(asked).toEqual([undefined, String(records)])
        expect(yield* appliedOnce(sandbox)).toBe(3_000)
      })))

    it.effect("counts the rows where the definition does, and shows the time left", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* slowly(sandbox)
        const rows = ids(5_000)
        const job = Backfill.make({
          name: "counted",
          rows: (cursor) => after(rows, cursor, 50),
          total: Effect.succeed(5_000),
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        const started = yield* Backfill.start(job)
        expect(started.total).toEqual(Option.some(5_000))
        expect(String(started)).toBe("counted running: 0 of 5,000 records, no runner")
        const fiber = yield* Effect.fork(Backfill.run(job, quick))
        const seen = yield* untilStatus("counted", ({ records }) => records > 0)
        expect(seen.rate).toBeGreaterThan(0)
        const left = Duration.toSeconds(Option.getOrElse(seen.timeLeft, () => Duration.zero))
        expect(left).toBeCloseTo((5_000 - seen.records) / seen.rate, 5)
        expect(String(seen)).toMatch(/^counted running: [\d,]+ of 5,000 records, [\d,]+ a second, .* left$/)
        expect(Option.isSome(seen.partitions[0]?.runner ?? Option.none())).toBe(true)
        yield* Fiber.interrupt(fiber)
        const done = yield* Backfill.run(job)
        expect(String(done)).toBe("counted completed: 5,000 of 5,000 records")
        expect(done.timeLeft).toEqual(Option.none())
        expect(done.partitions[0]?.runner).toEqual(Option.none())
      })))
  })

  describe("start", () => {
    it.effect("sends nothing, changes nothing when repeated, and lets a run go on", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("started", ids(10))
        const first = yield* Backfill.start(job)
        expect(first).toMatchObject({ name: "started", version: "1", state: "running", records: 0 })
        expect(yield* Backfill.start(job)).toEqual(first)
        expect(yield* sandbox.requests).toEqual([])
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", createdAt: first.createdAt })
      })))

    it.effect("evaluates partitions that come from an effect once", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const evaluated = yield* Ref.make(0)
        const job = Backfill.makePartitioned({
          name: "evaluated",
          range: Schema.Number,
          partitions: Effect.map(Ref.updateAndGet(evaluated, (n) => n + 1), (n) => [n, n + 10]),
          rows: (range, cursor) => after(ids(10, `range-${range}`), cursor),
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        yield* Backfill.start(job)
        yield* Backfill.start(job)
        const { partitions } = yield* Backfill.run(job)
        expect(partitions.map(({ range }) => range)).toEqual(["1", "11"])
        expect(yield* Ref.get(evaluated)).toBe(1)
        expect(yield* appliedOnce(sandbox)).toBe(20)
      })))
  })

  describe("status and list", () => {
    it.effect("fail for a name that is not there, and name it", () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(Backfill.status("nowhere"))
        expect(error._tag).toBe("SuprsendBackfillNotFound")
        expect(error.message).toContain("\"nowhere\"")
        expect(yield* Effect.flip(Stream.runDrain(Backfill.progress("nowhere")))).toEqual(error)
      }))

    it.effect("lists the oldest first", () =>
      overSandbox(Effect.gen(function*() {
        for (const name of ["list z", "list a", "list m"]) yield* Backfill.start(visits(name, []))
        const names = (yield* Backfill.list).map(({ name }) => name).filter((name) => name.startsWith("list "))
        expect(names).toEqual(["list z", "list a", "list m"])
      })))

    it.effect("prints a status as one line, and as JSON", () =>
      overSandbox(Effect.gen(function*() {
        const status = yield* Backfill.run(ranged("printed", ["a", "b"], 5))
        expect(inspect(status)).toBe("printed completed: 10 records, 2 of 2 partitions done")
        expect(JSON.parse(JSON.stringify(status))).toMatchObject({ name: "printed", state: "completed", accepted: 10 })
        const job = ranged("printed", ["a", "b"])
        expect(Backfill.isBackfill(job)).toBe(true)
        expect(Backfill.isBackfill({ name: "printed" })).toBe(false)
        expect(JSON.parse(String(job))).toEqual({ _id: "effect-suprsend/Backfill", name: "printed", version: "1" })
      })))

    it.effect("streams progress until the backfill is no longer running", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* slowly(sandbox)
        const job = visits("watched", ids(2_000))
        yield* Backfill.start(job)
        const watching = yield* Effect.fork(Stream.runCollect(Backfill.progress("watched", "1 millis")))
        yield* Backfill.run(job, quick)
        const seen = Chunk.toReadonlyArray(yield* Fiber.join(watching))
        expect(seen.at(-1)).toMatchObject({ state: "completed", records: 2_000 })
        expect(seen.slice(0, -1).every(({ state }) => state === "running")).toBe(true)
        const counts = seen.map(({ records }) => records)
        expect(counts).toEqual([...counts].sort((a, b) => a - b))
        expect(new Set(counts).size).toBeGreaterThan(2)
      })))
  })

  describe("a definition that changed is refused, and the error says how", () => {
    const refused = <R>(stored: Backfill.Backfill<never, R>, present: Backfill.Backfill<never, R>) =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* Backfill.start(stored)
        const error = yield* Effect.flip(Backfill.run(present))
        expect(yield* Effect.flip(Backfill.start(present))).toEqual(error)
        expect(yield* sandbox.requests).toEqual([])
        // The stored one still runs.
        expect(yield* Backfill.run(stored)).toMatchObject({ state: "completed" })
        return error._tag === "SuprsendBackfillChanged" ? error.changes : error
      }))

    const numbered = (
      name: string,
      partitions: ReadonlyArray<number> | Effect.Effect<ReadonlyArray<number>>,
      more: { readonly version?: string; readonly range?: Schema.Schema<number> } = {}
    ) =>
      Backfill.makePartitioned({
        name,
        version: more.version,
        range: more.range ?? Schema.Number,
        partitions,
        rows: (range, cursor) => after(ids(2, `${name}-${range}`), cursor),
        key: (id) => id,
        edit: (id) => edit(id)
      })

    it.effect("a version", () =>
      Effect.map(
        refused(numbered("version", [1]), numbered("version", [1], { version: "two\"" })),
        (changes) => expect(changes).toEqual(["version was \"1\" and is \"two\\\"\""])
      ))

    it.effect("the number of partitions", () =>
      Effect.map(
        refused(numbered("count", [1, 2]), numbered("count", [1, 2, 3])),
        (changes) => expect(changes).toEqual(["there were 2 partitions and are 3"])
      ))

    it.effect("one of the ranges", () =>
      Effect.map(
        refused(numbered("one range", [1, 2, 3]), numbered("one range", [1, 4, 3])),
        (changes) => expect(changes).toEqual(["partition 1 was 2 and is 4"])
      ))

    it.effect("the order of the ranges", () =>
      Effect.map(
        refused(numbered("order", [1, 2]), numbered("order", [2, 1])),
        (changes) => expect(changes).toEqual(["partition 0 was 1 and is 2"])
      ))

    it.effect("the schema of a range", () =>
      Effect.map(
        refused(numbered("schema", [1]), numbered("schema", [1], { range: Schema.Int })),
        (changes) => expect(changes).toEqual(["range was number and is Int"])
      ))

    it.effect("a list that became an effect", () =>
      Effect.map(
        refused(numbered("to effect", [1]), numbered("to effect", Effect.succeed([1]))),
        (changes) => expect(changes).toEqual(["partitions were a fixed list and come from an effect"])
      ))

    it.effect("an effect that became a list", () =>
      Effect.map(
        refused(numbered("to list", Effect.succeed([1])), numbered("to list", [1])),
        (changes) => expect(changes).toEqual(["partitions came from an effect and are a fixed list"])
      ))

    it.effect("partitions that came to a single sequence", () =>
      Effect.map(
        refused(numbered("to one", [1]), visits("to one", [])),
        (changes) =>
          expect(changes).toEqual([
            "range was number and is the whole source",
            "partitions were a fixed list and come from an effect"
          ])
      ))

    it.effect("all changes at once, in a message that says what to do", () =>
      overSandbox(Effect.gen(function*() {
        yield* Backfill.start(numbered("both", [1]))
        const error = yield* Effect.flip(Backfill.run(numbered("both", [2], { version: "2" })))
        expect(error.message).toBe(
          "the backfill \"both\" was started with another definition: version was \"1\" and is \"2\"; " +
            "partition 0 was 1 and is 2. Give the new definition another name. Removing the old one does not help: " +
            "records that SuprSend already applied have the same insert ids, and are ignored"
        )
      })))

    it.effect("another workspace, but not another secret or limit of the same", () =>
      Effect.gen(function*() {
        const job = visits("workspace", ids(10))
        const other = UsersService.layer.pipe(
          Layer.provide(SuprsendClient.layer({ ...Sandbox.credentials, workspaceKey: "another-workspace-key" })),
          Layer.provide(Sandbox.layer)
        )
        yield* Effect.provide(Backfill.start(job), Layer.fresh(sandboxed()))
        const error = yield* Effect.flip(Effect.provide(Backfill.run(job), other))
        expect(error).toMatchObject({
          _tag: "SuprsendBackfillChanged",
          changes: ["it was started for another workspace"]
        })
        const limited = sandboxed({ rateLimit: { limit: 1_000, window: "1 second" } })
        expect(yield* Effect.provide(Backfill.run(job), Layer.fresh(limited))).toMatchObject({ state: "completed" })
      }))

    it.effect("a stored range that its schema no longer accepts, with the same name", () =>
      overSandbox(Effect.gen(function*() {
        const job = (accepted: (n: number) => boolean) =>
          numbered("accepts", Effect.succeed([1, 2]), {
            range: Schema.Number.pipe(Schema.filter(accepted), Schema.annotations({ identifier: "Range" }))
          })
        yield* Backfill.start(job(() => true))
        const error = yield* Effect.flip(Backfill.run(job((n) => n < 2), { partitions: 1 }))
        expect(error._tag).toBe("SuprsendBackfillChanged")
        expect(error.message).toContain("range does not accept 2: ")
        expect(yield* Backfill.status("accepts")).toMatchObject({ state: "running", records: 2 })
      })))
  })

  describe("interruption", () => {
    it.effect("stops gracefully, saves progress, and goes on exactly there", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* sandbox.faults.add(Sandbox.latency("250 millis"))
        const job = ranged("interrupted", ["a", "b"], 3_000)
        const fiber = yield* Effect.fork(Backfill.run(job, { ...quick, checkpointInterval: "1 hour", partitions: 2 }))
        yield* until(sandbox.deliveries, (deliveries) => deliveries.length > 0)
        const exit = yield* Fiber.interrupt(fiber)
        expect(Exit.isInterrupted(exit)).toBe(true)
        // The requests in flight were awaited, and all that they did was saved.
        const { partitions, records, state } = yield* Backfill.status("interrupted")
        expect(state).toBe("running")
        expect(records).toBe((yield* sandbox.deliveries).length)
        expect(records).toBeLessThan(6_000)
        expect(partitions.map(({ runner }) => Option.isNone(runner))).toEqual([true, true])
        yield* sandbox.faults.clear
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 6_000, accepted: 6_000 })
        expect(yield* appliedOnce(sandbox)).toBe(6_000)
        expect((yield* sandbox.deliveries).every(({ arrivals }) => arrivals.length === 1)).toBe(true)
      })))

    it.effect("lets requests that are sent again end within the grace, and saves them", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("again", ids(10))
        yield* sandbox.script([Sandbox.status(503), Sandbox.delay("300 millis")])
        const fiber = yield* Effect.fork(Backfill.run(job, { ...quick, retry: Schedule.spaced("1 millis") }))
        yield* until(sandbox.requests, (requests) => requests.length === 2)
        yield* Fiber.interrupt(fiber)
        expect(yield* Backfill.status("again")).toMatchObject({ records: 10, accepted: 10 })
        expect(yield* sandbox.requests).toHaveLength(2)
      })))

    it.effect("of a source by itself saves what was sent, and releases the claim", () =>
      overSandbox(Effect.gen(function*() {
        const rows = ids(50)
        const job = (last: Stream.Stream<string>) =>
          Backfill.make({
            name: "self-interrupted",
            rows: (cursor) => Stream.concat(after(rows, cursor), last),
            key: (id) => id,
            edit: (id) => increment(edit(id), "visits", 1)
          })
        const exit = yield* Effect.exit(Backfill.run(job(Stream.fromEffect(Effect.interrupt)), quick))
        expect(Exit.isInterrupted(exit)).toBe(true)
        const { partitions, records } = yield* Backfill.status("self-interrupted")
        expect(records).toBe(50)
        expect(partitions.map(({ runner }) => runner)).toEqual([Option.none()])
        expect(yield* Backfill.run(job(Stream.empty), quick)).toMatchObject({ state: "completed", records: 50 })
      })))

    it.effect("aborts requests after the grace, and sends their records again later", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("aborted", ids(100))
        yield* sandbox.faults.add(Sandbox.noResponse({ applied: true }))
        const fiber = yield* Effect.fork(Backfill.run(job, { grace: "20 millis" }))
        yield* until(sandbox.requests, (requests) => requests.length > 0)
        yield* Fiber.interrupt(fiber)
        expect(yield* Backfill.status("aborted")).toMatchObject({ state: "running", records: 0 })
        yield* sandbox.faults.clear
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 100 })
        expect(yield* appliedOnce(sandbox)).toBe(100)
      })))

    it.effect("ends a source that never gives another row", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const isClosed = yield* Ref.make(false)
        const job = Backfill.make({
          name: "endless",
          rows: (cursor) =>
            Stream.concat(after(ids(10), cursor), Stream.never).pipe(Stream.ensuring(Ref.set(isClosed, true))),
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        const fiber = yield* Effect.fork(Backfill.run(job, quick))
        yield* untilStatus("endless", ({ records }) => records === 10)
        yield* Fiber.interrupt(fiber)
        expect(yield* Ref.get(isClosed)).toBe(true)
        expect(yield* Backfill.status("endless")).toMatchObject({ state: "running", records: 10 })
        expect(yield* appliedOnce(sandbox)).toBe(10)
      })))

    it.effect("by a timeout stops in the same way", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("timeout", ids(5_000))
        yield* sandbox.faults.add(Sandbox.latency("20 millis"))
        expect(yield* Effect.timeoutOption(Backfill.run(job, quick), "100 millis")).toEqual(Option.none())
        const { records } = yield* Backfill.status("timeout")
        expect(records).toBe((yield* sandbox.deliveries).length)
        yield* sandbox.faults.clear
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 5_000 })
        expect(yield* appliedOnce(sandbox)).toBe(5_000)
      })))
  })

  describe("a source that fails", () => {
    it.effect("fails the run with its own error, after what was read is saved", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const isBroken = yield* Ref.make(true)
        const rows = ids(1_000)
        const job = Backfill.make({
          name: "source fails",
          rows: (cursor) =>
            Stream.mapEffect(
              after(rows, cursor),
              (id) =>
                Effect.flatMap(Ref.get(isBroken), (isBroken) =>
                  isBroken && id === rows[700] ? Effect.fail(new SourceFailed({ at: id })) : Effect.succeed(id))
            ),
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        const error = yield* Effect.flip(Effect.catchTag(Backfill.run(job), "SuprsendBackfillHalted", Effect.die))
        expect(error).toEqual(new SourceFailed({ at: "user-000700" }))
        expect(yield* Backfill.status("source fails")).toMatchObject({ state: "running", records: 700, failed: 0 })
        expect((yield* Backfill.status("source fails")).partitions[0]?.cursor).toEqual(Option.some("user-000699"))
        yield* Ref.set(isBroken, false)
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 1_000, accepted: 1_000 })
        expect(yield* appliedOnce(sandbox)).toBe(1_000)
      })))

    it.effect("in one partition lets the others stop gracefully", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        yield* slowly(sandbox)
        const job = (isBroken: boolean) =>
          Backfill.makePartitioned({
            name: "one fails",
            range: Schema.String,
            partitions: ["a", "b"],
            rows: (range, cursor) =>
              isBroken && range === "b"
                ? Stream.fromEffect(Effect.delay(new SourceFailed({ at: range }), "50 millis"))
                : after(ids(5_000, range), cursor),
            key: (id) => id,
            edit: (id) => increment(edit(id), "visits", 1)
          })
        expect(yield* Effect.flip(Backfill.run(job(true), quick))).toEqual(new SourceFailed({ at: "b" }))
        const { partitions: [a, b], records } = yield* Backfill.status("one fails")
        expect(b).toMatchObject({ records: 0, done: false, runner: Option.none() })
        expect(a).toMatchObject({ records, runner: Option.none() })
        expect(records).toBe((yield* sandbox.deliveries).length)
        yield* sandbox.faults.clear
        expect(yield* Backfill.run(job(false))).toMatchObject({ state: "completed", records: 10_000 })
        expect(yield* appliedOnce(sandbox)).toBe(10_000)
      })))

    it.effect("in its total or partitions starts nothing", () =>
      overSandbox(Effect.gen(function*() {
        const failed = new SourceFailed({ at: "plan" })
        const uncounted = Backfill.make({
          name: "uncounted",
          rows: () => Stream.empty,
          total: Effect.fail(failed),
          key: (id: string) => id,
          edit
        })
        expect(yield* Effect.flip(Backfill.start(uncounted))).toMatchObject({ _tag: "SourceFailed", at: "plan" })
        const unplanned = Backfill.makePartitioned({
          name: "unplanned",
          range: Schema.Number,
          partitions: Effect.fail(failed),
          rows: () => Stream.empty,
          key: (id: string) => id,
          edit
        })
        expect(yield* Effect.flip(Backfill.run(unplanned))).toMatchObject({ _tag: "SourceFailed", at: "plan" })
        for (const name of ["uncounted", "unplanned"]) {
          expect(yield* Effect.flip(Backfill.status(name))).toMatchObject({ _tag: "SuprsendBackfillNotFound" })
        }
      })))

    it.effect("of a function that throws dies, and goes on at that row", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const thrown = new Error("no plan")
        let isBroken = true
        const rows = ids(500)
        const job = Backfill.make({
          name: "throws",
          rows: (cursor) => after(rows, cursor, 100),
          key: (id) => id,
          edit: (id) => {
            if (isBroken && id === rows[250]) throw thrown
            return increment(edit(id), "visits", 1)
          }
        })
        const exit = yield* Effect.exit(Backfill.run(job))
        const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        const message =
          "the backfill \"throws\" stopped before row 251 of this run, the one after the cursor \"user-000249\": " +
          "edit threw Error: no plan. Correct the row or skip it, and run the backfill again"
        expect(defect instanceof Error && [defect.message, String(defect.cause)]).toEqual([message, String(thrown)])
        const { partitions, records } = yield* Backfill.status("throws")
        expect(partitions[0]?.problem).toEqual(Option.some(message))
        expect(records).toBe((yield* sandbox.deliveries).length)
        // All rows before it, of the same chunk too.
        expect(records).toBe(250)
        isBroken = false
        expect(yield* Backfill.run(job)).toMatchObject({ state: "completed", records: 500 })
        expect(yield* appliedOnce(sandbox)).toBe(500)
      })))
  })

  describe("what is invalid is refused before anything is sent", () => {
    const keyed = (name: string, keys: ReadonlyArray<string>, cursor?: (key: string) => string) =>
      Backfill.make({
        name,
        rows: () => Stream.fromIterable(keys),
        key: (key) => key,
        cursor,
        edit: (key) => edit(`u${key}`)
      })

    const issueOf = <E, R>(run: Effect.Effect<unknown, E, R>) =>
      Effect.map(Effect.flip(run), (error) => {
        const text = error instanceof Error ? error.message : String(error)
        return text
      })

    it.effect.each(
      [
        ["an empty name", "", "name must not be empty"],
        ["a long name", "n".repeat(201), "name must have at most 200 characters"],
        ["a name with U+0000", "a\0b", "name must not contain the character U+0000"],
        ["a name with half a pair", "a\ud800", "name must"]
      ] as const
    )("%s", ([, name, problem]) =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        for (const job of [visits(name, ids(1)), ranged(name, ["a"])]) {
          const error = yield* Effect.flip(Backfill.run(job))
          expect(error._tag).toBe("SuprsendInvalidInput")
          expect(error.message).toContain(problem)
        }
        expect(yield* sandbox.requests).toEqual([])
      })))

    it.effect("a name or version that is not a text", () =>
      overSandbox(Effect.gen(function*() {
        const make = loosely(Backfill.make)
        const rest = { rows: () => Stream.empty, key: String, edit }
        const job = make({ name: 5, ...rest })
        expect(Backfill.isBackfill(job)).toBe(true)
        expect(yield* issueOf(Backfill.run(job))).toContain("name must be a text, got a number")
        expect(yield* issueOf(Backfill.run(make({ name: "versioned", version: 2, ...rest })))).toContain(
          "version must be a text, got a number"
        )
        expect(yield* issueOf(Backfill.run(make({ name: "versioned", version: "", ...rest })))).toContain(
          "version must not be empty"
        )
      })))

    it.effect("ranges that are equal, or that the schema refuses", () =>
      overSandbox(Effect.gen(function*() {
        const job = (range: Schema.Schema<number>, partitions: ReadonlyArray<number>) =>
          Backfill.makePartitioned({
            name: "odd ranges",
            range,
            partitions,
            rows: () => Stream.empty,
            key: String,
            edit
          })
        expect(yield* issueOf(Backfill.run(job(Schema.Number, [1, 2, 1])))).toContain(
          "partitions must differ, but 1 is there twice"
        )
        expect(yield* issueOf(Backfill.run(job(Schema.Number, [1, Infinity])))).toContain(
          "partitions[1] must not contain NaN or Infinity, of which JSON makes null"
        )
        expect(yield* Effect.flip(Backfill.status("odd ranges"))).toMatchObject({ _tag: "SuprsendBackfillNotFound" })
        const refused = yield* issueOf(Backfill.run(job(Schema.Int, [1, 0.5])))
        expect(refused).toContain("partitions[1] ")
        expect(refused).toContain("0.5")
      })))

    it.effect.each(
      [
        ["empty", ["a", ""], "key must not be empty"],
        ["with U+0000", ["a", "b\0"], "key must not contain the character U+0000"],
        ["with half a pair", ["a", "b\udc00"], "key must"],
        ["too long for an index", ["a", "é".repeat(513)], "key must have at most 1,024 bytes, got 1,026"],
        ["twice", ["a", "b", "b"], "key must differ for each row, but the row before has \"b\" too"]
      ] as const
    )("a key that is %s", ([what, keys, problem]) =>
      overSandbox(Effect.gen(function*() {
        const error = yield* issueOf(Backfill.run(keyed(`key ${what}`, keys)))
        expect(error).toContain(problem)
        expect(yield* Backfill.status(`key ${what}`)).toMatchObject({ state: "running", failed: 0 })
      })))

    it.effect("a row that is found later, and a run goes on before it", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const rows = ids(1_000)
        const job = (keyOf: (id: string) => string) =>
          Backfill.make({
            name: "late row",
            rows: (cursor) => after(rows, cursor, 100),
            key: keyOf,
            cursor: (id) => id,
            edit: (id) => increment(edit(id), "visits", 1)
          })
        const error = yield* Effect.flip(Backfill.run(job((id) => id === rows[750] ? "" : id)))
        expect(error).toMatchObject({
          _tag: "SuprsendBackfillInvalidRow",
          backfill: "late row",
          row: 751,
          after: rows[749],
          description: "key must not be empty"
        })
        const { partitions, records } = yield* Backfill.status("late row")
        expect(records).toBe(750)
        expect(partitions[0]?.problem).toEqual(Option.some(error.message))
        expect(yield* Backfill.run(job((id) => id))).toMatchObject({ state: "completed", records: 1_000 })
        expect((yield* Backfill.status("late row")).partitions[0]?.problem).toEqual(Option.none())
        expect(yield* appliedOnce(sandbox)).toBe(1_000)
      })))

    it.effect("a row of a range, which the error names", () =>
      overSandbox(Effect.gen(function*() {
        const job = Backfill.makePartitioned({
          name: "late row of a range",
          range: Schema.String,
          partitions: ["users-1", "users-2"],
          rows: (range) => Stream.make(`${range}-a`, range === "users-2" ? "" : `${range}-b`),
          key: (id) => id,
          edit: (id) => increment(edit(`u${id}`), "visits", 1)
        })
        const error = yield* Effect.flip(Backfill.run(job))
        expect(error).toMatchObject({ range: "\"users-2\"", row: 2, after: "users-2-a" })
        expect(error.message).toContain(
          "row 2 of this run in the range \"users-2\", the one after the cursor \"users-2-a\""
        )
      })))

    it.effect("an edit that is none, after one that is", () =>
      overSandbox(Effect.gen(function*() {
        const make = loosely(Backfill.make)
        const job = make({
          name: "no edit",
          rows: () => Stream.make("a", "b"),
          key: String,
          edit: (id: string) => id === "a" ? edit(id) : undefined
        })
        const exit = yield* Effect.exit(Backfill.run(job))
        expect(Exit.isFailure(exit) ? Cause.pretty(exit.cause) : "").toContain(
          "edit must return an edit, got undefined"
        )
        expect(String(yield* Backfill.status("no edit"))).toMatch(
          /^no edit running: 1 record, no runner, problem: .*edit must return an edit, got undefined/
        )
      })))

    it.effect.each(
      [
        ["NaN", NaN],
        ["a negative number", -5],
        ["a fraction", 0.5],
        ["more than an integer of PostgreSQL", 2 ** 31],
        ["a text", "3000"],
        ["a bigint", 3000n]
      ] as const
    )("a total that is %s", ([what, total]) =>
      overSandbox(Effect.gen(function*() {
        const make = loosely(Backfill.make)
        const name = `total ${what}`
        const job = make({ name, rows: () => Stream.make("a"), key: String, edit, total: Effect.succeed(total) })
        const error = yield* Effect.flip(Backfill.run(job))
        expect(error).toMatchObject({ _tag: "SuprsendInvalidInput" })
        expect(String(error)).toContain("total must be a whole number from 0 to 2147483647, got ")
        expect(String(error).includes("cast count(*) to int")).toBe(typeof total !== "number")
        expect(yield* Effect.flip(Backfill.status(name))).toMatchObject({ _tag: "SuprsendBackfillNotFound" })
        expect(yield* (yield* Sandbox.Sandbox).requests).toEqual([])
      })))

    it.effect("a key or cursor that is not a text", () =>
      overSandbox(Effect.gen(function*() {
        const make = loosely(Backfill.make)
        const job = make({ name: "number key", rows: () => Stream.make(7), key: (n: number) => n, edit })
        expect(yield* issueOf(Backfill.run(job))).toContain("key must be a text, got a number")
        const other = make({
          name: "number cursor",
          rows: () => Stream.make(7),
          key: String,
          cursor: (n: number) => n,
          edit
        })
        expect(yield* issueOf(Backfill.run(other))).toContain("cursor must be a text, got a number")
        expect(yield* issueOf(Backfill.run(keyed("empty cursor", ["a"], () => "")))).toContain(
          "cursor must not be empty"
        )
      })))

    it.effect("a source that begins with the row of the cursor again", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        let isEnding = true
        const job = Backfill.make({
          name: "inclusive",
          rows: (cursor) =>
            Stream.concat(
              Stream.fromIterable(ids(10).filter((id) => cursor === undefined || id >= cursor)),
              isEnding ? Stream.fail(new SourceFailed({ at: "end" })) : Stream.empty
            ),
          key: (id) => id,
          edit: (id) => increment(edit(id), "visits", 1)
        })
        yield* Effect.flip(Backfill.run(job))
        isEnding = false
        expect(yield* issueOf(Backfill.run(job))).toContain(
          "row 1 of this run, the one after the cursor \"user-000009\": " +
            "rows must begin after the cursor, but this row has the same cursor"
        )
        expect(yield* appliedOnce(sandbox)).toBe(10)
      })))

    it.effect("options of a run, each by its name", () =>
      overSandbox(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const job = visits("options", ids(1))
        const wrong: ReadonlyArray<readonly [Backfill.RunOptions, string]> = [
          [{ partitions: 0 }, "partitions must be a whole number from 1 to 10,000"],
          [{ partitions: 1.5 }, "partitions must be a whole number from 1 to 10,000"],
          [{ partitions: NaN }, "partitions must be a whole number from 1 to 10,000"],
          [
            { partitions: Number.MAX_SAFE_INTEGER },
            "partitions must be a whole number from 1 to 10,000"
          ],
          [{ concurrency: 0 }, "concurrency must be a whole number from 1 to 10,000"],
          [{ checkpointInterval: NaN }, "checkpointInterval must be a duration"],
          [{ checkpointInterval: -1 }, "checkpointInterval must be a duration"],
          [{ checkpointInterval: Infinity }, "checkpointInterval must be a duration"],
          [{ grace: NaN }, "grace must be a duration"],
          [{ grace: "-5 seconds" }, "grace must be a duration"],
          [{ grace: -1n }, "grace must be a duration"],
          [{ grace: [-1, 0] }, "grace must be a duration"],
          [{ grace: "2 days" }, "grace must be a duration of at least zero and at most a day"],
          [{ claimTimeout: "1000000000 days" }, "claimTimeout must be a duration greater than zero and at most a day"],
          [{ claimTimeout: 0 }, "claimTimeout must be a duration greater than zero"],
          [{ claimTimeout: NaN }, "claimTimeout must be a duration greater than zero"]
        ]
        for (const [options, problem] of wrong) expect(yield* issueOf(Backfill.run(job, options))).toContain(problem)
        const run = loosely((options: Backfill.RunOptions) => Backfill.run(job, options))
        expect(yield* issueOf(run({ grace: "soon" }))).toContain("grace must be a duration")
        expect(yield* Effect.flip(Backfill.status("options"))).toMatchObject({ _tag: "SuprsendBackfillNotFound" })
        expect(yield* sandbox.requests).toEqual([])
      })))
  })

  describe("pages", () => {
    it.effect("of a source that ignores the cursor end, instead of repeating forever", () =>
      Effect.gen(function*() {
        const rows = Backfill.pages(undefined, { page: () => Effect.succeed(["a", "b"]), cursor: (id) => id })
        const exit = yield* Effect.exit(Stream.runDrain(rows))
        expect(Exit.isFailure(exit) && Cause.pretty(exit.cause)).toContain("page must return rows after the cursor")
      }))

    const rows = ids(10)
    const pageOf = (asked: Array<string | undefined>, size: number) => (cursor: string | undefined) =>
      Effect.sync(() => {
        asked.push(cursor)
        return rows.filter((id) => cursor === undefined || id > cursor).slice(0, size)
      })
    const cursor = (id: string) => id

    it.effect("ends at an empty page, and begins after the cursor", () =>
      Effect.gen(function*() {
        const asked: Array<string | undefined> = []
        const all = yield* Stream.runCollect(Backfill.pages(undefined, { page: pageOf(asked, 4), cursor }))
        expect(Chunk.toReadonlyArray(all)).toEqual(rows)
        expect(asked).toEqual([undefined, rows[3], rows[7], rows[9]])
        const rest = yield* Stream.runCollect(Backfill.pages(rows[6], { page: pageOf([], 4), cursor }))
        expect(Chunk.toReadonlyArray(rest)).toEqual(rows.slice(7))
      }))

    it.effect("reads one page ahead, and no further", () =>
      Effect.gen(function*() {
        const asked: Array<string | undefined> = []
        const pulled = yield* Stream.runHead(
          Backfill.pages(undefined, { page: pageOf(asked, 2), cursor }).pipe(
            Stream.mapChunksEffect((chunk) =>
              Effect.as(
                Effect.iterate(0, {
                  while: (turns) => turns < 50 && asked.length < 2,
                  body: (turns) => Effect.as(Effect.yieldNow(), turns + 1)
                }),
                chunk
              )
            ),
            Stream.map((id) => [id, asked.length] as const)
          )
        )
        expect(Option.getOrThrow(pulled)[0]).toBe(rows[0])
        expect(Option.getOrThrow(pulled)[1]).toBeGreaterThanOrEqual(2)
        expect(asked.length).toBeLessThanOrEqual(3)
      }))

    it.effect("passes the error of a page, after the rows before it", () =>
      Effect.gen(function*() {
        const failed = new SourceFailed({ at: "page" })
        const seen: Array<string> = []
        const error = yield* Backfill.pages(undefined, {
          page: (after) => after === undefined ? Effect.succeed(["a", "b"]) : Effect.fail(failed),
          cursor
        }).pipe(Stream.runForEach((id) => Effect.sync(() => seen.push(id))), Effect.flip)
        expect(error).toEqual(failed)
        expect(seen).toEqual(["a", "b"])
      }))
  })
})
