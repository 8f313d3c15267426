import { describe, expect, it } from "@effect/vitest"
import * as AssociatedTenant from "effect-suprsend/AssociatedTenant"
import * as Either from "effect/Either"
import * as Equal from "effect/Equal"
import * as FastCheck from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { inspect } from "node:util"
import { canonical } from "./utils/json.js"
import { shaped } from "./utils/shaped.js"

const text = FastCheck.oneof(FastCheck.string(), FastCheck.constant(null))

const tenant = shaped({
  tenant_id: FastCheck.string(),
  tenant_name: text,
  tenant: shaped({ tenant_id: FastCheck.string(), tenant_name: text })
})

describe("an associated tenant", () => {
  it.prop("is decoded from any JSON with an id, and encoded unchanged", { json: tenant }, ({ json }) => {
    const before = canonical(json)
    const decoded = Schema.decodeUnknownEither(AssociatedTenant.AssociatedTenantSchema)(json)
    if (typeof json.tenant_id === "string") expect(Either.isRight(decoded)).toBe(true)
    if (Either.isRight(decoded)) {
      expect(decoded.right.tenantId).toBeTypeOf("string")
      expect(["string", "undefined"]).toContain(typeof decoded.right.tenantName)
      expect(canonical(Schema.encodeSync(AssociatedTenant.AssociatedTenantSchema)(decoded.right))).toBe(before)
    }
  })

  it("is decoded with its members inside or outside of `tenant`", () => {
    const decode = Schema.decodeUnknownSync(AssociatedTenant.AssociatedTenantSchema)
    for (
      const json of [{ tenant_id: "acme", tenant_name: "Acme" }, { tenant: { tenant_id: "acme", tenant_name: "Acme" } }]
    ) {
      expect(decode(json)).toMatchObject({ tenantId: "acme", tenantName: "Acme" })
    }
    expect(Either.isLeft(Schema.decodeUnknownEither(AssociatedTenant.AssociatedTenantSchema)({ tenant: {} }))).toBe(
      true
    )
  })

  it("prefers its own id to that within `tenant`, which has the name", () => {
    expect(AssociatedTenant.decode({ tenant_id: "outer", tenant_name: "Outer", tenant: { tenant_id: "inner" } }))
      .toMatchObject({ right: { tenantId: "outer", tenantName: undefined } })
  })

  it("has no name if that is not a string", () => {
    for (const tenant_name of [null, undefined, 7, ["Acme"]]) {
      expect(AssociatedTenant.decode({ tenant_id: "acme", tenant_name })).toMatchObject({
        right: { tenantId: "acme", tenantName: undefined }
      })
    }
  })

  it("is not decoded without an id, or from what is not an object", () => {
    for (const json of [{}, { tenant_id: 7 }, { tenant_id: null, tenant: "acme" }, { tenant: { tenant_id: {} } }]) {
      expect(Either.flip(AssociatedTenant.decode(json))).toEqual(
        Either.right({ path: ["tenant_id"], message: "must be a string" })
      )
    }
    expect(Either.flip(AssociatedTenant.decode("acme"))).toEqual(
      Either.right({ path: [], message: "must be a JSON object, got a string" })
    )
  })

  it("is equal by content, and printed in its decoded form", () => {
    const decode = Schema.decodeUnknownSync(AssociatedTenant.AssociatedTenantSchema)
    const acme = decode({ tenant: { tenant_id: "acme", tenant_name: "Acme" } })
    expect(Equal.equals(acme, decode({ tenant: { tenant_id: "acme", tenant_name: "Acme" } }))).toBe(true)
    expect(Equal.equals(acme, decode({ tenant: { tenant_id: "acme", tenant_name: "Umbrella" } }))).toBe(false)
    expect(inspect(acme)).toBe(inspect({ tenantId: "acme", tenantName: "Acme" }))
    expect(JSON.parse(JSON.stringify(acme))).toEqual(acme.raw)
  })
})
