import type * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"

/**
 * Shares a resource among all builds of a layer for as long as one of them lives, one for each clock.
 *
 * A layer with requirements must not be memoized by its reference, or two that are provided with different clients would send
 * through the first. So such layers are fresh, and what must be one for a layer value, its limiter, is shared by this.
 *
 * @internal
 */
export const shared = <A, E>(acquire: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> => {
  // Its scope holds nothing by itself: each resource is released with the last that uses it.
  const resources = Effect.runSync(
    Effect.flatMap(Scope.make(), (scope) => Scope.extend(RcMap.make({ lookup: (_: Clock.Clock) => acquire }), scope))
  )
  return Effect.clockWith((clock) => RcMap.get(resources, clock))
}
