import type * as Bulk from "../../Bulk.js"
import type { RequestError } from "../../SuprsendError.js"
import { mayBlameOne } from "../bulk/bisect.js"

/**
 * What to do with a failed record:
 *
 * - `record` it, because it fails for a reason of its own;
 * - `retry` it, because the service was unavailable;
 * - `halt`, because all other records would fail in the same way;
 * - `leave` it, because the run was stopped. The next run reads it again.
 *
 * @internal
 */
export type Decision =
  | { readonly _tag: "record" }
  | { readonly _tag: "retry" }
  | { readonly _tag: "halt" | "leave"; readonly error: RequestError }

/** @internal */
export const decide = ({ error, outcome }: Bulk.FailedRecord): Decision => {
  switch (error._tag) {
    case "InvalidUserEdit":
      return { _tag: "record" }
    case "SuprsendRejected":
      return mayBlameOne(error) ? { _tag: "record" } : { _tag: "halt", error }
    case "SuprsendRateLimited":
      return { _tag: "retry" }
    case "SuprsendUnavailable":
      if (error.reason === "Interrupted") return { _tag: "leave", error }
      if (error.retryable) return { _tag: "retry" }
      return outcome === "unknown" ? { _tag: "record" } : { _tag: "halt", error }
    case "SuprsendUnauthorized":
    case "SuprsendUnexpectedResponse":
      return { _tag: "halt", error }
  }
}
