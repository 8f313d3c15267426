/**
 * How a request proves where it comes from: an HMAC over its method, body, content type, date and path.
 *
 * The client does this by itself. The module is public for those who call an endpoint that has no method here, or who check
 * signatures on the receiving side.
 *
 * Hashing is `node:crypto`'s, which Node, Bun, Deno and Cloudflare Workers all have: Web Crypto has no MD5, which the
 * vendor's signature needs.
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
  /** In upper case: `GET`, `POST`, `PATCH`, `DELETE`. */
  readonly method: string
  /** The exact body as sent; undefined for none. */
  readonly body?: string | Uint8Array | undefined
  /** The value of the `Content-Type` header as sent. It is signed, and sent, also where there is no body. */
  readonly contentType: string
  /** The value of the `Date` header as sent. */
  readonly date: string
  /** Path and query as they stand on the request line, percent-encoded. A prefix of the base URL belongs to it. */
  readonly uri: string
}

/**
 * The five fields that are signed, one a line (Python SDK, Node SDK).
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

// Of no body the field is empty, not the hash of nothing.
const contentMd5 = (body: string | Uint8Array | undefined): string =>
  body === undefined || body.length === 0 ? "" : md5(body)

// In one go it costs half, but not every runtime can.
const md5: (body: string | Uint8Array) => string = typeof Crypto.hash === "function"
  ? (body) => Crypto.hash("md5", body, "hex")
  : (body) => Crypto.createHash("md5").update(body).digest("hex")

/**
 * The Base64 text of the HMAC-SHA256 of {@link stringToSign}.
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
 * The value of the `Authorization` header.
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
 * Whether an `Authorization` header fits a request, compared in constant time.
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
