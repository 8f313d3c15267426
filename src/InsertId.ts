/**
 * Where the ids of events come from.
 *
 * An event's `$insert_id` is what makes sending it again safe, so it must never repeat, in no process and on no machine: it
 * comes from the runtime's cryptographic source, and not from Effect's `Random`, whose seed of 32 bits would repeat.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as internal from "./internal/event/insertId.js"

/**
 * The source of insert ids: UUIDs of version 4, unless a test provides another one. Two edits under the same id are one event, so it
 * has to give another one each time.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { InsertId } from "effect-suprsend/InsertId"
 * import { edit } from "effect-suprsend/UserEdit"
 * import { UsersService } from "effect-suprsend/UsersService"
 *
 * let count = 0
 *
 * const predictable = Effect.flatMap(UsersService, (users) => users.asyncEdit(edit("user-42"))).pipe(
 *   Effect.provideService(InsertId, Effect.sync(() => `insert-id-${++count}`))
 * )
 * ```
 *
 * @since 0.1.0
 * @category references
 */
export class InsertId extends Context.Reference<InsertId>()("effect-suprsend/InsertId", {
  defaultValue: () => internal.fromCrypto
}) {}
