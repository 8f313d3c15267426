import { describe, expect, it } from "@effect/vitest"
import * as Signature from "effect-suprsend/Signature"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { createHash } from "node:crypto"
import { vectors } from "../utils/vectors.js"

const cases = vectors(
  "signature.json",
  Schema.Struct({
    case: Schema.String,
    method: Schema.String,
    path_and_query: Schema.String,
    body: Schema.String,
    content_type: Schema.String,
    date: Schema.String,
    key: Schema.String,
    secret: Schema.String,
    content_md5: Schema.String,
    string_to_sign: Schema.String,
    authorization: Schema.String
  })
)

const requestOf = (testCase: typeof cases[number], body: string | Uint8Array | undefined): Signature.Request => ({
  method: testCase.method,
  body,
  contentType: testCase.content_type,
  date: testCase.date,
  uri: testCase.path_and_query
})

const credentialsOf = ({ key, secret }: typeof cases[number]) => ({
  workspaceKey: key,
  workspaceSecret: Redacted.make(secret)
})

describe("signature.json", () => {
  it("has 216 cases", () => {
    expect(cases.length).toBe(216)
  })

  for (const [i, testCase] of cases.entries()) {
    it(`${i}: ${testCase.case}`, () => {
      const credentials = credentialsOf(testCase)
      const asText = requestOf(testCase, testCase.body)
      const asBytes = requestOf(testCase, Buffer.from(testCase.body, "utf8"))
      for (
        const request of testCase.body === ""
          ? [asText, asBytes, requestOf(testCase, undefined)]
          : [asText, asBytes]
      ) {
        expect(Signature.stringToSign(request)).toBe(testCase.string_to_sign)
        expect(Signature.authorization(request, credentials)).toBe(testCase.authorization)
        expect(Signature.verify(request, credentials, testCase.authorization)).toBe(true)
      }
    })
  }

  it("the second line is the MD5 of the body, or empty if there is no body", () => {
    for (const testCase of cases) {
      const md5 = testCase.body === "" ? "" : createHash("md5").update(testCase.body, "utf8").digest("hex")
      expect(Signature.stringToSign(requestOf(testCase, testCase.body)).split("\n")[1]).toBe(md5)
      expect(testCase.content_md5).toBe(md5)
    }
  })

  it("no signature fits another case", () => {
    const distinct = [...new Map(cases.map((testCase) => [testCase.authorization, testCase])).values()]
    distinct.forEach((testCase, i) => {
      const other = distinct.at(i - 1)?.authorization ?? ""
      expect(Signature.verify(requestOf(testCase, testCase.body), credentialsOf(testCase), other)).toBe(false)
    })
  })
})
