import { describe, expect, it } from "@effect/vitest"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as Effect from "effect/Effect"
import { type Inputs, inputs, world } from "../utils/calls.js"

/** What a call put on the wire, whatever was answered; the clock of the test stands still. */
const sent = (call: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function*() {
    const sandbox = yield* Sandbox.Sandbox
    const before = (yield* sandbox.requests).length
    // Refused, so that one call is one request, and the next one finds the world as it was.
    yield* sandbox.script([Sandbox.status(405)])
    yield* Effect.exit(call)
    const requests = (yield* sandbox.requests).slice(before)
    return requests.map(({ body, headers, method, uri }) => ({ method, uri, headers, body }))
  })

// An input as it would be read from JSON anew; an edit is an immutable value.
const copied = (inputs: Inputs): Inputs => ({ ...structuredClone({ ...inputs, edit: null }), edit: inputs.edit })

describe("the same input gives the same bytes, of a request that the server can read", () => {
  for (const [name] of Effect.runSync(Effect.provide(world, Suprsend.layerTest))) {
    it.effect.prop(name, inputs, (inputs) =>
      Effect.gen(function*() {
        const call = (yield* world).find(([other]) => other === name)?.[1]
        if (call === undefined) return expect.unreachable()
        const first = yield* sent(call(inputs))
        expect(first).toHaveLength(1)
        expect(yield* sent(call(copied(inputs)))).toEqual(first)
        const { body = "", uri = "" } = first[0] ?? {}
        if (body !== "") expect(JSON.parse(body)).toBeTypeOf("object")
        // What is signed is what is sent: no part of it is rewritten on the way.
        expect(new URL(`http://sandbox.localhost${uri}`).href).toBe(`http://sandbox.localhost${uri}`)
      }).pipe(Effect.provide(Suprsend.layerTest)), { fastCheck: { numRuns: 15 } })
  }
})
