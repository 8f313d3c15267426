import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Sandbox from "../../Sandbox.js"
import * as SandboxServer from "../../SandboxServer.js"
import { version } from "../version.js"
import * as words from "../words.js"
import * as stateFile from "./stateFile.js"

const port = Options.integer("port").pipe(
  Options.withDefault(8787),
  Options.withDescription("Where to listen; 0 is any port that is free")
)

const host = Options.text("host").pipe(
  Options.withDefault("127.0.0.1"),
  Options.withDescription("The address to listen at; with another one than this, others in the network can reach it")
)

const state = Options.text("state").pipe(
  Options.withDescription("A file in which the users survive a restart"),
  Options.optional
)

const banner = ({ options, url }: SandboxServer.SandboxServer.Service) =>
  `SuprSend sandbox at ${url}, which shows what is in it

  export SUPRSEND_BASE_URL=${url}
  export SUPRSEND_WORKSPACE_KEY=${options.workspaceKey}
  export SUPRSEND_WORKSPACE_SECRET=${Redacted.value(options.workspaceSecret)}

Ctrl-C ends it.
`

/**
 * One line for one request.
 *
 * @internal
 */
export const line = (
  { events, method, millis, status, uri }: SandboxServer.SandboxServer.Exchange,
  at: DateTime.DateTime
): string => {
  // Whoever calls can put anything into a path, but not into this terminal.
  const path = uri.replace(/[^\x21-\x7e]/g, "?")
  return [
    DateTime.formatIsoZoned(DateTime.unsafeMakeZoned(at, { timeZone: "UTC" })).slice(11, 19),
    method.padEnd(6),
    status === undefined ? "cut" : String(status),
    `${millis} ms`.padStart(7),
    path,
    ...(events === undefined ? [] : [`(${words.count(events, "event")})`])
  ].join("  ")
}

const sandbox = Command.make("sandbox", { port, host, state }, ({ host, port, state }) =>
  Effect.gen(function*() {
    const server = yield* SandboxServer.SandboxServer
    const { snapshot } = yield* Sandbox.Sandbox
    if (Option.isSome(state)) yield* stateFile.keep(state.value)
    yield* Console.log(banner(server))
    const saves = Option.match(state, {
      onNone: () => Stream.empty,
      onSome: (file) =>
        Stream.mapEffect(Stream.debounce(server.exchanges, "300 millis"), () =>
          Effect.flatMap(snapshot, (text) => stateFile.write(file, text)))
    })
    const lines = Stream.mapEffect(server.exchanges, (exchange) =>
      Effect.flatMap(DateTime.now, (now) =>
        Console.log(line(exchange, now))))
    yield* Stream.runDrain(Stream.merge(lines, saves))
  }).pipe(
    Effect.scoped,
    Effect.provide(SandboxServer.layer({ host, port })),
    Effect.catchTag("ServeError", (error) =>
      Effect.fail(new stateFile.Trouble({ message: `cannot listen at ${host}:${port}: ${causeOf(error.cause)}` })))
  )).pipe(Command.withDescription("Run SuprSend on this machine, to try things out and to test against"))

const causeOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

const program = Command.run(
  Command.make("effect-suprsend").pipe(
    Command.withDescription("Tools of effect-suprsend"),
    Command.withSubcommands([sandbox])
  ),
  { name: "effect-suprsend", version }
)

/** @internal */
export const run = (argv: ReadonlyArray<string>): void =>
  NodeRuntime.runMain(
    program(argv).pipe(
      Effect.catchTag("Trouble", ({ message }) => Effect.zipRight(Console.error(message), exitWith1)),
      Effect.provide(Layer.mergeAll(NodeContext.layer))
    ),
    { disableErrorReporting: true }
  )

const exitWith1 = Effect.sync(() => {
  process.exitCode = 1
})
