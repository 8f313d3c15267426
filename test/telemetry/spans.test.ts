import { describe, expect, it } from "@effect/vitest"
import * as PreferencesService from "effect-suprsend/PreferencesService"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"
import { loggers } from "../utils/printed.js"
import { answer, broken, never, scripted } from "../utils/scripted.js"
import { inAnHour } from "../utils/time.js"
import { type RecordedSpan, recording } from "../utils/tracer.js"

const id = "user-1017@example.com"

const tenant = "tenant-2093"

const users = UsersService.UsersService

const get = Effect.flatMap(users, (users) => users.get(id))

const accepted = answer(202, "OK")

const editOf = (i: number) => UserEdit.set(UserEdit.edit(`user-${i}`), "plan", "pro")

const parentOf = ({ parent }: RecordedSpan) =>
  Option.match(parent, { onNone: () => undefined, onSome: (span) => span._tag === "Span" ? span.name : undefined })

const tree = (spans: ReadonlyArray<RecordedSpan>) => spans.map((span) => [span.name, span.kind, parentOf(span)])

const isInterrupted = ({ exit }: RecordedSpan) =>
  exit !== undefined && Exit.isFailure(exit) && Cause.isInterruptedOnly(exit.cause)

const duration = ({ status }: RecordedSpan) =>
  status._tag === "Ended" ? Duration.toMillis(Duration.nanos(status.endTime - status.startTime)) : undefined

describe("an interruption that was meant", () => {
  const interruptions = {
    "of the caller": (layer: Layer.Layer<UsersService.UsersService, ConfigError.ConfigError>) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(Effect.provide(get, layer))
        yield* TestClock.adjust("1 second")
        yield* Fiber.interrupt(fiber)
      }),
    "of a client that closes": (layer: Layer.Layer<UsersService.UsersService, ConfigError.ConfigError>) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        const fiber = yield* Effect.fork(Effect.provide(get, yield* Layer.buildWithScope(layer, scope)))
        yield* TestClock.adjust("1 second")
        yield* Scope.close(scope, Exit.void)
        yield* Fiber.await(fiber)
      }),
    "of a bulk that stops": (layer: Layer.Layer<UsersService.UsersService, ConfigError.ConfigError>) =>
      Effect.provide(
        inAnHour(Effect.flatMap(users, (users) =>
          users.bulkEdit([editOf(1)], { stopWhen: Effect.sleep("1 second"), grace: "1 second" }))),
        layer
      )
  }
  for (const [how, run] of Object.entries(interruptions)) {
    it.effect(`is no error of the attempt or the call: one ${how}`, () =>
      Effect.gen(function*() {
        const { spans, tracer } = recording()
        yield* Effect.withTracer(run(scripted([never]).layer), tracer)
        const attempts = spans.filter(({ kind }) => kind === "client")
        expect(attempts).toHaveLength(1)
        for (const span of spans) {
          expect(span.attributes.has("error.type")).toBe(false)
          // The bulk itself returns its report.
          expect(isInterrupted(span) || span.name === "UsersService.bulkEdit").toBe(true)
        }
      }))
  }
})

/** Lets other fibers run before one step, where the default waits for 2,048 steps. */
class YieldOnce extends Scheduler.MixedScheduler {
  private steps = 0

  constructor(private readonly step: number) {
    super(2_048)
  }

  override shouldYield(): number | false {
    return this.steps++ === this.step ? 0 : false
  }
}

describe("a call that is interrupted at any step", () => {
  it.effect("ends its spans", () => {
    const { layer } = scripted([never])
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      yield* Effect.gen(function*() {
        for (let step = 0; step < 100; step++) {
          const fiber = yield* Effect.fork(Effect.withScheduler(get, new YieldOnce(step)))
          yield* Effect.yieldNow()
          yield* Fiber.interrupt(fiber)
        }
      }).pipe(Effect.provide(layer), Effect.withTracer(tracer))
      expect(spans.filter(({ kind }) => kind === "client").length).toBeGreaterThan(0)
      expect(spans.filter((span) => !isInterrupted(span)).map(({ name }) => name)).toEqual([])
    })
  })
})

describe("a wait for the limiter", () => {
  it.effect("is a span of its own, as long as the wait", () => {
    const { layer } = scripted([accepted], { rateLimit: { limit: 1, window: "1 second" } })
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      const send = Effect.flatMap(users, (users) => users.asyncEdit(editOf(1)))
      yield* inAnHour(Effect.zipRight(send, send)).pipe(Effect.withTracer(tracer), Effect.provide(layer))
      const call = "UsersService.asyncEdit"
      expect(tree(spans)).toEqual([
        [call, "internal", undefined],
        ["POST /event/", "client", call],
        [call, "internal", undefined],
        ["suprsend.limiter.wait", "internal", call],
        ["POST /event/", "client", call]
      ])
      expect(spans.map(duration)).toEqual([0, 0, 1000, 1000, 0])
    })
  })

  it.effect("is visible too where no slot was free in time", () => {
    const { layer } = scripted([accepted], { rateLimit: { limit: 1, window: "1 hour" } })
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      const send = Effect.flatMap(users, (users) => users.asyncEdit(editOf(1)))
      yield* inAnHour(Effect.zipRight(send, Effect.exit(send))).pipe(
        withRequestOptions({ retry: { elapsed: "10 seconds" } }),
        Effect.withTracer(tracer),
        Effect.provide(layer)
      )
      expect(spans.slice(2).map(({ name }) => name)).toEqual(["UsersService.asyncEdit", "suprsend.limiter.wait"])
      expect(spans.slice(2).map(duration)).toEqual([10_000, 10_000])
    })
  })
})

describe("a bulk", () => {
  it.effect("has a span with a child for each request, and each of those one for each attempt", () => {
    const { layer } = scripted([answer(503), accepted, accepted])
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      yield* inAnHour(Effect.flatMap(users, (users) => users.bulkEdit(Arr.makeBy(500, editOf), { concurrency: 1 })))
        .pipe(
          Effect.withTracer(tracer),
          Effect.provide(layer)
        )
      expect(tree(spans)).toEqual([
        ["UsersService.bulkEdit", "internal", undefined],
        ["UsersService.bulkEdit.request", "internal", "UsersService.bulkEdit"],
        ["POST /event/", "client", "UsersService.bulkEdit.request"],
        ["POST /event/", "client", "UsersService.bulkEdit.request"],
        ["UsersService.bulkEdit.request", "internal", "UsersService.bulkEdit"],
        ["POST /event/", "client", "UsersService.bulkEdit.request"]
      ])
      expect(Object.fromEntries(spans[0]?.attributes ?? [])).toEqual({
        "suprsend.bulk.accepted": 500,
        "suprsend.bulk.rejected": 0,
        "suprsend.bulk.invalid": 0,
        "suprsend.bulk.unknown": 0,
        "suprsend.bulk.unsent": 0
      })
      expect(spans.map(({ attributes }) => attributes.get("suprsend.bulk.records"))).toEqual([
        undefined,
        400,
        undefined,
        undefined,
        100,
        undefined
      ])
    })
  })

  it.effect("of ids has them too, and so has a stream", () => {
    const { layer } = scripted([answer(204, null)])
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      yield* Effect.flatMap(users, (users) =>
        Effect.zipRight(
          users.bulkDelete([id]),
          Effect.exit(Stream.runDrain(users.bulkEditStream([editOf(1)])))
        )).pipe(withRequestOptions({ retry: { attempts: 1 } }), Effect.withTracer(tracer), Effect.provide(layer))
      expect(tree(spans).slice(0, 5)).toEqual([
        ["UsersService.bulkDelete", "internal", undefined],
        ["UsersService.bulkDelete.request", "internal", "UsersService.bulkDelete"],
        ["DELETE /v1/bulk/user/", "client", "UsersService.bulkDelete.request"],
        ["UsersService.bulkEdit", "internal", undefined],
        ["UsersService.bulkEdit.request", "internal", "UsersService.bulkEdit"]
      ])
      expect(spans.every(({ status }) => status._tag === "Ended")).toBe(true)
    })
  })

  it.effect("is the parent of what its source runs", () =>
    Effect.gen(function*() {
      const { spans, tracer } = recording()
      const source = Stream.mapEffect(Stream.range(1, 1), (i) => Effect.withSpan(Effect.succeed(editOf(i)), "read"))
      yield* Effect.flatMap(users, (users) => users.bulkEdit(source)).pipe(Effect.withTracer(tracer))
      expect(spans.filter(({ name }) => name === "read").map(parentOf)).toEqual(["UsersService.bulkEdit"])
    }).pipe(Effect.provide(Suprsend.layerTest)))
})

describe("an edit that is batched", () => {
  it.effect("links to the request that carried it, which has no parent", () => {
    const { layer } = scripted([accepted])
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      yield* inAnHour(
        Effect.flatMap(
          users,
          (users) => Effect.forEach(Arr.range(1, 3), (i) => users.asyncEdit(editOf(i)), { concurrency: "unbounded" })
        )
      ).pipe(
        Effect.withSpan("program"),
        Effect.provide(Layer.provide(UsersService.layerBatched(), layer)),
        Effect.withTracer(tracer)
      )
      const edits = spans.filter(({ name }) => name === "UsersService.asyncEdit")
      const [request, ...others] = spans.filter(({ name }) => name === "UsersService.asyncEdit.request")
      expect(others).toEqual([])
      expect(request && parentOf(request)).toBe(undefined)
      expect(edits.map(parentOf)).toEqual(["program", "program", "program"])
      for (const { links } of edits) expect(links.map(({ span }) => span.spanId)).toEqual([request?.spanId])
    })
  })
})

/** All that may be exported of what a program does: spans, with their statuses, and what is logged within them. */
const exported = <A, E>(
  program: Effect.Effect<A, E, UsersService.UsersService>,
  layer: Layer.Layer<UsersService.UsersService, ConfigError.ConfigError>
) =>
  Effect.gen(function*() {
    const { spans, texts, tracer } = recording()
    yield* inAnHour(Effect.exit(program)).pipe(
      withRequestOptions({ retry: { attempts: 2 } }),
      Effect.provide(layer),
      Effect.provide(loggers([])),
      Effect.withTracer(tracer)
    )
    return { spans, texts: texts() }
  })

describe("no span names a user or a tenant", () => {
  const edit = UserEdit.set(UserEdit.edit(id, { tenantId: tenant }), "plan", "pro")
  const calls: Record<string, Effect.Effect<unknown, unknown, UsersService.UsersService>> = {
    get,
    getForTenant: Effect.flatMap(users, (users) => users.getForTenant(id, tenant)),
    list: Effect.flatMap(users, (users) => users.list({ tenantId: tenant })),
    asyncEdit: Effect.flatMap(users, (users) => users.asyncEdit(edit)),
    edit: Effect.flatMap(users, (users) => users.edit(edit)),
    merge: Effect.flatMap(users, (users) => users.merge(tenant, id)),
    bulkEdit: Effect.flatMap(users, (users) => users.bulkEdit([edit])),
    bulkDelete: Effect.flatMap(users, (users) => users.bulkDelete([id])),
    bulkEditStream: Effect.flatMap(users, (users) => Stream.runDrain(users.bulkEditStream([edit]))),
    "an edit that is invalid": Effect.flatMap(users, (users) => users.asyncEdit(UserEdit.set(edit, "", id))),
    "a source that fails": Effect.flatMap(users, (users) => users.bulkEdit(Stream.fail(new Error(`no row of ${id}`))))
  }
  const says = `User '${id}' of ${tenant} does not exist`
  const ends = {
    "a message of the server": [answer(404, JSON.stringify({ message: says }))],
    "a failure that is retried": [answer(503, JSON.stringify({ message: says }))],
    "a page": [answer(200, `<html>${says}</html>`, { "content-type": "text/html" })],
    "another response": [answer(200, JSON.stringify({ message: says }))],
    "an error of the runtime": [
      broken("ECONNRESET", `reset at /v1/user/${encodeURIComponent(id)}/ of ${id} ${tenant}`)
    ],
    "an error without a code": [() => Effect.fail(new Error(says))],
    "an error that is a text": [() => Effect.fail(says)],
    "a code that is a text": [() => Effect.fail(Object.assign(new Error(says), { code: says }))],
    "a defect": [() => Effect.die(new Error(says))]
  }
  for (const [name, call] of Object.entries(calls)) {
    for (const [end, answers] of Object.entries(ends)) {
      it.effect(`${name}, over ${end}`, () =>
        Effect.gen(function*() {
          const { spans, texts } = yield* exported(call, scripted(answers).layer)
          expect(spans.length).toBeGreaterThan(0)
          for (const text of texts) {
            for (const secret of [id, "user-1017", encodeURIComponent(id), tenant, "plan"]) {
              expect(text).not.toContain(secret)
            }
          }
          expect(spans.every(({ status }) => status._tag === "Ended")).toBe(true)
        }))
    }
  }

  it.effect("nor does one of preferences", () => {
    const { layer } = scripted([answer(404, JSON.stringify({ message: says }))])
    return Effect.gen(function*() {
      const { texts, tracer } = recording()
      yield* Effect.exit(
        Effect.flatMap(
          PreferencesService.PreferencesService,
          (preferences) => preferences.get(id, { tenantId: tenant })
        )
      ).pipe(
        Effect.provide(Layer.provide(PreferencesService.layer, layer)),
        Effect.withTracer(tracer)
      )
      for (const text of texts()) expect(text).not.toContain("user-1017")
    })
  })
})

describe("the status of a span", () => {
  it.effect("is the type of the error for an attempt, and its tag for the call", () => {
    const { layer } = scripted([answer(503), broken("ECONNRESET"), never, answer(200, "other")])
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      yield* inAnHour(Effect.exit(get)).pipe(
        withRequestOptions({ retry: { attempts: 3 } }),
        Effect.zipRight(inAnHour(Effect.exit(get))),
        Effect.withTracer(tracer),
        Effect.provide(layer)
      )
      expect(spans.map(({ exit, name }) => [name, exit])).toEqual([
        ["UsersService.get", Exit.fail("SuprsendUnavailable")],
        ["GET /v1/user/{distinct_id}/", Exit.fail("503")],
        ["GET /v1/user/{distinct_id}/", Exit.fail("ECONNRESET")],
        ["GET /v1/user/{distinct_id}/", Exit.fail("timeout")],
        ["UsersService.get", Exit.fail("SuprsendUnexpectedResponse")],
        ["GET /v1/user/{distinct_id}/", Exit.void]
      ])
    })
  })
})

describe("a client that is wrapped", () => {
  it.effect("runs in the span of the attempt", () => {
    const parents: Array<string> = []
    const { layer } = scripted([
      () =>
        Effect.flatMap(Effect.currentSpan, (span) => {
          parents.push(span.name)
          return Effect.succeed(new Response("OK", { status: 202 }))
        })
    ])
    return Effect.gen(function*() {
      yield* Effect.flatMap(users, (users) => users.asyncEdit(editOf(1))).pipe(Effect.provide(layer))
      expect(parents).toEqual(["POST /event/"])
    })
  })
})

describe("without a tracer", () => {
  it.effect("nothing is traced, and everything works", () => {
    const { layer, sent } = scripted([answer(503), accepted], { rateLimit: { limit: 1, window: "1 second" } })
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      yield* inAnHour(Effect.flatMap(users, (users) => users.asyncEdit(editOf(1)))).pipe(
        Effect.withTracerEnabled(false),
        Effect.withTracer(tracer),
        Effect.provide(layer)
      )
      expect(sent).toHaveLength(2)
      expect(spans).toEqual([])
    })
  })
})

describe("what is logged in a call", () => {
  it.effect("is an event of its span", () => {
    const { layer } = scripted([answer(503), accepted])
    return Effect.gen(function*() {
      const { spans, tracer } = recording()
      yield* inAnHour(Effect.flatMap(users, (users) => users.asyncEdit(editOf(1)))).pipe(
        Effect.provide(layer),
        Effect.withTracer(tracer)
      )
      expect(spans[0]?.events.map(([name]) => name)).toEqual([
        expect.stringMatching(/^UsersService\.asyncEdit: attempt 1 failed \(status 503\); retry in /)
      ])
      expect(inspect(spans)).not.toContain("user-1")
    })
  })
})
