import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { Fault } from "../../Sandbox.js"
import { refuse } from "./wire.js"

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
      () => new ParseResult.Type(ast, text, "must be milliseconds, or a text such as \"2 seconds\"")
    ),
  encode: (duration) => Either.right(Duration.toMillis(duration))
})

const Count = Schema.NonNegativeInt

const CarriedOut = (otherwise: boolean) => Schema.optionalWith(Schema.Boolean, { default: () => otherwise })

const Leaf = Schema.Union(
  Schema.Data(Schema.TaggedStruct("Status", {
    status: Schema.Int.pipe(Schema.between(200, 599)),
    headers: Schema.optionalWith(Schema.Data(Schema.Record({ key: Schema.String, value: Schema.String })), {
      default: () => Data.struct({ "content-type": "application/json" })
    }),
    body: Schema.optionalWith(Schema.String, { default: () => refuse(0, "scripted").body }),
    carriedOut: CarriedOut(false)
  })),
  Schema.Data(Schema.TaggedStruct("Cut", { carriedOut: CarriedOut(false) })),
  Schema.Data(Schema.TaggedStruct("Part", {
    bytes: Schema.optionalWith(Count, { as: "Option" }),
    then: Schema.optionalWith(Schema.Literal("cut", "stall"), { default: () => "cut" }),
    carriedOut: CarriedOut(true)
  })),
  Schema.Data(Schema.TaggedStruct("Garbage", {
    body: Schema.optionalWith(Schema.String, { default: () => "" }),
    carriedOut: CarriedOut(true)
  })),
  Schema.Data(Schema.TaggedStruct("Drip", { bytes: Schema.Positive, interval: Time })),
  Schema.Data(Schema.TaggedStruct("Silent", { carriedOut: CarriedOut(false) })),
  Schema.Data(Schema.TaggedStruct("RateLimit", {
    limit: Count,
    window: Time,
    passed: Schema.optionalWith(Schema.Data(Schema.Array(Schema.Number)), {
      default: () => Data.array([])
    })
  }))
)

const Inner = Schema.suspend((): Schema.Schema<Fault, FaultJson> => FaultFromJson)

const When = Schema.declare<Extract<Fault, { readonly _tag: "When" }>, never, []>([], {
  decode: () => (u, _, ast) => isWhen(u) ? Either.right(u) : Either.left(new ParseResult.Type(ast, u)),
  encode: () => (u, _, ast) =>
    Either.left(new ParseResult.Forbidden(ast, u, "a predicate cannot travel as JSON: use `on`"))
}, { identifier: "When" })

const isWhen = (u: unknown): u is Extract<Fault, { readonly _tag: "When" }> =>
  Predicate.isTagged(u, "When") && Predicate.hasProperty(u, "predicate") && Predicate.isFunction(u.predicate)

const FaultFromJson: Schema.Schema<Fault, FaultJson> = Schema.Union(
  Leaf,
  Schema.Data(Schema.TaggedStruct("Delay", { duration: Time, then: Schema.optionalWith(Inner, { as: "Option" }) })),
  Schema.Data(Schema.TaggedStruct("On", { endpoint: Schema.String, fault: Inner })),
  Schema.Data(Schema.TaggedStruct("Next", { times: Count, fault: Inner })),
  Schema.Data(
    Schema.TaggedStruct("Lasting", {
      duration: Time,
      until: Schema.optionalWith(Schema.Number, { as: "Option" }),
      fault: Inner
    })
  ),
  Schema.Data(
    Schema.TaggedStruct("Sometimes", { probability: Schema.Number.pipe(Schema.between(0, 1)), fault: Inner })
  ),
  Schema.Data(Schema.TaggedStruct("InOrder", { faults: Schema.Data(Schema.Array(Inner)) })),
  Schema.Data(Schema.TaggedStruct("Together", { faults: Schema.Data(Schema.Array(Inner)) })),
  When
)

/**
 * What `sandbox.faults.replace` takes and `sandbox.faults.all` gives, as JSON.
 *
 * @internal
 */
export const Faults: Schema.Schema<ReadonlyArray<Fault>, ReadonlyArray<FaultJson>> = Schema.Array(FaultFromJson)
