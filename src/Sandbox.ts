/**
 * SuprSend in memory, as an `HttpClient`: the test layer.
 *
 * It checks signatures and content types, keeps profiles, applies edits, pages and deletes, with the answers that the
 * vendor documents. It can be told to fail, and it remembers every request. Nothing leaves the process, and time is
 * that of Effect's `Clock`, so everything works under `TestClock`.
 *
 * Every endpoint of the users API is there. The categories of the workspace are those that `defineCategory` gave it,
 * and a tenant exists once `defineTenant`, an edit or an upsert has named it.
 *
 * Where the vendor's documents are silent, it behaves so:
 *
 * - Events and synchronous edits create the user if there is none. Events are applied as soon as they are accepted. An
 *   insert id that was accepted before is accepted again, and not applied again. One malformed event has the whole
 *   array refused with 400.
 * - `$append` keeps duplicates in a list, and holds an identity once on a channel; a single value becomes the first of
 *   a list. `$unset` opens a key to `$set_once` again; `$add` takes what is no number for 0.
 * - Upsert adds the identities to those that are there, and sets each other member as a property; what it does not
 *   mention stays.
 * - Merge: the properties of the primary user win, and those that it lacks come from the other; identities,
 *   subscriptions and tenants join; the primary's profile for a tenant wins, and so do its preferences. A user is not
 *   merged into itself (400).
 * - Bulk requests pass over users that do not exist. Bulk delete answers 204.
 * - An edit or an upsert for a tenant links the user to it, and creates the user if there is none; a user may have many
 *   tenants. The tenant's endpoints show the profile for the tenant alone, with a member `tenant`; a list filtered by
 *   tenant shows it laid over the user's own, key by key, and is empty for a tenant without users. Upsert answers 201,
 *   an edit 202, unlinking 204. Unlinking leaves the preferences for the tenant. Where the user is not linked, the
 *   tenant is said to be not found.
 * - Pages have 10 items unless `limit` says otherwise, and any positive limit is taken.
 * - Preferences for a tenant that does not exist are 404 on every endpoint. Those for a tenant and those for none are
 *   apart.
 * - Preferences of channels list all channels, restricted or not. Restricting one leaves the categories as they are.
 * - `opt_out_channels` and `opt_in_channels` change the channels that they name, the latter last, and the others stay.
 *   From `opt_out` to `opt_in`, all channels of the category are taken, or only those of `opt_in_channels` if it names
 *   any. `opt_out` takes them all away, and forgets what was chosen. A preference that is left out is `opt_in`, as is a
 *   category that cannot be unsubscribed from; to change that one is refused with 400. A change that is refused in part
 *   changes nothing.
 * - A category that is opted out of has an empty list of channels unless `show_opt_out_channels` is true, after a
 *   change too.
 * - `tags` that does not begin like an object or a list in JSON is a single tag, and an empty one is no filter. An
 *   object or a list that is no filter is refused with 400. `and` of nothing holds, `or` of nothing does not. Sections
 *   without a category that is left are left out.
 * - There are no translations: `locale` changes nothing.
 *
 * @since 0.1.0
 */
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientError from "@effect/platform/HttpClientError"
import * as HttpClientResponse from "@effect/platform/HttpClientResponse"
import * as Chunk from "effect/Chunk"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Inspectable from "effect/Inspectable"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import { parseJson } from "./internal/answer.js"
import { byteLength } from "./internal/bytes.js"
import { mask } from "./internal/mask.js"
import { Exchange, type Incoming } from "./internal/sandbox/exchange.js"
import { handle } from "./internal/sandbox/handle.js"
import * as http from "./internal/sandbox/http.js"
import * as preferences from "./internal/sandbox/preferences.js"
import * as profiles from "./internal/sandbox/profile.js"
import * as state from "./internal/sandbox/state.js"
import { type Answer, refuse } from "./internal/sandbox/wire.js"
import type { PreferenceChannel } from "./Preferences.js"
import type * as SuprsendConfig from "./SuprsendConfig.js"
import { User } from "./User.js"

/**
 * The sandbox behind the client, to look inside and to make it fail.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * // A service that is down for the first request.
 * const test = Effect.gen(function*() {
 *   const sandbox = yield* Sandbox.Sandbox
 *   const users = yield* UsersService
 *   yield* sandbox.script([Sandbox.status(503, { retryAfter: "0" })])
 *   yield* users.list()
 *   return (yield* sandbox.requests).map((request) => request.status) // [503, 200]
 * }).pipe(Effect.provide(Suprsend.layerTest))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class Sandbox extends Context.Tag("effect-suprsend/Sandbox")<Sandbox, Sandbox.Service>() {}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace Sandbox {
  /**
   * What a test can ask a sandbox, and tell it.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Every request that arrived, in order. */
    readonly requests: Effect.Effect<ReadonlyArray<RecordedRequest>>
    /** Every user, in the order in which they were made. */
    readonly users: Effect.Effect<ReadonlyArray<User>>
    /** One user. */
    readonly user: (distinctId: string) => Effect.Effect<Option.Option<User>>
    /** Subscribes a user to an object, as if it had been done elsewhere. */
    readonly subscribeToObject: (
      distinctId: string,
      object: { readonly objectType: string; readonly objectId: string }
    ) => Effect.Effect<void>
    /** Subscribes a user to a list, as if it had been done elsewhere. */
    readonly subscribeToList: (
      distinctId: string,
      list: { readonly listId: string; readonly name?: string | undefined }
    ) => Effect.Effect<void>
    /** Adds a preference category to the workspace, or puts it in the place of the one with the same slug. */
    readonly defineCategory: (category: CategoryDefinition) => Effect.Effect<void>
    /** Adds a tenant to the workspace, or names it. */
    readonly defineTenant: (tenant: {
      readonly tenantId: string
      readonly name?: string | undefined
    }) => Effect.Effect<void>
    /** Has the next requests fail, one fault each, after those that were scripted before. */
    readonly script: (faults: Iterable<Fault>) => Effect.Effect<void>
  }

  /**
   * A preference category, as it is set up on the vendor's dashboard.
   *
   * @since 0.1.0
   * @category models
   */
  export interface CategoryDefinition {
    /** The slug. */
    readonly category: string
    /** Default: the slug. */
    readonly name?: string | undefined
    /** The heading that it stands below. Default: none. */
    readonly section?: string | undefined
    readonly description?: string | undefined
    /** What holds until the user says otherwise. Default: "opt_in". */
    readonly originalPreference?: "opt_in" | "opt_out" | "cant_unsubscribe" | undefined
    /** Default: all. */
    readonly channels?: ReadonlyArray<PreferenceChannel> | undefined
    readonly tags?: ReadonlyArray<string> | undefined
  }
}

/**
 * A request as it arrived. Printed, it shows credentials and tokens masked.
 *
 * @since 0.1.0
 * @category models
 */
export class RecordedRequest extends Data.Class<{
  readonly method: string
  /** Path and query as on the request line. */
  readonly uri: string
  readonly headers: { readonly [name: string]: string }
  /** The body as text; empty for none. */
  readonly body: string
  /** When it arrived, in milliseconds since the epoch. */
  readonly at: number
  /** The status that it was answered with; undefined while there is no answer, and for ever if the connection was cut. */
  readonly status: number | undefined
}> {
  /** The body as JSON; undefined if it is none. */
  get json(): unknown {
    return Option.getOrUndefined(parseJson(this.body))
  }

  /**
   * What is printed: credentials and tokens are masked.
   *
   * @since 0.1.0
   */
  toJSON(): unknown {
    return {
      method: this.method,
      uri: this.uri,
      headers: { ...this.headers, ...("authorization" in this.headers ? { authorization: "<redacted>" } : undefined) },
      body: mask(this.json),
      at: this.at,
      status: this.status ?? null
    }
  }

  /**
   * The same for `util.inspect` and `console.log`.
   *
   * @since 0.1.0
   */
  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/**
 * One way in which a request can go wrong.
 *
 * @since 0.1.0
 * @category faults
 */
export type Fault = Data.TaggedEnum<{
  /** Answered with a status, and not carried out. */
  readonly Status: {
    readonly status: number
    readonly headers: { readonly [name: string]: string }
    readonly body: string
  }
  /** Answered late. `then` happens after the delay; none is the ordinary answer. */
  readonly Delay: { readonly duration: Duration.Duration; readonly then: Option.Option<Fault> }
  /** The connection is cut without an answer, before or after the request was carried out. */
  readonly Cut: { readonly carriedOut: boolean }
  /** Carried out; the head of the answer arrives, and the body breaks off or never ends. */
  readonly HalfAnswer: { readonly ends: boolean }
}>

const Fault = Data.taggedEnum<Fault>()

/**
 * An answer of this status, and nothing carried out.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const storm = Sandbox.status(429, { retryAfter: "2", body: "<html>slow down</html>", contentType: "text/html" })
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const status = (status: number, options?: {
  /** The `Retry-After` header: seconds, or an HTTP date. */
  readonly retryAfter?: string | undefined
  /** Default: the JSON with which the vendor answers errors. */
  readonly body?: string | undefined
  readonly contentType?: string | undefined
  readonly headers?: { readonly [name: string]: string } | undefined
}): Fault =>
  Fault.Status({
    status,
    headers: {
      "content-type": options?.contentType ?? "application/json",
      ...(options?.retryAfter === undefined ? undefined : { "retry-after": options.retryAfter }),
      ...options?.headers
    },
    body: options?.body ?? refuse(status, "scripted").body
  })

/**
 * An answer that takes its time, and another fault after that, if one is given.
 *
 * @example
 * ```ts
 * import * as Sandbox from "effect-suprsend/Sandbox"
 *
 * const slow = Sandbox.delay("5 seconds")
 * const slowFailure = Sandbox.delay("5 seconds", Sandbox.status(503))
 * ```
 *
 * @since 0.1.0
 * @category faults
 */
export const delay = (duration: Duration.DurationInput, then?: Fault): Fault =>
  Fault.Delay({ duration: Duration.decode(duration), then: Option.fromNullable(then) })

/**
 * A connection that is cut before the server did anything.
 *
 * @since 0.1.0
 * @category faults
 */
export const cut: Fault = Fault.Cut({ carriedOut: false })

/**
 * A connection that is cut after the request was carried out: the client cannot tell it from {@link cut}.
 *
 * @since 0.1.0
 * @category faults
 */
export const cutAfter: Fault = Fault.Cut({ carriedOut: true })

/**
 * An answer that breaks off in the middle of its body; the request was carried out.
 *
 * @since 0.1.0
 * @category faults
 */
export const cutBody: Fault = Fault.HalfAnswer({ ends: true })

/**
 * An answer whose body never ends; the request was carried out.
 *
 * @since 0.1.0
 * @category faults
 */
export const stall: Fault = Fault.HalfAnswer({ ends: false })

/**
 * The credentials that every sandbox accepts, and its base URL: what a client of your own needs.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * // With the rate limit on, unlike in `Suprsend.layerTest`.
 * const Limited = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layer({ ...Sandbox.credentials, rateLimit: { limit: 5, window: "1 second" } })),
 *   Layer.provideMerge(Sandbox.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category credentials
 */
export const credentials: SuprsendConfig.WorkspaceCredentials & { readonly baseUrl: string } = {
  workspaceKey: "sandbox-workspace-key",
  workspaceSecret: Redacted.make("sandbox-workspace-secret"),
  baseUrl: "http://sandbox.localhost/"
}

/**
 * What the vendor's documents leave open, decided.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** How many items a page has where `limit` is not given. Default: 10. */
  readonly pageSize?: number | undefined
}

/**
 * An empty sandbox: the service to look inside, and the client that talks to it. `respond` is what the client is written
 * over: what happens to one request, for whoever carries the bytes otherwise.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (options: Options = {}): Effect.Effect<{
  readonly sandbox: Sandbox.Service
  readonly client: HttpClient.HttpClient
  readonly respond: (incoming: Incoming) => Effect.Effect<Exchange>
}> =>
  Effect.gen(function*() {
    const { pageSize = 10 } = options
    const world = yield* Ref.make(state.empty)
    const record = yield* Ref.make(Chunk.empty<RecordedRequest>())
    const faults = yield* Ref.make<ReadonlyArray<Fault>>([])

    const carryOut = (request: RecordedRequest): Effect.Effect<Answer> =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Ref.modify(world, (before) => {
          const refused = http.authorize(request, credentials)
          const [path, query] = http.splitUri(request.uri)
          return refused !== undefined
            ? [refused, before]
            : handle(before, { method: request.method, path, query, body: request.body, now, pageSize })
        }))

    const treat = (recorded: RecordedRequest, fault: Option.Option<Fault>): Effect.Effect<Exchange> => {
      const ordinary = Effect.map(carryOut(recorded), ({ body, contentType, status }) => ({
        status,
        headers: { "content-type": contentType },
        body
      }))
      return Option.match(fault, {
        onNone: () => Effect.map(ordinary, Exchange.Answer),
        onSome: Fault.$match({
          Status: ({ body, headers, status }) => Effect.succeed(Exchange.Answer({ body, headers, status })),
          Delay: ({ duration, then }) => Effect.delay(treat(recorded, then), duration),
          Cut: ({ carriedOut }) => Effect.as(carriedOut ? ordinary : Effect.void, Exchange.Cut()),
          HalfAnswer: ({ ends }) =>
            Effect.map(ordinary, (answer) =>
              Exchange.Partial({
                ...answer,
                bytes: Math.floor(byteLength(answer.body) / 2),
                then: ends ? "cut" : "stall"
              }))
        })
      })
    }

    const respond = (incoming: Incoming): Effect.Effect<Exchange> =>
      Effect.gen(function*() {
        const arrived = new RecordedRequest({
          ...incoming,
          headers: { ...incoming.headers },
          at: yield* Clock.currentTimeMillis,
          status: undefined
        })
        const position = yield* Ref.modify(record, (all) => [all.length, Chunk.append(all, arrived)])
        const fault = yield* Ref.modify(faults, ([first, ...rest]) => [Option.fromNullable(first), rest])
        const exchange = yield* treat(arrived, fault)
        const status = "status" in exchange ? exchange.status : undefined
        yield* Ref.update(record, Chunk.modify(position, (entry) => new RecordedRequest({ ...entry, status })))
        return exchange
      })

    const client = HttpClient.make((request, url) =>
      Effect.flatMap(
        respond({
          method: request.method,
          uri: url.pathname + url.search,
          headers: request.headers,
          body: request.body._tag === "Uint8Array" ? new TextDecoder().decode(request.body.body) : ""
        }),
        (exchange) => {
          switch (exchange._tag) {
            case "Cut":
              return Effect.fail(
                new HttpClientError.RequestError({ request, reason: "Transport", cause: new Error("socket hang up") })
              )
            case "Silent":
              return Effect.never
            default:
              return Effect.map(http.toResponse(exchange), (response) => HttpClientResponse.fromWeb(request, response))
          }
        }
      )
    )

    const subscribe = (kind: "objects" | "lists", distinctId: string, target: string, json: Record<string, unknown>) =>
      Effect.flatMap(
        Clock.currentTimeMillis,
        (now) =>
          Ref.update(world, (world) =>
            state.subscribe(world, kind, distinctId, [
              { target, json: { ...json, created_at: profiles.timestamp(now) } }
            ]))
      )

    const sandbox: Sandbox.Service = {
      requests: Effect.map(Ref.get(record), Chunk.toReadonlyArray),
      users: Effect.map(Ref.get(world), (world) => state.accounts(world).map(toUser)),
      user: (distinctId) => Effect.map(Ref.get(world), (world) => Option.map(state.account(world, distinctId), toUser)),
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
            original: originalPreference ?? "opt_in",
            channels: channels ?? preferences.channels,
            tags: tags ?? []
          })),
      defineTenant: ({ name, tenantId }) => Ref.update(world, (world) => state.define(world, tenantId, name)),
      script: (more) => Ref.update(faults, (faults) => [...faults, ...more])
    }

    return { sandbox, client, respond }
  })

const toUser = ({ profile }: state.Account): User => new User(profiles.toJson(profile))

/**
 * An empty sandbox as a layer: `HttpClient` for whoever sends, `Sandbox` for whoever looks.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 *
 * const ClientTest = SuprsendClient.layer(Sandbox.credentials).pipe(Layer.provideMerge(Sandbox.layer))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer: Layer.Layer<Sandbox | HttpClient.HttpClient> = Layer.effectContext(
  Effect.map(
    make(),
    ({ client, sandbox }) => Context.make(Sandbox, sandbox).pipe(Context.add(HttpClient.HttpClient, client))
  )
)
