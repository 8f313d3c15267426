import type * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Ref from "effect/Ref"
import type { Options, Sandbox } from "../../Sandbox.js"
import { User } from "../../User.js"
import * as timer from "../support/timer.js"
import { apiKeyCredentials, credentials } from "./api/credentials.js"
import { InvalidSnapshot } from "./api/invalidSnapshot.js"
import { Delivery, RecordedRequest } from "./api/record.js"
import * as client from "./client.js"
import * as faults from "./faults/script.js"
import * as http from "./protocol/auth.js"
import type { Exchange, Incoming } from "./protocol/exchange.js"
import * as recording from "./recording.js"
import * as events from "./routes/events.js"
import { handle } from "./routes/router.js"
import * as preferences from "./store/preferences.js"
import * as profiles from "./store/profile.js"
import * as Settings from "./store/settings.js"
import * as snapshots from "./store/snapshot.js"
import * as state from "./store/state.js"

/**
 * A sandbox, and what its server needs in addition.
 *
 * @internal
 */
export interface Machine {
  readonly sandbox: Sandbox.Service
  readonly client: HttpClient.HttpClient
  readonly respond: (incoming: Incoming) => Effect.Effect<Exchange>
  /** The current state, the recorded requests, and the number of dropped requests. */
  readonly look: Effect.Effect<{
    readonly state: state.State
    readonly requests: ReadonlyArray<RecordedRequest>
    readonly forgotten: number
  }>
}

/** @internal */
export const makeMachine = (options: Options): Effect.Effect<Machine> =>
  Effect.gen(function*() {
    const settings = Settings.make(options)
    const world = yield* Ref.make(state.empty)
    const record = recording.make(options)
    const script = yield* Ref.make(faults.empty)
    const changeScript = (change: (script: faults.Script, now: number) => faults.Script): Effect.Effect<void> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => Ref.update(script, (script) => change(script, now)))

    const treat = (request: RecordedRequest, now: number): Effect.Effect<faults.Treatment> =>
      Effect.flatMap(Ref.get(script), (current) =>
        Effect.flatMap(faults.isRandom(current) ? Random.next : Effect.succeed(0), (random) =>
          Ref.modify(script, (script) =>
            faults.step(script, request, now, random))))

    const play = (request: RecordedRequest, outcome: faults.Treatment["outcome"]): Effect.Effect<Exchange> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Ref.modify(world, (before) => {
          const [path, query] = http.splitUri(request.uri)
          const [answer, after] = Either.match(http.authorize(request, accepted), {
            onLeft: (refused) =>
              [refused, before] as const,
            onRight: ({ env }) =>
              handle(before, { method: request.method, path, query, body: request.body, now, settings, env })
          })
          return [faults.toExchange(outcome, answer), faults.isApplied(outcome) ? after : before]
        }))

    const respond = (incoming: Incoming): Effect.Effect<Exchange> =>
      Effect.gen(function*() {
        const at = yield* Clock.currentTimeMillis
        const arrived = new RecordedRequest({
          ...incoming,
          headers: { ...incoming.headers },
          at,
          status: undefined
        })
        const position = record.add(arrived)
        const { delay, outcome } = yield* treat(arrived, at)
        // Even a sleep of zero would yield to the event loop.
        if (Duration.toMillis(delay) > 0) {
          yield* timer.sleep(delay)
        }
        const exchange = yield* play(arrived, outcome)
        const status = "status" in exchange ? exchange.status : undefined
        record.replace(position, new RecordedRequest({ ...arrived, status }))
        return exchange
      })

    const subscribe = (kind: "objects" | "lists", distinctId: string, target: string, json: Record<string, unknown>) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (now) =>
          Ref.update(world, (world) =>
            state.subscribe(world, kind, distinctId, [
              { target, json: { ...json, created_at: profiles.timestamp(now) } }
            ]))
      )

    const settled = Effect.flatMap(
      Clock.currentTimeMillis,
      (now) => Ref.updateAndGet(world, (world) => events.settle(world, now, settings))
    )

    const sandbox: Sandbox.Service = {
      requests: record.all,
      attempts: Effect.map(record.all, attemptsOf),
      acceptedInsertIds: Effect.map(settled, (world) => state.deliveries(world).map(([insertId]) => insertId)),
      deliveries: Effect.map(settled, (world) => state.deliveries(world).flatMap(toDelivery)),
      users: Effect.map(settled, (world) => Array.from(state.accounts(world), ({ profile }) => toUser(profile))),
      user: (distinctId, options) =>
        Effect.map(settled, (world) =>
          Option.map(
            state.account(world, distinctId),
            (account) => toUser(state.effectiveProfile(account, options?.tenantId ?? ""))
          )),
      subscribeToObject: (distinctId, { objectId, objectType }) =>
        subscribe("objects", distinctId, JSON.stringify([objectType, objectId]), {
          object: { id: objectId, object_type: objectType, properties: {} },
          properties: {}
        }),
      subscribeToList: (distinctId, { listId, name }) =>
        subscribe("lists", distinctId, listId, {
          list: { list_id: listId, list_name: name ?? listId, list_type: "static_list" }
        }),
      defineCategory: ({ category, channels, description, name, originalPreference, section, tags }) =>
        Ref.update(world, (world) =>
          state.defineCategory(world, {
            slug: category,
            name: name ?? category,
            section,
            description,
            original: originalPreference === undefined ? "opt_in" : originalPreference,
            channels: channels ?? preferences.channels,
            tags
          })),
      defineTenant: ({ name, tenantId }) => Ref.update(world, (world) => state.define(world, tenantId, name)),
      script: (more) => changeScript((script, now) => faults.enqueue(script, more, now)),
      faults: {
        all: Effect.map(Ref.get(script), faults.toFaults),
        add: (...more) => changeScript((script, now) => faults.add(script, more, now)),
        replace: (more) => changeScript((_, now) => faults.add(faults.empty, Array.from(more), now)),
        clear: Ref.set(script, faults.empty)
      },
      snapshot: Effect.flatMap(settled, snapshots.encode),
      restore: (snapshot) =>
        snapshots.decode(snapshot).pipe(
          Effect.mapError((paths) => new InvalidSnapshot({ paths: paths.map((path) => path.map(String).join(".")) })),
          Effect.flatMap((state) => Ref.set(world, state))
        )
    }

    return {
      sandbox,
      client: client.make(respond),
      respond,
      look: Effect.map(
        Effect.all([settled, record.all, record.forgotten]),
        ([state, requests, forgotten]) => ({ state, requests, forgotten })
      )
    }
  })

const accepted = { workspace: credentials, apiKey: apiKeyCredentials }

const toDelivery = ([insertId, delivery]: readonly [string, state.Delivery]): ReadonlyArray<Delivery> =>
  delivery.applied.length === 0 ? [] : [
    new Delivery({
      insertId,
      distinctId: delivery.distinctId,
      tenantId: delivery.tenantId,
      operations: delivery.operations,
      arrivals: delivery.arrivals,
      applied: delivery.applied
    })
  ]

const attemptsOf = (requests: Iterable<RecordedRequest>): ReadonlyMap<string, ReadonlyArray<RecordedRequest>> => {
  const attempts = new Map<string, Array<RecordedRequest>>()
  for (const request of requests) {
    if (request.method !== "POST" || http.splitUri(request.uri)[0] !== "/event/") continue
    for (const insertId of events.insertIds(request.json)) {
      const those = attempts.get(insertId) ?? []
      attempts.set(insertId, those)
      those.push(request)
    }
  }
  return attempts
}

const toUser = (profile: profiles.Profile): User => new User(profiles.toJson(profile))
