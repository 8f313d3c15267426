// The main job, from a new user to a deleted one. `npm start` runs it over a sandbox in memory, with no account; with
// SUPRSEND_WORKSPACE_KEY and SUPRSEND_WORKSPACE_SECRET set, the same program talks to that workspace. It asks before it makes users
// there, and removes them again when it ends, fails or is interrupted. `npm start -- --yes` does not ask, and `npm start -- --remove`
// only removes.
import { FetchHttpClient } from "@effect/platform"
import { NodeRuntime, NodeTerminal } from "@effect/platform-node"
import { Console, Effect, Exit, Layer, pipe, Schedule, Stream } from "effect"
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
import * as Target from "./target.js"

const ada = pipe(
  edit("quickstart-ada"),
  addEmail("ada@example.com"),
  addSms("+15555555555"),
  addSlack({ user_id: "U03XXXXXXXX", access_token: "xoxb-not-a-real-token" }),
  setTimezone("Europe/London"),
  set({ name: "Ada", plan: "free" }),
  setOnce("first_login", "2021-11-02")
)

const count = 10_000
const ids = Array.from({ length: count }, (_, n) => `quickstart-${n + 1}`)
const signups = Stream.fromIterable(ids).pipe(
  Stream.map((id) => pipe(edit(id), addEmail(`${id}@example.com`), set("cohort", "quickstart")))
)

const job = Effect.gen(function*() {
  const users = yield* UsersService.UsersService

  yield* Console.log("\n1. Create a user with an edit, queued by SuprSend")
  yield* Console.log(ada.toString())
  const accepted = yield* users.asyncEdit(ada)
  yield* Console.log(`   ${accepted.status} ${accepted.message}, as event ${accepted.insertId}`)

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
  const report = yield* users.bulkEditStream(signups).pipe(Bulk.progress({ total: count }), Stream.run(Bulk.sink))
  yield* Console.log(`   ${report}`)

  yield* Console.log("\n4. Read the user back")
  const read = yield* users.get("quickstart-ada")
  yield* Console.log(
    `   plan ${read.properties.plan}, ${read.properties.login_count} login, ` +
      `e-mail ${read.channels.$email?.map((email) => email.value)}, time zone ${read.properties.$timezone}`
  )

  yield* Console.log("\n5. What the user is subscribed to")
  const objects = yield* Stream.runCollect(users.getObjectsSubscribedToStream("quickstart-ada"))
  const lists = yield* Stream.runCollect(users.getListsSubscribedToStream("quickstart-ada"))
  yield* Console.log(`   objects: ${Array.from(objects, (object) => object.objectId).join(", ") || "none"}`)
  yield* Console.log(`   lists: ${Array.from(lists, (list) => list.listId).join(", ") || "none"}`)

  yield* Console.log("\n6. Delete the user, and see that it is gone")
  yield* users.delete("quickstart-ada")
  yield* users.get("quickstart-ada").pipe(
    Effect.catchTag("SuprsendUserNotFound", (error) => Console.log(`   ${error.message}`))
  )
})

// SuprSend applies events a little later than it accepts them: a user that is deleted too early comes back.
const lastIsThere = Effect.flatMap(UsersService.UsersService, (users) => users.get(`quickstart-${count}`)).pipe(
  Effect.retry({
    while: (error) => error._tag === "SuprsendUserNotFound",
    schedule: Schedule.spaced("1 second"),
    times: 60
  }),
  Effect.ignore
)

const remove = Effect.gen(function*() {
  const users = yield* UsersService.UsersService
  const { failure, success } = yield* users.bulkDelete(["quickstart-ada", ...ids])
  yield* Console.log(
    failure === 0
      ? `   removed all ${success.toLocaleString("en")} users of this program`
      : `   ${failure} of ${success + failure} users are left: \`npm start -- --remove\` removes them`
  )
})

const removeAfter = (exit: Exit.Exit<unknown, unknown>) =>
  Effect.gen(function*() {
    yield* Console.log("\n7. Remove the 10,000 users")
    if (Exit.isSuccess(exit)) return yield* Effect.zipRight(lastIsThere, remove)
    yield* remove
    yield* Console.log("   What SuprSend has accepted but not applied yet may still come: see `npm start -- --remove`.")
  })

const overSandbox = Layer.effectDiscard(
  Effect.gen(function*() {
    const sandbox = yield* Sandbox.Sandbox
    yield* sandbox.subscribeToObject("quickstart-ada", { objectType: "departments", objectId: "engineering" })
    yield* sandbox.subscribeToList("quickstart-ada", { listId: "product_updates" })
  })
).pipe(
  Layer.provideMerge(UsersService.layer),
  Layer.provide(SuprsendClient.layer(Sandbox.credentials)),
  Layer.provideMerge(Sandbox.layer)
)

const main = (args: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const target = yield* Target.find
    yield* Console.log(Target.Target.$match(target, {
      InMemory: () =>
        "Talking to a sandbox in memory (set SUPRSEND_WORKSPACE_KEY and _SECRET for a workspace of yours).",
      SandboxServer: ({ baseUrl }) => `Talking to the sandbox at ${baseUrl}.`,
      Workspace: ({ baseUrl }) => `Talking to a real workspace, at ${baseUrl}.`
    }))
    const isReal = target._tag === "Workspace"
    const removeOnly = args.includes("--remove")
    if (isReal && !removeOnly) {
      yield* Target.confirm("This makes 10,000 users in that workspace, and removes them again at the end", {
        yes: args.includes("--yes"),
        isInteractive: process.stdin.isTTY && process.env.CI === undefined
      })
    }
    const program = removeOnly ? remove : Effect.onExit(job, removeAfter)
    yield* target._tag === "InMemory"
      ? Effect.provide(program, overSandbox)
      : Effect.provide(program, Suprsend.layerConfig())
  })

main(process.argv.slice(2)).pipe(
  Effect.provide(Layer.merge(FetchHttpClient.layer, NodeTerminal.layer)),
  Effect.tapError((error) => Effect.sync(() => console.error(error.message))),
  NodeRuntime.runMain({ disableErrorReporting: true })
)
