import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { globalValue } from "effect/GlobalValue"

/** The clients of a workspace that were made since a time. */
interface Made {
  readonly clock: Clock.Clock
  readonly since: number
  readonly count: number
}

const window = 10_000

const many = 10

// One table for all copies of this package in a process.
const made = globalValue("effect-suprsend/manyClients", () => new Map<string, Made>())

/**
 * Notes that a limiter was made for a client of that workspace, and warns once where there were many in a short time: most likely a layer is
 * provided anew for each call, and then nothing keeps the rate limit.
 *
 * @internal
 */
export const note = (workspace: string): Effect.Effect<void> =>
  Effect.flatMap(Effect.clock, (clock) =>
    Effect.suspend(() => {
      const now = clock.unsafeCurrentTimeMillis()
      const before = made.get(workspace)
      const goesOn = before !== undefined && before.clock === clock && now - before.since < window
      const count = goesOn ? before.count + 1 : 1
      // Only the latest workspaces are of interest.
      made.delete(workspace)
      made.set(workspace, { clock, since: goesOn ? before.since : now, count })
      for (const oldest of made.keys()) {
        if (made.size <= 100) break
        made.delete(oldest)
      }
      return count === many ? Effect.logWarning(message(workspace)) : Effect.void
    }))

const message = (workspace: string): string =>
  `${many} clients for the workspace "${workspace}" were made within ${
    window / 1000
  } seconds, each with a rate limit of its own. ` +
  "Most likely a layer is provided anew for each call: keep it in a constant, and provide it once, at the edge of the program " +
  "(ManagedRuntime.make, or Effect.provide around all of it)"
