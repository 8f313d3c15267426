// This package as a user has it: validation, insert ids, retry, limiter, spans and reports are all on.
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as Bulk from "effect-suprsend/Bulk"
import * as Suprsend from "effect-suprsend/Suprsend"
import type { Options, Settings } from "effect-suprsend/SuprsendConfig"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import * as Transport from "effect-suprsend/Transport"
import * as UserEdit from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import {
  emailOf,
  type Form,
  formsOf,
  idOf,
  languageOf,
  phoneOf,
  propertiesOf,
  slackOf,
  teamsOf,
  workspace,
  zoneOf
} from "../record.js"
import type { Builder, Session } from "./contender.js"

/** The limiter does all that it always does, but never has to hold anybody back: the other contenders have none. */
const raised: Settings = { rateLimit: { limit: 1_000_000, window: "1 second" } }

const verbs: Record<Form, (edit: UserEdit.UserEdit, i: number) => UserEdit.UserEdit> = {
  addEmail: (edit, i) => UserEdit.addEmail(edit, emailOf(i)),
  set: (edit, i) => UserEdit.set(edit, "name", `Ada ${i}`),
  setRecord: (edit, i) => UserEdit.set(edit, propertiesOf(i)),
  setTimezone: (edit, i) => UserEdit.setTimezone(edit, zoneOf(i)),
  setPreferredLanguage: (edit, i) => UserEdit.setPreferredLanguage(edit, languageOf(i)),
  increment: (edit) => UserEdit.increment(edit, "logins", 1),
  incrementRecord: (edit) => UserEdit.increment(edit, { logins: 1, orders: -1 }),
  addSms: (edit, i) => UserEdit.addSms(edit, phoneOf(i)),
  addWhatsapp: (edit, i) => UserEdit.addWhatsapp(edit, phoneOf(i)),
  addSlack: (edit, i) => UserEdit.addSlack(edit, slackOf(i)),
  addMsTeams: (edit, i) => UserEdit.addMsTeams(edit, teamsOf(i)),
  removeEmail: (edit, i) => UserEdit.removeEmail(edit, emailOf(i)),
  removeSms: (edit, i) => UserEdit.removeSms(edit, phoneOf(i)),
  removeSlack: (edit, i) => UserEdit.removeSlack(edit, slackOf(i)),
  setOnce: (edit) => UserEdit.setOnce(edit, "first_login", "2021-11-02"),
  setOnceRecord: (edit) => UserEdit.setOnce(edit, { first_login: "2021-11-02", signup_date: "2021-11-02" }),
  unset: (edit) => UserEdit.unset(edit, "name"),
  unsetList: (edit) => UserEdit.unset(edit, ["$email", "$sms", "$whatsapp"]),
  append: (edit, i) => UserEdit.append(edit, "played_games", `game_${i % 50}`),
  appendRecord: (edit, i) => UserEdit.append(edit, { played_games: `game_${i % 50}`, liked_games: "game_2" }),
  remove: (edit, i) => UserEdit.remove(edit, "played_games", `game_${i % 50}`)
}

export const editOf = (i: number): UserEdit.UserEdit => {
  const [first, second, third] = formsOf(i)
  return pipe(
    UserEdit.edit(idOf(i)),
    (edit) => verbs[first](edit, i),
    (edit) => verbs[second](edit, i),
    (edit) => verbs[third](edit, i)
  )
}

/** An edit of one verb and nothing else, with that time zone. */
const zoned = (zone: string) => (i: number) => UserEdit.setTimezone(UserEdit.edit(idOf(i)), zone)

function* edits(from: number, to: number, editOfUser = editOf): Iterable<UserEdit.UserEdit> {
  for (let i = from; i < to; i++) yield editOfUser(i)
}

export const optionsOf = (url: string, settings: Settings): Options => ({
  workspaceKey: workspace.key,
  workspaceSecret: Redacted.make(workspace.secret),
  baseUrl: url,
  ...settings
})

type Live = (options: Options) => Layer.Layer<Suprsend.Suprsend, ConfigError>

/** The layer that users get without choosing, and those that they may choose. */
const layers = {
  ours: Suprsend.layer,
  undici: SuprsendNode.layer,
  fetch: (options) => Layer.provide(Suprsend.layerWithoutHttpClient(options), Transport.layerFetch),
  platformFetch: (options) => Layer.provide(Suprsend.layerWithoutHttpClient(options), FetchHttpClient.layer)
} satisfies Record<string, Live>

const client = (url: string, settings: Settings, live: Live = layers.ours) => live(optionsOf(url, settings))

/** Where the edits of users 0 to `count` come from. */
type SourceOf = (count: number) => Bulk.Source

const connect = async (
  layer: Layer.Layer<UsersService.UsersService, ConfigError>,
  sourceOf: SourceOf = (count) => edits(0, count)
): Promise<Session> => {
  const runtime = ManagedRuntime.make(layer)
  const users = await runtime.runPromise(UsersService.UsersService)
  return {
    bulk: async (count, concurrency) => {
      // 0 stands for the default.
      const options = concurrency === 0 ? {} : { concurrency }
      const report = await runtime.runPromise(users.bulkEdit(sourceOf(count), options))
      if (report.success !== count) throw new Error(`${report.failure} of ${report.total} records failed`)
    },
    single: (from, to, concurrency) =>
      runtime.runPromise(
        Effect.forEach(
          Array.from({ length: concurrency }, (_, caller) => from + caller),
          // Each edit is made when it is sent: `Effect.forEach` would keep all those of a generator from the beginning.
          (first) =>
            Effect.loop(first, {
              while: (i) => i < to,
              step: (i) => i + concurrency,
              body: (i) => users.asyncEdit(editOf(i)),
              discard: true
            }),
          { concurrency: "unbounded", discard: true }
        )
      ),
    together: (count) =>
      runtime.runPromise(
        Effect.forEach(edits(0, count), users.asyncEdit, { concurrency: "unbounded", discard: true })
      ),
    close: () => runtime.dispose()
  }
}

export const open = (url: string): Promise<Session> => connect(client(url, raised))

export const openOverUndici = (url: string): Promise<Session> => connect(client(url, raised, layers.undici))

export const openOverFetch = (url: string): Promise<Session> => connect(client(url, raised, layers.fetch))

export const openOverPlatformFetch = (url: string): Promise<Session> =>
  connect(client(url, raised, layers.platformFetch))

/** The same, with the edits of a bulk from something else than an iterable. */
const openFrom = (sourceOf: SourceOf) => (url: string): Promise<Session> => connect(client(url, raised), sourceOf)

/** Edits that set a time zone, by its name in the IANA database or by a link to that name. */
export const openCanonicalZone = openFrom((count) => edits(0, count, zoned("Asia/Calcutta")))

export const openLinkedZone = openFrom((count) => edits(0, count, zoned("Asia/Kolkata")))

async function* editsLater(count: number): AsyncIterable<UserEdit.UserEdit> {
  for (let i = 0; i < count; i++) yield editOf(i)
}

const indices = (count: number) => Stream.range(0, count - 1)

export const openFromAsyncIterable = openFrom(editsLater)

export const openFromStreamMap = openFrom((count) => Stream.map(indices(count), editOf))

export const openFromStreamMapEffect = openFrom((count) =>
  Stream.mapEffect(indices(count), (i) => Effect.sync(() => editOf(i)))
)

/** At the rate of SuprSend, which is the default. */
export const openLimited = (url: string): Promise<Session> => connect(client(url, {}))

const batched = (url: string, settings: Settings): Promise<Session> =>
  connect(Layer.provide(UsersService.layerBatched(), client(url, settings)))

/** With `asyncEdit` batching by itself. */
export const openBatched = (url: string): Promise<Session> => batched(url, raised)

/** The same at the rate of SuprSend. */
export const openBatchedLimited = (url: string): Promise<Session> => batched(url, {})

export const builder: Builder = {
  build: (id) => {
    const built = pipe(
      UserEdit.edit(id),
      UserEdit.addEmail("ada@example.com"),
      UserEdit.set("plan", "pro"),
      UserEdit.increment("logins", 1)
    )
    return built.distinctId.length
  },
  chain: (verbs) => {
    let built = UserEdit.edit("user-42")
    for (let i = 0; i < verbs; i++) built = UserEdit.increment(built, "logins", i)
    return built.distinctId.length
  },
  nested: (id) => {
    const built = UserEdit.set(UserEdit.edit(id), {
      address: { city: "Paris", at: { lat: 48.85, long: 2.35 } },
      tags: ["pro", id]
    })
    return built.distinctId.length
  }
}
