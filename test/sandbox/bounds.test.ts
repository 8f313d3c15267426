import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as RedBlackTree from "effect/RedBlackTree"
import * as TestClock from "effect/TestClock"
import * as faultJson from "../../src/internal/sandbox/faults/faultJson.js"
import { makeMachine } from "../../src/internal/sandbox/machine.js"
import * as view from "../../src/internal/sandbox/server/view.js"
import * as profiles from "../../src/internal/sandbox/store/profile.js"
import * as state from "../../src/internal/sandbox/store/state.js"
import { byHand, event, signedHeaders } from "../utils/byHand.js"
import { until } from "../utils/until.js"

/** Milliseconds of this thread, by which a machine that is busy elsewhere is not blamed on us. */
const cpu = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const before = process.cpuUsage()
    const result = yield* effect
    const { system, user } = process.cpuUsage(before)
    return { result, millis: (user + system) / 1_000 }
  })

const machine = (options: Sandbox.Options = {}) =>
  Effect.map(makeMachine(options), ({ look, respond, sandbox }) => ({
    sandbox,
    look,
    send: (method: "GET" | "POST", uri: string, body = "") =>
      Effect.map(
        respond({ method, uri, body, headers: signedHeaders(method, uri, body) }),
        (exchange) => exchange._tag === "Response" ? { status: exchange.status, body: exchange.body } : undefined
      ),
    /** Without any credentials. */
    unsigned: (uri: string, body: string) => respond({ method: "POST", uri, body, headers: { x: "y".repeat(100) } })
  }))

const filled = (users: number, options?: Sandbox.Options) =>
  Effect.gen(function*() {
    const made = yield* machine(options)
    for (const some of Arr.chunksOf(Arr.range(0, users - 1), 1_000)) {
      const events = some.map((n) =>
        event(`user-${n}`, [{ $set: { n, plan: "pro" } }, { $append: { $email: `user-${n}@example.com` } }])
      )
      yield* made.send("POST", "/event/", JSON.stringify(events))
    }
    return made
  })

describe("requests that are remembered", () => {
  it.effect("have so many characters together, whoever sends them, and the latest are there", () =>
    Effect.gen(function*() {
      const { sandbox, unsigned } = yield* machine({ keepCharacters: 10_000, keepRequests: 50 })
      for (const n of Arr.range(1, 100)) yield* unsigned(`/${n}`, "x".repeat(n * 20))
      const requests = yield* sandbox.requests
      expect(requests.reduce((sum, { body }) => sum + body.length, 0)).toBeLessThanOrEqual(10_000)
      expect(requests.at(-1)?.uri).toBe("/100")
      expect(requests.length).toBeGreaterThan(3)
      // The headers count as well.
      for (const n of Arr.range(1, 200)) yield* unsigned(`/${n}`, "")
      expect((yield* sandbox.requests).length).toBe(50)
      yield* unsigned("/long", "x".repeat(20_000))
      expect((yield* sandbox.requests).map(({ uri }) => uri)).toEqual(["/long"])
    }))

  it.effect("of one insert id are counted, and of very many times the first and the latest are kept", () =>
    Effect.gen(function*() {
      const { sandbox, send } = yield* machine({ keepRequests: 0 })
      const body = JSON.stringify(event("ada", []))
      yield* send("POST", "/event/", body)
      yield* TestClock.adjust("1 minute")
      for (const _ of Arr.range(1, 1_200)) yield* send("POST", "/event/", body)
      yield* TestClock.adjust("1 minute")
      yield* send("POST", "/event/", body)
      const [delivery] = yield* sandbox.deliveries
      expect(delivery?.arrivals).toHaveLength(1_000)
      expect([delivery?.arrivals.at(0), delivery?.arrivals.at(-1)]).toEqual([0, 120_000])
    }))
})

describe("nesting", () => {
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`

  it.effect("that could not be shown again is refused, and what an edit may have is not", () =>
    Effect.gen(function*() {
      const { sandbox, send, unsigned } = yield* machine()
      const body = (depth: number) =>
        JSON.stringify(event("ada", [{ $set: { deep: "here" } }])).replace("\"here\"", nested(depth))
      for (const depth of [3_000, 100_000, 900_000]) {
        expect(yield* send("POST", "/event/", body(depth))).toMatchObject({ status: 400 })
        expect(yield* send("POST", "/v1/user/ada/", `{"a":${nested(depth)}}`)).toMatchObject({ status: 400 })
      }
      expect(yield* send("POST", "/event/", body(2_000))).toMatchObject({ status: 202 })
      expect(yield* send("GET", "/v1/user/ada/")).toMatchObject({ status: 200 })
      const snapshot = yield* sandbox.snapshot
      yield* sandbox.restore(snapshot)
      expect((yield* Effect.flip(sandbox.restore(snapshot.replace("[[", nested(50_000)))))._tag).toBe("InvalidSnapshot")
      // It is remembered as it came, and printed without being walked through.
      yield* unsigned("/event/", nested(1_000_000))
      expect(JSON.stringify(yield* sandbox.requests)).toContain("<too deep>")
    }))

  it.effect("of any text is told in one look", () =>
    Effect.gen(function*() {
      const { look, unsigned } = yield* machine()
      for (const n of Arr.range(1, 100)) yield* unsigned(`/${n}`, nested(1_000).repeat(10))
      const { millis } = yield* cpu(Effect.flatMap(look, (now) => view.make(now)))
      expect(millis).toBeLessThan(1_000)
    }))
})

describe("faults as JSON", () => {
  const nested = (depth: number, inner: unknown = { _tag: "ResetPeer" }) =>
    Arr.reduce(Arr.range(1, depth), inner, (fault, i) =>
      i % 3 === 0
        ? { _tag: "On", endpoint: "POST /event/", fault }
        : i % 3 === 1
        ? { _tag: "Next", times: 1, fault }
        : { _tag: "InOrder", faults: [fault] })

  it.effect("are read in a time that grows with their length, right or wrong", () =>
    Effect.gen(function*() {
      for (const inner of [{ _tag: "ResetPeer" }, { _tag: "ResetPeer", applied: "x" }, { _tag: "Wrong" }, 7, null]) {
        const { millis } = yield* cpu(Effect.sync(() => {
          for (const depth of [14, 20, 31]) faultJson.decode(JSON.stringify([nested(depth, inner)]))
        }))
        expect(millis).toBeLessThan(1_000)
      }
    }))

  it("are at most 1,000, and at most 32 inside of each other", () => {
    const decode = (json: unknown) => faultJson.decode(JSON.stringify(json))
    const cut = { _tag: "ResetPeer" }
    expect(Either.isRight(decode([nested(31)]))).toBe(true)
    expect(decode([nested(32)])).toMatchObject(
      Either.left(expect.stringMatching("more than 32 levels of nested faults"))
    )
    expect(Either.isRight(decode(Arr.replicate(cut, 1_000)))).toBe(true)
    const many = Either.left("there are more than 1,000 faults")
    expect(decode(Arr.replicate(cut, 1_001))).toEqual(many)
    expect(decode([{ _tag: "Together", faults: Arr.replicate(cut, 1_000) }])).toEqual(many)
    expect(decode(Arr.replicate({ _tag: "InOrder", faults: [cut, cut] }, 500))).toEqual(many)
  })

  it.prop(
    "that are wrong say so in at most two lines, and show little of what they are",
    {
      json: FastCheck.oneof(
        FastCheck.json(),
        FastCheck.json().map((text) => `[{"_tag":"Next","times":1,"fault":${text}}]`),
        FastCheck.json().map((text) => `[{"_tag":"Status","status":${text},"body":${text},"headers":${text}}]`),
        FastCheck.string().map((text) => JSON.stringify([{ _tag: "On", endpoint: text, fault: { _tag: text } }])),
        FastCheck.string().map((text) => JSON.stringify([{ _tag: "ResetPeer", [text]: text.repeat(1_000) }]))
      )
    },
    ({ json }) => {
      const decoded = faultJson.decode(json)
      if (Either.isRight(decoded)) return
      const lines = decoded.left.split("\n")
      expect(lines.length).toBeLessThanOrEqual(2)
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(250)
      expect(decoded.left).not.toBe("")
    }
  )
})

describe("large states", () => {
  it.live("cost the page no more than small ones, and a page of users too", () =>
    Effect.gen(function*() {
      const { look, send } = yield* filled(20_000, { keepRequests: 10 })
      const see = (filter: string) => Effect.flatMap(look, (now) => view.make(now, filter))
      yield* see("")
      const { millis, result } = yield* cpu(Effect.repeatN(see(""), 19))
      expect(result.users).toMatchObject({ total: 20_000, latest: { length: 100 } })
      expect(result.users.latest[0]?.distinctId).toBe("user-19999")
      expect(millis / 20).toBeLessThan(50)
      const pages = yield* cpu(Effect.gen(function*() {
        let after = ""
        for (const n of Arr.range(0, 19)) {
          const { meta, results } = JSON.parse((yield* send("GET", `/v1/user/?limit=10${after}`))?.body ?? "")
          expect(results[0].distinct_id).toBe(`user-${n * 10}`)
          expect(meta).toMatchObject({ count: 20_000, has_prev: n > 0, has_next: true })
          after = `&after=${meta.after}`
        }
      }))
      expect(pages.millis / 20).toBeLessThan(50)
    }), 60_000)

  it.live("are searched while other work goes on", () =>
    Effect.gen(function*() {
      const { look, sandbox } = yield* filled(20_000, { keepRequests: 10 })
      for (
        const [effect, holds] of [
          [
            Effect.map(Effect.flatMap(look, (now) => view.make(now, "user-7\"")), ({ users }) => users.latest.length),
            1
          ],
          [Effect.map(Effect.flatMap(look, (now) => view.make(now, "nowhere")), ({ users }) => users.latest.length), 0],
          [Effect.map(sandbox.snapshot, (text) => JSON.parse(text).state.accounts.length), 20_000],
          [Effect.flatMap(sandbox.snapshot, (text) => Effect.as(Effect.orDie(sandbox.restore(text)), 1)), 1]
        ] as const
      ) {
        const turns: Array<number> = []
        const result = yield* Effect.raceFirst(
          effect,
          Effect.zipRight(
            until(Effect.map(Clock.currentTimeMillis, (now) => turns.push(now)), () => false),
            Effect.never
          )
        )
        expect(result).toBe(holds)
        expect(turns.length).toBeGreaterThan(10)
      }
    }), 60_000)

  it.effect("are searched in what is shown, and in nothing of what is not", () =>
    Effect.gen(function*() {
      const { look, send } = yield* machine()
      yield* send(
        "POST",
        "/event/",
        JSON.stringify([
          event("ada", [{ $set: { plan: "pro", note: "a\"b\\c\nd" } }, { $append: { $androidpush: "secret-token" } }]),
          event("eve", [{ $append: { $email: "eve@example.com" } }])
        ])
      )
      const found = (filter: string) =>
        Effect.map(
          Effect.flatMap(look, (now) => view.make(now, filter)),
          ({ requests, users }) => [users.latest.map(({ distinctId }) => distinctId).sort(), requests.latest.length]
        )
      const ada = [["ada"], 1]
      expect(yield* found(" ")).toEqual([["ada", "eve"], 1])
      for (const filter of ["PRO", "\"plan\": \"pro\"", "a\\\"b\\\\c\\nd"]) expect(yield* found(filter)).toEqual(ada)
      expect(yield* found("androidpush: <redacted>")).toEqual([["ada"], 0])
      expect(yield* found("email: eve@example")).toEqual([["eve"], 0])
      expect(yield* found("post /event/ 202")).toEqual([[], 1])
      for (const filter of ["secret-token", "secret", "nowhere"]) expect(yield* found(filter)).toEqual([[], 0])
    }))

  it.effect("of one user are cut where they are shown", () =>
    Effect.gen(function*() {
      const { look, send } = yield* machine()
      const emails = Arr.makeBy(500, (n) => ({ $append: { $email: `${n}@example.com` } }))
      yield* send("POST", "/event/", JSON.stringify(event("ada", [{ $set: { a: "x".repeat(10_000) } }, ...emails])))
      yield* send("POST", "/event/", JSON.stringify({ ...event("eve", [{ $set: { a: "x".repeat(30_000) } }]) }))
      const { requests, users } = yield* Effect.flatMap(look, (now) => view.make(now))
      expect(users.latest[0]?.properties).toBe("30,008 characters")
      expect(users.latest[1]?.properties.length).toBeLessThan(4_100)
      expect(users.latest[1]?.channels[0]?.values).toHaveLength(21)
      expect(users.latest[1]?.channels[0]?.values.at(-1)).toBe("and 480 more")
      expect(requests.latest[0]?.body).toMatch(/^30,\d+ characters$/)
      expect(requests.latest.map(({ n }) => n)).toEqual([1, 0])
    }))
})

describe("a state that cannot be", () => {
  const sound = Effect.gen(function*() {
    const { sandbox, send } = yield* machine({ processingDelay: "1 minute" })
    yield* send("POST", "/v1/user/ada/tenant/acme/", JSON.stringify({ plan: "pro", $email: ["ada@example.com"] }))
    yield* send("POST", "/v1/user/eve/", "{}")
    yield* send("POST", "/event/", JSON.stringify(event("ada", [])))
    yield* TestClock.adjust("2 minutes")
    yield* send("POST", "/event/", JSON.stringify(event("bob", [])))
    return JSON.parse(yield* sandbox.snapshot)
  })

  type Spoil = (state: ReturnType<typeof JSON.parse>) => void

  const cases: ReadonlyArray<readonly [what: string, path: string, spoil: Spoil]> = [
    ["a date beyond all dates", "profile.createdAt", (state) => state.accounts[0][1].profile.createdAt = 8.64e15 + 1],
    ["a date before all dates", "profile.updatedAt", (state) => state.accounts[0][1].profile.updatedAt = -1e300],
    ["a date for a tenant", "tenants.0.1.createdAt", (state) => state.accounts[0][1].tenants[0][1].createdAt = 1e17],
    ["a date that is a text", "profile.createdAt", (state) => state.accounts[0][1].profile.createdAt = "2026-02-31"],
    ["a date that is null", "profile.createdAt", (state) => state.accounts[0][1].profile.createdAt = null],
    ["an arrival", "deliveries.0.1.arrivals.0", (state) => state.deliveries[0][1].arrivals[0] = 1e300],
    ["an application", "deliveries.0.1.applied.0", (state) => state.deliveries[0][1].applied[0] = 1e300],
    ["an event that is due", "pending.0.dueAt", (state) => state.pending[0].dueAt = 1e300],
    ["a user under another id", "accounts.0", (state) => state.accounts[0][0] = "another"],
    ["a user twice", "accounts.2", (state) => state.accounts.push(state.accounts[0])],
    ["two users in one place", "accounts.1", (state) => state.accounts[1][1].sequence = state.accounts[0][1].sequence],
    ["a user beyond the last", "accounts.0", (state) => state.accounts[0][1].sequence = 99],
    [
      "a channel that is none",
      "profile.channels",
      (state) => state.accounts[0][1].profile.channels = { distinct_id: [] }
    ],
    ["an event in no place", "deliveries.0", (state) => state.deliveries[0][1].position = 7],
    ["two events in one place", "deliveries.1", (state) => state.deliveries[1][1].position = 0],
    ["a tenant without a name", "accounts.0", (state) => state.accounts[0][1].tenants[0][0] = ""]
  ]
  for (const [what, path, spoil] of cases) {
    it.effect(`${what} is refused when it is read, and changes nothing`, () =>
      Effect.gen(function*() {
        const snapshot = yield* sound
        const { sandbox } = yield* machine()
        yield* sandbox.restore(JSON.stringify(snapshot))
        const before = yield* sandbox.snapshot
        spoil(snapshot.state)
        const error = yield* Effect.flip(sandbox.restore(JSON.stringify(snapshot)))
        expect(error.message).toContain(path)
        expect(yield* sandbox.snapshot).toBe(before)
      }))
  }

  it.effect.prop(
    "is refused, or answers all that can be asked of it",
    {
      at: FastCheck.nat(1_000),
      value: FastCheck.oneof(FastCheck.jsonValue(), FastCheck.constantFrom(-1, 1e300, 8.65e15, "", null, [], {}))
    },
    ({ at, value }) =>
      Effect.gen(function*() {
        const snapshot = yield* sound
        const { look, sandbox, send } = yield* machine()
        const places: Array<(value: unknown) => void> = []
        const walk = (u: unknown) => {
          if (typeof u !== "object" || u === null) return
          for (const key of Object.keys(u)) {
            places.push((value) => void Reflect.set(u, key, value))
            walk(Reflect.get(u, key))
          }
        }
        walk(snapshot)
        places[at % places.length]?.(value)
        if (Either.isLeft(yield* Effect.either(sandbox.restore(JSON.stringify(snapshot))))) return
        yield* TestClock.adjust("1 hour")
        const ids = ["ada", "eve", "bob", "nobody"]
        for (const uri of ["/v1/user/", ...ids.map((id) => `/v1/user/${id}/`), "/v1/user/ada/tenant/"]) {
          expect((yield* send("GET", uri))?.status).toBeOneOf([200, 404])
        }
        yield* sandbox.users
        yield* sandbox.deliveries
        yield* Effect.flatMap(look, (now) => view.make(now, "a"))
        yield* sandbox.restore(yield* sandbox.snapshot)
      }),
    { fastCheck: { numRuns: 100 } }
  )
})

describe("the order of users", () => {
  const id = FastCheck.constantFrom("a", "b", "c", "d", "e")
  const tenants = FastCheck.uniqueArray(FastCheck.constantFrom("x", "y", "z"))
  const step = FastCheck.oneof(
    FastCheck.record({ put: id, tenants }),
    FastCheck.record({ forget: id })
  )

  it.prop("is that in which they were made, for each tenant too, whatever is deleted", {
    steps: FastCheck.array(step, { maxLength: 60 })
  }, ({ steps }) => {
    let world = state.empty
    let model: ReadonlyArray<{ readonly id: string; readonly tenants: ReadonlyArray<string> }> = []
    for (const one of steps) {
      if ("forget" in one) {
        world = state.forget(world, one.forget)
        model = model.filter(({ id }) => id !== one.forget)
        continue
      }
      const before = Option.getOrUndefined(state.account(world, one.put))
      const sequence = before?.sequence ?? world.sequence + 1
      world = state.put({ ...world, sequence: Math.max(sequence, world.sequence) }, {
        sequence,
        profile: profiles.empty(one.put, 0),
        tenants: new Map(one.tenants.map((tenantId) => [tenantId, profiles.empty(one.put, 0)])),
        preferences: new Map()
      })
      const made = { id: one.put, tenants: one.tenants }
      model = before === undefined ? [...model, made] : model.map((other) => other.id === one.put ? made : other)
    }
    const ids = Array.from(state.accounts(world), ({ profile }) => profile.distinctId)
    expect(ids).toEqual(model.map(({ id }) => id))
    expect(Array.from(state.accounts(world, "latest first"), ({ profile }) => profile.distinctId)).toEqual(
      ids.reverse()
    )
    for (const tenantId of ["x", "y", "z"]) {
      expect(Array.from(RedBlackTree.values(state.members(world, tenantId)))).toEqual(
        model.filter(({ tenants }) => tenants.includes(tenantId)).map(({ id }) => id)
      )
    }
    expect(HashMap.size(world.accounts)).toBe(model.length)
  })

  it.effect("is followed by cursors that hold when users before them are deleted", () =>
    Effect.gen(function*() {
      yield* byHand("POST", "/event/", Arr.makeBy(9, (n) => event(`user-${n}`, [])))
      const read = (query: string) =>
        Effect.map(byHand("GET", `/v1/user/?limit=3${query}`), ({ json }) => {
          const { meta, results } = Object(json())
          return { meta, ids: Arr.map(results, (user) => Object(user).distinct_id) }
        })
      const first = yield* read("")
      expect([first.meta.has_prev, first.meta.before, first.meta.has_next]).toEqual([false, null, true])
      yield* byHand("DELETE", "/v1/bulk/user/", { distinct_ids: ["user-1", "user-2", "user-4"] })
      const second = yield* read(`&after=${first.meta.after}`)
      expect(second.ids).toEqual(["user-3", "user-5", "user-6"])
      const third = yield* read(`&after=${second.meta.after}`)
      expect([third.ids, third.meta.has_next]).toEqual([["user-7", "user-8"], false])
      const back = yield* read(`&before=${third.meta.before}`)
      expect([back.ids, back.meta.has_prev]).toEqual([["user-3", "user-5", "user-6"], true])
      const start = yield* read(`&before=${back.meta.before}`)
      expect([start.ids, start.meta.has_prev, start.meta.count]).toEqual([["user-0"], false, 6])
      expect((yield* read(`&after=${third.meta.after}`)).ids).toEqual([])
    }).pipe(Effect.provide(Sandbox.layer)))
})
