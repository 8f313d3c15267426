import * as Data from "effect/Data"
import * as Option from "effect/Option"
import type { Fault } from "../api/fault.js"
import * as endpoints from "../protocol/endpoints.js"
import { refuse } from "../protocol/reply.js"

/**
 * The constructors of the cases of `Fault`.
 *
 * @internal
 */
export const Cases = Data.taggedEnum<Fault>()

/**
 * The default body of `malformedBody`.
 *
 * @internal
 */
export const garbage = "\u0000\ufffd{\"gar"

/**
 * Makes a fault that responds with an error of the vendor's form.
 *
 * @internal
 */
export const refusal = (
  status: number,
  message: string,
  retryAfterMillis?: number
): Extract<Fault, { readonly _tag: "Status" }> =>
  Cases.Status({
    status,
    headers: Data.struct({
      "content-type": "application/json",
      // Whole seconds, rounded up: a request after that time must pass.
      ...(retryAfterMillis === undefined ? undefined : { "retry-after": String(Math.ceil(retryAfterMillis / 1000)) })
    }),
    body: refuse(status, message).body,
    applied: false
  })

/**
 * Returns the endpoint, or throws an error that names the nearest one.
 *
 * A fault on an endpoint that the sandbox does not serve would never apply.
 *
 * @internal
 */
export const checkedEndpoint = (endpoint: string): string => {
  const problem = endpoints.problem(endpoint)
  if (Option.isSome(problem)) throw new Error(`Sandbox.on: ${problem.value}`)
  return endpoint
}

/**
 * Yields a fault and all faults inside it.
 *
 * @internal
 */
export function* flatten(fault: Fault): Iterable<Fault> {
  const open = [fault]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    yield one
    if (one._tag === "Delay") open.push(...Option.toArray(one.then))
    else if ("faults" in one) open.push(...one.faults)
    else if ("fault" in one) open.push(one.fault)
  }
}

/**
 * Applies a function to the faults directly inside a fault.
 *
 * @internal
 */
export const mapInner = (fault: Fault, f: (inner: Fault, index: number) => Fault): Fault => {
  if (fault._tag === "Delay") return Data.struct({ ...fault, then: Option.map(fault.then, (then) => f(then, 0)) })
  if ("faults" in fault) return Data.struct({ ...fault, faults: Data.array(fault.faults.map(f)) })
  return "fault" in fault ? Data.struct({ ...fault, fault: f(fault.fault, 0) }) : fault
}
