import { Suprsend } from "@suprsend/node-sdk"
import type { Verb, VerbName } from "effect-suprsend/Arbitraries"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { credentials } from "./vectors.js"

/** The vendor's own Node SDK. */
export const makeVendor = (baseUrl: string) =>
  new Suprsend(credentials.workspaceKey, Redacted.value(credentials.workspaceSecret), { base_url: baseUrl })

export type Vendor = ReturnType<typeof makeVendor>
export type VendorEdit = ReturnType<Vendor["users"]["get_edit_instance"]>

// addAndroidPush is add_androidpush, addMsTeams is add_ms_teams.
const vendorName = (verb: VerbName): string =>
  verb.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`).replace("_push", "push")

// The vendor has the provider and the bundle id of a push token in their places, we have them by name.
const vendorArguments = ({ args, verb }: Pick<Verb, "verb" | "args">): ReadonlyArray<unknown> => {
  const [token, options] = args
  if (!verb.endsWith("Push") || typeof options !== "object" || options === null) return args
  return [token, Reflect.get(options, "provider"), Reflect.get(options, "bundleId")]
}

/** Calls the vendor's method that corresponds to a verb of ours; it changes the edit. */
export const callVendor = (edit: VendorEdit, verb: Pick<Verb, "verb" | "args">): void =>
  Reflect.apply(Reflect.get(edit, vendorName(verb.verb)), edit, [...vendorArguments(verb)])

/** Converts a promise of the vendor's SDK to an effect, with the original error. */
export const vendorPromise = <A>(promise: () => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.tryPromise({ try: promise, catch: (error) => error })
