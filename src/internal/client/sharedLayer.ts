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
import { Metrics } from "../../Telemetry.js"

/** The inputs of a resource. Equal inputs give the same resource. */
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
 * Shares a resource among all overlapping builds of a layer, one per set of inputs.
 *
 * Effect memoizes a layer by reference. A layer with requirements must not be memoized: provided
 * with two different clients, both would use the first. Such layers are therefore fresh.
 * `Layer.provideMerge` builds a fresh layer twice, so this function shares what must exist only
 * once.
 *
 * @internal
 */
export const shared = <A, E, R, R2>(
  things: Effect.Effect<ReadonlyArray<unknown>, never, R2>,
  acquire: Effect.Effect<A, E, R | Scope.Scope>
): Effect.Effect<A, E, R | R2 | Scope.Scope> => {
  const lookup = ({ context }: Origin<R>): Effect.Effect<A, E, Scope.Scope> =>
    Effect.mapInputContext(acquire, (scope: Context.Context<Scope.Scope>) => Context.merge(context, scope))
  // Made at first use, because it takes milliseconds of an import (`npm run bench -- --only imports`).
  // The scope owns nothing itself: each resource is released with its last use.
  let made: RcMap.RcMap<Origin<R>, A, E> | undefined
  const resources = () =>
    made ??= Effect.runSync(Effect.flatMap(Scope.make(), (scope) => Scope.extend(RcMap.make({ lookup }), scope)))
  return Effect.flatMap(
    things,
    (things) => Effect.flatMap(Effect.context<R>(), (context) => RcMap.get(resources(), new Origin(things, context)))
  )
}

/**
 * The inputs of a limiter, in addition to its options.
 *
 * Metrics are not among them: clients of one layer share a limit, whatever they measure.
 */
export const ofLimiter: Effect.Effect<ReadonlyArray<unknown>> = Effect.map(Effect.clock, (clock) => [clock])

/** The inputs of a client, in addition to its options. */
export const ofClient: Effect.Effect<ReadonlyArray<unknown>, never, HttpClient.HttpClient> = Effect.gen(function*() {
  const services = yield* FiberRef.get(DefaultServices.currentServices)
  const { unsafeMap } = yield* Effect.context<HttpClient.HttpClient>()
  const transport = [HttpClient.HttpClient, FetchHttpClient.Fetch, FetchHttpClient.RequestInit]
  return [yield* Metrics, ...services.unsafeMap.values(), ...transport.map(({ key }) => unsafeMap.get(key))]
})
