import * as HttpBody from "@effect/platform/HttpBody"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Signature from "effect-suprsend/Signature"
import * as Effect from "effect/Effect"

type Method = "GET" | "POST" | "PATCH" | "DELETE" | "PUT"

const contentType = "application/json; charset=utf-8"
const date = new Date(0).toUTCString()

/** The headers with which a request is signed. */
export const signedHeaders = (method: Method, uri: string, body?: string): Record<string, string> => ({
  "content-type": contentType,
  date,
  authorization: Signature.authorization({ method, uri, body, contentType, date }, Sandbox.credentials)
})

/** Sends a request as it is, signed unless headers are given, and returns the response. */
export const byHand = (
  method: Method,
  uri: string,
  body?: unknown,
  headers?: Record<string, string>
) =>
  Effect.gen(function*() {
    const client = yield* HttpClient.HttpClient
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body)
    const request = HttpClientRequest.make(method)(`http://sandbox.localhost${uri}`).pipe(
      text === undefined ? (self) => self : HttpClientRequest.setBody(HttpBody.text(text, contentType)),
      HttpClientRequest.setHeaders(headers ?? signedHeaders(method, uri, text))
    )
    const response = yield* client.execute(request)
    const said = yield* response.text
    return {
      status: response.status,
      contentType: response.headers["content-type"],
      text: said,
      json: (): unknown => JSON.parse(said)
    }
  })

/** An event as it travels. */
export const event = (
  distinctId: string,
  operations: unknown,
  more: { readonly [member: string]: unknown } = {}
) => ({
  $schema: "2",
  $insert_id: `insert-${distinctId}`,
  distinct_id: distinctId,
  $user_operations: operations,
  ...more
})
