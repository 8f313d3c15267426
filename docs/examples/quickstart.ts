// The main job, from a new user to a deleted one. `npm start` runs it over a sandbox in memory, with no account; with
// SUPRSEND_WORKSPACE_KEY and SUPRSEND_WORKSPACE_SECRET set, the same program talks to the real service.
import { NodeTerminal } from "@effect/platform-node"
import { Config, type ConfigError, Console, Effect, Layer, Option, pipe, Stream } from "effect"
import * as Bulk from "effect-suprsend/Bulk"
import * as Sandbox from "effect-suprsend/Sandbox"
import * as Suprsend from "effect-suprsend/Suprsend"
import * as SuprsendClient from "effect-suprsend/SuprsendClient"
import {
  addEmail,
  addSlack,
  addSms,
  append,
  edit,
  increment,
  set,
  setOnce,
  setPreferredLanguage,
  setTimezone
} from "effect-suprsend/UserEdit"
import * as UsersService from "effect-suprsend/UsersService"

const ada = pipe(
  edit("quickstart-ada"),
  addEmail("ada@example.com"),
  addSms("+15555555555"),
  addSlack({ user_id: "U03XXXXXXXX", access_token: "xoxb-not-a-real-token" }),
  setTimezone("Europe/London"),
  set({ name: "Ada", plan: "free" }),
  setOnce("first_login", "2021-11-02")
)

const signups = Stream.range(1, 10_000).pipe(
  Stream.map((n) => pipe(edit(`quickstart-${n}`), addEmail(`${n}@example.com`), set("cohort", "quickstart")))
)

const main = Effect.gen(function*() {
  const users = yield* UsersService.UsersService

  yield* Console.log("\n1. Create a user with an edit, queued by SuprSend")
  yield* Console.log(ada.toString())
  const accepted = yield* users.asyncEdit(ada)
  yield* Console.log(`   ${accepted.statusCode} ${accepted.message}, as event ${accepted.insertId}`)

  yield* Console.log("\n2. Edit the user again, applied at once")
  yield* users.edit(pipe(
    edit("quickstart-ada"),
    set("plan", "pro"),
    increment("login_count", 1),
    append("played_games", "game_1"),
    setPreferredLanguage("en")
  ))
  yield* Console.log("   done")

  yield* Console.log("\n3. Send 10,000 users in bulk")
  const report = yield* users.bulkEditStream(signups).pipe(Bulk.progress({ total: 10_000 }), Stream.run(Bulk.sink))
  yield* Console.log(`   ${report}`)

  yield* Console.log("\n4. Read the user back")
  const read = yield* users.get("quickstart-ada")
  yield* Console.log(
    `   plan ${read.properties.plan}, ${read.properties.login_count} login, ` +
      `e-mail ${read.channels.$email?.map((email) => email.value)}, time zone ${read.properties.$timezone}`
  )

  yield* Console.log("\n5. What the user is subscribed to")
  const objects = yield* Stream.runCollect(users.objectsSubscribedToStream("quickstart-ada"))
  const lists = yield* Stream.runCollect(users.listsSubscribedToStream("quickstart-ada"))
  yield* Console.log(`   objects: ${Array.from(objects, (object) => object.objectId).join(", ") || "none"}`)
  yield* Console.log(`   lists: ${Array.from(lists, (list) => list.listId).join(", ") || "none"}`)

  yield* Console.log("\n6. Delete the user, and see that it is gone")
  yield* users.delete("quickstart-ada")
  yield* users.get("quickstart-ada").pipe(
    Effect.catchTag("SuprsendUserNotFound", (error) => Console.log(`   ${error.message}`))
  )
})

const overSandbox = Layer.effectDiscard(
  Effect.gen(function*() {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.subscribeToObject("quickstart-ada", { objectType: "departments", objectId: "engineering" })
    yield* sandbox.subscribeToList("quickstart-ada", { listId: "product_updates" })
    yield* Console.log("Talking to a sandbox in memory (set SUPRSEND_WORKSPACE_KEY and _SECRET for the real service).")
  })
).pipe(
  Layer.provideMerge(UsersService.layer),
  Layer.provide(SuprsendClient.layer(Sandbox.credentials)),
  Layer.provideMerge(Sandbox.layer)
)

const overNetwork = Layer.merge(
  Suprsend.layerConfig(),
  Layer.effectDiscard(Console.log("Talking to the real SuprSend: this makes 10,000 users in that workspace."))
)

const hasCredentials = Config.all([Config.string("SUPRSEND_WORKSPACE_KEY"), Config.string("SUPRSEND_WORKSPACE_SECRET")])

const suprsend = Layer.unwrapEffect(
  Effect.map(
    Config.option(hasCredentials),
    (found): Layer.Layer<UsersService.UsersService, ConfigError.ConfigError> =>
      Option.isSome(found) ? overNetwork : overSandbox
  )
)

Effect.runPromise(Effect.provide(main, Layer.merge(suprsend, NodeTerminal.layer))).catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
})
