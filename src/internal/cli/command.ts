import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Runtime from "@effect/platform/Runtime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Ref from "effect/Ref"
import * as Stream from "effect/Stream"
import * as SandboxServer from "../../SandboxServer.js"
import { version } from "../client/version.js"
import * as format from "../support/format.js"
import { backfill } from "./backfill.js"
import { CommandError } from "./commandError.js"
import * as stateFile from "./stateFile.js"

const port = Options.integer("port").pipe(
  Options.withDefault(8787),
  Options.withDescription("The port to listen on; 0 picks a free one")
)

const host = Options.text("host").pipe(
  Options.withDefault("127.0.0.1"),
  Options.withDescription("The address to listen on; other machines can reach any address but the default")
)

const state = Options.text("state").pipe(
  Options.withDescription("A file that keeps the users across restarts"),
  Options.optional
)

const banner = ({ apiKeyOptions, options, url }: SandboxServer.SandboxServer.Service) =>
  `SuprSend sandbox at ${url}, open it in a browser to see the data

  export SUPRSEND_BASE_URL=${url}
  export SUPRSEND_WORKSPACE_KEY=${options.workspaceKey}
  export SUPRSEND_WORKSPACE_SECRET=${Redacted.value(options.workspaceSecret)}

With an API key instead of key and secret:

  export SUPRSEND_API_KEY=${Redacted.value(apiKeyOptions.apiKey)}
  export SUPRSEND_WORKSPACE_UID=${apiKeyOptions.workspaceUid}

Ctrl-C ends it.
`

/**
 * Formats a request as one line.
 *
 * @internal
 */
export const line = (
  { events, method, millis, status, uri }: SandboxServer.SandboxServer.Exchange,
  at: DateTime.DateTime
): string => {
  // Control characters in a path must not reach the terminal.
  const path = uri.replace(/[^\x21-\x7e]/g, "?")
  return [
    DateTime.formatIsoZoned(DateTime.unsafeMakeZoned(at, { timeZone: "UTC" })).slice(11, 19),
    method.padEnd(6),
    status === undefined ? "cut" : String(status),
    `${millis} ms`.padStart(7),
    path,
    ...(events === undefined ? [] : [`(${format.count(events, "event")})`])
  ].join("  ")
}

const sandbox = Command.make("sandbox", { port, host, state }, ({ host, port, state }) =>
  Effect.gen(function*() {
    if (port < 0 || port > 65_535) {
      return yield* new CommandError({ message: `--port must be a whole number from 0 to 65535, got ${port}` })
    }
    if (host.trim() === "") {
      return yield* new CommandError({
        message: "--host must not be empty: that would be every address of this machine"
      })
    }
    const { restore, saves } = Option.isSome(state) ? yield* persist(state.value) : notPersisted
    const context = yield* Layer.build(SandboxServer.layerFrom({ host, port }, restore))
    const server = Context.get(context, SandboxServer.SandboxServer)
    yield* Console.log(banner(server))
    const lines = Stream.runForEach(
      server.exchanges,
      (exchange) => Effect.flatMap(DateTime.now, (now) => Console.log(line(exchange, now)))
    )
    yield* Effect.zipRight(lines, saves, { concurrent: true })
  }).pipe(
    Effect.scoped,
    Effect.catchTag(
      "ServeError",
      (error) => Effect.fail(new CommandError({ message: `cannot listen at ${host}:${port}: ${causeOf(error.cause)}` }))
    )
  )).pipe(Command.withDescription("Run a local SuprSend server, for trials and tests"))

const causeOf = (cause: unknown): string => cause instanceof Error ? cause.message : String(cause)

/** The effects that keep the state across restarts. */
interface Persistence {
  /** Reads the state. */
  readonly restore: (prepared: SandboxServer.Prepared) => Effect.Effect<void, CommandError>
  /** Writes the state whenever it may have changed. */
  readonly saves: Effect.Effect<void>
}

const notPersisted: Persistence = { restore: () => Effect.void, saves: Effect.void }

/** Keeps the state in a file. It is written a last time after the server has closed. */
const persist = (file: string) =>
  Effect.gen(function*() {
    const { read, write } = yield* stateFile.open(file)
    const preparedRef = yield* Ref.make(Option.none<SandboxServer.Prepared>())
    const withPrepared = <E>(use: (prepared: SandboxServer.Prepared) => Effect.Effect<void, E>) =>
      Effect.flatMap(Ref.get(preparedRef), Option.match({ onNone: () => Effect.void, onSome: use }))
    const save = withPrepared(({ sandbox }) =>
      sandbox.snapshot.pipe(
        // The state may exceed the maximum length of a string.
        Effect.catchAllDefect((defect) => Effect.fail(new CommandError({ message: `${file}: ${causeOf(defect)}` }))),
        Effect.flatMap(write)
      )
    )
    yield* Effect.addFinalizer(() => Effect.catchAll(save, failWith))
    const lastMessage = yield* Ref.make("")
    // A later save may succeed, for example if the disk is no longer full.
    const trySave = Effect.catchAll(save, ({ message }) =>
      Effect.flatMap(
        Ref.getAndSet(lastMessage, message),
        (last) => last === message ? Effect.void : Console.error(message)
      ))
    const persistence: Persistence = {
      restore: (prepared) =>
        Effect.gen(function*() {
          const text = yield* read
          if (Option.isSome(text)) {
            yield* Effect.mapError(prepared.sandbox.restore(text.value), ({ paths }) => invalidState(file, paths))
          }
          yield* Ref.set(preparedRef, Option.some(prepared))
        }),
      saves: withPrepared(({ changes }) =>
        changes.pipe(
          Stream.buffer({ capacity: 1, strategy: "sliding" }),
          // Spends at most a tenth of the time on writing, so that a large state stays usable.
          Stream.runForEach(() =>
            Effect.sleep("300 millis").pipe(
              Effect.zipRight(Effect.timed(trySave)),
              Effect.flatMap(([took]) => Effect.sleep(Duration.times(took, 9)))
            )
          )
        )
      )
    }
    return persistence
  })

const invalidState = (file: string, paths: ReadonlyArray<string>): CommandError =>
  new CommandError({
    message: paths.some((path) => path.startsWith("state."))
      ? `${file} holds an invalid state (${paths[0]}): fix it, name another file, or remove it`
      : `${file} does not hold a state of this version of the sandbox: name another file, or remove it`
  })

const program = Command.run(
  Command.make("effect-suprsend").pipe(
    Command.withDescription("Tools of effect-suprsend"),
    Command.withSubcommands([sandbox, backfill])
  ),
  { name: "effect-suprsend", version }
)

/** @internal */
export const run = (argv: ReadonlyArray<string>): void =>
  NodeRuntime.runMain(
    program(argv).pipe(
      Effect.catchTag("CommandError", failWith),
      // Without this, a defect would end the process without a message.
      Effect.catchAllDefect((defect) =>
        Effect.zipRight(Console.error(Cause.pretty(Cause.die(defect), { renderErrorCause: true })), exitWith1)
      ),
      Effect.provide(NodeContext.layer)
    ),
    {
      disableErrorReporting: true,
      teardown: (exit, onExit) => Runtime.defaultTeardown(exit, (code) => onExit(code === 0 ? exitCode() : code))
    }
  )

const exitWith1 = Effect.sync(() => {
  process.exitCode = 1
})

const exitCode = (): number => Number(process.exitCode ?? 0)

const failWith = ({ message }: CommandError): Effect.Effect<void> => Effect.zipRight(Console.error(message), exitWith1)
