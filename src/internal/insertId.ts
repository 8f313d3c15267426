import * as Effect from "effect/Effect"

/**
 * Where insert ids come from, unless a test says otherwise. The ids of a bulk are made without an effect for each.
 *
 * @internal
 */
export const fromCrypto: Effect.Effect<string> = Effect.sync(() => globalThis.crypto.randomUUID())

/** @internal */
export const make = (count: number, source: Effect.Effect<string>): Effect.Effect<Array<string>> =>
  source === fromCrypto
    ? Effect.sync(() => Array.from({ length: count }, () => globalThis.crypto.randomUUID()))
    : Effect.replicateEffect(source, count)
