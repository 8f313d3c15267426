/**
 * Objects and lists that a user is subscribed to.
 *
 * The vendor documents two different shapes of these responses. Both are decoded into one model
 * each; unknown members are kept in `raw`.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import * as model from "./internal/model/model.js"
import type { Issue } from "./SuprsendError.js"

/**
 * An object that a user is subscribed to.
 *
 * @since 0.1.0
 * @category models
 */
export class ObjectSubscription extends model.Model {
  constructor(
    /** The id of the object, unique within its type. */
    readonly objectId: string,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The type of the object, such as "departments". */
  get objectType(): string | undefined {
    return model.text(this.object.object_type ?? this.raw.type)
  }

  /** The properties of the subscription. Those of the object are in `object`. */
  get properties(): { readonly [key: string]: unknown } {
    return model.record(this.raw.properties)
  }

  /** The object, as far as the response describes it. */
  get object(): { readonly [key: string]: unknown } {
    return model.record(this.raw.object)
  }

  /** When the user subscribed. */
  get subscribedAt(): DateTime.Utc | undefined {
    return model.timestamp(this.raw.subscribed_at ?? this.raw.created_at)
  }
}

/**
 * A list that a user is subscribed to.
 *
 * @since 0.1.0
 * @category models
 */
export class ListSubscription extends model.Model {
  constructor(
    /** The id of the list. */
    readonly listId: string,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The list, as far as the response describes it. */
  get list(): { readonly [key: string]: unknown } {
    return model.record(this.raw.list)
  }

  /** The name of the list. */
  get name(): string | undefined {
    return model.text(this.list.list_name)
  }

  /** The description of the list. */
  get description(): string | undefined {
    return model.text(this.list.list_description ?? this.list.description)
  }

  /** The type of the list: "static_list" or "query_based". */
  get listType(): string | undefined {
    return model.text(this.list.list_type)
  }

  /** The status, such as "subscribed". Only one of the documented shapes has it. */
  get status(): string | undefined {
    return model.text(this.raw.status)
  }

  /** When the user subscribed. */
  get subscribedAt(): DateTime.Utc | undefined {
    return model.timestamp(this.raw.subscribed_at ?? this.raw.created_at)
  }
}

/** @internal */
export const decodeObject: model.Decode<ObjectSubscription> = (u) =>
  Either.flatMap(model.asRaw(u), (raw): Either.Either<ObjectSubscription, Issue> => {
    const id = model.record(raw.object).id ?? raw.object_id
    return typeof id === "string"
      ? Either.right(new ObjectSubscription(id, raw))
      : Either.left(model.issue(["object", "id"], "must be a string"))
  })

/** @internal */
export const decodeList: model.Decode<ListSubscription> = (u) =>
  Either.flatMap(model.asRaw(u), (raw): Either.Either<ListSubscription, Issue> => {
    const id = model.record(raw.list).list_id ?? raw.list_id
    return typeof id === "string"
      ? Either.right(new ListSubscription(id, raw))
      : Either.left(model.issue(["list", "list_id"], "must be a string"))
  })

/**
 * Encodes an object subscription as JSON, and decodes both documented shapes.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { ObjectSubscriptionSchema } from "effect-suprsend/Subscription"
 *
 * const decoded = Schema.decodeUnknownSync(ObjectSubscriptionSchema)({ object_id: "Frontend", type: "Developers" })
 * console.log(decoded.objectId, decoded.objectType) // "Frontend" "Developers"
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const ObjectSubscriptionSchema: Schema.Schema<ObjectSubscription, { readonly [key: string]: unknown }> = model
  .schema(ObjectSubscription, decodeObject)

/**
 * Encodes a list subscription as JSON, and decodes both documented shapes.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import { ListSubscriptionSchema } from "effect-suprsend/Subscription"
 *
 * const decoded = Schema.decodeUnknownSync(ListSubscriptionSchema)({ list_id: "product_updates", status: "subscribed" })
 * console.log(decoded.listId, decoded.status) // "product_updates" "subscribed"
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const ListSubscriptionSchema: Schema.Schema<ListSubscription, { readonly [key: string]: unknown }> = model
  .schema(ListSubscription, decodeList)
