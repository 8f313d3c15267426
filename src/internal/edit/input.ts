import * as Either from "effect/Either"
import { type ChannelKey, isChannelKey } from "../../Channel.js"
import { SuprsendInvalidInput } from "../../SuprsendError.js"
import type { UserProfile, UserProfileOf } from "../../UserProfile.js"
import {
  collectIssues,
  copy,
  describe,
  halfPairInKey,
  isPlainRecord,
  type Issue,
  Issues,
  NotJson
} from "../support/json.js"
import { trim } from "../support/trim.js"
import { isWellFormed } from "../support/wellFormed.js"
import { languageIssue } from "./language.js"
import * as validate from "./validate.js"

const checked = <A>(call: string, value: A, issues: ReadonlyArray<Issue>): Either.Either<A, SuprsendInvalidInput> =>
  issues.length === 0 ? Either.right(value) : Either.left(new SuprsendInvalidInput({ call, issues }))

/**
 * Validates a path segment, trimmed as in the vendor's SDKs.
 *
 * @internal
 */
export const segment = (call: string, name: string, text: string): Either.Either<string, SuprsendInvalidInput> => {
  const trimmed = typeof text === "string" ? trim(text) : text
  const problem = validate.segmentProblem(name, trimmed, validate.maximumIdLength)
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
): Either.Either<string | undefined, SuprsendInvalidInput> => {
  const problem = tag === undefined ? undefined : languageIssue(tag, "\"es\" or \"es-AR\"")
  return checked(call, tag, problem === undefined ? [] : [{ path: ["locale"], message: problem }])
}

/**
 * Copies a profile and validates the copy by the rules of edits.
 *
 * It reads the profile once and never throws. The result is plain data, independent of the profile.
 *
 * @internal
 */
export function profile<A>(
  call: string,
  profile: UserProfile | (A & UserProfileOf<A>)
): Either.Either<UserProfile, SuprsendInvalidInput>
export function profile(call: string, profile: UserProfile): Either.Either<UserProfile, SuprsendInvalidInput> {
  const read = copy(profile)
  return checked(call, read, profileIssues(read))
}

/**
 * Copies a record that is sent unchanged, and validates that JSON can represent the copy.
 *
 * @internal
 */
export const passedOn = (
  call: string,
  path: Array<string | number>,
  record: { readonly [key: string]: unknown } | undefined
): Either.Either<unknown, SuprsendInvalidInput> => {
  if (record === undefined) return Either.right(undefined)
  const read: unknown = copy(record)
  const issues = new Issues()
  if (isPlainRecord(read)) collectIssues(read, path, issues)
  else issues.add(path, `must be a plain record, got ${describe(read)}`)
  return checked(call, read, issues.all())
}

const profileIssues = (profile: unknown): ReadonlyArray<Issue> => {
  if (!isPlainRecord(profile)) {
    return [{ path: [], message: `must be a plain record of properties, got ${describe(profile)}` }]
  }
  const issues = new Issues()
  for (const [key, value] of Object.entries(profile)) {
    if (trim(key) === "") issues.add([key], "has an empty key: name the property")
    if (!isWellFormed(key)) issues.add([key], halfPairInKey)
    const problem = validate.profileIssue(key, value)
    if (problem !== undefined) issues.add([key, ...problem.path], problem.message)
    else if (isChannelKey(key)) identitiesIssues(key, value, issues)
    else collectIssues(value, [key], issues)
  }
  return issues.all()
}

const identitiesIssues = (key: ChannelKey, identities: unknown, issues: Issues): void => {
  if (identities instanceof NotJson) return issues.add([key, ...identities.at], identities.problem)
  if (!Array.isArray(identities)) return issues.add([key], `must be a list of identities, got ${describe(identities)}`)
  identities.forEach((identity: unknown, i) => {
    const problem = validate.channelIssue(key, identity)
    if (problem !== undefined) issues.add([key, i, ...problem.path], problem.message)
    else collectIssues(identity, [key, i], issues)
  })
}
