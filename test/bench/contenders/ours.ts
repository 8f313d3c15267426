// This package over undici, as a user has it: validation, insert ids, retry, limiter, spans and reports are all on.
import type * as Bulk from "effect-suprsend/Bulk"
import type { Settings } from "effect-suprsend/SuprsendConfig"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import { addEmail, edit, increment, set, type UserEdit } from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"
import type { ConfigError } from "effect/ConfigError"
import * as Effect from "effect/Effect"
import { pipe } from "effect/Function"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { emailOf, idOf, propertiesOf, workspace } from "../record.js"
import type { Builder, Session } from "./contender.js"

/** The limiter does all that it always does, but never has to hold anybody back: the other contenders have none. */
const raised: Settings = { rateLimit: { limit: 1_000_000, window: "1 second" } }

const editOf = (i: number): UserEdit =>
  pipe(edit(idOf(i)), addEmail(emailOf(i)), set(propertiesOf(i)), increment("logins", 1))

function* edits(from: number, to: number, step = 1): Iterable<UserEdit> {
  for (let i = from; i < to; i += step) yield editOf(i)
}

const client = (url: string, settings: Settings) =>
  SuprsendNode.layer({
    workspaceKey: workspace.key,
    workspaceSecret: Redacted.make(workspace.secret),
    baseUrl: url,
    ...settings
  })

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
      const report = await runtime.runPromise(users.bulkEdit(sourceOf(count), { concurrency }))
      if (report.success !== count) throw new Error(`${report.failure} of ${report.total} records failed`)
    },
    single: (from, to, concurrency) =>
      runtime.runPromise(
        Effect.forEach(
          Array.from({ length: concurrency }, (_, caller) => from + caller),
          (first) => Effect.forEach(edits(first, to, concurrency), users.asyncEdit, { discard: true }),
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

/** The same, with the edits of a bulk from something else than an iterable. */
const openFrom = (sourceOf: SourceOf) => (url: string): Promise<Session> => connect(client(url, raised), sourceOf)

async function* editsLater(count: number): AsyncIterable<UserEdit> {
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
    const built = pipe(edit(id), addEmail("ada@example.com"), set("plan", "pro"), increment("logins", 1))
    return built.distinctId.length
  },
  chain: (verbs) => {
    let built = edit("user-42")
    for (let i = 0; i < verbs; i++) built = increment(built, "logins", i)
    return built.distinctId.length
  }
}
