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
 * Makes a request ready but for its date and its signature, which each attempt makes afresh.
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

// Classes, and not literals, in all that is made for each request: where the runtime takes what many literals of one place are for
// long-lived, each of them keeps alive whatever it leads to, until the next collection of all memory. It does not do so to classes.
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

  /** Read when an attempt is signed, which happens when it has its slot. */
  get body(): Uint8Array {
    return this.fixed ??= this.bodyAtStart()
  }
}

/** The headers that an attempt adds, to which the others are assigned. */
class AddedHeaders {
  [name: string]: string

  constructor(authorization: string, date: string | undefined, traceparent: string | undefined) {
    if (date !== undefined) this["date"] = date
    this["authorization"] = authorization
    if (traceparent !== undefined) this["traceparent"] = traceparent
  }
}

/**
 * The span of a call in the form of W3C Trace Context; undefined where its ids have another form.
 *
 * @internal
 */
export const traceparent = ({ sampled, spanId, traceId }: Tracer.Span): string | undefined =>
  /^[\da-f]{32}$/.test(traceId) && /^[\da-f]{16}$/.test(spanId)
    ? `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`
    : undefined

/**
 * The headers that all attempts have in common.
 *
 * @internal
 */
export const staticHeaders = (
  config: SuprsendConfig.Resolved,
  headers: Readonly<Record<string, string>>
): Readonly<Record<string, string>> =>
  // Names are one in any case.
  Headers.setAll(Headers.remove(Headers.fromInput(headers), signing(config.credentials)), {
    "content-type": contentType,
    "user-agent": config.userAgent.header,
    "x-suprsend-client-user-agent": config.userAgent.json
  })

/** The headers that each attempt makes for itself. */
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
  // To spread the headers and add two was measured to cost as much as the signature.
  const added = new AddedHeaders(authorization, date, traceparent)
  return new Prepared(method, origin, target, Object.assign(added, headers), body)
}

let second = 0
let dateOfSecond = new Date(0).toUTCString()

/** The same for all requests of a second. */
const httpDate = (now: number): string => {
  const current = Math.floor(now / 1000)
  if (current !== second) {
    second = current
    dateOfSecond = new Date(now).toUTCString()
  }
  return dateOfSecond
}
