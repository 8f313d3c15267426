import { describe, expect, it } from "@effect/vitest"
import * as Signature from "effect-suprsend/Signature"
import * as FastCheck from "effect/FastCheck"
import * as Redacted from "effect/Redacted"

const text = FastCheck.oneof(FastCheck.string(), FastCheck.string({ unit: "grapheme" }))

const bytes = FastCheck.uint8Array({ maxLength: 64 })

const request: FastCheck.Arbitrary<Signature.Request> = FastCheck.record({
  method: FastCheck.constantFrom("GET", "POST", "PATCH", "DELETE"),
  body: FastCheck.oneof(FastCheck.constant(undefined), text, bytes),
  contentType: FastCheck.oneof(FastCheck.constantFrom("application/json", "application/json; charset=utf-8"), text),
  date: FastCheck.oneof(
    FastCheck.date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") }).map((date) =>
      date.toUTCString()
    ),
    text
  ),
  uri: FastCheck.oneof(FastCheck.webPath(), text)
})

const keyed = FastCheck.record({
  workspaceKey: FastCheck.string({ minLength: 1, unit: "grapheme-ascii" }),
  workspaceSecret: FastCheck.string({ minLength: 1, unit: "grapheme" }).map((secret) => Redacted.make(secret))
})

/** What is hashed of a body: no body and an empty one are the same. */
const content = (body: Signature.Request["body"]): string => Buffer.from(body ?? "").toString("hex")

const sameKey = (a: string, b: string): boolean => {
  // HMAC fills a short key up with zeros, so a secret cannot be told from itself with a zero behind.
  const trimmed = (secret: string) => secret.replace(/\0+$/, "")
  return trimmed(a) === trimmed(b)
}

describe("authorization", () => {
  it.prop("always has the form key:signature, the signature 32 bytes in Base64", { request, keyed }, (given) => {
    const header = Signature.authorization(given.request, given.keyed)
    expect(header.startsWith(`${given.keyed.workspaceKey}:`)).toBe(true)
    const signature = header.slice(given.keyed.workspaceKey.length + 1)
    expect(signature).toMatch(/^[A-Za-z0-9+/]{43}=$/)
    expect(Buffer.from(signature, "base64")).toHaveLength(32)
    expect(signature).toBe(Signature.sign(given.request, given.keyed.workspaceSecret))
  })

  it.prop("is the same for a body as a text and as its bytes", { request, keyed, text }, (given) => {
    expect(Signature.authorization({ ...given.request, body: given.text }, given.keyed)).toBe(
      Signature.authorization({ ...given.request, body: new TextEncoder().encode(given.text) }, given.keyed)
    )
  })

  it("has an empty field for no body, and not the hash of nothing", () => {
    const request = { method: "GET", contentType: "application/json", date: "now", uri: "/v1/user/" }
    expect(Signature.stringToSign(request)).toBe("GET\n\napplication/json\nnow\n/v1/user/")
    expect(Signature.stringToSign({ ...request, body: "" })).toBe(Signature.stringToSign(request))
    expect(Signature.stringToSign({ ...request, body: new Uint8Array() })).toBe(Signature.stringToSign(request))
    expect(Signature.stringToSign({ ...request, body: "{}" })).toContain("\n99914b932bd37a50b983c5e7c90ae93b\n")
  })

  it.prop("does not hold the secret", { request, secret: FastCheck.uuid() }, (given) => {
    const header = Signature.authorization(given.request, {
      workspaceKey: "workspace-key",
      workspaceSecret: Redacted.make(given.secret)
    })
    expect(header).not.toContain(given.secret)
  })
})

describe("verify", () => {
  const runs = { fastCheck: { numRuns: 300 } }

  it.prop("accepts what authorization made", { request, keyed }, (given) => {
    expect(Signature.verify(given.request, given.keyed, Signature.authorization(given.request, given.keyed))).toBe(true)
  }, runs)

  it.prop("rejects another method, content type, date or path", { request, other: request, keyed }, (given) => {
    const header = Signature.authorization(given.request, given.keyed)
    for (const field of ["method", "contentType", "date", "uri"] as const) {
      const changed = { ...given.request, [field]: given.other[field] }
      expect(Signature.verify(changed, given.keyed, header), field).toBe(given.request[field] === given.other[field])
    }
  }, runs)

  it.prop("rejects another body", { request, body: FastCheck.oneof(text, bytes), keyed }, (given) => {
    const header = Signature.authorization(given.request, given.keyed)
    expect(Signature.verify({ ...given.request, body: given.body }, given.keyed, header)).toBe(
      content(given.request.body) === content(given.body)
    )
  }, runs)

  it.prop("rejects a body with one bit changed", { request, keyed, body: bytes, at: FastCheck.nat() }, (given) => {
    if (given.body.length === 0) return
    const header = Signature.authorization({ ...given.request, body: given.body }, given.keyed)
    const changed = given.body.map((byte, i) => i === given.at % given.body.length ? byte ^ 1 : byte)
    expect(Signature.verify({ ...given.request, body: changed }, given.keyed, header)).toBe(false)
  }, runs)

  it.prop("rejects another key, and another secret", { request, keyed, other: keyed }, (given) => {
    const header = Signature.authorization(given.request, given.keyed)
    const { workspaceKey, workspaceSecret } = given.other
    expect(Signature.verify(given.request, { ...given.keyed, workspaceKey }, header)).toBe(
      workspaceKey === given.keyed.workspaceKey
    )
    expect(Signature.verify(given.request, { ...given.keyed, workspaceSecret }, header)).toBe(
      sameKey(Redacted.value(workspaceSecret), Redacted.value(given.keyed.workspaceSecret))
    )
  }, runs)

  it.prop("rejects a header that is changed, cut or longer", { request, keyed, at: FastCheck.nat() }, (given) => {
    const header = Signature.authorization(given.request, given.keyed)
    const at = given.at % header.length
    const changed = header.slice(0, at) + (header[at] === "x" ? "y" : "x") + header.slice(at + 1)
    for (const wrong of [changed, header.slice(0, at), `${header} `, `${header}=`, `Bearer ${header}`, ""]) {
      expect(Signature.verify(given.request, given.keyed, wrong)).toBe(false)
    }
  }, runs)
})
