// A backend of promises: SUPRSEND_WORKSPACE_KEY=... SUPRSEND_WORKSPACE_SECRET=... node --import tsx server.ts
import { Effect, ManagedRuntime, Option, pipe } from "effect"
import * as Suprsend from "effect-suprsend/Suprsend"
import { findSuprsendError } from "effect-suprsend/SuprsendError"
import { addEmail, edit } from "effect-suprsend/UserEdit"
import { UsersService } from "effect-suprsend/UsersService"
import * as Http from "node:http"

// One for the whole process: one client, one rate limiter, one set of connections.
const runtime = ManagedRuntime.make(Suprsend.layerConfig())

// An effect in, a promise out. The rest of the program knows only this function.
const signUp = (id: string, email: string) =>
  runtime.runPromise(Effect.flatMap(UsersService, (users) => users.asyncEdit(pipe(edit(id), addEmail(email)))))

/** The status for the caller, and what to say, from what the promise was rejected with. */
const failureOf = (rejection: unknown): readonly [status: number, text: string] =>
  Option.match(findSuprsendError(rejection), {
    onNone: () => [500, "internal error"],
    onSome: (error) => {
      if (error._tag === "InvalidUserEdit") {
        return [
          400,
          error.issues.map(({ message, path }) => `${path.at(-1)} ${message}`).join("; ")
        ]
      }
      return error.retryable ? [503, "try again later"] : [502, "not accepted by SuprSend"]
    }
  })

const server = Http.createServer(async (request, response) => {
  const query = new URL(request.url ?? "/", "http://localhost").searchParams
  try {
    const accepted = await signUp(query.get("id") ?? "", query.get("email") ?? "")
    response.writeHead(202).end(`${accepted.insertId}\n`)
  } catch (rejection) {
    console.error(rejection)
    const [status, text] = failureOf(rejection)
    response.writeHead(status).end(`${text}\n`)
  }
})

// No request comes in any more, those that are being answered end, and then the client closes its connections.
process.once("SIGTERM", () => {
  server.close(async () => {
    await runtime.dispose()
    console.log("closed")
  })
})

// Builds the layer now. Otherwise the first request would, and would be the first to hear of missing credentials.
runtime.runtime().then(
  () => server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => console.log("listening", server.address())),
  (rejection) => {
    console.error(rejection.message)
    process.exitCode = 1
  }
)
