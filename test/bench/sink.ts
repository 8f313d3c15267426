// The server, in a process of its own. It speaks just enough HTTP over raw sockets, so that it takes as little as it can of
// the machine that the contenders are measured on. `POST /sink?…` configures it and forgets what was, `GET /sink` tells what
// came since.
import * as Net from "node:net"
import { SlidingWindow } from "./slidingWindow.js"
import { type Received, verify } from "./verify.js"

const tally = () => ({ requests: 0, refused: 0, bytes: 0, wrong: new Array<string>(), people: new Set<string>() })

let latency = 0
let verifying = false
let limiter: SlidingWindow | undefined
let seen = tally()

const configure = (options: URLSearchParams) => {
  latency = Number(options.get("latency") ?? 0)
  verifying = options.has("verify")
  const limit = options.get("limit")
  limiter = limit === null ? undefined : new SlidingWindow(Number(limit))
  seen = tally()
}

const report = () =>
  JSON.stringify({
    requests: seen.requests,
    refused: seen.refused,
    bytes: seen.bytes,
    sustained: limiter?.sustained() ?? 0,
    people: seen.people.size,
    wrong: seen.wrong.slice(0, 10)
  })

const response = (status: string, body: string, headers = "") =>
  `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\n${headers}\r\n${body}`

const accepted = response("202 Accepted", "OK")
const refused = response("429 Too Many Requests", "slow down", "retry-after: 1\r\n")

interface Reading extends Omit<Received, "body" | "headers"> {
  readonly head: string
  readonly arrival: number
  readonly bytes: number
  readonly parts: Array<Buffer>
  missing: number
}

const begin = (head: string): Reading => {
  const [method = "", uri = ""] = head.split(" ", 2)
  const bytes = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
  if (/^transfer-encoding:/im.test(head)) throw new Error("The sink reads no chunked bodies")
  return { method, uri, head, arrival: performance.now(), bytes, parts: [], missing: bytes }
}

const headersOf = (head: string): ReadonlyMap<string, string> =>
  new Map(
    head.split("\r\n").slice(1).map((line) => {
      const colon = line.indexOf(":")
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    })
  )

const answer = (socket: Net.Socket, { arrival, bytes, head, method, parts, uri }: Reading) => {
  if (uri.startsWith("/sink")) {
    if (method === "POST") configure(new URL(uri, "http://sink").searchParams)
    socket.write(response("200 OK", report()))
    return
  }
  seen.requests++
  seen.bytes += bytes
  if (verifying) {
    const { ids, wrong } = verify({ method, uri, headers: headersOf(head), body: Buffer.concat(parts) })
    seen.wrong.push(...wrong)
    for (const id of ids) seen.people.add(id)
  }
  const admitted = limiter?.admits(arrival) ?? true
  if (!admitted) seen.refused++
  const text = admitted ? accepted : refused
  if (latency === 0) socket.write(text)
  else setTimeout(() => socket.write(text), latency)
}

const nothing = Buffer.alloc(0)

const server = Net.createServer({ noDelay: true }, (socket) => {
  let held = nothing
  let reading: Reading | undefined
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk) => {
    let rest = held.length === 0 ? chunk : Buffer.concat([held, chunk])
    held = nothing
    while (rest.length > 0) {
      if (reading === undefined) {
        const end = rest.indexOf("\r\n\r\n")
        if (end === -1) {
          held = rest
          return
        }
        reading = begin(rest.toString("latin1", 0, end))
        rest = rest.subarray(end + 4)
      }
      const part = rest.subarray(0, reading.missing)
      if (verifying) reading.parts.push(part)
      reading.missing -= part.length
      rest = rest.subarray(part.length)
      if (reading.missing > 0) return
      answer(socket, reading)
      reading = undefined
    }
  })
})

server.listen({ port: 0, host: "127.0.0.1", backlog: 16_384 }, () => {
  const address = server.address()
  if (typeof address === "object" && address !== null) console.log(`http://127.0.0.1:${address.port}/`)
})

// It does not outlive whoever started it.
process.stdin.on("end", () => process.exit()).resume()
