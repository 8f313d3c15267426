import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as ledger from "./ledger.js"

// The columns of the tables, and what they stand for.

const Definition = Schema.parseJson(Schema.Struct({
  version: Schema.String,
  range: Schema.String,
  ranges: Schema.optionalWith(Schema.Array(Schema.String), { exact: true }),
  workspace: Schema.optionalWith(Schema.String, { exact: true })
}))

/** @internal */
export interface Job {
  readonly name: string
  readonly state: ledger.WantedState
  readonly definition: string
}

/** @internal */
export interface Partition {
  readonly partition: number
  readonly range: string
  readonly cursor: string | null
  readonly done: boolean
  readonly records: number
  readonly accepted: number
  readonly failed: number
  readonly total: number | null
  readonly recent: number
  readonly age: number
  readonly owner: string | null
  readonly claimed: boolean
  readonly problem: string | null
  readonly started_at: Date | null
  readonly updated_at: Date | null
}

/** @internal */
export interface Claim {
  readonly partition: number
  readonly epoch: number
  readonly range: string
  readonly cursor: string | null
  readonly checkpoints: number
}

/** @internal */
export interface Failure {
  readonly key: string
  readonly partition: number
  readonly insert_id: string
  readonly outcome: ledger.FailureRow["outcome"]
  readonly type: string
  readonly message: string
  readonly edit: string
  readonly failed_at: Date
}

const orUndefined = <A>(value: A | null): A | undefined => value ?? undefined

/** @internal */
export const encodeDefinition = ({ range, ranges, version, workspace }: ledger.Definition): Effect.Effect<string> =>
  Effect.orDie(
    Schema.encode(Definition)({
      version,
      range,
      ...(ranges === undefined ? {} : { ranges }),
      ...(workspace === undefined ? {} : { workspace })
    })
  )

/** @internal */
export const job = ({ definition, name, state }: Job): Effect.Effect<ledger.JobRow> =>
  Effect.map(
    Effect.orDie(Schema.decode(Definition)(definition)),
    ({ range, ranges, version, workspace }) => ({ name, state, definition: { version, range, ranges, workspace } })
  )

/** @internal */
export const partition = (row: Partition): ledger.PartitionRow => ({
  partition: row.partition,
  range: row.range,
  cursor: orUndefined(row.cursor),
  done: row.done,
  records: row.records,
  accepted: row.accepted,
  failed: row.failed,
  total: orUndefined(row.total),
  recent: row.recent,
  age: row.age,
  owner: orUndefined(row.owner),
  isClaimed: row.claimed,
  problem: orUndefined(row.problem),
  startedAt: orUndefined(row.started_at),
  updatedAt: orUndefined(row.updated_at)
})

/** @internal */
export const claim = (job: string, { checkpoints, cursor, epoch, partition, range }: Claim): ledger.Claim => ({
  job,
  partition,
  epoch,
  range,
  cursor: orUndefined(cursor),
  checkpoints
})

/** @internal */
export const failure = (row: Failure): ledger.StoredFailure => ({
  key: row.key,
  partition: row.partition,
  insertId: row.insert_id,
  outcome: row.outcome,
  type: row.type,
  message: row.message,
  edit: row.edit,
  failedAt: row.failed_at
})
