import { Buffer } from "node:buffer"
import type { SuprsendClient } from "../SuprsendClient.js"
import type { UserEdit } from "../UserEdit.js"
import { isPlainRecord } from "./json.js"
import { collectOperations } from "./userEdit.js"
import { maximumEditBytes } from "./validate.js"

// JSON never makes more than this of a UTF-16 unit: "\u0000".
const longestEscape = 6

// Up to here, a UUID included, a loop over the characters is quicker than asking the runtime.
const shortText = 40

const unusual = /[^ !#-[\]-~]/

/**
 * Writes events as the bytes in which they travel: byte for byte what `JSON.stringify` makes of them, without the texts in
 * between, which cost more than all the rest. It writes what is usual by itself, and asks `JSON.stringify` where an escape may be
 * needed.
 *
 * Edits must have passed `validate`: values that JSON cannot carry are not looked for here.
 *
 * @internal
 */
export class Encoder {
  private readonly bytes: Buffer
  private readonly end: number
  private readonly head: Buffer
  private readonly env: string
  private readonly operations: Array<unknown> = []
  private middle: Buffer
  private middleTime = 0
  private readonly tail: Buffer
  /** How many bytes are written. */
  position = 0

  /**
   * @param room the bytes after which no further event begins
   */
  constructor(client: Pick<SuprsendClient.Service, "workspace" | "userAgent">, room: number) {
    // An event that does not fit in the rest has more bytes than one may have, however its texts are escaped.
    this.bytes = Buffer.allocUnsafe(room + (longestEscape + 2) * maximumEditBytes)
    this.end = this.bytes.length - longestEscape * shortText
    this.env = client.workspace === undefined ? "" : `"env":${JSON.stringify(client.workspace)},`
    this.head = Buffer.from("{\"$schema\":\"2\",\"$insert_id\":")
    this.middle = this.between(0)
    this.tail = Buffer.from(`,"properties":${JSON.stringify({ $ss_sdk_version: client.userAgent })}`)
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
   * SDK). Id and time are the caller's to fix, once for all attempts; its operations are the first of a list. False, and nothing
   * usable written, if it has more bytes than an event may have.
   */
  event(edit: UserEdit, operations: ReadonlyArray<unknown>, count: number, insertId: string, time: number): boolean {
    const start = this.position
    if (time !== this.middleTime) {
      this.middle = this.between(time)
      this.middleTime = time
    }
    this.fragment(this.head)
    const complete = this.text(insertId) && this.fragment(this.middle) &&
      this.text(edit.distinctId) && this.fragment(operationsHead) && this.array(operations, count) &&
      this.fragment(this.tail) &&
      (edit.tenantId === undefined || (this.literal(",\"tenant_id\":") && this.text(edit.tenantId)))
    this.ascii(closeBrace)
    return complete && this.position - start <= maximumEditBytes
  }

  /** The same for an edit whose operations nobody has collected yet. */
  edit(edit: UserEdit, insertId: string, time: number): boolean {
    return this.event(edit, this.operations, collectOperations(edit, this.operations), insertId, time)
  }

  private between(time: number): Buffer {
    return Buffer.from(`,"$time":${JSON.stringify(time)},${this.env}"distinct_id":`)
  }

  private fragment(fragment: Buffer): boolean {
    if (this.position + fragment.length > this.end) return false
    this.bytes.set(fragment, this.position)
    this.position += fragment.length
    return true
  }

  private literal(text: string): boolean {
    for (let i = 0; i < text.length; i++) this.bytes[this.position++] = text.charCodeAt(i)
    return this.position <= this.end
  }

  private number(value: number): boolean {
    return this.literal(Object.is(value, -0) ? "0" : String(value))
  }

  private text(text: string): boolean {
    if (text.length > shortText) return this.longText(text)
    const { bytes } = this
    let position = this.position
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

  private value(value: unknown): boolean {
    switch (typeof value) {
      case "string":
        return this.text(value)
      case "number":
        return this.number(value)
      case "boolean":
        return this.literal(value ? "true" : "false")
      default:
        return Array.isArray(value)
          ? this.array(value, value.length)
          : isPlainRecord(value)
          ? this.record(value)
          : this.literal("null")
    }
  }

  private array(items: ReadonlyArray<unknown>, count: number): boolean {
    this.ascii(openBracket)
    for (let i = 0; i < count; i++) {
      if (i > 0) this.ascii(comma)
      if (!this.value(items[i])) return false
    }
    this.ascii(closeBracket)
    return this.position <= this.end
  }

  private record(record: Readonly<Record<string, unknown>>): boolean {
    this.ascii(openBrace)
    let isFirst = true
    // Unlike `Object.keys` it makes no list. `Object.prototype` may have members, if somebody put them there.
    for (const key in record) {
      if (!hasOwn.call(record, key)) continue
      if (isFirst) isFirst = false
      else this.ascii(comma)
      if (!this.text(key)) return false
      this.ascii(colon)
      if (!this.value(record[key])) return false
    }
    this.ascii(closeBrace)
    return this.position <= this.end
  }
}

const operationsHead = Buffer.from(",\"$user_operations\":")

const hasOwn = Object.prototype.hasOwnProperty

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d
