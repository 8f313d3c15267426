import * as Option from "effect/Option"
import * as Record from "effect/Record"
import { nearest } from "./nearest.js"

/**
 * The endpoints of docs/endpoints.md, each with its methods.
 */
export const endpoints = {
  "/event/": ["POST"],
  "/v1/user/": ["GET"],
  "/v1/user/{id}/": ["GET", "POST", "PATCH", "DELETE"],
  "/v1/user/{id}/merge/": ["POST"],
  "/v1/bulk/user/": ["DELETE"],
  "/v1/user/{id}/subscribed_to/object/": ["GET"],
  "/v1/user/{id}/subscribed_to/list/": ["GET"],
  "/v1/user/{id}/associated_tenant/": ["GET"],
  "/v1/user/{id}/tenant/": ["GET"],
  "/v1/user/{id}/tenant/{t}/": ["GET", "POST", "PATCH", "DELETE"],
  "/v1/user/{id}/preference/": ["GET", "PATCH"],
  "/v1/user/{id}/preference/channel_preference/": ["GET", "PATCH"],
  "/v1/user/{id}/preference/category/": ["GET"],
  "/v1/user/{id}/preference/category/{c}/": ["GET", "PATCH"],
  "/v1/bulk/user/preference/": ["PATCH"],
  "/v1/bulk/user/preference/reset/": ["PATCH"]
} as const

/**
 * The path of an endpoint.
 */
export type Path = keyof typeof endpoints

/**
 * The methods of an endpoint.
 */
export type Method<P extends Path> = (typeof endpoints)[P][number]

/**
 * A path in which `*` or a name in braces matches one segment.
 */
export type Spelling<P extends string> = P extends `${infer Before}{${string}}${infer After}`
  ? `${Before}${"*" | `{${string}}`}${Spelling<After>}`
  : P

interface Served {
  readonly path: Path
  readonly segments: ReadonlyArray<string>
  readonly methods: ReadonlyArray<string>
}

const served: ReadonlyArray<Served> = Record.keys(endpoints).map((path) => ({
  path,
  segments: path.split("/"),
  methods: endpoints[path]
}))

/**
 * Returns the decoded segments of a path, or undefined if an escape is invalid.
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

const isParameter = (segment: string): boolean => /^\{.*\}$/.test(segment)

const isWildcard = (segment: string | undefined): boolean =>
  segment !== undefined && (segment === "*" || isParameter(segment))

/**
 * Returns the endpoint of a path, and the values of its parameters.
 *
 * @internal
 */
export const find = (
  segments: ReadonlyArray<string>
): Option.Option<{ readonly path: Path; readonly parameters: ReadonlyArray<string> }> => {
  const found = served.find((one) =>
    one.segments.length === segments.length &&
    one.segments.every((segment, i) => isParameter(segment) ? segments[i] !== "" : segment === segments[i])
  )
  return found === undefined ? Option.none() : Option.some({
    path: found.path,
    parameters: segments.filter((_, i) => isParameter(found.segments[i] ?? ""))
  })
}

/** Parses an endpoint such as `POST /v1/user/{id}/merge/`. `*` matches every method. */
const parse = (endpoint: string): { readonly method: string; readonly segments: ReadonlyArray<string> } => {
  const [, method = "*", path = ""] = /^(?:(\S+)\s+)?(.*)$/.exec(endpoint.trim()) ?? []
  return { method: method.toUpperCase(), segments: path.split("/") }
}

/**
 * Whether a request goes to an endpoint. `*` alone matches every request.
 *
 * @internal
 */
export const matches = (
  endpoint: string,
  method: string,
  segments: ReadonlyArray<string> | undefined
): boolean => {
  if (endpoint.trim() === "*") return true
  const expected = parse(endpoint)
  return (expected.method === "*" || expected.method === method) && segments?.length === expected.segments.length &&
    expected.segments.every((segment, i) => segment === segments[i] || (isWildcard(segment) && segments[i] !== ""))
}

/**
 * Returns a message if no request can reach an endpoint.
 *
 * @internal
 */
export const problem = (endpoint: string): Option.Option<string> => {
  if (endpoint.trim() === "*") return Option.none()
  const { method, segments } = parse(endpoint)
  const isServed = served.some((one) =>
    (method === "*" || one.methods.includes(method)) && one.segments.length === segments.length &&
    one.segments.every((segment, i) =>
      segment === segments[i] || (isWildcard(segments[i]) && segment !== "") ||
      (isParameter(segment) && segments[i] !== "")
    )
  )
  if (isServed) return Option.none()
  const known = served.flatMap(({ methods, path }) =>
    method === "*" ? [path] : methods.map((method) => `${method} ${path}`)
  )
  const shown = endpoint.length > longestShown ? `${endpoint.slice(0, longestShown)}…` : endpoint
  return Option.some(`the sandbox has no endpoint "${shown}": did you mean "${nearest(endpoint.trim(), known)}"?`)
}

const longestShown = 80
