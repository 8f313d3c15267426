import * as DateTime from "effect/DateTime"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { type ChannelKey, isChannelKey } from "../Channel.js"
import { InvalidDistinctId, InvalidUserEdit } from "../SuprsendError.js"
import type { UserEdit } from "../UserEdit.js"
import { byteLength } from "./bytes.js"
import { collectIssues, describe, isPlainRecord, type Issue } from "./json.js"
import { trim } from "./trim.js"
import { strangers } from "./userEdit.js"

/**
 * The most bytes that one asynchronous edit may have (every vendor SDK).
 *
 * @internal
 */
export const maximumEditBytes = 10_240

/** @internal */
export const maximumIdLength = 255

/** @internal */
export const maximumTenantLength = 64

// With the `u` flag a well-formed pair is one code point: what is left of this category stands alone.
const loneSurrogate = /\p{Surrogate}/u

/** @internal */
export const segmentProblem = (name: string, value: unknown, maximumLength: number): string | undefined => {
  if (typeof value !== "string") return `must be a string, got ${describe(value)}`
  if (trim(value) === "") return `must not be blank: pass the ${name} as your own database has it`
  if (value === "." || value === "..") {
    return `must not be "${value}": a URL takes it for a step between folders, so it could not be addressed`
  }
  if (loneSurrogate.test(value)) return "must be well-formed Unicode: it holds half of a surrogate pair"
  // The length in UTF-16 units is never below the number of characters.
  if (value.length > maximumLength && [...value].length > maximumLength) {
    return `must have at most ${maximumLength} characters, has ${[...value].length}`
  }
  return undefined
}

/**
 * The id as it is addressed: trimmed, as the vendor does, and known to fit into one segment of a path.
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
 * Nothing wrong.
 *
 * @internal
 */
export const none: ReadonlyArray<Issue> = []

/**
 * Everything that is wrong with an edit, wherever it is sent to.
 *
 * @internal
 */
export const issues = (edit: UserEdit): ReadonlyArray<Issue> => {
  const found: Array<Issue> = []
  const id = segmentProblem("distinct id", edit.distinctId, maximumIdLength)
  if (id !== undefined) found.push({ path: ["distinctId"], message: id })
  if (edit.tenantId !== undefined) {
    const tenant = segmentProblem("tenant id", edit.tenantId, maximumTenantLength)
    if (tenant !== undefined) found.push({ path: ["tenantId"], message: tenant })
  }
  if (edit.insertId !== undefined && (typeof edit.insertId !== "string" || trim(edit.insertId) === "")) {
    found.push({ path: ["insertId"], message: "must not be blank: leave it out to have one made" })
  }
  for (const stranger of strangers(edit)) {
    found.push({
      path: ["distinctId"],
      message: `holds operations of another user, ${stranger}: concat joins edits of one`
    })
  }
  edit.operations.forEach((operation, i) => operationIssues(operation, ["operations", i], found))
  return found
}

const operationIssues = (operation: unknown, path: Issue["path"], found: Array<Issue>): void => {
  if (!isPlainRecord(operation) || Object.keys(operation).length === 0) {
    found.push({ path, message: `must be an operation such as { $set: { ... } }, got ${describe(operation)}` })
    return
  }
  for (const operator of Object.keys(operation)) {
    const payload = operation[operator]
    const inside = [...path, operator]
    switch (operator) {
      case "$set":
      case "$set_once":
      case "$append":
      case "$remove":
        propertyIssues(
          payload,
          inside,
          operator === "$append" || operator === "$remove" ? identityIssue : profileIssue,
          found
        )
        break
      case "$add":
        propertyIssues(payload, inside, amountIssue, found)
        break
      case "$unset":
        keyIssues(payload, inside, found)
        break
      default:
        collectIssues(payload, inside, found)
    }
  }
}

/** What is wrong with a property. */
type PropertyRule = (key: string, value: unknown) => string | undefined

const propertyIssues = (record: unknown, path: Issue["path"], rule: PropertyRule, found: Array<Issue>): void => {
  if (!isPlainRecord(record)) {
    found.push({ path, message: `must be a plain record of properties, got ${describe(record)}` })
    return
  }
  for (const key of Object.keys(record)) {
    const inside = [...path, key]
    if (trim(key) === "") found.push({ path: inside, message: "has an empty key: name the property" })
    const problem = rule(key, record[key])
    if (problem === undefined) {
      collectIssues(record[key], inside, found)
    } else {
      found.push({ path: inside, message: problem })
    }
  }
}

const keyIssues = (keys: unknown, path: Issue["path"], found: Array<Issue>): void => {
  if (!Array.isArray(keys)) {
    found.push({ path, message: `must be a list of keys, got ${describe(keys)}` })
    return
  }
  // By index, so that the holes of a sparse array are seen too.
  for (let i = 0; i < keys.length; i++) {
    const key: unknown = keys[i]
    if (typeof key !== "string") {
      found.push({ path: [...path, i], message: `must be a key, got ${describe(key)}` })
    } else if (trim(key) === "") {
      found.push({ path: [...path, i], message: "is an empty key: name the property" })
    }
  }
}

const amountIssue: PropertyRule = (_key, value) =>
  typeof value === "number" && Number.isFinite(value) ? undefined : `must be a finite number, got ${describe(value)}`

/**
 * What is wrong with a property that the service gives a meaning to.
 *
 * @internal
 */
export const profileIssue: PropertyRule = (key, value) => {
  switch (key) {
    case "$timezone":
      return isTimeZone(value) ? undefined : "must be an IANA time zone such as \"Europe/London\""
    case "$locale":
      return isLanguageTag(value) ? undefined : "must be a language tag such as \"en\" or \"en-GB\""
    case "$preferred_language":
      return isLanguageTag(value) ? undefined : "must be a language tag such as \"en\" or \"pt-BR\""
    default:
      return undefined
  }
}

/** @internal */
export const identityIssue: PropertyRule = (key, value) => isChannelKey(key) ? channelIssue(key, value) : undefined

/** @internal */
export const channelIssue = (key: ChannelKey, value: unknown): string | undefined => {
  const isObject = key === "$slack" || key === "$ms_teams" || key === "$webpush"
  if (
    isObject
      ? isPlainRecord(value) && Object.keys(value).length > 0
      : typeof value === "string" && trim(value) !== ""
  ) {
    return undefined
  }
  const wanted = isObject ? "must be the identity as a record" : "must be a string that is not blank"
  return `${wanted}, got ${typeof value === "string" && trim(value) === "" ? "a blank string" : describe(value)}`
}

// IANA names begin with a letter; an offset such as "+05:30" is a zone to `Intl` of newer runtimes, but no name.
const zoneName = /^[A-Za-z][\w+/-]*$/

const isTimeZone = (u: unknown): boolean =>
  typeof u === "string" && zoneName.test(u) && Option.isSome(DateTime.zoneMakeNamed(u))

const usualTag = /^[a-z]{2}(?:[-_][A-Z]{2})?$/

/**
 * Well-formed after BCP 47; the vendor's own examples write `en_GB` as well as `en-GB`.
 *
 * @internal
 */
export const isLanguageTag = (u: unknown): boolean => {
  if (typeof u !== "string") return false
  if (usualTag.test(u)) return true
  try {
    return Intl.getCanonicalLocales(u.replaceAll("_", "-")).length === 1
  } catch {
    return false
  }
}

/** @internal */
export const invalid = (call: string, edit: UserEdit, issues: ReadonlyArray<Issue>): InvalidUserEdit =>
  new InvalidUserEdit({ call, distinctId: printable(edit.distinctId), issues })

// From JavaScript an id may be anything.
const printable = (id: unknown): string => typeof id === "string" ? id : `<${describe(id)}>`

/** @internal */
export const sizeIssue = (bytes: number): Issue => ({
  path: [],
  message: `it has ${bytes} bytes as sent, the most is ${maximumEditBytes}: split it into several edits`
})

/** @internal */
export const validate = (edit: UserEdit): Either.Either<UserEdit, InvalidUserEdit> => {
  const found = issues(edit)
  if (found.length > 0) return Either.left(invalid("UserEdit.validate", edit, found))
  const bytes = byteLength(JSON.stringify(edit.operations))
  return bytes > maximumEditBytes
    ? Either.left(invalid("UserEdit.validate", edit, [sizeIssue(bytes)]))
    : Either.right(edit)
}
