/**
 * A sandbox that serves real HTTP, for programs in any language.
 *
 * It serves the paths of SuprSend, and at `/` a page with the users and the latest requests. Tests
 * in other processes can set faults and inspect requests below `/_sandbox/`. You can start it from
 * the command line with `npx effect-suprsend sandbox`.
 *
 * It needs the optional peer dependency `@effect/platform-node`. Import this module by its own
 * path, `effect-suprsend/SandboxServer`, because the index does not export it.
 *
 * @since 0.1.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import { makeMachine } from "./internal/sandbox/machine.js"
import * as serve from "./internal/sandbox/server/app.js"
import * as Sandbox from "./Sandbox.js"
import type * as SuprsendConfig from "./SuprsendConfig.js"

/**
 * The service of a running sandbox server.
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { SandboxServer } from "effect-suprsend/SandboxServer"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 *
 * // Our own client over the server, as a program would talk to SuprSend.
 * const OverHttp = Layer.unwrapEffect(
 *   Effect.map(SandboxServer, ({ options }) => Suprsend.layer(options))
 * )
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
   * The address of the server, and its exchanges.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** The base URL, with a trailing slash. */
    readonly url: string
    /** Options for a client of this server, with a workspace key. */
    readonly options: SuprsendConfig.WorkspaceCredentials & { readonly baseUrl: string }
    /** Options for a client of this server, with an API key. */
    readonly apiKeyOptions: SuprsendConfig.ApiKeyCredentials & { readonly baseUrl: string }
    /** The exchanges that end from now on. */
    readonly exchanges: Stream.Stream<Exchange>
  }

  /**
   * A request with its outcome, such as the status of its response.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Exchange {
    readonly method: string
    /** The path and query of the request line. */
    readonly uri: string
    /** The status, or undefined if a fault prevented the response. */
    readonly status: number | undefined
    /** How long the sandbox took to process the request, in milliseconds. */
    readonly millis: number
    /** The number of events in the request; undefined for paths other than `/event/`. */
    readonly events: number | undefined
  }
}

/**
 * Options of the server, in addition to {@link Sandbox.Options}.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options extends Sandbox.Options {
  /**
   * The address to listen on. The default accepts connections only from this machine.
   *
   * @default "127.0.0.1"
   */
  readonly host?: string | undefined
  /**
   * The port to listen on; 0 selects a free port.
   *
   * @default 0
   */
  readonly port?: number | undefined
  /**
   * The maximum body size; larger bodies get a 413 response. By default 2 MiB, more than SuprSend
   * accepts.
   */
  readonly maximumBodyBytes?: number | undefined
}

/**
 * Provides a server that runs until the scope closes, and its sandbox.
 *
 * Each time the layer is built, it starts another server. The server keeps the latest 10,000
 * requests, up to 64 Mi characters in total; change that with `keepRequests` and `keepCharacters`.
 * It fails with a `ServeError` if the port is invalid or in use.
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
): Layer.Layer<SandboxServer | Sandbox.Sandbox, HttpServerError.ServeError> => layerFrom(options, () => Effect.void)

/**
 * The sandbox before the server accepts its first request.
 *
 * @internal
 */
export interface Prepared {
  readonly sandbox: Sandbox.Sandbox.Service
  /** Emits when the state in a snapshot may have changed. */
  readonly changes: Stream.Stream<void>
}

/**
 * Provides a server, and runs an effect before it accepts the first request.
 *
 * @internal
 */
export const layerFrom = <E>(
  options: Options,
  prepare: (prepared: Prepared) => Effect.Effect<void, E>
): Layer.Layer<SandboxServer | Sandbox.Sandbox, HttpServerError.ServeError | E> =>
  Layer.scopedContext(Effect.gen(function*() {
    const host = options.host ?? "127.0.0.1"
    const machine = yield* makeMachine({
      ...options,
      keepRequests: options.keepRequests ?? 10_000,
      keepCharacters: options.keepCharacters ?? 64 * 1024 * 1024
    })
    const played = yield* PubSub.sliding<SandboxServer.Exchange>(1_000)
    const changed = yield* PubSub.sliding<void>(1)
    yield* prepare({ sandbox: machine.sandbox, changes: Stream.fromPubSub(changed) })
    const app = yield* serve.app({
      machine,
      played,
      changed,
      maximumBodyBytes: options.maximumBodyBytes ?? 2 * 1024 * 1024,
      isLoopback: isLoopback(host)
    })
    const node = Http.createServer()
    // `HttpServer.serve` would also handle upgrades, and a client that closes an upgraded
    // connection ends the process.
    // Without spans: they would contain the whole URL with the user id.
    node.on("request", yield* Effect.withTracerEnabled(NodeHttpServer.makeHandler(app), false))
    const server = yield* listen(node, host, options.port ?? 0)
    // Otherwise closing would wait for kept-alive connections, such as that of the page.
    yield* Effect.addFinalizer(() =>
      Effect.async<void>((resume) => {
        node.close(() => resume(Effect.void))
        node.closeAllConnections()
      })
    )
    const port = server.address._tag === "TcpAddress" ? server.address.port : 0
    const url = `http://${hostOf(host)}:${port}/`
    return Context.make(Sandbox.Sandbox, machine.sandbox).pipe(Context.add(SandboxServer, {
      url,
      options: { ...Sandbox.credentials, baseUrl: url },
      apiKeyOptions: { ...Sandbox.apiKeyCredentials, baseUrl: url },
      exchanges: Stream.fromPubSub(played)
    }))
  }))

/**
 * Starts listening. Node throws for an invalid port, which becomes a failure like a port in use.
 */
const listen = (node: Http.Server, host: string, port: number) =>
  Effect.suspend(() =>
    Number.isInteger(port) && port >= 0 && port <= 65_535
      ? NodeHttpServer.make(() => node, { host, port })
      : Effect.fail(
        new HttpServerError.ServeError({
          cause: new RangeError(`port must be a whole number from 0 to 65535, got ${port}`)
        })
      )
  )

/** Returns the host name by which a client on this machine reaches an address. */
const hostOf = (host: string): string =>
  host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d+){3}|::1)$/i.test(host)
