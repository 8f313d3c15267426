/**
 * Tenants that a user belongs to.
 *
 * The vendor does not document the response. Its newer Go SDK decodes `{ meta, results }`, with a
 * tenant in each result. This module reads the known members and keeps everything in `raw`.
 *
 * @since 0.1.0
 */
import * as Either from "effect/Either"
import type * as Schema from "effect/Schema"
import * as model from "./internal/model/model.js"
import type { Issue } from "./SuprsendError.js"

/**
 * A tenant that a user belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export class AssociatedTenant extends model.Model {
  constructor(
    /** The id of the tenant: at most 64 letters, digits, `_` and `-`. */
    readonly tenantId: string,
    raw: { readonly [key: string]: unknown }
  ) {
    super(raw)
  }

  /** The name of the tenant. */
  get tenantName(): string | undefined {
    return model.text(model.record(this.raw.tenant ?? this.raw).tenant_name)
  }
}

/** @internal */
export const decode: model.Decode<AssociatedTenant> = (u) =>
  Either.flatMap(model.asRaw(u), (raw): Either.Either<AssociatedTenant, Issue> => {
    const id = raw.tenant_id ?? model.record(raw.tenant).tenant_id
    return typeof id === "string"
      ? Either.right(new AssociatedTenant(id, raw))
      : Either.left(model.issue(["tenant_id"], "must be a string"))
  })

/**
 * Encodes an associated tenant as JSON and decodes it.
 *
 * @example
 * ```ts
 * import { Schema } from "effect"
 * import * as AssociatedTenant from "effect-suprsend/AssociatedTenant"
 *
 * const acme = Schema.decodeUnknownSync(AssociatedTenant.AssociatedTenantSchema)({ tenant_id: "acme", tenant_name: "Acme Inc." })
 * console.log(acme.tenantId, acme.tenantName) // "acme" "Acme Inc."
 * ```
 *
 * @since 0.1.0
 * @category schemas
 */
export const AssociatedTenantSchema: Schema.Schema<AssociatedTenant, { readonly [key: string]: unknown }> = model
  .schema(
    AssociatedTenant,
    decode
  )
