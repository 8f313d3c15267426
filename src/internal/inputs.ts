import * as Either from "effect/Either"
import { isChannelKey } from "../Channel.js"
import { SuprsendInvalidInput } from "../SuprsendError.js"
import type { UserProfile, UserProfileOf } from "../UserProfile.js"
import { collectIssues, describe, isPlainRecord, type Issue } from "./json.js"
import { trim } from "./trim.js"
import * as validate from "./validate.js"

const checked = <A>(call: string, value: A, issues: ReadonlyArray<Issue>): Either.Either<A, SuprsendInvalidInput> =>
  issues.length === 0 ? Either.right(value) : Either.left(new SuprsendInvalidInput({ call, issues }))

/**
 * A text that becomes one segment of a path: trimmed, as the vendor does, and known to fit.
 *
 * @internal
 */
export const segment = (call: string, name: string, text: string): Either.Either<string, SuprsendInvalidInput> => {
  const trimmed = typeof text === "string" ? trim(text) : text
  const problem = validate.segmentProblem(name, trimmed, 255)
  return checked(call, trimmed, problem === undefined ? [] : [{ path: [name], message: problem }])
}

/** @internal */
export const tenantId = (call: string, text: string): Either.Either<string, SuprsendInvalidInput> => {
  const trimmed = typeof text === "string" ? trim(text) : text
  const problem = validate.segmentProblem("tenant id", trimmed, validate.maximumTenantLength)
  return checked(call, trimmed, problem === undefined ? [] : [{ path: ["tenantId"], message: problem }])
}

/** @internal */
export const locale = (
  call: string,
  tag: string | undefined
): Either.Either<string | undefined, SuprsendInvalidInput> =>
  checked(
    call,
    tag,
    tag === undefined || validate.isLanguageTag(tag)
      ? []
      : [{ path: ["locale"], message: "must be a language tag such as \"es\" or \"es-AR\"" }]
  )

/**
 * A profile, checked as an edit is: keys, what JSON can carry, identities, time zone and language.
 *
 * @internal
 */
export function profile<A>(
  call: string,
  profile: UserProfile | (A & UserProfileOf<A>)
): Either.Either<UserProfile, SuprsendInvalidInput>
export function profile(call: string, profile: UserProfile): Either.Either<UserProfile, SuprsendInvalidInput> {
  const issues: Array<Issue> = []
  if (!isPlainRecord(profile)) {
    return checked(call, profile, [{
      path: [],
      message: `must be a plain record of properties, got ${describe(profile)}`
    }])
  }
  for (const [key, value] of Object.entries(profile)) {
    if (trim(key) === "") issues.push({ path: [key], message: "has an empty key: name the property" })
    if (isChannelKey(key) && !Array.isArray(value)) {
      issues.push({ path: [key], message: `must be a list of identities, got ${describe(value)}` })
    } else if (isChannelKey(key) && Array.isArray(value)) {
      value.forEach((identity, i) => {
        const problem = validate.channelIssue(key, identity)
        if (problem !== undefined) issues.push({ path: [key, i], message: problem })
      })
    }
    const problem = validate.profileIssue(key, value)
    if (problem !== undefined) issues.push({ path: [key], message: problem })
    collectIssues(value, [key], issues)
  }
  return checked(call, profile, issues)
}
