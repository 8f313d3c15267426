import * as Option from "effect/Option"
import * as endpoints from "../protocol/endpoints.js"
import { malformed, refuse, type Reply, type Request } from "../protocol/reply.js"
import { isTooDeep } from "../store/depth.js"
import type { State } from "../store/state.js"
import * as events from "./events.js"
import * as preferences from "./preferences.js"
import * as users from "./users.js"

type Step = readonly [Reply, State]

type Handler = (state: State, request: Request, ...params: ReadonlyArray<string>) => Step

const handlers: {
  readonly [P in endpoints.Path]: { readonly [M in endpoints.Method<P>]: Handler }
} = {
  "/event/": { POST: events.accept },
  "/v1/user/": { GET: users.list },
  "/v1/user/{id}/": { GET: users.get, POST: users.upsert, PATCH: users.edit, DELETE: users.remove },
  "/v1/user/{id}/merge/": { POST: users.merge },
  "/v1/bulk/user/": { DELETE: users.bulkRemove },
  "/v1/user/{id}/subscribed_to/object/": { GET: users.objects },
  "/v1/user/{id}/subscribed_to/list/": { GET: users.lists },
  "/v1/user/{id}/associated_tenant/": { GET: users.tenants },
  "/v1/user/{id}/tenant/": { GET: users.listForTenants },
  "/v1/user/{id}/tenant/{t}/": {
    GET: users.getForTenant,
    POST: users.upsert,
    PATCH: users.edit,
    DELETE: users.unlink
  },
  "/v1/user/{id}/preference/": { GET: preferences.getAll, PATCH: preferences.updateAll },
  "/v1/user/{id}/preference/channel_preference/": {
    GET: preferences.getChannels,
    PATCH: preferences.updateChannels
  },
  "/v1/user/{id}/preference/category/": { GET: preferences.listCategories },
  "/v1/user/{id}/preference/category/{c}/": {
    GET: preferences.getCategory,
    PATCH: preferences.updateCategory
  },
  "/v1/bulk/user/preference/": { PATCH: preferences.bulkUpdate },
  "/v1/bulk/user/preference/reset/": { PATCH: preferences.bulkReset }
}

/**
 * Handles a request. The same state and request always give the same result.
 *
 * @internal
 */
export const handle = (before: State, request: Request): Step => {
  const state = events.settle(before, request.now, request.settings)
  const segments = endpoints.segmentsOf(request.path)
  if (segments === undefined || isTooDeep(request.body)) return [malformed, state]
  const found = Option.getOrUndefined(endpoints.find(segments))
  if (found === undefined) return [refuse(404, "not found"), state]
  const methods: { readonly [method: string]: Handler } = handlers[found.path]
  const handler = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
  if (handler === undefined) return [refuse(405, "method not allowed"), state]
  return handler(state, request, ...found.parameters)
}
