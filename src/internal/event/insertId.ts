import * as Effect from "effect/Effect"

/**
 * Generates an insert id: a UUID of version 4 from the runtime's cryptographic random source.
 *
 * `uuid.write` does the same where the id is only needed as bytes.
 *
 * @internal
 */
export const generate = (): string => globalThis.crypto.randomUUID()

/**
 * The default source of insert ids. A caller that recognizes it can use `generate` instead.
 *
 * @internal
 */
export const fromCrypto: Effect.Effect<string> = Effect.sync(generate)
