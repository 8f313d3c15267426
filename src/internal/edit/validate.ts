import * as Either from "effect/Either"
import { type ChannelKey, isChannelKey } from "../../Channel.js"
import { InvalidDistinctId, InvalidUserEdit } from "../../SuprsendError.js"
import type { UserEdit } from "../../UserEdit.js"
import { byteLength } from "../support/bytes.js"
import {
  collectIssues,
  describe,
  halfPair,
  halfPairInKey,
  isPlainRecord,
  type Issue,
  Issues,
  member,
  NotJson,
  reasonOf
} from "../support/json.js"
import { hasSpaceAtEnd, trim } from "../support/trim.js"
import { isWellFormed } from "../support/wellFormed.js"
import { languageIssue } from "./language.js"
import { timeZoneIssue } from "./timeZone.js"
import { isUserEdit, snapshot } from "./userEdit.js"

/**
 * The maximum size of an event in bytes, as in the vendor's SDKs.
 *
 * @internal
 */
export const maximumEditBytes = 10_240

/** @internal */
export const maximumIdLength = 255

/** @internal */
export const maximumTenantLength = 64

/** @internal */
export const segmentProblem = (name: string, value: unknown, maximumLength: number): string | undefined => {
  if (typeof value !== "string") return `must be a string, got ${describe(value)}`
  if (trim(value) === "") return `must not be blank: pass the ${name} as your own database has it`
  if (value === "." || value === "..") {
    return `must not be "${value}": URLs treat it as a relative path segment`
  }
  if (!isWellFormed(value)) return halfPair
  // Counts characters only if the number of UTF-16 units, which is never lower, exceeds the
  // maximum.
  const count = value.length > maximumLength ? characters(value) : 0
  return count > maximumLength ? `must have at most ${maximumLength} characters, has ${count}` : undefined
}

const characters = (text: string): number => {
  let count = 0
  for (const _ of text) count++
  return count
}

/**
 * Validates a distinct id as a path segment, trimmed as in the vendor's SDKs.
 *
 * @internal
 */
export const distinctId = (call: string, id: string): Either.Either<string, InvalidDistinctId> => {
  const trimmed = typeof id === "string" ? trim(id) : id
  const problem = segmentProblem("distinct id", trimmed, maximumIdLength)
  return problem === undefined
    ? Either.right(trimmed)
    : Either.left(
      new InvalidDistinctId({ call, distinctId: printable(id), issues: [{ path: ["distinctId"], message: problem }] })
    )
}

/**
 * The empty list of issues.
 *
 * @internal
 */
export const none: ReadonlyArray<Issue> = []

/**
 * Returns all issues of an edit, except its size. It never throws.
 *
 * @internal
 */
export const issues = (edit: UserEdit): ReadonlyArray<Issue> =>
  Either.match(checked(edit), {
    onLeft: (issues) => issues,
    onRight: () => none
  })

/**
 * Copies an edit and validates the copy. It never throws.
 *
 * The result is the validated copy, independent of later changes of the edit.
 *
 * @internal
 */
export const checked = (edit: UserEdit): Either.Either<UserEdit, ReadonlyArray<Issue>> => {
  if (!isUserEdit(edit)) {
    return Either.left([{ path: [], message: `must be an edit as UserEdit.edit makes it, got ${describe(edit)}` }])
  }
  try {
    const read = snapshot(edit)
    const found = editIssues(read)
    return found.isEmpty ? Either.right(read) : Either.left(found.all())
  } catch (error) {
    // A stack overflow, for instance.
    return Either.left([unreadable(error)])
  }
}

/** @internal */
export const unreadable = (error: unknown): Issue => ({
  path: [],
  message: `cannot be read: ${reasonOf(error) ?? "something in it throws"}`
})

const editIssues = (
  { distinctId, insertId, operations, mismatchedIds, tenantId }: ReturnType<typeof snapshot>
): Issues => {
  const found = new Issues()
  const id = segmentProblem("distinct id", distinctId, maximumIdLength)
  if (id !== undefined) found.add(["distinctId"], id)
  if (tenantId !== undefined) {
    const tenant = segmentProblem("tenant id", tenantId, maximumTenantLength)
    if (tenant !== undefined) found.add(["tenantId"], tenant)
  }
  const insert = insertIdIssue(insertId)
  if (insert !== undefined) found.add(insert.path, insert.message)
  for (const other of mismatchedIds) {
    found.add(["distinctId"], `holds operations of another user, ${other}: concat only joins edits of the same user`)
  }
  operations.forEach((operation, i) => operationIssues(operation, ["operations", i], found))
  return found
}

/** @internal */
export const insertIdIssue = (insertId: unknown): Issue | undefined => {
  if (insertId === undefined) return undefined
  if (typeof insertId !== "string" || trim(insertId) === "") {
    return at(["insertId"], "must not be blank: leave it out to generate one")
  }
  return isWellFormed(insertId) ? undefined : at(["insertId"], halfPair)
}

type Path = Array<string | number>

const operationIssues = (operation: unknown, path: Path, found: Issues): void => {
  if (operation instanceof NotJson) return found.add([...path, ...operation.at], operation.problem)
  if (!isPlainRecord(operation) || Object.keys(operation).length === 0) {
    return found.add(path, `must be an operation such as { $set: { ... } }, got ${describe(operation)}`)
  }
  for (const operator of Object.keys(operation)) {
    const payload = operation[operator]
    path.push(operator)
    switch (operator) {
      case "$set":
      case "$set_once":
        propertyIssues(payload, path, profileIssue, found)
        break
      case "$append":
      case "$remove":
        propertyIssues(payload, path, identityIssue, found)
        break
      case "$add":
        propertyIssues(payload, path, amountIssue, found)
        break
      case "$unset":
        keyIssues(payload, path, found)
        break
      default:
        if (!isWellFormed(operator)) found.add(path, halfPairInKey)
        collectIssues(payload, path, found)
    }
    path.pop()
  }
}

/** Returns the problem of a property and its path in the value, or undefined. */
type PropertyRule = (key: string, value: unknown) => Issue | undefined

const propertyIssues = (record: unknown, path: Path, rule: PropertyRule, found: Issues): void => {
  if (!isPlainRecord(record)) {
    return found.add(path, `must be a plain record of properties, got ${describe(record)}`)
  }
  for (const key of Object.keys(record)) {
    path.push(key)
    if (trim(key) === "") found.add(path, "has an empty key: name the property")
    if (!isWellFormed(key)) found.add(path, halfPairInKey)
    const problem = rule(key, record[key])
    if (problem === undefined) {
      collectIssues(record[key], path, found)
    } else {
      found.add([...path, ...problem.path], problem.message)
    }
    path.pop()
  }
}

const keyIssues = (keys: unknown, path: Path, found: Issues): void => {
  if (keys instanceof NotJson && keys.at.length > 0) return found.add([...path, ...keys.at], keys.problem)
  if (!Array.isArray(keys)) return found.add(path, `must be a list of keys, got ${describe(keys)}`)
  for (let i = 0; i < keys.length; i++) {
    const key: unknown = keys[i]
    const problem = typeof key !== "string"
      ? `must be a key, got ${describe(key)}`
      : trim(key) === ""
      ? "is an empty key: name the property"
      : !isWellFormed(key)
      ? halfPair
      : undefined
    if (problem !== undefined) found.add([...path, i], problem)
  }
}

const at = (path: Issue["path"], message: string): Issue => ({ path, message })

const amountIssue: PropertyRule = (_key, value) =>
  typeof value === "number" && Number.isFinite(value)
    ? undefined
    : at([], `must be a finite number, got ${describe(value)}`)

/**
 * Returns the problem of a property that has a meaning for SuprSend, such as `$timezone`.
 *
 * @internal
 */
export const profileIssue: PropertyRule = (key, value) => {
  const problem = profileProblem(key, value)
  return problem === undefined ? undefined : at([], problem)
}

const profileProblem = (key: string, value: unknown): string | undefined => {
  switch (key) {
    case "$timezone":
      return timeZoneIssue(value)
    case "$locale":
      return languageIssue(value, "\"en\" or \"en-GB\"")
    case "$preferred_language":
      return languageIssue(value, "\"en\" or \"pt-BR\"")
    default:
      return undefined
  }
}

/** @internal */
export const identityIssue: PropertyRule = (key, value) => isChannelKey(key) ? channelIssue(key, value) : undefined

/** @internal */
export const channelIssue = (key: ChannelKey, value: unknown): Issue | undefined => {
  switch (key) {
    case "$slack":
    case "$ms_teams":
      return recordIssue(value, memberIssue)
    case "$webpush":
      return recordIssue(value) ?? (isPlainRecord(value) ? subscriptionIssue(value) : undefined)
    default:
      return textIssue(value)
  }
}

const recordIssue = (value: unknown, rule?: PropertyRule): Issue | undefined => {
  let isEmpty = true
  if (isPlainRecord(value)) {
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue
      isEmpty = false
      const issue = rule?.(key, value[key])
      if (issue !== undefined) return issue
    }
  }
  return isEmpty ? at([], `must be the identity as a record, got ${described(value)}`) : undefined
}

// Like `describe`, but distinguishes blank strings.
const described = (value: unknown): string =>
  typeof value === "string" && trim(value) === "" ? "a blank string" : describe(value)

/** Returns the problem of an address, a token or an id. */
const textIssue = (value: unknown, path: Issue["path"] = []): Issue | undefined => {
  if (typeof value === "string" && value !== "" && !hasSpaceAtEnd(value)) return undefined
  return at(
    path,
    typeof value === "string" && trim(value) !== ""
      ? "has leading or trailing white space, which makes it a different address: trim it, to add as well as to remove"
      : `must be a string that is not blank, got ${described(value)}`
  )
}

// The members that identify a Slack or Teams destination, in the vendor's documentation and OpenAPI
// description.
const identifying: ReadonlySet<string> = new Set([
  "email",
  "email_id",
  "user_id",
  "channel",
  "channel_id",
  "access_token",
  "tenant_id",
  "service_url",
  "conversation_id"
])

const memberIssue: PropertyRule = (key, value) =>
  key === "incoming_webhook" ? hookIssue(value) : identifying.has(key) ? textIssue(value, [key]) : undefined

const hookIssue = (hook: unknown): Issue | undefined =>
  isPlainRecord(hook)
    ? textIssue(hook.url, ["incoming_webhook", "url"])
    : at(["incoming_webhook"], `must be a record with a url, got ${describe(hook)}`)

const subscriptionIssue = (subscription: Readonly<Record<string, unknown>>): Issue | undefined => {
  const { endpoint, keys } = subscription
  const ofEndpoint = textIssue(endpoint, ["endpoint"])
  if (ofEndpoint !== undefined) return ofEndpoint
  return isPlainRecord(keys)
    ? textIssue(keys.p256dh, ["keys", "p256dh"]) ?? textIssue(keys.auth, ["keys", "auth"])
    : at(["keys"], `must be the keys of the subscription, p256dh and auth, got ${describe(keys)}`)
}

/** @internal */
export const invalid = (call: string, edit: UserEdit, issues: ReadonlyArray<Issue>): InvalidUserEdit =>
  new InvalidUserEdit({ call, distinctId: idOf(edit), issues })

const idOf = (edit: UserEdit): string => printable(isUserEdit(edit) ? member(edit, "distinctId") : edit)

// In JavaScript an id may be any value.
const printable = (id: unknown): string => typeof id === "string" ? id : `<${describe(id)}>`

/** @internal */
export const sizeIssue = (bytes: number): Issue => ({
  path: [],
  message: `it has ${bytes} bytes as sent, the maximum is ${maximumEditBytes}: split it into several edits`
})

/** @internal */
export const validate = (edit: UserEdit): Either.Either<UserEdit, InvalidUserEdit> => {
  const issues = Either.match(checked(edit), { onLeft: (issues) => issues, onRight: sizeIssues })
  return issues.length > 0 ? Either.left(invalid("UserEdit.validate", edit, issues)) : Either.right(edit)
}

const sizeIssues = ({ operations }: UserEdit): ReadonlyArray<Issue> => {
  try {
    const bytes = byteLength(JSON.stringify(operations))
    return bytes > maximumEditBytes ? [sizeIssue(bytes)] : none
  } catch (error) {
    return [unreadable(error)]
  }
}
