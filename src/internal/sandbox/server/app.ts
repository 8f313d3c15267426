import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as HttpRouter from "@effect/platform/HttpRouter"
import * as HttpServerRequest from "@effect/platform/HttpServerRequest"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Ref from "effect/Ref"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Http from "node:http"
import type * as Sandbox from "../../../Sandbox.js"
import { encode } from "../../support/bytes.js"
import * as slices from "../../support/eventLoop.js"
import { parseJson } from "../../support/json.js"
import * as faultJson from "../faults/faultJson.js"
import type { Machine } from "../machine.js"
import type { Exchange, Incoming } from "../protocol/exchange.js"
import { maximumSnapshot, tooLarge } from "../store/snapshot.js"
import * as assets from "./assets.js"
import * as view from "./view.js"
import { play } from "./writer.js"

/**
 * A request that has ended, with its outcome.
 *
 * @internal
 */
export interface Played {
  readonly method: string
  readonly uri: string
  /** The status, or undefined if a fault prevented the response. */
  readonly status: number | undefined
  readonly millis: number
  /** The number of events in the request; undefined for paths other than `/event/`. */
  readonly events: number | undefined
}

/** @internal */
export interface World {
  readonly machine: Machine
  readonly played: PubSub.PubSub<Played>
  /** Emits when the view may have changed. */
  readonly changed: PubSub.PubSub<void>
  readonly maximumBodyBytes: number
  /** Whether the server accepts only host names of this machine. */
  readonly isLoopback: boolean
}

const maximumPages = 64

type Reply<R = Scope.Scope> = Effect.Effect<HttpServerResponse.HttpServerResponse, never, R>

const json = (status: number, body: unknown): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(body), { status, contentType: "application/json" })

const refuse = (status: number, message: string) => json(status, { code: status, message })

/**
 * Makes the application: the paths of SuprSend, and those of the sandbox.
 *
 * If the client disconnects, the request is interrupted.
 *
 * @internal
 */
export const app = (world: World): Effect.Effect<Reply<HttpServerRequest.HttpServerRequest | Scope.Scope>> =>
  Effect.map(
    control(world),
    (control) =>
      Effect.interruptible(Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        // DNS rebinding: a page of another site can resolve its name to this machine, but not
        // change it.
        if (world.isLoopback && !isLoopbackName(request.headers.host)) {
          return Effect.succeed(refuse(403, "this sandbox only responds to localhost"))
        }
        const uri = request.originalUrl
        const path = uri.split("?", 1)[0] ?? ""
        return path === "/" || path.startsWith("/_sandbox/")
          ? control
          : forward(world, request, uri)
      }))
  )

const forward = (world: World, request: HttpServerRequest.HttpServerRequest, uri: string): Reply =>
  withBody(request, world.maximumBodyBytes, (body) => {
    const incoming: Incoming = { method: request.method, uri, headers: request.headers, body }
    const tell = (exchange: Exchange, millis: number) =>
      PubSub.publish(world.played, {
        method: incoming.method,
        uri,
        status: "status" in exchange ? exchange.status : undefined,
        millis,
        events: eventsIn(incoming)
      })
    return Effect.flatMap(Effect.timed(world.machine.respond(incoming)), ([took, exchange]) =>
      Effect.all([
        tell(exchange, Math.round(Duration.toMillis(took))),
        PubSub.publish(world.changed, undefined),
        play(exchange, NodeHttpServerRequest.toServerResponse(request))
      ], { discard: true })).pipe(
        // The response has been written. The platform sees that, and ignores this one.
        Effect.as(HttpServerResponse.empty())
      )
  })

const eventsIn = ({ body, uri }: Incoming): number | undefined => {
  if (!uri.startsWith("/event/")) return undefined
  const parsed = Option.getOrUndefined(parseJson(body))
  return Array.isArray(parsed) ? parsed.length : 1
}

/** Makes the router of the page and the paths below `/_sandbox/`. */
const control = (world: World): Effect.Effect<Reply<HttpServerRequest.HttpServerRequest | Scope.Scope>> =>
  Effect.map(
    Effect.all([makeSlots(maximumPages), makeSlots(1)]),
    ([openPage, restoreAlone]) => {
      const { changed, machine: { look, sandbox } } = world
      const showFaults = Effect.flatMap(sandbox.faults.all, Schema.encode(faultJson.Faults)).pipe(
        Effect.match({
          onSuccess: (faults) => json(200, faults),
          onFailure: () => refuse(409, "one of the faults is a predicate, which is code and cannot be shown as JSON")
        })
      )
      const setFaults = (set: (faults: ReadonlyArray<Sandbox.Fault>) => Effect.Effect<void>) =>
        write(world.maximumBodyBytes, (body) =>
          Either.match(faultJson.decode(body), {
            onLeft: (problem) => Effect.succeed(refuse(400, problem)),
            onRight: (faults) => Effect.zipRight(set(faults), showFaults)
          }))
      const viewOf = (filter: string) => Effect.flatMap(look, (now) => view.make(now, filter))
      return HttpRouter.empty.pipe(
        HttpRouter.get("/", asset(assets.html, "text/html; charset=utf-8")),
        HttpRouter.get("/_sandbox/page.css", asset(assets.css, "text/css; charset=utf-8")),
        HttpRouter.get("/_sandbox/page.js", asset(assets.script, "text/javascript; charset=utf-8")),
        HttpRouter.get(
          "/_sandbox/events",
          Effect.flatMap(filter, (filter) =>
            openPage(`${maximumPages} pages are open already: close one`, live(viewOf(filter), changed)))
        ),
        HttpRouter.get(
          "/_sandbox/view",
          Effect.map(Effect.flatMap(filter, viewOf), (view) =>
            json(200, view))
        ),
        HttpRouter.get("/_sandbox/requests", Effect.map(sandbox.requests, list)),
        HttpRouter.get("/_sandbox/deliveries", Effect.map(sandbox.deliveries, list)),
        HttpRouter.get("/_sandbox/faults", showFaults),
        HttpRouter.get("/_sandbox/snapshot", showSnapshot(sandbox)),
        HttpRouter.put("/_sandbox/faults", setFaults(sandbox.faults.replace)),
        HttpRouter.post("/_sandbox/faults", setFaults((faults) => sandbox.faults.add(...faults))),
        HttpRouter.del("/_sandbox/faults", Effect.as(sandbox.faults.clear, json(200, []))),
        HttpRouter.post("/_sandbox/script", setFaults(sandbox.script)),
        HttpRouter.put(
          "/_sandbox/snapshot",
          restoreAlone(
            "another snapshot is being read: try again when that is done",
            write(maximumSnapshot, (body) =>
              Effect.matchEffect(sandbox.restore(body), {
                onSuccess: () => Effect.as(PubSub.publish(changed, undefined), json(200, {})),
                onFailure: (error) => Effect.succeed(refuse(400, error.message))
              }))
          )
        ),
        Effect.catchTag("RouteNotFound", ({ request }) =>
          Effect.succeed(refuse(404, `there is no ${request.method} ${request.url.split("?", 1)[0]}`)))
      )
    }
  )

const filter = Effect.map(
  HttpServerRequest.ParsedSearchParams,
  ({ filter = "" }) => typeof filter === "string" ? filter : filter.join(" ")
)

/** Makes a number of slots. A request holds a slot until its response has ended. */
const makeSlots = (maximum: number) =>
  Effect.map(Ref.make(0), (taken) => <R>(none: string, answer: Reply<R>): Reply<R | Scope.Scope> =>
    Effect.flatMap(
      Effect.acquireRelease(
        Ref.modify(taken, (n) => n < maximum ? [true, n + 1] : [false, n]),
        (isTaken) => isTaken ? Ref.update(taken, (n) => n - 1) : Effect.void
      ),
      (isTaken) => isTaken ? answer : Effect.succeed(refuse(503, none))
    ))

/**
 * Reads the body of a request that changes something.
 *
 * Requires the content type of JSON, which the forms of other sites cannot send.
 */
const write = (
  maximum: number,
  use: (body: string) => Reply
): Reply<HttpServerRequest.HttpServerRequest | Scope.Scope> =>
  Effect.flatMap(
    HttpServerRequest.HttpServerRequest,
    (request) =>
      /^application\/json(;|$)/.test(request.headers["content-type"] ?? "")
        ? withBody(request, maximum, use)
        : Effect.succeed(refuse(415, "the content type must be application/json"))
  )

const withBody = (
  request: HttpServerRequest.HttpServerRequest,
  maximum: number,
  use: (body: string) => Reply
): Reply =>
  Effect.flatMap(
    readBody(NodeHttpServerRequest.toIncomingMessage(request), maximum),
    Option.match({
      onNone: () =>
        Effect.succeed(
          HttpServerResponse.setHeader(refuse(413, `the body has more than ${maximum} bytes`), "connection", "close")
        ),
      onSome: use
    })
  )

/** Responds with a snapshot that `PUT` accepts, or with 507. */
const showSnapshot = (sandbox: Sandbox.Sandbox.Service): Reply =>
  sandbox.snapshot.pipe(
    Effect.filterOrDieMessage((text) => Buffer.byteLength(text) <= maximumSnapshot, tooLarge),
    Effect.map((text) => HttpServerResponse.text(text, { contentType: "application/json" })),
    Effect.catchAllDefect((defect) =>
      Effect.succeed(refuse(507, defect instanceof Error ? defect.message : String(defect)))
    )
  )

/** Responds with a list as JSON, and yields to the event loop in between. */
const list = (items: ReadonlyArray<unknown>): HttpServerResponse.HttpServerResponse => {
  const all = items.map((item, i) => [i === 0 ? "[" : ",", item] as const)
  return HttpServerResponse.stream(
    Stream.fromIterable(all).pipe(
      Stream.grouped(10),
      Stream.mapEffect((some) =>
        Effect.as(
          slices.yieldToEventLoop,
          Chunk.reduce(some, "", (text, [before, item]) => text + before + JSON.stringify(item))
        )
      ),
      Stream.concat(Stream.make(all.length === 0 ? "[]" : "]")),
      Stream.map(encode)
    ),
    { contentType: "application/json" }
  )
}

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const asset = (text: string, contentType: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(text, {
    contentType,
    headers: { "content-security-policy": policy, "cache-control": "no-store", "x-content-type-options": "nosniff" }
  })

const pace = Duration.millis(100)

/**
 * Streams the view, now and after each change.
 *
 * Changes in quick succession are combined. At most a fifth of the time is spent on the view, so
 * that a large state stays usable.
 */
const live = (look: Effect.Effect<view.View>, changed: PubSub.PubSub<void>): Reply =>
  Effect.map(Stream.fromPubSub(changed, { scoped: true }), (changes) =>
    HttpServerResponse.stream(
      Stream.make(undefined).pipe(
        // Delayed events take effect without a request.
        Stream.concat(Stream.merge(changes, Stream.drop(Stream.tick("15 seconds"), 1))),
        Stream.buffer({ capacity: 1, strategy: "sliding" }),
        Stream.mapEffect(() => Effect.timed(look)),
        Stream.flatMap(([took, view]) =>
          Stream.concat(
            Stream.make(JSON.stringify(view)),
            Stream.drain(Stream.fromEffect(Effect.sleep(Duration.max(pace, Duration.times(took, 4)))))
          )
        ),
        Stream.mapAccum("", (last, text) => [text, text === last ? ":\n\n" : `data: ${text}\n\n`]),
        Stream.map(encode)
      ),
      { contentType: "text/event-stream", headers: { "cache-control": "no-store" } }
    ))

const isLoopbackName = (host: string | undefined): boolean =>
  host !== undefined && /^(?:localhost|[\w-]+\.localhost|127(?:\.\d+){3}|\[::1\])(?::\d+)?$/i.test(host)

/**
 * Reads the body as text.
 *
 * Returns none if it is too long, and then does not read the rest.
 * `HttpServerRequest.withMaxBodySize` would close the connection before the response.
 */
const readBody = (incoming: Http.IncomingMessage, maximum: number): Effect.Effect<Option.Option<string>> =>
  Effect.async((resume) => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    const onData = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes > maximum) end(Effect.succeedNone)
      else chunks.push(chunk)
    }
    const onEnd = () => end(Effect.sync(() => Option.some(Buffer.concat(chunks).toString("utf8"))))
    const onClose = () => end(Effect.interrupt)
    const end = (result: Effect.Effect<Option.Option<string>>) => {
      incoming.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose)
      // Without a listener, a later error would end the process.
      incoming.on("error", () => {})
      resume(result)
    }
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose)
    return Effect.sync(() => end(Effect.interrupt))
  })
