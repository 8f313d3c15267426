// Proxies of the environment, over real servers: one that tunnels, and one that is called.
import { describe, expect, it } from "@effect/vitest"
import * as Suprsend from "effect-suprsend/Suprsend"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as SuprsendNode from "effect-suprsend/SuprsendNode"
import { UsersService } from "effect-suprsend/UsersService"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Http from "node:http"
import * as Net from "node:net"
import { json, portOf, serve } from "./utils/loopback.js"

/** A tunnelling proxy that records its targets. */
const proxy = Effect.acquireRelease(
  Effect.async<{ readonly url: string; readonly targets: Array<string>; readonly server: Http.Server }>((resume) => {
    const targets: Array<string> = []
    const server = Http.createServer().on("connect", ({ url = "" }, socket, head) => {
      targets.push(url)
      const [host, port] = url.split(":")
      const upstream = Net.connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n")
        upstream.write(head)
        upstream.pipe(socket).pipe(upstream)
      })
      upstream.on("error", () => socket.destroy())
      socket.on("error", () => upstream.destroy())
    })
    server.listen(0, "127.0.0.1", () => {
      resume(Effect.succeed({ url: `http://user:pass-word@127.0.0.1:${portOf(server)}`, targets, server }))
    })
  }),
  ({ server }) =>
    Effect.sync(() => {
      server.closeAllConnections()
      server.close()
    })
)

const options = (baseUrl: string): SuprsendConfig.Options => ({
  workspaceKey: "workspace-key",
  workspaceSecret: Redacted.make("workspace-secret"),
  baseUrl,
  retry: { attempts: 1 }
})

const list = Effect.flatMap(UsersService, (users) => users.list())

const environment = (variables: Record<string, string>) =>
  Layer.setConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(variables))))

describe("a proxy of the environment", () => {
  const cases: ReadonlyArray<
    readonly [what: string, variables: (url: string) => Record<string, string>, through: boolean]
  > = [
    ["HTTP_PROXY", (url) => ({ HTTP_PROXY: url }), true],
    ["http_proxy, which goes first", (url) => ({ http_proxy: url, HTTP_PROXY: "http://127.0.0.1:1" }), true],
    ["NO_PROXY with the host", (url) => ({ HTTP_PROXY: url, NO_PROXY: "example.com,127.0.0.1" }), false],
    ["NO_PROXY with another host", (url) => ({ HTTP_PROXY: url, NO_PROXY: "example.com" }), true],
    ["HTTPS_PROXY alone, which is for https", (url) => ({ HTTPS_PROXY: url }), false],
    ["none", () => ({}), false]
  ]
  for (const [what, variables, through] of cases) {
    it.live(`is ${through ? "obeyed" : "not asked"}: ${what}`, () =>
      Effect.gen(function*() {
        const server = yield* serve(json(200, { results: [], meta: {} }))
        const { targets, url } = yield* proxy
        const layer = SuprsendNode.layer({ ...options(server.url), proxyFromEnvironment: true }).pipe(
          Layer.provide(environment(variables(url)))
        )
        yield* Effect.provide(list, layer)
        expect(server.requests).toHaveLength(1)
        expect(targets).toEqual(through ? [new URL(server.url).host] : [])
      }).pipe(Effect.scoped))
  }

  it.live("is not used without `proxyFromEnvironment`", () =>
    Effect.gen(function*() {
      const server = yield* serve(json(200, { results: [], meta: {} }))
      const { targets, url } = yield* proxy
      for (const layer of [SuprsendNode.layer(options(server.url)), Suprsend.layer(options(server.url))]) {
        yield* Effect.provide(list, Layer.provide(layer, environment({ HTTP_PROXY: url })))
      }
      expect(server.requests).toHaveLength(2)
      expect(targets).toEqual([])
    }).pipe(Effect.scoped))

  it.live("that is not a URL is an error that names the variable, but not its value", () =>
    Effect.gen(function*() {
      const layer = SuprsendNode.layer({ ...options("http://127.0.0.1:1"), proxyFromEnvironment: true }).pipe(
        Layer.provide(environment({ HTTPS_PROXY: "user:pass-word@proxy" }))
      )
      const error = yield* Effect.flip(Effect.provide(list, layer))
      expect(String(error)).toContain("HTTPS_PROXY must be a URL")
      expect(String(error)).not.toContain("pass-word")
    }))

  it.live("that does not respond is not named in the error", () =>
    Effect.gen(function*() {
      const layer = SuprsendNode.layer({ ...options("http://127.0.0.1:2"), proxyFromEnvironment: true }).pipe(
        Layer.provide(environment({ HTTP_PROXY: "http://user:pass-word@127.0.0.1:1" }))
      )
      const error = yield* Effect.flip(Effect.provide(list, layer))
      expect(error).toMatchObject({ _tag: "SuprsendUnavailable", applied: "no" })
      expect(String(error)).not.toContain("pass-word")
    }))
})
