import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Bulk from "../../Bulk.js"
import * as Page from "../../Page.js"
import * as Preferences from "../../Preferences.js"
import type { PreferencesService } from "../../PreferencesService.js"
import type { SuprsendClient } from "../../SuprsendClient.js"
import type { SuprsendInvalidInput } from "../../SuprsendError.js"
import * as TagFilter from "../../TagFilter.js"
import * as byId from "../bulk/byId.js"
import * as calls from "../client/call.js"
import { notFound, read } from "../client/response.js"
import * as input from "../edit/input.js"
import * as validate from "../edit/validate.js"
import type { Decode } from "../model/model.js"
import { parseJson } from "../support/json.js"

type Options = PreferencesService.FilterOptions & Page.OffsetOptions

/** @internal */
export const make = (client: SuprsendClient.Service): PreferencesService.Service => {
  const request = <A>(
    name: string,
    distinctId: string,
    parts: {
      readonly method: "GET" | "PATCH"
      readonly path: string
      readonly category?: string
      readonly body?: (call: string) => Either.Either<unknown, SuprsendInvalidInput>
      readonly options: Options | undefined
      readonly decode: Decode<A>
    }
  ): Effect.Effect<A, PreferencesService.Error> => {
    const call = `PreferencesService.${name}`
    return calls.run(client, call, (span) =>
      Effect.gen(function*() {
        const distinct_id = yield* validate.distinctId(call, distinctId)
        const category = parts.category === undefined
          ? undefined
          : yield* input.segment(call, "category", parts.category)
        const query = yield* toQuery(call, parts.options)
        const body = parts.body === undefined ? undefined : yield* parts.body(call)
        return yield* client.execute({
          call,
          span,
          method: parts.method,
          template: `/v1/user/{distinct_id}/preference/${parts.path}`,
          params: category === undefined ? { distinct_id } : { distinct_id, category },
          query,
          body: body === undefined ? undefined : JSON.stringify(body)
        }).pipe(notFound(call, distinct_id), read(call, parts.decode))
      }))
  }

  const listCategories: PreferencesService.Service["listCategories"] = (distinctId, options) =>
    request("listCategories", distinctId, {
      method: "GET",
      path: "category/",
      options,
      decode: Page.decodeOffset(Preferences.decodeCategory)
    })

  const bulk = (
    name: string,
    path: string,
    distinctIds: Iterable<string>,
    body: (call: string) => Either.Either<Record<string, unknown>, SuprsendInvalidInput>,
    options: Parameters<PreferencesService.Service["bulkUpdate"]>[2]
  ) => {
    const call = `PreferencesService.${name}`
    return Effect.suspend(() =>
      Either.match(Either.all([toQuery(call, { tenantId: options?.tenantId }), body(call)]), {
        onLeft: (error) => calls.run(client, call, () => Effect.fail(error)),
        onRight: ([query, change]): Effect.Effect<Bulk.BulkIdReport, SuprsendInvalidInput> =>
          byId.run(client, call, distinctIds, (distinct_ids) => ({
            method: "PATCH",
            template: `/v1/bulk/user/preference/${path}`,
            query,
            body: JSON.stringify({ distinct_ids, ...change }),
            ignoreBody: true,
            expected: { status: 202, body: saysSuccess }
          }), options)
      })
    )
  }

  return {
    get: (distinctId, options) =>
      request("get", distinctId, { method: "GET", path: "", options, decode: Preferences.decode }),
    update: (distinctId, update, options) =>
      request("update", distinctId, {
        method: "PATCH",
        path: "",
        body: (call) => updateToJson(call, update),
        options: tenantOnly(options),
        decode: Preferences.decode
      }),
    getChannels: (distinctId, options) =>
      request("getChannels", distinctId, {
        method: "GET",
        path: "channel_preference/",
        options: tenantOnly(options),
        decode: Preferences.decodeChannelPreferences
      }),
    updateChannels: (distinctId, channelPreferences, options) =>
      request("updateChannels", distinctId, {
        method: "PATCH",
        path: "channel_preference/",
        body: (call) => updateToJson(call, { channelPreferences }),
        options: tenantOnly(options),
        decode: Preferences.decodeChannelPreferences
      }),
    listCategories,
    listCategoriesStream: (distinctId, options) =>
      Page.streamOffset((page) => listCategories(distinctId, { ...options, ...page }), options),
    getCategory: (distinctId, category, options) =>
      request("getCategory", distinctId, {
        method: "GET",
        path: "category/{category}/",
        category,
        options,
        decode: Preferences.decodeCategory
      }),
    updateCategory: (distinctId, category, update, options) =>
      request("updateCategory", distinctId, {
        method: "PATCH",
        path: "category/{category}/",
        category,
        body: (call) => categoryToJson(call, update),
        options,
        decode: Preferences.decodeCategory
      }),
    bulkUpdate: (distinctIds, update, options) =>
      bulk("bulkUpdate", "", distinctIds, (call) => updateToJson(call, update), options),
    bulkReset: (distinctIds, options) =>
      bulk("bulkReset", "reset/", distinctIds, () =>
        Either.right({
          reset_channel_preferences: options?.channelPreferences ?? true,
          reset_categories: options?.categories ?? true
        }), options)
  }
}

const saysSuccess = (body: string): boolean =>
  Option.exists(parseJson(body), (json) => Predicate.hasProperty(json, "success") && json.success === true)

// Other options have no effect here: the vendor documents only the tenant.
const tenantOnly = (options: PreferencesService.TenantOptions | undefined): Options => ({ tenantId: options?.tenantId })

const toQuery = (call: string, options: Options | undefined) =>
  Either.gen(function*() {
    return {
      tenant_id: options?.tenantId === undefined ? undefined : yield* input.tenantId(call, options.tenantId),
      show_opt_out_channels: options?.showOptOutChannels,
      tags: options?.tags === undefined ? undefined : TagFilter.toQuery(options.tags),
      locale: yield* input.locale(call, options?.locale),
      limit: options?.limit,
      offset: options?.offset
    }
  })

const categoryToJson = (
  call: string,
  { digestSchedule, optInChannels, optOutChannels, preference, properties }: Preferences.CategoryUpdate,
  path: Array<string | number> = []
) =>
  Either.gen(function*() {
    return {
      preference,
      opt_out_channels: optOutChannels,
      opt_in_channels: optInChannels,
      digest_schedule: yield* input.passedOn(call, [...path, "digestSchedule"], digestSchedule),
      properties: yield* input.passedOn(call, [...path, "properties"], properties)
    }
  })

const updateToJson = (call: string, { categories, channelPreferences }: Preferences.PreferencesUpdate) =>
  Either.gen(function*() {
    const updates = categories?.map(({ category, ...update }, i) =>
      Either.map(categoryToJson(call, update, ["categories", i]), (json) => ({ category, ...json }))
    )
    return {
      channel_preferences: channelPreferences?.map(({ channel, isRestricted }) => ({
        channel,
        is_restricted: isRestricted
      })),
      categories: updates === undefined ? undefined : yield* Either.all(updates)
    }
  })
