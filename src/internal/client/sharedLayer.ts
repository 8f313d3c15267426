import * as FetchHttpClient from "@effect/platform/FetchHttpClient"
import * as HttpClient from "@effect/platform/HttpClient"
import * as Context from "effect/Context"
import * as DefaultServices from "effect/DefaultServices"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as FiberRef from "effect/FiberRef"
import * as Hash from "effect/Hash"
import * as RcMap from "effect/RcMap"
import * as Scope from "effect/Scope"

/**
 * What a resource is made from: the same things make the same resource.
 */
class Origin<R> implements Equal.Equal {
  constructor(private readonly things: ReadonlyArray<unknown>, readonly context: Context.Context<R>) {}

  [Equal.symbol](that: Equal.Equal): boolean {
    return that instanceof Origin && this.things.length === that.things.length &&
      this.things.every((thing, i) => thing === that.things[i])
  }

  [Hash.symbol](): number {
    return this.things.reduce<number>((hash, thing) => Hash.combine(Hash.hash(thing))(hash), Hash.hash("Origin"))
  }
}

/**
 * Shares a resource among all builds of a layer for as long as one of them lives, one for each set of things that it is made from.
 *
 * A layer with requirements must not be memoized by its reference, or two that are provided with different clients would send
 * through the first. So such layers are fresh; and as `Layer.provideMerge` builds a fresh layer twice, what must be one is shared by
 * this.
 *
 * @internal
 */
export const shared = <A, E, R, R2>(
  things: Effect.Effect<ReadonlyArray<unknown>, never, R2>,
  acquire: Effect.Effect<A, E, R | Scope.Scope>
): Effect.Effect<A, E, R | R2 | Scope.Scope> => {
  const lookup = ({ context }: Origin<R>): Effect.Effect<A, E, Scope.Scope> =>
    Effect.mapInputContext(acquire, (scope: Context.Context<Scope.Scope>) => Context.merge(context, scope))
  // Its scope holds nothing by itself: each resource is released with the last that uses it.
  const resources = Effect.runSync(
    Effect.flatMap(Scope.make(), (scope) => Scope.extend(RcMap.make({ lookup }), scope))
  )
  return Effect.flatMap(
    things,
    (things) => Effect.flatMap(Effect.context<R>(), (context) => RcMap.get(resources, new Origin(things, context)))
  )
}

/** What a limiter is made from, beside its options. */
export const ofLimiter: Effect.Effect<ReadonlyArray<unknown>> = Effect.map(Effect.clock, (clock) => [clock])

/** What a client is made from, beside its options. */
export const ofClient: Effect.Effect<ReadonlyArray<unknown>, never, HttpClient.HttpClient> = Effect.gen(function*() {
  const services = yield* FiberRef.get(DefaultServices.currentServices)
  const { unsafeMap } = yield* Effect.context<HttpClient.HttpClient>()
  const transport = [HttpClient.HttpClient, FetchHttpClient.Fetch, FetchHttpClient.RequestInit]
  return [...services.unsafeMap.values(), ...transport.map(({ key }) => unsafeMap.get(key))]
})
