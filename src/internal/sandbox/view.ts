import * as Effect from "effect/Effect"
import type { RecordedRequest, Sandbox } from "../../Sandbox.js"
import type { User } from "../../User.js"
import { mask } from "../mask.js"
import * as words from "../words.js"

/**
 * What people see of the sandbox: its latest users and requests, with tokens masked.
 *
 * @internal
 */
export interface View {
  readonly users: {
    readonly total: number
    readonly latest: ReadonlyArray<{
      readonly distinctId: string
      readonly channels: ReadonlyArray<{ readonly channel: string; readonly values: ReadonlyArray<string> }>
      readonly properties: string
    }>
  }
  readonly requests: {
    readonly total: number
    readonly latest: ReadonlyArray<{
      readonly method: string
      readonly uri: string
      readonly status: number | null
      readonly at: number
      readonly body: string
    }>
  }
}

const shown = 100

type Requests = View["requests"]["latest"]
type Users = View["users"]["latest"]

/**
 * The latest of those in which a text is found.
 *
 * @internal
 */
export const make = (sandbox: Sandbox.Service, filter = ""): Effect.Effect<View> =>
  Effect.zipWith(sandbox.users, sandbox.requests, (users, requests) => ({
    users: { total: users.length, latest: latest(users, user, filter) },
    requests: { total: requests.length, latest: latest(requests, request, filter) }
  }))

const latest = <A, B>(all: ReadonlyArray<A>, show: (a: A) => B, filter: string): ReadonlyArray<B> => {
  const wanted = filter.trim().toLowerCase()
  const found: Array<B> = []
  for (let i = all.length - 1; i >= 0 && found.length < shown; i--) {
    for (const one of all.slice(i, i + 1)) {
      const entry = show(one)
      if (wanted === "" || JSON.stringify(entry).toLowerCase().includes(wanted)) found.push(entry)
    }
  }
  return found
}

const user = (user: User): Users[number] => ({
  distinctId: user.distinctId,
  channels: Object.entries(user.channels).map(([channel, identities]) => ({
    channel,
    values: identities.map(({ value }) => printed(mask({ [channel]: value }), channel))
  })),
  properties: JSON.stringify(mask(user.properties), undefined, 2)
})

const printed = (record: unknown, channel: string): string => {
  const value: unknown = typeof record === "object" && record !== null ? Reflect.get(record, channel) : undefined
  return typeof value === "string" ? value : JSON.stringify(value)
}

// Bulk requests come by the hundred, and nobody reads them to their end.
const longest = 20_000

// A request that was answered does not change any more.
const known = new WeakMap<RecordedRequest, Requests[number]>()

const request = (recorded: RecordedRequest): Requests[number] => {
  const { at, body, method, status, uri } = recorded
  const before = known.get(recorded)
  if (before !== undefined) return before
  const entry = {
    method,
    uri,
    status: status ?? null,
    at,
    body: body.length > longest ? tooLong(body) : bodyOf(recorded)
  }
  known.set(recorded, entry)
  return entry
}

const tooLong = (body: string): string => `${words.count(body.length, "character")}`

const bodyOf = ({ body, json }: RecordedRequest): string =>
  body === "" ? "" : json === undefined ? "no JSON" : JSON.stringify(mask(json), undefined, 2)
