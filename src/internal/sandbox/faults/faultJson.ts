import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as Schema from "effect/Schema"
import * as format from "../../support/format.js"
import { isPlainRecord, parseJson } from "../../support/json.js"
import type { Fault } from "../api/fault.js"
import * as endpoints from "../protocol/endpoints.js"
import { nearest } from "../protocol/nearest.js"
import { refuse } from "../protocol/reply.js"
import { garbage } from "./cases.js"

const Time = Schema.transformOrFail(Schema.Union(Schema.Number, Schema.String), Schema.DurationFromSelf, {
  strict: true,
  decode: (text, _, ast) =>
    Either.fromOption(
      Option.filter(Duration.decodeUnknown(text), Duration.isFinite),
      () => new ParseResult.Type(ast, text, "must be milliseconds, or a string such as \"2 seconds\"")
    ),
  encode: (duration) => Either.right(Duration.toMillis(duration))
}).annotations({ message: () => "must be milliseconds, or a string such as \"2 seconds\"" })

const integer = (least: number, most: number) =>
  Schema.Int.pipe(Schema.between(least, most)).annotations({
    message: () =>
      most === Number.MAX_SAFE_INTEGER
        ? `must be a whole number of at least ${least}`
        : `must be a whole number from ${format.count(least)} to ${format.count(most)}`
  })

const Count = integer(0, Number.MAX_SAFE_INTEGER)

// Each request that passed within the window is stored.
const maximumLimit = 100_000

const Applied = (otherwise: boolean) =>
  Schema.optionalWith(Schema.Boolean.annotations({ message: () => "must be true or false" }), {
    default: () => otherwise
  })

const Text = Schema.String.annotations({ message: () => "must be a text" })

// Node refuses to write other headers, which would reset the connection.
const Headers = Schema.Record({ key: Schema.String, value: Text }).pipe(
  Schema.filter((headers) =>
    Object.entries(headers).every(([name, value]) =>
      /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    )
  )
).annotations({ message: () => "must be names and values that HTTP allows" })

const Inner: Schema.Schema<Fault, unknown> = Schema.suspend(() =>
  Schema.compose(Schema.Unknown, Plain, { strict: false })
)

const InnerList = Schema.Array(Inner).annotations({ message: () => "must be a list of faults" })

/** The members of each case in JSON. Those that the functions of `Sandbox` fill in are optional. */
const cases = {
  Status: Schema.TaggedStruct("Status", {
    status: integer(200, 599),
    headers: Schema.optionalWith(Headers, { default: () => ({ "content-type": "application/json" }) }),
    body: Schema.optionalWith(Text, { default: () => refuse(0, "scripted").body }),
    applied: Applied(false)
  }),
  ResetPeer: Schema.TaggedStruct("ResetPeer", { applied: Applied(false) }),
  TruncateBody: Schema.TaggedStruct("TruncateBody", {
    bytes: Schema.optionalWith(Count, { as: "Option" }),
    then: Schema.optionalWith(
      Schema.Literal("reset", "stall").annotations({ message: () => "must be \"reset\" or \"stall\"" }),
      { default: () => "reset" }
    ),
    applied: Applied(true)
  }),
  MalformedBody: Schema.TaggedStruct("MalformedBody", {
    body: Schema.optionalWith(Text, { default: () => garbage }),
    applied: Applied(true)
  }),
  SlowBody: Schema.TaggedStruct("SlowBody", {
    bytes: Schema.Positive.annotations({ message: () => "must be a number above 0" }),
    interval: Time
  }),
  NoResponse: Schema.TaggedStruct("NoResponse", { applied: Applied(false) }),
  RateLimit: Schema.TaggedStruct("RateLimit", {
    limit: integer(0, maximumLimit),
    window: Time,
    passed: Schema.optionalWith(
      Schema.Array(Schema.Number).pipe(Schema.maxItems(maximumLimit)).annotations({
        message: () => "must be a list of times in milliseconds"
      }),
      { default: () => [] }
    )
  }),
  Delay: Schema.TaggedStruct("Delay", { duration: Time, then: Schema.optionalWith(Inner, { as: "Option" }) }),
  On: Schema.TaggedStruct("On", {
    endpoint: Text.pipe(Schema.filter((endpoint) => Option.getOrUndefined(endpoints.problem(endpoint)))),
    fault: Inner
  }),
  Next: Schema.TaggedStruct("Next", { times: Count, fault: Inner }),
  Lasting: Schema.TaggedStruct("Lasting", {
    duration: Time,
    until: Schema.optionalWith(Schema.Number, { as: "Option" }),
    fault: Inner
  }),
  Sometimes: Schema.TaggedStruct("Sometimes", {
    probability: Schema.Number.pipe(Schema.between(0, 1)).annotations({
      message: () => "must be a number from 0 to 1"
    }),
    fault: Inner
  }),
  InOrder: Schema.TaggedStruct("InOrder", { faults: InnerList }),
  Together: Schema.TaggedStruct("Together", { faults: InnerList })
}

type Case = (typeof cases)[keyof typeof cases]

/**
 * A fault as JSON.
 *
 * Durations are milliseconds, or strings such as "2 seconds". A predicate cannot be encoded.
 *
 * @internal
 */
export type FaultJson = Schema.Schema.Encoded<Case>

type When = Extract<Fault, { readonly _tag: "When" }>

const isWhen = (u: unknown): u is When =>
  Predicate.isTagged(u, "When") && Predicate.hasProperty(u, "predicate") && Predicate.isFunction(u.predicate)

const When: Schema.Schema<When, never> = Schema.declare([], {
  decode: () => (u, _, ast) => isWhen(u) ? Either.right(u) : Either.left(new ParseResult.Type(ast, u)),
  encode: () => (u, _, ast) =>
    Either.left(new ParseResult.Forbidden(ast, u, "a predicate cannot travel as JSON: use `on`"))
}, { identifier: "When" })

const Plain: Schema.Schema<Fault, FaultJson> = Schema.Union(...Record.values(cases), When)

/** Returns a value whose records and arrays compare by content. */
const toData = (u: unknown): unknown => {
  if (Array.isArray(u)) return Data.array(u.map(toData))
  if (Option.isOption(u)) return Option.map(u, toData)
  return isPlainRecord(u) ? Data.struct(Record.map(u, toData)) : u
}

/**
 * The schema of the faults in effect.
 *
 * @internal
 */
export const Faults: Schema.Schema<ReadonlyArray<Fault>, ReadonlyArray<FaultJson>> = Schema.transform(
  Schema.Array(Plain),
  // A schema with members would copy the faults, and copies do not compare by content.
  Schema.Array(Schema.declare((u): u is Fault => isTag(Predicate.hasProperty(u, "_tag") ? u._tag : u) || isWhen(u))),
  { strict: false, decode: (faults) => faults.map(toData), encode: (faults) => faults }
)

// Every fault is tried for each request, and nested faults recursively.
const maximumFaults = 1_000
const maximumDepth = 32

const isTag = (u: unknown): u is keyof typeof cases => typeof u === "string" && Object.hasOwn(cases, u)

const membersOf = (tag: keyof typeof cases): ReadonlyArray<string> =>
  Object.keys(cases[tag].fields).filter((name) => name !== "_tag")

type Path = ReadonlyArray<PropertyKey>

/**
 * Decodes faults from JSON text, or returns a message of at most two lines.
 *
 * @internal
 */
export const decode = (text: string): Either.Either<ReadonlyArray<Fault>, string> =>
  Either.gen(function*() {
    const json = yield* Either.fromOption(parseJson(text), () => "the body must be JSON: a list of faults")
    if (!Array.isArray(json)) {
      return yield* Either.left("the body must be a list of faults: [{ \"_tag\": \"ResetPeer\" }]")
    }
    yield* checkForm(json)
    return yield* Either.mapLeft(Schema.decodeUnknownEither(Faults, { errors: "all" })(json), (error) => {
      const issues = ParseResult.ArrayFormatter.formatErrorSync(error)
      // "Expected" issues name the other cases of the union, or the invalid value.
      const telling = issues.filter(({ message }) => !message.startsWith("Expected "))
      const shown = telling.length > 0 ? telling.map(({ message, path }) => said(path, message)) : expected(issues)
      return [...new Set(shown)].slice(0, 2).join("\n")
    })
  })

/** Returns a message that lists the expected values of the first invalid member. */
const expected = (issues: ReadonlyArray<ParseResult.ArrayFormatterIssue>): ReadonlyArray<string> => {
  const known = issues.flatMap(({ message, path }) => {
    const what = /^Expected (?!When|undefined)(.*?),? actual /s.exec(message)?.[1]
    return what === undefined ? [] : [{ path, what }]
  })
  const path = known[0]?.path ?? []
  const whats = known.filter((one) => one.path.join() === path.join()).map(({ what }) => what)
  return [said(path, `must be ${whats.length === 0 ? "a fault" : whats.join(" or ")}`)]
}

/** Checks the tags, members, number and nesting of faults before they are decoded. */
const checkForm = (faults: ReadonlyArray<unknown>): Either.Either<void, string> => {
  const open: Array<{ readonly json: unknown; readonly path: Path; readonly depth: number }> = []
  const push = (path: Path, jsons: ReadonlyArray<unknown>, depth: number) => {
    for (let i = Math.min(jsons.length, maximumFaults) - 1; i >= 0; i--) {
      open.push({ json: jsons[i], path: [...path, i], depth })
    }
  }
  if (faults.length > maximumFaults) return tooMany
  push([], faults, 1)
  let seen = 0
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { depth, json, path } = next
    if (++seen > maximumFaults) return tooMany
    if (depth > maximumDepth) return Either.left(said(path, `more than ${maximumDepth} levels of nested faults`))
    if (!isPlainRecord(json)) return Either.left(said(path, "must be a fault, such as { \"_tag\": \"ResetPeer\" }"))
    const { _tag: tag } = json
    if (tag === "When") return Either.left(said(path, "a predicate cannot travel as JSON: use \"On\""))
    if (!isTag(tag)) return Either.left(said(path, unknownTag(tag)))
    const members = membersOf(tag)
    for (const name of Object.keys(json)) {
      if (name === "_tag" || members.includes(name)) continue
      return Either.left(said(path, `${tag} has no member ${quoted(name)}: did you mean "${nearest(name, members)}"?`))
    }
    if (members.includes("fault")) open.push({ json: json.fault, path: [...path, "fault"], depth: depth + 1 })
    if (tag === "Delay" && json.then !== undefined) {
      open.push({ json: json.then, path: [...path, "then"], depth: depth + 1 })
    }
    if (Array.isArray(json.faults)) push([...path, "faults"], json.faults, depth + 1)
  }
  return Either.void
}

const tooMany: Either.Either<never, string> = Either.left(`there are more than ${format.count(maximumFaults)} faults`)

const unknownTag = (tag: unknown): string =>
  typeof tag === "string"
    ? `there is no fault ${quoted(tag)}: did you mean "${nearest(tag, Object.keys(cases))}"?`
    : `"_tag" must be one of ${Object.keys(cases).join(", ")}`

const quoted = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

const said = (path: Path, message: string): string => {
  const where = path.length > 8 ? [...path.slice(0, 4), "…", ...path.slice(-3)] : path
  return path.length === 0 ? message : `${where.map(String).join(".")}: ${message}`
}
