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
import * as HttpServerError from "@effect/platform/HttpServerError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as Http from "node:http"
import * as serve from "./internal/sandbox/server/app.js"
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
    /** The same, with an API key instead of key and secret. */
    readonly apiKeyOptions: SuprsendConfig.ApiKeyCredentials & { readonly baseUrl: string }
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
    /** How many events came with it; undefined if it is not a request to the events. */
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
  /** The address to listen at. Default: "127.0.0.1", which other machines do not reach. */
  readonly host?: string | undefined
  /** Default: 0, which is any that is free. */
  readonly port?: number | undefined
  /** Larger bodies are answered with 413. Default: 2 MiB, which is more than SuprSend takes. */
  readonly maximumBodyBytes?: number | undefined
}

/**
 * A server for as long as the scope lives, and the sandbox to look inside and to make it fail. Each time that the layer is built,
 * it is another server. The latest 10,000 requests are remembered, of 64 Mi characters together, unless `keepRequests` and
 * `keepCharacters` say otherwise; a port that is not one is a `ServeError`.
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
 * The sandbox before the first request is let in.
 *
 * @internal
 */
export interface Prepared {
  readonly sandbox: Sandbox.Sandbox.Service
  /** Says that what a snapshot holds may have changed, from when it is run. */
  readonly changes: Stream.Stream<void>
}

/**
 * The same, with something to do before the first request is let in.
 *
 * @internal
 */
export const layerFrom = <E>(
  options: Options,
  prepare: (prepared: Prepared) => Effect.Effect<void, E>
): Layer.Layer<SandboxServer | Sandbox.Sandbox, HttpServerError.ServeError | E> =>
  Layer.scopedContext(Effect.gen(function*() {
    const host = options.host ?? "127.0.0.1"
    const machine = yield* Sandbox.makeMachine({
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
    // `HttpServer.serve` would take upgrades too, and a client that leaves such a connection ends the process.
    node.on("request", yield* NodeHttpServer.makeHandler(app))
    const server = yield* listen(node, host, options.port ?? 0)
    // Or it would wait for connections that are kept open, that of the page for instance.
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

/** Listens; Node throws where a port is not one, which is a failure like a port that is taken. */
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

/** How a client of this machine names an address. */
const hostOf = (host: string): string =>
  host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "[::1]" : host.includes(":") ? `[${host}]` : host

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d+){3}|::1)$/i.test(host)
