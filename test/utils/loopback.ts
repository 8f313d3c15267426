import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import type * as Net from "node:net"

/** A request as it stood on the wire. */
export interface WireRequest {
  readonly method: string
  /** Path and query exactly as on the request line. */
  readonly uri: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

export interface Loopback {
  readonly url: string
  readonly requests: ReadonlyArray<WireRequest>
  /** Returns the number of responses that have ended. */
  readonly responses: () => number
  /** Waits until that many whole requests have arrived. */
  readonly arrived: (count: number) => Effect.Effect<void>
  /** Waits until a connection is closed by the client. */
  readonly connectionClosed: Effect.Effect<void>
}

/** Responds to a request. To cut the connection, destroy `response.socket`. */
export type Answer = (request: WireRequest, response: Http.ServerResponse, position: number) => void

export const text =
  (status: number, body: string, headers: Http.OutgoingHttpHeaders = {}): Answer => (_request, response) => {
    response.writeHead(status, { "content-type": "text/plain", ...headers }).end(body)
  }

export const json = (status: number, body: unknown, headers: Http.OutgoingHttpHeaders = {}): Answer =>
  text(status, JSON.stringify(body), { "content-type": "application/json", ...headers })

/** Responds with the given answers in order, and then repeats the last one. */
export const inOrder = (...answers: ReadonlyArray<Answer>): Answer => (request, response, position) =>
  answers[Math.min(position, answers.length - 1)]?.(request, response, position)

/** The port on which a server listens. */
export const portOf = (server: Net.Server): number => {
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

/** The URL of a port that was open a moment ago, and on which no server listens now. */
export const closedPort: Effect.Effect<string> = Effect.async((resume) => {
  const server = Http.createServer().listen(0, "127.0.0.1", () => {
    const url = `http://127.0.0.1:${portOf(server)}/`
    server.close(() => resume(Effect.succeed(url)))
  })
})

/** A real HTTP server on the loopback interface, for as long as the scope lives. */
export const serve = (answer: Answer): Effect.Effect<Loopback, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<Loopback & { readonly stop: Effect.Effect<void> }>((resume) => {
      const requests: Array<WireRequest> = []
      const sockets = new Set<Net.Socket>()
      const waiting = new Set<() => void>()
      let closed = false
      let responses = 0
      const until = (condition: () => boolean): Effect.Effect<void> =>
        Effect.async<void>((resume) => {
          const notify = () => {
            if (condition()) resume(Effect.void)
          }
          notify()
          waiting.add(notify)
          return Effect.sync(() => waiting.delete(notify))
        })
      const server = Http.createServer((request, response) => {
        const chunks: Array<Buffer> = []
        request.on("data", (chunk: Buffer) => chunks.push(chunk))
        request.on("end", () => {
          const recorded = {
            method: request.method ?? "",
            uri: request.url ?? "",
            headers: request.headers,
            body: Buffer.concat(chunks).toString("utf8")
          }
          requests.push(recorded)
          for (const notify of waiting) notify()
          response.on("finish", () => responses++)
          answer(recorded, response, requests.length - 1)
        })
      })
      server.keepAliveTimeout = 0
      server.on("connection", (socket: Net.Socket) => {
        sockets.add(socket)
        socket.on("error", () => {})
        socket.on("close", () => {
          sockets.delete(socket)
          closed = true
          for (const notify of waiting) notify()
        })
      })
      server.listen(0, "127.0.0.1", () => {
        resume(Effect.succeed({
          url: `http://127.0.0.1:${portOf(server)}/`,
          requests,
          responses: () => responses,
          arrived: (count) => until(() => requests.length >= count),
          connectionClosed: until(() => closed),
          stop: Effect.async<void>((resume) => {
            for (const socket of sockets) socket.destroy()
            server.close(() => resume(Effect.void))
          })
        }))
      })
    }),
    ({ stop }) => stop
  )
