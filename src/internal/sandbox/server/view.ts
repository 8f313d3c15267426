import * as Effect from "effect/Effect"
import * as HashMap from "effect/HashMap"
import * as slices from "../../support/eventLoop.js"
import * as format from "../../support/format.js"
import { mask } from "../../support/mask.js"
import type { RecordedRequest } from "../api/record.js"
import { isTooDeep, shownDepth } from "../store/depth.js"
import type { Profile } from "../store/profile.js"
import * as state from "../store/state.js"

/**
 * The data of the page: the latest users and requests, with tokens masked.
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
      /** The number of earlier requests. */
      readonly n: number
      readonly method: string
      readonly uri: string
      readonly status: number | null
      readonly at: number
      readonly body: string
    }>
  }
}

type Requests = View["requests"]["latest"]
type Users = View["users"]["latest"]

/** The maximum number of users, and of requests. */
const shown = 100

/** The maximum number of addresses per channel of a user. */
const shownAddresses = 20

/** The length above which a text is not parsed, and the number of characters shown. */
const longestRead = 20_000
const longestShown = 4_000

/**
 * Returns the latest users and requests that contain a text.
 *
 * Only the returned ones are formatted, so the cost does not depend on the size of the state. A
 * search examines each item, and yields to the event loop in between.
 *
 * @internal
 */
export const make = (
  { forgotten, requests, state: world }: {
    readonly state: state.State
    readonly requests: ReadonlyArray<RecordedRequest>
    /** The number of requests before those. */
    readonly forgotten: number
  },
  filter = ""
): Effect.Effect<View> =>
  Effect.map(
    Effect.zip(
      latest(accountsOf(world), user, filter),
      latest(
        requests.map((one, i) => [forgotten + i, one] as const).reverse(),
        ([n, one]) => request(n, one),
        filter
      )
    ),
    ([users, latestRequests]) => ({
      users: { total: HashMap.size(world.accounts), latest: users },
      requests: { total: requests.length, latest: latestRequests }
    })
  )

function* accountsOf(world: state.State): Iterable<Profile> {
  for (const { profile } of state.accounts(world, "latest first")) yield profile
}

/** How an item is shown and searched. */
interface Shown<B> {
  readonly entry: () => B
  /** The text that is searched. */
  readonly text: (entry: B) => string
  /** A text that is cheaper than `text`, and contains all its words. Undefined if there is none. */
  readonly draft: () => string | undefined
}

const latest = <A, B>(
  all: Iterable<A>,
  show: (a: A) => Shown<B>,
  filter: string
): Effect.Effect<ReadonlyArray<B>> =>
  Effect.suspend(() => {
    const wanted = filter.trim().toLowerCase()
    const needed = wordsOf(wanted)
    const found: Array<B> = []
    return Effect.as(
      slices.forEach(all, (one) => {
        const { draft, entry, text } = show(one)
        if (wanted === "") {
          found.push(entry())
        } else if (hasAll(draft()?.toLowerCase(), needed)) {
          const made = entry()
          if (text(made).toLowerCase().includes(wanted)) found.push(made)
        }
        return found.length < shown ? "more" : "last"
      }),
      found
    )
  })

// Words that the view itself adds to a text.
const own = "redacted inactive characters"

const wordsOf = (text: string): ReadonlyArray<string> =>
  text.split(/[^\p{L}\p{N}]+/u).filter((word) => !own.includes(word))

const hasAll = (text: string | undefined, needed: ReadonlyArray<string>): boolean =>
  text === undefined || needed.every((word) => text.includes(word))

const user = (profile: Profile): Shown<Users[number]> => {
  const { channels, distinctId, properties } = profile
  return {
    entry: () => ({
      distinctId,
      channels: Object.entries(channels).map(([channel, identities]) => ({
        channel,
        values: [
          ...identities.slice(0, shownAddresses).map(({ inactive, value }) =>
            printed(mask({ [channel]: value }), channel) + (inactive === true ? " (inactive)" : "")
          ),
          ...(identities.length > shownAddresses ? [`and ${identities.length - shownAddresses} more`] : [])
        ]
      })),
      properties: json(JSON.stringify(properties), properties)
    }),
    text: ({ channels, properties }) =>
      [
        JSON.stringify(distinctId),
        ...channels.flatMap(({ channel, values }) => values.map((value) => `${channel.slice(1)}: ${value}`)),
        properties
      ].join("\n"),
    draft: () => JSON.stringify(profile)
  }
}

const printed = (record: unknown, channel: string): string => {
  const value: unknown = typeof record === "object" && record !== null ? Reflect.get(record, channel) : undefined
  return cut(typeof value === "string" ? value : JSON.stringify(value), 200)
}

// Entries of requests with a response, which do not change any more.
const known = new WeakMap<RecordedRequest, Requests[number]>()

const request = (n: number, recorded: RecordedRequest): Shown<Requests[number]> => {
  const { at, body, method, status, uri } = recorded
  return {
    entry: () => {
      const before = known.get(recorded)
      if (before !== undefined) return before
      const entry = { n, method, uri, status: status ?? null, at, body: bodyOf(body, recorded) }
      if (status !== undefined) known.set(recorded, entry)
      return entry
    },
    text: (entry) => `${method} ${uri} ${entry.status}\n${entry.body}`,
    // Escapes can separate or hide the words of a body.
    draft: () => body.includes("\\") ? undefined : `${method} ${uri} ${status} ${body.length > longestRead ? "" : body}`
  }
}

const bodyOf = (body: string, recorded: RecordedRequest): string => {
  if (body.length > longestRead || body === "") return json(body, undefined)
  const value = recorded.json
  return value === undefined ? "not JSON" : json(body, value)
}

/** Formats a value, given its JSON text. */
const json = (text: string, value: unknown): string =>
  text === "" ? "" : text.length > longestRead
    ? format.count(text.length, "character")
    : isTooDeep(text, shownDepth)
    ? "nested too deep to be shown"
    : cut(JSON.stringify(mask(value), undefined, 2), longestShown)

const cut = (text: string, most: number): string => text.length > most ? `${text.slice(0, most)}\n…` : text
