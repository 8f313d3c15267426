// What one would write for this one job, over undici, Node's own `http` or `fetch`, and no more: no limiter, no retry, no validation, no
// report. As good as unbeatable on one thread, short of writing bytes by hand.
import * as Undici from "@effect/platform-node/Undici"
import { createHash, createHmac, randomUUID } from "node:crypto"
import * as Http from "node:http"
import { idOf, operationsOf, workspace } from "../record.js"
import { type Builder, callers, type Session } from "./contender.js"

const contentType = "application/json; charset=utf-8"
const agent = `written-by-hand/0.1.0 (node/${process.versions.node}; ${process.platform})`
const recordsPerRequest = 400

const encode = (i: number): string =>
  `{"$schema":"2","$insert_id":"${randomUUID()}","$time":${Date.now()},"env":"${workspace.key}","distinct_id":${
    JSON.stringify(idOf(i))
  },"$user_operations":${JSON.stringify(operationsOf(i))},"properties":{"$ss_sdk_version":"${agent}"}}`

/** Sends a signed body, and waits until the response is read. */
type Send = (headers: Record<string, string>, body: Buffer) => Promise<number>

interface Connection {
  readonly send: Send
  readonly close: () => Promise<void>
}

const overUndici = (address: URL): Connection => {
  const client = new Undici.Agent()
  return {
    send: async (headers, body) => {
      const { origin, pathname: path } = address
      const response = await client.request({ origin, path, method: "POST", headers, body })
      await response.body.text()
      return response.statusCode
    },
    close: () => client.close()
  }
}

const overHttp = ({ hostname, pathname: path, port }: URL): Connection => {
  const agent = new Http.Agent({ keepAlive: true })
  return {
    send: (headers, body) =>
      new Promise((resolve, reject) => {
        const options = { agent, hostname, port, path, method: "POST" }
        const request = Http.request(
          { ...options, headers: { ...headers, "content-length": body.length } },
          (response) => {
            let text = ""
            response.setEncoding("utf8")
            response.on("data", (chunk: string) => {
              text += chunk
            })
            response.on("end", () => text === "" ? reject(new Error("empty")) : resolve(response.statusCode ?? 0))
            response.on("error", reject)
          }
        )
        request.on("error", reject)
        request.end(body)
      }),
    close: () => Promise.resolve(agent.destroy())
  }
}

const overFetch = (address: URL): Connection => ({
  send: async (headers, body) => {
    const response = await fetch(address, { method: "POST", headers, body: new Uint8Array(body) })
    await response.text()
    return response.status
  },
  close: () => Promise.resolve()
})

const connect = (url: string, connection: (address: URL) => Connection): Session => {
  const address = new URL("event/", url)
  const { close, send: exchange } = connection(address)

  const send = async (text: string): Promise<void> => {
    const body = Buffer.from(text)
    const date = new Date().toUTCString()
    const md5 = createHash("md5").update(body).digest("hex")
    const signature = createHmac("sha256", workspace.secret)
      .update(`POST\n${md5}\n${contentType}\n${date}\n${address.pathname}`)
      .digest("base64")
    const status = await exchange({
      "content-type": contentType,
      date,
      authorization: `${workspace.key}:${signature}`,
      "user-agent": agent
    }, body)
    if (status !== 202) throw new Error(`Answered with ${status}`)
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
    close
  }
}

export const open = (url: string): Session => connect(url, overUndici)

export const openOverHttp = (url: string): Session => connect(url, overHttp)

export const openOverFetch = (url: string): Session => connect(url, overFetch)

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
