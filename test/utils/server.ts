import * as Sandbox from "effect-suprsend/Sandbox"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import type * as Suprsend from "effect-suprsend/Suprsend"
import type { Settings } from "effect-suprsend/SuprsendConfig"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import { UsersService } from "effect-suprsend/UsersService"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Net from "node:net"

/** Builds the layer of a server. */
export const build = (layer: ReturnType<typeof SandboxServer.layer>) =>
  Effect.map(Layer.build(layer), (context) => ({
    server: Context.get(context, SandboxServer.SandboxServer),
    sandbox: Context.get(context, Sandbox.Sandbox)
  })).pipe(Effect.orDie)

/** Starts a server with a sandbox of its own. */
export const start = (options?: SandboxServer.Options) => build(SandboxServer.layer(options))

/** Makes a client of a server. */
export const usersOver = (
  server: SandboxServer.SandboxServer.Service,
  settings: Settings = {},
  layer: typeof Suprsend.layer = SuprsendNode.layer
) =>
  Effect.map(
    Layer.build(layer({ ...server.options, ...settings })),
    (context) => Context.get(context, UsersService)
  ).pipe(Effect.orDie)

/** Sends a request with a JSON body, as a program in any language would. */
export const json = (method: string, url: string, body?: string, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await fetch(url, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? undefined : { body })
    })
    return { status: response.status, text: await response.text() }
  })

/** Sends bytes as they are, and returns all bytes received until the connection ends. */
export const raw = (url: string, bytes: string | Uint8Array) =>
  Effect.async<string>((resume) => {
    const { hostname, port } = new URL(url)
    let answer = ""
    const socket = Net.connect(Number(port), hostname, () => socket.write(bytes))
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text
    })
    socket.on("error", () => {})
    socket.on("close", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => socket.destroy())
  })
