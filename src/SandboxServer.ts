/**
 * The sandbox over real HTTP, for programs in any language: SuprSend on a laptop.
 *
 * It answers at the paths of SuprSend, and shows a page at `/` with the users and the latest requests. Below `/_sandbox/` a test
 * that runs elsewhere can set faults and look at what arrived. `npx effect-suprsend sandbox` starts it from a command line.
 *
 * Needs the optional peer `@effect/platform-node`, and is therefore reached by its own path only, `effect-suprsend/SandboxServer`.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServer from "@effect/platform/HttpServer"
import type * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as serve from "./internal/sandbox/serve.js"
import * as Sandbox from "./Sandbox.js"
import type * as SuprsendConfig from "./SuprsendConfig.js"

/**
 * A sandbox that runs as a server.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { SandboxServer } from "effect-suprsend/SandboxServer"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 *
 * // Our own client over the server, as a program would talk to SuprSend.
 * const OverHttp = Layer.unwrapEffect(Effect.map(SandboxServer, ({ options }) => Suprsend.layer(options)))
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class SandboxServer extends Context.Tag("effect-suprsend/SandboxServer")<
  SandboxServer,
  SandboxServer.Service
>() {}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace SandboxServer {
  /**
   * Where the server is, and what happens there.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Its base URL, with a slash at the end. */
    readonly url: string
    /** What a client needs to talk to it. */
    readonly options: SuprsendConfig.WorkspaceCredentials & { readonly baseUrl: string }
    /** The requests as they are answered, from now on. */
    readonly exchanges: Stream.Stream<Exchange>
  }

  /**
   * A request that was answered, or was not.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Exchange {
    readonly method: string
    /** Path and query as on the request line. */
    readonly uri: string
    /** Undefined if a fault cut the connection, or held it. */
    readonly status: number | undefined
    /** How long it took to find out what happens to it, in milliseconds. */
    readonly millis: number
    /** How many events came with it; undefined if it is no request for events. */
    readonly events: number | undefined
  }
}

/**
 * How the server is reached, beside what {@link Sandbox.Options} decides.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Sandbox.Options {
  /** The address to listen at. Default: "127.0.0.1", so that nobody else in the network reaches it. */
  readonly host?: string | undefined
  /** Default: 0, which is any that is free. */
  readonly port?: number | undefined
  /** Larger bodies are answered with 413. Default: 2 MiB, which is more than SuprSend takes. */
  readonly maximumBodyBytes?: number | undefined
}

/**
 * A server for as long as the scope lives, and the sandbox to look inside and to make it fail. The latest 10,000 requests are
 * remembered, unless `keepRequests` says otherwise.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import * as Sandbox from "effect-suprsend/Sandbox"
 * import * as SandboxServer from "effect-suprsend/SandboxServer"
 *
 * const program = Effect.gen(function*() {
 *   const { url } = yield* SandboxServer.SandboxServer
 *   const sandbox = yield* Sandbox.Sandbox
 *   yield* sandbox.faults.add(Sandbox.failNext(2))
 *   yield* Effect.log(`Point the program under test to ${url}`)
 *   yield* Effect.never
 * }).pipe(Effect.provide(SandboxServer.layer({ port: 8787 })))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options = {}
): Layer.Layer<SandboxServer | Sandbox.Sandbox, HttpServerError.ServeError> => {
  const host = options.host ?? "127.0.0.1"
  const node = Http.createServer()
  return Layer.scopedContext(Effect.gen(function*() {
    const { respond, sandbox } = yield* Sandbox.make({ keepRequests: 10_000, ...options })
    const server = yield* HttpServer.HttpServer
    const played = yield* PubSub.sliding<SandboxServer.Exchange>(1_000)
    yield* server.serve(serve.app({
      sandbox,
      respond,
      played,
      maximumBodyBytes: options.maximumBodyBytes ?? 2 * 1024 * 1024,
      isLoopback: isLoopback(host)
    }))
    // Or it would wait for connections that somebody keeps open, this page for instance.
    yield* Effect.addFinalizer(() => Effect.sync(() => node.closeAllConnections()))
    const port = server.address._tag === "TcpAddress" ? server.address.port : 0
    const url = `http://${host.includes(":") ? `[${host}]` : host === "0.0.0.0" ? "127.0.0.1" : host}:${port}/`
    return Context.make(Sandbox.Sandbox, sandbox).pipe(Context.add(SandboxServer, {
      url,
      options: { ...Sandbox.credentials, baseUrl: url },
      exchanges: Stream.fromPubSub(played)
    }))
  })).pipe(Layer.provide(NodeHttpServer.layerServer(() => node, { host, port: options.port ?? 0 })))
}

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d+){3}|::1)$/i.test(host)
