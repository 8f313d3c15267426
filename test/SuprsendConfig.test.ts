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
const untyped = (options: unknown): SuprsendConfig.Options => {
  const u: { value: SuprsendConfig.Options } = { value: signed }
  Object.assign(u, { value: options })
  return u.value
}

const fails = (name: string, field: string, options: SuprsendConfig.Options) =>
  it.effect(name, () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(build(options))
      expect(ConfigError.isConfigError(error)).toBe(true)
      expect(error).toMatchObject({ _op: "InvalidData", path: field.split(".") })
      // The message alone, as a log shows it, says which field to correct.
      expect("message" in error ? error.message : "").toMatch(new RegExp(`^${field} must `))
      for (const text of [String(error), inspect(error, { depth: 10 }), JSON.stringify(error)]) {
        expect(text).toContain(field.split(".").at(-1))
        expect(text).not.toContain(secret)
        expect(text).not.toContain(apiKey)
      }
    }))

describe("credentials", () => {
  fails("a key that is empty", "workspaceKey", { ...signed, workspaceKey: "" })
  fails("a key that is blank", "workspaceKey", { ...signed, workspaceKey: " \t" })
  fails("a key with a line break in it", "workspaceKey", { ...signed, workspaceKey: "workspace\nkey" })
  fails("a key with a line break after it", "workspaceKey", { ...signed, workspaceKey: "workspace-key\n" })
  fails("a key that begins with a header of its own", "workspaceKey", { ...signed, workspaceKey: "a\r\nX-Evil: 1" })
  fails("a key that no header can hold", "workspaceKey", { ...signed, workspaceKey: "schlüssel-🔑" })
  fails("a secret that is empty", "workspaceSecret", { ...signed, workspaceSecret: Redacted.make("") })
  fails("an API key that is empty", "apiKey", { apiKey: Redacted.make("") })
  fails("an API key with a line break after it", "apiKey", { apiKey: Redacted.make(`${apiKey}\n`) })
  fails("a workspace UID that is blank", "workspaceUid", { ...bearer, workspaceUid: " " })

  describe("from an environment variable that is not set, or from JavaScript", () => {
    fails("no credentials", "workspaceKey", untyped({}))
    fails("no key", "workspaceKey", untyped({ ...signed, workspaceKey: undefined }))
    fails("no secret", "workspaceSecret", untyped({ ...signed, workspaceSecret: undefined }))
    fails("no text in the secret", "workspaceSecret", untyped({ ...signed, workspaceSecret: Redacted.make(undefined) }))
    fails("a secret that is a plain text", "workspaceSecret", untyped({ ...signed, workspaceSecret: secret }))
    fails("no text in the API key", "apiKey", untyped({ apiKey: Redacted.make(undefined) }))
    fails("an API key that is a plain text", "apiKey", untyped({ apiKey }))
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
      const resolved = Either.getOrThrow(SuprsendConfig.resolve({ ...signed, baseUrl }))
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
      `refuses what is no duration for retry.${key}`,
      `retry.${key}`,
      untyped({ ...signed, retry: { [key]: "soon" } })
    )
  }
  fails("refuses what is no duration for the timeout", "timeout", untyped({ ...signed, timeout: "soon" }))

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
  fails("refuses a header that is no text", "headers", untyped({ ...signed, headers: { "x-trace": undefined } }))

  it("has the defaults of the documentation", () => {
    const resolved = Either.getOrThrow(SuprsendConfig.resolve(signed))
    expect(resolved).toMatchObject({ concurrency: 128, headers: {}, env: "workspace-key", host: "hub.suprsend.com" })
    expect(Duration.toMillis(resolved.timeout)).toBe(30_000)
    expect(resolved.retry.attempts).toBe(4)
    expect(Duration.toMillis(resolved.retry.elapsed)).toBe(60_000)
  })

  it("takes what is undefined for left out", () => {
    const nothing = {
      baseUrl: undefined,
      retry: undefined,
      timeout: undefined,
      concurrency: undefined,
      headers: undefined,
      appInfo: undefined,
      transformClient: undefined
    }
    const { credentials: _, transformClient: __, ...resolved } = Either.getOrThrow(
      SuprsendConfig.resolve({ ...signed, ...nothing })
    )
    expect(Either.getOrThrow(SuprsendConfig.resolve(signed))).toMatchObject(resolved)
  })

  it.effect("takes a timeout and a deadline without end", () =>
    Effect.map(
      build({ ...signed, timeout: Duration.infinity, retry: { elapsed: Duration.infinity } }),
      (client) => expect(client.concurrency).toBe(128)
    ))

  it.effect("says how events call the workspace", () =>
    Effect.gen(function*() {
      expect((yield* build(signed)).workspace).toBe("workspace-key")
      expect((yield* build(bearer)).workspace).toBe("workspace-uid")
      expect((yield* build({ apiKey: Redacted.make(apiKey) })).workspace).toBeUndefined()
    }))

  it.prop(
    "has a user agent that is safe in a header, whatever the application calls itself",
    { name: FastCheck.string({ unit: "binary" }), version: FastCheck.option(FastCheck.string(), { nil: undefined }) },
    ({ name, version }) => {
      const { header, json } = Either.getOrThrow(
        SuprsendConfig.resolve({ ...signed, appInfo: { name, version } })
      ).userAgent
      expect(header).toMatch(/^effect-suprsend\/[\x20-\x7e]*$/)
      expect(json).toMatch(/^[\x20-\x7e]*$/)
      expect(JSON.parse(json)).toMatchObject({ sdk: "effect-suprsend", platform: "server" })
    }
  )
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

  it.effect("reads an API key, with a workspace UID or without", () =>
    Effect.gen(function*() {
      const options = yield* optionsOf({ SUPRSEND_API_KEY: apiKey })
      expect(options.apiKey !== undefined && Redacted.value(options.apiKey)).toBe(apiKey)
      expect((yield* layerOf({ SUPRSEND_API_KEY: apiKey })).workspace).toBeUndefined()
      expect((yield* layerOf({ SUPRSEND_API_KEY: apiKey, SUPRSEND_WORKSPACE_UID: "uid" })).workspace).toBe("uid")
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
        expect(Either.getOrThrow(SuprsendConfig.resolve(options)).origin).toBe(origin)
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

  const missing: ReadonlyArray<readonly [Record<string, string>, ReadonlyArray<string>]> = [
    [{}, ["SUPRSEND_WORKSPACE_KEY", "SUPRSEND_WORKSPACE_SECRET", "SUPRSEND_API_KEY"]],
    [{ SUPRSEND_WORKSPACE_KEY: "workspace-key" }, ["SUPRSEND_WORKSPACE_SECRET"]],
    [{ SUPRSEND_WORKSPACE_SECRET: secret }, ["SUPRSEND_WORKSPACE_KEY"]],
    [{ SUPRSEND_WORKSPACE_UID: "uid" }, ["SUPRSEND_WORKSPACE_KEY", "SUPRSEND_API_KEY"]]
  ]
  for (const [environment, names] of missing) {
    it.effect(`says what is missing beside ${Object.keys(environment).join(", ") || "nothing"}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(layerOf(environment))
        for (const name of names) expect(String(error)).toContain(name)
        expect(String(error)).not.toContain(secret)
      }))
  }

  it.effect("names the field of a value that is of no use", () =>
    Effect.gen(function*() {
      const blank = { SUPRSEND_WORKSPACE_KEY: " ", SUPRSEND_WORKSPACE_SECRET: secret }
      expect(yield* Effect.flip(layerOf(blank))).toMatchObject({ path: ["workspaceKey"] })
      const empty = { SUPRSEND_WORKSPACE_KEY: "workspace-key", SUPRSEND_WORKSPACE_SECRET: "" }
      expect(yield* Effect.flip(layerOf(empty))).toMatchObject({ path: ["workspaceSecret"] })
      expect(yield* Effect.flip(layerOf({ SUPRSEND_API_KEY: `${apiKey}\n` }))).toMatchObject({ path: ["apiKey"] })
    }))
})

describe("secrets", () => {
  for (const [name, options] of Object.entries({ signed, bearer })) {
    it.effect(`show in nothing that is printed, ${name}`, () =>
      Effect.gen(function*() {
        const service = yield* build(options)
        const resolved = SuprsendConfig.resolve({ ...options, appInfo: { name: "billing" } })
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
