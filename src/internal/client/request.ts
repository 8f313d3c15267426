import * as Headers from "@effect/platform/Headers"
import * as Redacted from "effect/Redacted"
import type * as Tracer from "effect/Tracer"
import * as Signature from "../../Signature.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import type * as SuprsendConfig from "../../SuprsendConfig.js"
import { encode } from "../support/bytes.js"
import type { Request } from "../transport/transport.js"
import * as uri from "./uri.js"

const contentType = "application/json; charset=utf-8"

/**
 * Prepares everything of a request except its date and signature, which each attempt adds.
 *
 * @internal
 */
export const prepare = (
  config: SuprsendConfig.Resolved,
  request: SuprsendClient.Request,
  headers: Readonly<Record<string, string>>,
  query: Readonly<Record<string, uri.QueryValue>> | undefined
): Request => {
  const { body, bodyAtStart, method } = request
  const { origin } = config
  const target = config.basePath + uri.path(request.template.replace(/^\//, ""), request.params) +
    uri.query(query === undefined ? request.query : { ...query, ...request.query })
  return bodyAtStart === undefined
    ? new Prepared(method, origin, target, headers, typeof body === "string" ? encode(body) : body)
    : new PreparedLate(method, origin, target, headers, bodyAtStart)
}

// Classes instead of object literals for whatever is made for each request. V8 may allocate the
// literals of a busy place in the old generation, where each keeps everything it references alive
// until the next major collection. It does not do so with classes.
class Prepared implements Request {
  constructor(
    readonly method: Request["method"],
    readonly origin: string,
    readonly target: string,
    readonly headers: Request["headers"],
    readonly body: Uint8Array | undefined
  ) {}
}

class PreparedLate implements Request {
  private fixed: Uint8Array | undefined

  constructor(
    readonly method: Request["method"],
    readonly origin: string,
    readonly target: string,
    readonly headers: Request["headers"],
    private readonly bodyAtStart: () => Uint8Array
  ) {}

  /** Evaluated when an attempt is signed, after it got its slot. */
  get body(): Uint8Array {
    return this.fixed ??= this.bodyAtStart()
  }
}

/** The headers that an attempt adds. The other headers are assigned to this object. */
class AddedHeaders {
  [name: string]: string

  constructor(authorization: string, date: string | undefined, traceparent: string | undefined) {
    if (date !== undefined) this["date"] = date
    this["authorization"] = authorization
    if (traceparent !== undefined) this["traceparent"] = traceparent
  }
}

/**
 * Formats a span as W3C Trace Context, or returns undefined if its ids have another form.
 *
 * @internal
 */
export const traceparent = ({ sampled, spanId, traceId }: Tracer.Span): string | undefined =>
  /^[\da-f]{32}$/.test(traceId) && /^[\da-f]{16}$/.test(spanId)
    ? `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`
    : undefined

/**
 * Returns the headers that all attempts share.
 *
 * @internal
 */
export const staticHeaders = (
  config: SuprsendConfig.Resolved,
  headers: Readonly<Record<string, string>>
): Readonly<Record<string, string>> =>
  // Header names are case-insensitive.
  Headers.setAll(Headers.remove(Headers.fromInput(headers), signing(config.credentials)), {
    "content-type": contentType,
    "user-agent": config.userAgent.header,
    "x-suprsend-client-user-agent": config.userAgent.json
  })

/** The headers that each attempt sets itself. */
const signing = ({ apiKey }: SuprsendConfig.Credentials): ReadonlyArray<string> =>
  apiKey === undefined ? ["authorization", "date"] : ["authorization"]

/**
 * Adds the date and the signature, or the API key.
 *
 * @internal
 */
export const authorize = (
  credentials: SuprsendConfig.Credentials,
  request: Request,
  now: number,
  traceparent: string | undefined
): Request => {
  const { body, headers, method, origin, target } = request
  if (credentials.apiKey !== undefined) {
    const authorization = `Bearer ${Redacted.value(credentials.apiKey)}`
    const added = new AddedHeaders(authorization, undefined, traceparent)
    return new Prepared(method, origin, target, Object.assign(added, headers), body)
  }
  const date = httpDate(now)
  const authorization = Signature.authorization({ method, body, contentType, date, uri: target }, credentials)
  // Assigning is cheaper than spreading the headers into a new object, on the path of every request
  // (`npm run bench -- --only single`).
  const added = new AddedHeaders(authorization, date, traceparent)
  return new Prepared(method, origin, target, Object.assign(added, headers), body)
}

let second = 0
let dateOfSecond = new Date(0).toUTCString()

/** Formats the date, once per second. */
const httpDate = (now: number): string => {
  const current = Math.floor(now / 1000)
  if (current !== second) {
    second = current
    dateOfSecond = new Date(now).toUTCString()
  }
  return dateOfSecond
}
