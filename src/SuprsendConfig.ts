/**
 * What a client must know: the credentials, and whatever should differ from the defaults.
 *
 * @since 0.1.0
 */
import type * as HttpClient from "@effect/platform/HttpClient"
import * as Config from "effect/Config"
import * as ConfigError from "effect/ConfigError"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type * as Bulk from "./Bulk.js"
import * as userAgent from "./internal/userAgent.js"
import type * as RateLimiter from "./RateLimiter.js"
import type * as RequestOptions from "./RequestOptions.js"
import * as RetryPolicy from "./RetryPolicy.js"

/**
 * The key and the secret of a workspace, with which requests are signed.
 *
 * @since 0.1.0
 * @category models
 */
export interface WorkspaceCredentials {
  readonly workspaceKey: string
  readonly workspaceSecret: Redacted.Redacted
  readonly apiKey?: never
  readonly workspaceUid?: never
}

/**
 * An API key, which is sent as it is (OpenAPI: `Authorization: Bearer`).
 *
 * Asynchronous events name their workspace: give `workspaceUid` (in the dashboard under Settings > General) if you send any
 * (newer Python SDK).
 *
 * @since 0.1.0
 * @category models
 */
export interface ApiKeyCredentials {
  readonly apiKey: Redacted.Redacted
  readonly workspaceUid?: string | undefined
  readonly workspaceKey?: never
  readonly workspaceSecret?: never
}

/**
 * Either of the two ways in which SuprSend knows its customers.
 *
 * @since 0.1.0
 * @category models
 */
export type Credentials = WorkspaceCredentials | ApiKeyCredentials

/**
 * What may be left out.
 *
 * @since 0.1.0
 * @category models
 */
export interface Settings {
  /** Default `https://hub.suprsend.com/`. A path is kept, and is part of what is signed. */
  readonly baseUrl?: string | undefined
  /** The most requests in any window, however the window is placed. Default 1000 per second (Seed). */
  readonly rateLimit?: RateLimiter.RateLimiter.Options | undefined
  /** What is tried again. Default: four attempts within a minute. */
  readonly retry?: RetryPolicy.Options | undefined
  /** How long one attempt may take, reading the answer included. Default 30 seconds. */
  readonly timeout?: Duration.DurationInput | undefined
  /**
   * How many requests of one bulk call may be in flight at once, a whole number of at least 1. More than 1,000 counts as 1,000.
   *
   * @default 128
   */
  readonly concurrency?: number | undefined
  /** Further headers of every request. Those that are signed or name the SDK stay the client's. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The application on whose behalf requests are sent; it joins the user agent. */
  readonly appInfo?: { readonly name: string; readonly version?: string | undefined } | undefined
  /** A last hand on the client that sends: a metric, a log. Each attempt passes through it, signed. */
  readonly transformClient?: ((client: HttpClient.HttpClient) => HttpClient.HttpClient) | undefined
}

/**
 * What the layers take.
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
export type Options = Credentials & Settings

/**
 * Credentials and base URL from `SUPRSEND_WORKSPACE_KEY` and `SUPRSEND_WORKSPACE_SECRET`, or else from `SUPRSEND_API_KEY` (and
 * `SUPRSEND_WORKSPACE_UID`); `SUPRSEND_BASE_URL` may be left out.
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
export const config: Config.Config<Options> = Config.all({
  credentials: Config.all({
    workspaceKey: Config.string("SUPRSEND_WORKSPACE_KEY"),
    workspaceSecret: Config.redacted("SUPRSEND_WORKSPACE_SECRET")
  }).pipe(
    Config.map((credentials): Credentials => credentials),
    Config.orElse(() =>
      Config.all({
        apiKey: Config.redacted("SUPRSEND_API_KEY"),
        workspaceUid: Config.withDefault(Config.nonEmptyString("SUPRSEND_WORKSPACE_UID"), undefined)
      })
    )
  ),
  baseUrl: Config.withDefault(Config.string("SUPRSEND_BASE_URL"), undefined)
}).pipe(Config.map(({ baseUrl, credentials }): Options => ({ ...credentials, baseUrl })))

/**
 * The options with every default filled in and every input checked.
 *
 * @internal
 */
export interface Resolved {
  readonly credentials: Credentials
  /** What asynchronous events call their workspace. */
  readonly env: string | undefined
  readonly origin: string
  readonly host: string
  /** The path of the base URL, with which every signed path begins; ends with a slash. */
  readonly basePath: string
  readonly timeout: Duration.Duration
  readonly retry: RetryPolicy.RetryPolicy
  readonly concurrency: number
  readonly headers: Readonly<Record<string, string>>
  readonly userAgent: userAgent.UserAgent
  readonly transformClient: (client: HttpClient.HttpClient) => HttpClient.HttpClient
}

const defaultBaseUrl = "https://hub.suprsend.com/"

/** @internal */
export const resolve = (options: Options): Either.Either<Resolved, ConfigError.ConfigError> =>
  Either.gen(function*() {
    yield* checkCredentials(options)
    const url = yield* parseBaseUrl(options.baseUrl)
    const timeout = yield* duration(["timeout"], options.timeout ?? "30 seconds")
    yield* check(["timeout"], Duration.toMillis(timeout) > 0, "must be longer than nothing")
    const retry = yield* resolveRetry(options.retry ?? {})
    const concurrency = options.concurrency ?? 128
    yield* check(["concurrency"], isPositiveInteger(concurrency), "must be a whole number of at least 1")
    yield* check(["headers"], areHeaders(options.headers ?? {}), "must be names and values that HTTP allows")
    return {
      credentials: options,
      env: options.workspaceKey ?? options.workspaceUid,
      origin: url.origin,
      host: url.hostname,
      basePath: url.pathname,
      timeout,
      retry,
      concurrency,
      headers: options.headers ?? {},
      userAgent: userAgent.make(options.appInfo),
      transformClient: options.transformClient ?? ((client) => client)
    }
  })

/**
 * What a region of a program changes, checked as the options of the layer are.
 *
 * @internal
 */
export const scoped = (
  config: Resolved,
  { headers, retry, timeout }: RequestOptions.Options
): Either.Either<Pick<Resolved, "timeout" | "retry" | "headers">, ConfigError.ConfigError> =>
  timeout === undefined && retry === undefined && headers === undefined ?
    Either.right(config) :
    Either.gen(function*() {
      const resolved = {
        timeout: timeout === undefined ? config.timeout : yield* duration(["timeout"], timeout),
        retry: yield* resolveRetry(retry ?? {}, config.retry),
        headers: { ...config.headers, ...headers }
      }
      yield* check(["timeout"], Duration.toMillis(resolved.timeout) > 0, "must be longer than nothing")
      yield* check(["headers"], areHeaders(resolved.headers), "must be names and values that HTTP allows")
      return resolved
    })

// Each request in flight holds its body.
const mostAtOnce = 1_000

/**
 * How a bulk is to be sent, checked as the options of the layer are.
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

const check = (path: Array<string>, ok: boolean, message: string): Either.Either<void, ConfigError.ConfigError> =>
  ok ? Either.void : Either.left(ConfigError.InvalidData(path, `${path.join(".")} ${message}`))

const isPositiveInteger = (n: number): boolean => Number.isSafeInteger(n) && n > 0

const duration = (
  path: Array<string>,
  input: Duration.DurationInput
): Either.Either<Duration.Duration, ConfigError.ConfigError> =>
  Either.fromOption(
    Duration.decodeUnknown(input),
    () => ConfigError.InvalidData(path, `${path.join(".")} must be a duration, such as "2 seconds"`)
  )

const resolveRetry = (
  options: RetryPolicy.Options,
  base?: RetryPolicy.RetryPolicy
): Either.Either<RetryPolicy.RetryPolicy, ConfigError.ConfigError> =>
  Either.gen(function*() {
    for (const key of ["elapsed", "initialDelay", "maximumDelay"] as const) {
      if (options[key] !== undefined) yield* duration(["retry", key], options[key])
    }
    const retry = RetryPolicy.make(options, base)
    yield* check(["retry", "attempts"], isPositiveInteger(retry.attempts), "must be a whole number of at least 1")
    yield* check(["retry", "elapsed"], Duration.toMillis(retry.elapsed) > 0, "must be longer than nothing")
    return retry
  })

// What a header can hold: anything else would be refused by the runtime on each request, with the value in its message.
const isHeaderValue = (u: unknown): boolean =>
  typeof u === "string" && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(u)

// From an environment variable that is not set, `Redacted.make(process.env.SECRET!)`, comes undefined, whatever the types say.
const reveal = (u: unknown): unknown => Redacted.isRedacted(u) ? Redacted.value(u) : undefined

const checkCredentials = (credentials: Credentials): Either.Either<void, ConfigError.ConfigError> => {
  const header = "must be the text from the SuprSend dashboard, without blanks or line breaks around it"
  if (credentials.apiKey !== undefined) {
    return Either.andThen(
      check(["apiKey"], isHeaderValue(reveal(credentials.apiKey)), `${header}, as a Redacted`),
      check(["workspaceUid"], credentials.workspaceUid?.trim() !== "", "must not be blank: leave it out")
    )
  }
  const secret = reveal(credentials.workspaceSecret)
  return Either.andThen(
    check(["workspaceKey"], isHeaderValue(credentials.workspaceKey), header),
    check(["workspaceSecret"], typeof secret === "string" && secret !== "", "must be a Redacted that is not empty")
  )
}

const parseBaseUrl = (baseUrl: string | undefined): Either.Either<URL, ConfigError.ConfigError> => {
  const text = baseUrl?.trim() || defaultBaseUrl
  const url = Option.liftThrowable(() => new URL(text.endsWith("/") ? text : `${text}/`))()
  return Option.isSome(url) && /^https?:$/.test(url.value.protocol) && url.value.search === "" &&
      url.value.hash === "" && url.value.username === "" && url.value.password === ""
    ? Either.right(url.value)
    : Either.left(ConfigError.InvalidData(["baseUrl"], "baseUrl must be an http or https URL without a query or user"))
}

// Not as `new Headers` has it, which trims a line break at the end of a value that undici then refuses on each request.
const areHeaders = (headers: Readonly<Record<string, unknown>>): boolean =>
  Object.entries(headers).every(([name, value]) =>
    /^[\w!#$%&'*+.^`|~-]+$/.test(name) && typeof value === "string" && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
  )
