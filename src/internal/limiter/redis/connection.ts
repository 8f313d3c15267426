import type { Cluster, Redis } from "ioredis"
import * as Crypto from "node:crypto"
import type * as Core from "./core.js"
import type { Connection } from "./exchanger.js"
import * as Script from "./script.js"

const sha = Crypto.createHash("sha1").update(Script.lua).digest("hex")

const isMissing = (error: unknown): boolean => error instanceof Error && error.message.startsWith("NOSCRIPT")

/**
 * Sends messages with a client of ioredis.
 *
 * While the connection is lost, the client would only queue them. Before the first connection it
 * queues them too, but then they have nothing to go on without.
 *
 * @internal
 */
export const make = (client: Redis | Cluster, key: string, rule: Core.Rule): Connection => {
  let wasReady = client.status === "ready"
  return {
    isUsable: () => {
      const { status } = client
      wasReady = wasReady || status === "ready"
      return status === "ready" || status === "wait" || (!wasReady && status.startsWith("connect"))
    },
    send: async (message) => {
      const args = Script.encode(rule, message)
      const reply = await client.evalsha(sha, 1, key, ...args).catch((error: unknown) => {
        if (!isMissing(error)) throw error
        return client.eval(Script.lua, 1, key, ...args)
      })
      return Script.decode(reply)
    }
  }
}
