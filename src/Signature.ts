/**
 * Request signatures: an HMAC over method, body, content type, date and path.
 *
 * The client signs requests itself. Use this module to call an endpoint with an HTTP client of your
 * own, or to verify signatures on the receiving side.
 *
 * It hashes with `node:crypto`, which Node, Bun, Deno and Cloudflare Workers provide. Web Crypto
 * does not support MD5, which the vendor's signature needs.
 *
 * @since 0.1.0
 */
import * as Redacted from "effect/Redacted"
import * as Crypto from "node:crypto"

/**
 * The parts of a request that are signed.
 *
 * @since 0.1.0
 * @category models
 */
export interface Request {
  /** The method in upper case: `GET`, `POST`, `PATCH`, `DELETE`. */
  readonly method: string
  /** The exact body as sent, or undefined if there is none. */
  readonly body?: string | Uint8Array | undefined
  /** The `Content-Type` header as sent. It is sent and signed even if there is no body. */
  readonly contentType: string
  /** The `Date` header as sent. */
  readonly date: string
  /**
   * The path and query on the request line, percent-encoded.
   *
   * It includes the path of the base URL.
   */
  readonly uri: string
}

/**
 * Returns the text that is signed: five fields, one per line.
 *
 * @example
 * ```ts
 * import { stringToSign } from "effect-suprsend/Signature"
 *
 * console.log(stringToSign({
 *   method: "GET",
 *   contentType: "application/json; charset=utf-8",
 *   date: "Sat, 23 Nov 2024 08:05:09 GMT",
 *   uri: "/v1/user/user-42/"
 * }))
 * ```
 *
 * @since 0.1.0
 * @category signing
 */
export const stringToSign = (request: Request): string =>
  `${request.method}\n${contentMd5(request.body)}\n${request.contentType}\n${request.date}\n${request.uri}`

// Without a body the field is empty, instead of the hash of an empty body.
const contentMd5 = (body: string | Uint8Array | undefined): string =>
  body === undefined || body.length === 0 ? "" : md5(body)

// `crypto.hash` avoids a hash object per request, but not every runtime has it.
const md5: (body: string | Uint8Array) => string = typeof Crypto.hash === "function"
  ? (body) => Crypto.hash("md5", body, "hex")
  : (body) => Crypto.createHash("md5").update(body).digest("hex")

/**
 * Signs a request: the HMAC-SHA256 of {@link stringToSign}, in Base64.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import { sign } from "effect-suprsend/Signature"
 *
 * const signature = sign({
 *   method: "POST",
 *   body: JSON.stringify([]),
 *   contentType: "application/json; charset=utf-8",
 *   date: new Date(0).toUTCString(),
 *   uri: "/event/"
 * }, Redacted.make("workspace-secret"))
 * ```
 *
 * @since 0.1.0
 * @category signing
 */
export const sign = (request: Request, secret: Redacted.Redacted): string =>
  Crypto.createHmac("sha256", Redacted.value(secret)).update(stringToSign(request)).digest("base64")

/**
 * Returns the value of the `Authorization` header.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import { authorization } from "effect-suprsend/Signature"
 *
 * const header = authorization({
 *   method: "DELETE",
 *   contentType: "application/json; charset=utf-8",
 *   date: new Date(0).toUTCString(),
 *   uri: "/v1/user/user-42/"
 * }, { workspaceKey: "workspace-key", workspaceSecret: Redacted.make("workspace-secret") })
 * ```
 *
 * @since 0.1.0
 * @category signing
 */
export const authorization = (
  request: Request,
  credentials: { readonly workspaceKey: string; readonly workspaceSecret: Redacted.Redacted }
): string => `${credentials.workspaceKey}:${sign(request, credentials.workspaceSecret)}`

/**
 * Verifies the `Authorization` header of a request, in constant time.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import { authorization, type Request, verify } from "effect-suprsend/Signature"
 *
 * const credentials = { workspaceKey: "workspace-key", workspaceSecret: Redacted.make("workspace-secret") }
 * const request: Request = { method: "GET", contentType: "application/json", date: "now", uri: "/v1/user/" }
 *
 * console.log(verify(request, credentials, authorization(request, credentials))) // true
 * ```
 *
 * @since 0.1.0
 * @category signing
 */
export const verify = (
  request: Request,
  credentials: { readonly workspaceKey: string; readonly workspaceSecret: Redacted.Redacted },
  header: string
): boolean => {
  const expected = Buffer.from(authorization(request, credentials))
  const actual = Buffer.from(header)
  return expected.length === actual.length && Crypto.timingSafeEqual(expected, actual)
}
