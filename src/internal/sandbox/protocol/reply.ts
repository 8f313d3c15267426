import * as Option from "effect/Option"
import { parseJson } from "../../support/json.js"
import * as json from "../../support/json.js"
import type { Settings } from "../store/settings.js"

/** @internal */
export interface Request {
  readonly method: string
  /** The path below the base URL, percent-encoded: `/v1/user/a%20b/`. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  /** The current time, in milliseconds since the epoch. */
  readonly now: number
  readonly settings: Settings
  /** The workspace that events must name, or undefined if they may name any. */
  readonly env?: string | undefined
}

/** @internal */
export interface Reply {
  readonly status: number
  /** The content type, or undefined if there is no body. */
  readonly contentType: string | undefined
  readonly body: string
}

/** @internal */
export const reply = (status: number, body: unknown): Reply => ({
  status,
  contentType: "application/json",
  body: JSON.stringify(body)
})

/** @internal */
export const noContent: Reply = { status: 204, contentType: undefined, body: "" }

/** @internal */
export const refuse = (status: number, message: string): Reply => reply(status, { code: status, message })

/**
 * Refuses a body with a message for each invalid member.
 *
 * The form is that of the vendor's documentation for channel preferences.
 *
 * @internal
 */
export const refuseMembers = (detail: { readonly [member: string]: string }): Reply =>
  reply(400, { code: 400, detail, message: JSON.stringify(detail) })

/** @internal */
export const malformed: Reply = refuse(400, "BAD REQUEST")

/** @internal */
export const invalidField = (name: string): Reply =>
  refuse(400, `Request body contains an invalid value for the "${name}" field`)

/** @internal */
export const userNotFound = (distinctId: string): Reply => refuse(404, `user [distinct_id: '${distinctId}'] not found`)

/** @internal */
export const tenantNotFound = (tenantId: string): Reply => refuse(404, `tenant '${tenantId}' not found`)

/**
 * Returns the body if it is a JSON object.
 *
 * @internal
 */
export const bodyOf = (request: Request): Option.Option<{ readonly [member: string]: unknown }> =>
  Option.filter(parseJson(request.body), json.isPlainRecord)

/** @internal */
export const isReply = (u: object): u is Reply => "status" in u
