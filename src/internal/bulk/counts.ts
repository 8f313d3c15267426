import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Tracer from "effect/Tracer"
import type * as Bulk from "../../Bulk.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import type { Labels, Meters } from "../telemetry/meters.js"

type Outcome = Bulk.FailedRecord["outcome"] | "accepted"

/**
 * Counts the records of a bulk by outcome, for its metrics and its span.
 *
 * @internal
 */
export class Counts {
  private readonly counts: Record<Outcome, number> = { accepted: 0, rejected: 0, invalid: 0, unknown: 0, unsent: 0 }

  constructor(private readonly meters: Meters | undefined, private readonly caller: Labels) {}

  add(outcome: Outcome, records: number): void {
    this.counts[outcome] += records
    this.meters?.records(this.caller, outcome, records)
  }

  /** Adds the body of a request, unless no attempt was made. */
  addBody(bytes: number, attempts: number): void {
    if (bytes > 0 && attempts > 0) this.meters?.bytes(this.caller, bytes)
  }

  annotate(span: Tracer.Span): void {
    for (const [outcome, count] of Object.entries(this.counts)) span.attribute(`suprsend.bulk.${outcome}`, count)
  }
}

/**
 * Makes counts that become attributes of the span when the scope closes.
 *
 * @internal
 */
export const make = (
  { meters }: Pick<SuprsendClient.Service, "meters">,
  span: Tracer.Span
): Effect.Effect<Counts, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.map(Effect.metricLabels, (labels) => new Counts(meters, labels)),
    (counts) => Effect.sync(() => counts.annotate(span))
  )
