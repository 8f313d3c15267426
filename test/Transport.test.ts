import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as Transport from "effect-suprsend/Transport"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { closedPort, inOrder, json, serve, text } from "./utils/loopback.js"
import { transports } from "./utils/transports.js"

const ada = UserEdit.set(UserEdit.edit("ada"), "plan", "pro")

const send = Effect.flatMap(UsersService, (users) => users.asyncEdit(ada))

const accepts = serve(text(202, "OK"))

/** A `fetch` that sends nothing, and records its name. */
const mock = (asked: Array<string>, name: string): typeof globalThis.fetch => () => {
  asked.push(name)
  return Promise.resolve(new Response("OK", { status: 202 }))
}

const layers = { "Transport.layer": Transport.layer, "Transport.layerFetch": Transport.layerFetch }

for (const [name, layer] of Object.entries(layers)) {
  const client = Effect.provide(HttpClient.HttpClient, layer)

  describe(name, () => {
    it.scopedLive("is an HttpClient for any request", () =>
      Effect.gen(function*() {
        const server = yield* serve(json(201, { id: 7 }, { "x-request-id": "r-1" }))
        const request = HttpClientRequest.put(`${server.url}things?of=ada`).pipe(
          HttpClientRequest.setHeader("x-mine", "yes"),
          HttpClientRequest.bodyText("naïve", "text/plain")
        )
        const response = yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.execute(request)).pipe(
          Effect.provide(layer)
        )
        expect([response.status, response.headers["x-request-id"]]).toEqual([201, "r-1"])
        expect(server.requests).toMatchObject([
          { method: "PUT", uri: "/things?of=ada", body: "naïve", headers: { "x-mine": "yes" } }
        ])
      }))

    it.scopedLive("reads bodies as text, as JSON and as a stream, and responses without a body", () =>
      Effect.gen(function*() {
        const server = yield* serve(inOrder(json(200, { a: 1 }), text(200, "two"), text(200, "three"), text(204, "")))
        const [first, second, third, fourth] = yield* Effect.gen(function*() {
          const client = yield* HttpClient.HttpClient
          const get = client.get(server.url)
          return [
            yield* Effect.flatMap(get, (response) => response.json),
            yield* Effect.flatMap(get, (response) => response.text),
            yield* Effect.flatMap(get, (response) => response.stream.pipe(Stream.decodeText(), Stream.mkString)),
            (yield* get).status
          ] as const
        }).pipe(Effect.provide(layer))
        expect([first, second, third, fourth]).toEqual([{ a: 1 }, "two", "three", 204])
      }))

    it.scopedLive("sends a stream as one body", () =>
      Effect.gen(function*() {
        const server = yield* accepts
        const body = Stream.make("one, ", "two").pipe(Stream.encodeText)
        const request = HttpClientRequest.bodyStream(HttpClientRequest.post(server.url), body)
        yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.execute(request)).pipe(Effect.provide(layer))
        expect(server.requests).toMatchObject([{ body: "one, two", headers: { "content-length": "8" } }])
      }))

    it.scopedLive("does not follow redirects", () =>
      Effect.gen(function*() {
        const server = yield* serve(inOrder(text(302, "", { location: "/elsewhere" }), text(200, "")))
        const response = yield* Effect.flatMap(HttpClient.HttpClient, (client) => client.get(server.url)).pipe(
          Effect.provide(layer)
        )
        expect(response.status).toBe(302)
        expect(server.requests).toHaveLength(1)
      }))

    it.live("fails with a RequestError if there is no connection", () =>
      Effect.gen(function*() {
        const url = yield* closedPort
        const error = yield* Effect.flip(
          Effect.provide(Effect.flatMap(HttpClient.HttpClient, (client) => client.get(url)), layer)
        )
        expect(error).toMatchObject({ _tag: "RequestError", reason: "Transport" })
      }))

    it.live("fails with a RequestError for a form, which it cannot send", () =>
      Effect.gen(function*() {
        const request = HttpClientRequest.bodyFormData(HttpClientRequest.post("http://127.0.0.1:1/"), new FormData())
        const error = yield* Effect.flip(
          Effect.provide(Effect.flatMap(HttpClient.HttpClient, (client) => client.execute(request)), layer)
        )
        expect(error).toMatchObject({ _tag: "RequestError", reason: "Encode" })
      }))

    it.scopedLive("provides a client of its own in each scope", () =>
      Effect.gen(function*() {
        expect(yield* client).not.toBe(yield* client)
      }))

    it.scoped("takes a mock of fetch from the context of the layer", () =>
      Effect.gen(function*() {
        const server = yield* accepts
        const asked: Array<string> = []
        const live = Suprsend.layerWithoutHttpClient({ ...Sandbox.credentials, baseUrl: server.url }).pipe(
          Layer.provide(layer),
          Layer.provide(Layer.succeed(FetchHttpClient.Fetch, mock(asked, "layer")))
        )
        yield* Effect.provide(send, live)
        expect(asked).toEqual(["layer"])
        expect(server.requests).toEqual([])
      }))
  })
}

describe("a client that is wrapped", () => {
  for (const [name, client] of Object.entries(transports)) {
    it.scoped(`sees every request, and can change it, over ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* accepts
        const seen: Array<string> = []
        const wrapped = Layer.effect(
          HttpClient.HttpClient,
          Effect.map(HttpClient.HttpClient, (client) =>
            client.pipe(
              HttpClient.tapRequest((request) => Effect.sync(() => seen.push(request.method))),
              HttpClient.mapRequest(HttpClientRequest.setHeader("x-wrapped", "yes"))
            ))
        )
        yield* Effect.provide(
          send,
          Suprsend.layerWithoutHttpClient({ ...Sandbox.credentials, baseUrl: server.url }).pipe(
            Layer.provide(wrapped),
            Layer.provide(client)
          )
        )
        expect(seen).toEqual(["POST"])
        expect(server.requests.map(({ headers }) => headers["x-wrapped"])).toEqual(["yes"])
        expect(JSON.parse(server.requests[0]?.body ?? "")).toMatchObject({ distinct_id: "ada" })
      }))
  }
})

describe("fetch in the context", () => {
  it.scoped("replaces the default transport, given to the layer or to a call", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const asked: Array<string> = []
      const live = Suprsend.layer({ ...Sandbox.credentials, baseUrl: server.url })
      yield* Effect.provide(send, Layer.provide(live, Layer.succeed(FetchHttpClient.Fetch, mock(asked, "layer"))))
      yield* send.pipe(Effect.provideService(FetchHttpClient.Fetch, mock(asked, "call")), Effect.provide(live))
      expect(asked).toEqual(["layer", "call"])
      expect(server.requests).toEqual([])
    }))

  const clients = { ...layers, "FetchHttpClient.layer": FetchHttpClient.layer }

  for (const [name, client] of Object.entries(clients)) {
    it.scoped(`has the options of the layer and of the call, except that redirects are not followed: ${name}`, () =>
      Effect.gen(function*() {
        const server = yield* accepts
        const seen: Array<RequestInit | undefined> = []
        const live = Suprsend.layerWithoutHttpClient({ ...Sandbox.credentials, baseUrl: server.url }).pipe(
          Layer.provide(client),
          Layer.provide(Layer.succeed(FetchHttpClient.Fetch, (input, init) => {
            seen.push(init)
            return fetch(input, init)
          })),
          Layer.provide(Layer.succeed(FetchHttpClient.RequestInit, {
            keepalive: false,
            cache: "reload",
            redirect: "follow"
          }))
        )
        yield* send.pipe(
          Effect.provideService(FetchHttpClient.RequestInit, { cache: "no-store", redirect: "follow" }),
          Effect.provide(live)
        )
        expect(seen).toMatchObject([{ keepalive: false, cache: "no-store", redirect: "manual" }])
        expect(server.requests).toHaveLength(1)
      }))
  }
})

describe("Transport.layer, wrapped", () => {
  /** The transport that sent a request: only `fetch` sends these headers of browsers. */
  const transportOf = (headers: Readonly<Record<string, unknown>> | undefined) =>
    headers?.["sec-fetch-mode"] === undefined ? "http" : "fetch"

  const wrapped = Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, HttpClient.mapRequest(HttpClientRequest.setHeader("x-mine", "yes")))
  )

  const over = (url: string, transport: Layer.Layer<HttpClient.HttpClient>) =>
    Suprsend.layerWithoutHttpClient({ ...Sandbox.credentials, baseUrl: url }).pipe(
      Layer.provide(wrapped),
      Layer.provide(transport)
    )

  it.scopedLive("still sends over Node's http, as it does by itself", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      yield* Effect.provide(send, over(server.url, Transport.layer))
      yield* Effect.provide(send, over(server.url, Transport.layerFetch))
      expect(server.requests.map(({ headers }) => [headers["x-mine"], transportOf(headers)])).toEqual([
        ["yes", "http"],
        ["yes", "fetch"]
      ])
    }))

  it.scopedLive("sends over fetch with the options of a program", () =>
    Effect.gen(function*() {
      const server = yield* accepts
      const options = Layer.succeed(FetchHttpClient.RequestInit, { headers: { "x-option": "yes" } })
      yield* Effect.provide(send, Layer.provide(over(server.url, Transport.layer), options))
      expect(server.requests.map(({ headers }) => [headers["x-option"], transportOf(headers)])).toEqual([[
        "yes",
        "fetch"
      ]])
    }))
})
