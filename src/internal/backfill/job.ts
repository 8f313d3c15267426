import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import { identity } from "effect/Function"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import * as ParseResult from "effect/ParseResult"
import { pipeArguments } from "effect/Pipeable"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Backfill from "../../Backfill.js"
import { SuprsendBackfillChanged, SuprsendBackfillInvalidRow } from "../../BackfillError.js"
import { SuprsendInvalidInput } from "../../SuprsendError.js"
import type { UserEdit } from "../../UserEdit.js"
import * as lazyEdits from "../bulk/lazyEdits.js"
import { isUserEdit, withInsertId } from "../edit/userEdit.js"
import { byteLength } from "../support/bytes.js"
import { count } from "../support/format.js"
import { describe, halfPair } from "../support/json.js"
import { isWellFormed } from "../support/wellFormed.js"
import * as insertId from "./insertId.js"
import type { Definition, PlannedPartition } from "./ledger/ledger.js"

/** @internal */
export const TypeId: Backfill.TypeId = Symbol.for("effect-suprsend/Backfill") as Backfill.TypeId

/**
 * The source of a backfill, without the types of its rows and ranges, which only it knows.
 *
 * @internal
 */
export interface Source<out E, out R> {
  /** The type of a range, and the ranges as JSON if they are a fixed list. */
  readonly shape: Effect.Effect<Pick<Definition, "range" | "ranges">, SuprsendInvalidInput>
  /** Evaluates the partitions. */
  readonly plan: Effect.Effect<ReadonlyArray<PlannedPartition>, E | SuprsendInvalidInput, R>
  /** Reads the edits of a range after a cursor. */
  readonly read: (
    range: string,
    after: string | undefined,
    reader: Reader
  ) => Stream.Stream<UserEdit, E | SuprsendBackfillInvalidRow | SuprsendBackfillChanged, R>
}

/** @internal */
export interface Reader {
  /** Applied to the stream of rows, before edits are made of them. */
  readonly through: <Row, E, R>(rows: Stream.Stream<Row, E, R>) => Stream.Stream<Row, E, R>
  /** Called with key and cursor of each row of which an edit was made. */
  readonly add: (key: string, cursor: string) => void
}

const variance = { _E: identity, _R: identity }

class Job<E, R> implements Backfill.Backfill<E, R> {
  readonly [TypeId] = variance

  constructor(readonly name: string, readonly version: string, readonly source: Source<E, R>) {}

  pipe() {
    return pipeArguments(this, arguments)
  }

  toJSON(): unknown {
    return { _id: "effect-suprsend/Backfill", name: this.name, version: this.version }
  }

  toString(): string {
    return Inspectable.format(this.toJSON())
  }

  [Inspectable.NodeInspectSymbol](): unknown {
    return this.toJSON()
  }
}

/** @internal */
export const isBackfill = (u: unknown): u is Backfill.Backfill<unknown, unknown> => Predicate.hasProperty(u, TypeId)

const call = "Backfill"

const invalid = (path: ReadonlyArray<string | number>, message: string): SuprsendInvalidInput =>
  new SuprsendInvalidInput({ call, issues: [{ path, message }] })

/** Returns why the ledger cannot store a text as a name or key, or undefined if it can. */
const textProblem = (text: unknown): string | undefined =>
  typeof text !== "string"
    ? `must be a text, got ${describe(text)}`
    : isPrintableAscii(text)
    ? undefined
    : text === ""
    ? "must not be empty"
    : !isWellFormed(text)
    ? halfPair
    : text.includes("\0")
    ? "must not contain the character U+0000, which PostgreSQL cannot store"
    : undefined

// Nearly all keys are, and a loop over a short text is faster than any method of it.
const isPrintableAscii = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code < 0x20 || code > 0x7e) return false
  }
  return text !== ""
}

/** The bytes of a key: PostgreSQL has no room for longer ones in an index. */
const maximumKey = 1_024

const lengthProblem = (key: string): string | undefined => {
  // No character has more than three bytes for each unit.
  const bytes = key.length * 3 > maximumKey ? byteLength(key) : 0
  return bytes > maximumKey ? `must have at most ${count(maximumKey)} bytes, got ${count(bytes)}` : undefined
}

const check = (
  problem: string | undefined,
  ...path: ReadonlyArray<string>
): Either.Either<void, SuprsendInvalidInput> =>
  problem === undefined ? Either.void : Either.left(invalid(path, problem))

/**
 * Checks whether the ledger can have a backfill of this name.
 *
 * @internal
 */
export const isValidName = (name: string): boolean => textProblem(name) === undefined

const maximumName = 200

const names = (options: { readonly name: string; readonly version?: string | undefined }) =>
  Either.gen(function*() {
    yield* check(textProblem(options.name), "name")
    yield* check(options.name.length > maximumName ? `must have at most ${maximumName} characters` : undefined, "name")
    yield* check(options.version === undefined ? undefined : textProblem(options.version), "version")
  })

const maximumTotal = 2 ** 31 - 1

/** Evaluates a total and validates it: a query may return a text or a bigint. */
const validTotal = <E, R>(total: Effect.Effect<number, E, R>): Effect.Effect<number, E | SuprsendInvalidInput, R> =>
  Effect.filterOrFail(
    total,
    (total) => Number.isSafeInteger(total) && total >= 0 && total <= maximumTotal,
    (total) =>
      invalid(["total"], `must be a whole number from 0 to ${maximumTotal}, got ${describe(total)}${hintOf(total)}`)
  )

const hintOf = (total: unknown): string =>
  typeof total === "string" || typeof total === "bigint" ? ": cast count(*) to int" : ""

/**
 * Turns rows into edits with insert ids, and checks their keys. It emits the edits of all rows
 * before an invalid one.
 *
 * @param range the range of the rows as JSON, if there are several
 */
const editsOf = <Row, E, R>(
  { cursor, edit, key, name }: Backfill.Records<Row> & { readonly name: string },
  range: string | undefined,
  after: string | undefined,
  { add, through }: Reader,
  rows: Stream.Stream<Row, E, R>
): Stream.Stream<UserEdit, E | SuprsendBackfillInvalidRow, R> => {
  const idOf = insertId.derive(name)
  let row = 0
  let lastKey: string | undefined
  let lastCursor = after
  const invalidRow = (description: string) =>
    new SuprsendBackfillInvalidRow({ backfill: name, range, row, after: lastCursor, description })
  const call = <A>(what: string, evaluate: () => A): A => {
    try {
      return evaluate()
    } catch (error) {
      throw new Error(invalidRow(`${what} threw ${textOf(error)}`).message, { cause: error })
    }
  }
  const take = (value: Row): UserEdit => {
    row++
    const keyOf = call("key", () => key(value))
    const problem = textProblem(keyOf) ?? lengthProblem(keyOf)
    if (problem !== undefined) throw invalidRow(`key ${problem}`)
    const at = cursor === undefined ? keyOf : call("cursor", () => cursor(value))
    if (cursor !== undefined) {
      const problem = textProblem(at)
      if (problem !== undefined) throw invalidRow(`cursor ${problem}`)
    }
    // A repeated key would be the same event, and a repeated cursor would be skipped after a stop.
    if (keyOf === lastKey) {
      throw invalidRow(`key must differ for each row, but the row before has ${JSON.stringify(keyOf)} too`)
    }
    if (at === lastCursor) throw invalidRow("rows must begin after the cursor, but this row has the same cursor")
    const made = call("edit", () => edit(value))
    if (!isUserEdit(made)) throw new TypeError(invalidRow(`edit must return an edit, got ${describe(made)}`).message)
    const identified = made.insertId === undefined ? withInsertId(made, idOf(keyOf)) : made
    lastKey = keyOf
    lastCursor = at
    add(keyOf, at)
    return identified
  }
  return lazyEdits.make<Row, E | SuprsendBackfillInvalidRow, R>({
    rows: through(rows),
    make: take,
    // What a function of the definition throws is a defect.
    onThrow: (error) => error instanceof SuprsendBackfillInvalidRow ? Exit.fail(error) : Exit.die(error)
  })
}

const textOf = (error: unknown): string => error instanceof Error ? String(error) : describe(error)

const whole = "the whole source"

/** @internal */
export const make = <Row, E, R>(options: Backfill.Options<Row, E, R>): Backfill.Backfill<E, R> => {
  const { name, rows, version = "1" } = options
  const checked = names(options)
  return new Job<E, R>(name, version, {
    shape: Effect.as(checked, { range: whole, ranges: undefined }),
    plan: Effect.gen(function*() {
      yield* checked
      return [{ range: "null", total: options.total === undefined ? undefined : yield* validTotal(options.total) }]
    }),
    read: (_range, after, reader) => editsOf(options, undefined, after, reader, Stream.suspend(() => rows(after)))
  })
}

/** @internal */
export const makePartitioned = <Range, I, Row, E, R>(
  options: Backfill.PartitionedOptions<Range, I, Row, E, R>
): Backfill.Backfill<E, R> => {
  const { name, partitions, rows, version = "1" } = options
  const json = Schema.parseJson(options.range)
  const encode = Schema.encodeEither(json)
  const decode = Schema.decodeEither(json)
  const encodeAll = (ranges: ReadonlyArray<Range>): Either.Either<Array<string>, SuprsendInvalidInput> =>
    Either.all(
      ranges.map((range, i) =>
        Either.mapLeft(encode(range), (error) => invalid(["partitions", i], problemOf(error))).pipe(
          Either.filterOrLeft(
            () => hasOnlyFiniteNumbers(Schema.encodeSync(options.range)(range)),
            () => invalid(["partitions", i], "must not contain NaN or Infinity, of which JSON makes null")
          )
        )
      )
    )
  const checked = names(options)
  return new Job<E, R>(name, version, {
    shape: Effect.gen(function*() {
      yield* checked
      return {
        range: String(options.range.ast),
        ranges: Effect.isEffect(partitions) ? undefined : yield* encodeAll(partitions)
      }
    }),
    plan: Effect.gen(function*() {
      yield* checked
      const ranges = Effect.isEffect(partitions) ? yield* partitions : partitions
      const encoded = yield* encodeAll(ranges)
      const twice = encoded.find((range, i) => encoded.indexOf(range) < i)
      if (twice !== undefined) return yield* invalid(["partitions"], `must differ, but ${twice} is there twice`)
      const count = options.total
      const totals = count === undefined
        ? []
        : yield* Effect.forEach(ranges, (range) => validTotal(count(range)), { concurrency: 8 })
      return encoded.map((range, i) => ({ range, total: totals[i] }))
    }),
    read: (range, after, reader) =>
      editsOf(
        options,
        range,
        after,
        reader,
        Stream.suspend((): Stream.Stream<Row, E | SuprsendBackfillChanged, R> =>
          Either.match(decode(range), {
            onLeft: (error) =>
              Stream.fail(
                new SuprsendBackfillChanged({
                  backfill: name,
                  changes: [`range does not accept ${range}: ${problemOf(error)}`]
                })
              ),
            onRight: (decoded) => rows(decoded, after)
          })
        )
      )
  })
}

/** Whether JSON keeps all numbers of a value. */
const hasOnlyFiniteNumbers = (value: unknown): boolean => {
  let isKept = true
  JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === "number" && !Number.isFinite(part)) isKept = false
    return part
  })
  return isKept
}

const problemOf = (error: ParseResult.ParseError): string => ParseResult.TreeFormatter.formatErrorSync(error)

/**
 * Returns the differences between a stored definition and the present one, as sentences.
 *
 * @internal
 */
export const differences = (stored: Definition, present: Definition): ReadonlyArray<string> => {
  const changes: Array<string> = []
  if (stored.version !== present.version) {
    changes.push(`version was ${JSON.stringify(stored.version)} and is ${JSON.stringify(present.version)}`)
  }
  if (stored.range !== present.range) changes.push(`range was ${stored.range} and is ${present.range}`)
  if (
    stored.workspace !== undefined && present.workspace !== undefined && stored.workspace !== present.workspace
  ) {
    changes.push("it was started for another workspace")
  }
  const before = stored.ranges
  const now = present.ranges
  if (before === undefined && now === undefined) return changes
  if (before === undefined) changes.push("partitions came from an effect and are a fixed list")
  else if (now === undefined) changes.push("partitions were a fixed list and come from an effect")
  else {
    if (before.length !== now.length) changes.push(`there were ${before.length} partitions and are ${now.length}`)
    const at = now.findIndex((range, i) => i < before.length && before[i] !== range)
    if (at >= 0) changes.push(`partition ${at} was ${before[at]} and is ${now[at]}`)
  }
  return changes
}

/**
 * Streams the rows of pages. The next page is read while the rows of this one are sent.
 *
 * @internal
 */
export const pages = <Row, E, R>(
  after: string | undefined,
  { cursor, page }: Backfill.Pages<Row, E, R>
): Stream.Stream<Row, E, R> =>
  Stream.paginateChunkEffect(after, (after) =>
    Effect.map(page(after), (rows) => {
      const last = rows[rows.length - 1]
      if (last !== undefined && cursor(last) === after) {
        throw new TypeError(`Backfill.pages: page must return rows after the cursor, but ended with it: ${after}`)
      }
      const next: Option.Option<string> = last === undefined ? Option.none() : Option.some(cursor(last))
      return [Chunk.unsafeFromArray(rows), next] as const
    })).pipe(Stream.bufferChunks({ capacity: 1 }))
