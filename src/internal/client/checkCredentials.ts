import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import type { Credentials } from "../../SuprsendConfig.js"
import { describe } from "../support/json.js"

/**
 * A problem with an option: the end of a sentence that starts with the name of the option.
 *
 * @internal
 */
export interface Problem {
  readonly field: string
  readonly problem: string
}

/**
 * Validates the credentials. Problems never contain their values.
 *
 * @internal
 */
export const resolve = (given: {
  readonly workspaceKey?: unknown
  readonly workspaceSecret?: unknown
  readonly apiKey?: unknown
  readonly workspaceUid?: unknown
}): Either.Either<Credentials, Problem> => {
  const signed = isGiven(given.workspaceKey) || isGiven(given.workspaceSecret)
  if (signed && isGiven(given.apiKey)) {
    return fail("apiKey", "must not come with workspaceKey and workspaceSecret: leave one of the two out")
  }
  if (signed && isGiven(given.workspaceUid)) {
    return fail("workspaceUid", "must not come with workspaceKey and workspaceSecret: leave it out")
  }
  return Either.gen(function*() {
    if (!isGiven(given.apiKey) && !isGiven(given.workspaceUid)) {
      const workspaceKey = yield* text("workspaceKey", given.workspaceKey, apiKeys)
      const workspaceSecret = yield* secret("workspaceSecret", given.workspaceSecret)
      yield* inHeader("workspaceKey", workspaceKey)
      return { workspaceKey, workspaceSecret: Redacted.make(workspaceSecret) }
    }
    const apiKey = yield* secret("apiKey", given.apiKey)
    if (/^bearer\s/i.test(apiKey)) return yield* fail("apiKey", "must be the key alone: remove \"Bearer\" before it")
    yield* inHeader("apiKey", apiKey)
    // Events name their workspace by this UID; an API key alone is not enough for them.
    const workspaceUid = yield* text(
      "workspaceUid",
      given.workspaceUid,
      "events need it beside an API key, copy it from Settings > General in the SuprSend dashboard"
    )
    return { apiKey: Redacted.make(apiKey), workspaceUid }
  })
}

const apiKeys = "copy it from Settings > API Keys in the SuprSend dashboard"

const fail = (field: string, problem: string) => Either.left<Problem>({ field, problem })

// A missing environment variable is undefined at runtime, whatever its type says.
const isGiven = (u: unknown): boolean => u !== undefined && u !== null

const secret = (field: string, u: unknown): Either.Either<string, Problem> => {
  if (!isGiven(u)) return fail(field, `is missing: ${apiKeys}`)
  if (!Redacted.isRedacted(u)) return fail(field, `must be a Redacted, got ${describe(u)}: wrap it with Redacted.make`)
  return Option.match(Option.liftThrowable(() => Redacted.value(u))(), {
    onNone: () =>
      fail(field, "must hold its text, and was wiped (Redacted.unsafeWipe): make the layer with a new Redacted"),
    onSome: (value) => text(field, value, apiKeys)
  })
}

const text = (field: string, u: unknown, where: string): Either.Either<string, Problem> => {
  if (!isGiven(u)) return fail(field, `is missing: ${where}`)
  if (typeof u !== "string") return fail(field, `must be text, got ${describe(u)}`)
  const problem = ofText(u, where)
  return problem === undefined ? Either.right(u) : fail(field, problem)
}

// Nothing is trimmed: another program that reads the same file or variable would still fail.
const ofText = (text: string, where: string): string | undefined => {
  if (text.trim() === "") return `must not be blank: ${where}`
  if (/[\r\n]$/.test(text)) return "must not end with a line break: remove it from the file or variable"
  if (text.startsWith("\ufeff")) return "must not begin with a byte order mark: save the file without one"
  if (text.trim() !== text) return "must not begin or end with white space: remove it from the file or variable"
  if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) {
    return `must not have a line break or an invisible character in it: ${where}`
  }
  if (/^(["'`]).*\1$/.test(text)) return "must not be in quotes: remove them"
  if (accidents.has(text)) return `must not be "${text}", which is how JavaScript prints a missing value: ${where}`
  return undefined
}

const accidents: ReadonlySet<string> = new Set(["undefined", "null", "NaN", "[object Object]", "<redacted>"])

// The runtime would refuse any other character on each request, with the value in its message.
const inHeader = (field: string, text: string): Either.Either<void, Problem> =>
  /^[\x20-\x7e]+$/.test(text) ? Either.void : fail(field, `must be ASCII text: ${apiKeys}`)
