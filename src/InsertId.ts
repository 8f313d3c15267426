/**
 * The source of insert ids for events.
 *
 * The `$insert_id` of an event makes it safe to send the event twice, so ids must be unique across
 * processes and machines. They come from the runtime's cryptographic random source. Effect's
 * `Random` would repeat ids, because its seed has only 32 bits.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as internal from "./internal/event/insertId.js"

/**
 * The service that generates insert ids, by default UUIDs of version 4.
 *
 * If you replace it in a test, return a different id each time: two edits with the same id are one
 * event.
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
