import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Fault } from "../../../Sandbox.js"
import * as format from "../../support/format.js"
import { isPlainRecord, parseJson } from "../../support/json.js"
import * as endpoints from "../protocol/endpoints.js"
import { nearest } from "../protocol/nearest.js"
import { refuse } from "../protocol/reply.js"
import { Cases, garbage } from "./fault.js"

/**
 * A fault as JSON: its members, durations as milliseconds or as a text such as "2 seconds". What a function of `Sandbox` fills
 * in may be left out. A predicate is code and cannot travel.
 *
 * @internal
 */
export type FaultJson = typeof Leaf.Encoded | OnJson | NextJson | LastingJson | SometimesJson | DelayJson | ManyJson

interface OnJson {
  readonly _tag: "On"
  readonly endpoint: string
  readonly fault: FaultJson
}

interface NextJson {
  readonly _tag: "Next"
  readonly times: number
  readonly fault: FaultJson
}

interface LastingJson {
  readonly _tag: "Lasting"
  readonly duration: number | string
  readonly until?: number | undefined
  readonly fault: FaultJson
}

interface SometimesJson {
  readonly _tag: "Sometimes"
  readonly probability: number
  readonly fault: FaultJson
}

interface DelayJson {
  readonly _tag: "Delay"
  readonly duration: number | string
  readonly then?: FaultJson | undefined
}

interface ManyJson {
  readonly _tag: "InOrder" | "Together"
  readonly faults: ReadonlyArray<FaultJson>
}

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

// Each that passed within the window is remembered.
const maximumLimit = 100_000

const Applied = (otherwise: boolean) =>
  Schema.optionalWith(Schema.Boolean.annotations({ message: () => "must be true or false" }), {
    default: () => otherwise
  })

const Text = Schema.String.annotations({ message: () => "must be a text" })

// What a server cannot write would break the connection, which is another fault.
const Headers = Schema.Record({ key: Schema.String, value: Text }).pipe(
  Schema.filter((headers) =>
    Object.entries(headers).every(([name, value]) =>
      /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
    )
  )
).annotations({ message: () => "must be names and values that HTTP allows" })

const Leaf = Schema.Union(
  Schema.TaggedStruct("Status", {
    status: integer(200, 599),
    headers: Schema.optionalWith(Headers, { default: () => ({ "content-type": "application/json" }) }),
    body: Schema.optionalWith(Text, { default: () => refuse(0, "scripted").body }),
    applied: Applied(false)
  }),
  Schema.TaggedStruct("ResetPeer", { applied: Applied(false) }),
  Schema.TaggedStruct("TruncateBody", {
    bytes: Schema.optionalWith(Count, { as: "Option" }),
    then: Schema.optionalWith(
      Schema.Literal("reset", "stall").annotations({ message: () => "must be \"reset\" or \"stall\"" }),
      { default: () => "reset" }
    ),
    applied: Applied(true)
  }),
  Schema.TaggedStruct("MalformedBody", {
    body: Schema.optionalWith(Text, { default: () => garbage }),
    applied: Applied(true)
  }),
  Schema.TaggedStruct("SlowBody", {
    bytes: Schema.Positive.annotations({ message: () => "must be a number above 0" }),
    interval: Time
  }),
  Schema.TaggedStruct("NoResponse", { applied: Applied(false) }),
  Schema.TaggedStruct("RateLimit", {
    limit: integer(0, maximumLimit),
    window: Time,
    passed: Schema.optionalWith(
      Schema.Array(Schema.Number).pipe(Schema.maxItems(maximumLimit)).annotations({
        message: () => "must be a list of times in milliseconds"
      }),
      { default: () => [] }
    )
  })
)

const Inner = Schema.suspend((): Schema.Schema<Fault, FaultJson> => Plain)

const Many = Schema.Array(Inner).annotations({ message: () => "must be a list of faults" })

const When = Schema.declare<Extract<Fault, { readonly _tag: "When" }>, never, []>([], {
  decode: () => (u, _, ast) => isWhen(u) ? Either.right(u) : Either.left(new ParseResult.Type(ast, u)),
  encode: () => (u, _, ast) =>
    Either.left(new ParseResult.Forbidden(ast, u, "a predicate cannot travel as JSON: use `on`"))
}, { identifier: "When" })

const isWhen = (u: unknown): u is Extract<Fault, { readonly _tag: "When" }> =>
  Predicate.isTagged(u, "When") && Predicate.hasProperty(u, "predicate") && Predicate.isFunction(u.predicate)

// Its members are told apart by their tags, without which each level would be tried as everything it could be.
const Plain: Schema.Schema<Fault, FaultJson> = Schema.Union(
  ...Leaf.members,
  Schema.TaggedStruct("Delay", { duration: Time, then: Schema.optionalWith(Inner, { as: "Option" }) }),
  Schema.TaggedStruct("On", {
    endpoint: Text.pipe(
      Schema.filter((endpoint) => Option.getOrUndefined(endpoints.problem(endpoint)))
    ),
    fault: Inner
  }),
  Schema.TaggedStruct("Next", { times: Count, fault: Inner }),
  Schema.TaggedStruct("Lasting", {
    duration: Time,
    until: Schema.optionalWith(Schema.Number, { as: "Option" }),
    fault: Inner
  }),
  Schema.TaggedStruct("Sometimes", {
    probability: Schema.Number.pipe(Schema.between(0, 1)).annotations({
      message: () => "must be a number from 0 to 1"
    }),
    fault: Inner
  }),
  Schema.TaggedStruct("InOrder", { faults: Many }),
  Schema.TaggedStruct("Together", { faults: Many }),
  When
)

/** The same fault as a value that is equal to another one by content. */
const toData = (fault: Fault): Fault => {
  switch (fault._tag) {
    case "Status":
      return Cases.Status({ ...fault, headers: Data.struct(fault.headers) })
    case "ResetPeer":
      return Cases.ResetPeer(fault)
    case "TruncateBody":
      return Cases.TruncateBody(fault)
    case "MalformedBody":
      return Cases.MalformedBody(fault)
    case "SlowBody":
      return Cases.SlowBody(fault)
    case "NoResponse":
      return Cases.NoResponse(fault)
    case "RateLimit":
      return Cases.RateLimit({ ...fault, passed: Data.array(fault.passed) })
    case "Delay":
      return Cases.Delay({ ...fault, then: Option.map(fault.then, toData) })
    case "On":
      return Cases.On({ ...fault, fault: toData(fault.fault) })
    case "When":
      return fault
    case "Next":
      return Cases.Next({ ...fault, fault: toData(fault.fault) })
    case "Lasting":
      return Cases.Lasting({ ...fault, fault: toData(fault.fault) })
    case "Sometimes":
      return Cases.Sometimes({ ...fault, fault: toData(fault.fault) })
    case "InOrder":
      return Cases.InOrder({ faults: Data.array(fault.faults.map(toData)) })
    case "Together":
      return Cases.Together({ faults: Data.array(fault.faults.map(toData)) })
  }
}

/**
 * What `sandbox.faults.replace` takes and `sandbox.faults.all` gives, as JSON.
 *
 * @internal
 */
export const Faults: Schema.Schema<ReadonlyArray<Fault>, ReadonlyArray<FaultJson>> = Schema.transform(
  Schema.Array(Plain),
  // What `Plain` has made or will check is not looked at again, and above all not copied, which would lose how it is compared.
  Schema.Array(Schema.declare((u): u is Fault => isTag(Predicate.hasProperty(u, "_tag") ? u._tag : u) || isWhen(u))),
  { strict: true, decode: (faults) => faults.map(toData), encode: (faults) => faults }
)

// Each request asks all of them, one inside of another.
const maximumFaults = 1_000
const maximumDepth = 32

const members: { readonly [Tag in FaultJson["_tag"]]: ReadonlyArray<string> } = {
  Status: ["status", "headers", "body", "applied"],
  ResetPeer: ["applied"],
  TruncateBody: ["bytes", "then", "applied"],
  MalformedBody: ["body", "applied"],
  SlowBody: ["bytes", "interval"],
  NoResponse: ["applied"],
  RateLimit: ["limit", "window", "passed"],
  Delay: ["duration", "then"],
  On: ["endpoint", "fault"],
  Next: ["times", "fault"],
  Lasting: ["duration", "until", "fault"],
  Sometimes: ["probability", "fault"],
  InOrder: ["faults"],
  Together: ["faults"]
}

const isTag = (u: unknown): u is FaultJson["_tag"] => typeof u === "string" && Object.hasOwn(members, u)

type Path = ReadonlyArray<PropertyKey>

/**
 * Reads faults from a text of JSON, or says in at most two lines why they are none.
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
      // What else a fault could have been is not the point; nor is what it was.
      const telling = issues.filter(({ message }) => !message.startsWith("Expected "))
      const shown = telling.length > 0 ? telling.map(({ message, path }) => said(path, message)) : expected(issues)
      return [...new Set(shown)].slice(0, 2).join("\n")
    })
  })

/** All that the first member that is wrong could have been. */
const expected = (issues: ReadonlyArray<ParseResult.ArrayFormatterIssue>): ReadonlyArray<string> => {
  const known = issues.flatMap(({ message, path }) => {
    const what = /^Expected (?!When|undefined)(.*?),? actual /s.exec(message)?.[1]
    return what === undefined ? [] : [{ path, what }]
  })
  const path = known[0]?.path ?? []
  const whats = known.filter((one) => one.path.join() === path.join()).map(({ what }) => what)
  return [said(path, `must be ${whats.length === 0 ? "a fault" : whats.join(" or ")}`)]
}

/** Checks what faults there are, and how many inside of each other, before anything is made of them. */
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
    for (const name of Object.keys(json)) {
      if (name === "_tag" || members[tag].includes(name)) continue
      return Either.left(
        said(path, `${tag} has no member ${quoted(name)}: did you mean "${nearest(name, members[tag])}"?`)
      )
    }
    if (members[tag].includes("fault")) open.push({ json: json.fault, path: [...path, "fault"], depth: depth + 1 })
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
    ? `there is no fault ${quoted(tag)}: did you mean "${nearest(tag, Object.keys(members))}"?`
    : `"_tag" must be one of ${Object.keys(members).join(", ")}`

const quoted = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text)

const said = (path: Path, message: string): string => {
  const where = path.length > 8 ? [...path.slice(0, 4), "…", ...path.slice(-3)] : path
  return path.length === 0 ? message : `${where.map(String).join(".")}: ${message}`
}
