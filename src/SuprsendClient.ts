/**
 * The HTTP client of this package: rate-limited, signing, retrying, and traced without anybody's name.
 *
 * Inside one attempt, in this order: take a slot from the limiter; stamp the date and sign the exact bytes; send; read the
 * answer, all under the timeout of the attempt. A retry repeats the whole attempt, so that every request has a slot and a fresh
 * signature of its own, while the body, its `$insert_id` and its `$time` stay what they were. One loop and one counter, bounded
 * by the attempts and the elapsed time of the retry policy.
 *
 * Services such as `UsersService` are built on it. Use it directly for an endpoint that has no method here.
 *
 * @since 0.1.0
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import type * as Headers from "@effect/platform/Headers"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Clock from "effect/Clock"
import type * as Config from "effect/Config"
import type * as ConfigError from "effect/ConfigError"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as answer from "./internal/answer.js"
import * as cut from "./internal/cut.js"
import * as platformSender from "./internal/platformSender.js"
import * as redactor from "./internal/redactor.js"
import { type Progress, Sender } from "./internal/sender.js"
import * as transport from "./internal/transport.js"
import * as RateLimiter from "./RateLimiter.js"
import * as RequestOptions from "./RequestOptions.js"
import * as RetryPolicy from "./RetryPolicy.js"
import * as SuprsendConfig from "./SuprsendConfig.js"
import type { RequestError } from "./SuprsendError.js"

/**
 * The client as a service.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { SuprsendClient } from "effect-suprsend/SuprsendClient"
 *
 * const objects = Effect.gen(function*() {
 *   const client = yield* SuprsendClient
 *   return yield* client.execute({
 *     call: "objects.list",
 *     method: "GET",
 *     template: "/v1/object/{object_type}/",
 *     params: { object_type: "departments" },
 *     query: { limit: 10 }
 *   })
 * })
 * ```
 *
 * @since 0.1.0
 * @category tags
 */
export class SuprsendClient extends Context.Tag("effect-suprsend/SuprsendClient")<
  SuprsendClient,
  SuprsendClient.Service
>() {}

/**
 * The types of the service.
 *
 * @since 0.1.0
 */
export declare namespace SuprsendClient {
  /**
   * What a client does.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Service {
    /** Sends a request, as often as the retry policy allows, and gives the first answer of status 2xx. */
    readonly execute: (request: Request) => Effect.Effect<Response, RequestError>
    /** What asynchronous events call their workspace: the workspace key, or the workspace UID that came with an API key. */
    readonly workspace: string | undefined
    /** The user agent, which every asynchronous event repeats. */
    readonly userAgent: string
    /** How many requests of one bulk call are under way at once. */
    readonly concurrency: number
  }

  /**
   * A request, without what the client adds: base URL, credentials, headers.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Request {
    /** The name of the call, in spans and in errors. */
    readonly call: string
    readonly method: "GET" | "POST" | "PATCH" | "DELETE"
    /** The path below the base URL, with `{name}` where a parameter goes. Spans hold this, and not the parameters. */
    readonly template: string
    /** The parameters of the path, each of which becomes one segment, percent-encoded. */
    readonly params?: Readonly<Record<string, string>> | undefined
    /** The query in this order; undefined members are left out. */
    readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
    /** The body, serialised once: these bytes are signed and sent. */
    readonly body?: string | Uint8Array | undefined
    /** False if doing it twice is wrong and nothing guards against it. Default true. */
    readonly repeatable?: boolean | undefined
    /** True if nobody reads the answer: then its status settles the request, even if its body is cut or never ends. */
    readonly discard?: boolean | undefined
    /** When this succeeds, the call ends as one does whose time is up. */
    readonly giveUpWhen?: Effect.Effect<unknown> | undefined
    /** The insert id in the body, for the errors. */
    readonly insertId?: string | undefined
    /** What must not appear in an error, should the server echo it. */
    readonly secrets?: (() => ReadonlyArray<string>) | undefined
  }

  /**
   * An answer of status 2xx. Printed, it shows push tokens, access tokens and webhook addresses masked; `body` has them.
   *
   * @since 0.1.0
   * @category models
   */
  export interface Response {
    readonly status: number
    readonly headers: Headers.Headers
    /** The body as text; empty if the request discards it. */
    readonly body: string
    /** How many requests were sent. */
    readonly attempts: number
  }
}

/**
 * The service over an `HttpClient` and a `RateLimiter`. Fails if an option is not usable, and says which.
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  options: SuprsendConfig.Options
): Effect.Effect<
  SuprsendClient.Service,
  ConfigError.ConfigError,
  HttpClient.HttpClient | RateLimiter.RateLimiter
> =>
  Effect.gen(function*() {
    const config = yield* SuprsendConfig.resolve(options)
    const limiter = yield* RateLimiter.RateLimiter
    const http = yield* HttpClient.HttpClient
    const lean = options.transformClient === undefined ? yield* Effect.serviceOption(Sender) : Option.none()
    const requestInit = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
    const send = Option.getOrElse(lean, () => platformSender.make(config.transformClient(http), requestInit))
    const secrets = secretsOf(config.credentials)
    const usualHeaders = transport.staticHeaders(config, config.headers)

    const execute = (request: SuprsendClient.Request, options: RequestOptions.Options) =>
      // Options that are of no use are a mistake in a program, and have no place among the errors of each call.
      Effect.flatMap(Effect.orDie(SuprsendConfig.scoped(config, options)), ({ headers, retry, timeout }) =>
        repeat(limiter, request, {
          policy: retry,
          timeout: Duration.toMillis(timeout),
          secrets,
          attempt: transport.attempt(
            send,
            config.credentials,
            transport.prepare(
              config,
              request,
              headers === config.headers ? usualHeaders : transport.staticHeaders(config, headers)
            ),
            { timeout, discard: request.discard ?? false }
          )
        }))

    return {
      execute: (request) =>
        Effect.matchEffect(Effect.flatMap(RequestOptions.RequestOptions, (options) => execute(request, options)), {
          onSuccess: (response) =>
            Effect.zipRight(annotate(response.attempts, response.status), Effect.as(keep(response), response)),
          onFailure: (error) =>
            Effect.zipRight(
              annotate(error.attempts, "status" in error ? error.status : undefined),
              Effect.fail(error)
            )
        }).pipe(
          Effect.withSpan(request.call, {
            kind: "client",
            captureStackTrace: false,
            attributes: {
              "http.request.method": request.method,
              "url.template": request.template,
              "server.address": config.host
            }
          })
        ),
      workspace: config.env,
      userAgent: config.userAgent.header,
      concurrency: config.concurrency
    }
  })

/**
 * Where the answers of a region of code are kept, if anybody wants them.
 */
class Answers extends Context.Reference<Answers>()("effect-suprsend/SuprsendClient/Answers", {
  defaultValue: () => Option.none<Ref.Ref<Option.Option<SuprsendClient.Response>>>()
}) {}

const keep = (response: SuprsendClient.Response): Effect.Effect<void> =>
  Effect.flatMap(
    Answers,
    Option.match({ onNone: () => Effect.void, onSome: (answers) => Ref.set(answers, Option.some(response)) })
  )

/**
 * The value of an effect, with the answer from which it was read: status, headers, body, attempts. Of several calls in the
 * effect it is the last one's; of none it is none.
 *
 * @example
 * ```ts
 * import { Effect, Option } from "effect"
 * import { withResponse } from "effect-suprsend/SuprsendClient"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * const program = Effect.gen(function*() {
 *   const users = yield* UsersService
 *   const [user, response] = yield* withResponse(users.get("user-42"))
 *   return { user, requestId: Option.map(response, ({ headers }) => headers["x-request-id"]) }
 * })
 * ```
 *
 * @since 0.1.0
 * @category combinators
 */
export const withResponse = <A, E, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<readonly [value: A, response: Option.Option<SuprsendClient.Response>], E, R> =>
  Effect.flatMap(
    Ref.make(Option.none<SuprsendClient.Response>()),
    (answers) => Effect.zip(Effect.provideService(effect, Answers, Option.some(answers)), Ref.get(answers))
  )

const secretsOf = (credentials: SuprsendConfig.Credentials): ReadonlyArray<string> => [
  Redacted.value(credentials.apiKey ?? credentials.workspaceSecret)
]

const annotate = (attempts: number, status: number | undefined): Effect.Effect<void> =>
  Effect.annotateCurrentSpan({
    "suprsend.attempts": attempts,
    ...(status === undefined ? undefined : { "http.response.status_code": status })
  })

/**
 * The loop around the attempts: one counter, one deadline.
 */
const repeat = (
  limiter: RateLimiter.RateLimiter.Service,
  request: SuprsendClient.Request,
  { attempt, policy, secrets, timeout }: {
    readonly policy: RetryPolicy.RetryPolicy
    /** Of one attempt, in milliseconds. */
    readonly timeout: number
    readonly secrets: ReadonlyArray<string>
    readonly attempt: ReturnType<typeof transport.attempt>
  }
): Effect.Effect<SuprsendClient.Response, RequestError> =>
  Effect.flatMap(Clock.currentTimeMillis, (started) => {
    const repeatable = request.repeatable ?? true
    let attempts = 0
    let underWay: Progress | undefined
    let last: answer.Failed | undefined
    // Whether one of the attempts may have been carried out.
    let uncertain = false

    const giveUp = (failed: answer.Failed): Effect.Effect<never, RequestError> => {
      uncertain = uncertain || answer.mayBeApplied(failed.failure)
      return Effect.fail(failed.error({
        call: request.call,
        attempts,
        repeatable,
        applied: uncertain ? "unknown" : "no",
        insertId: request.insertId,
        clean: redactor.make([...secrets, ...(request.secrets?.() ?? [])])
      }))
    }

    const counted = Effect.suspend(() => {
      attempts++
      underWay = { head: undefined }
      return attempt(underWay)
    })

    const again = (failed: answer.Failed): Effect.Effect<SuprsendClient.Response, RequestError> =>
      Effect.flatMap(Effect.zip(Clock.currentTimeMillis, Random.next), ([now, random]) => {
        const { failure } = failed
        last = failed
        underWay = undefined
        uncertain = uncertain || answer.mayBeApplied(failure)
        const wait = RetryPolicy.decide(policy, { attempts, elapsed: now - started, failure, repeatable, random })
        return Effect.zipRight(
          coolDown(limiter, failure, wait),
          Option.match(wait, {
            onNone: () => giveUp(failed),
            onSome: (wait) =>
              Effect.logDebug(`${request.call}: attempt ${attempts} failed, the next in ${Duration.format(wait)}`).pipe(
                Effect.zipRight(Effect.sleep(wait)),
                Effect.zipRight(Effect.suspend(() => loop))
              )
          })
        )
      })

    const done = ({ body, head }: transport.Answered) => Effect.succeed(new transport.Response(head, body, attempts))

    const loop: Effect.Effect<SuprsendClient.Response, RequestError> = Effect.matchEffect(limiter.limit(counted), {
      onFailure: again,
      onSuccess: done
    })

    // An attempt that is under way then counts by its status, if it has one already, as one that runs into its timeout does.
    const cutOff = (nothingSent: answer.Failed, noAnswer: answer.Failed) =>
      underWay === undefined
        ? giveUp(last ?? nothingSent)
        : Effect.matchEffect(transport.cutOff(underWay, noAnswer, request.discard ?? false), {
          onFailure: (failed) => Effect.zipRight(coolDown(limiter, failed.failure, Option.none()), giveUp(failed)),
          onSuccess: done
        })

    const outOfTime = Effect.suspend(() => cutOff(nothingSent(policy.elapsed), answer.tooLate(policy.elapsed)))

    const bounded = (effect: Effect.Effect<SuprsendClient.Response, RequestError>) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const left = Math.max(0, Duration.toMillis(policy.elapsed) - (now - started))
        const inTime = Effect.as(Effect.sleep(left), outOfTime)
        const { giveUpWhen } = request
        if (giveUpWhen === undefined) return cut.by(effect, [inTime])
        const givenUp = Effect.suspend(() => cutOff(answer.fromInterruption(false), answer.fromInterruption(true)))
        return cut.by(effect, [inTime, Effect.as(giveUpWhen, givenUp)])
      })

    // Where nothing has to be waited for, the timeout of the first attempt is all that is needed, and the rest, which costs as much as
    // everything else together, only comes with a second one.
    if (
      limiter.limitOr === undefined || request.giveUpWhen !== undefined || timeout > Duration.toMillis(policy.elapsed)
    ) {
      return bounded(loop)
    }
    return Effect.matchEffect(
      limiter.limitOr<transport.Answered, answer.Failed | typeof mustWait, never>(counted, waits),
      {
        onFailure: (failed) => bounded(failed === mustWait ? loop : again(failed)),
        onSuccess: done
      }
    )
  })

// A text, because Effect wraps objects that it fails with, and this one has to be known again.
const mustWait = "mustWait" as const

const waits: Effect.Effect<never, typeof mustWait> = Effect.fail(mustWait)

const nothingSent = (elapsed: Duration.Duration): answer.Failed =>
  answer.fromTimeout(`nothing was sent: the rate limit left no room within ${Duration.format(elapsed)}`, false)

// A 429 concerns everybody who shares the limit, those too who wait already; and it holds whether or not this call goes on.
const coolDown = (
  limiter: RateLimiter.RateLimiter.Service,
  failure: RetryPolicy.Failure,
  wait: Option.Option<Duration.Duration>
): Effect.Effect<void> =>
  failure._tag === "Status" && failure.status === 429
    ? Option.match(Option.orElse(failure.retryAfter, () => wait), { onNone: () => Effect.void, onSome: limiter.pause })
    : Effect.void

/**
 * The client over the `HttpClient` of the context, with a rate limiter of its own in memory.
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer, Redacted } from "effect"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 * import * as UsersService from "effect-suprsend/UsersService"
 *
 * const UsersLive = UsersService.layer.pipe(
 *   Layer.provide(SuprsendClient.layer({
 *     workspaceKey: "workspace-key",
 *     workspaceSecret: Redacted.make("workspace-secret")
 *   })),
 *   Layer.provide(FetchHttpClient.layer)
 * )
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: SuprsendConfig.Options
): Layer.Layer<SuprsendClient, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.provide(layerWithoutRateLimiter(options), RateLimiter.layerMemory(options.rateLimit))

/**
 * The client with its options from a `Config`, by default from the environment (see `SuprsendConfig.config`).
 *
 * @example
 * ```ts
 * import { FetchHttpClient } from "@effect/platform"
 * import { Layer } from "effect"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 *
 * const ClientLive = Layer.provide(SuprsendClient.layerConfig(), FetchHttpClient.layer)
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerConfig = (
  config: Config.Config<SuprsendConfig.Options> = SuprsendConfig.config
): Layer.Layer<SuprsendClient, ConfigError.ConfigError, HttpClient.HttpClient> =>
  Layer.unwrapEffect(Effect.map(config, layer))

/**
 * The client with the `RateLimiter` left open: for a limiter that several clients share, or a fleet, or none at all.
 *
 * @example
 * ```ts
 * import { Layer, Redacted } from "effect"
 * import * as RateLimiter from "effect-suprsend/RateLimiter"
 * import * as SuprsendClient from "effect-suprsend/SuprsendClient"
 *
 * const Unlimited = SuprsendClient.layerWithoutRateLimiter({
 *   workspaceKey: "workspace-key",
 *   workspaceSecret: Redacted.make("workspace-secret")
 * }).pipe(Layer.provide(RateLimiter.layerNoop))
 * ```
 *
 * @since 0.1.0
 * @category layers
 */
export const layerWithoutRateLimiter = (
  options: SuprsendConfig.Options
): Layer.Layer<SuprsendClient, ConfigError.ConfigError, HttpClient.HttpClient | RateLimiter.RateLimiter> =>
  Layer.effect(SuprsendClient, make(options))
