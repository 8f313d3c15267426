import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Http from "node:http"
import type * as Https from "node:https"
import type * as Net from "node:net"
import type * as Zlib from "node:zlib"
import { yieldToEventLoop } from "../support/eventLoop.js"
import { decoded } from "./decode.js"
import { RawHead } from "./rawHead.js"
import type { Exchange, Listener, Request, Transport } from "./transport.js"

/**
 * The Node modules that this transport needs.
 *
 * @internal
 */
export interface Modules {
  readonly http: typeof Http
  readonly https: typeof Https
  readonly zlib: typeof Zlib
}

/**
 * Returns the Node modules, if this is Node.
 *
 * They are loaded at run time, so that bundles for other runtimes need no stubs. Bun and Deno
 * provide them too, but their own `fetch` is faster.
 *
 * @internal
 */
export const modules = (): Modules | undefined => {
  const process = globalThis.process
  if (typeof process?.getBuiltinModule !== "function" || "Bun" in globalThis || "Deno" in globalThis) return undefined
  if (globalThis.navigator?.userAgent === "Cloudflare-Workers") return undefined
  const http = process.getBuiltinModule("node:http")
  const https = process.getBuiltinModule("node:https")
  const zlib = process.getBuiltinModule("node:zlib")
  return http === undefined || https === undefined || zlib === undefined ? undefined : { http, https, zlib }
}

/**
 * Makes a transport over Node's `http` and `https`, with connections that live as long as the
 * scope.
 *
 * @internal
 */
export const make = ({ http, https, zlib }: Modules): Effect.Effect<Transport, never, Scope.Scope> =>
  Effect.gen(function*() {
    const agent = yield* agentOf(() => new http.Agent({ keepAlive: true }))
    const secureAgent = yield* agentOf(() => new https.Agent({ keepAlive: true }))
    const hosts = new Map<string, Host>()
    const hostOf = (origin: string): Host => {
      const known = hosts.get(origin)
      if (known !== undefined) return known
      const host = parse(origin)
      hosts.set(origin, host)
      return host
    }
    return {
      start: (request, listener) => {
        const host = hostOf(request.origin)
        const exchange = new NodeExchange(zlib, listener, host.isSecure)
        const options = new Options(request, host, host.isSecure ? secureAgent : agent)
        exchange.begin(host.isSecure ? https : http, options, request.body)
        return exchange
      },
      yieldToEventLoop,
      isTraced: false,
      endsAtOnce: true
    }
  })

const agentOf = <A extends Http.Agent>(make: () => A): Effect.Effect<A, never, Scope.Scope> =>
  Effect.acquireRelease(Effect.sync(make), (agent) => Effect.sync(() => agent.destroy()))

interface Host {
  readonly isSecure: boolean
  /** The host as in the `Host` header. */
  readonly host: string
  readonly hostname: string
  readonly port: string | undefined
}

const parse = (origin: string): Host => {
  const { host, hostname, port, protocol } = new URL(origin)
  return {
    isSecure: protocol === "https:",
    host,
    // IPv6 addresses have brackets only in URLs.
    hostname: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? undefined : port
  }
}

class Options implements Https.RequestOptions {
  readonly method: string
  readonly hostname: string
  readonly port: string | undefined
  readonly path: string
  readonly headers: ReadonlyArray<string>

  constructor({ body, headers, method, target }: Request, { host, hostname, port }: Host, readonly agent: Http.Agent) {
    this.method = method
    this.hostname = hostname
    this.port = port
    this.path = target
    this.headers = flat(host, headers, body?.length ?? (method === "GET" || method === "DELETE" ? undefined : 0))
  }
}

/** Returns the headers as alternating names and values, which Node writes without copying them. */
const flat = (host: string, headers: Request["headers"], length: number | undefined): ReadonlyArray<string> => {
  const all = ["host", host]
  for (const name of Object.keys(headers)) {
    // Requests of the platform have it already. A server refuses a request that has it twice.
    if (name !== "content-length") all.push(name, headers[name] ?? "")
  }
  if (length !== undefined) all.push("content-length", String(length))
  return all
}

/** A request in flight and its response, as a listener of Node's events. */
class NodeExchange implements Exchange {
  private request: Http.ClientRequest | undefined
  private isConnected = false
  private hasEnded = false

  constructor(private readonly zlib: typeof Zlib, private listener: Listener, private readonly isSecure: boolean) {}

  isSent(): boolean {
    return this.isConnected
  }

  begin(
    { request: make }: Pick<typeof Https, "request">,
    options: Https.RequestOptions,
    body: Uint8Array | undefined
  ): void {
    try {
      const request = make(options)
      this.request = request
      request.on("socket", this.onSocket)
      request.on("response", this.onResponse)
      request.on("error", this.onFailure)
      request.on("close", this.onClose)
      request.end(body)
    } catch (error) {
      this.onFailure(error)
    }
  }

  abort(): void {
    this.hasEnded = true
    this.request?.destroy()
  }

  private readonly onSocket = (socket: Net.Socket): void => {
    // Before this event nothing has been sent: over TLS, not before the handshake is complete.
    if (socket.connecting) socket.once(this.isSecure ? "secureConnect" : "connect", this.onConnect)
    else this.isConnected = true
  }

  private readonly onConnect = (): void => {
    this.isConnected = true
  }

  private readonly onResponse = (response: Http.IncomingMessage): void => {
    const { "content-encoding": encoding, "content-type": type = "" } = response.headers
    const head = new RawHead(response.statusCode ?? 0, () => response.headersDistinct, type)
    if (encoding !== undefined) this.listener = decoded(this.zlib, head, this.listener)
    this.listener.onHead(head)
    response.on("data", this.onData)
    response.on("end", this.onEnd)
    response.on("error", this.onFailure)
  }

  private readonly onData = (chunk: Uint8Array): void => this.listener.onData(chunk)

  private readonly onEnd = (): void => {
    if (this.hasEnded) return
    this.hasEnded = true
    this.listener.onEnd()
  }

  private readonly onFailure = (cause: unknown): void => {
    if (this.hasEnded) return
    this.hasEnded = true
    this.listener.onFailure(cause, this.isConnected)
  }

  private readonly onClose = (): void => {
    // Makes the error only if it is needed, because capturing its stack is expensive.
    if (!this.hasEnded) this.onFailure(new Error("the connection was closed"))
  }
}
