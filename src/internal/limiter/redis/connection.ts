import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Cluster, type Redis } from "ioredis"
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
export const make = (
  client: Redis | Cluster,
  key: string,
  rule: Core.Rule
): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.gen(function*() {
    let lastError: unknown
    const listeners = {
      error: (error: unknown) => {
        lastError = error
      },
      ready: () => {
        lastError = undefined
      }
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => client.on("error", listeners.error).on("ready", listeners.ready)),
      () => Effect.sync(() => client.off("error", listeners.error).off("ready", listeners.ready))
    )
    let wasReady = client.status === "ready"
    return {
      name: nameOf(client),
      lastError: () => lastError,
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
  })

const nameOf = (client: Redis | Cluster): string => {
  if (client instanceof Cluster) return "a cluster"
  const { host, path, port } = client.options
  return path ?? `${host}:${port}`
}
