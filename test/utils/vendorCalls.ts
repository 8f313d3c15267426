import { PreferencesService } from "effect-suprsend/PreferencesService"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { untyped } from "./untyped.js"
import { editOf, rawEditOf } from "./vectors.js"

const record = Schema.decodeUnknownSync(
  Schema.UndefinedOr(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
)

const list = Schema.decodeUnknownSync(Schema.UndefinedOr(Schema.Array(Schema.Unknown)))

/** A record of the vendor's, its members named as they are here: `tenant_id` is `tenantId`. */
const ours = (u: unknown) =>
  Object.fromEntries(
    Object.entries(record(u) ?? {}).map(([name, value]) => [
      name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value
    ])
  )

type Run = (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>

/** The calls of the vendor's Python SDK, made with our services. */
export const vendorCalls: Effect.Effect<
  Readonly<Record<string, Run>>,
  never,
  UsersService | PreferencesService
> = Effect.gen(function*() {
  const users = yield* UsersService
  const preferences = yield* PreferencesService
  return {
    get: untyped(users.get),
    delete: untyped(users.delete),
    list: (u) => untyped(users.list)(ours(u)),
    upsert: untyped(users.upsert),
    edit: (id, payload, tenantId) => users.edit(rawEditOf(id, payload, tenantId)),
    edit_instance: (id, calls, tenantId) => users.edit(editOf(id, calls, tenantId)),
    async_edit: (id, calls, tenantId) => users.asyncEdit(editOf(id, calls, tenantId)),
    bulk_save: (edits) =>
      users.bulkEdit((list(edits) ?? []).map((edit) => {
        const [id, calls] = list(edit) ?? []
        return editOf(id, calls)
      })),
    merge: untyped(users.merge),
    bulk_delete: (payload) => untyped(users.bulkDelete)(list(record(payload)?.distinct_ids) ?? []),
    get_objects_subscribed_to: (id, u) => untyped(users.getObjectsSubscribedTo)(id, ours(u)),
    get_lists_subscribed_to: (id, u) => untyped(users.getListsSubscribedTo)(id, ours(u)),
    list_associated_tenants: untyped(users.listAssociatedTenants),
    get_for_tenant: untyped(users.getForTenant),
    unlink_tenant: untyped(users.unlinkTenant),
    get_full_preference: untyped(preferences.get),
    update_global_channels_preference: (id, payload, u) =>
      untyped(preferences.updateChannels)(id, list(record(payload)?.channel_preferences)?.map(ours), ours(u)),
    get_category_preference: untyped(preferences.getCategory),
    update_category_preference: (id, category, update, u) =>
      untyped(preferences.updateCategory)(id, category, ours(update), ours(u))
  }
})
