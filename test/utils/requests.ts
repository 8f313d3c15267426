import { withRequestOptions } from "effect-suprsend/RequestOptions"
import * as Sandbox from "effect-suprsend/Sandbox"

/** The request lines of requests. */
export const lines = (requests: ReadonlyArray<Sandbox.RecordedRequest>): ReadonlyArray<string> =>
  requests.map(({ method, uri }) => `${method} ${uri}`)

/** The events in the body of a request. */
export const eventsOf = ({ body }: Sandbox.RecordedRequest): ReadonlyArray<Record<string, unknown>> => JSON.parse(body)

/** The ids in the body of a request. */
export const idsOf = ({ body }: Sandbox.RecordedRequest): ReadonlyArray<string> => JSON.parse(body).distinct_ids

/** Runs calls with one attempt each. */
export const once = withRequestOptions({ retry: { attempts: 1 } })

/** A response with an error message, as SuprSend sends it. */
export const refuses = (status: number, message: string): Sandbox.Fault =>
  Sandbox.status(status, { body: JSON.stringify({ code: status, message }) })
