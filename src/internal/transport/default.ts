import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as fetch from "./fetch.js"
import * as node from "./node.js"
import type { Transport } from "./transport.js"

/**
 * The default transport of this runtime.
 *
 * It is Node's `http` if available, and `fetch` elsewhere. If the context customises `fetch`, with
 * a mock or options, it is `fetch` too.
 *
 * @internal
 */
export const make: Effect.Effect<Transport, never, Scope.Scope> = Effect.gen(function*() {
  const made = yield* Effect.context<never>()
  const overFetch = fetch.make(made)
  const modules = node.modules()
  if (modules === undefined || fetch.isCustomised(made)) return overFetch
  const overNode = yield* node.make(modules)
  return {
    ...overNode,
    start: (request, listener, fiber) =>
      (fetch.isCustomised(fiber.currentContext) ? overFetch : overNode).start(request, listener, fiber)
  }
})
