import { describe, expect, it } from "@effect/vitest"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Arr from "effect/Array"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import { pipe } from "effect/Function"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { inspect } from "node:util"
import * as redact from "../src/internal/client/redact.js"
import { unescape } from "../src/internal/client/unescape.js"
import { serverMessage } from "../src/internal/transport/failure.js"
import { loggers, printed } from "./utils/printed.js"
import { type Answer, scripted, type Sent } from "./utils/scripted.js"
import { inAnHour } from "./utils/time.js"
import { recording } from "./utils/tracer.js"

/**
 * A secret of several pieces, each known by how it begins and how it ends: whatever happens to what stands between them, and
 * wherever a text is cut, no piece of it may be seen.
 */
const pieces: Array<string> = []
const piece = (name: string): string => {
  const text = `${name}Zq7${String(pieces.length).padStart(2, "0")}${"x".repeat(12)}${name.length}9Kw`
  pieces.push(text.slice(0, name.length + 5), text.slice(-(`${name.length}9Kw`.length + 6)))
  return text
}

const workspaceSecret = `${piece("workspace")}/+${piece("Secret")}=`
const apiKey = `${piece("api")}.${piece("Key")}`
const tokens = {
  android: `${piece("fcm")}:${piece("Android")}/+=`,
  quoted: `${piece("xiaomi")}"\\'&<>${piece("Quoted")}`,
  ios: piece("apns"),
  endpoint: `https://push.example.com/send/${piece("endpoint")}?a=${piece("query")}&b=1`,
  p256dh: `${piece("p256dh")}-_${piece("curve")}`,
  auth: `${piece("auth")}==`,
  slack: `xoxb-${piece("slackbot")}`,
  slackHook: `https://hooks.slack.com/services/${piece("slackT")}/${piece("slackB")}`,
  teamsHook: `https://acme.webhook.office.com/webhookb2/${piece("teams")}@${piece("tenant")}`,
  raw: piece("rawtoken")
}

const id = "user-1017@example.com"

const busy = pipe(
  UserEdit.edit(id),
  UserEdit.set("plan", "pro"),
  UserEdit.addAndroidPush(tokens.android),
  UserEdit.addAndroidPush(tokens.quoted, { provider: "xiaomi" }),
  UserEdit.addIosPush(tokens.ios, { bundleId: "com.example" }),
  UserEdit.addWebPush({
    endpoint: tokens.endpoint,
    expirationTime: null,
    keys: { p256dh: tokens.p256dh, auth: tokens.auth }
  }),
  UserEdit.addSlack({ email: "ada@example.com", access_token: tokens.slack }),
  UserEdit.addSlack({ incoming_webhook: { url: tokens.slackHook } }),
  UserEdit.addMsTeams({ incoming_webhook: { url: tokens.teamsHook } }),
  UserEdit.removeIosPush(tokens.ios),
  UserEdit.removeSlack({ user_id: "U1", access_token: tokens.slack }),
  UserEdit.append("$iospush", tokens.raw),
  UserEdit.appendOperation({ $append: { $androidpush: tokens.raw } })
)

const signed: SuprsendConfig.Options = {
  workspaceKey: "workspace-key",
  workspaceSecret: Redacted.make(workspaceSecret)
}
const bearer: SuprsendConfig.Options = { apiKey: Redacted.make(apiKey), workspaceUid: "workspace-uid" }

/** Which secrets can be seen in some texts, and in which text. */
const leaks = (texts: Iterable<string>, signatures: ReadonlyArray<string> = []): ReadonlyArray<string> => {
  const secret = [
    ...pieces,
    ...signatures.flatMap((text) => text.split(/[^A-Za-z0-9]/).filter((run) => run.length > 5))
  ]
  return Arr.fromIterable(texts).flatMap((text) =>
    secret.filter((piece) => text.includes(piece)).map((piece) => `${piece} in ${text.slice(0, 300)}`)
  )
}

const signaturesOf = (sent: ReadonlyArray<Sent>) =>
  sent.flatMap(({ request }) => request.headers.authorization?.split(":")[1] ?? [])

const html = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;")
    .replaceAll("'", "&#39;")

const parsed = (text: string): unknown => text === "" ? null : JSON.parse(text)

/** The ways in which servers, proxies and debug pages repeat what they were sent. */
const echoes: Record<string, (authorization: string, body: string) => readonly [contentType: string, body: string]> = {
  "a JSON message": (authorization, body) => [
    "application/json",
    JSON.stringify({ code: 400, message: `cannot read ${body}, sent by ${authorization}` })
  ],
  "a JSON message of escaped JSON": (authorization, body) => [
    "application/json",
    JSON.stringify({ code: 400, message: `cannot read ${JSON.stringify(JSON.stringify({ body, authorization }))}` })
  ],
  "an object as detail": (authorization, body) => [
    "application/json",
    JSON.stringify({ detail: { headers: { authorization }, body: parsed(body) } })
  ],
  "an error with the body as a text": (authorization, body) => [
    "application/json",
    JSON.stringify({ error: { message: { authorization, body } } })
  ],
  "JSON with escaped slashes": (authorization, body) => [
    "text/plain",
    `error in ${JSON.stringify({ authorization, body: parsed(body) }).replaceAll("/", "\\/")}`
  ],
  "a plain text": (authorization, body) => ["text/plain", `Authorization: ${authorization}\r\n\r\n${body}`],
  "a page of HTML": (authorization, body) => [
    "text/html",
    `<html><body><h1>Bad Request</h1><pre>${html(authorization)}\n${html(body)}</pre></body></html>`
  ],
  "a page of HTML, unescaped": (authorization, body) => ["text/html", `<pre>${authorization}\n${body}</pre>`],
  "HTML in a text": (authorization, body) => ["text/plain", `Bad Request: ${html(authorization)} ${html(body)}`],
  "a form": (authorization, body) => ["text/plain", `bad=${new URLSearchParams({ authorization, body })}`],
  "a URL within a URL": (authorization, body) => [
    "text/plain",
    `see /debug?${
      encodeURIComponent(`authorization=${encodeURIComponent(authorization)}&body=${encodeURIComponent(body)}`)
    }`
  ],
  ...Object.fromEntries(Arr.makeBy(6, (i) => [
    `a message that is cut after ${i * 83} characters`,
    (authorization: string, body: string) =>
      ["application/json", JSON.stringify({ message: `${"_".repeat(500 - i * 83)} ${body} ${authorization}` })] as const
  ]))
}

const echo = (status: number, form: typeof echoes[string]): Answer => ({ body, request }) =>
  Effect.sync(() => {
    const [contentType, text] = form(request.headers.authorization ?? "", body)
    return new Response(text, { status, headers: { "content-type": contentType, "retry-after": "1" } })
  })

const everyCall = Effect.gen(function*() {
  const users = yield* UsersService
  const exits: ReadonlyArray<Exit.Exit<unknown, unknown>> = yield* Effect.all([
    Effect.exit(users.asyncEdit(busy)),
    Effect.exit(users.edit(busy)),
    Effect.exit(users.bulkEdit([busy, UserEdit.withInsertId(busy, "job-7")])),
    Effect.exit(Stream.runCollect(users.bulkEditStream([busy]))),
    Effect.exit(users.upsert(id, {
      $androidpush: [tokens.android],
      $iospush: [tokens.ios],
      $slack: [{ email: "ada@example.com", access_token: tokens.slack }]
    })),
    Effect.exit(users.get(id)),
    Effect.exit(users.delete(id)),
    Effect.exit(users.list()),
    Effect.exit(users.getObjectsSubscribedTo(id))
  ])
  return exits
})

describe("a server that repeats what it was sent", () => {
  const leaksNothing = (name: string, options: SuprsendConfig.Options, answer: Answer) =>
    it.effect(`leaks nothing ${name}, ${options.apiKey === undefined ? "signed" : "with an API key"}`, () =>
      Effect.gen(function*() {
        const lines: Array<string> = []
        const tracer = recording()
        const { layer, sent } = scripted([answer], {}, options)
        const exits = yield* everyCall.pipe(
          withRequestOptions({ retry: { attempts: 1 } }),
          Effect.provide(layer),
          Effect.provide(loggers(lines)),
          Effect.withTracer(tracer.tracer)
        )
        const signatures = options.apiKey === undefined ? signaturesOf(sent) : []
        expect(sent.length).toBeGreaterThan(8)
        expect(leaks(yield* printed(exits), signatures)).toEqual([])
        expect(leaks(lines, signatures)).toEqual([])
        expect(leaks(tracer.texts(), signatures)).toEqual([])
        const metrics = (yield* Metric.snapshot).map(({ metricKey: { name, tags } }) => inspect([name, tags]))
        expect(metrics.length).toBeGreaterThan(0)
        expect(leaks(metrics, signatures)).toEqual([])
        for (const metric of metrics) expect(metric).not.toContain("user-1017")
      }))

  for (const options of [signed, bearer]) {
    for (const [form, write] of Object.entries(echoes)) leaksNothing(`as ${form}`, options, echo(400, write))
    for (const status of [302, 401, 403, 404, 408, 413, 429, 500]) {
      leaksNothing(`with a ${status}`, options, echo(status, (...sent) => ["text/plain", sent.join()]))
    }
  }

  it.effect("still lets its words be read", () => {
    const { layer } = scripted([echo(400, echoes["a JSON message"] ?? (() => ["", ""]))], {}, signed)
    return Effect.gen(function*() {
      const users = yield* UsersService
      const error = yield* Effect.flip(users.edit(UserEdit.addIosPush(UserEdit.edit("ada"), tokens.ios)))
      expect(error.message).toContain(
        "cannot read {\"operations\":[{\"$append\":{\"$iospush\":\"<redacted>\",\"$id_provider\":null}}]}, " +
          "sent by workspace-key:<redacted>"
      )
    }).pipe(Effect.provide(layer))
  })

  it.effect("leaks nothing where the runtime repeats a header that it refuses", () => {
    const { layer, sent } = scripted(
      [
        ({ request }) => Effect.fail(new TypeError(`"${request.headers.authorization}" is an invalid header value`))
      ],
      {},
      signed
    )
    return Effect.gen(function*() {
      const users = yield* UsersService
      const error = yield* inAnHour(Effect.flip(users.list()))
      expect(error.message).toContain("\"workspace-key:<redacted>\" is an invalid header value")
      expect(leaks(yield* printed(error), signaturesOf(sent))).toEqual([])
    }).pipe(Effect.provide(layer))
  })

  it.effect("nor does an error of the platform, which would say the whole URL", () => {
    const { layer } = scripted([() => Effect.fail("down")], {}, signed)
    return Effect.gen(function*() {
      const users = yield* UsersService
      const error = yield* inAnHour(Effect.flip(users.get(id)))
      expect(error).toMatchObject({ reason: "Transport", description: undefined })
      expect(error.message).not.toContain("user-1017")
    }).pipe(Effect.provide(layer))
  })
})

describe("redactor", () => {
  const secret = FastCheck.tuple(
    FastCheck.stringMatching(/^[A-Za-z]{5}[0-9]$/),
    FastCheck.string({
      unit: FastCheck.constantFrom(..."abc\"'\\/&<>+=?:%#@ é🔑\n\t".match(/./gsu) ?? []),
      maxLength: 8
    }),
    FastCheck.stringMatching(/^[A-Za-z]{5}[0-9]$/)
  )
  const escape: FastCheck.Arbitrary<(text: string) => string> = FastCheck.constantFrom(
    (text) => text,
    (text) => JSON.stringify(text),
    (text) => JSON.stringify(JSON.stringify(text)),
    (text) => JSON.stringify(text).replaceAll("/", "\\/"),
    encodeURIComponent,
    (text) => encodeURIComponent(encodeURIComponent(text)),
    html
  )

  it.prop(
    "takes every secret out of a text, in whichever way it is escaped there, and wherever the text is cut",
    {
      secrets: FastCheck.array(secret, { minLength: 1, maxLength: 4 }),
      gaps: FastCheck.array(FastCheck.nat(400), { minLength: 8, maxLength: 8 }),
      escape
    },
    ({ escape, gaps, secrets }) => {
      const whole = secrets.map((parts) => parts.join(""))
      const text = gaps.map((gap, i) => `${"_".repeat(gap)} ${escape(whole[i % whole.length] ?? "")}`).join("")
      const clean = redact.make(() => whole)(text)
      for (const [head, , tail] of secrets) {
        expect(clean).not.toContain(head)
        expect(clean).not.toContain(tail)
      }
      expect(clean.length).toBeLessThanOrEqual(600)
      expect(clean.startsWith("_".repeat(Math.min(500, gaps[0] ?? 0))) || clean.startsWith("<withheld")).toBe(true)
    }
  )

  const code = (text: string) => [...text].map((character) => character.codePointAt(0) ?? 0)
  const each = (write: (code: number) => string) => (text: string) => code(text).map(write).join("")
  const units = (write: (code: number) => string) => (text: string) =>
    Array.from({ length: text.length }, (_, i) => write(text.charCodeAt(i))).join("")
  const hex = (code: number, length: number) => code.toString(16).padStart(length, "0")
  const named: Readonly<Record<string, string>> = {
    "&": "amp",
    "<": "lt",
    ">": "gt",
    "\"": "quot",
    "'": "apos",
    "=": "equals",
    "+": "plus",
    "/": "sol",
    ":": "colon",
    "%": "percnt",
    "#": "num",
    "?": "quest",
    "@": "commat",
    "\\": "bsol",
    "\n": "NewLine",
    "\t": "Tab"
  }

  /** Every escape that servers, proxies, logs and debug pages put around what they repeat, some around every letter. */
  const escapes: Readonly<Record<string, (text: string) => string>> = {
    "none": (text) => text,
    "JSON": (text) => JSON.stringify(text),
    "JSON with slashes": (text) => JSON.stringify(text).replaceAll("/", "\\/"),
    "JSON, ASCII only": (text) => JSON.stringify(text).replace(/[^ -~]/g, units((code) => `\\u${hex(code, 4)}`)),
    "JSON, safe in HTML": (text) => JSON.stringify(text).replace(/[<>&'=+/]/g, units((code) => `\\u${hex(code, 4)}`)),
    "JSON, every letter": units((code) => `\\u${hex(code, 4).toUpperCase()}`),
    "JavaScript": (text) => text.replace(/[^A-Za-z0-9]/gu, each((code) => `\\u{${hex(code, 1)}}`)),
    "a log": (text) =>
      text.replace(/[^A-Za-z0-9]/g, units((code) => code < 256 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`)),
    "a URL": encodeURIComponent,
    "a URL, lower case": (text) => encodeURIComponent(text).replace(/%../g, (escape) => escape.toLowerCase()),
    "a URL, every letter": (text) => [...Buffer.from(text)].map((byte) => `%${hex(byte, 2)}`).join(""),
    "a URL of old": units((code) => `%u${hex(code, 4)}`),
    "a form": (text) => new URLSearchParams({ text }).toString().slice("text=".length),
    "HTML": html,
    "HTML, by name": (text) =>
      text.replace(
        /[^A-Za-z0-9]/g,
        (character) => named[character] === undefined ? character : `&${named[character]};`
      ),
    "HTML, decimal": (text) => text.replace(/[^A-Za-z0-9 ]/gu, each((code) => `&#${code};`)),
    "HTML, decimal, every letter": each((code) => `&#${code};`),
    "HTML, hexadecimal": (text) => text.replace(/[^A-Za-z0-9 ]/gu, each((code) => `&#x${hex(code, 1)};`)),
    "HTML, hexadecimal, with zeros": each((code) => `&#X${hex(code, 6).toUpperCase()};`)
  }

  const nested = FastCheck.array(FastCheck.constantFrom(...Object.keys(escapes)), { minLength: 1, maxLength: 3 })
    .map((names) => ({
      names,
      escape: (text: string) => names.reduce((text, name) => escapes[name]?.(text) ?? text, text)
    }))

  /** A text without its escapes, as a reader would undo them. */
  const read = (text: string) => unescape(text).text

  it.prop("hides a secret in every escape, one inside the other", [
    secret,
    FastCheck.constantFrom("see ", "token=", "\"", "\\", "%", "&", "a"),
    nested
  ], ([parts, before, { escape }]) => {
    const whole = parts.join("")
    for (const text of [`${before}${escape(whole)} is not known`, escape(`${before}${whole} is not known`)]) {
      const clean = redact.make(() => [whole])(text)
      for (const piece of [parts[0], parts[2]]) {
        expect(clean).not.toContain(piece)
        expect(read(clean)).not.toContain(piece)
      }
    }
  }, { fastCheck: { numRuns: 2_000 } })

  it.prop("hides a signature in every escape, one inside the other", [
    FastCheck.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString("base64")),
    nested
  ], ([signature, { escape }]) => {
    const text = `the header was ${escape(`workspace-key:${signature}`)}, which is wrong`
    const clean = redact.make(() => [])(text)
    for (const run of signature.match(/[A-Za-z0-9]{6,}/g) ?? []) {
      expect(clean).not.toContain(run)
      expect(read(clean)).not.toContain(run)
    }
    if (text.length <= 500) expect(clean).toMatch(/^the header was .*<redacted>.*, which is wrong$/s)
  }, { fastCheck: { numRuns: 2_000 } })

  it("hides what is named in the issue", () => {
    const signature = "q0Zk3+9/ab5T1x7YcD2eF4gH6iJ8kL0mN/oP+rS3tU4="
    for (
      const [character, forms] of Object.entries({
        "=": [
          "=",
          "%3D",
          "%253d",
          "&equals;",
          "&#61;",
          "&#x3D;",
          "&#0061;",
          "\\u003d",
          "\\u003D",
          "\\x3d",
          "\\\\u003d",
          "&amp;#61;"
        ],
        "/": ["/", "\\/", "%2F", "&sol;", "&#47;", "&#x2F;", "\\u002f", "\\u002F", "%u002F"],
        "+": ["+", "%2B", "&plus;", "&#43;", "&#x2b;", "\\u002b", "\\x2B"]
      })
    ) {
      for (const form of forms) {
        const clean = redact.make(() => [])(`"${signature.replaceAll(character, form)}" is wrong`)
        expect(clean).toBe("\"<redacted>\" is wrong")
      }
    }
  })

  it.prop("hides a part of a secret, wherever a server cuts it off", [
    FastCheck.string({ unit: FastCheck.constantFrom(..."0123456789abcdefABCDEF-_:"), minLength: 40, maxLength: 160 }),
    FastCheck.nat(100),
    FastCheck.integer({ min: 24, max: 100 })
  ], ([secret, from, length]) => {
    const part = secret.slice(Math.min(from, secret.length - length)).slice(0, length)
    const letters = part.replace(/[^A-Za-z0-9]/g, "")
    FastCheck.pre(letters.length >= 12)
    const clean = redact.make(() => ["other-secret", secret])(`unknown token "${part}…", sorry`)
    expect(clean.replace(/[^A-Za-z0-9]/g, "")).not.toContain(letters.slice(0, 12))
    expect(clean.replace(/[^A-Za-z0-9]/g, "")).not.toContain(letters.slice(-12))
    expect(clean).toMatch(/^unknown token ".*…", sorry$|^<withheld/)
  })

  it.prop("leaves words as they are", [FastCheck.lorem({ maxCount: 40 })], ([words]) => {
    const secrets = [
      "xoxb-123456789012-abcdefABCDEF",
      "https://hooks.slack.com/services/T01234567/B01234567/abcdEFGH12345678"
    ]
    const clean = redact.make(() => secrets)(words)
    expect(clean).toBe(words.length > 500 ? `${words.slice(0, 500)}…` : words)
  })

  it("never throws, whatever its secrets do", () => {
    const broken = (): ReadonlyArray<string> => {
      throw new Error("no secrets")
    }
    expect(redact.make(broken)("a text")).toBe("<withheld, because it repeats a secret>")
    for (
      const text of [
        "\ud800",
        "\\",
        "%",
        "&#",
        "&#x;",
        "&;",
        "\\u{",
        "\\u{ffffffffff}",
        "&#99999999999;",
        "\\ud800".repeat(2)
      ]
    ) {
      expect(typeof redact.make(() => [text, "secret"])(`${text}.${text}`)).toBe("string")
      expect(redact.make(() => ["secret"])(`${text} `.repeat(4))).toBe(`${text} `.repeat(4))
    }
  })

  it("takes out the longer one of two secrets, however they are ordered", () => {
    for (const secrets of [["abcd", "abcdefghi"], ["abcdefghi", "abcd"]]) {
      expect(redact.make(() => secrets)("<abcdefghi>")).toBe("<<redacted>>")
    }
  })

  it("withholds a text in which a secret is left in a form that it does not know", () => {
    expect(redact.make(() => ["xoxb/secret1"])("sent: xoxb=2Fsecret1")).toBe(
      "<withheld, because it repeats a secret>"
    )
    expect(redact.make(() => ["https://hooks.example.com/a"])("incoming_webhook: hooks are off")).toContain(
      "hooks are off"
    )
  })

  it("shows no rest of a secret whose first letters pass for an escape", () => {
    const secret = "uaaAA0AAAaA0"
    for (const text of [`%${secret} is not known`, `${encodeURIComponent("%")}${secret} is not known`]) {
      expect(redact.make(() => [secret])(text)).not.toContain("AAAaA0")
    }
    const everyLetter = [...`%${secret} is not known`].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join("")
    expect(unescape(redact.make(() => [secret])(everyLetter)).text).not.toContain("AAAaA0")
  })

  it("leaves a text without secrets as it is, up to 500 characters", () => {
    expect(redact.make(() => ["", "a", "secret"])("no such user")).toBe("no such user")
    expect(redact.make(() => ["secret"])("x".repeat(500))).toBe("x".repeat(500))
    expect(redact.make(() => ["secret"])("x".repeat(501))).toBe(`${"x".repeat(500)}…`)
    expect(redact.make(() => ["secret"])(`${"x".repeat(480)}secret.`)).toBe(`${"x".repeat(480)}<redacted>.`)
  })

  it("does not show half of a secret where it stops reading a text that is longer than anybody reads", () => {
    const token = Arr.makeBy(30_000, (i) => String.fromCharCode(97 + i * i % 26)).join("")
    expect(redact.make(() => [token])(token.repeat(4))).toBe("<withheld, because it repeats a secret>")
    expect(redact.make(() => [token])(`${"_ ".repeat(50_000)}${token}`)).toBe(`${"_ ".repeat(250)}…`)
  })

  it("does not take long over a text that is made to", () => {
    const secrets = Arr.makeBy(400, (i) => `https://hooks.example.com/"\\${i}`)
    for (
      const evil of [
        "\\",
        "%25",
        "%",
        "&#x0",
        "&",
        "&amp;",
        "&#38;",
        "\\u005c",
        "\\u{",
        "https:\\",
        "+/",
        "A",
        "1234567890ab"
      ]
    ) {
      expect(redact.make(() => secrets)(evil.repeat(200_000)).length).toBeLessThanOrEqual(501)
    }
  })
})

describe("serverMessage", () => {
  const table: ReadonlyArray<readonly [body: string, message: string | undefined]> = [
    ["{\"code\":404,\"message\":\"user [distinct_id: 'ada'] not found\"}", "user [distinct_id: 'ada'] not found"],
    ["{\"detail\":\"Not found.\"}", "Not found."],
    ["{\"detail\":{\"$append[0]\":\"expected a map\"}}", "{\"$append[0]\":\"expected a map\"}"],
    ["{\"error\":{\"message\":\"BAD REQUEST\"}}", "BAD REQUEST"],
    ["{\"error\":\"BAD REQUEST\"}", "BAD REQUEST"],
    ["{\"message\":\"\"}", undefined],
    ["  plain words \n", "plain words"],
    ["null", "null"],
    ["", undefined],
    [" \n", undefined],
    ["<!doctype html><html></html>", undefined],
    ["{\"message\":", "{\"message\":"]
  ]
  it("of what is nested too deep to be written is nothing", () => {
    const depth = 200_000
    expect(serverMessage(`{"detail":${"[".repeat(depth)}${"]".repeat(depth)}}`)).toBe(undefined)
  })

  for (const [body, message] of table) {
    it(`of ${JSON.stringify(body)} is ${JSON.stringify(message)}`, () => expect(serverMessage(body)).toBe(message))
  }
})

describe("what a program shows", () => {
  const program = Effect.gen(function*() {
    const sandbox = yield* Sandbox.Sandbox
    const users = yield* UsersService
    const client = yield* SuprsendClient.SuprsendClient
    const limiter = yield* RateLimiter.RateLimiter
    const retried = [Sandbox.status(503), Sandbox.resetPeer, Sandbox.truncateBody]
    yield* sandbox.script(retried)
    const accepted = yield* users.asyncEdit(busy)
    const user = yield* users.edit(busy)
    const report = yield* users.bulkEdit([busy, UserEdit.edit(" "), UserEdit.setTimezone(busy, "Mars/Olympus")])
    yield* sandbox.script([Sandbox.resetPeer])
    const failed = yield* users.bulkEdit([busy]).pipe(withRequestOptions({ retry: { attempts: 1 } }))
    const outcomes = Chunk.toReadonlyArray(yield* Stream.runCollect(users.bulkEditStream([busy])))
    const page = yield* users.list({ limit: 1 })
    const [, response] = yield* SuprsendClient.withResponse(users.get(id))
    const errors = yield* Effect.forEach(
      [
        [Sandbox.status(429, { retryAfter: "600" })],
        [Sandbox.status(401)],
        [Sandbox.status(400)],
        [Sandbox.status(404)],
        [Sandbox.stall, Sandbox.stall, Sandbox.stall],
        [Sandbox.status(200, { body: JSON.stringify({ $iospush: tokens.ios }) })]
      ],
      (faults) => Effect.zipRight(sandbox.script(faults), Effect.flip(users.edit(busy)))
    )
    const invalid = yield* Effect.flip(
      users.asyncEdit(UserEdit.addIosPush(UserEdit.setTimezone(busy, "Mars"), tokens.ios))
    )
    return {
      edits: [busy, UserEdit.concat(busy, busy), UserEdit.withInsertId(busy, "job-7")],
      faults: retried,
      accepted,
      user,
      report,
      failed,
      outcomes,
      page,
      response,
      errors,
      invalid,
      requests: yield* sandbox.requests,
      people: yield* sandbox.users,
      person: yield* sandbox.user(id),
      services: { sandbox, users, client, limiter },
      options: { signed, bearer }
    }
  })

  it.effect("holds no secret: values, logs and spans", () =>
    Effect.gen(function*() {
      const lines: Array<string> = []
      const tracer = recording()
      const shown = yield* inAnHour(program).pipe(
        Effect.tap((shown) => Effect.forEach(Object.entries(shown), ([name, value]) => Effect.logFatal(name, value))),
        Effect.annotateLogs("edit", busy),
        Effect.withLogSpan("program"),
        Effect.withSpan("program", { attributes: { edit: busy } }),
        Effect.provide(Suprsend.layerTest),
        Effect.provide(RateLimiter.layerNoop),
        Effect.provide(loggers(lines)),
        Effect.withTracer(tracer.tracer)
      )
      const signatures = shown.requests.flatMap(({ headers }) => headers.authorization?.split(":")[1] ?? [])
      expect(signatures.length).toBeGreaterThan(10)
      for (const [name, value] of Object.entries(shown)) {
        expect(leaks(yield* printed(value), signatures), name).toEqual([])
      }
      // Each by itself, since what is nested deep may be left out of a text.
      for (const value of [...shown.edits, ...shown.errors, ...shown.requests, ...shown.failed.failedRecords]) {
        expect(leaks(yield* printed(value), signatures)).toEqual([])
      }
      expect(lines.some((line) => line.includes("attempt 1 failed"))).toBe(true)
      expect(leaks(lines, signatures)).toEqual([])
      expect(leaks(tracer.texts(), signatures)).toEqual([])
      // The sandbox's own secret stands for the workspace's.
      expect([...lines, ...tracer.texts()].filter((text) => text.includes("sandbox-workspace-secret"))).toEqual([])
    }))
})

describe("spans", () => {
  it.effect("say which call it was and how it went, and not about whom", () =>
    Effect.gen(function*() {
      const tracer = recording()
      yield* inAnHour(Effect.gen(function*() {
        const sandbox = yield* Sandbox.Sandbox
        const users = yield* UsersService
        yield* sandbox.script([Sandbox.status(503), Sandbox.resetPeer])
        yield* users.edit(UserEdit.set(UserEdit.edit(id), "plan", "pro"))
        yield* users.get(id)
        yield* sandbox.subscribeToObject(id, { objectType: "team", objectId: "1" })
        yield* sandbox.subscribeToObject(id, { objectType: "team", objectId: "2" })
        const { after } = yield* users.getObjectsSubscribedTo(id, { limit: 1 })
        yield* users.getObjectsSubscribedTo(id, { limit: 1, after })
        yield* users.asyncEdit(busy)
        yield* users.bulkEdit([busy])
        yield* users.list()
        yield* users.delete(id)
        yield* Effect.exit(users.delete(id))
        yield* sandbox.script([Sandbox.resetPeer])
        yield* Effect.exit(users.get(id)).pipe(withRequestOptions({ retry: { attempts: 1 } }))
      })).pipe(
        Effect.withSpan("program"),
        Effect.provide(Suprsend.layerTest),
        Effect.withTracer(tracer.tracer)
      )

      const spans = tracer.spans.filter((span) => span.name !== "program")
      const parentOf = ({ parent }: typeof spans[number]) =>
        parent._tag === "Some" && parent.value._tag === "Span"
          ? parent.value.name.replace("UsersService.", "")
          : undefined
      const calls = spans.filter(({ kind }) => kind === "internal")
      expect(calls.map((span) => [
        span.name.replace("UsersService.", ""),
        parentOf(span),
        span.attributes.get("suprsend.attempts")
      ])).toEqual([
        ["edit", "program", 3],
        ["get", "program", 1],
        ["getObjectsSubscribedTo", "program", 1],
        ["getObjectsSubscribedTo", "program", 1],
        ["asyncEdit", "program", 1],
        ["bulkEdit", "program", undefined],
        ["bulkEdit.request", "bulkEdit", 1],
        ["list", "program", 1],
        ["delete", "program", 1],
        ["delete", "program", 1],
        ["get", "program", 1]
      ])
      const one = "/v1/user/{distinct_id}/"
      const objects = `${one}subscribed_to/object/`
      const attempts = spans.filter(({ kind }) => kind === "client")
      expect(attempts.map((span) => [
        span.name,
        parentOf(span),
        ...["http.response.status_code", "http.request.resend_count", "error.type"].map((key) =>
          span.attributes.get(key)
        )
      ])).toEqual([
        [`PATCH ${one}`, "edit", 503, undefined, "503"],
        [`PATCH ${one}`, "edit", undefined, 1, "ECONNRESET"],
        [`PATCH ${one}`, "edit", 202, 2, undefined],
        [`GET ${one}`, "get", 200, undefined, undefined],
        [`GET ${objects}`, "getObjectsSubscribedTo", 200, undefined, undefined],
        [`GET ${objects}`, "getObjectsSubscribedTo", 200, undefined, undefined],
        ["POST /event/", "asyncEdit", 202, undefined, undefined],
        ["POST /event/", "bulkEdit.request", 202, undefined, undefined],
        ["GET /v1/user/", "list", 200, undefined, undefined],
        [`DELETE ${one}`, "delete", 204, undefined, undefined],
        [`DELETE ${one}`, "delete", 404, undefined, "404"],
        [`GET ${one}`, "get", undefined, undefined, "ECONNRESET"]
      ])
      for (const { attributes, name } of attempts) {
        const [method, template] = name.split(" ")
        expect(Object.fromEntries(attributes)).toMatchObject({
          "http.request.method": method,
          "url.template": template,
          "url.full": `http://sandbox.localhost${template}`,
          "server.address": "sandbox.localhost",
          "server.port": 80
        })
      }

      for (const span of spans) {
        const visible = inspect([span.name, [...span.attributes], span.events, span.links, span.exit], { depth: 10 })
        for (const secret of [id, encodeURIComponent(id), "user-1017", "SANDBOX", "/v1/user/user"]) {
          expect(visible).not.toContain(secret)
        }
      }
      // The platform's own span has the URL with the id.
      expect(tracer.spans.filter((span) => span.name.startsWith("http"))).toEqual([])
    }))
})
