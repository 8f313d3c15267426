import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import * as PubSub from "effect/PubSub"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import type * as Sandbox from "../../Sandbox.js"
import { encode } from "../bytes.js"
import type { Exchange, Incoming } from "./exchange.js"
import { Faults } from "./faultJson.js"
import * as page from "./page.js"
import * as view from "./view.js"
import { play } from "./wirePlayer.js"

/**
 * A request that was played to its end, for whoever watches.
 *
 * @internal
 */
export interface Played {
  readonly method: string
  readonly uri: string
  /** Undefined if the connection was cut, or held. */
  readonly status: number | undefined
  readonly millis: number
  /** How many events there were in its body, if any. */
  readonly events: number | undefined
}

/** @internal */
export interface World {
  readonly sandbox: Sandbox.Sandbox.Service
  readonly respond: (incoming: Incoming) => Effect.Effect<Exchange>
  readonly played: PubSub.PubSub<Played>
  readonly maximumBodyBytes: number
  /** Whether only names of this machine may be used to reach it. */
  readonly isLoopback: boolean
}

type Answer = Effect.Effect<HttpServerResponse.HttpServerResponse, never, Scope.Scope>

const json = (status: number, body: unknown): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(body), { status, contentType: "application/json" })

const refuse = (status: number, message: string) => json(status, { code: status, message })

/** @internal */
export const app = (world: World): Effect.Effect<
  HttpServerResponse.HttpServerResponse,
  never,
  HttpServerRequest.HttpServerRequest | Scope.Scope
> =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const incoming = NodeHttpServerRequest.toIncomingMessage(request)
    const response = NodeHttpServerRequest.toServerResponse(request)
    // A page elsewhere can make its own name lead to this machine. The name itself it cannot change.
    if (world.isLoopback && !isLoopbackName(incoming.headers.host)) {
      return Effect.succeed(refuse(403, "this sandbox answers to localhost only"))
    }
    const uri = incoming.url ?? "/"
    return Effect.flatMap(readBody(incoming, world.maximumBodyBytes), (body): Answer => {
      if (body === undefined) {
        return Effect.succeed(
          HttpServerResponse.setHeader(
            refuse(413, `the body has more than ${world.maximumBodyBytes} bytes`),
            "connection",
            "close"
          )
        )
      }
      const path = uri.split("?", 1)[0] ?? ""
      return path === "/" || path.startsWith("/_sandbox/")
        ? control(world, request.method, path, incoming, body)
        : forward(world, { method: request.method, uri, headers: flat(incoming.headers), body }, response)
    })
  })

const forward = (world: World, incoming: Incoming, response: Http.ServerResponse): Answer =>
  Effect.flatMap(Clock.currentTimeMillis, (started) => {
    const tell = (status: number | undefined) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        PubSub.publish(world.played, {
          method: incoming.method,
          uri: incoming.uri,
          status,
          millis: now - started,
          events: eventsIn(incoming)
        }))
    return Effect.flatMap(
      world.respond(incoming),
      (exchange) => Effect.zipRight(tell("status" in exchange ? exchange.status : undefined), play(exchange, response))
    ).pipe(
      // The response is written already: whoever comes after sees that, and leaves it.
      Effect.as(HttpServerResponse.empty())
    )
  })

const eventsIn = ({ body, uri }: Incoming): number | undefined => {
  if (!uri.startsWith("/event/")) return undefined
  const parsed = Option.getOrUndefined(parse(body))
  return Array.isArray(parsed) ? parsed.length : 1
}

const parse = Schema.decodeUnknownOption(Schema.parseJson(Schema.Unknown))

const control = (
  { played, sandbox }: World,
  method: string,
  path: string,
  incoming: Http.IncomingMessage,
  body: string
): Answer => {
  const isRead = method === "GET" || method === "HEAD"
  // A form of another site can send anything but this.
  if (!isRead && method !== "DELETE" && !/^application\/json(;|$)/.test(incoming.headers["content-type"] ?? "")) {
    return Effect.succeed(refuse(415, "the content type must be application/json"))
  }
  const show = <A>(effect: Effect.Effect<A>): Answer => Effect.map(effect, (value) => json(200, value))
  const showFaults = Effect.flatMap(sandbox.faults.all, (faults) => Schema.encode(Faults)(faults)).pipe(
    Effect.match({
      onSuccess: (faults) => json(200, faults),
      onFailure: () => refuse(409, "one of the faults is a predicate, which is code and cannot be shown as JSON")
    })
  )
  const setFaults = (set: (faults: ReadonlyArray<Sandbox.Fault>) => Effect.Effect<void>): Answer =>
    Effect.matchEffect(Schema.decode(Schema.parseJson(Faults), { errors: "all" })(body), {
      onSuccess: (faults) => Effect.zipRight(set(faults), showFaults),
      onFailure: (error) => Effect.succeed(refuse(400, why(error)))
    })
  switch (`${isRead ? "GET" : method} ${path}`) {
    case "GET /":
      return asset(page.html, "text/html; charset=utf-8")
    case "GET /_sandbox/page.css":
      return asset(page.css, "text/css; charset=utf-8")
    case "GET /_sandbox/page.js":
      return asset(page.script, "text/javascript; charset=utf-8")
    case "GET /_sandbox/events":
      return method === "HEAD" ? asset("", "text/event-stream") : live(view.make(sandbox, filterIn(incoming)), played)
    case "GET /_sandbox/view":
      return show(view.make(sandbox, filterIn(incoming)))
    case "GET /_sandbox/requests":
      return show(sandbox.requests)
    case "GET /_sandbox/deliveries":
      return show(sandbox.deliveries)
    case "GET /_sandbox/faults":
      return showFaults
    case "PUT /_sandbox/faults":
      return setFaults(sandbox.faults.replace)
    case "POST /_sandbox/faults":
      return setFaults((faults) => sandbox.faults.add(...faults))
    case "DELETE /_sandbox/faults":
      return Effect.as(sandbox.faults.clear, json(200, []))
    case "GET /_sandbox/snapshot":
      return Effect.map(sandbox.snapshot, (text) => HttpServerResponse.text(text, { contentType: "application/json" }))
    case "PUT /_sandbox/snapshot":
      return Effect.match(sandbox.restore(body), {
        onSuccess: () => json(200, {}),
        onFailure: (error) => refuse(400, error.message)
      })
    default:
      return Effect.succeed(refuse(404, `there is no ${method} ${path}`))
  }
}

// A fault may be one of fifteen things, and the whole story says of each of them why it is none. The deepest place says enough.
const why = (error: ParseResult.ParseError): string => {
  const all = ParseResult.ArrayFormatter.formatErrorSync(error)
  // That it is none of the other things is not the point.
  const telling = all.filter(({ path }) => path.at(-1) !== "_tag")
  const issues = telling.length === 0 ? all : telling
  const depth = Math.max(...issues.map(({ path }) => path.length))
  const deepest = issues.filter(({ path }) => path.length === depth)
  return [...new Set(deepest.map(({ message, path }) => depth === 0 ? message : `${path.join(".")}: ${message}`))].join(
    "; "
  )
}

const filterIn = ({ url = "" }: Http.IncomingMessage): string =>
  new URLSearchParams(url.split("?", 2)[1]).get("filter") ?? ""

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const asset = (text: string, contentType: string): Answer =>
  Effect.succeed(HttpServerResponse.text(text, {
    contentType,
    headers: { "content-security-policy": policy, "cache-control": "no-store", "x-content-type-options": "nosniff" }
  }))

const pace: Duration.DurationInput = "100 millis"

/** The view, now and whenever something came of a request. Of several changes at once only the last one counts. */
const live = (look: Effect.Effect<view.View>, played: PubSub.PubSub<Played>): Answer =>
  Effect.map(Stream.fromPubSub(played, { scoped: true }), (changes) =>
    HttpServerResponse.stream(
      Stream.make(undefined).pipe(
        Stream.concat(Stream.debounce(changes, pace)),
        Stream.mapEffect(() => look),
        Stream.map((view) => `data: ${JSON.stringify(view)}\n\n`),
        Stream.merge(Stream.as(Stream.tick("15 seconds"), ":\n\n")),
        Stream.map(encode)
      ),
      { contentType: "text/event-stream", headers: { "cache-control": "no-store" } }
    ))

const isLoopbackName = (host: string | undefined): boolean =>
  host !== undefined && /^(?:localhost|[\w-]+\.localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/i.test(host)

const flat = (headers: Http.IncomingHttpHeaders): { readonly [name: string]: string } =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === "string" ? value : value.join(", ")]]
    )
  )

/** The body as text; undefined if it is too long, and then nobody reads the rest of it. */
const readBody = (incoming: Http.IncomingMessage, maximum: number): Effect.Effect<string | undefined> =>
  Effect.async((resume) => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    const end = (result: Effect.Effect<string | undefined>) => {
      incoming.off("data", onData)
      resume(result)
    }
    const onData = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maximum) end(Effect.succeed(undefined))
      else chunks.push(chunk)
    }
    incoming.on("data", onData)
    incoming.once("end", () => end(Effect.sync(() => Buffer.concat(chunks).toString("utf8"))))
    incoming.once("error", () => end(Effect.interrupt))
    incoming.once("close", () => end(Effect.interrupt))
  })
