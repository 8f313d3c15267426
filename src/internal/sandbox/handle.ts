import * as events from "./events.js"
import * as preferences from "./preferenceRoutes.js"
import type { State } from "./state.js"
import * as users from "./users.js"
import { type Answer, malformed, refuse, type Request } from "./wire.js"

type Step = readonly [Answer, State]

type Handler = (state: State, request: Request, ...params: ReadonlyArray<string>) => Step

interface Route {
  /** The segments of the path; undefined where a parameter stands. */
  readonly path: ReadonlyArray<string | undefined>
  readonly methods: { readonly [method: string]: Handler | undefined }
}

const route = (template: string, methods: Route["methods"]): Route => ({
  path: template.split("/").map((segment) => segment === "*" ? undefined : segment),
  methods
})

/**
 * The endpoints of docs/endpoints.md.
 */
const routes: ReadonlyArray<Route> = [
  route("/event/", { POST: events.accept }),
  route("/v1/user/", { GET: users.list }),
  route("/v1/user/*/", { GET: users.get, POST: users.upsert, PATCH: users.edit, DELETE: users.remove }),
  route("/v1/user/*/merge/", { POST: users.merge }),
  route("/v1/bulk/user/", { DELETE: users.bulkRemove }),
  route("/v1/user/*/subscribed_to/object/", { GET: users.objects }),
  route("/v1/user/*/subscribed_to/list/", { GET: users.lists }),
  route("/v1/user/*/associated_tenant/", { GET: users.tenants }),
  route("/v1/user/*/tenant/*/", {
    GET: users.getForTenant,
    POST: users.upsert,
    PATCH: users.edit,
    DELETE: users.unlink
  }),
  route("/v1/user/*/preference/", { GET: preferences.getAll, PATCH: preferences.updateAll }),
  route("/v1/user/*/preference/channel_preference/", {
    GET: preferences.getChannels,
    PATCH: preferences.updateChannels
  }),
  route("/v1/user/*/preference/category/", { GET: preferences.listCategories }),
  route("/v1/user/*/preference/category/*/", { GET: preferences.getCategory, PATCH: preferences.updateCategory }),
  route("/v1/bulk/user/preference/", { PATCH: preferences.bulkUpdate }),
  route("/v1/bulk/user/preference/reset/", { PATCH: preferences.bulkReset })
]

/**
 * One request, answered. The same state and request always give the same answer and state.
 *
 * @internal
 */
export const handle = (before: State, request: Request): Step => {
  const state = events.settle(before, request.now, request.settings)
  const segments = segmentsOf(request.path)
  if (segments === undefined) return [malformed, state]
  const found = routes.find(({ path }) => path.length === segments.length && path.every(fits(segments)))
  if (found === undefined) return [refuse(404, "not found"), state]
  const handler = Object.hasOwn(found.methods, request.method) ? found.methods[request.method] : undefined
  if (handler === undefined) return [refuse(405, "method not allowed"), state]
  return handler(state, request, ...segments.filter((_, i) => found.path[i] === undefined))
}

const fits = (segments: ReadonlyArray<string>) => (segment: string | undefined, i: number): boolean =>
  segment === undefined ? segments[i] !== "" : segment === segments[i]

/**
 * The segments of a path, decoded; undefined if they cannot be.
 *
 * @internal
 */
export const segmentsOf = (path: string): ReadonlyArray<string> | undefined => {
  try {
    return path.split("/").map(decodeURIComponent)
  } catch {
    return undefined
  }
}
