import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as HashMap from "effect/HashMap"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as slices from "../../support/eventLoop.js"
import * as format from "../../support/format.js"
import { isPlainRecord, parseJson } from "../../support/json.js"
import { isTooDeep } from "./depth.js"
import type * as preferences from "./preferences.js"
import * as profiles from "./profile.js"
import * as state from "./state.js"

type State = state.State

// These values are stored as they were parsed, because responses show the order of their members.
const Properties = Schema.declare((u: unknown): u is profiles.Properties => isPlainRecord(u))

const Channels = Schema.declare((u: unknown): u is profiles.Profile["channels"] =>
  isPlainRecord(u) &&
  Object.entries(u).every(([channel, identities]) =>
    profiles.profileChannels.some((known) => known === channel) && Array.isArray(identities) &&
    identities.every(isPlainRecord)
  )
)

// The range of `Date`. Other times have no timestamp.
const latest = 8.64e15

const Time = Schema.Number.pipe(Schema.between(-latest, latest))

const Times = Schema.Array(Time)

const Position = Schema.NonNegativeInt

const Profile = Schema.Struct({
  distinctId: Schema.String,
  properties: Properties,
  channels: Channels,
  closed: Schema.Array(Schema.String),
  createdAt: Time,
  updatedAt: Time
})

const entry = <A>(value: Schema.Schema<A>) => Schema.Tuple(Schema.String, value)

const entries = <A>(value: Schema.Schema<A>) => Schema.Array(entry(value))

const Choices = Schema.Struct({
  channels: entries(Schema.Boolean),
  categories: entries(Schema.Struct({
    preference: Schema.Literal("opt_in", "opt_out"),
    optedOut: Schema.Array(Schema.String)
  }))
})

const Account = entry(Schema.Struct({
  sequence: Position,
  profile: Profile,
  tenants: entries(Profile),
  preferences: entries(Choices)
}))

const edit = {
  distinctId: Schema.String,
  tenantId: Schema.UndefinedOr(Schema.String),
  operations: Schema.Unknown
}

const Delivery = entry(Schema.Struct({ position: Position, ...edit, arrivals: Times, applied: Times, takenAt: Time }))

const Pending = Schema.Struct({ insertId: Schema.String, ...edit, dueAt: Time })

const Subscriptions = entry(Schema.Array(Schema.Struct({ target: Schema.String, json: Schema.Unknown })))

const Category = Schema.Struct({
  slug: Schema.String,
  name: Schema.String,
  section: Schema.UndefinedOr(Schema.String),
  description: Schema.UndefinedOr(Schema.String),
  original: Schema.NullOr(Schema.Literal("opt_in", "opt_out", "cant_unsubscribe")),
  channels: Schema.Array(Schema.String),
  tags: Schema.UndefinedOr(Schema.Array(Schema.String))
})

const Many = Schema.Array(Schema.Unknown)

const Outline = Schema.Struct({
  version: Schema.Literal(1),
  state: Schema.Struct({
    accounts: Many,
    sequence: Position,
    deliveries: Many,
    pending: Many,
    objects: Many,
    lists: Many,
    tenants: entries(Schema.String),
    categories: Schema.Array(Category)
  })
})

/**
 * The maximum length of a snapshot: that of a string in V8, rounded down.
 *
 * @internal
 */
export const maximumSnapshot = 500_000_000

/** @internal */
export const tooLarge = `Sandbox.snapshot: the state has more than ${format.count(maximumSnapshot)} characters as JSON`

/**
 * Encodes a state as JSON, with a version.
 *
 * It yields to the event loop in between. It dies if the state exceeds the maximum length.
 *
 * @internal
 */
export const encode = (world: State): Effect.Effect<string> =>
  Effect.gen(function*() {
    let characters = 0
    const list = <A>(items: Iterable<A>, toJson: (item: A) => unknown) =>
      Effect.suspend(() => {
        const texts: Array<string> = []
        return Effect.zipRight(
          slices.forEach(items, (item) => {
            const text = JSON.stringify(toJson(item))
            characters += text.length + 1
            texts.push(text)
            return characters > maximumSnapshot ? "last" : "more"
          }),
          Effect.suspend(() =>
            characters > maximumSnapshot ? Effect.dieMessage(tooLarge) : Effect.succeed(`[${texts.join()}]`)
          )
        )
      })
    const as = <A>(item: A): A => item
    const members = [
      ["accounts", yield* list(state.accounts(world), (account) => [account.profile.distinctId, accountJson(account)])],
      ["sequence", JSON.stringify(world.sequence)],
      ["deliveries", yield* list(state.deliveries(world), as)],
      ["pending", yield* list(world.pending, as)],
      ["objects", yield* list(world.objects, as)],
      ["lists", yield* list(world.lists, as)],
      ["tenants", yield* list(world.tenants, as)],
      ["categories", JSON.stringify(world.categories)]
    ]
    return `{"version":1,"state":{${members.map(([name, text]) => `"${name}":${text}`).join()}}}`
  })

const accountJson = ({ preferences, profile, sequence, tenants }: state.Account) => ({
  sequence,
  profile,
  tenants: [...tenants],
  preferences: Array.from(preferences, ([scope, { categories, channels }]) => [scope, {
    channels: [...channels],
    categories: Array.from(categories, ([slug, { optedOut, preference }]) => [slug, {
      preference,
      optedOut: [...optedOut]
    }])
  }])
})

/** The path of an invalid value. */
type Path = ReadonlyArray<PropertyKey>

/**
 * Decodes a snapshot, or fails with the paths of the invalid values.
 *
 * It yields to the event loop in between.
 *
 * @internal
 */
export const decode = (text: string): Effect.Effect<State, ReadonlyArray<Path>> =>
  Effect.gen(function*() {
    if (isTooDeep(text)) return yield* Effect.fail([])
    const json = yield* Effect.mapError(parseJson(text), () => [])
    const outline = yield* read(Outline, [])(json)
    const { accounts, categories, deliveries, lists, objects, pending, sequence, tenants } = outline.state
    const withAccounts = yield* fold(
      Account,
      "accounts",
      accounts,
      { ...state.empty, sequence, categories, tenants: HashMap.fromIterable(tenants) },
      (world, [distinctId, account], seen) => {
        const { profile, tenants } = account
        const isSound = distinctId === profile.distinctId && Option.isNone(state.account(world, distinctId)) &&
          account.sequence <= sequence && !seen.has(account.sequence) &&
          tenants.every(([tenantId, own]) => tenantId !== "" && own.distinctId === distinctId)
        seen.add(account.sequence)
        return isSound ? Option.some(state.put(world, toAccount(account))) : Option.none()
      }
    )
    const withDeliveries = yield* fold(
      Delivery,
      "deliveries",
      deliveries,
      withAccounts,
      (world, [insertId, delivery], seen) => {
        const isSound = delivery.position < deliveries.length && !seen.has(delivery.position) &&
          !HashMap.has(world.deliveries, insertId)
        seen.add(delivery.position)
        return isSound
          ? Option.some({ ...world, deliveries: HashMap.set(world.deliveries, insertId, delivery) })
          : Option.none()
      }
    )
    const withPending = yield* fold(
      Pending,
      "pending",
      pending,
      withDeliveries,
      (world, one) => Option.some({ ...world, pending: Chunk.append(world.pending, one) })
    )
    const withObjects = yield* fold(
      Subscriptions,
      "objects",
      objects,
      withPending,
      (world, [distinctId, all]) => Option.some(state.subscribe(world, "objects", distinctId, all))
    )
    return yield* fold(
      Subscriptions,
      "lists",
      lists,
      withObjects,
      (world, [distinctId, all]) => Option.some(state.subscribe(world, "lists", distinctId, all))
    )
  })

const toAccount = ({ preferences, profile, sequence, tenants }: typeof Account.Type[1]): state.Account => ({
  sequence,
  profile,
  tenants: new Map(tenants),
  preferences: new Map(
    preferences.map(([scope, { categories, channels }]): [string, preferences.Choices] => [scope, {
      channels: new Map(channels),
      categories: new Map(
        categories.map(([slug, { optedOut, preference }]) => [slug, { preference, optedOut: new Set(optedOut) }])
      )
    }])
  )
})

const read = <A, I>(schema: Schema.Schema<A, I>, at: Path) => {
  const decode = Schema.decodeUnknownEither(schema, { errors: "all" })
  return (u: unknown): Either.Either<A, ReadonlyArray<Path>> =>
    Either.mapLeft(
      decode(u),
      (error) => ParseResult.ArrayFormatter.formatErrorSync(error).map(({ path }) => [...at, ...path])
    )
}

/** Adds items to a state, until one is invalid or contradicts earlier ones. */
const fold = <A, I>(
  schema: Schema.Schema<A, I>,
  name: keyof State,
  items: ReadonlyArray<unknown>,
  initial: State,
  step: (world: State, item: A, seen: Set<number>) => Option.Option<State>
): Effect.Effect<State, ReadonlyArray<Path>> =>
  Effect.suspend(() => {
    const decode = read(schema, [])
    const seen = new Set<number>()
    let result: Either.Either<State, ReadonlyArray<Path>> = Either.right(initial)
    let i = 0
    return Effect.flatMap(
      slices.forEach(items, (item) => {
        const at: Path = ["state", name, i++]
        result = Either.flatMap(result, (world) =>
          Either.flatMap(
            Either.mapLeft(decode(item), (paths) => paths.map((path) => [...at, ...path])),
            (item) => Either.fromOption(step(world, item, seen), () => [at])
          ))
        return Either.isRight(result) ? "more" : "last"
      }),
      () => result
    )
  })
