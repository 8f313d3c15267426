import { SystemError } from "@effect/platform/Error"
import * as Terminal from "@effect/platform/Terminal"
import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import * as Bulk from "effect-suprsend/Bulk"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendError from "effect-suprsend/SuprsendError"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import * as Hash from "effect/Hash"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import * as progress from "../../src/internal/bulk/progress.js"
import { asEdit, untyped } from "../utils/untyped.js"

const error = FastCheck.oneof(
  FastCheck.record({ attempts: FastCheck.nat(4), status: FastCheck.constantFrom(400, 422) }).map((
    { attempts, status }
  ) => new SuprsendError.SuprsendRejected({ call: "UsersService.bulkEdit", attempts, applied: "no", status })),
  FastCheck.nat(9_999).map((wait) =>
    new SuprsendError.SuprsendRateLimited({
      call: "UsersService.bulkEdit",
      attempts: 4,
      applied: "no",
      retryAfter: Duration.millis(wait),
      serverMessage: "slower"
    })
  ),
  FastCheck.string().map((message) =>
    new SuprsendError.InvalidUserEdit({
      call: "UsersService.bulkEdit",
      distinctId: "ada",
      issues: [{ path: ["operations", 0], message }]
    })
  ),
  FastCheck.constant(
    new SuprsendError.SuprsendUnavailable({
      call: "UsersService.bulkEdit",
      attempts: 2,
      applied: "unknown",
      reason: "Timeout",
      retryable: true,
      insertId: "one"
    })
  )
)

const failedRecord: FastCheck.Arbitrary<Bulk.FailedRecord> = FastCheck.record({
  outcome: FastCheck.constantFrom("invalid", "rejected", "unknown", "unsent"),
  index: FastCheck.nat(),
  edit: Arbitraries.userEdit,
  error
})

const outcome: FastCheck.Arbitrary<Bulk.BulkOutcome> = FastCheck.record({
  success: FastCheck.nat(400),
  failedRecords: FastCheck.array(failedRecord, { maxLength: 4 })
}).map(({ failedRecords, success }) => ({
  success,
  failure: failedRecords.length,
  accepted: [],
  acceptedIndexes: [],
  failedRecords,
  bytes: 100,
  attempts: 1,
  elapsed: Duration.zero
}))

const report = FastCheck.array(outcome, { maxLength: 3 }).map(Bulk.report)

const Json = Schema.parseJson(Bulk.BulkReportSchema)

describe("reports", () => {
  it.prop(
    "combine without regard to brackets, and the empty one changes nothing",
    [report, report, report],
    ([a, b, c]) => {
      expect(Equal.equals(Bulk.combine(Bulk.combine(a, b), c), Bulk.combine(a, Bulk.combine(b, c)))).toBe(true)
      expect(Equal.equals(Bulk.combineAll([a, b, c]), Bulk.combine(Bulk.combine(a, b), c))).toBe(true)
      expect(Equal.equals(Bulk.combine(a, Bulk.empty), a)).toBe(true)
      expect(Equal.equals(Bulk.combine(Bulk.empty, a), a)).toBe(true)
    }
  )

  it.prop("of two parts combine to the report of the whole", [
    FastCheck.array(outcome, { maxLength: 4 }),
    FastCheck.array(outcome, { maxLength: 4 })
  ], ([first, second]) => {
    const whole = Bulk.report([...first, ...second])
    const parts = Bulk.combine(Bulk.report(second))(Bulk.report(first))
    expect(Equal.equals(parts, whole)).toBe(true)
    expect(Hash.hash(parts)).toBe(Hash.hash(whole))
    expect(parts).toEqual(whole)
    expect(parts.total).toBe(parts.success + parts.failure)
    expect(parts.failure).toBe(parts.failedRecords.length)
  })

  it.prop("are equal by content only", [report, report], ([a, b]) => {
    expect(Equal.equals(a, b)).toBe(Schema.encodeSync(Json)(a) === Schema.encodeSync(Json)(b))
  })

  const edit = UserEdit.addAndroidPush(UserEdit.edit("ada"), "secret-token")
  const failed = (outcome: Bulk.FailedOutcome): Bulk.FailedRecord => ({
    outcome,
    index: 0,
    edit,
    error: new SuprsendError.SuprsendRejected({ call: "c", attempts: 1, applied: "no", status: 400 })
  })
  const all = Bulk.report([{
    success: 4_990,
    failure: 5,
    accepted: [],
    acceptedIndexes: [],
    failedRecords: [failed("unknown"), failed("rejected"), failed("unsent"), failed("rejected"), failed("invalid")],
    bytes: 1,
    attempts: 1,
    elapsed: Duration.zero
  }])
  const line = "4,995 records: 4,990 accepted, 1 invalid, 2 rejected, 1 unknown, 1 unsent"

  it("print as a line, and show no token", () => {
    expect(`${all}`).toBe(line)
    expect(`${Bulk.empty}`).toBe("0 records: 0 accepted")
    expect(inspect(all, { depth: 20 })).toBe(line)
    expect(inspect({ report: all })).toBe(`{\n  report: ${line}\n}`)
    const json = JSON.stringify(all)
    expect(JSON.parse(json)).toMatchObject({ status: "partial", success: 4_990, failedRecords: [{}, {}, {}, {}, {}] })
    expect(json).not.toContain("secret-token")
  })

  it.effect("are logged as a line by every logger", () =>
    Effect.gen(function*() {
      const logged: Array<string> = []
      const keep = (logger: Logger.Logger<unknown, unknown>) =>
        Logger.map(logger, (printed) => {
          logged.push(typeof printed === "string" ? printed : inspect(printed, { breakLength: Infinity }))
        })
      for (const logger of [Logger.stringLogger, Logger.logfmtLogger, Logger.jsonLogger, Logger.structuredLogger]) {
        yield* Effect.log(all).pipe(Effect.provide(Logger.replace(Logger.defaultLogger, keep(logger))))
      }
      expect(logged).toHaveLength(4)
      for (const text of logged) {
        expect(text).toContain(line)
        expect(text).not.toContain("\n")
        expect(text).not.toContain("failedRecords")
      }
    }))

  it.effect("about ids, and outcomes, are printed as lines too", () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      yield* users.asyncEdit(edit)
      const ids = yield* users.bulkDelete(["ada", "ada", ".."])
      expect(`${ids}`).toBe("3 records: 2 done, 1 invalid")
      expect(inspect(ids)).toBe(`${ids}`)
      expect(JSON.parse(JSON.stringify(ids))).toMatchObject({
        total: 3,
        failedRecords: [{ index: 2, distinctId: ".." }]
      })
      const outcomes = [...yield* Stream.runCollect(users.bulkEditStream([edit, UserEdit.edit(" ")]))]
      expect(outcomes.map((outcome) => inspect(outcome))).toEqual([
        "1 record: 0 accepted, 1 invalid",
        expect.stringMatching(/^1 record: 1 accepted; \d+ bytes in 1 request, 0$/)
      ])
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("distinguish invalid records from rejected ones, and a second try omits them", () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      const invalid = UserEdit.setTimezone(UserEdit.edit("bad"), "Mars/Olympus")
      const refused = UserEdit.appendOperation(UserEdit.edit("refused"), { $nonsense: 1 })
      const report = yield* users.bulkEdit([invalid, edit, refused])
      expect(`${report}`).toBe("3 records: 1 accepted, 1 invalid, 1 rejected")
      expect(report.failedRecords.map(({ index, outcome }) => [index, outcome])).toEqual([[0, "invalid"], [
        2,
        "rejected"
      ]])
      expect(Bulk.editsToRetry(report).map(({ distinctId }) => distinctId)).toEqual(["refused"])
      expect(Bulk.editsToRetry(report).map(({ insertId }) => insertId)).toEqual([
        report.failedRecords[1]?.edit.insertId
      ])
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.prop("survive JSON", [report], ([report]) => {
    const again = Schema.decodeSync(Json)(Schema.encodeSync(Json)(report))
    expect(Equal.equals(again, report)).toBe(true)
    expect(`${again}`).toBe(`${report}`)
    expect(again.failedRecords.map((record) => record.error.message)).toEqual(
      report.failedRecords.map((record) => record.error.message)
    )
  })

  it("are refused as JSON if they are not reports, with the path of the issue", () => {
    const text = JSON.stringify({ success: 1, failedRecords: [{ outcome: "lost", edit: {}, error: {} }] })
    const decoded = Schema.decodeEither(Json)(text)
    expect(Either.isLeft(decoded) && decoded.left.message).toContain("[\"failedRecords\"]")
  })

  it.effect("of failed records, kept as JSON, are sent again with the same insert ids", () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      const edit = UserEdit.addAndroidPush(UserEdit.edit("ada", { insertId: "kept" }), "token-1")
      const failed = Bulk.report([{
        success: 0,
        failure: 1,
        accepted: [],
        acceptedIndexes: [],
        failedRecords: [{
          outcome: "unknown",
          index: 0,
          edit,
          error: new SuprsendError.SuprsendRejected({ call: "c", attempts: 1, applied: "unknown", status: 400 })
        }],
        bytes: 1,
        attempts: 1,
        elapsed: Duration.zero
      }])
      const text = yield* Schema.encode(Json)(failed)
      const read = yield* Schema.decode(Json)(text)
      const outcomes = yield* Stream.runCollect(users.bulkEditStream(read.failedRecords.map((record) => record.edit)))
      expect([...outcomes].flatMap(({ accepted }) => accepted.map(({ insertId }) => insertId))).toEqual(["kept"])
      expect((yield* users.get("ada")).channels.$androidpush?.[0]?.value).toBe("token-1")
    }).pipe(Effect.provide(Suprsend.layerTest)))
})

describe("a report of an edit that JSON cannot carry", () => {
  it.effect("keeps the rest of the edit, and the reason", () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      const edit = asEdit(untyped(UserEdit.set)(UserEdit.set(UserEdit.edit("ada"), "plan", "pro"), { n: NaN, m: 1 }))
      const report = yield* users.bulkEdit([UserEdit.edit("grace"), edit])
      const text = yield* Schema.encode(Json)(report)
      expect(JSON.parse(text)).toMatchObject({
        success: 1,
        failedRecords: [{
          outcome: "invalid",
          index: 1,
          edit: {
            distinctId: "ada",
            insertId: expect.any(String),
            operations: [{ $set: { plan: "pro" } }, { $set: { n: null, m: 1 } }],
            defects: [{ path: [1, "$set", "n"], message: expect.stringContaining("NaN") }]
          },
          error: {
            _tag: "InvalidUserEdit",
            distinctId: "ada",
            issues: [{ path: ["operations", 1, "$set", "n"], message: expect.stringContaining("NaN") }]
          }
        }]
      })
      const read = yield* Schema.decode(Json)(text)
      expect(Equal.equals(read, yield* Schema.decode(Json)(yield* Schema.encode(Json)(read)))).toBe(true)
      // It is as invalid as it was, and for the same reason.
      const again = yield* users.bulkEdit(read.failedRecords.map(({ edit }) => edit))
      expect(again.failedRecords.map(({ error, outcome }) => [outcome, error.message])).toEqual(
        report.failedRecords.map(({ error, outcome }) => [outcome, error.message])
      )
    }).pipe(Effect.provide(Suprsend.layerTest)))
})

describe("an edit as JSON", () => {
  const EditJson = Schema.parseJson(UserEdit.UserEditSchema)

  it.prop("comes back equal", [Arbitraries.userEdit], ([edit]) => {
    expect(Equal.equals(Schema.decodeSync(EditJson)(Schema.encodeSync(EditJson)(edit)), edit)).toBe(true)
  })

  it("is a copy, which later outcomes do not change", () => {
    const encoded = { distinctId: "ada", operations: [{ $set: { plan: "pro" } }] }
    const edit = Schema.decodeSync(UserEdit.UserEditSchema)(encoded)
    encoded.operations[0] = { $set: { plan: "free" } }
    expect(edit.operations).toEqual([{ $set: { plan: "pro" } }])
  })

  it("stays as invalid as it was", () => {
    const invalid = [
      asEdit(untyped(UserEdit.set)(UserEdit.edit("ada"), "when", new Date(0))),
      asEdit(untyped(UserEdit.set)(UserEdit.edit("ada"), "n", NaN)),
      asEdit(untyped(UserEdit.edit)(undefined)),
      UserEdit.edit("ada", { tenantId: " " }),
      UserEdit.concat(UserEdit.edit("ada"), UserEdit.set(UserEdit.edit("eve"), "a", 1))
    ]
    for (const edit of invalid) {
      expect(Either.isLeft(UserEdit.validate(edit))).toBe(true)
      expect(Either.isLeft(UserEdit.validate(Schema.decodeSync(EditJson)(Schema.encodeSync(EditJson)(edit))))).toBe(
        true
      )
    }
  })
})

const state = FastCheck.record({
  started: FastCheck.nat(1_000_000),
  total: FastCheck.option(FastCheck.nat(5_000_000), { nil: undefined }),
  success: FastCheck.nat(5_000_000),
  failure: FastCheck.nat(5_000)
})

describe("progress", () => {
  it.prop("is never wider than the terminal, nor touches its last column", [
    state,
    FastCheck.nat(10_000_000),
    FastCheck.nat(200)
  ], ([state, passed, columns]) => {
    const line = progress.line(state, state.started + passed, columns)
    expect(line.length).toBeLessThanOrEqual(Math.max(0, columns - 1))
    expect(line).toMatch(/^[ -~]*$/)
  })

  it("says how much is done, how fast, and how long it still takes", () => {
    const at = (success: number, failure: number, seconds: number, total: number | undefined = 10_000) =>
      progress.line({ started: 5_000, total, success, failure }, 5_000 + seconds * 1000, 80)
    expect(at(0, 0, 0)).toBe("[........................................]   0% 0 of 10,000 records, in 0 s")
    expect(at(2_500, 0, 5)).toBe("[#######.......................]  25% 2,500 of 10,000 records, 500/s, 15 s left")
    expect(at(4_990, 10, 100)).toBe("[#######.......]  50% 5,000 of 10,000 records, 10 failed, 50/s, 1 min 40 s left")
    expect(at(10_000, 0, 10)).toBe("[#############################] 100% 10,000 of 10,000 records, 1,000/s, in 10 s")
    expect(at(0, 0, 1, 0)).toBe("[########################################] 100% 0 of 0 records, in 1 s")
    expect(progress.line({ started: 0, total: undefined, success: 1_000, failure: 1 }, 10_000, 80)).toBe(
      "1,001 records, 1 failed, 100/s, in 10 s"
    )
    expect(progress.line({ started: 0, total: 10, success: 5, failure: 0 }, 1_000, 20)).toBe("5 of 10 records, 5/")
    expect(progress.text({ started: 0, total: 100_000, success: 10, failure: 0 }, 10_000)).toBe(
      "10 of 100,000 records, 1/s, 27 h 46 min left"
    )
  })

  const terminal = (isTTY: boolean, display?: Terminal.Terminal["display"]) =>
    Effect.map(Ref.make<ReadonlyArray<string>>([]), (shown) => ({
      shown: Ref.get(shown),
      layer: Layer.succeed(
        Terminal.Terminal,
        Terminal.Terminal.of({
          columns: Effect.succeed(60),
          rows: Effect.succeed(20),
          isTTY: Effect.succeed(isTTY),
          readInput: Effect.never,
          readLine: Effect.never,
          display: display ?? ((text) => Ref.update(shown, (all) => [...all, text]))
        })
      )
    }))

  const passing = (count: number, every: Duration.DurationInput): Stream.Stream<Bulk.BulkOutcome> =>
    Stream.range(1, count).pipe(
      Stream.mapEffect(() =>
        Effect.as(TestClock.adjust(every), {
          success: 400,
          failure: 0,
          accepted: [],
          acceptedIndexes: [],
          failedRecords: [],
          bytes: 1,
          attempts: 1,
          elapsed: Duration.zero
        })
      ),
      Stream.rechunk(1)
    )

  it.effect("is one line on a terminal, drawn at most ten times a second, and at the end", () =>
    Effect.gen(function*() {
      const { layer, shown } = yield* terminal(true)
      const report = yield* passing(10, "30 millis").pipe(
        Bulk.progress({ total: 4_000 }),
        Stream.run(Bulk.sink),
        Effect.provide(layer)
      )
      expect(report.success).toBe(4_000)
      const lines = yield* shown
      expect(lines.length).toBe(4)
      for (const line of lines) expect(line).toMatch(/^\r[ -~]{1,59}\u001b\[K\n?$/)
      expect(lines.map((line) => line.endsWith("\n"))).toEqual([false, false, false, true])
      expect(lines.at(-1)).toContain("4,000 of 4,000 records")
    }))

  it.effect("is a line from time to time without a terminal", () =>
    Effect.gen(function*() {
      const { layer, shown } = yield* terminal(false)
      yield* passing(25, "1 second").pipe(Bulk.progress(), Stream.runDrain, Effect.provide(layer))
      expect(yield* shown).toEqual([
        "4,000 records, 400/s, in 10 s\n",
        "8,000 records, 400/s, in 20 s\n",
        "10,000 records, 400/s, in 25 s\n"
      ])
    }))

  it.effect("closes its line if the bulk fails, and passes the failure on", () =>
    Effect.gen(function*() {
      const { layer, shown } = yield* terminal(true)
      const failing = Stream.concat(passing(1, "1 second"), Stream.fail("broken"))
      const exit = yield* Effect.either(failing.pipe(Bulk.progress(), Stream.runDrain, Effect.provide(layer)))
      expect(exit).toEqual(Either.left("broken"))
      expect((yield* shown).at(-1)?.endsWith("\n")).toBe(true)
    }))

  it.effect("does not affect the bulk if the terminal cannot be written to", () =>
    Effect.gen(function*() {
      const broken = new SystemError({ reason: "Unknown", module: "Terminal", method: "display", description: "EPIPE" })
      const { layer } = yield* terminal(true, () => Effect.fail(broken))
      const report = yield* passing(3, "1 second").pipe(Bulk.progress(), Stream.run(Bulk.sink), Effect.provide(layer))
      expect(report.success).toBe(1_200)
    }))

  it.effect("continues during the grace of an interrupted bulk, and ends after its report", () =>
    Effect.gen(function*() {
      const { layer, shown } = yield* terminal(true)
      const users = yield* UsersService
      const sandbox = yield* Sandbox.Sandbox
      yield* sandbox.script([Sandbox.delay("2 seconds"), Sandbox.delay("4 seconds")])
      const log = yield* Ref.make<ReadonlyArray<string>>([])
      const fiber = yield* Bulk.withProgress(
        { total: 2_000 },
        (onOutcome) =>
          users.bulkEdit(Array.from({ length: 2_000 }, (_, n) => UserEdit.edit(`user-${n}`)), {
            concurrency: 2,
            grace: "10 seconds",
            onOutcome,
            onError: (report) => Effect.flatMap(shown, (lines) => Ref.set(log, [...lines, `${report}`]))
          })
      ).pipe(Effect.provide(layer), Effect.fork)
      yield* TestClock.adjust("1 second")
      const interrupting = yield* Effect.fork(Fiber.interrupt(fiber))
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(interrupting)
      const text = (line: string | undefined) => line?.replace(/^\r|\u001b\[K\n?$/g, "")
      expect((yield* Ref.get(log)).map(text)).toEqual([
        expect.stringContaining("400 of 2,000 records"),
        expect.stringContaining("800 of 2,000 records"),
        "800 records: 800 accepted"
      ])
      const lines = yield* shown
      expect(lines).toHaveLength(3)
      expect(lines[2]).toMatch(/800 of 2,000 records.*\n$/)
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("shows all records of a completed bulk, including invalid ones", () =>
    Effect.gen(function*() {
      const { layer, shown } = yield* terminal(false)
      const users = yield* UsersService
      const report = yield* Bulk.withProgress(
        {},
        (onOutcome) => users.bulkEdit([UserEdit.edit("ada"), UserEdit.edit(" ")], { onOutcome })
      ).pipe(Effect.provide(layer))
      expect(report).toMatchObject({ success: 1, failure: 1 })
      expect(yield* shown).toEqual(["2 records, 1 failed, in 0 s\n"])
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("is not all that is left of a bulk that ends without a report: it is logged, if it has no taker", () =>
    Effect.gen(function*() {
      const users = yield* UsersService
      const logged: Array<unknown> = []
      const logger = Logger.make(({ logLevel, message }) => {
        logged.push([logLevel.label, ...[message].flat()])
      })
      const broken = Stream.concat(Stream.make(UserEdit.edit("ada")), Stream.fail("no more rows"))
      yield* users.bulkEdit(broken).pipe(Effect.flip, Effect.provide(Logger.replace(Logger.defaultLogger, logger)))
      expect(logged).toEqual([["WARN", "UsersService.bulkEdit failed after 1 record: 1 accepted"]])
    }).pipe(Effect.provide(Suprsend.layerTest)))
})
