import { NodeHttpClient } from "@effect/platform-node"
import * as HttpClient from "@effect/platform/HttpClient"
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import { expect, it } from "@effect/vitest"
import * as SandboxServer from "effect-suprsend/SandboxServer"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Fs from "node:fs"
import * as Path from "node:path"

const page = Fs.readFileSync(Path.join(import.meta.dirname, "..", "..", "docs", "guides", "sandbox.md"), "utf8")

/** What the page gives to curl, each with what it says that comes back, if it says so. */
const curls = [
  ...page.matchAll(
    /^curl -X (PUT|POST) http:\/\/127\.0\.0\.1:8787(\S+) -H 'content-type: application\/json' -d '([^']*)'\n```(?:\n\n```\n(.*)\n```)?/gm
  )
].map(([, method, path, body, response]) => ({ method, path, body: body ?? "", response }))

/** Sends a body as `curl` does. */
const send = (method: string | undefined, path: string | undefined, body: string, contentType = "application/json") =>
  Effect.gen(function*() {
    const { url } = yield* SandboxServer.SandboxServer
    const to = new URL(path ?? "", url)
    const request = method === "PUT" ? HttpClientRequest.put(to) : HttpClientRequest.post(to)
    const response = yield* HttpClient.execute(HttpClientRequest.bodyText(request, body, contentType))
    return { status: response.status, text: yield* response.text }
  }).pipe(Effect.scoped)

const services = Layer.merge(SandboxServer.layer(), NodeHttpClient.layerUndici)

it.effect("the page about the sandbox shows what it takes, and what it says", () =>
  Effect.gen(function*() {
    expect(curls.map(({ path, response }) => [path, response !== undefined])).toEqual([
      ["/_sandbox/faults", false],
      ["/_sandbox/script", false],
      ["/_sandbox/script", true]
    ])
    for (const { body, method, path, response } of curls) {
      const { status, text } = yield* send(method, path, body)
      expect({ status, text: status === 200 ? undefined : text }).toEqual({
        status: response === undefined ? 200 : 400,
        text: response
      })
    }
    const form = yield* send("POST", "/_sandbox/script", "[]", "application/x-www-form-urlencoded")
    expect(form.status).toBe(415)
    expect(page).toContain(JSON.parse(form.text).message)
  }).pipe(Effect.provide(services)))

it.effect("the issues of a script are reported in at most two lines", () =>
  Effect.gen(function*() {
    const wrong = [
      "{",
      "{}",
      "[1, 2, 3]",
      "[{}]",
      "[{ \"_tag\": \"Statu\", \"status\": 503 }]",
      "[{ \"_tag\": \"Status\" }]",
      "[{ \"_tag\": \"Status\", \"status\": \"503\", \"headers\": { \"a b\": 1 }, \"body\": 1, \"applied\": 1 }]",
      "[{ \"_tag\": \"Status\", \"stauts\": 503 }]",
      "[{ \"_tag\": \"Delay\", \"duration\": \"5 lightyears\" }]",
      "[{ \"_tag\": \"Together\", \"faults\": [{ \"_tag\": \"SlowBody\" }, { \"_tag\": \"RateLimit\" }] }]",
      `[${Array.from({ length: 100 }, () => "{ \"_tag\": \"Next\", \"times\": -1 }").join()}]`
    ]
    for (const body of wrong) {
      const { status, text } = yield* send("POST", "/_sandbox/script", body)
      expect(status).toBe(400)
      const lines = String(JSON.parse(text).message).split("\n")
      expect(lines.length).toBeLessThanOrEqual(2)
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(160)
    }
  }).pipe(Effect.provide(services)))
