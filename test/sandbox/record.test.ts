import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Arbitraries from "effect-suprsend/Arbitraries"
import { PreferencesService } from "effect-suprsend/PreferencesService"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Signature from "effect-suprsend/Signature"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Fiber from "effect/Fiber"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/TestClock"
import { inspect } from "node:util"

const users = UsersService.UsersService
const sandbox = Sandbox.Sandbox

/** The users API over a sandbox with these decisions, without a rate limit. */
const over = (options: Sandbox.Options) =>
  UsersService.layer.pipe(
    Layer.provide(SuprsendClient.layerWithoutRateLimiter(Sandbox.credentials)),
    Layer.provide(RateLimiter.layerNoop),
    Layer.provideMerge(Sandbox.layerWith(options))
  )

const pinned = (insertId: string, distinctId = "ada") =>
  UserEdit.increment(UserEdit.edit(distinctId, { insertId }), "visits", 1)

const propertiesOf = (distinctId: string) =>
  Effect.map(
    Effect.flatMap(sandbox, (sandbox) => sandbox.user(distinctId)),
    (user) => Option.getOrUndefined(user)?.properties
  )

/** Posts a body to the events by hand. */
const post = (events: unknown) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const [uri, contentType, body] = ["/event/", "application/json", JSON.stringify(events)]
    const date = new Date(0).toUTCString()
    const authorization = Signature.authorization(
      { method: "POST", uri, body, contentType, date },
      Sandbox.credentials
    )
    const response = yield* client.execute(
      HttpClientRequest.post(`http://sandbox.localhost${uri}`).pipe(
        HttpClientRequest.setBody(HttpBody.text(body, contentType)),
        HttpClientRequest.setHeaders({ "content-type": contentType, date, authorization })
      )
    )
    return response.status
  })

const event = (insertId: string, operations: unknown) => ({
  $insert_id: insertId,
  distinct_id: insertId,
  $user_operations: operations
})

describe("the record", () => {
  it.effect("tells of each insert id how often it arrived, and that it took effect once", () =>
    Effect.gen(function*() {
      const { acceptedInsertIds, attempts, deliveries, script } = yield* sandbox
      yield* script([Sandbox.status(503), Sandbox.resetPeerApplied])
      const edit = UserEdit.increment(UserEdit.edit("ada", { insertId: "first", tenantId: "acme" }), "visits", 1)
      const fiber = yield* Effect.fork((yield* users).asyncEdit(edit))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      yield* (yield* users).asyncEdit(pinned("second"))

      expect((yield* attempts).get("first")?.map((request) => request.status)).toEqual([503, undefined, 202])
      expect((yield* attempts).get("second")?.length).toBe(1)
      expect(yield* acceptedInsertIds).toEqual(["first", "second"])
      const [first, second] = yield* deliveries
      const [, cut, last] = (yield* attempts).get("first") ?? []
      expect(first).toMatchObject({
        insertId: "first",
        distinctId: "ada",
        tenantId: "acme",
        operations: edit.operations,
        arrivals: [cut?.at, last?.at],
        applied: [cut?.at]
      })
      expect(second).toMatchObject({ insertId: "second", tenantId: undefined, applied: [60_000] })
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect("has an entry for each edit of a bulk call, and none for what was refused", () =>
    Effect.gen(function*() {
      const { attempts, deliveries } = yield* sandbox
      yield* (yield* users).bulkEdit(Arr.makeBy(5, (i) => pinned(`id-${i}`, `user-${i}`)))
      yield* post([event("good", []), event("bad", "no list")])
      expect((yield* deliveries).map(({ applied, insertId }) => [insertId, applied.length])).toEqual(
        Arr.makeBy(5, (i) => [`id-${i}`, 1])
      )
      expect((yield* attempts).get("bad")?.map(({ status }) => status)).toEqual([400])
    }).pipe(Effect.provide(over({}))))

  it.effect("is printed without tokens", () =>
    Effect.gen(function*() {
      const edit = pipe(UserEdit.edit("ada"), UserEdit.addAndroidPush("push-token"), UserEdit.set("plan", "pro"))
      yield* (yield* users).asyncEdit(edit)
      const { attempts, deliveries } = yield* sandbox
      const shown = [yield* deliveries, yield* attempts, JSON.stringify(yield* deliveries)]
      for (const text of shown.map((one) => inspect(one, { depth: 9 }))) {
        expect(text).toContain("pro")
        expect(text).not.toContain("push-token")
      }
    }).pipe(Effect.provide(Suprsend.layerTest)))
})

describe("decisions", () => {
  const after = (options: Sandbox.Options, ...verbs: ReadonlyArray<(edit: UserEdit.UserEdit) => UserEdit.UserEdit>) =>
    Effect.flatMap(users, (users) => users.edit(verbs.reduce((edit, verb) => verb(edit), UserEdit.edit("ada")))).pipe(
      Effect.map((user) => user.properties),
      Effect.provide(over(options))
    )

  it.effect("pageSize", () =>
    Effect.gen(function*() {
      const pageOf = (options: Sandbox.Options) =>
        Effect.gen(function*() {
          yield* Effect.forEach(Arr.makeBy(12, String), (id) => Effect.flatMap(users, (users) => users.upsert(id, {})))
          return (yield* (yield* users).list()).items.length
        }).pipe(Effect.provide(over(options)))
      expect(yield* pageOf({})).toBe(10)
      expect(yield* pageOf({ pageSize: 3 })).toBe(3)
    }))

  it.effect("appendKeepsDuplicates", () =>
    Effect.gen(function*() {
      const verbs = [UserEdit.append("a", 1), UserEdit.append("a", 2), UserEdit.append("a", 1)]
      expect(yield* after({}, ...verbs)).toEqual({ a: [1, 2, 1] })
      expect(yield* after({ appendKeepsDuplicates: false }, ...verbs)).toEqual({ a: [1, 2] })
    }))

  it.effect("unsetReopensSetOnce", () =>
    Effect.gen(function*() {
      const verbs = [UserEdit.set("a", 1), UserEdit.unset(["a", "b"]), UserEdit.setOnce({ a: 2, b: 3 })]
      expect(yield* after({}, ...verbs)).toEqual({ a: 2, b: 3 })
      expect(yield* after({ unsetReopensSetOnce: false }, ...verbs)).toEqual({ b: 3 })
      expect(yield* after({ unsetReopensSetOnce: false }, ...verbs, UserEdit.set("a", 4))).toEqual({ a: 4, b: 3 })
    }))

  it.effect("editCreatesUser", () =>
    Effect.gen(function*() {
      expect(yield* after({}, UserEdit.set("a", 1))).toEqual({ a: 1 })
      const error = yield* Effect.flip(after({ editCreatesUser: false }, UserEdit.set("a", 1)))
      expect(error._tag).toBe("SuprsendUserNotFound")
      yield* Effect.gen(function*() {
        yield* (yield* users).upsert("ada", {})
        yield* (yield* users).edit(UserEdit.set(UserEdit.edit("ada"), "a", 1))
        yield* (yield* users).asyncEdit(UserEdit.edit("eve"))
        expect(yield* propertiesOf("eve")).toEqual({})
      }).pipe(Effect.provide(over({ editCreatesUser: false })))
    }))

  it.effect("malformedEvents", () =>
    Effect.gen(function*() {
      const events = [event("good", [{ $set: { a: 1 } }]), event("bad", [{ $nonsense: {} }]), 7]
      const outcome = (options: Sandbox.Options) =>
        Effect.gen(function*() {
          const status = yield* post(events)
          return [status, (yield* (yield* sandbox).users).map(({ distinctId }) => distinctId)]
        }).pipe(Effect.provide(Sandbox.layerWith(options)))
      expect(yield* outcome({})).toEqual([400, []])
      expect(yield* outcome({ malformedEvents: "drop" })).toEqual([202, ["good"]])
    }))

  it.effect("processingDelay", () =>
    Effect.gen(function*() {
      const { acceptedInsertIds, deliveries } = yield* sandbox
      yield* (yield* users).asyncEdit(pinned("one"))
      yield* TestClock.adjust("1 second")
      yield* (yield* users).asyncEdit(pinned("two"))
      yield* (yield* users).asyncEdit(pinned("one"))
      expect(yield* acceptedInsertIds).toEqual(["one", "two"])
      expect(yield* deliveries).toEqual([])
      expect(yield* propertiesOf("ada")).toBe(undefined)
      yield* TestClock.adjust("1 second")
      expect((yield* (yield* users).get("ada")).properties).toEqual({ visits: 1 })
      yield* TestClock.adjust("10 seconds")
      expect(yield* propertiesOf("ada")).toEqual({ visits: 2 })
      expect((yield* deliveries).map(({ applied }) => applied)).toEqual([[2_000], [3_000]])
      expect((yield* (yield* users).get("ada")).updatedAt?.epochMillis).toBe(3_000)
    }).pipe(Effect.provide(over({ processingDelay: "2 seconds" }))))

  it.effect("insertIdLifetime", () =>
    Effect.gen(function*() {
      const visits = (options: Sandbox.Options) =>
        Effect.gen(function*() {
          for (let i = 0; i < 3; i++) {
            yield* (yield* users).asyncEdit(pinned("same"))
            yield* TestClock.adjust("1 hour")
          }
          expect((yield* (yield* sandbox).deliveries).map(({ arrivals }) => arrivals.length)).toEqual([3])
          return (yield* propertiesOf("ada"))?.visits
        }).pipe(Effect.provide(over(options)))
      expect(yield* visits({})).toBe(1)
      expect(yield* visits({ insertIdLifetime: "90 minutes" })).toBe(2)
      expect(yield* visits({ insertIdLifetime: 0 })).toBe(3)
    }))
})

describe("a snapshot", () => {
  const busy = Effect.gen(function*() {
    const { defineCategory, defineTenant, subscribeToList, subscribeToObject } = yield* sandbox
    yield* defineCategory({ category: "newsletter", section: "News", tags: ["a"] })
    yield* defineTenant({ tenantId: "acme", name: "Acme Inc." })
    const api = yield* users
    yield* api.upsertForTenant("ada", "acme", { plan: "pro" })
    yield* api.asyncEdit(UserEdit.addAndroidPush(pinned("one"), "token", { provider: "xiaomi" }))
    yield* subscribeToList("ada", { listId: "beta" })
    yield* subscribeToObject("ada", { objectType: "teams", objectId: "42" })
    yield* (yield* PreferencesService).updateCategory("ada", "newsletter", {
      preference: "opt_in",
      optOutChannels: ["sms"]
    })
    yield* (yield* PreferencesService).updateChannels("ada", [{ channel: "email", isRestricted: true }])
  })

  /** All that a client can read, as it is answered. */
  const everything = Effect.gen(function*() {
    const client = yield* SuprsendClient.SuprsendClient
    const all = yield* (yield* sandbox).users
    const reads = all.flatMap(({ distinctId }) => {
      const path = `/v1/user/${encodeURIComponent(distinctId)}/`
      return [
        path,
        ...[
          "associated_tenant/",
          "subscribed_to/list/",
          "subscribed_to/object/",
          "preference/",
          "tenant/acme/"
        ].map((rest) => path + rest)
      ]
    })
    return yield* Effect.forEach(
      ["/v1/user/", ...reads],
      (template) =>
        Effect.match(client.execute({ call: "test", method: "GET", template }), {
          onFailure: ({ _tag }) => _tag,
          onSuccess: ({ body }) => body
        })
    )
  })

  const view = Effect.gen(function*() {
    const { deliveries } = yield* sandbox
    return { answers: yield* everything, deliveries: yield* deliveries }
  })

  const copied = <A, E, R>(snapshot: string, effect: Effect.Effect<A, E, R>) =>
    Effect.flatMap(sandbox, ({ restore }) => restore(snapshot)).pipe(Effect.zipRight(effect))

  it.effect("restored elsewhere, answers all requests alike, and takes no insert id twice", () =>
    Effect.gen(function*() {
      yield* busy
      const { snapshot } = yield* sandbox
      const json = yield* snapshot
      const before = yield* view
      expect(before.answers.length).toBe(7)
      yield* Effect.gen(function*() {
        const after = yield* copied(json, view)
        expect(after).toEqual(before)
        yield* (yield* users).asyncEdit(pinned("one"))
        expect(yield* propertiesOf("ada")).toEqual({ visits: 1 })
        expect(yield* (yield* sandbox).snapshot).not.toBe(json)
      }).pipe(Effect.provide(Suprsend.layerTest))
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it.effect.prop(
    "of any users answers as they do, before and after more edits",
    {
      edits: FastCheck.array(Arbitraries.userEdit, { maxLength: 5 }),
      more: FastCheck.array(Arbitraries.userEdit, { maxLength: 3 })
    },
    ({ edits, more }) =>
      Effect.gen(function*() {
        const api = yield* users
        const { snapshot } = yield* sandbox
        yield* api.bulkEdit(edits)
        const json = yield* snapshot
        const before = yield* view
        const goOn = Effect.flatMap(users, (users) =>
          Stream.runDrain(Stream.mapEffect(Stream.fromIterable(more), (edit) =>
            Effect.either(users.edit(edit)))))
        yield* goOn
        const later = yield* everything
        yield* Effect.gen(function*() {
          expect(yield* copied(json, view)).toEqual(before)
          expect(yield* (yield* sandbox).snapshot).toBe(json)
          yield* goOn
          expect(yield* everything).toEqual(later)
        }).pipe(Effect.provide(Suprsend.layerTest))
      }).pipe(Effect.provide(Suprsend.layerTest)),
    { fastCheck: { numRuns: 10 } }
  )

  it.effect("holds the events that are still to be applied", () =>
    Effect.gen(function*() {
      yield* (yield* users).asyncEdit(pinned("one"))
      const json = yield* Effect.flatMap(sandbox, ({ snapshot }) => snapshot)
      yield* TestClock.adjust("1 minute")
      expect(yield* Effect.provide(copied(json, propertiesOf("ada")), Suprsend.layerTest)).toEqual({ visits: 1 })
    }).pipe(Effect.provide(over({ processingDelay: "1 minute" }))))

  it.effect("that is none changes nothing, and the error shows nothing of it", () =>
    Effect.gen(function*() {
      const { restore, snapshot } = yield* sandbox
      yield* busy
      const json = yield* snapshot
      const broken = [
        "",
        "{}",
        json.slice(1),
        json.replace("\"version\":1", "\"version\":2"),
        json.replace(/"createdAt":\d+/, "\"createdAt\":\"token\"")
      ]
      for (const text of broken) {
        const error = yield* Effect.flip(restore(text))
        expect(error._tag).toBe("InvalidSnapshot")
        expect(inspect(error, { depth: 9 })).not.toContain("token")
      }
      expect((yield* Effect.flip(restore(broken.at(-1) ?? ""))).message).toContain("profile.createdAt")
      expect(yield* snapshot).toBe(json)
    }).pipe(Effect.provide(Suprsend.layerTest)))
})
