import type * as HttpClient from "@effect/platform/HttpClient"
import * as RateLimiter from "effect-suprsend/RateLimiter"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import type * as SuprsendConfig from "effect-suprsend/SuprsendConfig"
import * as UsersService from "effect-suprsend/UsersService"
import type * as ConfigError from "effect/ConfigError"
import * as Layer from "effect/Layer"

export type Services =
  | UsersService.UsersService
  | SuprsendClient.SuprsendClient
  | Sandbox.Sandbox
  | HttpClient.HttpClient
  | RateLimiter.RateLimiter

/** Users over a sandbox, with settings of one's own; with a limiter if they say at which rate, without one otherwise. */
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
