import * as Effect from "effect/Effect"

/**
 * Where insert ids come from, unless a test says otherwise. Whoever knows it can make them without an effect for each.
 *
 * @internal
 */
export const fromCrypto: Effect.Effect<string> = Effect.sync(() => globalThis.crypto.randomUUID())
