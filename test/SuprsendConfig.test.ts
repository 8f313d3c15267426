import * as PlatformHeaders from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import { describe, expect, it } from "@effect/vitest"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as FastCheck from "effect/FastCheck"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { inspect } from "node:util"
import { printed } from "./utils/printed.js"

const secret = "s3cr3t-0f-the-w0rkspace"
const apiKey = "ap1-k3y-0f-the-w0rkspace"

const resolve = (options: SuprsendConfig.Credentials & SuprsendConfig.Settings) =>
  SuprsendConfig.resolve(options, options)

const signed: SuprsendConfig.WorkspaceCredentials = {
  workspaceKey: "workspace-key",
  workspaceSecret: Redacted.make(secret)
}
const bearer: SuprsendConfig.ApiKeyCredentials = { apiKey: Redacted.make(apiKey), workspaceUid: "workspace-uid" }

const noClient = Layer.succeed(
  HttpClient.HttpClient,
  HttpClient.make(() => Effect.dieMessage("nothing is sent while a layer is built"))
)

const build = (options: SuprsendConfig.Options) =>
  SuprsendClient.SuprsendClient.pipe(
    Effect.provide(Layer.provide(SuprsendClient.layer(options), noClient))
  )

/** What a program that is written in JavaScript, or with `as`, may pass. */
const untyped = (options: unknown): SuprsendConfig.Credentials & SuprsendConfig.Settings => {
  const u: { value: SuprsendConfig.Credentials & SuprsendConfig.Settings } = { value: signed }
  Object.assign(u, { value: options })
  return u.value
}

const fails = (
  name: string,
  field: string,
  options: SuprsendConfig.Options,
  message = /must (be|begin|hold|have|not)/
) =>
  it.effect(name, () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(build(options))
      expect(ConfigError.isConfigError(error)).toBe(true)
      expect(error).toMatchObject({ _op: "InvalidData", path: field.split(".") })
      // The message alone, as a log shows it, is a sentence that says which field to correct.
      const text = "message" in error ? error.message : ""
      expect(text).toMatch(message)
      expect(text.startsWith(`${field} `)).toBe(true)
      expect(text).not.toMatch(/\n|\. /)
      for (const text of [String(error), inspect(error, { depth: 10 }), JSON.stringify(error)]) {
        expect(text).toContain(field.split(".").at(-1))
        expect(text).not.toContain(secret)
        expect(text).not.toContain(apiKey)
      }
    }))

/** Texts that a file, a `.env` or a program that forgot something gives in the place of `text`. */
const spoilt = (text: string): ReadonlyArray<readonly [name: string, text: string, message: RegExp]> => [
  ["a line break after it, as a file has", `${text}\n`, /must not end with a line break: remove it/],
  ["a line break of Windows after it", `${text}\r\n`, /must not end with a line break: remove it/],
  ["several line breaks after it", `${text}\n\n`, /must not end with a line break: remove it/],
  ["a byte order mark before it", `\ufeff${text}`, /must not begin with a byte order mark: save/],
  ["a blank before it", ` ${text}`, /must not begin or end with white space: remove it/],
  ["a tab after it", `${text}\t`, /must not begin or end with white space: remove it/],
  ["a no-break space after it", `${text}\u00a0`, /must not begin or end with white space: remove it/],
  ["a line break in it", `${text}\n${text}`, /must not have a line break or an invisible character/],
  ["a zero-width space in it", `${text}\u200b`, /must not have a line break or an invisible character/],
  ["a null byte in it", `${text}\0${text}`, /must not have a line break or an invisible character/],
  ["double quotes around it", `"${text}"`, /must not be in quotes: remove them/],
  ["single quotes around it", `'${text}'`, /must not be in quotes: remove them/],
  ["nothing in it", "", /must not be blank: .*dashboard/],
  ["blanks in it", " \t", /must not be blank: .*dashboard/],
  ["a missing value made text", "undefined", /must not be "undefined"/],
  ["a Redacted made text", String(Redacted.make(text)), /must not be "<redacted>"/]
]

describe("credentials", () => {
  for (const [name, text, message] of spoilt(secret)) {
    fails(`a secret with ${name}`, "workspaceSecret", { ...signed, workspaceSecret: Redacted.make(text) }, message)
  }
  for (const [name, text, message] of spoilt(apiKey)) {
    fails(`an API key with ${name}`, "apiKey", { ...bearer, apiKey: Redacted.make(text) }, message)
  }
  for (const [name, text, message] of spoilt("workspace-key")) {
    fails(`a key with ${name}`, "workspaceKey", { ...signed, workspaceKey: text }, message)
  }
  for (const [name, text, message] of spoilt("workspace-uid")) {
    fails(`a workspace UID with ${name}`, "workspaceUid", { ...bearer, workspaceUid: text }, message)
  }
  fails("a key that begins with a header of its own", "workspaceKey", { ...signed, workspaceKey: "a\r\nX-Evil: 1" })
  fails("a key that no header can hold", "workspaceKey", { ...signed, workspaceKey: "schlüssel-🔑" }, /must be ASCII/)
  fails(
    "an API key that no header can hold",
    "apiKey",
    { ...bearer, apiKey: Redacted.make("schlüssel") },
    /must be ASCII/
  )
  fails(
    "an API key with the word before it",
    "apiKey",
    { ...bearer, apiKey: Redacted.make(`Bearer ${apiKey}`) },
    /must be the key alone: remove "Bearer"/
  )

  const wiped = (text: string) => {
    const redacted = Redacted.make(text)
    Redacted.unsafeWipe(redacted)
    return redacted
  }
  fails("a secret that was wiped", "workspaceSecret", { ...signed, workspaceSecret: wiped(secret) }, /was wiped/)
  fails("an API key that was wiped", "apiKey", { ...bearer, apiKey: wiped(apiKey) }, /was wiped/)

  it.effect("may be wiped once the layer is built", () =>
    Effect.gen(function*() {
      const workspaceSecret = Redacted.make(secret)
      const { credentials } = Either.getOrThrow(resolve({ ...signed, workspaceSecret }))
      Redacted.unsafeWipe(workspaceSecret)
      expect(credentials.workspaceSecret !== undefined && Redacted.value(credentials.workspaceSecret)).toBe(secret)
    }))

  describe("from an environment variable that is not set, or from JavaScript", () => {
    const missing = /^\w+ is missing: .*Settings > API Keys in the SuprSend dashboard$/
    fails("no credentials", "workspaceKey", untyped({}), missing)
    fails(
      "no UID with an API key",
      "workspaceUid",
      untyped({ apiKey: Redacted.make(apiKey) }),
      /is missing: events need/
    )
    fails("a UID alone", "apiKey", untyped({ workspaceUid: "workspace-uid" }), missing)
    for (const nothing of [undefined, null]) {
      fails(`no key, but ${nothing}`, "workspaceKey", untyped({ ...signed, workspaceKey: nothing }), missing)
      fails(`no secret, but ${nothing}`, "workspaceSecret", untyped({ ...signed, workspaceSecret: nothing }), missing)
      fails(
        `${nothing} in the secret`,
        "workspaceSecret",
        untyped({ ...signed, workspaceSecret: Redacted.make(nothing) }),
        missing
      )
      fails(`${nothing} in the API key`, "apiKey", untyped({ ...bearer, apiKey: Redacted.make(nothing) }), missing)
    }
    const unwrapped = /must be a Redacted, got a string: wrap it with Redacted.make/
    fails(
      "a secret that is a plain text",
      "workspaceSecret",
      untyped({ ...signed, workspaceSecret: secret }),
      unwrapped
    )
    fails("an API key that is a plain text", "apiKey", untyped({ ...bearer, apiKey }), unwrapped)
    fails("a key that is a Redacted", "workspaceKey", untyped({ ...signed, workspaceKey: Redacted.make(secret) }))
    fails(
      "a key that is a number",
      "workspaceKey",
      untyped({ ...signed, workspaceKey: 7 }),
      /must be text, got a number/
    )
    fails("a secret that is a number", "workspaceSecret", untyped({ ...signed, workspaceSecret: Redacted.make(7) }))
    fails("a UID that is a number", "workspaceUid", untyped({ ...bearer, workspaceUid: 7 }))
    fails("both kinds", "apiKey", untyped({ ...signed, ...bearer }), /must not come with workspaceKey/)
    fails("a UID beside a key and a secret", "workspaceUid", untyped({ ...signed, workspaceUid: "uid" }))
  })
})

describe("base URL", () => {
  for (
    const baseUrl of [
      "hub.suprsend.com",
      "not a URL",
      "/v1",
      "ftp://hub.suprsend.com/",
      "file:///etc/passwd",
      "https://",
      "https://hub.suprsend.com/?debug=1",
      "https://hub.suprsend.com/?",
      "https://hub.suprsend.com/#top",
      "https://hub.suprsend.com/a?b=/",
      "https://user@hub.suprsend.com/",
      `https://user:${secret}@hub.suprsend.com/`
    ]
  ) fails(`refuses ${baseUrl}`, "baseUrl", { ...signed, baseUrl })

  fails(
    "says that the scheme is missing",
    "baseUrl",
    { ...signed, baseUrl: "hub.suprsend.com" },
    /must begin with https/
  )
  fails("refuses a port without a scheme", "baseUrl", { ...signed, baseUrl: "localhost:8787" }, /must begin with https/)
  fails("refuses quotes around it", "baseUrl", { ...signed, baseUrl: "\"https://hub.suprsend.com\"" })
  fails("refuses a line break in it", "baseUrl", { ...signed, baseUrl: "https://hub.\nsuprsend.com" })
  fails("refuses a number", "baseUrl", untyped({ ...signed, baseUrl: 8787 }), /must be text, got a number/)
  fails(
    "refuses a URL",
    "baseUrl",
    untyped({ ...signed, baseUrl: new URL("https://hub.suprsend.com") }),
    /must be text/
  )

  const table: ReadonlyArray<readonly [string | undefined, string, string]> = [
    [undefined, "https://hub.suprsend.com", "/"],
    ["", "https://hub.suprsend.com", "/"],
    ["  \n", "https://hub.suprsend.com", "/"],
    ["https://eu.example.com", "https://eu.example.com", "/"],
    [" https://eu.example.com/ ", "https://eu.example.com", "/"],
    ["http://127.0.0.1:8787/hub", "http://127.0.0.1:8787", "/hub/"],
    ["http://127.0.0.1:8787/hub/", "http://127.0.0.1:8787", "/hub/"],
    ["https://proxy.example.com/a b/ü", "https://proxy.example.com", "/a%20b/%C3%BC/"]
  ]
  for (const [baseUrl, origin, basePath] of table) {
    it(`${JSON.stringify(baseUrl) ?? "none"} is ${origin}${basePath}`, () => {
      const resolved = Either.getOrThrow(resolve({ ...signed, baseUrl }))
      expect({ origin: resolved.origin, basePath: resolved.basePath }).toEqual({ origin, basePath })
    })
  }
})

describe("settings", () => {
  for (const n of [0, -1, 1.5, NaN, Infinity]) {
    fails(`refuses ${n} attempts`, "retry.attempts", { ...signed, retry: { attempts: n } })
    fails(`refuses a concurrency of ${n}`, "concurrency", { ...signed, concurrency: n })
    fails(`refuses a rate limit of ${n}`, "rateLimit.limit", { ...signed, rateLimit: { limit: n, window: "1 second" } })
    fails(`refuses a burst of ${n}`, "rateLimit.burst", {
      ...signed,
      rateLimit: { limit: 10, window: "1 second", burst: n }
    })
  }
  for (const nothing of ["0 seconds", 0, -5, NaN] as const) {
    fails(`refuses a timeout of ${nothing}`, "timeout", { ...signed, timeout: nothing })
    fails(`refuses ${nothing} for a whole call`, "retry.elapsed", { ...signed, retry: { elapsed: nothing } })
    fails(`refuses a window of ${nothing}`, "rateLimit.window", { ...signed, rateLimit: { limit: 1, window: nothing } })
  }
  fails("refuses a window without end", "rateLimit.window", {
    ...signed,
    rateLimit: { limit: 1, window: Duration.infinity }
  })
  for (const key of ["elapsed", "initialDelay", "maximumDelay"]) {
    fails(
      `refuses a value that is not a duration for retry.${key}`,
      `retry.${key}`,
      untyped({ ...signed, retry: { [key]: "soon" } })
    )
  }
  fails("refuses a timeout that is not a duration", "timeout", untyped({ ...signed, timeout: "soon" }))
  fails("refuses a text without a unit for the timeout", "timeout", untyped({ ...signed, timeout: "30" }))
  for (const negative of ["-5 seconds", -5, NaN, -Infinity, -5n, [-1, 0]] as const) {
    const refused = /must (not be negative|be greater than zero)/
    fails(`refuses ${negative} for the timeout`, "timeout", untyped({ ...signed, timeout: negative }), refused)
    for (const key of ["elapsed", "initialDelay", "maximumDelay"]) {
      fails(
        `refuses ${negative} for retry.${key}`,
        `retry.${key}`,
        untyped({ ...signed, retry: { [key]: negative } }),
        refused
      )
    }
  }
  fails("refuses a first wait without end", "retry.initialDelay", { ...signed, retry: { initialDelay: Infinity } })
  for (const [name, retry] of Object.entries({ "a number": 3, "a text": "3", "a list": [3], "a function": () => 3 })) {
    fails(`refuses ${name} as retry policy`, "retry", untyped({ ...signed, retry }), /must be a record/)
  }
  for (const attempts of ["3", 3n]) {
    fails(`refuses ${typeof attempts} as attempts`, "retry.attempts", untyped({ ...signed, retry: { attempts } }))
    fails(`refuses ${typeof attempts} as concurrency`, "concurrency", untyped({ ...signed, concurrency: attempts }))
  }
  fails("refuses an application without a name", "appInfo.name", untyped({ ...signed, appInfo: {} }))
  fails("refuses an application whose name is blank", "appInfo.name", { ...signed, appInfo: { name: " " } })
  fails("refuses an application whose name is a number", "appInfo.name", untyped({ ...signed, appInfo: { name: 7 } }))
  fails(
    "refuses a version that is a number",
    "appInfo.version",
    untyped({ ...signed, appInfo: { name: "a", version: 2 } })
  )
  fails("refuses a name in the place of the application", "appInfo", untyped({ ...signed, appInfo: "billing" }))
  fails("refuses a client that is not a function", "transformClient", untyped({ ...signed, transformClient: {} }))

  const headers: Record<string, Record<string, string>> = {
    "an empty name": { "": "1" },
    "a name with a blank": { "x trace": "1" },
    "a name with a colon": { "x:trace": "1" },
    "a name with a line break": { "x-trace\r\n": "1" },
    "a value with a line break": { "x-trace": `${secret}\r\nx-evil: 1` },
    "a value with a line break after it": { "x-trace": `${secret}\n` },
    "a value beyond Latin-1": { "x-trace": `${secret} 🔑` },
    "a value with a null byte": { "x-trace": "1\0" }
  }
  for (const [name, value] of Object.entries(headers)) {
    fails(`refuses a header with ${name}`, "headers", { ...signed, headers: value })
  }
  fails("refuses a header that is not a string", "headers", untyped({ ...signed, headers: { "x-trace": undefined } }))
  fails("refuses a header with several values", "headers", untyped({ ...signed, headers: { "x-trace": ["1", "2"] } }))
  fails("refuses a pseudo header of HTTP/2", "headers", { ...signed, headers: { ":authority": "example.com" } })
  fails("refuses a whole line as a name, without showing it", "headers", {
    ...signed,
    headers: { [`x-key: ${secret}`]: "" }
  })
  fails(
    "refuses one name twice",
    "headers",
    { ...signed, headers: { "X-Trace": "1", "x-trace": "1" } },
    /must have each name once, but has "x-trace" twice/
  )
  for (
    const name of [
      "Transfer-Encoding",
      "content-length",
      "Content-Encoding",
      "host",
      "connection",
      "Keep-Alive",
      "expect",
      "Upgrade",
      "te",
      "trailer",
      "proxy-connection",
      "Proxy-Authorization",
      "http2-settings"
    ]
  ) {
    const message = new RegExp(`must not have "${name}": leave it to the transport`)
    fails(`refuses ${name}`, "headers", { ...signed, headers: { [name]: "1" } }, message)
  }
  const collections = {
    "a Map": new Map([["x-trace", "1"]]),
    "the Headers of fetch": new Headers({ "x-trace": "1" }),
    "a list": [["x-trace", "1"]],
    "a text": "x-trace: 1"
  }
  for (const [name, headers] of Object.entries(collections)) {
    fails(`refuses ${name} as headers`, "headers", untyped({ ...signed, headers }), /must be a plain record/)
  }

  it("takes the headers of @effect/platform", () => {
    const headers = PlatformHeaders.fromInput({ "X-Trace": "1" })
    expect(Either.getOrThrow(resolve({ ...signed, headers })).headers).toEqual({ "x-trace": "1" })
  })

  it("has the defaults of the documentation", () => {
    const resolved = Either.getOrThrow(resolve(signed))
    expect(resolved).toMatchObject({ concurrency: 128, headers: {}, env: "workspace-key", host: "hub.suprsend.com" })
    expect(Duration.toMillis(resolved.timeout)).toBe(30_000)
    expect(resolved.retry.attempts).toBe(4)
    expect(Duration.toMillis(resolved.retry.elapsed)).toBe(60_000)
  })

  for (const nothing of [undefined, null]) {
    it(`takes what is ${nothing} for left out`, () => {
      const options = untyped({
        ...signed,
        apiKey: nothing,
        workspaceUid: nothing,
        baseUrl: nothing,
        retry: nothing,
        timeout: nothing,
        concurrency: nothing,
        headers: nothing,
        appInfo: nothing,
        transformClient: nothing
      })
      const { credentials: _, transformClient: __, ...resolved } = Either.getOrThrow(resolve(options))
      expect(Either.getOrThrow(resolve(signed))).toMatchObject(resolved)
    })
  }

  it.effect("takes a timeout and a deadline without end", () =>
    Effect.map(
      build({ ...signed, timeout: Duration.infinity, retry: { elapsed: Duration.infinity } }),
      (client) => expect(client.concurrency).toBe(128)
    ))

  it.effect("says how events call the workspace", () =>
    Effect.gen(function*() {
      expect((yield* build(signed)).workspace).toBe("workspace-key")
      expect((yield* build(bearer)).workspace).toBe("workspace-uid")
    }))

  it.prop(
    "has a user agent that is safe in a header, whatever the application calls itself",
    {
      name: FastCheck.string({ unit: "binary" }).filter((name) => name.trim() !== ""),
      version: FastCheck.option(FastCheck.string(), { nil: undefined })
    },
    ({ name, version }) => {
      const { header, json } = Either.getOrThrow(
        resolve({ ...signed, appInfo: { name, version } })
      ).userAgent
      expect(header).toMatch(/^effect-suprsend\/[\x20-\x7e]*$/)
      expect(json).toMatch(/^[\x20-\x7e]*$/)
      expect(JSON.parse(json)).toMatchObject({ sdk: "effect-suprsend", platform: "server" })
    }
  )
})

it("names the application in the user agent, as far as a header can hold it", () => {
  const suffix = (name: string, version?: string) =>
    Either.getOrThrow(resolve({ ...signed, appInfo: { name, version } })).userAgent.header.split(";")[1]
  expect(suffix("billing", "2.1.0")).toMatch(/\) \(billing\/2\.1\.0\)$/)
  expect(suffix("billing")).toMatch(/\) \(billing\)$/)
  expect(suffix("billing", "")).toMatch(/\) \(billing\)$/)
  expect(suffix("日本", "2")).toMatch(/^ \w+\)$/)
})

describe("from a Config", () => {
  const layerOf = (environment: Record<string, string>, config?: Config.Config<SuprsendConfig.Options>) =>
    SuprsendClient.SuprsendClient.pipe(
      Effect.provide(Layer.provide(SuprsendClient.layerConfig(config), noClient)),
      Effect.withConfigProvider(ConfigProvider.fromMap(new Map(Object.entries(environment))))
    )

  const optionsOf = (environment: Record<string, string>) =>
    Effect.withConfigProvider(SuprsendConfig.config, ConfigProvider.fromMap(new Map(Object.entries(environment))))

  it.effect("reads the key and the secret", () =>
    Effect.gen(function*() {
      const environment = { SUPRSEND_WORKSPACE_KEY: "workspace-key", SUPRSEND_WORKSPACE_SECRET: secret }
      const options = yield* optionsOf(environment)
      expect(options).toMatchObject({ workspaceKey: "workspace-key", baseUrl: undefined })
      expect(options.workspaceSecret !== undefined && Redacted.value(options.workspaceSecret)).toBe(secret)
      expect((yield* layerOf(environment)).workspace).toBe("workspace-key")
    }))

  it.effect("reads an API key with the UID of its workspace", () =>
    Effect.gen(function*() {
      const environment = { SUPRSEND_API_KEY: apiKey, SUPRSEND_WORKSPACE_UID: "uid" }
      const options = yield* optionsOf(environment)
      expect(options.apiKey !== undefined && Redacted.value(options.apiKey)).toBe(apiKey)
      expect((yield* layerOf(environment)).workspace).toBe("uid")
      // As a template for a container leaves what was not filled in.
      const empty = { SUPRSEND_WORKSPACE_KEY: "", SUPRSEND_WORKSPACE_SECRET: "" }
      expect((yield* layerOf({ ...environment, ...empty })).workspace).toBe("uid")
    }))

  it.effect("prefers the key and the secret where there are both", () =>
    Effect.map(
      layerOf({
        SUPRSEND_WORKSPACE_KEY: "workspace-key",
        SUPRSEND_WORKSPACE_SECRET: secret,
        SUPRSEND_API_KEY: apiKey,
        SUPRSEND_WORKSPACE_UID: "uid"
      }),
      (client) => expect(client.workspace).toBe("workspace-key")
    ))

  it.effect("reads the base URL, and takes a blank one for none", () =>
    Effect.gen(function*() {
      const credentials = { SUPRSEND_WORKSPACE_KEY: "workspace-key", SUPRSEND_WORKSPACE_SECRET: secret }
      for (
        const [baseUrl, origin] of [
          ["https://eu.example.com", "https://eu.example.com"],
          ["", "https://hub.suprsend.com"],
          ["  ", "https://hub.suprsend.com"]
        ] as const
      ) {
        const options = yield* optionsOf({ ...credentials, SUPRSEND_BASE_URL: baseUrl })
        expect(Either.getOrThrow(resolve(options)).origin).toBe(origin)
      }
      expect(yield* Effect.flip(layerOf({ ...credentials, SUPRSEND_BASE_URL: "nowhere" }))).toMatchObject({
        path: ["baseUrl"]
      })
    }))

  it.effect("takes settings that the program adds", () =>
    Effect.gen(function*() {
      const environment = { SUPRSEND_WORKSPACE_KEY: "workspace-key", SUPRSEND_WORKSPACE_SECRET: secret }
      const config = Config.map(SuprsendConfig.config, (options) => ({ ...options, appInfo: { name: "billing" } }))
      expect((yield* layerOf(environment, config)).userAgent).toContain("(billing)")
    }))

  const none = { SUPRSEND_WORKSPACE_KEY: "", SUPRSEND_WORKSPACE_SECRET: " ", SUPRSEND_API_KEY: "" }
  const all = ["SUPRSEND_WORKSPACE_KEY", "SUPRSEND_WORKSPACE_SECRET", "SUPRSEND_API_KEY", "SUPRSEND_WORKSPACE_UID"]
  const both = { SUPRSEND_API_KEY: apiKey, SUPRSEND_WORKSPACE_UID: "uid" }
  const missing: ReadonlyArray<readonly [Record<string, string>, path: string, names: ReadonlyArray<string>]> = [
    [{}, "SUPRSEND_WORKSPACE_KEY", all],
    [none, "SUPRSEND_WORKSPACE_KEY", all],
    [{ SUPRSEND_WORKSPACE_UID: "uid" }, "SUPRSEND_WORKSPACE_KEY", all],
    [{ SUPRSEND_WORKSPACE_KEY: "workspace-key" }, "SUPRSEND_WORKSPACE_SECRET", []],
    [{ SUPRSEND_WORKSPACE_SECRET: secret }, "SUPRSEND_WORKSPACE_KEY", []],
    // Half a pair is not passed over: the API key may be that of another workspace.
    [{ SUPRSEND_WORKSPACE_KEY: "workspace-key", ...both }, "SUPRSEND_WORKSPACE_SECRET", []],
    [{ SUPRSEND_API_KEY: apiKey }, "SUPRSEND_WORKSPACE_UID", []]
  ]
  for (const [environment, path, names] of missing) {
    it.effect(`says in a sentence what is missing beside ${JSON.stringify(Object.keys(environment))}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(layerOf(environment))
        expect(error).toMatchObject({ _op: "MissingData", path: [path] })
        const message = "message" in error ? error.message : ""
        for (const name of [path, ...names]) expect(message).toContain(name)
        expect(message).toMatch(/^[\w ]+ (is|are) missing\b.*: set .* the SuprSend dashboard shows under Settings > /)
        expect(message).not.toMatch(/\n|\. |data/)
        expect(String(error)).not.toContain(secret)
        expect(String(error)).not.toContain(apiKey)
      }))
  }

  it.effect("can be nested, and left to a default", () =>
    Effect.gen(function*() {
      const nested = Config.nested(SuprsendConfig.config, "APP")
      const environment = { "APP.SUPRSEND_WORKSPACE_KEY": "workspace-key", "APP.SUPRSEND_WORKSPACE_SECRET": secret }
      expect((yield* layerOf(environment, nested)).workspace).toBe("workspace-key")
      expect(yield* Effect.flip(layerOf({}, nested))).toMatchObject({
        _op: "MissingData",
        path: ["APP", "SUPRSEND_WORKSPACE_KEY"]
      })
      expect((yield* layerOf({}, Config.withDefault(nested, signed))).workspace).toBe("workspace-key")
      const provider = ConfigProvider.nested(
        ConfigProvider.fromMap(new Map(Object.entries(environment)), { pathDelim: "." }),
        "APP"
      )
      const options = yield* Effect.withConfigProvider(SuprsendConfig.config, provider)
      expect(options.workspaceKey).toBe("workspace-key")
    }))

  it.effect("names the field of a value that is of no use", () =>
    Effect.gen(function*() {
      const blank = { SUPRSEND_WORKSPACE_KEY: " ", SUPRSEND_WORKSPACE_SECRET: secret }
      expect(yield* Effect.flip(layerOf(blank))).toMatchObject({ path: ["workspaceKey"] })
      const empty = { SUPRSEND_WORKSPACE_KEY: "workspace-key", SUPRSEND_WORKSPACE_SECRET: "" }
      expect(yield* Effect.flip(layerOf(empty))).toMatchObject({ path: ["workspaceSecret"] })
      const broken = { SUPRSEND_API_KEY: `${apiKey}\n`, SUPRSEND_WORKSPACE_UID: "uid" }
      expect(yield* Effect.flip(layerOf(broken))).toMatchObject({ path: ["apiKey"] })
      const file = { SUPRSEND_WORKSPACE_KEY: "workspace-key", SUPRSEND_WORKSPACE_SECRET: `${secret}\n` }
      expect(yield* Effect.flip(layerOf(file))).toMatchObject({ path: ["workspaceSecret"] })
      const noUid = { SUPRSEND_API_KEY: apiKey, SUPRSEND_WORKSPACE_UID: "" }
      expect(yield* Effect.flip(layerOf(noUid))).toMatchObject({ path: ["workspaceUid"] })
    }))
})

describe("secrets", () => {
  for (const [name, options] of Object.entries({ signed, bearer })) {
    it.effect(`show in nothing that is printed, ${name}`, () =>
      Effect.gen(function*() {
        const service = yield* build(options)
        const resolved = resolve({ ...options, appInfo: { name: "billing" } })
        for (const value of [options, service, resolved, Either.getOrThrow(resolved)]) {
          for (const text of yield* printed(value)) {
            expect(text).not.toContain(secret)
            expect(text).not.toContain(apiKey)
          }
        }
      }))

    it.effect(`show in no failure of a layer, ${name}`, () =>
      Effect.gen(function*() {
        for (const wrong of [{ timeout: 0 }, { headers: { "x-key": `${secret}\n${apiKey}` } }, { concurrency: 0 }]) {
          const exit = yield* Effect.exit(build({ ...options, ...wrong }))
          expect(exit._tag).toBe("Failure")
          for (const text of yield* printed(exit)) {
            expect(text).not.toContain(secret)
            expect(text).not.toContain(apiKey)
          }
        }
      }))
  }
})
