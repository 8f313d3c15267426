import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { globalValue } from "effect/GlobalValue"

/** The number of clients made for a workspace since a point in time. */
interface Made {
  readonly clock: Clock.Clock
  readonly since: number
  readonly count: number
}

const window = 10_000

const many = 10

// All copies of this package in a process share one table.
const made = globalValue("effect-suprsend/manyClients", () => new Map<string, Made>())

/**
 * Records a new limiter for a workspace, and warns once if many are made in a short time.
 *
 * Most likely a layer is then provided anew for each call, and the rate limit has no effect.
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
      // Keeps only the workspaces used last.
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
