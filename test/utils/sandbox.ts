import type * as HttpClient from "@effect/platform/HttpClient"
import { it } from "@effect/vitest"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as UsersService from "effect-suprsend/UsersService"
import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export type Services =
  | UsersService.UsersService
  | SuprsendClient.SuprsendClient
  | Sandbox.Sandbox
  | HttpClient.HttpClient
  | RateLimiter.RateLimiter

/** Users over a sandbox, with the given settings. There is a limiter only if they have a rate limit. */
export const sandboxed = (
  settings: SuprsendConfig.Settings = {}
): Layer.Layer<Services, ConfigError.ConfigError> =>
  UsersService.layer.pipe(
    Layer.provideMerge(SuprsendClient.layerWithoutRateLimiter({ ...Sandbox.credentials, ...settings })),
    Layer.provideMerge(
      settings.rateLimit === undefined ? RateLimiter.layerNoop : RateLimiter.layerMemory(settings.rateLimit)
    ),
    Layer.provideMerge(Sandbox.layer)
  )

/** Makes a `test` whose body is given the users and the sandbox of a layer, a new one each time. */
export const testOver = <E2>(layer: Layer.Layer<UsersService.UsersService | Sandbox.Sandbox, E2>) =>
<E>(
  name: string,
  run: (
    users: UsersService.UsersService.Service,
    sandbox: Sandbox.Sandbox.Service
  ) => Effect.Effect<void, E>
): void =>
  it.effect(
    name,
    () =>
      Effect.flatMap(Effect.zip(UsersService.UsersService, Sandbox.Sandbox), ([users, sandbox]) => run(users, sandbox))
        .pipe(Effect.provide(layer))
  )
