import { Buffer } from "node:buffer"
import type { SuprsendClient } from "../SuprsendClient.js"
import type { UserEdit } from "../UserEdit.js"
import { byteLength } from "./bytes.js"
import * as event from "./event.js"
import type { Issue } from "./json.js"
import { collectOperations, strangers } from "./userEdit.js"
import * as uuid from "./uuid.js"
import * as validate from "./validate.js"

// JSON never makes more than this of a UTF-16 unit: "\u0000".
const longestEscape = 6

// Up to here, a UUID included, a loop over the characters is quicker than asking the runtime.
const shortText = 40

// A few dozen edits, beside the room of one that is as large as it may be.
const firstRoom = 16_384

// Deeper than edits are in practice, and not so deep that cycles matter.
const usualDepth = 8

const unusual = /[^ !#-[\]-~]/

/**
 * Writes events as the bytes in which they travel: byte for byte what `JSON.stringify` makes of them, without the texts in between,
 * which cost more than all the rest.
 *
 * It looks at each value once, and writes it if it is surely as it should be, as nearly all are. Where it is in doubt, `validate` says
 * what is wrong, and `JSON.stringify` writes what is only unusual.
 *
 * @internal
 */
export class Encoder {
  private bytes: Buffer
  /** Behind it there is room for whatever is written without looking. */
  private end: number
  /** The most room that one event needs, what is written without looking included. */
  private readonly most: number
  private readonly operations: Array<unknown> = []
  private readonly suffix: Buffer
  private prefix: Buffer
  private time = 0
  /** How many bytes are written. */
  position = 0

  /**
   * @param room the bytes after which no further event begins
   */
  constructor(
    private readonly client: Pick<SuprsendClient.Service, "workspace" | "userAgent">,
    private readonly room: number
  ) {
    this.suffix = Buffer.from(`],"properties":${JSON.stringify({ $ss_sdk_version: client.userAgent })}`)
    this.prefix = this.before(this.time)
    const longest = longestEscape * shortText + this.prefix.length + this.suffix.length
    this.most = (longestEscape + 2) * validate.maximumEditBytes + longest
    this.bytes = Buffer.allocUnsafe(this.most + Math.min(room, firstRoom))
    this.end = this.bytes.length - longest
  }

  /** Grows with what is written: a request of two edits does not need the room of a full one. */
  private reserve(): void {
    const { bytes } = this
    if (bytes.length - this.position >= this.most) return
    const room = Math.max(this.position, Math.min(2 * this.position + firstRoom, this.room))
    this.bytes = Buffer.allocUnsafe(this.most + room)
    bytes.copy(this.bytes, 0, 0, this.position)
    this.end += this.bytes.length - bytes.length
  }

  /** What stands between two positions, as bytes of their own. */
  copy(from: number, to: number): Uint8Array {
    const copy = Buffer.allocUnsafe(to - from)
    this.bytes.copy(copy, 0, from, to)
    return copy
  }

  /** Forgets what was written from there on. */
  rewind(position: number): void {
    this.position = position
  }

  ascii(code: number): void {
    this.bytes[this.position++] = code
  }

  /**
   * Writes the event as which an edit travels to `POST /event/`, its members in the order of the vendor's SDKs (Python SDK, Node
   * SDK), or says what is wrong with the edit, and then has written nothing. Id and time are the caller's to fix, once for all
   * attempts; without an id one is made.
   */
  event(edit: UserEdit, insertId: string | undefined, time: number): ReadonlyArray<Issue> {
    this.reserve()
    const start = this.position
    try {
      return this.write(edit, insertId, time, start)
    } catch (error) {
      // A getter or a proxy among its values, which is nobody else's affair.
      this.position = start
      return [{
        path: [],
        message: `cannot be read: ${error instanceof Error ? error.message : "something in it throws"}`
      }]
    }
  }

  private write(edit: UserEdit, insertId: string | undefined, time: number, start: number): ReadonlyArray<Issue> {
    if (this.usual(edit, insertId, time) && this.position - start <= validate.maximumEditBytes) return validate.none
    this.position = start
    const issues = validate.issues(edit)
    if (issues.length > 0) return issues
    const text = event.encode(edit, insertId ?? globalThis.crypto.randomUUID(), time, this.client)
    const bytes = byteLength(text)
    if (bytes > validate.maximumEditBytes) return [validate.sizeIssue(bytes)]
    this.position += this.bytes.write(text, start, "utf8")
    return validate.none
  }

  private before(time: number): Buffer {
    const { workspace } = this.client
    const env = workspace === undefined ? "" : `"env":${JSON.stringify(workspace)},`
    return Buffer.from(`${head}"${uuid.template}","$time":${JSON.stringify(time)},${env}"distinct_id":`)
  }

  // Each of these is false if it is in doubt, and what it has written is then of no use.

  private usual(edit: UserEdit, insertId: string | undefined, time: number): boolean {
    if (strangers(edit).length > 0) return false
    if (time !== this.time) {
      this.prefix = this.before(time)
      this.time = time
    }
    const { operations, prefix } = this
    if (insertId === undefined) {
      const start = this.position + head.length + 1
      this.fragment(prefix)
      uuid.write(this.bytes, start)
    } else {
      this.fragment(headBytes)
      if (!this.key(insertId)) return false
      this.fragment(prefix.subarray(head.length + 1 + uuid.template.length + 1))
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
    let operator: string | undefined
    for (const key in operation) {
      if (operator !== undefined) return false
      operator = key
    }
    if (operator === undefined || !hasOwn.call(operation, operator)) return false
    const payload = operation[operator]
    this.ascii(openBrace)
    if (!this.text(operator)) return false
    this.ascii(colon)
    let complete = false
    switch (operator) {
      case "$set":
      case "$set_once":
        complete = this.record(payload, usualDepth, isUsualProperty)
        break
      case "$append":
      case "$remove":
        complete = this.record(payload, usualDepth, isUsualIdentity)
        break
      case "$add":
        complete = this.record(payload, usualDepth, isUsualAmount)
        break
      case "$unset":
        complete = this.keys(payload)
    }
    this.ascii(closeBrace)
    return complete
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

  /** What must not be blank. */
  private key(key: unknown): boolean {
    return typeof key === "string" && isPlain(key.charCodeAt(0)) && this.text(key)
  }

  /** What becomes a part of a path. */
  private segment(segment: unknown, maximumLength: number): boolean {
    if (typeof segment !== "string" || segment.length === 0 || segment.length > maximumLength) return false
    if (segment === "." || segment === "..") return false
    const { bytes } = this
    let { position } = this
    if (position > this.end - maximumLength) return false
    bytes[position++] = quote
    for (let i = 0; i < segment.length; i++) {
      const code = segment.charCodeAt(i)
      if (!isPlain(code) || code === quote || code === backslash) return false
      bytes[position++] = code
    }
    bytes[position++] = quote
    this.position = position
    return true
  }

  private value(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case "string":
        return this.text(value)
      case "number":
        return this.number(value)
      case "boolean":
        return this.literal(value ? "true" : "false")
      case "object":
        if (value === null) return this.literal("null")
        if (depth === 0) return false
        return Array.isArray(value) ? this.array(value, depth - 1) : this.record(value, depth - 1)
      default:
        return false
    }
  }

  private text(text: string): boolean {
    if (text.length > shortText) return this.longText(text)
    const { bytes } = this
    let { position } = this
    bytes[position++] = quote
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code < 0x20 || code > 0x7e || code === quote || code === backslash) return this.longText(text)
      bytes[position++] = code
    }
    bytes[position++] = quote
    this.position = position
    return position <= this.end
  }

  private longText(text: string): boolean {
    if (this.position + longestEscape * text.length > this.end) return false
    if (unusual.test(text)) {
      this.position += this.bytes.write(JSON.stringify(text), this.position, "utf8")
    } else {
      this.bytes[this.position++] = quote
      this.position += this.bytes.write(text, this.position, "latin1")
      this.bytes[this.position++] = quote
    }
    return this.position <= this.end
  }

  private number(value: number): boolean {
    return Number.isFinite(value) && this.literal(Object.is(value, -0) ? "0" : String(value))
  }

  private literal(text: string): boolean {
    const { bytes } = this
    let { position } = this
    for (let i = 0; i < text.length; i++) bytes[position++] = text.charCodeAt(i)
    this.position = position
    return position <= this.end
  }

  private array(items: ReadonlyArray<unknown>, depth: number): boolean {
    this.ascii(openBracket)
    for (let i = 0; i < items.length; i++) {
      if (i > 0) this.ascii(comma)
      if (!this.value(items[i], depth)) return false
    }
    this.ascii(closeBracket)
    return this.position <= this.end
  }

  /** Properties have a rule, what is inside their values has none. */
  private record(record: unknown, depth: number, isUsual?: (key: string, value: unknown) => boolean): boolean {
    if (!isUsualRecord(record)) return false
    this.ascii(openBrace)
    let isFirst = true
    // Unlike `Object.keys` it makes no list. `Object.prototype` may have members, if somebody put them there.
    for (const key in record) {
      if (!hasOwn.call(record, key)) continue
      if (isFirst) isFirst = false
      else this.ascii(comma)
      const value = record[key]
      if (isUsual === undefined ? !this.text(key) : !this.key(key) || !isUsual(key, value)) return false
      this.ascii(colon)
      if (!this.value(value, depth)) return false
    }
    this.ascii(closeBrace)
    return this.position <= this.end
  }
}

// As a literal makes it. Others are plain too, those of another realm for instance, but not usual.
const isUsualRecord = (u: unknown): u is Readonly<Record<string, unknown>> =>
  typeof u === "object" && u !== null && Object.getPrototypeOf(u) === Object.prototype

const isUsualProperty = (key: string, value: unknown): boolean =>
  key.charCodeAt(0) !== dollar || validate.profileIssue(key, value) === undefined

// A text is right for every channel but those whose identity is a record.
const isUsualIdentity = (key: string, value: unknown): boolean =>
  typeof value === "string" && isPlain(value.charCodeAt(0)) && key !== "$slack" && key !== "$ms_teams" &&
    key !== "$webpush" || validate.identityIssue(key, value) === undefined

const isUsualAmount = (_: string, value: unknown): boolean => typeof value === "number"

// Characters that are neither space nor half of anything.
const isPlain = (code: number): boolean => code > 0x20 && code < 0x7f

const head = "{\"$schema\":\"2\",\"$insert_id\":"
const headBytes = Buffer.from(head)
const operationsHead = Buffer.from(",\"$user_operations\":[")
const tenantHead = Buffer.from(",\"tenant_id\":")

const hasOwn = Object.prototype.hasOwnProperty

const quote = 0x22
const dollar = 0x24
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
