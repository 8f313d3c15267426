import * as Arbitraries from "effect-suprsend/Arbitraries"
import type * as Preferences from "effect-suprsend/Preferences"
import { PreferencesService } from "effect-suprsend/PreferencesService"
import * as TagFilter from "effect-suprsend/TagFilter"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as FastCheck from "effect/FastCheck"
import * as Stream from "effect/Stream"

const page = FastCheck.record({
  limit: FastCheck.integer({ min: 1, max: 1000 }),
  after: FastCheck.string(),
  before: FastCheck.string()
}, { requiredKeys: [] })

const channel = FastCheck.constantFrom("email", "sms", "slack")

const tags = FastCheck.oneof(
  FastCheck.string(),
  FastCheck.array(FastCheck.string(), { maxLength: 3 }).map((tags) => TagFilter.or(...tags, TagFilter.exists(false)))
)

const preference = FastCheck.boolean().map((yes): Preferences.Preference => yes ? "opt_in" : "opt_out")

const update: FastCheck.Arbitrary<Preferences.PreferencesUpdate> = FastCheck.record({
  channelPreferences: FastCheck.array(FastCheck.record({ channel, isRestricted: FastCheck.boolean() }), {
    maxLength: 3
  }),
  categories: FastCheck.array(
    FastCheck.record({
      category: FastCheck.string({ minLength: 1 }),
      preference,
      optOutChannels: FastCheck.array(channel, { maxLength: 2 })
    }),
    { maxLength: 3 }
  )
}, { requiredKeys: [] })

const filters = FastCheck.record({
  tenantId: Arbitraries.tenantId,
  locale: Arbitraries.languageTag,
  showOptOutChannels: FastCheck.boolean(),
  tags
}, { requiredKeys: [] })

/** All that the methods of both services take. */
export const inputs = {
  id: Arbitraries.distinctId,
  other: Arbitraries.distinctId,
  tenantId: Arbitraries.tenantId,
  insertId: Arbitraries.insertId,
  edit: Arbitraries.userEdit,
  profile: Arbitraries.properties,
  page,
  filters,
  update,
  category: Arbitraries.distinctId
}

export type Inputs = {
  readonly [Key in keyof typeof inputs]: (typeof inputs)[Key] extends FastCheck.Arbitrary<infer A> ? A : never
}

export type Call = (inputs: Inputs) => Effect.Effect<unknown, unknown>

const calls = (
  users: UsersService.Service,
  preferences: PreferencesService.Service
): {
  readonly UsersService: { readonly [Method in keyof UsersService.Service]: Call }
  readonly PreferencesService: { readonly [Method in keyof PreferencesService.Service]: Call }
} => {
  const pinned = ({ edit, insertId }: Inputs) => UserEdit.withInsertId(edit, insertId)
  return {
    UsersService: {
      asyncEdit: (i) => users.asyncEdit(pinned(i)),
      edit: (i) => users.edit(i.edit),
      bulkEdit: (i) => users.bulkEdit([pinned(i)]),
      bulkEditStream: (i) => Stream.runDrain(users.bulkEditStream([pinned(i)])),
      get: (i) => users.get(i.id),
      upsert: (i) => users.upsert(i.id, i.profile),
      merge: (i) => users.merge(i.id, i.other),
      delete: (i) => users.delete(i.id),
      bulkDelete: (i) => users.bulkDelete([i.id, i.other]),
      list: (i) => users.list({ ...i.page, tenantId: i.tenantId }),
      listStream: (i) => Stream.runDrain(users.listStream(i.page)),
      getObjectsSubscribedTo: (i) => users.getObjectsSubscribedTo(i.id, i.page),
      getObjectsSubscribedToStream: (i) => Stream.runDrain(users.getObjectsSubscribedToStream(i.id, i.page)),
      getListsSubscribedTo: (i) => users.getListsSubscribedTo(i.id, i.page),
      getListsSubscribedToStream: (i) => Stream.runDrain(users.getListsSubscribedToStream(i.id, i.page)),
      listAssociatedTenants: (i) => users.listAssociatedTenants(i.id, i.page),
      listTenantProfiles: (i) => users.listTenantProfiles(i.id, i.page),
      listTenantProfilesStream: (i) => Stream.runDrain(users.listTenantProfilesStream(i.id, i.page)),
      listAssociatedTenantsStream: (i) => Stream.runDrain(users.listAssociatedTenantsStream(i.id, i.page)),
      getForTenant: (i) => users.getForTenant(i.id, i.tenantId),
      upsertForTenant: (i) => users.upsertForTenant(i.id, i.tenantId, i.profile),
      unlinkTenant: (i) => users.unlinkTenant(i.id, i.tenantId)
    },
    PreferencesService: {
      get: (i) => preferences.get(i.id, i.filters),
      update: (i) => preferences.update(i.id, i.update, i.filters),
      getChannels: (i) => preferences.getChannels(i.id, i.filters),
      updateChannels: (i) => preferences.updateChannels(i.id, i.update.channelPreferences ?? [], i.filters),
      listCategories: (i) => preferences.listCategories(i.id, { ...i.filters, limit: i.page.limit }),
      listCategoriesStream: (i) => Stream.runDrain(preferences.listCategoriesStream(i.id, i.filters)),
      getCategory: (i) => preferences.getCategory(i.id, i.category, i.filters),
      updateCategory: (i) => preferences.updateCategory(i.id, i.category, { preference: "opt_in" }, i.filters),
      bulkUpdate: (i) => preferences.bulkUpdate([i.id, i.other], i.update, i.filters),
      bulkReset: (i) => preferences.bulkReset([i.id, i.other], { ...i.filters, categories: false })
    }
  }
}

const named = (all: ReturnType<typeof calls>): ReadonlyArray<readonly [name: string, call: Call]> =>
  Object.entries(all).flatMap(([service, methods]) =>
    Object.entries<Call>(methods).map(([method, call]) => [`${service}.${method}`, call] as const)
  )

/** A call of every method, by the name of the method. */
export const world = Effect.map(Effect.all([UsersService, PreferencesService]), (services) => named(calls(...services)))
