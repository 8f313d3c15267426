import type * as ConfigError from "effect/ConfigError"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../../SuprsendConfig.js"
import * as credential from "./checkCredentials.js"

/**
 * The current credentials of a client, which a provider may replace.
 *
 * @internal
 */
export class CurrentCredentials {
  private readonly known: Array<string>

  /** @param ask returns the credentials valid now; undefined if the credentials never change */
  constructor(
    private credentials: Credentials,
    private readonly ask: Effect.Effect<Credentials, ConfigError.ConfigError> | undefined,
    private readonly semaphore: Effect.Semaphore
  ) {
    this.known = [secretOf(credentials)]
  }

  get value(): Credentials {
    return this.credentials
  }

  /** All secrets used so far, which must not appear in errors. */
  get secrets(): ReadonlyArray<string> {
    return this.known
  }

  /**
   * Asks the provider for new credentials, after SuprSend refused the current ones.
   *
   * Returns true if there are others to try. If many calls are refused at once, only one of them
   * asks.
   */
  renew(call: string, refused: Credentials): Effect.Effect<boolean> {
    const { ask } = this
    if (ask === undefined) return Effect.succeed(false)
    return this.semaphore.withPermits(1)(Effect.suspend(() => {
      if (this.credentials !== refused) return Effect.succeed(true)
      return Effect.matchEffect(Effect.flatMap(ask, (given) => Either.mapLeft(credential.resolve(given), toSentence)), {
        onFailure: (error) =>
          Effect.as(
            Effect.logWarning(
              `${call}: SuprSend refused the credentials, and there are no others: ${
                typeof error === "string" ? error : error.message
              }`
            ),
            false
          ),
        onSuccess: (given) => {
          if (secretOf(given) === secretOf(refused)) return Effect.succeed(false)
          // A client keeps its workspace, because events name it. A secret cannot replace an API
          // key.
          if (nameOf(given) !== nameOf(refused)) {
            return Effect.as(
              Effect.logWarning(
                `${call}: SuprSend refused the credentials, and the new ones are of another workspace: ` +
                  "make a layer for it"
              ),
              false
            )
          }
          this.credentials = given
          this.known.push(secretOf(given))
          return Effect.succeed(true)
        }
      })
    }))
  }
}

const toSentence = ({ field, problem }: credential.Problem): string => `credentials.${field} ${problem}`

const secretOf = (credentials: Credentials): string => Redacted.value(credentials.apiKey ?? credentials.workspaceSecret)

const nameOf = ({ workspaceKey, workspaceUid }: Credentials): string =>
  workspaceKey === undefined ? `uid ${workspaceUid}` : `key ${workspaceKey}`
