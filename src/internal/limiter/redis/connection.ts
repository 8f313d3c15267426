import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Cluster, Redis, RedisOptions } from "ioredis"
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
    const listen = (error: unknown) => {
      lastError = error
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => client.on("error", listen)),
      () => Effect.sync(() => client.off("error", listen))
    )
    let wasReady = client.status === "ready"
    return {
      name: nameOf(client),
      lastError: () => client.status === "ready" ? undefined : lastError,
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
  const options: RedisOptions = client.isCluster ? {} : client.options
  const { host, name, path, port, sentinels } = options
  return client.isCluster ? "a cluster" : sentinels ? `the sentinels of ${name}` : path ?? `${host}:${port}`
}
