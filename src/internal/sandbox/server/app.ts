import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import * as Headers from "@effect/platform/Headers"
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
 * A request of which it is known what happens to it.
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
  readonly machine: Machine
  readonly played: PubSub.PubSub<Played>
  /** Says that there is something else to see. */
  readonly changed: PubSub.PubSub<void>
  readonly maximumBodyBytes: number
  /** Whether only names of this machine may be used to reach it. */
  readonly isLoopback: boolean
}

const maximumPages = 64

type Answer<R = Scope.Scope> = Effect.Effect<HttpServerResponse.HttpServerResponse, never, R>

const json = (status: number, body: unknown): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(JSON.stringify(body), { status, contentType: "application/json" })

const refuse = (status: number, message: string) => json(status, { code: status, message })

/**
 * The whole server: what is SuprSend's, and what is the sandbox's own. A client that leaves interrupts what is done for it.
 *
 * @internal
 */
export const app = (world: World): Effect.Effect<Answer<HttpServerRequest.HttpServerRequest | Scope.Scope>> =>
  Effect.map(
    control(world),
    (control) =>
      Effect.interruptible(Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
        const incoming = NodeHttpServerRequest.toIncomingMessage(request)
        // A page elsewhere can make its own name lead to this machine. The name itself it cannot change.
        if (world.isLoopback && !isLoopbackName(incoming.headers.host)) {
          return Effect.succeed(refuse(403, "this sandbox only responds to localhost"))
        }
        const uri = incoming.url ?? "/"
        const path = uri.split("?", 1)[0] ?? ""
        return path === "/" || path.startsWith("/_sandbox/")
          ? control
          : forward(world, request, uri)
      }))
  )

const forward = (world: World, request: HttpServerRequest.HttpServerRequest, uri: string): Answer =>
  withBody(request, world.maximumBodyBytes, (body) => {
    const incoming: Incoming = { method: request.method, uri, headers: Headers.fromInput(request.headers), body }
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
        // The response is written already: the server sees that, and leaves it.
        Effect.as(HttpServerResponse.empty())
      )
  })

const eventsIn = ({ body, uri }: Incoming): number | undefined => {
  if (!uri.startsWith("/event/")) return undefined
  const parsed = Option.getOrUndefined(parseJson(body))
  return Array.isArray(parsed) ? parsed.length : 1
}

/** What is below `/_sandbox/`, and the page. */
const control = (world: World): Effect.Effect<Answer<HttpServerRequest.HttpServerRequest | Scope.Scope>> =>
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

/** Makes so many slots, each of which a request holds for as long as it is under way. */
const makeSlots = (maximum: number) =>
  Effect.map(Ref.make(0), (taken) => <R>(none: string, answer: Answer<R>): Answer<R | Scope.Scope> =>
    Effect.flatMap(
      Effect.acquireRelease(
        Ref.modify(taken, (n) => n < maximum ? [true, n + 1] : [false, n]),
        (isTaken) => isTaken ? Ref.update(taken, (n) => n - 1) : Effect.void
      ),
      (isTaken) => isTaken ? answer : Effect.succeed(refuse(503, none))
    ))

/** Takes the body of a request that changes something. A form of another site can send anything but this content type. */
const write = (
  maximum: number,
  use: (body: string) => Answer
): Answer<HttpServerRequest.HttpServerRequest | Scope.Scope> =>
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
  use: (body: string) => Answer
): Answer =>
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

/** Shows what `PUT` would take, and nothing else. */
const showSnapshot = (sandbox: Sandbox.Sandbox.Service): Answer =>
  sandbox.snapshot.pipe(
    Effect.filterOrDieMessage((text) => Buffer.byteLength(text) <= maximumSnapshot, tooLarge),
    Effect.map((text) => HttpServerResponse.text(text, { contentType: "application/json" })),
    Effect.catchAllDefect((defect) =>
      Effect.succeed(refuse(507, defect instanceof Error ? defect.message : String(defect)))
    )
  )

/** A list as JSON, which other work does not wait for. */
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
 * The view, now and whenever there is something else to see. Of several changes at once only the last one counts, and of the time
 * at most a fifth goes into looking, so that a large state stays usable.
 */
const live = (look: Effect.Effect<view.View>, changed: PubSub.PubSub<void>): Answer =>
  Effect.map(Stream.fromPubSub(changed, { scoped: true }), (changes) =>
    HttpServerResponse.stream(
      Stream.make(undefined).pipe(
        // What takes effect late comes without a request.
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

/** The body as text; none if it is too long, and then the rest of it is not read. That of a platform would end the connection. */
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
      // Another error must not end the process.
      incoming.on("error", () => {})
      resume(result)
    }
    incoming.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose)
    return Effect.sync(() => end(Effect.interrupt))
  })
