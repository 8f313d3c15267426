import { describe, expect, it } from "@effect/vitest"
import { PreferencesService } from "effect-suprsend/PreferencesService"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as UserEdit from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { type Inputs, world } from "./utils/calls.js"

/** The rows of the tables: our methods, and the request that they send. */
const rows = Fs.readFileSync(new URL("../docs/endpoints.md", import.meta.url), "utf8").split("\n").flatMap((line) => {
  const [, ours = "", request = ""] = line.split("|")
  const methods = ours.match(/\w+Service\.\w+/g)
  return line.startsWith("|") && methods !== null ? [{ methods, request: request.replaceAll("`", "").trim() }] : []
})

const documented = new Set(rows.flatMap(({ methods }) => methods))

const methods = Effect.map(
  Effect.all({ UsersService, PreferencesService }),
  (services) =>
    Object.entries(services).flatMap(([name, service]) =>
      Object.entries(service)
        .filter(([, member]) => typeof member === "function")
        .map(([method]) => `${name}.${method}`)
    )
)

const inputs: Inputs = {
  id: "id",
  other: "other",
  tenantId: "t",
  insertId: "insert-id",
  edit: UserEdit.edit("id"),
  profile: {},
  page: {},
  filters: {},
  update: {},
  category: "c"
}

describe("docs/endpoints.md", () => {
  it.effect("has a row for every method, and no row for a method that does not exist", () =>
    Effect.gen(function*() {
      expect([...documented].sort()).toEqual([...yield* methods].sort())
    }).pipe(Effect.provide(Suprsend.layerTest)))

  it("has one row for every endpoint", () => {
    const requests = rows.map(({ request }) => request)
    // Only the events are sent one by one as well as many at once.
    expect(requests.filter((request, i) => requests.indexOf(request) !== i)).toEqual(["POST /event/"])
  })

  it.effect("names the request that is sent, and the sandbox answers it", () =>
    Effect.gen(function*() {
      const sandbox = yield* Sandbox.Sandbox
      const sent = new Set<string>()
      for (const [method, call] of yield* world) {
        for (const edit of [UserEdit.edit("id"), UserEdit.edit("id", { tenantId: "t" })]) {
          yield* Effect.flatMap(UsersService, (users) => users.upsertForTenant("id", "t", {}))
          yield* Effect.flatMap(UsersService, (users) => users.upsert("other", {}))
          yield* sandbox.defineCategory({ category: "c" })
          const before = (yield* sandbox.requests).length
          yield* call({ ...inputs, edit })
          for (const request of (yield* sandbox.requests).slice(before)) {
            const path = (request.uri.split("?")[0] ?? "").replace("/id/", "/{id}/").replace("/t/", "/{t}/")
            sent.add(`${method} ${request.method} ${path.replace("/c/", "/{c}/")}`)
          }
        }
      }
      const named = rows.flatMap(({ methods, request }) => methods.map((method) => `${method} ${request}`))
      expect([...sent].sort()).toEqual([...named].sort())
    }).pipe(Effect.provide(Suprsend.layerTest)))
})
