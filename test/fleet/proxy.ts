import * as Effect from "effect/Effect"
import * as Net from "node:net"

/** The way to a server, which can be cut, and can lead to another one. */
export const proxy = (port: number) =>
  Effect.acquireRelease(
    Effect.async<{
      readonly port: number
      readonly lead: (port: number | undefined) => Effect.Effect<void>
      readonly stop: () => void
    }>((resume) => {
      let target: number | undefined = port
      const sockets = new Set<Net.Socket>()
      const server = Net.createServer((socket) => {
        socket.on("error", () => {})
        if (target === undefined) return socket.destroy()
        const upstream = Net.connect(target, "127.0.0.1")
        for (const [one, other] of [[socket, upstream], [upstream, socket]] as const) {
          sockets.add(one)
          one.on("error", () => {})
          one.on("close", () => {
            sockets.delete(one)
            other.destroy()
          })
          one.pipe(other)
        }
        return
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        const cut = () => {
          for (const socket of sockets) socket.destroy()
        }
        resume(Effect.succeed({
          port,
          lead: (port) =>
            Effect.sync(() => {
              target = port
              cut()
            }),
          stop: () => {
            cut()
            server.close()
          }
        }))
      })
    }),
    ({ stop }) => Effect.sync(stop)
  )
