import * as Schema from "effect/Schema"
import { isPlainRecord } from "../json.js"
import type * as profiles from "./profile.js"
import type * as state from "./state.js"

// What has come from JSON, and goes back to it as it is: the order of its members counts, as answers show it.
const Properties = Schema.declare((u: unknown): u is profiles.Properties => isPlainRecord(u))

const Channels = Schema.declare((u: unknown): u is profiles.Profile["channels"] =>
  isPlainRecord(u) &&
  Object.values(u).every((identities) => Array.isArray(identities) && identities.every(isPlainRecord))
)

const Profile = Schema.Struct({
  distinctId: Schema.String,
  properties: Properties,
  channels: Channels,
  closed: Schema.Array(Schema.String),
  createdAt: Schema.Number,
  updatedAt: Schema.Number
})

const Choices = Schema.Struct({
  channels: Schema.ReadonlyMap({ key: Schema.String, value: Schema.Boolean }),
  categories: Schema.ReadonlyMap({
    key: Schema.String,
    value: Schema.Struct({
      preference: Schema.Literal("opt_in", "opt_out"),
      optedOut: Schema.ReadonlySet(Schema.String)
    })
  })
})

const Account = Schema.Struct({
  sequence: Schema.Number,
  profile: Profile,
  tenants: Schema.ReadonlyMap({ key: Schema.String, value: Profile }),
  preferences: Schema.ReadonlyMap({ key: Schema.String, value: Choices })
})

const edit = {
  distinctId: Schema.String,
  tenantId: Schema.UndefinedOr(Schema.String),
  operations: Schema.Unknown
}

const byKey = <A, I>(value: Schema.Schema<A, I>) => Schema.HashMap({ key: Schema.String, value })

const Subscriptions = byKey(Schema.Array(Schema.Struct({ target: Schema.String, json: Schema.Unknown })))

const Times = Schema.Array(Schema.Number)

const State = Schema.Struct({
  accounts: byKey(Account),
  sequence: Schema.Number,
  deliveries: byKey(
    Schema.Struct({ position: Schema.Number, ...edit, arrivals: Times, applied: Times, takenAt: Schema.Number })
  ),
  pending: Schema.Chunk(Schema.Struct({ insertId: Schema.String, ...edit, dueAt: Schema.Number })),
  objects: Subscriptions,
  lists: Subscriptions,
  tenants: byKey(Schema.String),
  categories: Schema.Array(Schema.Struct({
    slug: Schema.String,
    name: Schema.String,
    section: Schema.UndefinedOr(Schema.String),
    description: Schema.UndefinedOr(Schema.String),
    original: Schema.Literal("opt_in", "opt_out", "cant_unsubscribe"),
    channels: Schema.Array(Schema.String),
    tags: Schema.Array(Schema.String)
  }))
})

/**
 * The state as a text of JSON, with the number of its form.
 *
 * @internal
 */
export const Snapshot: Schema.Schema<{ readonly version: 1; readonly state: state.State }, string> = Schema.parseJson(
  Schema.Struct({ version: Schema.Literal(1), state: State })
)
