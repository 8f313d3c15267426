import * as Sandbox from "effect-suprsend/Sandbox"
import * as FastCheck from "effect/FastCheck"

/** Makes faults of one request of a bulk, of any outcome. */
export const faultOr = (...more: ReadonlyArray<Sandbox.Fault>): FastCheck.Arbitrary<Sandbox.Fault> =>
  FastCheck.constantFrom(
    Sandbox.status(400),
    Sandbox.status(401),
    Sandbox.status(404),
    Sandbox.status(429),
    Sandbox.status(503),
    Sandbox.resetPeer,
    Sandbox.resetPeerApplied,
    Sandbox.truncateBody,
    Sandbox.delay(5),
    ...more
  )
