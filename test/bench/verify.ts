// Whether a request is what SuprSend would accept, and says what it was meant to say. Written without the package, so that a
// mistake of ours cannot agree with itself.
import { createHash, createHmac } from "node:crypto"
import { isDeepStrictEqual } from "node:util"
import { indexOf, operationsOf, workspace, zonesAlone } from "./record.js"

export interface Received {
  readonly method: string
  readonly uri: string
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

const maximumBytes = 819_200
const maximumRecords = 400

/** What is wrong with a request; and of whom its records are. */
export const verify = (request: Received): { readonly wrong: ReadonlyArray<string>; readonly ids: Array<string> } => {
  const wrong: Array<string> = []
  const ids: Array<string> = []
  const expect = (ok: boolean, message: string) => {
    if (!ok) wrong.push(message)
  }
  expect(request.method === "POST" && request.uri === "/event/", `sent to ${request.method} ${request.uri}`)
  expect(request.headers.get("authorization") === authorizationOf(request), "the signature is wrong")
  expect(request.body.length <= maximumBytes, `${request.body.length} bytes`)
  const records = parse(request.body.toString())
  expect(records.length > 0 && records.length <= maximumRecords, `${records.length} records`)
  for (const record of records) {
    const id = field(record, "distinct_id")
    if (typeof id !== "string") {
      wrong.push("a record without distinct_id")
      continue
    }
    ids.push(id)
    expect(field(record, "$schema") === "2" && field(record, "env") === workspace.key, `${id}: wrong envelope`)
    expect(typeof field(record, "$insert_id") === "string", `${id}: no insert id`)
    expect(typeof field(record, "$time") === "number", `${id}: no time`)
    const operations = field(record, "$user_operations")
    expect(
      isDeepStrictEqual(operations, operationsOf(indexOf(id))) ||
        zonesAlone.some((zone) => isDeepStrictEqual(operations, [{ $set: { $timezone: zone } }])),
      `${id}: other operations`
    )
  }
  return { wrong, ids }
}

/** The `Authorization` that fits a request. */
export const authorizationOf = ({ body, headers, method, uri }: Received): string => {
  const md5 = createHash("md5").update(body).digest("hex")
  const text = `${method}\n${md5}\n${headers.get("content-type")}\n${headers.get("date")}\n${uri}`
  return `${workspace.key}:${createHmac("sha256", workspace.secret).update(text).digest("base64")}`
}

const parse = (text: string): ReadonlyArray<unknown> => {
  try {
    const json: unknown = JSON.parse(text)
    return Array.isArray(json) ? json : [json]
  } catch {
    return []
  }
}

const field = (record: unknown, name: string): unknown =>
  typeof record === "object" && record !== null ? Reflect.get(record, name) : undefined
