/**
 * The objects and lists that a user is subscribed to.
 *
 * The vendor's page (Seed) and its OpenAPI description disagree completely about these answers; both are read into one model
 * each, and what neither mentions is kept in `raw`.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import * as model from "./internal/model/model.js"
import type { Issue } from "./SuprsendError.js"

/**
 * An object that the user is subscribed to.
 *
 * @since 0.1.0
 * @category models
 */
export class ObjectSubscription extends model.Model {
  constructor(
    /** The id of the object among those of its type. */
    readonly objectId: string,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The type of the object, such as "departments". */
  get objectType(): string | undefined {
    return model.text(this.object.object_type ?? this.raw.type)
  }

  /** The properties of the subscription, not those of the object. */
  get properties(): { readonly [key: string]: unknown } {
    return model.record(this.raw.properties)
  }

  /** The object itself, as far as the server describes it. */
  get object(): { readonly [key: string]: unknown } {
    return model.record(this.raw.object)
  }

  /** When the user subscribed. */
  get subscribedAt(): DateTime.Utc | undefined {
    return model.timestamp(this.raw.subscribed_at ?? this.raw.created_at)
  }
}

/**
 * A list that the user is subscribed to.
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

  /** The list itself, as far as the server describes it. */
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

  /** "static_list" or "query_based" (OpenAPI). */
  get listType(): string | undefined {
    return model.text(this.list.list_type)
  }

  /** "subscribed", in the shape of the vendor's page (Seed). */
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
 * A subscription to an object as JSON, of either documented shape.
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
 * A subscription to a list as JSON, of either documented shape.
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
