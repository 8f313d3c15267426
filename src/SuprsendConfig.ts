/**
 * Options of a client: credentials, and settings that differ from the defaults.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { identity } from "effect/Function"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Bulk from "./Bulk.js"
import * as credential from "./internal/client/checkCredentials.js"
import * as Headers from "./internal/client/checkHeaders.js"
import type { QueryValue } from "./internal/client/uri.js"
import * as userAgent from "./internal/client/userAgent.js"
import { describe, isPlainRecord } from "./internal/support/json.js"
import type * as RateLimiter from "./RateLimiter.js"
import type * as RequestOptions from "./RequestOptions.js"
import * as RetryPolicy from "./RetryPolicy.js"

/**
 * The key and secret of a workspace, used to sign requests.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkspaceCredentials {
  readonly workspaceKey: string
  readonly workspaceSecret: Redacted.Redacted
  readonly apiKey?: never
  readonly workspaceUid?: never
  readonly credentials?: never
}

/**
 * An API key and the UID of its workspace. The key is sent as a bearer token.
 *
 * You find the UID in the dashboard under Settings > General. Asynchronous events name their
 * workspace with it, and SuprSend refuses them without it.
 *
 * @since 0.1.0
 * @category models
 */
export interface ApiKeyCredentials {
  readonly apiKey: Redacted.Redacted
  readonly workspaceUid: string
  readonly workspaceKey?: never
  readonly workspaceSecret?: never
  readonly credentials?: never
}

/**
 * The two kinds of credentials: a workspace key with its secret, or an API key.
 *
 * @since 0.1.0
 * @category models
 */
export type Credentials = WorkspaceCredentials | ApiKeyCredentials

/**
 * Credentials that may change while a program runs, such as a rotated secret.
 *
 * The effect runs when the layer is built, and again when SuprSend refuses the credentials with
 * 401. The refused request is then sent once more, in addition to the attempts of the retry policy.
 * If many requests are refused at once, the effect runs once. If it fails or returns the same
 * secret, the call fails with `SuprsendUnauthorized`. The workspace must stay the same: make
 * another layer for another workspace.
 *
 * @example
 * ```ts
 * import { FileSystem } from "@effect/platform"
 * import { ConfigError, Effect, Layer, Redacted } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 *
 * // A secret that the platform writes to a file, and replaces when it is rotated.
 * const SuprsendLive = Layer.unwrapEffect(Effect.map(FileSystem.FileSystem, (files) =>
 *   Suprsend.layer({
 *     credentials: files.readFileString("/run/secrets/suprsend").pipe(
 *       Effect.mapBoth({
 *         onSuccess: (secret) => ({ workspaceKey: "workspace-key", workspaceSecret: Redacted.make(secret.trim()) }),
 *         onFailure: () => ConfigError.MissingData(["suprsend"], "/run/secrets/suprsend cannot be read")
 *       })
 *     )
 *   })))
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface CredentialsProvider {
  readonly credentials: Effect.Effect<Credentials, ConfigError.ConfigError>
  readonly workspaceKey?: never
  readonly workspaceSecret?: never
  readonly apiKey?: never
  readonly workspaceUid?: never
}

/**
 * Optional settings of a client.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /**
   * The base URL. If it has a path, the path is kept and signed.
   *
   * @default "https://hub.suprsend.com/"
   */
  readonly baseUrl?: string | undefined
  /**
   * The maximum number of requests in any window, wherever it starts.
   *
   * @default { limit: 1000, window: "1 second" }
   */
  readonly rateLimit?: RateLimiter.RateLimiter.Options | undefined
  /** The retry policy: by default four attempts within a minute. */
  readonly retry?: RetryPolicy.Options | undefined
  /**
   * The timeout of one attempt, including reading the response.
   *
   * @default "30 seconds"
   */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * The number of requests of one bulk call that may be in flight at once.
   *
   * It is an integer of at least 1; values above 1,000 count as 1,000.
   *
   * @default 128
   */
  readonly concurrency?: number | undefined
  /** Additional headers for every request. They cannot replace signed headers or the user agent. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /**
   * Whether each request carries the span of its attempt in `traceparent` (W3C Trace Context).
   *
   * Proxies and gateways can then join the trace.
   *
   * @default false
   */
  readonly tracePropagation?: boolean | undefined
  /** The name and version of your application, added to the user agent. */
  readonly appInfo?: { readonly name: string; readonly version?: string | undefined } | undefined
  /**
   * Transforms the HTTP client that sends the requests, for example to add metrics or logs.
   *
   * It sees each attempt, signed.
   */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/**
 * Options of the layers: credentials, or their provider, and settings.
 *
 * @example
 * ```ts
 * import { Redacted } from "effect"
 * import type { Options } from "effect-suprsend/SuprsendConfig"
 *
 * const options: Options = {
 *   workspaceKey: "workspace-key",
 *   workspaceSecret: Redacted.make("workspace-secret"),
 *   rateLimit: { limit: 500, window: "1 second" },
 *   retry: { attempts: 6 },
 *   appInfo: { name: "billing", version: "2.1.0" }
 * }
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export type Options = (Credentials | CredentialsProvider) & Settings

/**
 * Reads credentials and base URL from environment variables.
 *
 * It reads `SUPRSEND_WORKSPACE_KEY` and `SUPRSEND_WORKSPACE_SECRET`. If neither is set, it reads
 * `SUPRSEND_API_KEY` and `SUPRSEND_WORKSPACE_UID`. `SUPRSEND_BASE_URL` is optional. An empty
 * variable counts as not set.
 *
 * @example
 * ```ts
 * import { Config } from "effect"
 * import * as Suprsend from "effect-suprsend/Suprsend"
 * import * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
 *
 * const SuprsendLive = Suprsend.layerConfig(
 *   Config.map(SuprsendConfig.config, (options) => ({ ...options, appInfo: { name: "billing" } }))
 * )
 * ```
 *
 * @since 0.1.0
 * @category config
 */
export const config: Config.Config<Credentials & Settings> = Config.all({
  workspaceKey: Config.option(Config.string("SUPRSEND_WORKSPACE_KEY")),
  workspaceSecret: Config.option(Config.redacted("SUPRSEND_WORKSPACE_SECRET")),
  apiKey: Config.option(Config.redacted("SUPRSEND_API_KEY")),
  workspaceUid: Config.option(Config.string("SUPRSEND_WORKSPACE_UID")),
  baseUrl: Config.option(Config.string("SUPRSEND_BASE_URL"))
}).pipe(
  Config.mapOrFail(({ apiKey, baseUrl, workspaceKey, workspaceSecret, workspaceUid }) =>
    Either.gen(function*() {
      const settings = { baseUrl: Option.getOrUndefined(baseUrl) }
      if (isSet(workspaceKey) || isSet(Option.map(workspaceSecret, Redacted.value))) {
        return {
          workspaceKey: yield* variable("SUPRSEND_WORKSPACE_KEY", workspaceKey, "SUPRSEND_WORKSPACE_SECRET"),
          workspaceSecret: yield* variable("SUPRSEND_WORKSPACE_SECRET", workspaceSecret, "SUPRSEND_WORKSPACE_KEY"),
          ...settings
        }
      }
      if (isSet(Option.map(apiKey, Redacted.value))) {
        return {
          apiKey: yield* variable("SUPRSEND_API_KEY", apiKey, "SUPRSEND_WORKSPACE_UID"),
          workspaceUid: yield* variable("SUPRSEND_WORKSPACE_UID", workspaceUid, "SUPRSEND_API_KEY"),
          ...settings
        }
      }
      return yield* Either.left(ConfigError.MissingData(["SUPRSEND_WORKSPACE_KEY"], noCredentials))
    })
  )
)

const noCredentials =
  "SuprSend credentials are missing: set SUPRSEND_WORKSPACE_KEY and SUPRSEND_WORKSPACE_SECRET, or SUPRSEND_API_KEY and " +
  "SUPRSEND_WORKSPACE_UID, to what the SuprSend dashboard shows under Settings > API Keys (the UID under Settings > General)"

const isSet = (variable: Option.Option<string>): boolean => Option.exists(variable, (text) => text.trim() !== "")

const variable = <A>(
  name: string,
  value: Option.Option<A>,
  beside: string
): Either.Either<A, ConfigError.ConfigError> =>
  Either.fromOption(value, () => {
    const place = name === "SUPRSEND_WORKSPACE_UID" ? "General" : "API Keys"
    const remedy = `set it to what the SuprSend dashboard shows under Settings > ${place}`
    return ConfigError.MissingData([name], `${name} is missing beside ${beside}: ${remedy}`)
  })

/**
 * The validated options, with all defaults filled in.
 *
 * @internal
 */
export interface Resolved {
  readonly credentials: Credentials
  /** The workspace named in asynchronous events. */
  readonly env: string
  readonly origin: string
  readonly host: string
  readonly port: number
  /** The path of the base URL, a prefix of every signed path. It ends with a slash. */
  readonly basePath: string
  readonly timeout: Duration.Duration
  readonly retry: RetryPolicy.RetryPolicy
  readonly concurrency: number
  readonly headers: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, QueryValue>> | undefined
  readonly tracePropagation: boolean
  readonly userAgent: userAgent.UserAgent
  readonly transformClient: (client: HttpClient.HttpClient) => HttpClient.HttpClient
}

const defaultBaseUrl = "https://hub.suprsend.com/"

/**
 * Returns the credentials in the options; a provider is asked for its current ones.
 *
 * @internal
 */
export const current = (options: Options): Effect.Effect<Credentials, ConfigError.ConfigError> =>
  options.credentials === undefined
    ? Effect.succeed(options)
    : Effect.isEffect(options.credentials)
    ? options.credentials
    : Effect.fail(
      invalid(["credentials"], "must be an Effect, such as Effect.succeed({ workspaceKey, workspaceSecret })")
    )

/** @internal */
export const resolve = (
  given: Credentials,
  options: Settings
): Either.Either<Resolved, ConfigError.ConfigError> =>
  Either.gen(function*() {
    const credentials = yield* Either.mapLeft(credential.resolve(given), ({ field, problem }) =>
      invalid([field], problem))
    const url = yield* parseBaseUrl(options.baseUrl)
    const timeout = yield* positive(["timeout"], options.timeout ?? "30 seconds")
    const retry = yield* resolveRetry(options.retry ?? {})
    const concurrency = options.concurrency ?? 128
    yield* check(["concurrency"], isPositiveInteger(concurrency), "must be a whole number of at least 1")
    yield* resolveHeaders(options.headers ?? {})
    yield* checkAppInfo(options.appInfo)
    yield* check(
      ["tracePropagation"],
      typeof (options.tracePropagation ?? false) === "boolean",
      "must be true or false"
    )
    yield* check(
      ["transformClient"],
      typeof (options.transformClient ?? identity) === "function",
      "must be a function that takes an HttpClient and returns one"
    )
    return {
      credentials,
      env: credentials.workspaceKey ?? credentials.workspaceUid,
      origin: url.origin,
      host: url.hostname.replace(/^\[|\]$/g, ""),
      port: url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port),
      basePath: url.pathname,
      timeout,
      retry,
      concurrency,
      headers: options.headers ?? {},
      query: undefined,
      tracePropagation: options.tracePropagation ?? false,
      userAgent: userAgent.make(options.appInfo ?? undefined),
      transformClient: options.transformClient ?? ((client) =>
        client)
    }
  })

/**
 * Applies the options of a region of code, validated like those of the layer.
 *
 * @internal
 */
export const scoped = (
  config: Resolved,
  { headers, invalidHeaders, query, retry, timeout }: RequestOptions.Options
): Either.Either<Pick<Resolved, "timeout" | "retry" | "headers" | "query">, ConfigError.ConfigError> =>
  timeout === undefined && retry === undefined && headers === undefined && query === undefined ?
    Either.right(config) :
    Either.gen(function*() {
      yield* resolveHeaders(headers ?? {}, invalidHeaders)
      return {
        timeout: timeout === undefined ? config.timeout : yield* positive(["timeout"], timeout),
        retry: yield* resolveRetry(retry ?? {}, config.retry),
        // Names that differ only in case are sent once: the last one wins.
        headers: { ...config.headers, ...headers },
        query: yield* resolveQuery(query)
      }
    })

/**
 * The upper bound for requests of one bulk in flight.
 *
 * It bounds the memory, because each request keeps its body.
 *
 * @internal
 */
export const mostAtOnce = 1_000

/**
 * Resolves and validates the options of a bulk.
 *
 * @internal
 */
export const inBulk = (
  config: Pick<Resolved, "concurrency">,
  options: Bulk.StreamOptions
): Either.Either<
  { readonly concurrency: number; readonly linger: Duration.Duration; readonly grace: Duration.Duration },
  ConfigError.ConfigError
> =>
  Either.gen(function*() {
    const concurrency = options.concurrency ?? config.concurrency
    yield* check(["concurrency"], isPositiveInteger(concurrency), "must be a whole number of at least 1")
    return {
      concurrency: Math.min(concurrency, mostAtOnce),
      linger: yield* duration(["linger"], options.linger ?? "100 millis"),
      grace: yield* duration(["grace"], options.grace ?? 0)
    }
  })

const invalid = (path: Array<string>, problem: string): ConfigError.ConfigError =>
  ConfigError.InvalidData(path, `${path.join(".")} ${problem}`)

const check = (path: Array<string>, ok: boolean, problem: string): Either.Either<void, ConfigError.ConfigError> =>
  ok ? Either.void : Either.left(invalid(path, problem))

const isPositiveInteger = (n: number): boolean => Number.isSafeInteger(n) && n > 0

// `Duration` decodes negative numbers and NaN as zero.
const isNegative = (input: Duration.DurationInput): boolean => {
  if (Duration.isDuration(input)) return false
  if (typeof input === "string") return input.startsWith("-")
  return typeof input === "object" ? input.some((n) => !(n >= 0)) : !(input >= 0)
}

const duration = (
  path: Array<string>,
  input: Duration.DurationInput
): Either.Either<Duration.Duration, ConfigError.ConfigError> =>
  Either.gen(function*() {
    const decoded = yield* Either.fromOption(
      Duration.decodeUnknown(input),
      () => invalid(path, "must be a duration, such as \"2 seconds\"")
    )
    yield* check(path, !isNegative(input), "must not be negative")
    return decoded
  })

const positive = (
  path: Array<string>,
  input: Duration.DurationInput
): Either.Either<Duration.Duration, ConfigError.ConfigError> =>
  Either.gen(function*() {
    const decoded = yield* duration(path, input)
    yield* check(path, Duration.toMillis(decoded) > 0, "must be greater than zero")
    return decoded
  })

const resolveRetry = (
  options: RetryPolicy.Options,
  base?: RetryPolicy.RetryPolicy
): Either.Either<RetryPolicy.RetryPolicy, ConfigError.ConfigError> =>
  Either.gen(function*() {
    yield* check(["retry"], isPlainRecord(options), "must be a record, such as { attempts: 4 }")
    if (options.elapsed !== undefined) yield* positive(["retry", "elapsed"], options.elapsed)
    if (options.maximumDelay !== undefined) yield* duration(["retry", "maximumDelay"], options.maximumDelay)
    if (options.initialDelay !== undefined) {
      const initialDelay = yield* duration(["retry", "initialDelay"], options.initialDelay)
      yield* check(["retry", "initialDelay"], Duration.isFinite(initialDelay), "must be finite")
    }
    const retry = RetryPolicy.make(options, base)
    yield* check(["retry", "attempts"], isPositiveInteger(retry.attempts), "must be a whole number of at least 1")
    return retry
  })

const resolveHeaders = (
  headers: Readonly<Record<string, string>>,
  problem = Headers.problem(headers)
): Either.Either<void, ConfigError.ConfigError> =>
  problem === undefined ? Either.void : Either.left(invalid(["headers"], problem))

const resolveQuery = (
  query: RequestOptions.Options["query"]
): Either.Either<RequestOptions.Options["query"], ConfigError.ConfigError> => {
  if (query === undefined) return Either.right(undefined)
  if (!isPlainRecord(query)) return Either.left(invalid(["query"], "must be a record of names and values"))
  const problem = Object.entries(query).find(([, value]) => !isQueryValue(value))
  return problem === undefined
    ? Either.right(query)
    : Either.left(invalid(["query", problem[0]], "must be text, a number or a boolean"))
}

const isQueryValue = (u: unknown): u is QueryValue =>
  u === undefined || typeof u === "string" || typeof u === "boolean" || (typeof u === "number" && Number.isFinite(u))

const checkAppInfo = (appInfo: Settings["appInfo"] | null): Either.Either<void, ConfigError.ConfigError> => {
  if (appInfo === undefined || appInfo === null) return Either.void
  if (!isPlainRecord(appInfo)) {
    return Either.left(invalid(["appInfo"], "must be a record, such as { name: \"billing\" }"))
  }
  const { name, version } = appInfo
  return Either.andThen(
    check(["appInfo", "name"], typeof name === "string" && name.trim() !== "", "must be text that is not blank"),
    check(["appInfo", "version"], version === undefined || typeof version === "string", "must be text, or left out")
  )
}

const parseBaseUrl = (baseUrl: string | undefined): Either.Either<URL, ConfigError.ConfigError> => {
  // The message must not contain the URL, which may include a password.
  const fail = (problem: string) => Either.left(invalid(["baseUrl"], problem))
  if (typeof (baseUrl ?? "") !== "string") return fail(`must be text, got ${describe(baseUrl)}`)
  const text = baseUrl?.trim() || defaultBaseUrl
  if (!/^https?:\/\//i.test(text)) {
    return fail("must begin with https:// or http://, as \"https://hub.suprsend.com\" does")
  }
  if (/\p{Cc}/u.test(text)) return fail("must not have a line break or another control character in it")
  const url = Option.liftThrowable(() => new URL(text.endsWith("/") ? text : `${text}/`))()
  if (Option.isNone(url)) return fail("must be a URL, as \"https://hub.suprsend.com\" is")
  if (url.value.search !== "" || url.value.hash !== "") return fail("must not have a query or a fragment: leave it out")
  if (url.value.username !== "" || url.value.password !== "") {
    return fail("must not have a user or a password: leave it out")
  }
  return Either.right(url.value)
}
