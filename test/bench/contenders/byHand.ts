// What one would write for this one job on the fastest client of Node, and no more: no limiter, no retry, no validation, no
// report. As good as unbeatable on one thread, short of writing bytes by hand.
import * as Undici from "@effect/platform-node/Undici"
import { createHash, createHmac, randomUUID } from "node:crypto"
import { idOf, operationsOf, workspace } from "../record.js"
import { type Builder, callers, type Session } from "./contender.js"

const contentType = "application/json; charset=utf-8"
const agent = `written-by-hand/0.1.0 (node/${process.versions.node}; ${process.platform})`
const recordsPerRequest = 400

const encode = (i: number): string =>
  `{"$schema":"2","$insert_id":"${randomUUID()}","$time":${Date.now()},"env":"${workspace.key}","distinct_id":${
    JSON.stringify(idOf(i))
  },"$user_operations":${JSON.stringify(operationsOf(i))},"properties":{"$ss_sdk_version":"${agent}"}}`

export const open = (url: string): Session => {
  const client = new Undici.Agent()
  const address = new URL("event/", url)

  const send = async (text: string): Promise<void> => {
    const body = Buffer.from(text)
    const date = new Date().toUTCString()
    const md5 = createHash("md5").update(body).digest("hex")
    const signature = createHmac("sha256", workspace.secret)
      .update(`POST\n${md5}\n${contentType}\n${date}\n${address.pathname}`)
      .digest("base64")
    const response = await client.request({
      origin: address.origin,
      path: address.pathname,
      method: "POST",
      headers: {
        "content-type": contentType,
        date,
        authorization: `${workspace.key}:${signature}`,
        "user-agent": agent
      },
      body
    })
    await response.body.text()
    if (response.statusCode !== 202) throw new Error(`Answered with ${response.statusCode}`)
  }

  return {
    bulk: (users, concurrency) =>
      callers(0, Math.ceil(users / recordsPerRequest), concurrency, (request) => {
        const records: Array<string> = []
        const end = Math.min(users, (request + 1) * recordsPerRequest)
        for (let i = request * recordsPerRequest; i < end; i++) records.push(encode(i))
        return send(`[${records.join(",")}]`)
      }),
    single: (from, to, concurrency) => callers(from, to, concurrency, (i) => send(encode(i))),
    close: () => client.close()
  }
}

export const builder: Builder = {
  build: (id) => {
    const edit = {
      distinctId: id,
      operations: [{ $append: { $email: "ada@example.com" } }, { $set: { plan: "pro" } }, { $add: { logins: 1 } }]
    }
    return edit.operations.length
  },
  chain: (verbs) => {
    const operations: Array<{ readonly $add: { readonly logins: number } }> = []
    for (let i = 0; i < verbs; i++) operations.push({ $add: { logins: i } })
    return operations.length
  }
}
