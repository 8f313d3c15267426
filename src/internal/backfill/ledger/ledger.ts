import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { SuprsendLedgerError } from "../../../BackfillError.js"
import type { FailedOutcome } from "../../../Bulk.js"

/**
 * The state that an operator wants a job to be in. Whether it is completed follows from its
 * partitions.
 *
 * @internal
 */
export type WantedState = "running" | "paused" | "cancelled"

/**
 * What identifies a job, besides its name.
 *
 * @internal
 */
export interface Definition {
  readonly version: string
  /** The type of a range, as text. */
  readonly range: string
  /** The ranges as JSON, if they are a fixed list; undefined if an effect returned them. */
  readonly ranges: ReadonlyArray<string> | undefined
  /** A hash of the workspace key. */
  readonly workspace: string | undefined
}

/** @internal */
export interface JobRow {
  readonly name: string
  readonly state: WantedState
  readonly definition: Definition
}

/** @internal */
export interface PlannedPartition {
  /** The range as JSON. */
  readonly range: string
  /** The number of its records, if it is known. */
  readonly total: number | undefined
}

/** @internal */
export interface PartitionRow {
  readonly partition: number
  readonly range: string
  readonly cursor: string | undefined
  readonly done: boolean
  readonly records: number
  readonly accepted: number
  readonly failed: number
  readonly total: number | undefined
  /** The records of the checkpoints of its last claim, in the last minute. */
  readonly recent: number
  /** The seconds since its last claim. */
  readonly age: number
  readonly owner: string | undefined
  readonly isClaimed: boolean
  readonly problem: string | undefined
  readonly startedAt: Date | undefined
  readonly updatedAt: Date | undefined
}

/** @internal */
export interface StatusRow extends JobRow {
  readonly createdAt: Date
  readonly partitions: ReadonlyArray<PartitionRow>
}

/**
 * The right to work on a partition.
 *
 * Each claim of a partition has a higher epoch than the one before, and only the holder of the
 * highest one can save progress. So a runner that was stopped for a while cannot undo the work of
 * its successor.
 *
 * @internal
 */
export interface Claim {
  readonly job: string
  readonly partition: number
  readonly epoch: number
  readonly range: string
  readonly cursor: string | undefined
  /** The number of checkpoints so far. */
  readonly checkpoints: number
}

/**
 * A partition to be worked on by some runner, and how often it was placed.
 *
 * @internal
 */
export interface Placement {
  readonly partition: number
  readonly placement: number
}

/** @internal */
export interface ClaimOptions {
  readonly owner: string
  /** How long the claim lasts, unless it is extended. */
  readonly duration: Duration.Duration
}

/** @internal */
export interface FailureRow {
  readonly key: string
  readonly insertId: string
  readonly outcome: FailedOutcome
  /** The tag of the error. */
  readonly type: string
  readonly message: string
  /** The edit as JSON. */
  readonly edit: string
}

/** @internal */
export interface StoredFailure extends FailureRow {
  readonly partition: number
  readonly failedAt: Date
}

/**
 * A step of a partition, saved in one transaction.
 *
 * @internal
 */
export interface Checkpoint {
  /** Its number, counted from 0. */
  readonly number: number
  readonly cursor: string | undefined
  readonly records: number
  readonly accepted: number
  readonly failures: ReadonlyArray<FailureRow>
  readonly done: boolean
  /** Whether the claim ends. */
  readonly releases: boolean
  /** Why the partition waits or was stopped. */
  readonly problem: string | undefined
  /** How long the claim lasts after this. */
  readonly duration: Duration.Duration
}

/**
 * What a sent-again failure became.
 *
 * @internal
 */
export interface Settled {
  readonly accepted: ReadonlyArray<string>
  readonly failed: ReadonlyArray<Pick<FailureRow, "key" | "outcome" | "type" | "message">>
}

type Op<A> = Effect.Effect<A, SuprsendLedgerError>

/**
 * The operations of the ledger. Each is one transaction, and may be repeated.
 *
 * @internal
 */
export interface Ledger {
  /** Creates a job with its partitions, unless one of this name exists. Returns the stored one. */
  readonly create: (
    name: string,
    definition: Definition,
    partitions: ReadonlyArray<PlannedPartition>
  ) => Op<JobRow>
  readonly find: (name: string) => Op<Option.Option<JobRow>>
  readonly status: (name: string) => Op<Option.Option<StatusRow>>
  readonly names: Op<ReadonlyArray<string>>
  /**
   * Sets the state if the present one is one of these, and something is left to do. Returns whether
   * it did.
   */
  readonly setState: (name: string, from: ReadonlyArray<WantedState>, to: WantedState) => Op<boolean>
  /** Removes a job that is not running or has nothing left to do. Returns whether it did. */
  readonly remove: (name: string) => Op<boolean>
  /** Claims the first partition that is neither done nor claimed. */
  readonly claimNext: (name: string, options: ClaimOptions) => Op<Option.Option<Claim>>
  /** Claims a partition, if it is neither done nor claimed. */
  readonly claim: (name: string, partition: number, options: ClaimOptions) => Op<Option.Option<Claim>>
  /**
   * Returns partitions that are neither done nor claimed, each with the number of times that it was
   * returned. It does not return them again until `again` has passed, or a claim of them ended.
   */
  readonly place: (name: string, limit: number, again: Duration.Duration) => Op<ReadonlyArray<Placement>>
  /** Lets a partition be placed again after a delay, and says why it waits. */
  readonly postpone: (
    name: string,
    partition: number,
    delay: Duration.Duration,
    problem: string | undefined
  ) => Op<void>
  /** Extends a claim, and returns the state of the job, or none if the claim was lost. */
  readonly extend: (
    claim: Claim,
    duration: Duration.Duration,
    problem: string | undefined
  ) => Op<Option.Option<WantedState>>
  /** Saves a step, and returns the state of the job, or none if the claim was lost. */
  readonly save: (claim: Claim, checkpoint: Checkpoint) => Op<Option.Option<WantedState>>
  /** Returns failures after a key, in the order of keys. */
  readonly failures: (name: string, after: string | undefined, limit: number) => Op<ReadonlyArray<StoredFailure>>
  readonly settle: (name: string, settled: Settled) => Op<void>
}
