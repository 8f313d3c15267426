import * as Either from "effect/Either"
import { Buffer } from "node:buffer"
import type { SuprsendClient } from "../../SuprsendClient.js"
import type { UserEdit } from "../../UserEdit.js"
import { LazyInsertId } from "../edit/lazyInsertId.js"
import { collectOperations, isUserEdit, mismatchedIds, own } from "../edit/userEdit.js"
import * as validate from "../edit/validate.js"
import { byteLength } from "../support/bytes.js"
import type { Issue } from "../support/json.js"
import { trim } from "../support/trim.js"
import { isWellFormed } from "../support/wellFormed.js"
import * as event from "./event.js"
import { generate } from "./insertId.js"
import * as uuid from "./uuid.js"

// The maximum number of bytes that JSON needs for a UTF-16 unit, as in "\u0000".
const longestEscape = 6

// The maximum length of a text that is written character by character. Includes UUIDs.
const shortText = 80

// The initial space for events, besides that for one event of maximum size.
const firstRoom = 16_384

const unusual = /[^ !#-[\]-~]/

const escaped = /["\\\x00-\x1f]/

/**
 * Validates edits and writes their events as UTF-8, with the bytes of `JSON.stringify`.
 *
 * It makes no intermediate strings. It visits each value once and writes it if it is certainly
 * valid, as nearly all are. Otherwise it starts over: `validate` checks the edit, and
 * `JSON.stringify` writes it (`npm run bench -- --only verbs` compares both).
 *
 * @internal
 */
export class Encoder {
  private bytes: Buffer
  /** The maximum space that one event needs, including the parts written without a bounds check. */
  private readonly most: number
  private readonly operations: Array<unknown> = []
  private readonly suffix: Buffer
  private prefix: Buffer
  /** The part of the prefix that follows an insert id of an edit. */
  private afterId: Buffer
  private time = 0
  /** The position that the current event must not exceed. */
  private limit = 0
  /** Whether an edit is being read. */
  private isReading = false
  /** The number of bytes written. */
  position = 0

  /**
   * @param room the number of bytes after which no further event is started
   */
  constructor(
    private readonly client: Pick<SuprsendClient.Service, "workspace" | "userAgent">,
    private readonly room: number
  ) {
    this.suffix = Buffer.from(`],"properties":${JSON.stringify({ $ss_sdk_version: client.userAgent })}`)
    this.prefix = this.before(this.time)
    this.afterId = this.prefix.subarray(endOfId)
    // A text whose characters fit may not fit as bytes, and the end of an event is written without
    // a bounds check.
    const beyond = longestEscape * validate.maximumEditBytes + this.prefix.length + this.suffix.length + 1_000
    this.most = validate.maximumEditBytes + beyond
    this.bytes = Buffer.allocUnsafe(this.most + Math.min(room, firstRoom))
  }

  /** Reserves space for the next event. The buffer grows, as most requests are not full. */
  private reserve(): void {
    const { bytes } = this
    if (bytes.length - this.position >= this.most) return
    const room = Math.max(this.position, Math.min(2 * this.position + firstRoom, this.room))
    this.bytes = Buffer.allocUnsafe(this.most + room)
    bytes.copy(this.bytes, 0, 0, this.position)
  }

  /** Copies the bytes between two positions. */
  copy(from: number, to: number): Uint8Array {
    const copy = Buffer.allocUnsafe(to - from)
    this.bytes.copy(copy, 0, from, to)
    return copy
  }

  /** Discards the bytes after a position. */
  rewind(position: number): void {
    if (!this.isReading) this.position = position
  }

  ascii(code: number): void {
    this.bytes[this.position++] = code
  }

  /**
   * Writes the event of an edit, or returns its issues and writes nothing.
   *
   * The members have the order of the vendor's SDKs. The caller chooses id and time, once for all
   * attempts; without an id, one is generated. It never throws.
   */
  event(edit: UserEdit, insertId: string | LazyInsertId | undefined, time: number): ReadonlyArray<Issue> {
    // Edits of this package are plain data. A foreign one may have a getter that sends another
    // edit.
    if (this.isReading) return busy
    this.reserve()
    const start = this.position
    try {
      if (!isUserEdit(edit)) return validate.issues(edit)
      const self = own(edit)
      this.position = start
      this.isReading = true
      return this.write(self, insertId, time, start)
    } catch (error) {
      this.position = start
      return [validate.unreadable(error)]
    } finally {
      this.isReading = false
    }
  }

  private write(
    edit: UserEdit,
    insertId: string | LazyInsertId | undefined,
    time: number,
    start: number
  ): ReadonlyArray<Issue> {
    this.limit = start + validate.maximumEditBytes
    if (this.usual(edit, insertId, time) && this.position <= this.limit) return validate.none
    this.position = start
    return Either.match(validate.checked(edit), {
      onLeft: (issues) => issues,
      onRight: (edit) => {
        // The id may come from an `InsertId` service of the program.
        const id = insertId === undefined
          ? generate()
          : insertId instanceof LazyInsertId
          ? insertId.toString()
          : insertId
        const problem = validate.insertIdIssue(id)
        if (problem !== undefined) return [problem]
        const text = event.encode(edit, id, time, this.client)
        const bytes = byteLength(text)
        if (bytes > validate.maximumEditBytes) return [validate.sizeIssue(bytes)]
        this.position += this.bytes.write(text, start, "utf8")
        return validate.none
      }
    })
  }

  private before(time: number): Buffer {
    const { workspace } = this.client
    const env = workspace === undefined ? "" : `"env":${JSON.stringify(workspace)},`
    return Buffer.from(`${head}"${uuid.template}","$time":${JSON.stringify(time)},${env}"distinct_id":`)
  }

  // The following methods return false if a value may be invalid or is unusual. The bytes that they
  // have written are then discarded.

  private usual(edit: UserEdit, insertId: string | LazyInsertId | undefined, time: number): boolean {
    // If a program extends `Object.prototype`, a `for` loop visits its members in every record.
    for (const _ in Object.prototype) return false
    if (mismatchedIds(edit).length > 0) return false
    if (time !== this.time) {
      this.prefix = this.before(time)
      this.afterId = this.prefix.subarray(endOfId)
      this.time = time
    }
    const { operations, prefix } = this
    if (insertId === undefined || insertId instanceof LazyInsertId) {
      const start = this.position + head.length + 1
      this.fragment(prefix)
      if (insertId === undefined) uuid.write(this.bytes, start)
      else insertId.write(this.bytes, start)
    } else {
      this.fragment(headBytes)
      if (!this.key(insertId)) return false
      this.fragment(this.afterId)
    }
    if (!this.segment(edit.distinctId, validate.maximumIdLength)) return false
    this.fragment(operationsHead)
    const count = collectOperations(edit, operations)
    for (let i = 0; i < count; i++) {
      if (i > 0) this.ascii(comma)
      if (!this.operation(operations[i])) return false
    }
    this.fragment(this.suffix)
    if (edit.tenantId !== undefined) {
      this.fragment(tenantHead)
      if (!this.segment(edit.tenantId, validate.maximumTenantLength)) return false
    }
    this.ascii(closeBrace)
    return true
  }

  private fragment(fragment: Uint8Array): void {
    this.bytes.set(fragment, this.position)
    this.position += fragment.length
  }

  private operation(operation: unknown): boolean {
    if (!isUsualRecord(operation)) return false
    this.ascii(openBrace)
    let isFirst = true
    for (const operator in operation) {
      if (isFirst) isFirst = false
      else this.ascii(comma)
      if (!this.text(operator)) return false
      this.ascii(colon)
      if (!this.payload(operator, operation[operator])) return false
    }
    this.ascii(closeBrace)
    return !isFirst
  }

  private payload(operator: string, payload: unknown): boolean {
    switch (operator) {
      case "$set":
      case "$set_once":
        return this.record(payload, isUsualProperty)
      case "$append":
      case "$remove":
        return this.record(payload, isUsualIdentity)
      case "$add":
        return this.record(payload, isUsualAmount)
      case "$unset":
        return this.keys(payload)
      default:
        return this.value(payload)
    }
  }

  private keys(keys: unknown): boolean {
    if (!Array.isArray(keys)) return false
    this.ascii(openBracket)
    for (let i = 0; i < keys.length; i++) {
      if (i > 0) this.ascii(comma)
      if (!this.key(keys[i])) return false
    }
    this.ascii(closeBracket)
    return true
  }

  /** Writes a text that must not be blank. */
  private key(key: unknown): boolean {
    return typeof key === "string" && isNotBlank(key) && this.text(key)
  }

  /** Writes a text that must be valid as a path segment. */
  private segment(segment: unknown, maximumLength: number): boolean {
    return typeof segment === "string" && segment.length <= maximumLength && segment !== "." && segment !== ".." &&
      isNotBlank(segment) && this.text(segment)
  }

  private value(value: unknown): boolean {
    switch (typeof value) {
      case "string":
        return this.text(value)
      case "number":
        return this.number(value)
      case "boolean":
        return this.literal(value ? "true" : "false")
      case "object":
        if (value === null) return this.literal("null")
        return Array.isArray(value) ? this.array(value) : this.record(value)
      default:
        return false
    }
  }

  private text(text: string): boolean {
    const { bytes, limit } = this
    let { position } = this
    const { length } = text
    // Each character takes at least a byte.
    if (length > limit - position) return false
    bytes[position++] = quote
    if (length > shortText && !unusual.test(text)) {
      position += bytes.write(text, position, "latin1")
    } else if (length > shortText && !escaped.test(text)) {
      if (!isWellFormed(text)) return false
      position += bytes.write(text, position, "utf8")
    } else {
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code < 0x80) {
          const escape = escapes[code]
          if (escape === 0) {
            bytes[position++] = code
          } else {
            bytes[position++] = backslash
            bytes[position++] = escape ?? 0
            if (escape === letterU) {
              bytes[position++] = zero
              bytes[position++] = zero
              bytes[position++] = zero + (code >> 4)
              bytes[position++] = digits.charCodeAt(code & 0xf)
            }
          }
        } else if (code < 0x800) {
          bytes[position++] = 0xc0 | (code >> 6)
          bytes[position++] = 0x80 | (code & 0x3f)
        } else if (code < 0xd800 || code > 0xdfff) {
          bytes[position++] = 0xe0 | (code >> 12)
          bytes[position++] = 0x80 | ((code >> 6) & 0x3f)
          bytes[position++] = 0x80 | (code & 0x3f)
        } else {
          const next = text.charCodeAt(++i)
          // A lone surrogate. At the end of the text, `next` is NaN.
          if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return false
          const point = 0x10000 + ((code & 0x3ff) << 10) + (next & 0x3ff)
          bytes[position++] = 0xf0 | (point >> 18)
          bytes[position++] = 0x80 | ((point >> 12) & 0x3f)
          bytes[position++] = 0x80 | ((point >> 6) & 0x3f)
          bytes[position++] = 0x80 | (point & 0x3f)
        }
      }
    }
    bytes[position++] = quote
    this.position = position
    return position <= limit
  }

  private number(value: number): boolean {
    if (value >= 0 && value < 10 && Number.isInteger(value)) {
      this.bytes[this.position++] = zero + value
      return this.position <= this.limit
    }
    return Number.isFinite(value) && this.literal(String(value))
  }

  private literal(text: string): boolean {
    const { bytes } = this
    let { position } = this
    for (let i = 0; i < text.length; i++) bytes[position++] = text.charCodeAt(i)
    this.position = position
    return position <= this.limit
  }

  private array(items: ReadonlyArray<unknown>): boolean {
    // Each item takes at least a byte.
    if (items.length > this.limit - this.position) return false
    this.ascii(openBracket)
    for (let i = 0; i < items.length; i++) {
      if (i > 0) this.ascii(comma)
      if (!this.value(items[i])) return false
    }
    this.ascii(closeBracket)
    return this.position <= this.limit
  }

  /** Writes a record. `isUsual` checks properties, but not the members of their values. */
  private record(record: unknown, isUsual?: (key: string, value: unknown) => boolean): boolean {
    if (!isUsualRecord(record)) return false
    this.ascii(openBrace)
    let isFirst = true
    // Unlike `Object.keys`, `for` allocates no array.
    for (const key in record) {
      if (isFirst) isFirst = false
      else this.ascii(comma)
      const value = record[key]
      if (isUsual === undefined ? !this.text(key) : !this.key(key) || !isUsual(key, value)) return false
      this.ascii(colon)
      if (!this.value(value)) return false
    }
    this.ascii(closeBrace)
    return this.position <= this.limit
  }
}

const busy: ReadonlyArray<Issue> = [{
  path: [],
  message: "cannot be encoded while another edit is encoded: a getter of that edit has sent this one"
}]

// Matches object literals, and every copy.
const isUsualRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === "object" && u !== null && Object.getPrototypeOf(u) === Object.prototype

const isUsualProperty = (key: string, value: unknown): boolean =>
  key.charCodeAt(0) !== dollar || validate.profileIssue(key, value) === undefined

// On these three channels an identity is a record. On all others it is a text.
const isUsualIdentity = (key: string, value: unknown): boolean =>
  typeof value === "string" && isPlain(value.charCodeAt(0)) && isPlain(value.charCodeAt(value.length - 1)) &&
    key !== "$slack" && key !== "$ms_teams" && key !== "$webpush" ||
  validate.identityIssue(key, value) === undefined

const isUsualAmount = (_: string, value: unknown): boolean => typeof value === "number"

// Matches printable ASCII characters other than space.
const isPlain = (code: number): boolean => code > 0x20 && code < 0x7f

const isNotBlank = (text: string): boolean => isPlain(text.charCodeAt(0)) || trim(text) !== ""

const head = "{\"$schema\":\"2\",\"$insert_id\":"
const headBytes = Buffer.from(head)
const endOfId = head.length + uuid.template.length + 2
const operationsHead = Buffer.from(",\"$user_operations\":[")
const tenantHead = Buffer.from(",\"tenant_id\":")

const quote = 0x22
const dollar = 0x24
const comma = 0x2c
const zero = 0x30
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const letterU = 0x75
const openBrace = 0x7b
const closeBrace = 0x7d

const digits = "0123456789abcdef"

/** The character after the backslash for each ASCII character, or 0 without escape. */
const escapes = Uint8Array.from({ length: 0x80 }, (_, code) => {
  const text = JSON.stringify(String.fromCharCode(code))
  return text.charCodeAt(1) === backslash ? text.charCodeAt(2) : 0
})
