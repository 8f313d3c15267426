// What the quickstart talks to, and the question before it makes users in a real workspace.
import { HttpClient, Terminal } from "@effect/platform"
import { Config, Data, Effect, Option } from "effect"
import * as SuprsendConfig from "effect-suprsend/SuprsendConfig"

export type Target = Data.TaggedEnum<{
  /** A sandbox in this process. */
  InMemory: Record<never, never>
  /** A sandbox that runs as a server, such as `npm run sandbox`. */
  SandboxServer: { readonly baseUrl: string }
  /** A workspace, in which there may be users. */
  Workspace: { readonly baseUrl: string }
}>
export const Target = Data.taggedEnum<Target>()

const isSet = (name: string) =>
  Config.map(Config.option(Config.string(name)), (value) => Option.exists(value, (text) => text.trim() !== ""))

const hasCredentials = Config.map(
  Config.all([
    isSet("SUPRSEND_WORKSPACE_KEY"),
    isSet("SUPRSEND_WORKSPACE_SECRET"),
    isSet("SUPRSEND_API_KEY"),
    isSet("SUPRSEND_WORKSPACE_UID")
  ]),
  (set) => set.includes(true)
)

/** A sandbox serves its faults beside the API; SuprSend has nothing there. */
const isSandbox = (baseUrl: string) =>
  HttpClient.get(new URL("_sandbox/faults", baseUrl)).pipe(
    Effect.flatMap((response) => response.json),
    Effect.map(Array.isArray),
    Effect.timeout("5 seconds"),
    Effect.orElseSucceed(() => false),
    Effect.scoped
  )

/** Where the variables of the environment lead. */
export const find = Effect.gen(function*() {
  if (!(yield* hasCredentials)) return Target.InMemory()
  const { baseUrl = "https://hub.suprsend.com/" } = yield* SuprsendConfig.config
  return URL.canParse(baseUrl) && (yield* isSandbox(baseUrl))
    ? Target.SandboxServer({ baseUrl })
    : Target.Workspace({ baseUrl })
})

/** The sentence that ends the quickstart before it has sent anything. */
export class NotConfirmed extends Data.TaggedError("NotConfirmed")<{ readonly message: string }> {}

/** Asks at a terminal, and refuses where there is none to ask at. */
export const confirm = (question: string, options: { readonly yes: boolean; readonly isInteractive: boolean }) =>
  Effect.gen(function*() {
    if (options.yes) return
    if (!options.isInteractive) {
      return yield* new NotConfirmed({
        message: `${question}. There is no terminal to ask at, so nothing was sent: \`npm start -- --yes\` goes ahead.`
      })
    }
    const terminal = yield* Terminal.Terminal
    yield* terminal.display(`${question}. Go ahead? [y/N] `)
    const answer = yield* Effect.catchTag(terminal.readLine, "QuitException", () => Effect.succeed(""))
    if (!/^y(es)?$/i.test(answer.trim())) return yield* new NotConfirmed({ message: "Nothing was sent." })
  })
